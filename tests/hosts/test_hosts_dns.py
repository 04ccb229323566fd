"""Which DNS manager is told what, with programs that only write down how they were called."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from lotor.hosts import dns
from lotor.hosts import undo as undo_room
from lotor.hosts.changes import AddressMade, Machine, Resolvconf, Resolved, ResolvFile
from lotor.hosts.commands import Commands
from lotor.hosts.dns import DnsPlaces, DnsSettings
from lotor.hosts.journal import Journal
from lotor.hosts.naming import Named, Naming
from lotor.hosts.netlink import Link, Netlink
from lotor.model.configuration import ModeConfiguration

LEASE = ModeConfiguration(IPv4Address("10.99.99.3"), dns=(IPv4Address("10.0.12.1"),), domain=b"example.net")
EVERY = DnsSettings(("10.0.12.1",), "example.net", (), full=True)
SOME = DnsSettings(("10.0.12.1", "10.0.12.2"), "", ("corp.example", "lab.example"))


class FakeNetwork(Netlink):
    async def link(self, name: str) -> Link:
        return Link(name, 3, 1500, up=True)


def program(directory: Path, name: str, body: str = "") -> Path:
    file = directory / name
    file.write_text(f'#!/bin/sh\necho "$(basename "$0")" "$@" >> {directory}/calls\ncat >> {directory}/input\n{body}\n')
    file.chmod(0o755)
    return file


@pytest.fixture
def commands(tmp_path):
    return Commands(f"{tmp_path}:/usr/bin:/bin", patience=60)


@pytest.fixture
def places(tmp_path):
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 192.0.2.1\n")
    return DnsPlaces(conf, tmp_path / "resolved", tmp_path / "static", nsswitch=tmp_path / "nsswitch.conf")


@pytest.fixture
def resolved(places):
    """Somebody answers where systemd-resolved does."""
    places.resolved.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(places.resolved / "io.systemd.Resolve"))
        listener.listen(1)
        yield listener


def plan(wanted, places, commands):
    return dns.plan(wanted, places, commands, dns.Connection("lotor0", 3, "4026-1", Path("/elsewhere")))


def make(change, commands):
    asyncio.run(change.make(Machine(FakeNetwork(), commands)))


def undo(change, commands):
    return asyncio.run(change.undo(Machine(FakeNetwork(), commands)))


def calls(tmp_path):
    return (tmp_path / "calls").read_text().splitlines()


def test_no_server_no_change():
    assert dns.settings(replace(LEASE, dns=())) is None


def test_a_full_tunnel_asks_for_every_name_whatever_split_dns_says():
    assert dns.settings(replace(LEASE, split_dns=(b"corp.example",))) == EVERY


def test_a_split_tunnel_asks_for_the_split_domains():
    configuration = replace(LEASE, split_include=(IPv4Network("10.0.0.0/8"),), split_dns=(b"corp.example",))
    assert dns.settings(configuration) == DnsSettings(("10.0.12.1",), "example.net", ("example.net", "corp.example"))
    assert dns.settings(configuration).domains() == ["example.net", "~corp.example"]


def test_a_split_tunnel_without_split_dns_asks_for_its_own_domain_only():
    configuration = replace(LEASE, split_include=(IPv4Network("10.0.0.0/8"),))
    assert dns.settings(configuration).domains() == ["example.net"]
    nameless = replace(configuration, domain=b"")
    assert dns.settings(nameless).domains() == ["~."]


@pytest.mark.usefixtures("resolved")
def test_resolved_is_told_through_resolvectl_and_reverted(tmp_path, commands, places):
    program(tmp_path, "resolvectl")
    places.resolv_conf.write_text("nameserver 127.0.0.53\n")
    change, note = plan(EVERY, places, commands)
    assert isinstance(change, Resolved)
    assert note is None
    make(change, commands)
    assert undo(change, commands) is True
    assert calls(tmp_path) == [
        "resolvectl dns lotor0 10.0.12.1",
        "resolvectl domain lotor0 example.net ~.",
        "resolvectl default-route lotor0 yes",
        "resolvectl revert lotor0",
    ]


@pytest.mark.usefixtures("resolved")
def test_split_dns_becomes_routing_domains(tmp_path, commands, places):
    program(tmp_path, "resolvectl")
    places.resolv_conf.unlink()
    places.resolv_conf.symlink_to(places.resolved / "stub-resolv.conf")
    change, _ = plan(SOME, places, commands)
    make(change, commands)
    assert calls(tmp_path)[1:] == [
        "resolvectl domain lotor0 ~corp.example ~lab.example",
        "resolvectl default-route lotor0 no",
    ]


@pytest.mark.parametrize("text", ["nameserver 192.0.2.1\n", "#nameserver 127.0.0.53\n", "nameserver 127.0.0.530\n"])
@pytest.mark.usefixtures("resolved")
def test_resolved_that_is_asked_by_no_one_is_not_used(tmp_path, commands, places, text):
    program(tmp_path, "resolvectl")
    places.resolv_conf.write_text(text)
    assert isinstance(plan(EVERY, places, commands)[0], ResolvFile)


@pytest.mark.usefixtures("resolved")
def test_a_resolv_conf_that_leads_to_itself_is_replaced(tmp_path, commands, places):
    program(tmp_path, "resolvectl")
    places.resolv_conf.unlink()
    places.resolv_conf.symlink_to(places.resolv_conf)
    assert isinstance(plan(EVERY, places, commands)[0], ResolvFile)


def test_resolved_that_has_ended_is_not_used(tmp_path, commands, places, resolved):
    """Its directory and its socket stay, and /etc/resolv.conf leads there."""
    program(tmp_path, "resolvectl")
    places.resolv_conf.write_text("nameserver 127.0.0.53\n")
    assert isinstance(plan(EVERY, places, commands)[0], Resolved)
    resolved.close()
    assert isinstance(plan(EVERY, places, commands)[0], ResolvFile)


def test_resolved_that_takes_no_more_callers_holds_nobody_up(tmp_path, commands, places, resolved):
    program(tmp_path, "resolvectl")
    places.resolv_conf.write_text("nameserver 127.0.0.53\n")
    callers = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(8)]
    for each in callers:
        each.setblocking(False)
        each.connect_ex(resolved.getsockname())
    assert isinstance(plan(EVERY, places, commands)[0], Resolved)
    for each in callers:
        each.close()


@pytest.mark.usefixtures("resolved")
def test_a_list_of_the_uplinks_servers_is_replaced_unless_programs_ask_resolved_first(tmp_path, commands, places):
    program(tmp_path, "resolvectl")
    places.resolv_conf.unlink()
    places.resolv_conf.symlink_to(places.resolved / "resolv.conf")
    (places.resolved / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    assert isinstance(plan(SOME, places, commands)[0], ResolvFile)
    places.nsswitch.write_text("passwd: files\nhosts: files dns resolve\n")
    assert isinstance(plan(SOME, places, commands)[0], ResolvFile)
    places.nsswitch.write_text("hosts: files resolve [!UNAVAIL=return] dns\n")
    assert isinstance(plan(SOME, places, commands)[0], Resolved)


def test_reverting_a_device_that_is_gone_runs_nothing(tmp_path, commands):
    program(tmp_path, "resolvectl")
    assert undo(Resolved("lotor0", 4, [], [], default=True), commands) is False
    assert not (tmp_path / "calls").exists()


def test_what_resolved_does_not_take_back_is_told_once(tmp_path, commands, caplog):
    program(tmp_path, "resolvectl", "exit 1")
    journal = Journal.begin(tmp_path / "run", "0")
    journal.record(Resolved("lotor0", 3, [], [], default=True))
    assert asyncio.run(undo_room.undo(Machine(FakeNetwork(), commands), journal)) == 0
    assert "the DNS servers of lotor0 may stay until the device goes: `resolvectl revert lotor0` failed" in caplog.text
    assert not journal.file.exists()


def connection(tmp_path, number, configuration, commands, places):
    journal = Journal.begin(tmp_path / "run", f"4026-{number}")
    return Naming(Machine(FakeNetwork(), commands), places), Named("lotor0", 3, journal, configuration)


class Noting(Commands):
    """`asked`: what was begun, which may be too slow to say so itself."""

    def __init__(self, path, patience):
        super().__init__(path, patience)
        self.asked = []

    async def run(self, name, *arguments, given=""):
        self.asked.append(" ".join((name, *arguments)))
        return await super().run(name, *arguments, given=given)


@pytest.mark.parametrize(("body", "patience"), [("exit 1", 60), ("exec sleep 600", 0.3)])
@pytest.mark.usefixtures("resolved")
def test_a_resolvectl_that_refuses_or_hangs_costs_the_names_and_nothing_else(tmp_path, places, caplog, body, patience):
    program(tmp_path, "resolvectl", body)
    places.resolv_conf.write_text("nameserver 127.0.0.53\n")
    noting = Noting(f"{tmp_path}:/usr/bin:/bin", patience)
    naming, named = connection(tmp_path, 0, LEASE, noting, places)
    asyncio.run(naming.begin(named, []))
    assert "the tunnel's DNS servers (10.0.12.1) are not used: `resolvectl dns lotor0 10.0.12.1`" in caplog.text
    assert noting.asked == ["resolvectl dns lotor0 10.0.12.1", "resolvectl revert lotor0"]
    assert Journal.load(named.journal.file).changes == []
    assert places.resolv_conf.read_text() == "nameserver 127.0.0.53\n"


@pytest.mark.usefixtures("resolved")
def test_of_connections_on_one_device_the_first_has_its_servers_and_the_next_has_them_after_it(
    tmp_path, commands, places, caplog
):
    program(tmp_path, "resolvectl")
    places.resolv_conf.write_text("nameserver 127.0.0.53\n")
    part = replace(LEASE, split_include=(IPv4Network("10.0.0.0/8"),))
    other = replace(part, dns=(IPv4Address("10.9.9.9"),), domain=b"other.example")
    naming, one = connection(tmp_path, 0, part, commands, places)
    _, two = connection(tmp_path, 1, other, commands, places)
    asyncio.run(naming.begin(one, []))
    asyncio.run(naming.begin(two, [one]))
    assert "DNS servers (10.9.9.9) are not used, the servers of another connection on lotor0 are" in caplog.text
    assert not [call for call in calls(tmp_path) if "10.9.9.9" in call]
    asyncio.run(undo_room.undo(naming.machine, one.journal))
    asyncio.run(naming.pass_on(3, [two]))
    asyncio.run(naming.pass_on(3, [two]))
    assert calls(tmp_path)[3:] == [
        "resolvectl revert lotor0",
        "resolvectl dns lotor0 10.9.9.9",
        "resolvectl domain lotor0 other.example",
        "resolvectl default-route lotor0 no",
    ]


@pytest.mark.usefixtures("resolved")
def test_a_connection_without_servers_of_its_own_lets_the_next_one_have_its_turn(tmp_path, commands, places):
    program(tmp_path, "resolvectl")
    places.resolv_conf.write_text("nameserver 127.0.0.53\n")
    part = replace(LEASE, split_include=(IPv4Network("10.0.0.0/8"),))
    naming, none = connection(tmp_path, 0, replace(part, dns=()), commands, places)
    _, some = connection(tmp_path, 1, part, commands, places)
    asyncio.run(naming.pass_on(3, [none, some]))
    assert "resolvectl dns lotor0 10.0.12.1" in calls(tmp_path)


@pytest.mark.usefixtures("resolved")
def test_a_full_tunnel_on_one_device_has_all_names(tmp_path, commands, places, caplog):
    program(tmp_path, "resolvectl")
    places.resolv_conf.write_text("nameserver 127.0.0.53\n")
    part = replace(LEASE, split_include=(IPv4Network("10.0.0.0/8"),), domain=b"part.example")
    naming, one = connection(tmp_path, 0, part, commands, places)
    _, full = connection(tmp_path, 1, LEASE, commands, places)
    one.journal.record(AddressMade(3, "10.99.99.3"))
    asyncio.run(naming.begin(one, []))
    asyncio.run(naming.begin(full, [one]))
    assert "all names are asked in the full tunnel" in caplog.text
    asyncio.run(undo_room.undo(naming.machine, full.journal))
    asyncio.run(naming.pass_on(3, [one]))
    assert calls(tmp_path)[-3:-1] == ["resolvectl dns lotor0 10.0.12.1", "resolvectl domain lotor0 part.example"]


def test_resolvconf_gets_the_lines_on_its_input(tmp_path, commands, places):
    program(tmp_path, "resolvconf")
    change, note = plan(SOME, places, commands)
    assert isinstance(change, Resolvconf)
    assert "split DNS needs systemd-resolved" in note
    make(change, commands)
    assert (tmp_path / "input").read_text() == "nameserver 10.0.12.1\nnameserver 10.0.12.2\n"
    undo(change, commands)
    assert calls(tmp_path) == ["resolvconf -a tun.lotor0-1", "resolvconf -d tun.lotor0-1"]


def test_a_resolvconf_that_is_resolvectl_is_no_resolvconf(tmp_path, commands, places):
    (tmp_path / "resolvconf").symlink_to(program(tmp_path, "resolvectl"))
    assert isinstance(plan(EVERY, places, commands)[0], ResolvFile)


def test_a_file_has_at_most_three_servers():
    assert len(DnsSettings(tuple("abcdefgh"), "", ()).lines()) == 3


def test_a_failing_program_is_quoted_clean(tmp_path, commands):
    program(tmp_path, "resolvectl", "printf 'no \\033[31mbus\\n'; exit 3")
    with pytest.raises(OSError, match=r"`resolvectl dns lotor0` failed with status 3: no \?\[31mbus"):
        asyncio.run(commands.run("resolvectl", "dns", "lotor0"))


def test_a_hanging_program_is_ended(tmp_path):
    program(tmp_path, "resolvectl", f"echo $$ > {tmp_path}/pid; exec sleep 600")
    with pytest.raises(TimeoutError, match=r"did not end within 0\.3 s"):
        asyncio.run(Commands(f"{tmp_path}:/usr/bin:/bin", patience=0.3).run("resolvectl", "dns"))
    pid = tmp_path / "pid"
    assert not pid.exists() or not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_a_missing_program_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no resolvectl"):
        asyncio.run(Commands(str(tmp_path)).run("resolvectl", "dns"))


def test_programs_get_no_environment_of_ours(tmp_path, commands, monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "/nowhere.so")
    monkeypatch.setenv("SECRET", "x")
    program(tmp_path, "resolvectl", f"env > {tmp_path}/environment")
    asyncio.run(commands.run("resolvectl"))
    names = {line.partition("=")[0] for line in (tmp_path / "environment").read_text().splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "LC_ALL"}


def test_arguments_reach_the_program_without_a_shell(tmp_path, commands):
    program(tmp_path, "resolvectl")
    asyncio.run(commands.run("resolvectl", "$(id)", "a;b"))
    assert calls(tmp_path) == ["resolvectl $(id) a;b"]


def test_a_half_made_change_is_taken_back_and_forgotten(tmp_path, commands):
    program(tmp_path, "resolvectl", '[ "$1" != domain ] || exit 1')
    journal = Journal.begin(tmp_path / "run", "0")
    with pytest.raises(OSError, match="resolvectl domain"):
        asyncio.run(
            undo_room.make(Machine(FakeNetwork(), commands), journal, Resolved("lotor0", 3, [], [], default=True))
        )
    assert calls(tmp_path)[-1] == "resolvectl revert lotor0"
    assert Journal.load(journal.file).changes == []


def test_a_program_whose_caller_is_gone_has_ended_before_anything_is_undone(tmp_path, commands):
    program(tmp_path, "resolvectl", f"sleep 0.3; echo done > {tmp_path}/done")

    async def story() -> bool:
        run = asyncio.create_task(commands.run("resolvectl", "dns"))
        await asyncio.sleep(0)
        run.cancel()
        await asyncio.wait({run})
        return run.cancelled()

    assert asyncio.run(story())
    assert (tmp_path / "done").exists()


def test_a_program_whose_loop_ends_at_once_holds_nobody_up(tmp_path, commands):
    program(tmp_path, "resolvectl", f"echo done > {tmp_path}/done")

    async def story() -> None:
        story.task = asyncio.create_task(commands.run("resolvectl", "dns"))
        await asyncio.sleep(0)

    asyncio.run(story())
    assert (tmp_path / "done").exists()
