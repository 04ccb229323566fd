"""The changes a connection makes on its host: each knows how it is made, how it is undone, and how a journal names it.

Undoing is idempotent and touches nothing but what was made: a device is known by its index, which no later device has.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import asdict, field, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol

from lotor.hosts import firewall, kill_switch, nftables, resolvfile, sysctl
from lotor.hosts.commands import Commands
from lotor.hosts.netlink import Netlink, Route, Rule
from lotor.hosts.resolvfile import Place
from lotor.model.frozen import frozen
from lotor.ports.host_esp import Leading

log = logging.getLogger(__name__)

GONE = {errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL, errno.ENXIO}
"""What the kernel says of something that is not there any more."""


@frozen
class Machine:
    """What changes act upon: this host, where nothing else is said."""

    network: Netlink = field(default_factory=Netlink)
    commands: Commands = field(default_factory=Commands)


class Change(Protocol):
    """`make` raises `OSError` and then left nothing behind that `undo` would not find; `undo` is False when there was
    nothing left to undo, and raises `OSError` when there was and it stayed."""

    async def make(self, machine: Machine) -> None: ...

    async def undo(self, machine: Machine) -> bool: ...


@frozen
class LinkUp:
    """The device is up with an MTU; undone to what it was."""

    device: str
    index: int
    mtu: int
    mtu_before: int
    up_before: bool

    async def make(self, machine: Machine) -> None:
        await machine.network.set_link(self.index, self.mtu, up=True)

    async def undo(self, machine: Machine) -> bool:
        return await _unless_gone(machine.network.set_link(self.index, self.mtu_before, up=self.up_before))


@frozen
class AddressMade:
    """An address of the device, alone (/32, /128): what is behind it is a matter of routes."""

    index: int
    address: str

    async def make(self, machine: Machine) -> None:
        await machine.network.add_address(self.index, self.address)

    async def undo(self, machine: Machine) -> bool:
        return await _unless_gone(machine.network.remove_address(self.index, self.address))


@frozen
class RouteMade(Route):
    async def make(self, machine: Machine) -> None:
        await machine.network.add_route(self)

    async def undo(self, machine: Machine) -> bool:
        return await _unless_gone(machine.network.remove_route(self))


@frozen
class RuleMade(Rule):
    async def make(self, machine: Machine) -> None:
        await machine.network.add_rule(self)

    async def undo(self, machine: Machine) -> bool:
        return await _unless_gone(machine.network.remove_rule(self))


@frozen
class Table:
    """An nftables table of ours (`family` is `inet` or `arp`) has these rules: made, and made anew, at once."""

    family: str
    name: str
    rules: list[nftables.NftRule]

    async def make(self, machine: Machine) -> None:
        await nftables.tell(machine.commands, firewall.replacing(self.family, self.name, self.rules))

    async def undo(self, machine: Machine) -> bool:
        return await _without_table(machine, self.family, self.name)


@frozen
class Clamped:
    """An nftables table of ours has TCP handshakes through a device of the kernel's ESP learn what fits; `leading` as
    in `ports.host_esp.Leading`."""

    name: str
    index: int
    leading: str

    family: ClassVar[str] = "inet"

    async def make(self, machine: Machine) -> None:
        await nftables.tell(machine.commands, firewall.clamping(self.name, self.index, Leading(self.leading)))

    async def undo(self, machine: Machine) -> bool:
        return await _without_table(machine, self.family, self.name)


@frozen
class Closing:
    """An nftables table of ours closes the host: what goes to `networks` leaves through a tunnel or not at all, but for
    those `beside`. `gateway` and `remote` are the tunnel's, `outer` the index of the device towards the gateway.
    `by_policies`: the kernel's policies lead into the tunnel."""

    name: str
    gateway: str
    remote: str
    networks: list[str]
    beside: list[str]
    outer: int
    by_policies: bool = False

    family: ClassVar[str] = kill_switch.FAMILY

    async def make(self, machine: Machine) -> None:
        table = kill_switch.table(self.name, self.networks, self.beside, self.outer, by_policies=self.by_policies)
        await nftables.tell(machine.commands, table)

    async def undo(self, machine: Machine) -> bool:
        return await _without_table(machine, self.family, self.name)


@frozen
class ReversePath:
    """The device takes only packets of those to whom it leads (`rp_filter` 1); undone to `before`."""

    device: str
    before: int

    async def make(self, machine: Machine) -> None:  # noqa: ARG002 - the same shape for every change
        sysctl.set_reverse_path(self.device, sysctl.STRICT)

    async def undo(self, machine: Machine) -> bool:  # noqa: ARG002 - the same shape for every change
        if sysctl.reverse_path(self.device) != sysctl.STRICT:
            return False
        sysctl.set_reverse_path(self.device, self.before)
        return True


@frozen
class Setting:
    """A switch of the kernel (a path below /proc/sys) has a value; undone to `before`, unless somebody changed it."""

    name: str
    value: str
    before: str

    @property
    def key(self) -> tuple[str, ...]:
        return self.name, self.value

    async def make(self, machine: Machine) -> None:  # noqa: ARG002 - the same shape for every change
        sysctl.put(self.name, self.value)

    async def undo(self, machine: Machine) -> bool:  # noqa: ARG002 - the same shape for every change
        if sysctl.get(self.name) != self.value:
            return False
        sysctl.put(self.name, self.before)
        return True


REDIRECTS = "net/ipv4/conf/all/accept_redirects"


@frozen
class Forwarding:
    """Packets of an IP version are forwarded; undone unless somebody switched that off meanwhile. The switch for all
    devices sets that of each one, and of IPv4 whether redirects are accepted: `own` are the devices that forwarded
    before, `redirects` is what was there; empty for IPv6."""

    version: int
    own: list[str]
    redirects: str

    @staticmethod
    def of_now(version: int) -> Forwarding:
        devices = sorted(each.name for each in (sysctl.ROOT / f"net/ipv{version}/conf").glob("*"))
        own = [name for name in devices if name != "all" and sysctl.is_on(f"net/ipv{version}/conf/{name}/forwarding")]
        return Forwarding(version, own, sysctl.get(REDIRECTS) if version == 4 else "")

    async def make(self, machine: Machine) -> None:  # noqa: ARG002 - the same shape for every change
        sysctl.put(sysctl.FORWARDING[self.version], "1")

    async def undo(self, machine: Machine) -> bool:  # noqa: ARG002 - the same shape for every change
        if not sysctl.forwards(self.version):
            return False
        redirects = sysctl.get(REDIRECTS)
        sysctl.put(sysctl.FORWARDING[self.version], "0")
        if self.redirects:
            sysctl.put(REDIRECTS, redirects if sysctl.is_on(REDIRECTS) == (redirects == "1") else self.redirects)
        for name in self.own:
            if sysctl.get(f"net/ipv{self.version}/conf/{name}/forwarding"):
                sysctl.put(f"net/ipv{self.version}/conf/{name}/forwarding", "1")
        return True


@frozen
class Proxied:
    """The host answers on a device for the `addresses`, of those in `networks`, that nobody answered for before."""

    device: str
    index: int
    networks: list[str]
    addresses: list[str]

    @property
    def key(self) -> tuple[str, ...]:
        return self.device, str(self.index), *self.networks

    async def make(self, machine: Machine) -> None:
        await machine.network.add_proxies(self.index, self.addresses)

    async def undo(self, machine: Machine) -> bool:
        return await _unless_gone(machine.network.remove_proxies(self.index, self.addresses))


@frozen
class OwnTable:
    """An nftables table is ours, whatever its rules are."""

    family: str
    name: str

    async def make(self, machine: Machine) -> None:
        await nftables.tell(machine.commands, nftables.anew(self.family, self.name))

    async def undo(self, machine: Machine) -> bool:
        return await _without_table(machine, self.family, self.name)


@frozen
class Resolved:
    """systemd-resolved asks `servers` for `domains` (`~.`: for every name) by way of the device."""

    device: str
    index: int
    servers: list[str]
    domains: list[str]
    default: bool

    async def make(self, machine: Machine) -> None:
        run = machine.commands.run
        await run("resolvectl", "dns", self.device, *self.servers)
        await run("resolvectl", "domain", self.device, *(self.domains or [""]))
        with suppress(OSError):  # resolvectl before systemd 240 does not know this; `~.` says the same there
            await run("resolvectl", "default-route", self.device, "yes" if self.default else "no")

    async def undo(self, machine: Machine) -> bool:
        """systemd-resolved forgets a device that goes; what it refuses before is told, and not tried again."""
        try:
            if (await machine.network.link(self.device)).index != self.index:
                return False
        except OSError:
            return False
        try:
            await machine.commands.run("resolvectl", "revert", self.device)
        except OSError as error:
            log.warning(
                "the DNS servers of %s may stay until the device goes: %s", self.device, error.strerror or error
            )
            return False
        return True


@frozen
class Resolvconf:
    """resolvconf has a record of the connection; its name begins with `tun.` so that it comes before other links'."""

    record: str
    lines: list[str]

    async def make(self, machine: Machine) -> None:
        await machine.commands.run("resolvconf", "-a", self.record, given="".join(f"{line}\n" for line in self.lines))

    async def undo(self, machine: Machine) -> bool:
        await machine.commands.run("resolvconf", "-d", self.record)
        return True


@frozen
class ResolvFile:
    """/etc/resolv.conf is ours, and has the lines of the connection `name`; before all others where it is `first`."""

    path: str
    elsewhere: str
    lines: list[str]
    name: str
    first: bool

    def _place(self) -> Place:
        return Place(Path(self.path), Path(self.elsewhere))

    async def make(self, machine: Machine) -> None:  # noqa: ARG002 - the same shape for every change
        async with resolvfile.alone(place := self._place()):
            resolvfile.join(place, self.name, self.lines, first=self.first)

    async def undo(self, machine: Machine) -> bool:  # noqa: ARG002 - the same shape for every change
        async with resolvfile.alone(place := self._place()):
            return resolvfile.leave(place, self.name)


KINDS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        LinkUp,
        AddressMade,
        RouteMade,
        RuleMade,
        Table,
        Clamped,
        Closing,
        ReversePath,
        Setting,
        Forwarding,
        Proxied,
        OwnTable,
        Resolved,
        Resolvconf,
        ResolvFile,
    )
}

EARLIER_NAMES = {"Address": "AddressMade"}
EARLIER_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "Table": {"family": "inet"},
    "Closing": {"by_policies": False},
    "ResolvFile": {"name": "", "first": False},
}
"""What earlier builds wrote: an upgrade cleans up behind one that was killed."""


def written(change: Change) -> dict[str, Any]:
    """A change as a journal keeps it."""
    return {"change": type(change).__name__, **asdict(change)}  # type: ignore[call-overload]  # every kind is a dataclass


def read(entry: Mapping[str, Any]) -> Change:
    """A change of a journal. Raises `ValueError` when it is none of ours."""
    named = str(entry.get("change"))
    name = EARLIER_NAMES.get(named, named)
    whole, kind = {**EARLIER_FIELDS.get(name, {}), **entry}, KINDS.get(name)
    names = {each.name for each in fields(kind)} if kind else set()
    if kind is None or names | {"change"} != set(whole):
        raise ValueError(f"unknown change {named}")
    change: Change = kind(**{name: whole[name] for name in names})
    return change


async def _without_table(machine: Machine, family: str, name: str) -> bool:
    """Whether it was there until now."""
    try:
        await nftables.tell(machine.commands, nftables.removing(family, name))
    except OSError:
        if (family, name) in await nftables.tables(machine.commands):
            raise
        return False
    return True


async def _unless_gone(undoing: Awaitable[None]) -> bool:
    try:
        await undoing
    except OSError as error:
        if error.errno in GONE:
            return False
        raise
    return True
