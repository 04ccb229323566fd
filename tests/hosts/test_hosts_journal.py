"""The undo journal: written before a change, readable after a crash, refused where others could write."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from lotor.hosts import undo
from lotor.hosts.changes import AddressMade, Machine, ResolvFile, Table
from lotor.hosts.commands import Commands
from lotor.hosts.journal import Journal, journals
from lotor.hosts.netlink import Netlink
from lotor.hosts.owner import Owner
from lotor.hosts.resolvfile import HEADER

MACHINE = Machine()


def a_file(tmp_path, number=1):
    path, elsewhere = tmp_path / f"resolv{number}.conf", tmp_path / f"{number}.resolv"
    return ResolvFile(str(path), str(elsewhere), ["nameserver 10.0.12.1"], "0", first=False)


def test_a_change_stands_in_the_file_before_it_is_made(tmp_path):
    journal = Journal.begin(tmp_path / "run", "0")
    journal.record(a_file(tmp_path))
    assert Journal.load(journal.file).changes == [a_file(tmp_path)]


def test_the_last_line_cut_short_is_ignored(tmp_path):
    journal = Journal.begin(tmp_path / "run", "0")
    journal.record(a_file(tmp_path))
    journal.file.write_text(journal.file.read_text() + '{"change": "Addr')
    assert Journal.load(journal.file).changes == [a_file(tmp_path)]


def test_a_name_is_taken_once(tmp_path):
    Journal.begin(tmp_path / "run", "0")
    with pytest.raises(FileExistsError):
        Journal.begin(tmp_path / "run", "0")


def test_directory_and_file_are_private(tmp_path):
    journal = Journal.begin(tmp_path / "made" / "run", "0")
    assert journal.file.parent.stat().st_mode & 0o777 == 0o700
    assert journal.file.stat().st_mode & 0o777 == 0o600


def test_a_directory_others_may_write_in_is_refused(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match="owner and mode"):
        Journal.begin(tmp_path, "0")


def test_a_directory_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(PermissionError):
        Journal.begin(tmp_path / "link", "0")


def test_undoing_empties_the_directory(tmp_path):
    journal = Journal.begin(tmp_path / "run", "0")
    asyncio.run(undo.make(MACHINE, journal, a_file(tmp_path)))
    assert (tmp_path / "resolv1.conf").read_text().startswith(HEADER)
    assert asyncio.run(undo.undo(MACHINE, journal)) == 1
    assert not (tmp_path / "resolv1.conf").exists()
    assert list(journals(tmp_path / "run")) == []


def test_what_stays_is_kept_and_the_rest_undone(tmp_path, caplog):
    journal = Journal.begin(tmp_path / "run", "0")
    for number in (1, 2, 3):
        (tmp_path / f"resolv{number}.conf").write_text("before\n")
        asyncio.run(undo.make(MACHINE, journal, a_file(tmp_path, number)))
    (tmp_path / "resolv2.conf.before-lotor").unlink()
    assert asyncio.run(undo.undo(MACHINE, journal)) == 2
    assert "resolv2.conf" in caplog.text
    assert Journal.load(journal.file).changes == [a_file(tmp_path, 2)]
    assert [(tmp_path / f"resolv{number}.conf").read_text() for number in (1, 3)] == ["before\n"] * 2


@pytest.mark.parametrize("said", ["nonsense", "{}", "[]", '{"nftables": [{"table": {}}]}'])
def test_a_program_that_says_nonsense_keeps_no_other_change(tmp_path, caplog, said):
    nft = tmp_path / "nft"
    nft.write_text(f"#!/bin/sh\necho '{said}'\n[ $2 = list ]\n")
    nft.chmod(0o755)
    machine = Machine(Netlink(), Commands(str(tmp_path)))
    journal = Journal.begin(tmp_path / "run", "0")
    asyncio.run(undo.make(machine, journal, a_file(tmp_path)))
    journal.record(Table("inet", "lotor0-3-0", []))
    assert asyncio.run(undo.undo(machine, journal)) == 1
    assert Journal.load(journal.file).changes == [Table("inet", "lotor0-3-0", [])]
    assert "nft did not list its tables" in caplog.text


def test_a_change_that_was_there_already_is_forgotten(tmp_path):
    class Having(Netlink):
        async def add_address(self, index, address):
            raise FileExistsError(17, f"{index} has {address}")

    journal = Journal.begin(tmp_path / "run", "0")
    with pytest.raises(FileExistsError):
        asyncio.run(undo.make(Machine(Having(), Commands()), journal, AddressMade(3, "10.99.99.3")))
    assert Journal.load(journal.file).changes == []


def _left_by_a_dead_process(tmp_path, *, namespace=None):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    owner = Owner.myself()
    (tmp_path / "run").mkdir(mode=0o700)
    journal = Journal(tmp_path / "run" / "0.journal", Owner(dead.pid, 1, namespace or owner.namespace), [])
    journal.keep([a_file(tmp_path)])
    asyncio.run(a_file(tmp_path).make(MACHINE))


def test_recover_undoes_what_the_dead_left(tmp_path):
    _left_by_a_dead_process(tmp_path)
    assert asyncio.run(undo.recover(MACHINE, tmp_path / "run")) == 1
    assert list((tmp_path / "run").iterdir()) == []
    assert not (tmp_path / "resolv1.conf").exists()


EARLIER = """\
{"pid": %d, "started": 1, "namespace": %d, "version": 1}
{"change": "Table", "name": "lotor_guard_7", "rules": []}
{"change": "LinkUp", "device": "lotor7", "index": 4242, "mtu": 1400, "mtu_before": 1500, "up_before": false}
{"change": "Address", "index": 4242, "address": "10.99.99.7"}
{"change": "RouteMade", "network": "10.0.12.0/24", "table": 254, "index": 4242, "source": "10.99.99.7", "metric": 0}
"""
"""As builds before 0.1.0 wrote it."""


def test_recover_undoes_what_an_earlier_build_left(tmp_path):
    """An upgrade follows a daemon that was killed while tunnels were up."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    tmp_path.chmod(0o700)
    (tmp_path / "1.journal").write_text(EARLIER % (dead.pid, Owner.myself().namespace))
    done = []

    class Network:
        async def remove_route(self, route):
            done.append(("route", route.network, route.source))

        async def remove_address(self, index, address):
            done.append(("address", index, address))

        async def set_link(self, index, mtu, *, up):
            done.append(("link", index, mtu, up))

    class Nft:
        async def run(self, *words, given=""):
            done.append((words[0], "inet" in given, "lotor_guard_7" in given))

    assert asyncio.run(undo.recover(Machine(Network(), Nft()), tmp_path)) == 4
    assert done == [
        ("route", "10.0.12.0/24", "10.99.99.7"),
        ("address", 4242, "10.99.99.7"),
        ("link", 4242, 1500, False),
        ("nft", True, True),
    ]
    assert list(tmp_path.iterdir()) == []


def test_recover_leaves_other_namespaces_alone(tmp_path):
    _left_by_a_dead_process(tmp_path, namespace=1)
    assert asyncio.run(undo.recover(MACHINE, tmp_path / "run")) == 0
    assert (tmp_path / "resolv1.conf").exists()


def test_a_reused_process_number_is_not_the_owner():
    myself = Owner.myself()
    assert myself.lives()
    assert not Owner(myself.pid, myself.started + 1, myself.namespace).lives()


@pytest.mark.parametrize(
    "content", ["", "garbage\n", "[]\n", '{"pid": 1}\n', '{"pid": 1, "started": 1, "namespace": 1, "version": 9}\n']
)
def test_an_unreadable_journal_is_told_and_left(tmp_path, caplog, content):
    (tmp_path / "0.journal").write_text(content)
    tmp_path.chmod(0o700)
    assert asyncio.run(undo.recover(MACHINE, tmp_path)) == 0
    assert "by hand" in caplog.text
    assert (tmp_path / "0.journal").exists()


def test_nothing_to_recover_makes_nothing(tmp_path):
    assert asyncio.run(undo.recover(MACHINE, tmp_path / "none")) == 0
    assert not (tmp_path / "none").exists()


def test_journals_hold_one_object_a_line(tmp_path):
    journal = Journal.begin(tmp_path / "run", "0")
    journal.record(a_file(tmp_path))
    assert [type(json.loads(line)) for line in journal.file.read_text().splitlines()] == [dict, dict]


def test_a_journal_knows_whether_its_file_is_still_its_own(tmp_path):
    journal = Journal.begin(tmp_path / "run", "0")
    journal.record(a_file(tmp_path))
    assert journal.is_there()
    other = Journal(journal.file, Owner(journal.owner.pid, 1, journal.owner.namespace), [])
    assert not other.is_there(), "a file of that name, of another process"
    journal.keep([])
    assert not journal.is_there()
