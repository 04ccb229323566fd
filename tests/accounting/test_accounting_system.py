"""`accounting system`: login records of the host, as last(1) and utmpdump(1) read them."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lotor.accounting import system
from lotor.accounting.system import DEAD_PROCESS, USER_PROCESS, SystemAccounts, _Utmpx
from lotor.ports.accounting import Record, Status
from ports.test_ports_accounting import ALICE, BOB, GONE, USAGE


def take(file, *records):
    async def play():
        keeper = SystemAccounts(file)
        for each in records:
            await keeper.take(each)

    asyncio.run(play())


def entries(file):
    size, octets = ctypes.sizeof(_Utmpx), file.read_bytes()
    assert len(octets) % size == 0
    return [_Utmpx.from_buffer_copy(octets, start) for start in range(0, len(octets), size)]


@pytest.fixture
def wtmp(tmp_path):
    file = tmp_path / "wtmp"
    file.touch()
    return file


def records(account):
    start = Record(Status.START, 1764415800.5, account)
    return start, replace(start, status=Status.STOP, at=1764419400.0, usage=USAGE, why=GONE)


def test_a_session_is_a_login_and_a_logout(wtmp):
    start, stop = records(ALICE)
    take(wtmp, Record(Status.ON, 1.0), start, replace(start, status=Status.INTERIM, usage=USAGE), stop)
    login, logout = entries(wtmp)
    assert (login.type, login.user, login.line, login.host) == (USER_PROCESS, b"alice", b"vpn1", b"198.51.100.7")
    assert (login.seconds, login.microseconds, login.id) == (1764415800, 500000, b"1")
    assert bytes(login.address[:4]) == ALICE.source.address.packed
    assert (logout.type, logout.user, logout.line, logout.seconds) == (DEAD_PROCESS, b"", b"vpn1", 1764419400)


def test_a_record_is_of_the_size_that_this_host_has(wtmp):
    take(wtmp, *records(ALICE))
    own = Path("/var/log/wtmp")
    known = own.stat().st_size if own.exists() else 0
    assert known % ctypes.sizeof(_Utmpx) == 0


@pytest.mark.skipif(shutil.which("last") is None, reason="this host has no last(1)")
def test_last_shows_who_was_there_and_for_how_long(wtmp):
    take(wtmp, *records(ALICE), records(BOB)[0])
    told = subprocess.run(["last", "-f", wtmp], capture_output=True, text=True, check=True, env={"TZ": "UTC"}).stdout
    alice = next(line for line in told.splitlines() if line.startswith("alice"))
    assert alice.split()[1:3] == ["vpn1", "198.51.100.7"]
    assert "(01:00)" in alice
    bob = next(line for line in told.splitlines() if line.startswith("bob"))
    assert "vpn2" in bob


def test_a_name_that_is_too_long_or_that_a_terminal_obeys_harms_nobody(wtmp):
    take(wtmp, records(replace(ALICE, user="ü" * 40))[0], records(replace(ALICE, user="a\x1b[2J\nroot"))[0])
    long, rogue = entries(wtmp)
    assert long.user.decode() == "ü" * 16
    assert rogue.user == b"a?[2J?root"


def test_a_host_without_the_file_is_told_once_and_keeps_no_record_waiting(tmp_path, caplog):
    take(tmp_path / "wtmp", *records(ALICE))
    assert caplog.text.count("sessions stand in the journal only") == 1
    assert not (tmp_path / "wtmp").exists()


def test_a_file_that_takes_nothing_is_said_and_the_record_waits():
    with pytest.raises(OSError, match="does not take a record"):
        take(Path("/dev/full"), records(ALICE)[0])


def test_records_that_are_written_side_by_side_are_all_there(wtmp):
    async def play():
        keeper = SystemAccounts(wtmp)
        await asyncio.gather(*(keeper.take(records(replace(ALICE, id=f"a-{number}"))[0]) for number in range(200)))

    asyncio.run(play())
    assert sorted(int(each.line.removeprefix(b"vpn")) for each in entries(wtmp)) == list(range(200))


def test_whoever_keeps_the_file_locked_holds_up_no_thread_and_loses_no_record(wtmp, monkeypatch):
    """Everybody who may read it can."""
    monkeypatch.setattr(system, "PAUSE", 0.0)
    with wtmp.open() as reader:
        fcntl.fcntl(reader, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))
        with pytest.raises(OSError, match="is locked by another program"):
            take(wtmp, records(ALICE)[0])
    take(wtmp, records(ALICE)[0])
    assert len(entries(wtmp)) == 1


def test_a_record_that_another_program_left_in_half_is_written_over(wtmp):
    wtmp.write_bytes(bytes(100))
    take(wtmp, *records(ALICE))
    assert [each.line for each in entries(wtmp)] == [b"vpn1", b"vpn1"]
