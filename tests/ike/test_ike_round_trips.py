"""How long the way to the peer and back is: told only of answers for which the peer needs no person and no sums."""

from __future__ import annotations

import pytest

from lotor.ike.events import LoggedIn, RoundTrip
from peers.world import connect, is_up, pair

WAY = 0.02
"""Seconds, of the world's network; each datagram takes up to twice as long."""


def _up(**faults):
    world, gateway, client = pair()
    for name, value in faults.items():
        setattr(world.network, name, value)
    gateway.slow = 5.0
    connect(world, client, gateway)
    assert world.run(60, lambda: is_up(client) and is_up(gateway))
    return world, gateway, client


def test_a_gateway_knows_it_from_the_end_of_the_login_however_long_that_took():
    _world, gateway, _client = _up()
    (told,) = gateway.of(RoundTrip)
    assert told.session == gateway.of(LoggedIn)[0].session
    assert 2 * WAY <= told.seconds <= 4 * WAY
    assert told.text() == f"the peer answered after {told.seconds:.3f} s"


def test_probes_tell_it_again_and_again_on_a_way_that_gets_longer():
    world, gateway, client = _up()
    world.run(60)
    told = gateway.of(RoundTrip) + client.of(RoundTrip)
    assert len(told) > 2
    assert all(2 * WAY <= each.seconds <= 4 * WAY for each in told)
    world.network.delay = 1.0
    world.run(60)
    later = [each for each in gateway.of(RoundTrip) + client.of(RoundTrip) if each not in told]
    assert later
    assert all(2.0 <= each.seconds <= 4.0 for each in later)


@pytest.mark.parametrize("fault", [{"loss": 0.3}, {"duplication": 1.0}])
def test_an_answer_to_what_was_sent_twice_tells_nothing(fault):
    """A lost message that was sent again would look like a way of seconds; copies of an answer tell it once."""
    world, gateway, client = _up(**fault)
    world.run(300)
    told = client.of(RoundTrip) + gateway.of(RoundTrip)
    assert told
    assert max(each.seconds for each in told) < 1.0
    assert len({(each.session, each.seconds) for each in client.of(RoundTrip)}) == len(client.of(RoundTrip))
