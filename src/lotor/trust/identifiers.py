"""`peers_identifier`: whether the identity of phase 1 is the configured one, and the certificate vouches for it."""

from __future__ import annotations

from lotor.crypto.certificates import Certificate
from lotor.model.identity import ADDRESS_KINDS, TEXT_KINDS, Identity, IdentityPattern, IdKind, folded, matches
from lotor.model.text import clean
from lotor.trust.distinguished import configured_form, flat

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
    named = identity.data == leaf.subject.der
    return matches(pattern, identity, flat(leaf.subject) if named else None)


def identity_certified(identity: Identity, leaf: Certificate, *, by_subject: bool = True) -> bool:
    """Whether the certificate vouches for the ID payload (RFC 4945 §3.1); no certificate vouches for a key id.

    `by_subject` False: names inside the subject do not count, because constraints of an authority do not reach them.
    """
    text = _text(identity)
    if not folded(text):
        return False
    if identity.kind in TEXT_KINDS:
        return certified_name(identity, leaf, by_subject=by_subject) is not None
    if identity.kind in ADDRESS_KINDS:
        common = leaf.subject.values("CN") if by_subject and not leaf.has_alternatives else ()
        address = identity.address
        return address is not None and (address in leaf.addresses or str(address) in common)
    return identity.kind == IdKind.DER_ASN1_DN and identity.data == leaf.subject.der


def certified_name(identity: Identity, leaf: Certificate, *, by_subject: bool = True) -> str | None:
    """The name of a host or a person as the certificate writes it: whoever claims it may write it in other ways."""
    if identity.kind == IdKind.FQDN:
        common = leaf.subject.values("CN") if by_subject else ()
        names = leaf.dns_names if leaf.has_alternatives else common
    else:
        names = leaf.emails or (_emails_of_subject(leaf) if by_subject else ())
    return next((each for each in names if folded(each) == folded(_text(identity))), None)


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
        return f"{word} {identity.address or 'of a wrong size'}"
    return f"{word} {clean(identity.data, longest=200)}"


def accepting_pattern(identity: Identity, leaf: Certificate) -> str | None:
    """The `peers_identifier` statement that would accept this peer; None when no statement could."""
    if not identity_certified(identity, leaf):
        return None
    if identity.kind == IdKind.DER_ASN1_DN:
        form = configured_form(leaf.subject)
        return f'peers_identifier asn1dn "{form}";' if form else None
    if identity.kind in ADDRESS_KINDS:
        return f"peers_identifier address {identity.address};"
    text = _text(identity)
    return (
        f'peers_identifier {WORDS[IdKind(identity.kind)]} "{text}";'
        if clean(text) == text and '"' not in text
        else None
    )


def _emails_of_subject(leaf: Certificate) -> tuple[str, ...]:
    return leaf.subject.values("emailAddress") or leaf.subject.values("CN")


def _text(identity: Identity) -> str:
    return identity.data.decode("latin-1")
