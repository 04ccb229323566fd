"""Sockets of port 500 over a reload: sessions keep theirs, strangers find it closed."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from lotor.model.network import Path, Peer
from lotor.runtime.carriers import Carriers

INSIDE, OUTSIDE, STRANGER = "192.0.2.50", "198.51.100.7", "203.0.113.9"
REMOTE = Peer(ip_address(OUTSIDE), 500)


class SocketCarrier:
    def __init__(self, address, port=500):
        self.local, self.receive, self.closed, self.sent = Peer(ip_address(address), port), None, False, []

    def start(self, receive):
        self.receive = receive

    def close(self):
        self.closed = True

    def serves(self, path):
        local = path.local
        return local == self.local or (self.local.address == ip_address("0.0.0.0") and local.port == self.local.port)

    def transmit(self, data, path):
        self.sent.append(data)


def path(local=INSIDE, remote=OUTSIDE, *, floated=False):
    return Path(Peer(ip_address(local), 500), Peer(ip_address(remote), 500), floated)


class House:
    def __init__(self, *carriers):
        self.paths, self.heard = [], []
        self.carriers = Carriers(carriers, lambda: self.paths)
        self.carriers.start(lambda data, path: self.heard.append(data))


def test_a_new_door_is_open_and_one_that_nobody_uses_is_shut():
    old, kept, new = SocketCarrier("192.0.2.49"), SocketCarrier(INSIDE), SocketCarrier("192.0.2.51")
    house = House(old, kept)
    house.carriers.replace([kept, new])
    assert (old.closed, kept.closed, new.closed) == (True, False, False)
    new.receive(b"hello", path("192.0.2.51"))
    assert house.heard == [b"hello"]
    assert house.carriers.open == (kept, new)


def test_a_session_keeps_its_door_and_no_stranger_comes_in_by_it():
    old, new = SocketCarrier(INSIDE), SocketCarrier("192.0.2.51")
    house = House(old)
    house.paths = [path()]
    house.carriers.replace([new])
    assert not old.closed
    old.receive(b"known", path())
    old.receive(b"stranger", path(remote=STRANGER))
    house.carriers.transmit(b"answer", path())
    assert (house.heard, old.sent) == ([b"known"], [b"answer"])
    house.paths.clear()
    house.carriers.tidy()
    assert old.closed
    with pytest.raises(OSError, match="no socket listens at"):
        house.carriers.transmit(b"late", path())


def test_a_door_that_another_stands_in_for_is_not_kept():
    everywhere, one = SocketCarrier("0.0.0.0"), SocketCarrier(INSIDE)
    house = House(everywhere)
    house.paths = [path()]
    house.carriers.replace([one])
    assert everywhere.closed
    house.carriers.transmit(b"answer", path())
    assert one.sent == [b"answer"]


def test_a_session_behind_a_nat_needs_no_door():
    old, new = SocketCarrier(INSIDE), SocketCarrier("192.0.2.51")
    house = House(old)
    house.paths = [path(floated=True)]
    house.carriers.replace([new])
    assert old.closed


def test_connections_begin_at_open_doors_only():
    old, new = SocketCarrier(INSIDE), SocketCarrier("192.0.2.51")
    house = House(old)
    house.paths = [path()]
    assert house.carriers.towards(REMOTE, ip_address(INSIDE)) == Path(old.local, REMOTE)
    house.carriers.replace([new])
    with pytest.raises(OSError, match=r"see listen \{ isakmp \}"):
        house.carriers.towards(REMOTE, ip_address(INSIDE))
    house.carriers.close()
    assert old.closed
    assert new.closed
