"""How ESP of IKEv2 travels: in UDP through a NAT and natively without one, as every other kernel expects it, also where
IKE is on the ports of NAT traversal for MOBIKE alone, and where a client moves between such networks."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from ike.test_ike_v2_renewals import begun, move, newest, rekey, renew, session
from lotor.ike.events import PathChanged, Rerouted
from lotor.model.child import Encapsulation
from lotor.model.policy import Switch
from peers.auth import client_policy, gateway_policy
from peers.world import connect, is_up, pair

UDP, NATIVE = Encapsulation.UDP, Encapsulation.NONE
NAT = IPv4Address("203.0.113.1")


def policies(**switches):
    """Of both ends, which look for NATs where nothing else is said."""
    made = {"gateway": gateway_policy(), "client": client_policy()}
    return {name: replace(each, nat_traversal=switches.get(name, Switch.ON)) for name, each in made.items()}


def direct(**switches):
    """Both ends are up, with no NAT between them."""
    world, server, person = pair(0, **policies(**switches))
    world.nat.clear()
    connect(world, person, server, "gw.example.org")
    assert world.run(20, lambda: is_up(person) and is_up(server))
    world.run(1)
    return world, server, person


def carried(host):
    """How the engine of this end sends and takes ESP by now, and to where: as it was installed, and told since."""
    child = newest(host)
    path = child.path
    for event in host.events:
        if isinstance(event, PathChanged) and child.id in event.children:
            path = event.new
        if isinstance(event, Rerouted) and child.id in event.children:
            path = event.path
    (record,) = [each.child for each in session(host).children if each.child.id == child.id]
    assert (record.path, record.encapsulation) == (path, Encapsulation.along(path))
    return record.encapsulation, path.remote.address


def test_without_a_nat_esp_goes_natively_although_mobike_moved_ike():
    _, gateway, client = direct()
    assert session(gateway).path.floated
    assert session(client).path.floated
    assert session(client).abilities.mobike
    assert (newest(client).encapsulation, newest(client).path.floated) == (NATIVE, False)
    assert (carried(client), carried(gateway)) == ((NATIVE, gateway.address), (NATIVE, client.address))


def test_through_a_nat_esp_goes_in_udp():
    _, gateway, client = begun(**policies())
    assert (carried(client), carried(gateway)) == ((UDP, gateway.address), (UDP, NAT))


@pytest.mark.parametrize("forces", ["gateway", "client"])
def test_either_end_can_have_udp_without_a_nat(forces):
    _, gateway, client = direct(**{forces: Switch.FORCE})
    assert (carried(client)[0], carried(gateway)[0]) == (UDP, UDP)


@pytest.mark.parametrize("renewing", ["client", "gateway"])
def test_pairs_that_come_later_travel_as_the_first_one(renewing):
    """Also under an IKE SA whose keys are renewed, by either end."""
    world, gateway, client = direct()
    first, end = newest(client).id, {"client": client, "gateway": gateway}[renewing]
    before = session(end).spis
    renew(world, end)
    world.run(5)
    assert session(end).spis != before
    assert (carried(client)[0], carried(gateway)[0]) == (NATIVE, NATIVE)
    rekey(world, end)
    world.run(5)
    assert newest(client).id != first
    assert (carried(client)[0], carried(gateway)[0]) == (NATIVE, NATIVE)
    assert not [*client.of(Rerouted), *gateway.of(Rerouted)]


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_a_client_that_moves_between_networks_with_and_without_nat(loss):
    world, gateway, client = begun(3, **policies(), loss=loss)
    for number, behind in enumerate([None, NAT, None, None, NAT]):
        address = IPv4Address(f"198.51.100.{100 + number}")
        if behind is not None:
            world.nat[address] = behind
        move(world, client, gateway, str(address))
        world.run(20)
        way = (NATIVE, client.address) if behind is None else (UDP, behind)
        assert carried(client) == (way[0], gateway.address)
        assert carried(gateway) == way


def test_a_nat_that_forgets_changes_nothing_but_the_port():
    world, gateway, client = begun(**policies())
    world.rebind(client)
    world.run(60)
    assert (carried(client)[0], carried(gateway)[0]) == (UDP, UDP)
    assert not gateway.of(Rerouted)
