"""The host's firewalls: what of a gateway's traffic they drop, and the command of whoever made the rule that lets it
pass. lotor's own tables are left out: they drop what they were made for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from lotor.config import loads
from lotor.config.listening import isakmp, nat_t
from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.subject import Subject
from lotor.hosts import foreign_remedies, foreign_rules
from lotor.hosts.connected import connected
from lotor.hosts.foreign_listing import Listing, legacy_of, listing_of
from lotor.hosts.foreign_rules import Obstacle, Packet, Program, Ruleset
from lotor.hosts.netlink import Netlink
from lotor.hosts.network_state import TUNNEL
from lotor.hosts.tun import OWN
from lotor.model.frozen import frozen
from lotor.model.network import Network
from lotor.model.policy import Side, Switch

ZONES, ZONE = "filter_INPUT_ZONES", "filter_IN_"
"""firewalld's chain that leads to its zones, and how the names of their chains begin."""
ANYBODY: dict[int, Network] = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
NO_RULES = Listing()


@frozen
class Firewall:
    """`outer`: devices of the default routes; `inner`: those of the inside. `legacy`: the rules of the kernel's older
    firewall, None where it has some that could not be listed. `esp`: clients without a NAT on the way send ESP
    itself."""

    listing: Listing
    ports: tuple[int, ...]
    outer: tuple[str, ...]
    inner: tuple[str, ...]
    pool: tuple[Network, ...]
    legacy: Listing | None = NO_RULES
    esp: bool = False


async def look(subject: Subject) -> Firewall:
    """Raises `OSError` where nft may not look."""
    listen = (subject.settings or loads("").settings).listen
    ports = tuple(sorted({each.port for each in (*isakmp(listen), *nat_t(listen))}))
    outer = tuple(await Netlink().ways_out())
    near = dict.fromkeys(device for device in connected().values() if not device.startswith(OWN))
    inner = tuple(each for each in near if each not in outer) or outer
    listing = await listing_of(subject.commands)
    esp = any(each.nat_traversal is not Switch.FORCE for each in subject.of_side(Side.GATEWAY))
    return Firewall(listing, ports, outer or inner, inner, subject.pool, await legacy_of(subject.commands), esp)


def judge(firewall: Firewall) -> Iterator[Finding]:
    listings = [firewall.listing, *([firewall.legacy] if firewall.legacy else [])]
    found = list(dict.fromkeys(each for listing in listings for each in _stopped(listing.rules(), firewall)))
    yield from found
    if firewall.legacy is None:
        yield unknown("there are rules of iptables-legacy, which could not be listed", "iptables-legacy -S")
    elif not found:
        yield ok(f"no rule drops UDP {_listed(firewall.ports)}, nor what {TUNNEL} forwards")


def _stopped(rules: Ruleset, firewall: Firewall) -> Iterator[Finding]:
    versions = {4, *(each.version for each in firewall.pool)}
    for version in sorted(versions):
        yield from _input(rules, firewall, version)
    yield from _forward(rules, firewall)


def _input(rules: Ruleset, firewall: Firewall, version: int) -> Iterator[Finding]:
    """What anybody sends, as it comes in by the devices of the default routes."""
    stops: dict[Obstacle, list[int]] = {}
    for device in firewall.outer:
        for port in firewall.ports:
            packet = Packet("input", version, device, source=ANYBODY[version], protocol="udp", port=port)
            for stop in foreign_rules.obstacles(rules, packet):
                stops.setdefault(stop, []).append(port)
        for stop, ports in stops.items():
            numbers = list(dict.fromkeys(ports))
            text = f"{_maker(stop)} {_drops(stop)} incoming UDP {_listed(numbers)}"
            yield _found(stop, text, foreign_remedies.admission(stop, numbers, zone(rules, device)))
        if firewall.esp:
            packet = Packet("input", version, device, source=ANYBODY[version], protocol="esp")
            for stop in foreign_rules.obstacles(rules, packet):
                text = f"{_maker(stop)} {_drops(stop)} incoming ESP: clients without a NAT on the way need it"
                yield warn(
                    f"{text} (or nat_traversal force)", *foreign_remedies.admission(stop, (), zone(rules, device))
                )


def _forward(rules: Ruleset, firewall: Firewall) -> Iterator[Finding]:
    """What clients begin, and the answers to it."""
    stops: dict[Obstacle, list[str]] = {}
    for packet in foreign_rules.forwarded(firewall.pool, TUNNEL, firewall.inner):
        for stop in foreign_rules.obstacles(rules, packet):
            stops.setdefault(stop, []).append(f"{packet.incoming} to {' and '.join(packet.outgoing)}")
    for stop, ways in stops.items():
        text = f"{_maker(stop)} {_drops(stop)} what goes from {' and from '.join(dict.fromkeys(ways))}"
        yield _found(stop, text, foreign_remedies.remedy(stop, firewall.pool, TUNNEL))


def _found(stop: Obstacle, text: str, mends: list[str]) -> Finding:
    return wrong(text, *mends) if stop.certain else warn(f"{text}: a rule before may let it pass", *mends)


def _drops(stop: Obstacle) -> str:
    return "drops" if stop.certain else "may drop"


def _maker(stop: Obstacle) -> str:
    return stop.program.value or f"nftables (chain {stop.chain} of {stop.family} {stop.table})"


def zone(rules: Ruleset, device: str) -> str:
    """The zone of firewalld that a device is in; empty for the usual one."""
    for each in rules["nftables"]:
        rule = each.get("rule", {})
        if rule.get("chain") == ZONES and rule.get("table") == Program.FIREWALLD.value:
            named = any(one.get("match", {}).get("right") == device for one in rule["expr"])
            target = next((one["goto"]["target"] for one in rule["expr"] if "goto" in one), "")
            if named and target:
                return str(target).removeprefix(ZONE)
    return ""


def _listed(ports: Iterable[int]) -> str:
    return " and ".join(map(str, ports))
