"""What a gateway that died leaves to the one after it: whom to tell that their sessions are gone."""

from __future__ import annotations

import asyncio
import errno
import os
from ipaddress import ip_address

import pytest

from lotor.daemon.pair import giving
from lotor.daemon.reminding import AT_ONCE, TIMES, remind
from lotor.files.peers import LARGEST, opened
from lotor.ike.events import Ended, PathChanged, Renewed
from lotor.ike.intents import Remind
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.model.reasons.ends import ClosedHere
from lotor.privsep.living import Lent
from lotor.runtime import last_peers
from lotor.runtime.last_peers import MOST, LastPeers
from lotor.runtime.sessions import Register
from scripted import FLOATED, SUITE, established, started

V6 = Path(Peer(ip_address("2001:db8::1"), 4500), Peer(ip_address("2001:db8::99"), 40123), floated=True)
NEVER = Ended(1, ClosedHere(), established=True)


class Gateway:
    """One life of a gateway with this file."""

    def __init__(self, descriptor):
        self.register = Register(lambda: 1.0)
        self.peers = LastPeers(descriptor, self.register.get)
        self.left = self.peers.left()

    def tell(self, event):
        self.register.follow(event)
        self.peers.follow(event)

    def up(self, number=1, path=FLOATED, side=Side.GATEWAY):
        for event in (started(number).event.but(path=path, side=side), *(each.event for each in established())):
            self.tell(event.but(session=number))
        session = self.register.get(number)
        session.cookies, session.path = f"{number:016x}:{number + 1:016x}", path
        self.tell(PathChanged(number, path, path, ()))
        return Remind(number.to_bytes(8, "big"), (number + 1).to_bytes(8, "big"), path)


@pytest.fixture
def file(tmp_path):
    with opened(serves=True, file=tmp_path / "run" / "peers") as descriptor:
        yield descriptor


@pytest.mark.parametrize("path", [FLOATED, V6, Path(FLOATED.local, FLOATED.remote, floated=False)])
def test_what_was_up_when_a_gateway_died_is_told_to_the_next_one_once(file, path):
    before = Gateway(file)
    assert before.left == []
    up = before.up(7, path)
    assert Gateway(file).left == [up]
    assert Gateway(file).left == []


def test_what_ended_is_forgotten_and_its_slot_is_used_again(file):
    before = Gateway(file)
    before.up(1)
    second = before.up(2)
    before.tell(NEVER)
    third = before.up(3)
    assert os.fstat(file).st_size < 3 * 64
    assert Gateway(file).left == [third, second]


def test_a_renewal_and_a_move_are_written_too(file):
    before = Gateway(file)
    before.up(1)
    before.register.follow(started(2).event.but(session=2, side=Side.GATEWAY))
    before.tell(Renewed(1, 2, V6, SUITE, f"{8:016x}:{9:016x}"))
    assert Gateway(file).left == [Remind((8).to_bytes(8, "big"), (9).to_bytes(8, "big"), V6)]


def test_what_this_host_dials_itself_is_nobodys_to_tell(file):
    Gateway(file).up(1, side=Side.CLIENT)
    assert Gateway(file).left == []


def test_more_peers_than_slots_notice_by_themselves(file, monkeypatch):
    monkeypatch.setattr(last_peers, "MOST", 8)
    before = Gateway(file)
    for number in range(1, 20):
        before.up(number)
    assert len(Gateway(file).left) == 8


@pytest.mark.parametrize("octets", [b"\xff" * 54, b"\x04" * 53, b"\x04" + bytes(53), os.urandom(54 * (MOST + 100))])
def test_whatever_stands_in_the_file_is_a_bounded_number_of_peers(file, octets):
    os.write(file, octets)
    assert len(Gateway(file).left) <= MOST
    assert Gateway(file).left == []


def test_one_gateway_at_a_time_has_the_file_and_an_orderly_end_takes_it_away(tmp_path):
    path = tmp_path / "peers"
    with opened(serves=True, file=path) as first, opened(serves=True, file=path) as second:
        assert (first is not None, second) == (True, None)
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()
    with opened(serves=True, file=tmp_path / "file" / "peers") as made:
        assert made is not None, "its directory is made"


def test_a_client_has_no_such_file(tmp_path):
    with opened(serves=False, file=tmp_path / "peers") as descriptor:
        assert descriptor is None
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_gives_no_file_is_no_reason_not_to_serve(tmp_path):
    (tmp_path / "plain").write_text("")
    with opened(serves=True, file=tmp_path / "plain" / "peers") as descriptor:
        assert descriptor is None
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    with opened(serves=True, file=tmp_path / "link") as descriptor:
        assert descriptor is None, "nobody leads it elsewhere"


def test_what_a_daemon_wrote_beyond_all_slots_is_gone_before_the_next_one_begins(file):
    """An owned one can fill the place where the file lies, which is the memory of the host."""
    up = Gateway(file).up(7)
    os.pwrite(file, bytes(64), 16 * 1024 * 1024)
    giving(None, Lent(peers=file))
    assert os.fstat(file).st_size == LARGEST >= MOST * last_peers.SLOT
    assert Gateway(file).left == [up]


def test_a_full_host_is_no_reason_not_to_serve(file, monkeypatch):
    up = Gateway(file).up(7)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert Gateway(file).left == [up]
    monkeypatch.setattr(os, "pread", full)
    assert Gateway(file).left == []


def test_peers_are_told_a_few_at_a_time_and_twice():
    async def story():
        told = []
        peers = [Remind(bytes(8), bytes([each] * 8), FLOATED) for each in range(AT_ONCE + 1)]
        work = asyncio.ensure_future(remind(peers, told.append))
        await asyncio.sleep(0)
        first = len(told)
        await work
        return first, len(told)

    assert asyncio.run(story()) == (AT_ONCE, TIMES * (AT_ONCE + 1))
