"""The names that a gateway's certificate shall have, as a person gives them."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from lotor.crypto.private.issuing import LONGEST_COMMON_NAME, GatewayNames
from lotor.model.text import domain_name
from lotor.pki.fault import PkiError

WILDCARD = "*."


def gateway_names(texts: Sequence[str]) -> GatewayNames:
    """Host names and addresses in any order; the first one is the common name. Raises `PkiError`."""
    dns: list[str] = []
    addresses: list[IPv4Address | IPv6Address] = []
    for text in dict.fromkeys(text.strip() for text in texts):
        if address := _address(text):
            addresses.append(address)
        else:
            dns.append(_host(text))
    if not dns and not addresses:
        raise PkiError("a gateway needs a name: give the host name or the address that clients will type")
    names = [*dns, *map(str, addresses)]
    first = str(_address(texts[0].strip()) or _host(texts[0].strip()))
    fitting = [name for name in (first, *names) if len(name) <= LONGEST_COMMON_NAME]
    return GatewayNames(common=fitting[0] if fitting else "vpngw", dns=tuple(dns), addresses=tuple(addresses))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _host(text: str) -> str:
    plain = text.removeprefix(WILDCARD)
    try:
        name = domain_name(plain.encode("idna") if plain else b"")
    except UnicodeError:
        name = None
    if name is None:
        raise PkiError(f"'{text}' is neither a host name nor an address")
    return WILDCARD + name if text.startswith(WILDCARD) else name
