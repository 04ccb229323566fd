"""Shuts out inner packets that come in outside the tunnel: by nftables, or by what the host has instead of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from lotor.hosts import firewall, sysctl, undo
from lotor.hosts.changes import Clamped, Machine, ReversePath, Table
from lotor.hosts.journal import Journal
from lotor.hosts.netlink import Link

log = logging.getLogger(__name__)

Devices = Callable[[], Awaitable[list[str]]]


async def shut(machine: Machine, journal: Journal, table: Table, outer: Devices) -> None:
    """Make the table; where there is no nftables, a strict reverse path filter on the devices that `outer` names, and
    that is told. Raises `OSError` only when the journal cannot be written."""
    try:
        await undo.make_whole(machine, journal, table)
    except undo.NotMadeError as error:
        log.warning("nftables is not used (%s): %s", error, await _instead(machine, journal, outer))


async def hush(machine: Machine, journal: Journal, table: Table) -> None:
    """Make a table that keeps inner addresses from neighbours who only ask; a kernel without it is no fault. Raises
    `OSError` only when the journal cannot be written."""
    try:
        await undo.make_whole(machine, journal, table)
    except undo.NotMadeError as error:
        log.info("neighbours on the outer link may learn the inner address by ARP: %s", error)


async def clamp(machine: Machine, journal: Journal, link: Link) -> None:
    """For a device of the kernel's ESP, which does not look into packets as an engine does; a kernel without nftables
    is no fault, and that is told. Raises `OSError` only when the journal cannot be written."""
    if link.leading is None:
        return
    name = firewall.table_name(link.name, link.index, "clamp")
    try:
        await undo.make_whole(machine, journal, Clamped(name, link.index, link.leading.value))
    except undo.NotMadeError as error:
        log.warning("TCP that is forwarded must find out itself what fits into the tunnels: %s", error)


async def _instead(machine: Machine, journal: Journal, outer: Devices) -> str:
    """What was done instead, as the rest of a sentence."""
    beside = "packets to inner addresses that come in outside the tunnel are"
    try:
        devices = await outer()
        for device in devices:
            if not sysctl.strict_reverse_path(device):
                await undo.make(machine, journal, ReversePath(device, sysctl.reverse_path(device)))
    except OSError as error:
        return f"{beside} not dropped, for rp_filter cannot be set either: {error.strerror or error}"
    strict = [device for device in devices if sysctl.strict_reverse_path(device)]
    if not devices or strict != devices:
        return f"{beside} not dropped: set net.ipv4.conf.all.rp_filter to 1, or install nftables"
    return f"{beside} dropped by rp_filter=1 on {', '.join(strict)} instead, and those of IPv6 are not dropped"
