"""Key material of IKEv2: SKEYSEED and what comes from it, KEYMAT, PPK, and the octets that AUTH covers (RFC 7296 §2.14
to §2.18, RFC 8784, RFC 9242, RFC 9370)."""

from __future__ import annotations

from dataclasses import field, replace

from lotor.crypto import ciphers
from lotor.crypto.hashes import hmac, integrity_key_size, size
from lotor.crypto.ike2 import Protection
from lotor.crypto.prf import derived
from lotor.ike.errors import LocalFault
from lotor.ike.v2.sa import IkeSa, SkKeys
from lotor.model.algorithms import EspSuite, Hash, Ike2Suite, Integrity
from lotor.model.child import DirectionKeys
from lotor.model.frozen import frozen
from lotor.model.judgement import SignedOctets
from lotor.model.reasons.local import WeakDerivedKey
from lotor.model.secret import Secret
from lotor.wire.v2.numbers import ExchangeType, NotifyType, PayloadType


@frozen
class Parts:
    """What both ends sent in the exchange that makes keys: nonces, and the SPIs of the SA that they are for (8 octets
    each; empty for keys of a child). "i" is the initiator of that exchange. `shared` is g^ir, empty where a child has
    none; `more` what additional key exchanges agreed on, in their order (RFC 9370 §2.2.4)."""

    ni: bytes
    nr: bytes
    spi_i: bytes = b""
    spi_r: bytes = b""
    shared: bytes = field(default=b"", repr=False)
    more: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def nonces(self) -> bytes:
        return self.ni + self.nr

    @property
    def seed(self) -> bytes:
        """What follows the key in the seeds of renewed keys and of KEYMAT."""
        return b"".join((self.shared, self.ni, self.nr, *self.more))


def first(suite: Ike2Suite, parts: Parts) -> SkKeys:
    """The keys that IKE_SA_INIT makes (RFC 7296 §2.14)."""
    return _expand(suite, parts.nonces, (suite.prf, parts.shared), parts)


def renewed(old: IkeSa, suite: Ike2Suite, parts: Parts) -> SkKeys:
    """The keys of an SA that takes over from `old` (RFC 7296 §2.18): SKEYSEED by the old PRF, the rest by that of
    `suite`."""
    return _expand(suite, old.keys.d, (old.prf, parts.seed), parts)


def resumed(suite: Ike2Suite, d: Secret, parts: Parts) -> SkKeys:
    """The keys of an SA that a ticket leads back to, whose SK_d was `d` (RFC 5723 §5.1)."""
    return _expand(suite, d.reveal(), (suite.prf, b"Resumption" + parts.nonces), parts)


def further(suite: Ike2Suite, keys: SkKeys, parts: Parts) -> SkKeys:
    """The keys after an additional key exchange in IKE_INTERMEDIATE, which agreed on `parts.shared`; nonces and SPIs
    are those of IKE_SA_INIT (RFC 9370 §2.2.2)."""
    return _expand(suite, keys.d, (suite.prf, parts.shared + parts.nonces), parts)


def _expand(suite: Ike2Suite, key: bytes, of: tuple[Hash, bytes], parts: Parts) -> SkKeys:
    """SK_d to SK_pr; SKEYSEED is the PRF of what stands in `of`, under `key`. `LocalFault` for a weak key, which must
    not be used."""
    own, integrity = size(suite.prf), _integrity_octets(suite.integrity)
    cipher = ciphers.key_octets(suite.cipher, suite.key_bits)
    sizes = (own, integrity, integrity, cipher, cipher, own, own)
    keys = SkKeys(*derived(suite.prf, key, of, parts.nonces + parts.spi_i + parts.spi_r, sizes))
    _demand_strength(suite, keys.ei, keys.er)
    return keys


def _integrity_octets(integrity: Integrity | None) -> int:
    return integrity_key_size(integrity) if integrity else 0


def _demand_strength(suite: Ike2Suite | EspSuite, *keys: bytes) -> None:
    """RFC 2451 §2.3: a 3DES key that amounts to one of DES must be rejected. Other nonces give another key."""
    if any(ciphers.is_single_des(suite.cipher, key) for key in keys):
        raise LocalFault(WeakDerivedKey(), NotifyType.NO_PROPOSAL_CHOSEN)


def with_mixed(keys: SkKeys, mixed: tuple[Secret, Secret, Secret]) -> SkKeys:
    """With SK_d, SK_pi and SK_pr that have a post-quantum pre-shared key in them (RFC 8784 §3); those that protect
    messages stay."""
    d, pi, pr = (each.reveal() for each in mixed)
    return replace(keys, d=d, pi=pi, pr=pr)


def sealing(sa: IkeSa, *, initiator: bool) -> Protection:
    """What seals messages of the original initiator, or of its responder. Made once for the end that sends: it numbers
    its IVs."""
    keys = sa.keys
    encryption, integrity = (keys.ei, keys.ai) if initiator else (keys.er, keys.ar)
    return Protection(sa.suite, encryption, integrity)


@frozen
class ChildKeys:
    """KEYMAT cut into the keys of what the initiator of the exchange sends, and of what the responder sends; those of
    encryption hold their salt."""

    encryption_i: bytes = field(repr=False)
    integrity_i: bytes = field(repr=False)
    encryption_r: bytes = field(repr=False)
    integrity_r: bytes = field(repr=False)

    def direction(self, spi: int, *, initiator: bool) -> DirectionKeys:
        """What the initiator of the exchange sends, or its responder, to the end that chose `spi`."""
        encryption, integrity = self.encryption_i, self.integrity_i
        if not initiator:
            encryption, integrity = self.encryption_r, self.integrity_r
        return DirectionKeys(spi, Secret(encryption), Secret(integrity))


def of_child(sa: IkeSa, suite: EspSuite, parts: Parts) -> ChildKeys:
    """KEYMAT of a child (RFC 7296 §2.17). Nonces are those of the exchange that makes it, thus of IKE_SA_INIT for that
    of IKE_AUTH. `LocalFault` for a weak key."""
    cipher, integrity = ciphers.key_octets(suite.cipher, suite.key_bits), _integrity_octets(suite.integrity)
    sizes = (cipher, integrity, cipher, integrity)
    keys = ChildKeys(*derived(sa.prf, sa.keys.d, None, parts.seed, sizes))
    _demand_strength(suite, keys.encryption_i, keys.encryption_r)
    return keys


def of_first_child(sa: IkeSa, suite: EspSuite) -> ChildKeys:
    """Of the child that IKE_AUTH makes: it has the nonces of IKE_SA_INIT, and no key exchange of its own."""
    return of_child(sa, suite, Parts(sa.ni, sa.nr))


def signed_octets(sa: IkeSa, id_b: bytes, *, initiator: bool) -> SignedOctets:
    """What AUTH of the original initiator covers, or of its responder. `id_b` is the body of its ID payload as sent,
    without generic header."""
    return SignedOctets(
        message=sa.message(initiator=initiator),
        nonce=sa.nonce(initiator=not initiator),
        prf=sa.prf,
        sk_p=Secret(sa.keys.p(initiator=initiator)),
        id_b=id_b,
        intermediate=sa.intermediate,
    )


@frozen
class Intermediates:
    """IntAuth of both ends, as it grows with each IKE_INTERMEDIATE message (RFC 9242 §3.3.2)."""

    of_initiator: bytes = b""
    of_responder: bytes = b""

    def followed(self, sa: IkeSa, header: bytes, first: int, content: bytes, *, initiator: bool) -> Intermediates:
        """With a message of that end: the 28 octets of its `header`, the type of its `first` inner payload, and its
        whole content in clear, without padding. `sa` has the keys that protected the message."""
        last = self.of_initiator if initiator else self.of_responder
        step = hmac(sa.prf, sa.keys.p(initiator=initiator), last, _in_clear(header, first, content))
        return replace(self, of_initiator=step) if initiator else replace(self, of_responder=step)

    def whole(self, message_id: int) -> bytes:
        """What AUTH of either end covers; `message_id` is that of the first IKE_AUTH request."""
        return self.of_initiator + self.of_responder + message_id.to_bytes(4, "big")


def _in_clear(header: bytes, first: int, content: bytes) -> bytes:
    """The message as if it had been neither encrypted nor cut: adjusted header, header of SK, content."""
    if len(header) != 28 or header[18] != ExchangeType.IKE_INTERMEDIATE:
        raise ValueError("not the header of an IKE_INTERMEDIATE message")
    body = 4 + len(content)
    adjusted = header[:16] + bytes([PayloadType.ENCRYPTED]) + header[17:24] + (28 + body).to_bytes(4, "big")
    return adjusted + bytes([first, 0]) + body.to_bytes(2, "big") + content
