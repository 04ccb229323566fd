"""What of a gateway's mode configuration this host accepts: a pure check before anything is changed."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from lotor.model.configuration import ModeConfiguration
from lotor.model.text import clean, domain_name

MOST_NETWORKS = 256
MOST_SERVERS = 8
MOST_DOMAINS = 64
THIS_NETWORK = IPv4Network("0.0.0.0/8")
ADVICE = "ask the gateway's administrator to correct its mode_cfg section"


def usable(address: IPv4Address) -> bool:
    """Whether a host may have this address or a server may be reached at it."""
    return not (address.is_loopback or address.is_multicast or address.is_reserved or address in THIS_NETWORK)


def admit(
    configuration: ModeConfiguration, own: Iterable[IPv4Address], gateway: object
) -> tuple[ModeConfiguration, list[str]]:
    """The configuration with what is safe to use, and a note for each thing left out.

    `own` are the addresses this host has already, `gateway` the gateway's outer address. Raises `OSError` when the
    address cannot be ours.
    """
    address = configuration.address
    if not usable(address):
        raise _refusal(f"the gateway assigned the address {address}, which no host may have")
    if address == gateway:
        raise _refusal(f"the gateway assigned its own address {address}")
    if address in set(own):
        raise _refusal(f"the gateway assigned the address {address}, which this host has already")
    if len(configuration.split_include) + len(configuration.split_local) > MOST_NETWORKS:
        raise _refusal(f"the gateway sent more than {MOST_NETWORKS} split networks")
    return _without_the_unusable(configuration)


def _refusal(what: str) -> OSError:
    return OSError(errno.EINVAL, f"{what}: {ADVICE}")


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
