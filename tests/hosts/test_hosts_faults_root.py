"""A full /run, and processes that are dead and still listed."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from hosts.private_namespace import Tun, in_namespace, ip, picture
from hosts.test_hosts_client_root import attachment, client, outer_and_tunnel
from lotor.daemon.background import PidFile
from lotor.daemon.exits import StartError
from lotor.hosts.gateway import GatewayHost
from lotor.hosts.journal import Journal
from lotor.hosts.owner import Owner

pytestmark = pytest.mark.root


class Told(logging.Handler):
    """The warnings of this host."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        logging.getLogger("lotor.hosts").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def small_disk(directory: Path) -> Path:
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", directory], check=True)
    return directory


def fill(directory: Path) -> Path:
    rest = directory / "rest"
    with rest.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    return rest


def test_a29_a_zombie_is_dead():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    try:
        began = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[19])
        assert not Owner(child, began, Owner.myself().namespace).lives()
    finally:
        os.waitpid(child, 0)


@in_namespace
def test_a29_what_a_killed_client_left_is_undone_while_nobody_reaps_it(tmp_path):
    outer_and_tunnel()
    before = picture()
    child = os.fork()
    if child == 0:
        asyncio.run(client(tmp_path).attach(attachment()))
        os._exit(9)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert picture() != before
    assert asyncio.run(client(tmp_path).recover()) > 0
    assert picture() == before
    assert (tmp_path / "etc" / "resolv.conf").read_text() == "nameserver 192.0.2.1\n"
    os.waitpid(child, 0)


@in_namespace
def test_a32_a_full_run_refuses_the_connection_and_leaves_no_journal(tmp_path):
    outer_and_tunnel()
    before = picture()
    small_disk(tmp_path / "run")
    rest = fill(tmp_path / "run")
    with pytest.raises(OSError, match=r"no change can be noted in .*/run: No space left on device"):
        asyncio.run(client(tmp_path).attach(attachment()))
    assert list((tmp_path / "run").iterdir()) == [rest]
    assert picture() == before
    rest.unlink()
    told = Told()
    assert asyncio.run(client(tmp_path).recover()) == 0
    assert told.lines == []


@in_namespace
def test_a32_a_run_that_fills_up_between_two_changes_leaves_the_host_as_it_was(tmp_path):
    """A limit of the file's size is like a disk that takes a part of the line."""
    outer_and_tunnel()
    before = picture()
    record, told, whole = Journal.record, Told(), []

    def filling(journal, change):
        if len(journal.changes) == 3:
            whole.append(journal.file.read_bytes())
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole[0]) + 10, resource.RLIM_INFINITY))
        try:
            record(journal, change)
        finally:
            whole.append(journal.file.read_bytes())

    Journal.record = filling
    with pytest.raises(OSError, match=r"no change can be noted in .*journal: File too large"):
        asyncio.run(client(tmp_path).attach(attachment()))
    assert whole[-1] == whole[-2]
    assert picture() == before
    assert list((tmp_path / "run").iterdir()) == []
    assert told.lines == []


@in_namespace
def test_a33_a_full_run_undoes_everything_and_the_journal_goes(tmp_path):
    outer_and_tunnel()
    before = picture()
    small_disk(tmp_path / "run")
    host, told = client(tmp_path), Told()

    async def story() -> None:
        await host.attach(attachment())
        fill(tmp_path / "run")
        await host.detach(1)

    asyncio.run(story())
    assert picture() == before
    assert [each.name for each in (tmp_path / "run").iterdir()] == ["rest"]
    assert told.lines == []


@in_namespace
def test_a33_a_journal_that_cannot_be_shortened_is_told_and_undone_later(tmp_path):
    Tun("lotor0")
    Tun("outer0", "198.51.100.1/24")
    before = picture()
    small_disk(tmp_path / "run")
    host, told = GatewayHost(tmp_path / "run"), Told()

    async def story() -> None:
        await host.start("lotor0", 1300, [IPv4Network("10.99.99.0/24"), IPv4Network("10.50.0.0/24")])
        rest = fill(tmp_path / "run")
        await host.serve([IPv4Network("10.50.0.0/24")])
        assert "10.99.99.0/24" not in ip("route")
        rest.unlink()
        await host.stop()

    asyncio.run(story())
    assert [line for line in told.lines if "still names changes that were undone: No space left" in line]
    assert picture() == before
    assert list((tmp_path / "run").iterdir()) == []


@in_namespace
def test_a32_what_was_there_already_is_forgotten_on_a_full_disk_too(tmp_path):
    Tun("lotor0")
    Tun("outer0", "198.51.100.1/24")
    ip("route add 10.99.99.0/24 dev outer0 proto kernel scope link")
    before = picture()
    small_disk(tmp_path / "run")
    record = Journal.record

    def filling(journal, change):
        record(journal, change)
        fill(tmp_path / "run")

    Journal.record = filling
    with pytest.raises(OSError, match="File exists"):
        asyncio.run(GatewayHost(tmp_path / "run").start("lotor0", 1300, [IPv4Network("10.99.99.0/24")]))
    assert picture() == before
    assert [each.name for each in (tmp_path / "run").iterdir()] == ["rest"]


@pytest.mark.parametrize("umask", ["077", "022"])
def test_newcomer_9_the_directory_is_open_whoever_makes_it_first(tmp_path, umask):
    """`lotor connect` comes first with its umask, then the daemon with a socket for a group."""
    code = (
        "import sys; from pathlib import Path; from lotor.control.listening import Address, listen\n"
        "from lotor.hosts.journal import Journal\n"
        "Journal.begin(Path(sys.argv[1]) / 'hosts', '0'); listen(Address(Path(sys.argv[1]) / 'socket', mode=0o660))"
    )
    there = tmp_path / "run" / "lotor"
    started = ["sh", "-c", f'umask {umask}; exec "$@"', "sh", sys.executable, "-c", code, str(there)]
    subprocess.run(started, check=True, timeout=60)
    modes = {each.name: each.stat().st_mode & 0o777 for each in (there.parent, there, *there.iterdir())}
    assert modes == {"run": 0o755, "lotor": 0o755, "hosts": 0o700, "socket": 0o660}


@in_namespace
def test_a33_a_full_run_has_no_room_for_the_pid_file_and_says_so(tmp_path):
    fill(small_disk(tmp_path / "run"))
    with pytest.raises(StartError, match=r"cannot write the pid file .*run/lotor\.pid: No space left on device"):
        PidFile(tmp_path / "run" / "lotor.pid").take()
