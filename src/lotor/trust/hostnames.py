"""Whether a certificate names the gateway that a person meant: by alternative names, or for want of them by its CN."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from lotor.crypto.x509.chains import Chain

Meant = str | IPv4Address | IPv6Address
"""A host name, or an address where nothing but an address was given."""


def meant_gateway(host: str | None, address: IPv4Address | IPv6Address) -> Meant:
    """What the person typed: a host name stands for itself, not for the address that some name server gave for it."""
    if host is None:
        return address
    try:
        return ip_address(host)
    except ValueError:
        return _ascii(host)


def names_gateway(chain: Chain, meant: Meant) -> bool:
    """RFC 6125 §6.4 for host names, RFC 4945 §3.1.1 for addresses, for which no wildcard stands; a common name only
    where nothing else can name."""
    leaf = chain.leaf
    if not isinstance(meant, str) and leaf.has_alternatives:
        return meant in leaf.addresses
    if isinstance(meant, str) and leaf.has_alternatives:
        return any(_host_fits(name, meant) for name in leaf.dns_names)
    if not isinstance(meant, str):
        return any(_plain(name) == str(meant) for name in _common_name(chain))
    return any(_host_fits(name, meant) for name in _common_name(chain))


def certified_names(chain: Chain) -> str:
    """The names that could have fitted, for a person: `vpn.example.net, 192.0.2.50`."""
    leaf = chain.leaf
    alternatives = [*leaf.dns_names, *(str(address) for address in leaf.addresses), *leaf.emails]
    return ", ".join(alternatives or leaf.subject.values("CN")) or str(leaf.subject) or "nobody"


def _common_name(chain: Chain) -> tuple[str, ...]:
    # name constraints of an authority do not reach common names: with them, only alternative names count
    constrained = any(issuer.constrains_names for issuer in chain.issuers)
    found = chain.leaf.subject.values("CN")
    return found if len(found) == 1 and not constrained else ()


def _host_fits(pattern: str, host: str) -> bool:
    pattern, host = _plain(pattern), _plain(host)
    if not pattern.startswith("*."):
        return pattern == host
    first, dot, rest = host.partition(".")
    return bool(first and dot) and rest == pattern[2:] and "." in rest and "*" not in rest


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
