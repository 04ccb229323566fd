"""A thousand seeded logins through a bad network: nearly all connect, none hangs, none storms, none skips a gate."""

from lotor.ike.events import ChildUp, Ended
from lotor.ike.questions import Install
from peers.world import CheapRandomness, connect, is_up, pair

RUNS = 1000
MOST_SENDS = 250
"""Datagrams of one host in one login, fragments and all: each message sent fifteen times at the very most."""


def _login(seed: int):
    world, gateway, client = pair(seed, CheapRandomness, loss=0.30, duplication=0.05, reordering=0.10)
    gateway.slow = world.random.choice((0.0, 0.5, 5.0))
    connect(world, client, gateway)
    for _ in range(world.random.randrange(3)):
        world.later(world.random.random() * 10, lambda: world.rebind(client))
    done = world.run(300, lambda: (is_up(client) and is_up(gateway)) or bool(client.of(Ended)))
    return world, gateway, client, done


def test_a_thousand_logins_in_a_bad_network():
    connected, stuck, storms, took = 0, [], [], []
    for seed in range(RUNS):
        world, gateway, client, done = _login(seed)
        up = is_up(client) and is_up(gateway)
        connected += up
        if up:
            took.append(world.now - 1000)
        if not done:
            stuck.append(seed)
        if max(client.sent, gateway.sent) > MOST_SENDS:
            storms.append((seed, client.sent, gateway.sent))
        _no_gate_was_skipped(gateway)
    took.sort()
    report = (
        f"{connected} of {RUNS} connected, median {took[len(took) // 2]:.1f} s, p99 {took[len(took) * 99 // 100]:.1f} s"
    )
    assert connected >= RUNS * 0.999, report
    assert not stuck, stuck
    assert not storms, storms


def _no_gate_was_skipped(gateway) -> None:
    installed = {question.child.session for question in gateway.questions if isinstance(question, Install)}
    assert installed <= gateway.accepted
    assert {event.session for event in gateway.of(ChildUp)} <= gateway.accepted


def test_sessions_that_do_not_come_up_leave_nothing():
    world, gateway, client = pair(5, CheapRandomness, loss=1.0)
    connect(world, client, gateway)
    assert world.run(300, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.text.startswith("no answer from 192.0.2.50 after")
    assert client.endpoint.deadline() is None
