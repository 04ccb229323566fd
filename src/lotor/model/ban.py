"""Who may not log in for a while, and when that follows from wrong logins."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from lotor.model.network import Network

LONGEST_SUBJECT = 256
"""Characters of a login that can be banned."""
LONGEST = 3650 * 86400
"""Seconds: ten years."""


@dataclass(frozen=True, slots=True)
class Ban:
    """`subject` is a login, or a network where `network` says so, in its shortest form: an address alone is a network
    of one. `since` and `until` in seconds since 1970. `why` is a few words."""

    subject: str
    network: bool
    since: float
    until: float
    why: str


@dataclass(frozen=True, slots=True)
class BanRule:
    """So many `wrong` logins of one network within `within` seconds are followed by a ban of it, for `length`
    seconds."""

    wrong: int
    within: int
    length: int


def subject_of(text: str) -> tuple[str, bool]:
    """What a person means: an address, a network, else a login; and whether it is one of the first two."""
    try:
        return shown(ip_network(text, strict=False)), True
    except ValueError:
        return text, False


def known_as(login: str) -> str:
    """The same for every spelling of a login that directories and RADIUS servers take for one: neither the case of
    letters counts, nor their width, nor blanks (RFC 4518 §2)."""
    return " ".join(unicodedata.normalize("NFKC", login.casefold()).split())


def shown(network: Network) -> str:
    """A network of one address is that address."""
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def network_of(subject: str) -> IPv4Network | IPv6Network:
    """Raises `ValueError` where it is none."""
    return ip_network(subject)
