"""Who may not log in for a while, and when that follows from wrong logins."""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv4Network, IPv6Network, ip_network

from lotor.model.frozen import frozen
from lotor.model.network import Network

LONGEST_SUBJECT = 256
"""Characters of a login that can be banned."""
LONGEST = 3650 * 86400
"""Seconds: ten years."""

_LIKE_NETWORK = re.compile(r".*/[0-9]+|[0-9]+(\.[0-9]+){3}|[0-9A-Fa-f:]*::[0-9A-Fa-f:.]*")
"""It ends like a prefix, has four numbers, or digits of IPv6 around "::"."""


@frozen
class Ban:
    """`subject` is a login, or a network where `network` says so, in its shortest form: an address alone is a network
    of one. `since` and `until` in seconds since 1970. `why` is a few words."""

    subject: str
    network: bool
    since: float
    until: float
    why: str


@frozen
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


def demand_subject(text: str) -> None:
    """Raises `ValueError` for what is no login that can be banned, and for what looks like an address or a network and
    is none: a ban of a login of that name would keep nobody out."""
    if not known_as(text) or len(text) > LONGEST_SUBJECT:
        raise ValueError(f"an address, a network or a login of at most {LONGEST_SUBJECT} characters can be banned")
    if subject_of(text)[1] or not _LIKE_NETWORK.fullmatch(text):
        return
    what = "network" if "/" in text else "address"
    raise ValueError(f"{text} is no {what}: write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")


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
