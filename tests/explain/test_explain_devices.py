"""What is at the other end of a session, as far as its first message shows."""

from __future__ import annotations

from ipaddress import IPv4Address

from lotor.explain.devices import Devices
from lotor.ike.events import Chosen, Ended, Names, Offered, Renewed
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.model.reasons.ends import ClosedHere

HERE = Peer(IPv4Address("192.0.2.50"), 500)
STRONGSWAN = Names(("xauth", "dpd", "fragmentation", "rfc3947"))
OURS = Names(("xauth", "unity", "dpd", "rfc3947"))
SIDES = {1: Side.GATEWAY, 2: Side.CLIENT}


def offered(number, vendors):
    return Offered(number, "aggressive mode", Names(("aes-256",)), vendors, "alice", 32)


def test_a_gateway_knows_its_client_and_a_client_its_gateway():
    devices = Devices(SIDES.get)
    devices.follow(offered(1, STRONGSWAN))
    devices.follow(offered(2, OURS))
    assert devices.of(2) == ""
    devices.follow(Chosen(2, "aes-256", "hybrid", OURS))
    assert (devices.of(1), devices.of(2)) == ("strongSwan", "lotor or racoon, probably")


def test_what_nobody_knows_is_empty():
    devices = Devices(SIDES.get)
    devices.follow(offered(1, Names(("\x1b[31m",))))
    devices.follow(offered(9, OURS))
    assert (devices.of(1), devices.of(9), devices.of(7)) == ("", "", "")


def test_an_end_and_a_renewal_leave_nothing_behind():
    devices = Devices(dict.fromkeys((1, 3), Side.GATEWAY).get)
    devices.follow(offered(1, STRONGSWAN))
    devices.follow(offered(3, STRONGSWAN))
    devices.follow(Renewed(1, 3, Path(HERE, HERE), "aes-256", "00"))
    assert (devices.of(1), devices.of(3)) == ("strongSwan", "")
    devices.follow(Ended(1, ClosedHere(), established=True))
    assert devices.of(1) == ""
