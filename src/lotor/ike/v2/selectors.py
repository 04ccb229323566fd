"""Traffic selectors as the networks that an SA pair joins, and how a responder narrows them (RFC 7296 §2.9, §3.13).

An SA pair carries whole networks. A selector of one protocol or of some ports is passed over: a client sends one for
the packet that made it connect, before the wide one, and nothing wider than a selector may be answered to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, summarize_address_range

from lotor.model.frozen import frozen
from lotor.model.network import Address, Network, lies_in
from lotor.wire.errors import Malformed
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import PayloadType
from lotor.wire.v2.payloads import Selector, TrafficSelector, TrafficSelectors

EVERYWHERE: tuple[Network, ...] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))

MOST_NARROWED = 32
"""Networks of one side of an SA pair. To leave out those beyond is narrowing, too."""


@frozen
class Networks:
    """What an SA pair joins, as seen from here."""

    local: tuple[Network, ...]
    remote: tuple[Network, ...]

    def of_both(self) -> Networks:
        """Without networks of an IP version that the other side has none of: nothing could pass there."""
        versions = {int(each.version) for each in self.local} & {int(each.version) for each in self.remote}
        return Networks(_of(versions, self.local), _of(versions, self.remote))

    def __bool__(self) -> bool:
        return bool(self.local and self.remote)

    def __str__(self) -> str:
        return f"{listed(self.local)} and {listed(self.remote)}"


def _of(versions: set[int], networks: Iterable[Network]) -> tuple[Network, ...]:
    return tuple(each for each in networks if each.version in versions)


def listed(networks: Iterable[Network]) -> str:
    return ", ".join(map(str, networks)) or "nothing"


def hosts(addresses: Iterable[Address]) -> tuple[Network, ...]:
    return tuple(IPv4Network(each) if isinstance(each, IPv4Address) else IPv6Network(each) for each in addresses)


def payload(networks: Iterable[Network], *, initiator: bool) -> TrafficSelectors:
    """TSi or TSr of these networks."""
    ranges = (TrafficSelector(each.network_address, each.broadcast_address) for each in networks)
    return TrafficSelectors(tuple(ranges), initiator)


def of(chain: Chain, *, initiator: bool) -> TrafficSelectors:
    """TSi or TSr of a message. `Malformed` without it."""
    kind = PayloadType.TRAFFIC_SELECTORS_I if initiator else PayloadType.TRAFFIC_SELECTORS_R
    found = chain.of_type(kind)
    if not isinstance(found, TrafficSelectors):
        raise Malformed(f"no {kind.name} payload")
    return found


def narrowed(asked: TrafficSelectors, allowed: Iterable[Network]) -> tuple[Network, ...]:
    """The part of what was asked for that is allowed, in the order of what is allowed."""
    found: dict[Network, None] = {}
    ranges = tuple(_ranges(asked.selectors))
    for network in allowed:
        for each in ranges:
            found.update(dict.fromkeys(_common(each, network)))
            if len(found) >= MOST_NARROWED:
                return tuple(found)[:MOST_NARROWED]
    return tuple(each for each in found if not _covered(each, found))


def known(asked: TrafficSelectors, given: Iterable[Address]) -> TrafficSelectors:
    """TSi of a client that writes the unspecified address for the one that it will be given, as OpenIKED does: with the
    addresses that it was given. Where it was given none of that IP version, the selector stays as it is."""
    addresses = {int(each.version): each for each in given}
    return replace(asked, selectors=tuple(_known(each, addresses) for each in asked.selectors))


def _known(selector: Selector, given: Mapping[int, Address]) -> Selector:
    if not isinstance(selector, TrafficSelector) or not _is_wide(selector) or int(selector.last):
        return selector
    address = given.get(selector.first.version)
    return selector if address is None else TrafficSelector(address, address)


def told(asked: TrafficSelectors) -> str:
    """For a person."""
    return ", ".join(map(_text, asked.selectors)) or "nothing"


def _covered(network: Network, others: Iterable[Network]) -> bool:
    """Whether another one has all of it."""
    return any(other != network and lies_in(network, other) for other in others)


def _ranges(selectors: Iterable[Selector]) -> Iterator[TrafficSelector]:
    for each in selectors:
        if isinstance(each, TrafficSelector) and _is_wide(each) and int(each.first) <= int(each.last):
            yield each


def _is_wide(selector: TrafficSelector) -> bool:
    return selector.protocol == 0 and (selector.first_port, selector.last_port) == (0, 0xFFFF)


def _common(selector: TrafficSelector, network: Network) -> tuple[Network, ...]:
    """What a range of addresses and a network have in common."""
    if selector.first.version != network.version:
        return ()
    first = max(int(selector.first), int(network.network_address))
    last = min(int(selector.last), int(network.broadcast_address))
    if first > last:
        return ()
    make = IPv4Address if network.version == 4 else IPv6Address
    return tuple(summarize_address_range(make(first), make(last)))


def _text(selector: Selector) -> str:
    if not isinstance(selector, TrafficSelector):
        return f"a selector of type {selector.type}"
    ports = f" of protocol {selector.protocol}, ports {selector.first_port}-{selector.last_port}"
    return f"{selector.first}-{selector.last}{'' if _is_wide(selector) else ports}"
