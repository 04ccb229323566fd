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
from lotor.hosts.ruleset import Listing, Packet, Ruleset, Stop
from lotor.model.network import Network

DEVICE = "lotor0"
OWN = "lotor"
VEILED = '"xt"'
"""In what nft lists: a match or a target of iptables, of which it shows no more than the name."""
PROGRAMS = {"ip": "iptables-save", "ip6": "ip6tables-save"}
LEGACY = {
    "ip": (Path("/proc/net/ip_tables_names"), "iptables-legacy-save"),
    "ip6": (Path("/proc/net/ip6_tables_names"), "ip6tables-legacy-save"),
}
"""By family: where the kernel names the tables of its older firewall, and what lists them."""


ZONE = "filter_IN_"
"""How firewalld's chains of its zones begin, for what comes in."""
NO_RULES = Listing()


@dataclass(frozen=True, slots=True)
class Firewall:
    """`outer`: devices of the default routes; `inner`: those of the inside. `legacy`: the rules of the kernel's older
    firewall, None where it has some that could not be listed."""

    listing: Listing
    ports: tuple[int, ...]
    outer: tuple[str, ...]
    inner: tuple[str, ...]
    pool: tuple[Network, ...]
    legacy: Listing | None = NO_RULES


async def look(subject: Subject) -> Firewall:
    """Raises `OSError` where nft may not look."""
    listen = (subject.settings or loads("").settings).listen
    ports = tuple(sorted({each.port for each in (*isakmp(listen), *nat_t(listen))}))
    outer = tuple(await Netlink().ways_out())
    near = dict.fromkeys(device for device in connected().values() if not device.startswith(OWN))
    inner = tuple(each for each in near if each not in outer) or outer
    listing = await listing_of(subject)
    return Firewall(listing, ports, outer or inner, inner, subject.pool, await _legacy(subject))


async def listing_of(subject: Subject) -> Listing:
    """Empty where nft is missing: without it nobody but the older firewall has rules. Raises `OSError`."""
    commands = subject.commands
    if commands.find("nft") is None:
        return Listing()
    listed = await commands.run("nft", "-j", "list", "ruleset")
    programs = PROGRAMS if VEILED in listed else {}
    found = {family: name for family, name in programs.items() if commands.find(name) is not None}
    return Listing(listed, {family: await commands.run(name) for family, name in found.items()})


async def _legacy(subject: Subject) -> Listing | None:
    """Only where there are rules: asking for them would make the tables."""
    saved: dict[str, str] = {}
    for family, (names, program) in LEGACY.items():
        if not _text(names).split():
            continue
        try:
            saved[family] = await subject.commands.run(program)
        except OSError:
            return None
    return Listing(saved=saved)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def judge(firewall: Firewall) -> Iterator[Finding]:
    listings = [firewall.listing, *([firewall.legacy] if firewall.legacy else [])]
    found = list(dict.fromkeys(each for listing in listings for each in _stopped(Ruleset(listing), firewall)))
    yield from found
    if firewall.legacy is None:
        yield unknown("there are rules of iptables-legacy, which could not be listed", "iptables-legacy -S")
    elif not found:
        yield ok(f"no rule drops UDP {_listed(firewall.ports)}, nor what {DEVICE} forwards")


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
        yield wrong(f"{_maker(rules, stop)} drops incoming UDP {_listed(numbers)}", *_opens(rules, stop, numbers))


def _forward(rules: Ruleset, firewall: Firewall, pool: Network) -> Iterator[Finding]:
    """What clients begin, and the answers to it."""
    stops: dict[Stop, list[str]] = {}
    for device in firewall.inner:
        there = Packet("forward", DEVICE, device, "tcp", source=pool, version=pool.version)
        back = Packet("forward", device, DEVICE, "tcp", state="established", version=pool.version)
        for way, packet in ((f"from {DEVICE} to {device}", there), (f"from {device} back to {DEVICE}", back)):
            for stop in _others(rules.stops(packet)):
                stops.setdefault(stop, []).append(way)
    for stop, ways in stops.items():
        yield wrong(f"{_maker(rules, stop)} drops what goes {' and '.join(ways)}", *_forwards(rules, stop))


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
            return (f"firewall-cmd --permanent {_zone(stop)}{added}", "firewall-cmd --reload")
        case "ufw":
            return tuple(f"ufw allow {port}/udp" for port in ports)
        case "iptables" | "Docker":
            program = _iptables(stop)
            return tuple(f"{program} -I {stop.base} -p udp --dport {port} -j ACCEPT" for port in ports)
    numbers = ", ".join(map(str, ports))
    return (f"nft 'insert rule {stop.family} {stop.table} {stop.base} udp dport {{ {numbers} }} accept'",)


def _zone(stop: Stop) -> str:
    """The option that names the zone whose chain it is; none for firewalld's usual one."""
    return f"--zone={stop.chain.removeprefix(ZONE)} " if stop.chain.startswith(ZONE) else ""


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
