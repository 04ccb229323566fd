"""How a gateway's host is now, beside what its `network` block wants: read from the kernel, nothing is changed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from lotor.hosts import foreign_remedies, foreign_rules, network_table, nftables, sysctl
from lotor.hosts.changes import Forwarding, Machine, Proxied, Setting
from lotor.hosts.firewall import LOOPBACK
from lotor.hosts.foreign_listing import legacy_of, listing_of
from lotor.hosts.foreign_rules import Obstacle
from lotor.hosts.network_needs import needs
from lotor.hosts.network_table import FAMILY, TABLE, TUNNELS, Found, Plan
from lotor.model.frozen import frozen

BRIDGES = ("docker", "br-", "veth", "virbr", "cni", "lotor")
"""How the names of devices begin that lead to containers, or into a tunnel: not the inside of a gateway."""
TUNNEL = "lotor0"


@frozen
class State:
    """`device`: by which clients come. `switches` by name; `table` None: it is not there. `missing`: what the block
    wants and the host has not."""

    device: str
    switches: dict[str, str]
    table: Found | None
    missing: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]


async def state(plan: Plan | None, machine: Machine | None = None) -> State:
    """Raises `OSError`, `ValueError` for what nft tells."""
    host = machine or Machine()
    there = await table(host)
    device = device_of(there)
    lacks = await _missing(host, plan, there) if plan is not None else ()
    found = await obstacles(plan, device, host) if plan is not None else []
    switches = {sysctl.shown(name): sysctl.get(name) for name in sysctl.FORWARDING.values()}
    return State(device, switches, there, tuple(lacks), tuple(found))


async def missing(plan: Plan, machine: Machine) -> list[str]:
    """What the block wants and the host has not. Raises `OSError`, `ValueError` for what nft tells."""
    return await _missing(machine, plan, await table(machine))


def device_of(there: Found | None) -> str:
    """The device by which clients come, or will probably come."""
    return next(iter(there.elements.get(TUNNELS, ())), TUNNEL) if there is not None else TUNNEL


async def table(machine: Machine) -> Found | None:
    """Raises `OSError`."""
    if machine.commands.find("nft") is None:
        return None
    if (FAMILY, TABLE) not in await nftables.tables(machine.commands):
        return None
    return network_table.found(await machine.commands.run("nft", "-j", "list", "table", FAMILY, TABLE))


async def obstacles(plan: Plan, device: str, machine: Machine) -> list[Obstacle]:
    """Chains of other programs that drop what clients send to the inside, or its answers. Raises `OSError`."""
    listings = [await listing_of(machine.commands, elements=False), await legacy_of(machine.commands)]
    packets = foreign_rules.forwarded(plan.clients, device, await inside(plan, machine))

    def found() -> list[Obstacle]:
        return [each for one in listings if one for each in foreign_rules.in_the_way(one.rules(), packets)]

    return await asyncio.to_thread(found)


async def inside(plan: Plan, machine: Machine) -> Sequence[str]:
    """Devices by which clients' packets leave: those of the block, or else all that have an address."""
    named = [*plan.network.masquerade.interfaces, *plan.network.proxy_arp]
    if named:
        return list(dict.fromkeys(named))
    indices = {index for index, _ in await machine.network.addresses() if index != LOOPBACK}
    names = sorted(name for index, name in socket.if_nameindex() if index in indices)
    return [name for name in names if not name.startswith(BRIDGES)]


async def warnings(plan: Plan, device: str = "", machine: Machine | None = None) -> list[str]:
    """`device` empty: as the table has it. Raises `OSError`, `ValueError` for what nft tells."""
    host = machine or Machine()
    device = device or device_of(await table(host))
    told = [f"there is no interface {name}, which network {{ }} names" for name in strangers(plan)]
    for each in await obstacles(plan, device, host):
        commands = "; ".join(foreign_remedies.remedy(each, plan.clients, device))
        told.append(f"packets between clients and the inside: {each}. To open it: {commands}")
    return told


def strangers(plan: Plan) -> list[str]:
    named = dict.fromkeys((*plan.network.masquerade.interfaces, *plan.network.proxy_arp))
    there = {name for _, name in socket.if_nameindex()}
    return [name for name in named if name not in there]


async def _missing(machine: Machine, plan: Plan, there: Found | None) -> list[str]:
    told = [f"there is no interface {name}" for name in strangers(plan)]
    if not told:
        for change in (await needs(machine, plan, ()))[1]:
            told += _told(change)
    return told + network_table.difference(plan, there)


def _told(change: object) -> list[str]:
    match change:
        case Forwarding(version=version):
            return [f"IPv{version} is not forwarded ({sysctl.shown(sysctl.FORWARDING[version])} is 0)"]
        case Setting(name=name, value=value, before=before):
            return [f"{sysctl.shown(name)} is {before or 'missing'}, not {value}"]
        case Proxied(device=device, networks=networks, addresses=addresses) if addresses:
            return [f"{len(addresses)} addresses of {', '.join(networks)} are not answered for on {device}"]
    return []
