"""Name servers: those that a gateway gives its clients, and those that a client itself asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.lookups import Reply, ask
from lotor.doctor.reading import text_of
from lotor.doctor.subject import Subject
from lotor.hosts.netlink import Netlink
from lotor.hosts.resolvfile import servers
from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.model.policy import Side

RESOLV_CONF = Path("/etc/resolv.conf")
MOST = 6
"""Name servers that are asked."""


@frozen
class Asked:
    """`given`: to clients. `own`: of this host's resolv.conf. `here`: addresses of this host."""

    given: tuple[tuple[Address, Reply], ...]
    own: tuple[tuple[Address, Reply], ...]
    here: frozenset[Address]
    sides: frozenset[Side]


async def look(subject: Subject) -> Asked:
    mode_cfg = subject.mode_cfg
    given: list[Address] = [*mode_cfg.dns4, *mode_cfg.dns6] if mode_cfg else []
    own = servers(text_of(RESOLV_CONF)) if Side.CLIENT in subject.sides else []
    replies = await asyncio.gather(*(ask(each) for each in (*given[:MOST], *own[:MOST])))
    here = frozenset(address for _, address in await Netlink().addresses())
    cut = len(given[:MOST])
    pairs = list(zip([*given[:MOST], *own[:MOST]], replies, strict=True))
    return Asked(tuple(pairs[:cut]), tuple(pairs[cut:]), here, subject.sides)


def judge(asked: Asked) -> Iterator[Finding]:
    for server, reply in asked.given:
        yield _given(server, reply, asked.here)
    if Side.GATEWAY in asked.sides and not asked.given:
        yield ok("clients are given no name server")
    if Side.CLIENT in asked.sides:
        yield _own(asked.own)


def _given(server: Address, reply: Reply, here: frozenset[Address]) -> Finding:
    if reply is Reply.ANSWERS:
        return ok(f"{server}, which clients are given, answers")
    directive = f"dns{server.version}"
    text = f"{server}, which clients are given, {reply.value}"
    if server in here:
        return wrong(f"{text}: nothing of this host serves names there", "ss -ulpn 'sport = :53'")
    return wrong(text, f"{directive} ADDRESS;   # in mode_cfg: one that answers")


def _own(own: tuple[tuple[Address, Reply], ...]) -> Finding:
    if not own:
        return unknown(f"{RESOLV_CONF} names no server")
    silent = [f"{server} {reply.value}" for server, reply in own if reply is not Reply.ANSWERS]
    mend = f"nameserver ADDRESS   # in {RESOLV_CONF}: one that answers"
    if len(silent) == len(own):
        return wrong(f"names are not found: {', '.join(silent)}", mend)
    if silent:
        return warn(f"names are found slowly: {', '.join(silent)}", mend)
    return ok(f"{', '.join(str(server) for server, _ in own)} answers")
