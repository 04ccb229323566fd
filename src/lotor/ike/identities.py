"""Identities of peers: how one reads for people, and whether a `remote` block admits it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from lotor.model.identity import Identity, IdKind, matches
from lotor.model.policy import RemotePolicy
from lotor.model.text import clean
from lotor.wire.distinguished import name_parts, name_text
from lotor.wire.errors import Malformed


def text(identity: Identity) -> str:
    """Printable, whatever the peer sent."""
    if identity.kind == IdKind.IPV4_ADDR and len(identity.data) == 4:
        return str(IPv4Address(identity.data))
    if identity.kind == IdKind.IPV6_ADDR and len(identity.data) == 16:
        return str(IPv6Address(identity.data))
    if identity.kind == IdKind.DER_ASN1_DN:
        return _name(identity.data)
    if identity.kind in (IdKind.FQDN, IdKind.USER_FQDN, IdKind.KEY_ID):
        return clean(identity.data, longest=256)
    return f"identity of type {identity.kind}: {identity.data[:64].hex()}"


def _name(der: bytes) -> str:
    try:
        return clean(name_text(der), longest=256)
    except Malformed:
        return f"broken distinguished name {der[:64].hex()}"


def admitted(remote: RemotePolicy, peer: Identity) -> bool:
    """With `verify_identifier on` the identity must be one of the `peers_identifier`s."""
    if not remote.verify_identifier or not remote.peers_identifiers:
        return True
    name = _parts(peer)
    return any(matches(pattern, peer, name) for pattern in remote.peers_identifiers)


def _parts(identity: Identity) -> list[tuple[str, str]] | None:
    """Those of a distinguished name; None for identities of another kind, and for octets that are no name."""
    if identity.kind != IdKind.DER_ASN1_DN:
        return None
    try:
        return [pair for part in name_parts(identity.data) for pair in part]
    except Malformed:
        return None
