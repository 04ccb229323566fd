"""Which of its certificates this end shows, and which name of it: it may have several (RFC 7296 §3.5, §3.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lotor.ike.v2.sa import Abilities
from lotor.ike.v2.schemes import chosen
from lotor.model.identity import TEXT_KINDS, Identity, folded
from lotor.model.own_certificate import OwnCertificate
from lotor.model.policy import RemotePolicy
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import CertificateEncoding
from lotor.wire.v2.payloads import CertificateRequest

KEY_HASH = 20
"""Octets: SHA-1 of an authority's public key."""
MOST_ASKED = 16
"""Authorities that are asked for by name. Those of the public are more, and fill a message that is not encrypted."""


def asking(remotes: Iterable[RemotePolicy]) -> CertificateRequest:
    """Asks for a certificate of the authorities that one of the blocks trusts; of any where one of them has none, or
    all of the public."""
    trusted = [each.authority_keys for each in remotes]
    keys = tuple(dict.fromkeys(key for each in trusted for key in each)) if all(trusted) else ()
    few = keys if len(keys) <= MOST_ASKED else ()
    return CertificateRequest(CertificateEncoding.X509_SIGNATURE, b"".join(few))


def asked_for(chain: Chain) -> frozenset[bytes] | None:
    """The authorities that a peer asks for, empty where it takes any; None where it does not ask. A hint only, so what
    cannot be read is no fault."""
    x509 = CertificateEncoding.X509_SIGNATURE
    lists = [each.data for each in chain.all(CertificateRequest) if each.encoding == x509]
    found = (data[at : at + KEY_HASH] for data in lists for at in range(0, len(data), KEY_HASH))
    return frozenset(each for each in found if len(each) == KEY_HASH) if lists else None


def best(
    own: Iterable[OwnCertificate], abilities: Abilities, asked: frozenset[bytes] | None, wished: Identity | None
) -> OwnCertificate | None:
    """The one whose signature the peer reads, with the name that it wishes for, of an authority that it asks for; then
    the first of the file. A peer that names no hashes, or asks for no certificate, is as old or as plain as those that
    came with a device: it gets RSA. None where it reads none."""
    readable = [each for each in own if chosen(each.schemes, abilities) is not None]
    named = _preferred(readable, lambda each: shown(each.identities, wished) is None)
    known = _preferred(named, lambda each: _strange(each, asked or frozenset()))
    plain = asked is None or abilities.schemes is None
    return next(iter(_preferred(known, lambda each: plain and not each.rsa)), None)


def _preferred(found: list[OwnCertificate], worse: Callable[[OwnCertificate], int]) -> list[OwnCertificate]:
    least = min(map(worse, found), default=0)
    return [each for each in found if worse(each) == least]


def _strange(own: OwnCertificate, asked: frozenset[bytes]) -> int:
    """0 where the peer asks for its authority, 2 where it knows others only, 1 where nothing tells."""
    if not asked.isdisjoint(own.authorities):
        return 0
    return 2 if asked and own.complete else 1


def shown(certified: Sequence[Identity], wished: Identity | None) -> Identity | None:
    """Of the names of our certificates the one that the peer wishes for, as the certificate writes it; None where they
    have none."""
    return next((each for each in certified if wished is not None and _same(each, wished)), None)


def _same(one: Identity, other: Identity) -> bool:
    if one.kind != other.kind:
        return False
    return _text(one) == _text(other) if one.kind in TEXT_KINDS else one.data == other.data


def _text(identity: Identity) -> str:
    """Names of hosts and persons count in any case."""
    return folded(identity.data.decode("latin-1"))
