"""A thousand seeded logins through a bad network: nearly all connect, none hangs, none storms, none skips a gate."""

from lotor.ike.events import ChildUp, Ended
from lotor.ike.questions import Install
from peers.campaign import Campaign, login
from peers.world import CheapRandomness, connect, pair


def test_a_thousand_logins_in_a_bad_network():
    campaign = Campaign(1000)
    campaign.run(lambda seed: login(seed, 300, "192.0.2.50"), _no_gate_was_skipped)
    campaign.keeps(0.999)


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
