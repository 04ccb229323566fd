"""What somebody on the way recorded and sends again, to the same end or back to the one that wrote it: the hash of an
informational message tells neither direction nor time."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.effects import Transmit
from lotor.ike.events import Dropped, PathChanged, Remark
from lotor.ike.v1 import informational, sa_pairs
from lotor.ike.v1.exchanges import FINISHED_AT_MOST
from lotor.model.network import Peer
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.numbers import ExchangeType, NotifyType
from lotor.wire.v1.payloads import Notification
from peers.world import connect, is_up, pair

ELSEWHERE = Peer(IPv4Address("203.0.113.66"), 4500)
REFUSAL = Notification(NotifyType.NO_PROPOSAL_CHOSEN)


class Up:
    """Client and gateway with a tunnel; what an end says of its own accord goes to whoever records it."""

    def __init__(self):
        self.world, self.gateway, self.client = pair()
        connect(self.world, self.client, self.gateway)
        self.world.run(5, lambda: is_up(self.gateway) and is_up(self.client))
        self.world.run(2)

    def session(self, host):
        (session,) = host.endpoint._sessions.by_id.values()
        return session

    def recorded(self, host, say):
        say(self.session(host))
        (data,) = [each.data for each in host.endpoint._context.drain() if isinstance(each, Transmit)]
        return data

    def arrives(self, host, data, remote=ELSEWHERE, after=1.0):
        path = replace(self.session(host).path, remote=remote)
        return host.endpoint.receive(data, path, self.world.now + after)


def events(effects, kind):
    return [each.event for each in effects if isinstance(getattr(each, "event", None), kind)]


@pytest.mark.parametrize("name", ["client", "gateway"])
def test_a_probe_that_is_sent_back_moves_nobody_and_is_no_sign_of_life(name):
    up = Up()
    host = getattr(up, name)
    session = up.session(host)
    probe = up.recorded(host, lambda each: each.life.voice.probe())
    path, life = session.path, session.liveness._life
    effects = up.arrives(host, probe)
    assert (session.path, session.liveness._life) == (path, life)
    assert not events(effects, PathChanged)
    assert not [each for each in effects if isinstance(each, Transmit)], "nor is it answered there"


@pytest.mark.parametrize("name", ["client", "gateway"])
def test_probes_of_the_peer_count_after_one_of_ours_was_sent_back(name):
    up = Up()
    host, other = (up.client, up.gateway) if name == "client" else (up.gateway, up.client)
    up.arrives(host, up.recorded(host, lambda each: each.life.voice.probe()))
    theirs = up.recorded(other, lambda each: each.life.voice.probe())
    before = up.session(host).liveness._life
    effects = up.arrives(host, theirs, up.session(host).path.remote, after=3.0)
    assert up.session(host).liveness._life > before
    assert [each for each in effects if isinstance(each, Transmit)]


def rekeying(up):
    session = up.session(up.client)
    (child,) = session.children
    sa_pairs.rekey(session, child, up.world.now + 2)
    up.client.endpoint._context.drain()
    return lambda: len(session.exchanges.running(ExchangeType.QUICK))


def test_a_refusal_counts_once():
    """It came while nothing was under way, and comes again when something is."""
    up = Up()
    refusal = up.recorded(up.gateway, lambda each: informational.say(each, REFUSAL))
    assert events(up.arrives(up.client, refusal, up.session(up.client).path.remote), Dropped)
    running = rekeying(up)
    assert running() == 1
    up.arrives(up.client, refusal, after=3.0)
    assert running() == 1
    fresh = up.recorded(up.gateway, lambda each: informational.say(each, REFUSAL))
    up.arrives(up.client, fresh, up.session(up.client).path.remote, after=4.0)
    assert running() == 0, "the peer's next one does"


def test_a_refusal_of_our_own_that_is_sent_back_refuses_nothing():
    up = Up()
    ours = up.recorded(up.client, lambda each: informational.say(each, REFUSAL))
    running = rekeying(up)
    up.arrives(up.client, ours, after=3.0)
    assert running() == 1


def test_what_is_remembered_of_refusals_is_bounded():
    up = Up()
    table = up.session(up.client).exchanges
    assert all(table.is_new_error(number) for number in range(1000))
    assert len(table._errors) == FINISHED_AT_MOST
    assert not table.is_new_error(999)


def test_dozens_of_notifies_in_clear_are_a_few_remarks():
    world, gateway, client = pair()
    connect(world, client, gateway)
    (session,) = client.endpoint._sessions.by_id.values()
    header = session.header(ExchangeType.INFORMATIONAL, 7)
    notes = [Notification(NotifyType.CONNECTED + 100 + number) for number in range(60)]
    effects = client.endpoint.receive(build_message(header, *build_chain(notes)), session.path, world.now)
    assert 0 < len(events(effects, Remark)) <= informational.MOST_NOTIFIES
