"""`peers_identifier`: whether the identity of phase 1 is the configured one, and the certificate vouches for it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

from lotor.crypto.certificates import Certificate
from lotor.model.distinguished import HEX_MARK, parse_name
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.text import clean
from lotor.trust.distinguished import configured_form, name_matches

ADDRESS_KINDS = frozenset({IdKind.IPV4_ADDR, IdKind.IPV6_ADDR})
WORDS = {
    IdKind.IPV4_ADDR: "address",
    IdKind.IPV6_ADDR: "address",
    IdKind.FQDN: "fqdn",
    IdKind.USER_FQDN: "user_fqdn",
    IdKind.DER_ASN1_DN: "asn1dn",
    IdKind.KEY_ID: "keyid tag",
}


def identity_matches(pattern: IdentityPattern, identity: Identity, leaf: Certificate) -> bool:
    """Whether the ID payload is what the configuration expects. A name of asn1dn is the subject of `leaf`."""
    if not _same_kind(pattern.kind, identity.kind):
        return False
    if pattern.value is None:
        return True
    compare = MATCHERS.get(IdKind(identity.kind))
    return compare is not None and compare(pattern.value, identity, leaf)


def identity_certified(identity: Identity, leaf: Certificate, *, by_subject: bool = True) -> bool:
    """Whether the certificate vouches for the ID payload (RFC 4945 §3.1); no certificate vouches for a key id.

    `by_subject` False: names inside the subject do not count, because constraints of an authority do not reach them.
    """
    text = _text(identity)
    if not _folded(text):
        return False
    common = leaf.subject.values("CN") if by_subject and not leaf.has_alternatives else ()
    if identity.kind in ADDRESS_KINDS:
        address = _address(identity.data)
        return address is not None and (address in leaf.addresses or str(address) in common)
    if identity.kind == IdKind.FQDN:
        return _folded(text) in map(_folded, leaf.dns_names if leaf.has_alternatives else common)
    if identity.kind == IdKind.USER_FQDN:
        return _folded(text) in map(_folded, leaf.emails or (_emails_of_subject(leaf) if by_subject else ()))
    return identity.kind == IdKind.DER_ASN1_DN and identity.data == leaf.subject.der


def identity_text(identity: Identity, leaf: Certificate) -> str:
    """For a person: `fqdn vpn.example.net`."""
    try:
        word = WORDS[IdKind(identity.kind)]
    except (KeyError, ValueError):
        return f"of kind {identity.kind}"
    if identity.kind == IdKind.DER_ASN1_DN:
        certified = identity.data == leaf.subject.der
        return f"{word} {leaf.subject}" if certified else f"{word} with another name than the certificate's"
    if identity.kind in ADDRESS_KINDS:
        return f"{word} {_address(identity.data) or 'of a wrong size'}"
    return f"{word} {clean(identity.data, longest=200)}"


def accepting_pattern(identity: Identity, leaf: Certificate) -> str | None:
    """The `peers_identifier` statement that would accept this peer; None when no statement could."""
    if not identity_certified(identity, leaf):
        return None
    if identity.kind == IdKind.DER_ASN1_DN:
        form = configured_form(leaf.subject)
        return f'peers_identifier asn1dn "{form}";' if form else None
    if identity.kind in ADDRESS_KINDS:
        return f"peers_identifier address {_address(identity.data)};"
    text = _text(identity)
    return (
        f'peers_identifier {WORDS[IdKind(identity.kind)]} "{text}";'
        if clean(text) == text and '"' not in text
        else None
    )


def pattern_fault(pattern: IdentityPattern) -> str | None:
    """What is wrong with a configured pattern, as a sentence."""
    value = pattern.value
    if value is None:
        return None
    if pattern.kind == IdKind.DER_ASN1_DN and not value.startswith(HEX_MARK):
        try:
            parse_name(value)
        except ValueError as fault:
            return f'peers_identifier asn1dn "{value}": {fault}'
    if pattern.kind in ADDRESS_KINDS and _parse_address(value) is None:
        return f"peers_identifier address {value}: this is not an IP address"
    return None


def _same_kind(wanted: int, present: int) -> bool:
    return wanted == present or (wanted in ADDRESS_KINDS and present in ADDRESS_KINDS)


def _match_name(value: str, identity: Identity, leaf: Certificate) -> bool:
    return identity.data == leaf.subject.der and name_matches(value, leaf.subject)


def _match_text(value: str, identity: Identity, _leaf: Certificate) -> bool:
    return _folded(value) == _folded(_text(identity))


def _match_address(value: str, identity: Identity, _leaf: Certificate) -> bool:
    address = _address(identity.data)
    return address is not None and address == _parse_address(value)


def _match_octets(value: str, identity: Identity, _leaf: Certificate) -> bool:
    """A tag is UTF-8; the octets of a keyid file stand as Latin-1 text."""
    return identity.data == value.encode() or identity.data.decode("latin-1") == value


MATCHERS: dict[IdKind, Callable[[str, Identity, Certificate], bool]] = {
    IdKind.DER_ASN1_DN: _match_name,
    IdKind.FQDN: _match_text,
    IdKind.USER_FQDN: _match_text,
    IdKind.IPV4_ADDR: _match_address,
    IdKind.IPV6_ADDR: _match_address,
    IdKind.KEY_ID: _match_octets,
}


def _emails_of_subject(leaf: Certificate) -> tuple[str, ...]:
    return leaf.subject.values("emailAddress") or leaf.subject.values("CN")


def _text(identity: Identity) -> str:
    return identity.data.decode("latin-1")


def _folded(text: str) -> str:
    return text.lower().removesuffix(".")


def _address(octets: bytes) -> IPv4Address | IPv6Address | None:
    return ip_address(octets) if len(octets) in {4, 16} else None


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
