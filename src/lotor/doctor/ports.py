"""UDP 500 and 4500: who holds them, and whether the addresses of `listen { }` are this host's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import groupby
from pathlib import Path
from shlex import quote

from lotor.config import loads
from lotor.config.listening import isakmp, nat_t
from lotor.doctor.daemon import running
from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.reading import text_of
from lotor.doctor.subject import Subject
from lotor.hosts.holder import PROGRAM, Holder, holders_of
from lotor.hosts.netlink import Netlink
from lotor.model.frozen import frozen
from lotor.model.network import Address, Peer
from lotor.model.policy import Side

CGROUP = "/proc/{}/cgroup"
SERVICE = re.compile(r":/system\.slice/(?:.*/)?([^/\n]+\.service)$", re.MULTILINE)
"""Of the system: a person's own are in user.slice, and named by that person."""
CONTAINER = re.compile(r"docker[-/]([0-9a-f]{12})[0-9a-f]*(?:\.scope)?$", re.MULTILINE)


@frozen
class Ports:
    """`wanted`: where this configuration listens. `holders` by port. `daemon`: the process of lotor that answers at
    the control socket. `stops`: by process, the command that stops it. `addresses` of this host."""

    wanted: tuple[Peer, ...]
    holders: Mapping[int, tuple[Holder, ...]]
    addresses: frozenset[Address]
    gateway: bool = True
    daemon: int | None = None
    stops: Mapping[int, str] = field(default_factory=dict)


async def look(subject: Subject) -> Ports:
    settings = subject.settings or loads("").settings
    places = dict.fromkeys(
        Peer(each.address, each.port) for each in (*isakmp(settings.listen), *nat_t(settings.listen))
    )
    holders = {port: tuple(holders_of(port)) for port in {each.port for each in places}}
    addresses = frozenset(address for _, address in await Netlink().addresses())
    daemon = running(subject)
    found = {each.process for some in holders.values() for each in some if each.process is not None}
    stops = {process: stop_of(process, text_of(Path(CGROUP.format(process)))) for process in found}
    return Ports(tuple(places), holders, addresses, Side.GATEWAY in subject.sides, daemon, stops)


def stop_of(process: int, cgroup: str) -> str:
    """The command that ends a process for good: what started it would start it again."""
    if found := CONTAINER.search(cgroup):
        return f"docker stop {found[1]}"
    if found := SERVICE.search(cgroup):
        return f"systemctl disable --now {quote(found[1])}"
    return f"kill {process}"


def judge(ports: Ports) -> Iterator[Finding]:
    strangers = sorted(_strangers(ports), key=lambda pair: (pair[0].process or 0, pair[0].program, pair[1]))
    for (program, process), pairs in groupby(strangers, key=lambda pair: (pair[0].program, pair[0].process)):
        yield _held(ports, program, process, sorted({port for _, port in pairs}))
    for each in _foreign(ports):
        yield warn(f"{each} of listen {{ }} is no address of this host", "ip -br address")
    if not strangers:
        yield from _ours(ports)


def _strangers(ports: Ports) -> Iterator[tuple[Holder, int]]:
    for place in ports.wanted:
        for holder in ports.holders.get(place.port, ()):
            if _same_place(place.address, holder.address) and not _is_ours(holder, ports):
                yield holder, place.port


def _same_place(wanted: Address, held: Address) -> bool:
    return wanted.version == held.version and (wanted == held or wanted.is_unspecified or held.is_unspecified)


def _is_ours(holder: Holder, ports: Ports) -> bool:
    """A client's ports may be those of any lotor."""
    daemon, named = ports.daemon, holder.program == PROGRAM
    return (
        named
        if daemon is None and not ports.gateway
        else daemon is not None and (named or holder.process in {daemon, None})
    )


def _held(ports: Ports, program: str, process: int | None, numbers: list[int]) -> Finding:
    told = f"UDP {_listed(numbers)}"
    if process is None:
        return unknown(f"{told} in use by a program that this user may not see", "sudo lotor doctor")
    stop = ports.stops.get(process, f"kill {process}")
    text = f"{told} in use by {program} (process {process})"
    if not ports.gateway:
        return warn(f"{text}: a free port does for a client", stop)
    return wrong(text, stop)


def _foreign(ports: Ports) -> list[Address]:
    wanted = dict.fromkeys(each.address for each in ports.wanted)
    return [each for each in wanted if not each.is_unspecified and each not in ports.addresses]


def _ours(ports: Ports) -> Iterator[Finding]:
    numbers = sorted({each.port for each in ports.wanted})
    silent = [number for number in numbers if not ports.holders.get(number)]
    if ports.daemon is None:
        yield ok(f"UDP {_listed(numbers)} free")
    elif silent and ports.gateway:
        yield wrong(f"the daemon runs, but nobody has UDP {_listed(silent)} open", "lotor reload")
    else:
        yield ok(f"UDP {_listed(numbers)}: lotor has them (process {ports.daemon})")


def _listed(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))
