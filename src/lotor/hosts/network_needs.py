"""Which changes of a gateway's host a `network` block needs, as the host is now: switches of the kernel, and addresses
for which it answers others' questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lotor.hosts import sysctl
from lotor.hosts.changes import Change, Forwarding, Machine, Proxied, Setting
from lotor.hosts.network_table import Plan
from lotor.model.network import Network

TAKES_ADVERTISEMENTS, ALSO_AS_ROUTER = "1", "2"


async def needs(machine: Machine, plan: Plan, held: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Of the changes `held` already those that are still needed, and those that are missing. Raises `OSError`."""
    kept: list[Change] = []
    missing: list[Change] = []
    for version in versions(plan) if plan.network.forward else ():
        forwarding = [each for each in held if isinstance(each, Forwarding) and each.version == version]
        if forwarding:
            kept += [*forwarding, *(each for each in held if version == 6 and _of_advertisements(each))]
        elif not sysctl.forwards(version):
            missing += [*(_advertisements() if version == 6 else ()), Forwarding.of_now(version)]
    own = {(each.index, address) for each in held if isinstance(each, Proxied) for address in each.addresses}
    for name in plan.network.proxy_arp:
        for each in await _proxies(machine, name, plan, own):
            same = [other for other in held if isinstance(other, Proxied | Setting) and other.key == each.key]
            kept += same
            missing += [] if same or _is_so(each) else [each]
    return kept, missing


def _is_so(change: Proxied | Setting) -> bool:
    return isinstance(change, Setting) and sysctl.get(change.name) == change.value


def versions(plan: Plan) -> list[int]:
    """IPv6 only where clients have it, and this host."""
    wanted = {4, *(each.version for each in plan.clients)}
    return [version for version in (4, 6) if version in wanted and (version == 4 or sysctl.has_ipv6())]


def advertised() -> list[str]:
    """The devices that take router advertisements, and would not do so on a host that forwards."""
    names = sorted(each.name for each in Path(sysctl.ROOT, "net/ipv6/conf").glob("*"))
    wanted = (name for name in names if name not in {"all", "default", "lo"} and not name.startswith("lotor"))
    return [name for name in wanted if sysctl.get(_accept_ra(name)) == TAKES_ADVERTISEMENTS]


def _accept_ra(name: str) -> str:
    return f"net/ipv6/conf/{name}/accept_ra"


def _advertisements() -> Iterator[Setting]:
    for name in advertised():
        yield Setting(_accept_ra(name), ALSO_AS_ROUTER, TAKES_ADVERTISEMENTS)


def _of_advertisements(change: Change) -> bool:
    return isinstance(change, Setting) and change.name.endswith("/accept_ra")


async def _proxies(machine: Machine, name: str, plan: Plan, own: set[tuple[int, str]]) -> list[Proxied | Setting]:
    """In the order in which they are made. Addresses that somebody else made an entry for stay his; `own` are ours."""
    link = await machine.network.link(name)
    there = {str(each) for each in await machine.network.proxies(link.index) if (link.index, str(each)) not in own}
    found: list[Proxied | Setting] = []
    for version in versions(plan):
        networks: list[Network] = [each for each in plan.clients if each.version == version]
        addresses = [each for network in networks for each in map(str, network) if each not in there]
        switch = f"net/ipv6/conf/{name}/proxy_ndp"
        if version == 6:
            found.append(Setting(switch, "1", sysctl.get(switch)))
        found.append(Proxied(name, link.index, [str(each) for each in networks], addresses))
    return found
