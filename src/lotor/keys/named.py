"""The identities that our own certificate vouches for: a gateway of IKEv2 may show any of them."""

from __future__ import annotations

from lotor.crypto.certificates import Certificate
from lotor.model.identity import Identity, IdKind

MOST_NAMES = 100
"""Of an alternative name; each crosses to the daemon with every configuration."""


def identities_of(leaf: Certificate) -> tuple[Identity, ...]:
    """Names of hosts, addresses and persons of the alternative name, and the subject; without alternative name the
    common name as that of a host. A wildcard is nobody's name."""
    hosts = leaf.dns_names if leaf.has_alternatives else leaf.subject.values("CN")
    found = (
        *(Identity(IdKind.FQDN, host.encode()) for host in hosts if host and "*" not in host),
        *(Identity(_ADDRESSES[address.version], address.packed) for address in leaf.addresses),
        *(Identity(IdKind.USER_FQDN, email.encode()) for email in leaf.emails),
    )
    return (*found[:MOST_NAMES], Identity(IdKind.DER_ASN1_DN, leaf.subject.der))


_ADDRESSES = {4: IdKind.IPV4_ADDR, 6: IdKind.IPV6_ADDR}
