"""The client's DNS: what the gateway's configuration means for it, and which of the host's DNS managers is told.

systemd-resolved when it answers for /etc/resolv.conf, else resolvconf, else a guarded /etc/resolv.conf. In a network
namespace of its own only a resolv.conf of its own: managers and the host's file serve the other namespace.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lotor.hosts.changes import Change, Resolvconf, Resolved, ResolvFile
from lotor.hosts.commands import Commands
from lotor.hosts.routing import is_full
from lotor.model.configuration import ModeConfiguration

EVERY_NAME = "~."
MOST_IN_A_FILE = 3
"""The C library reads no more `nameserver` lines."""


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """`split`: the only domains to ask the tunnel's servers for; empty: they are asked for every name."""

    servers: tuple[str, ...]
    search: str
    split: tuple[str, ...]

    def lines(self) -> list[str]:
        """As resolv.conf has them."""
        search = [f"search {self.search}"] if self.search else []
        return search + [f"nameserver {server}" for server in self.servers[:MOST_IN_A_FILE]]


@dataclass(frozen=True, slots=True)
class DnsPlaces:
    """Where this host keeps its DNS, and what tells that this process is in another network namespace than the host:
    `namespaces` has the named ones, `init` is the process whose namespace is the host's."""

    resolv_conf: Path = Path("/etc/resolv.conf")
    resolved: Path = Path("/run/systemd/resolve")
    resolved_static: Path = Path("/usr/lib/systemd/resolv.conf")
    namespaces: Path = Path("/run/netns")
    init: Path = Path("/proc/1/ns/net")
    mounts: Path = Path("/proc/self/mountinfo")


def settings(configuration: ModeConfiguration) -> DnsSettings | None:
    """None when the gateway names no server. In a full tunnel no name is asked beside it, whatever `split_dns` says."""
    servers = (*configuration.dns, *configuration.dns6)
    if not servers:
        return None
    split = () if is_full(configuration) else tuple(name.decode() for name in configuration.split_dns)
    return DnsSettings(tuple(map(str, servers)), configuration.domain.decode(), split)


def plan(
    wanted: DnsSettings, places: DnsPlaces, commands: Commands, link: tuple[str, int], elsewhere: Path
) -> tuple[Change | None, str | None]:
    """The change to make, and a note when it cannot do all that is wanted. `link`: name and index of the device."""
    file = ResolvFile(str(places.resolv_conf), str(elsewhere), wanted.lines())
    if _elsewhere(places):
        own = _is_mount_point(places.resolv_conf, places.mounts)
        return (file, None) if own else (None, f"{places.resolv_conf} is not this network namespace's own: not changed")
    if commands.find("resolvectl") and resolved_answers(places):
        domains = [f"~{name}" for name in wanted.split] or [EVERY_NAME]
        search = [wanted.search] if wanted.search else []
        return Resolved(*link, list(wanted.servers), search + domains, default=not wanted.split), None
    note = None
    if wanted.split:
        note = "split DNS needs systemd-resolved: the tunnel's DNS servers are asked for every name"
    if _resolvconf(commands):
        return Resolvconf(f"tun.{link[0]}", wanted.lines()), note
    return file, note


def resolved_answers(places: DnsPlaces) -> bool:
    """Whether systemd-resolved runs and programs that read resolv.conf come to it."""
    if not places.resolved.is_dir():
        return False
    target = places.resolv_conf.resolve()
    if target == places.resolved_static or target.is_relative_to(places.resolved.resolve()):
        return True
    try:
        return "nameserver 127.0.0.53" in places.resolv_conf.read_text(errors="replace")
    except OSError:
        return False


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
