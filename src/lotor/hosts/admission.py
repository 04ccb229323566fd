"""What of a gateway's mode configuration this host accepts: a pure check before anything is changed."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.model.text import clean, domain_name

MOST_NETWORKS = 256
MOST_SERVERS = 8
MOST_DOMAINS = 64
THIS_NETWORK = IPv4Network("0.0.0.0/8")
NOWHERE6 = tuple(IPv6Network(text) for text in ("::/127", "::ffff:0:0/96", "fe80::/10", "ff00::/8"))
ADVICE = "ask the gateway's administrator to correct its mode_cfg section"


@frozen
class Neighbours:
    """Who else is on the outer link: its networks, and the routers of this host."""

    networks: tuple[IPv4Network, ...] = ()
    routers: frozenset[Address] = frozenset()


NOBODY = Neighbours()


def usable(address: Address) -> bool:
    """Whether a host may have this address or a server may be reached at it."""
    if address.version == 6:
        return not any(address in network for network in NOWHERE6)
    return not (address.is_loopback or address.is_multicast or address.is_reserved or address in THIS_NETWORK)


def admit(
    configuration: ModeConfiguration, own: Iterable[Address], gateway: object, neighbours: Neighbours = NOBODY
) -> tuple[ModeConfiguration, list[str]]:
    """The configuration with what is safe to use, and a note for each thing left out.

    `own` are the addresses this host has already, `gateway` the gateway's outer address. Raises `OSError` when the
    address cannot be ours.
    """
    address, taken = configuration.address, {gateway, *own, *neighbours.routers}
    if not usable(address):
        raise _refusal(f"the gateway assigned the address {address}, which no host may have")
    if address == gateway:
        raise _refusal(f"the gateway assigned its own address {address}")
    if address in neighbours.routers:
        raise _refusal(f"the gateway assigned the address {address}, which is a router's here")
    if address in taken:
        raise _refusal(
            f"the gateway assigned the address {address}, which this host has already, perhaps by another connection"
        )
    told = _among_neighbours(address, neighbours.networks)
    networks = (*configuration.split_include, *configuration.split_local, *configuration.split_include6)
    if len(networks) > MOST_NETWORKS:
        raise _refusal(f"the gateway sent more than {MOST_NETWORKS} split networks")
    admitted, notes = _without_the_unusable(configuration)
    admitted, more = _ipv6(admitted, taken)
    return admitted, told + notes + more


def _among_neighbours(address: IPv4Address, networks: Iterable[IPv4Network]) -> list[str]:
    """A home and an office often have the same networks: a neighbour's address gets a warning, no refusal."""
    told = []
    for network in networks:
        if address in network and network.prefixlen < 31:
            if address in {network.network_address, network.broadcast_address}:
                raise _refusal(f"the gateway assigned the address {address}, which stands for all of {network} here")
            clash = f"{address} lies in this host's own network {network}"
            told.append(f"{clash}: a host that has it there cannot be reached now")
    return told


def _refusal(what: str) -> OSError:
    return OSError(errno.EINVAL, f"{what}: {ADVICE}")


def _ipv6(configuration: ModeConfiguration, taken: set[object]) -> tuple[ModeConfiguration, list[str]]:
    """IPv6 comes on top: a fault of it leaves the tunnel to IPv4, and the log names it."""
    if configuration.address6 is None:
        return configuration.without_ipv6(), []
    address = configuration.address6.ip
    if not usable(address) or address in taken:
        why = "which this host has already" if usable(address) else "which no host may have"
        return configuration.without_ipv6(), [f"the gateway assigned the address {address}, {why}: left out; {ADVICE}"]
    networks = tuple(one for one in configuration.split_include6 if not any(one.subnet_of(no) for no in NOWHERE6))
    if configuration.split_include6 and not networks:
        note = f"{address} is left out: no network behind it can be reached through a tunnel; {ADVICE}"
        return configuration.without_ipv6(), [note]
    servers = tuple(dict.fromkeys(server for server in configuration.dns6 if usable(server)))[:MOST_SERVERS]
    left = [str(server) for server in configuration.dns6 if server not in servers][:MOST_SERVERS]
    notes = [f"DNS servers left out: {', '.join(left)}"] if left else []
    return replace(configuration, dns6=servers, split_include6=networks), notes


def _without_the_unusable(configuration: ModeConfiguration) -> tuple[ModeConfiguration, list[str]]:
    notes: list[str] = []
    servers = tuple(dict.fromkeys(server for server in configuration.dns if usable(server)))[:MOST_SERVERS]
    if left := [str(server) for server in configuration.dns if server not in servers][:MOST_SERVERS]:
        notes.append(f"DNS servers left out: {', '.join(left)}")
    networks = tuple(network for network in configuration.split_include if not network.is_loopback)
    if configuration.split_include and not networks:
        raise _refusal("the gateway sent only loopback networks as split networks")
    domains = tuple(filter(None, map(domain_name, configuration.split_dns[:MOST_DOMAINS])))
    domain = domain_name(configuration.domain)
    refused = [name for name in (configuration.domain, *configuration.split_dns) if name and domain_name(name) is None]
    notes += [f"not a domain name, left out: {clean(name, longest=80)}" for name in refused[:MOST_SERVERS]]
    kept = replace(configuration, dns=servers, split_include=networks, domain=(domain or "").encode())
    return replace(kept, split_dns=tuple(name.encode() for name in domains)), notes
