"""The client's DNS: what the gateway's configuration means for it, and which of the host's DNS managers is told.

systemd-resolved when it answers for /etc/resolv.conf, else resolvconf, else a guarded /etc/resolv.conf. In a network
namespace of its own only a resolv.conf of its own: managers and the host's file serve the other namespace.
"""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from lotor.hosts.changes import Change, Resolvconf, Resolved, ResolvFile
from lotor.hosts.commands import Commands
from lotor.hosts.resolvfile import MOST_SERVERS, SEARCH, SERVER, is_ours
from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen

EVERY_NAME = "~."
STUB = "127.0.0.53"
"""Where systemd-resolved answers as any name server."""
UPLINKS = "resolv.conf"
"""The file of systemd-resolved that names all servers: who reads it asks them, not systemd-resolved."""
RESOLVED = "resolve"
"""The module of nsswitch.conf that asks systemd-resolved."""


@frozen
class DnsSettings:
    """`split`: the only domains to ask the tunnel's servers for; empty: they are asked for every name. `full`: nothing
    is asked beside the tunnel."""

    servers: tuple[str, ...]
    search: str
    split: tuple[str, ...]
    full: bool = False

    def lines(self) -> list[str]:
        """As resolv.conf has them."""
        search = [f"{SEARCH}{self.search}"] if self.search else []
        return search + [f"{SERVER}{server}" for server in self.servers[:MOST_SERVERS]]

    def domains(self) -> list[str]:
        """As systemd-resolved has them: `~` before what is asked for, and not completed with."""
        search = [self.search] if self.search else []
        return search + ([f"~{name}" for name in self.split if name != self.search] if self.split else [EVERY_NAME])


@frozen
class DnsPlaces:
    """Where this host keeps its DNS, and what tells that this process is in another network namespace than the host:
    `namespaces` has the named ones, `init` is the process whose namespace is the host's."""

    resolv_conf: Path = Path("/etc/resolv.conf")
    resolved: Path = Path("/run/systemd/resolve")
    resolved_static: Path = Path("/usr/lib/systemd/resolv.conf")
    namespaces: Path = Path("/run/netns")
    init: Path = Path("/proc/1/ns/net")
    mounts: Path = Path("/proc/self/mountinfo")
    nsswitch: Path = Path("/etc/nsswitch.conf")


@frozen
class Connection:
    """Whose DNS it is: its device, its name among all connections of this host, and where the file from before is kept
    when it cannot be moved aside."""

    device: str
    index: int
    name: str
    elsewhere: Path


def settings(configuration: ModeConfiguration) -> DnsSettings | None:
    """None when the gateway names no server. In a full tunnel no name is asked beside it, whatever `split_dns` says."""
    servers = (*configuration.dns, *configuration.dns6)
    if not servers:
        return None
    domain = configuration.domain.decode()
    names = (*([domain] if domain else []), *(name.decode() for name in configuration.split_dns))
    full = configuration.is_full
    return DnsSettings(tuple(map(str, servers)), domain, () if full else tuple(dict.fromkeys(names)), full)


def plan(
    wanted: DnsSettings, places: DnsPlaces, commands: Commands, of: Connection
) -> tuple[Change | None, str | None]:
    """The change to make, and a note when it cannot do all that is wanted."""
    file = ResolvFile(str(places.resolv_conf), str(of.elsewhere), wanted.lines(), of.name, wanted.full)
    if _elsewhere(places):
        own = _is_mount_point(places.resolv_conf, places.mounts)
        return (file, None) if own else (None, f"{places.resolv_conf} is not this network namespace's own: not changed")
    if commands.find("resolvectl") and resolved_answers(places):
        return Resolved(of.device, of.index, list(wanted.servers), wanted.domains(), default=not wanted.split), None
    note = None
    if set(wanted.split) - {wanted.search}:
        note = "split DNS needs systemd-resolved: the tunnel's DNS servers are asked for every name"
    if _resolvconf(commands):
        return Resolvconf(f"tun.{of.device}-{of.name.rpartition('-')[2]}", wanted.lines()), note
    if is_ours(places.resolv_conf):
        note = f"{places.resolv_conf} has the servers of another connection too: the first one that answers is believed"
    return file, note


def resolved_answers(places: DnsPlaces) -> bool:
    """Whether systemd-resolved runs and programs that look for a name come to it."""
    target, directory = _target(places.resolv_conf), _target(places.resolved)
    if not _listens(directory):
        return False
    if target == directory / UPLINKS:
        return _asks_resolved(places.nsswitch)
    if target == places.resolved_static or target.is_relative_to(directory):
        return True
    return any(line.split()[:2] == ["nameserver", STUB] for line in _lines(places.resolv_conf))


def _target(file: Path) -> Path:
    """Of a link that leads to itself the link, where `Path.resolve` raises `RuntimeError`."""
    return Path(os.path.realpath(file))


def _listens(directory: Path) -> bool:
    """A process behind the socket of systemd-resolved, which stays when it ends; earlier than systemd 247 has none."""
    if not directory.is_dir():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.setblocking(False)
        return line.connect_ex(str(directory / "io.systemd.Resolve")) != errno.ECONNREFUSED


def _asks_resolved(nsswitch: Path) -> bool:
    """Whether programs that read a list of servers would ask systemd-resolved before any of them."""
    hosts = next((line.split()[1:] for line in _lines(nsswitch) if line.startswith("hosts:")), [])
    return RESOLVED in hosts[: hosts.index("dns") if "dns" in hosts else None]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _resolvconf(commands: Commands) -> bool:
    """The `resolvconf` of systemd is resolvectl under another name, and useless without systemd-resolved."""
    file = commands.find("resolvconf")
    return file is not None and Path(file).resolve().name != "resolvectl"


def _elsewhere(places: DnsPlaces) -> bool:
    """Whether this process is in another network namespace than the host's services, as far as can be seen."""
    own = Path("/proc/self/ns/net").stat().st_ino
    named = list(places.namespaces.iterdir()) if places.namespaces.is_dir() else []
    return own in map(_inode, named) or _inode(places.init) not in {own, None}


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except OSError:
        return None


def _is_mount_point(file: Path, mounts: Path) -> bool:
    """Whether a file is mounted for itself, as `ip netns exec` does with /etc/netns/NAME/resolv.conf."""
    mounted = {line.split(" ")[4] for line in mounts.read_text().splitlines()}
    return not file.is_symlink() and str(file.resolve()) in mounted
