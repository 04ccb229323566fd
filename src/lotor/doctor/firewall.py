"""The host's firewalls: what of a gateway's traffic they drop, and the command of whoever made the rule that lets it
pass. lotor's own tables are left out: they drop what they were made for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lotor.config import loads
from lotor.config.listening import isakmp, nat_t
from lotor.doctor.finding import Finding, ok, unknown, wrong
from lotor.doctor.subject import Subject
from lotor.hosts.connected import connected
from lotor.hosts.netlink import Netlink
from lotor.hosts.ruleset import Packet, Ruleset, Stop
from lotor.model.network import Network

DEVICE = "lotor0"
OWN = "lotor"
LEGACY = Path("/proc/net/ip_tables_names")


@dataclass(frozen=True, slots=True)
class Firewall:
    """`listed`: what `nft -j list ruleset` says; empty where there is no nft, and nothing else made rules. `outer`:
    devices of the default routes; `inner`: those of the inside. `legacy`: tables of the kernel's older firewall."""

    listed: str
    ports: tuple[int, ...]
    outer: tuple[str, ...]
    inner: tuple[str, ...]
    pool: tuple[Network, ...]
    legacy: tuple[str, ...] = ()


async def look(subject: Subject) -> Firewall:
    """Raises `OSError` where nft may not look."""
    listen = (subject.settings or loads("").settings).listen
    ports = tuple(sorted({each.port for each in (*isakmp(listen), *nat_t(listen))}))
    outer = tuple(await Netlink().ways_out())
    near = dict.fromkeys(device for device in connected().values() if not device.startswith(OWN))
    inner = tuple(each for each in near if each not in outer) or outer
    return Firewall(await ruleset(subject), ports, outer or inner, inner, subject.pool, _legacy())


async def ruleset(subject: Subject) -> str:
    """Empty where nft is missing: without it nobody but the older firewall has rules. Raises `OSError`."""
    if subject.commands.find("nft") is None:
        return ""
    return await subject.commands.run("nft", "-j", "list", "ruleset")


def _legacy() -> tuple[str, ...]:
    try:
        return tuple(LEGACY.read_text().split())
    except OSError:
        return ()


def judge(firewall: Firewall) -> Iterator[Finding]:
    rules = Ruleset(firewall.listed) if firewall.listed else None
    found = list(dict.fromkeys(_stopped(rules, firewall))) if rules else []
    yield from found
    if firewall.legacy:
        tables = ", ".join(firewall.legacy)
        yield unknown(f"rules of iptables-legacy were not judged (tables {tables})", "iptables-legacy -S")
    if not found and not firewall.legacy:
        yield ok(f"UDP {_listed(firewall.ports)} comes in, and nothing stops {DEVICE}")


def _stopped(rules: Ruleset, firewall: Firewall) -> Iterator[Finding]:
    versions = {4, *(each.version for each in firewall.pool)}
    for version in sorted(versions):
        yield from _input(rules, firewall, version)
    for pool in firewall.pool:
        yield from _forward(rules, firewall, pool)


def _input(rules: Ruleset, firewall: Firewall, version: int) -> Iterator[Finding]:
    stops: dict[Stop, list[int]] = {}
    for port in firewall.ports:
        for device in firewall.outer:
            packet = Packet("input", device, protocol="udp", port=port, version=version)
            for stop in _others(rules.stops(packet)):
                stops.setdefault(stop, []).append(port)
    for stop, ports in stops.items():
        numbers = tuple(dict.fromkeys(ports))
        yield wrong(f"{_maker(rules, stop)} drops UDP {_listed(numbers)} that comes in", *_opens(rules, stop, numbers))


def _forward(rules: Ruleset, firewall: Firewall, pool: Network) -> Iterator[Finding]:
    for device in firewall.inner:
        there = Packet("forward", DEVICE, device, source=pool, version=pool.version)
        back = Packet("forward", device, DEVICE, state="established", version=pool.version)
        for told, packet in ((f"{DEVICE} to {device}", there), (f"{device} back to {DEVICE}", back)):
            for stop in _others(rules.stops(packet)):
                yield wrong(f"{_maker(rules, stop)} drops what goes from {told}", *_forwards(rules, stop))


def _others(stops: Iterable[Stop]) -> Iterator[Stop]:
    return (each for each in stops if not each.table.startswith(OWN))


def _maker(rules: Ruleset, stop: Stop) -> str:
    """Who made the rule, by the names that it gives its tables and chains."""
    names = {name for family, table, name in rules.chains if (family, table) == (stop.family, stop.table)}
    if stop.table == "firewalld":
        return "firewalld"
    if stop.table == "filter" and any(each.startswith("ufw") for each in names):
        return "ufw"
    if stop.table == "filter" and stop.base == "FORWARD" and "DOCKER-USER" in names:
        return "Docker"
    if stop.table == "filter" and stop.base.isupper():
        return "iptables"
    return f"nftables (chain {stop.base} of {stop.family} {stop.table})"


def _opens(rules: Ruleset, stop: Stop, ports: tuple[int, ...]) -> tuple[str, ...]:
    match _maker(rules, stop):
        case "firewalld":
            added = " ".join(f"--add-port={port}/udp" for port in ports)
            return (f"firewall-cmd --permanent {added}", "firewall-cmd --reload")
        case "ufw":
            return tuple(f"ufw allow {port}/udp" for port in ports)
        case "iptables" | "Docker":
            program = _iptables(stop)
            return tuple(f"{program} -I {stop.base} -p udp --dport {port} -j ACCEPT" for port in ports)
    numbers = ", ".join(map(str, ports))
    return (f"nft 'insert rule {stop.family} {stop.table} {stop.base} udp dport {{ {numbers} }} accept'",)


def _forwards(rules: Ruleset, stop: Stop) -> tuple[str, ...]:
    match _maker(rules, stop):
        case "firewalld":
            return (f"firewall-cmd --permanent --zone=trusted --add-interface={DEVICE}", "firewall-cmd --reload")
        case "ufw":
            return (f"ufw route allow in on {DEVICE}", f"ufw route allow out on {DEVICE}")
        case "Docker" | "iptables" as maker:
            chain, program = "DOCKER-USER" if maker == "Docker" else stop.base, _iptables(stop)
            return (f"{program} -I {chain} -i {DEVICE} -j ACCEPT", f"{program} -I {chain} -o {DEVICE} -j ACCEPT")
    rule = f"nft 'insert rule {stop.family} {stop.table} {stop.base}"
    return (f'{rule} iifname "lotor*" accept\'', f'{rule} oifname "lotor*" accept\'')


def _iptables(stop: Stop) -> str:
    return "ip6tables" if stop.family == "ip6" else "iptables"


def _listed(ports: Iterable[int]) -> str:
    return " and ".join(map(str, ports))
