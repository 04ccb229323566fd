"""Proposals of IKEv2 as suites of the model and back (RFC 7296 §3.3); unknown numbers stay visible, and unchosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum, IntEnum
from typing import Final, TypeAlias

from lotor.model.algorithms import (
    AEADS,
    KEMS,
    KEY_LENGTHS,
    USUAL_BITS,
    Cipher,
    EspSuite,
    Group,
    Hash,
    Ike2Suite,
    Integrity,
)
from lotor.model.frozen import frozen
from lotor.wire.errors import Malformed
from lotor.wire.v2.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v2.numbers import Encryption, IntegrityNumber, PrfNumber, Protocol, TransformType

IKE_SPI, ESP_SPI = 8, 4
"""Octets of an SPI; a proposal of IKE_SA_INIT has none, those of a renewed IKE SA have 8."""
LEAST_ESP_SPI = 256
"""SPIs below are reserved (RFC 4303 §2.1)."""

CIPHERS: Mapping[int, Cipher] = {
    Encryption.TRIPLE_DES: Cipher.TRIPLE_DES_CBC,
    Encryption.CAST: Cipher.CAST_CBC,
    Encryption.BLOWFISH: Cipher.BLOWFISH_CBC,
    Encryption.AES_CBC: Cipher.AES_CBC,
    Encryption.AES_GCM_16: Cipher.AES_GCM_16,
    Encryption.CAMELLIA_CBC: Cipher.CAMELLIA_CBC,
    Encryption.CHACHA20_POLY1305: Cipher.CHACHA20_POLY1305,
}
PRFS: Mapping[int, Hash] = {
    PrfNumber.HMAC_MD5: Hash.MD5,
    PrfNumber.HMAC_SHA1: Hash.SHA1,
    PrfNumber.HMAC_SHA256: Hash.SHA256,
    PrfNumber.HMAC_SHA384: Hash.SHA384,
    PrfNumber.HMAC_SHA512: Hash.SHA512,
}
INTEGRITIES: Mapping[int, Integrity] = {
    IntegrityNumber.HMAC_MD5_96: Integrity.HMAC_MD5,
    IntegrityNumber.HMAC_SHA1_96: Integrity.HMAC_SHA1,
    IntegrityNumber.HMAC_SHA256_128: Integrity.HMAC_SHA256,
    IntegrityNumber.HMAC_SHA384_192: Integrity.HMAC_SHA384,
    IntegrityNumber.HMAC_SHA512_256: Integrity.HMAC_SHA512,
}
_NONE = 0
"""The id of NONE in integrity and key exchanges: as good as no transform of that type."""
_DEFAULTED = frozenset({Cipher.BLOWFISH_CBC, Cipher.CAST_CBC})
"""Without a key length they have keys of 128 bits (RFC 7296 §3.3.5, RFC 2451 §3)."""
ADDITIONAL = tuple(range(TransformType.ADDITIONAL_KEY_EXCHANGE_1, TransformType.ADDITIONAL_KEY_EXCHANGE_7 + 1))
_KINDS = frozenset(TransformType)
_EXCHANGES = frozenset({TransformType.KEY_EXCHANGE, *ADDITIONAL})

Sized: TypeAlias = tuple[Cipher, int]
"""A cipher and the bits of its key, 0 where its keys have one length."""
Value: TypeAlias = Sized | Hash | Integrity | Group | bool | None
"""What a transform means: None is NONE, and True extended sequence numbers."""
Wanted: TypeAlias = Mapping[int, Value]
"""By the type of transform; None and False are as good as no entry."""


class _Unknown(Enum):
    UNKNOWN = 0


UNKNOWN: Final = _Unknown.UNKNOWN


@frozen
class Offer:
    """One proposal. `known`: by type of transform what each means, in the peer's order, with the transform as it came.
    `unknown`: transforms that mean nothing here, which are passed over. `usable`: nothing forbids to choose it, which a
    type of transform that is not known does, another protocol, or an SPI of another size (RFC 7296 §3.3.6)."""

    proposal: Proposal
    known: Mapping[int, tuple[tuple[Value, Transform], ...]]
    unknown: tuple[Transform, ...]
    usable: bool

    @property
    def ciphers(self) -> tuple[Sized, ...]:
        return tuple(value for value in self._values(TransformType.ENCRYPTION) if isinstance(value, tuple))

    @property
    def prfs(self) -> tuple[Hash, ...]:
        return tuple(value for value in self._values(TransformType.PRF) if isinstance(value, Hash))

    @property
    def integrities(self) -> tuple[Integrity | None, ...]:
        """None: without, which is right with a cipher of `AEADS`; empty where the type is absent."""
        values = self._values(TransformType.INTEGRITY)
        return tuple(value for value in values if value is None or isinstance(value, Integrity))

    @property
    def groups(self) -> tuple[Group | None, ...]:
        """None: an ESP SA pair without a key exchange of its own; empty where the type is absent."""
        values = self._values(TransformType.KEY_EXCHANGE)
        return tuple(value for value in values if value is None or isinstance(value, Group))

    @property
    def esn(self) -> tuple[bool, ...]:
        return tuple(value for value in self._values(TransformType.SEQUENCE_NUMBERS) if isinstance(value, bool))

    def _values(self, kind: int) -> Iterator[Value]:
        return (value for value, _ in self.known.get(kind, ()))

    def has_ike(self, suite: Ike2Suite) -> bool:
        """Whether that suite may be chosen of it."""
        return self.ike_answer(suite, b"") is not None

    def has_esp(self, suite: EspSuite, group: Group | None = None, *, esn: bool = False) -> bool:
        """Whether that suite may be chosen of it, with that key exchange and those sequence numbers."""
        return self._esp_picks(suite, group, esn=esn) is not None

    def ike_answer(self, suite: Ike2Suite, spi: bytes) -> Proposal | None:
        """The proposal that chooses that suite: number and transforms as they came. None: the suite is not in it."""
        if self.proposal.protocol != Protocol.IKE or not self.usable:
            return None
        for kinds in _places(tuple(kind for kind in ADDITIONAL if kind in self.known), len(suite.more)):
            wanted = {**_ike_wanted(suite), **dict(zip(kinds, suite.more, strict=True))}
            picks = _pick(self.known, wanted)
            if picks is not None:
                return replace(self.proposal, spi=spi, transforms=picks)
        return None

    def esp_answer(
        self, suite: EspSuite, spi: bytes, group: Group | None = None, *, esn: bool = False
    ) -> Proposal | None:
        """As `ike_answer`. Extended sequence numbers are off where the proposal does not speak of them."""
        picks = self._esp_picks(suite, group, esn=esn)
        return None if picks is None else replace(self.proposal, spi=spi, transforms=picks)

    def _esp_picks(self, suite: EspSuite, group: Group | None, *, esn: bool) -> tuple[Transform, ...] | None:
        if self.proposal.protocol != Protocol.ESP or not self.usable:
            return None
        return _pick(self.known, _esp_wanted(suite, group, esn=esn))

    def __str__(self) -> str:
        """Like `aes-256,aes-128/hmac_sha256/prf-sha256/modp2048`; what has no name shows its numbers."""
        parts = [",".join(dict.fromkeys(_word(value) for value, _ in row)) for row in self.known.values()]
        numbers = [f"{each.type}:{each.id}" for each in self.unknown[:_SHOWN]]
        more = [f"{len(self.unknown) - _SHOWN} more"] if len(self.unknown) > _SHOWN else []
        return "/".join([*parts, *([f"unknown {','.join([*numbers, *more])}"] if numbers else [])])


_SHOWN = 8
"""Unknown transforms that a line of the log names."""


@frozen
class EspChoice:
    """What was chosen for an SA pair. `spi`: that of the end that says so. `group`: of the key exchange of its own."""

    suite: EspSuite
    spi: bytes
    group: Group | None = None
    esn: bool = False


def read_ike(proposal: Proposal) -> Offer:
    """A proposal for an IKE SA."""
    return _read(proposal, right=proposal.protocol == Protocol.IKE and len(proposal.spi) in {0, IKE_SPI})


def read_esp(proposal: Proposal, *, first: bool = False) -> Offer:
    """A proposal for an SA pair of ESP. `first`: IKE_AUTH makes it, without a key exchange of its own, so that those of
    the proposal count for nothing (RFC 7296 §1.2)."""
    kept = tuple(each for each in proposal.transforms if each.type not in _EXCHANGES)
    right = proposal.protocol == Protocol.ESP and _good_spi(proposal.spi)
    return _read(replace(proposal, transforms=kept) if first else proposal, right=right)


def _good_spi(spi: bytes) -> bool:
    return len(spi) == ESP_SPI and int.from_bytes(spi, "big") >= LEAST_ESP_SPI


def _read(proposal: Proposal, *, right: bool) -> Offer:
    known, unknown = dict[int, dict[Transform, Value]](), list[Transform]()
    for transform in proposal.transforms:
        value = _meaning(transform)
        if value is UNKNOWN:
            unknown.append(transform)
        else:
            known.setdefault(transform.type, {}).setdefault(transform, value)
    rows = {kind: tuple((value, each) for each, value in row.items()) for kind, row in known.items()}
    usable = right and all(each.type in _KINDS for each in unknown) and _hopeful(proposal, rows)
    return Offer(proposal, rows, tuple(unknown), usable)


def _hopeful(proposal: Proposal, rows: Mapping[int, object]) -> bool:
    """A type of which nothing is known leaves nothing to choose (RFC 7296 §3.3.6)."""
    return all(each.type in rows for each in proposal.transforms)


def _meaning(transform: Transform) -> Value | _Unknown:
    """`UNKNOWN` for a type, an id or an attribute that is not known here, and for a key length that must not be."""
    if transform.type == TransformType.ENCRYPTION:
        return _sized(transform)
    read = _READERS.get(transform.type)
    return UNKNOWN if read is None or transform.attributes else read(transform.id)


def _sized(transform: Transform) -> Sized | _Unknown:
    """AES and Camellia must name their key length, ciphers of one length must not (RFC 7296 §3.3.5, RFC 7634 §3)."""
    cipher, bits = CIPHERS.get(transform.id), transform.key_bits
    if cipher is None or (bits is None and transform.attributes):
        return UNKNOWN
    if cipher not in KEY_LENGTHS:
        return (cipher, 0) if bits is None else UNKNOWN
    bits = USUAL_BITS if bits is None and cipher in _DEFAULTED else bits
    return (cipher, bits) if bits is not None and bits in KEY_LENGTHS[cipher] else UNKNOWN


def _exchanging(number: int) -> Group | _Unknown | None:
    """A KEM is for additional exchanges only, which may be of Diffie-Hellman as well (RFC 9370 §2.2.1)."""
    group = _additional(number)
    return UNKNOWN if group in KEMS else group


def _additional(number: int) -> Group | _Unknown | None:
    return None if number == _NONE else _GROUPS.get(number, UNKNOWN)


_GROUPS: Mapping[int, Group] = {int(group): group for group in Group}
_READERS: Mapping[int, Callable[[int], Value | _Unknown]] = {
    TransformType.PRF: lambda number: PRFS.get(number, UNKNOWN),
    TransformType.INTEGRITY: lambda number: None if number == _NONE else INTEGRITIES.get(number, UNKNOWN),
    TransformType.KEY_EXCHANGE: _exchanging,
    TransformType.SEQUENCE_NUMBERS: lambda number: bool(number) if number in {0, 1} else UNKNOWN,
    **dict.fromkeys(ADDITIONAL, _additional),
}


def _pick(known: Mapping[int, tuple[tuple[Value, Transform], ...]], wanted: Wanted) -> tuple[Transform, ...] | None:
    """One transform of each type, as they came; None where one that is wanted is not there, or one is there that
    nobody wants."""
    if any(value not in {None, False} and kind not in known for kind, value in wanted.items()):
        return None
    picks = list[Transform]()
    for kind, row in known.items():
        value = wanted.get(kind)
        found = next((transform for each, transform in row if each == value), None)
        if found is None:
            return None
        picks.append(found)
    return tuple(picks)


def _places(kinds: Sequence[int], count: int) -> Iterator[tuple[int, ...]]:
    """The ways to give `count` additional exchanges, in their order, to types of transforms that are offered."""
    if count == 0:
        yield ()
        return
    for index, kind in enumerate(kinds):
        for others in _places(kinds[index + 1 :], count - 1):
            yield (kind, *others)


def _ike_wanted(suite: Ike2Suite) -> dict[int, Value]:
    """Without the additional key exchanges."""
    return {
        TransformType.ENCRYPTION: (suite.cipher, suite.key_bits),
        TransformType.PRF: suite.prf,
        TransformType.INTEGRITY: suite.integrity,
        TransformType.KEY_EXCHANGE: suite.group,
    }


def _esp_wanted(suite: EspSuite, group: Group | None, *, esn: bool) -> dict[int, Value]:
    return {
        TransformType.ENCRYPTION: (suite.cipher, suite.key_bits),
        TransformType.INTEGRITY: suite.integrity,
        TransformType.KEY_EXCHANGE: group,
        TransformType.SEQUENCE_NUMBERS: esn,
    }


def chosen_ike(proposal: Proposal) -> Ike2Suite:
    """The suite that a peer chose. `Malformed`: it is not exactly one. Whether it was offered, the caller must see."""
    chosen = _chosen(read_ike(proposal))
    cipher, bits, integrity = _protection(chosen)
    prf, group = chosen.get(TransformType.PRF), chosen.get(TransformType.KEY_EXCHANGE)
    if not isinstance(prf, Hash) or not isinstance(group, Group):
        raise Malformed("a chosen proposal of IKE without a PRF, or without a key exchange")
    if TransformType.SEQUENCE_NUMBERS in chosen:
        raise Malformed("a chosen proposal of IKE with sequence numbers")
    more = tuple(each for each in (chosen.get(kind) for kind in ADDITIONAL) if isinstance(each, Group))
    if len({group, *more}) != 1 + len(more):
        raise Malformed("a key exchange was chosen twice")
    return Ike2Suite(cipher, bits, integrity, prf, group, more)


def chosen_esp(proposal: Proposal) -> EspChoice:
    """As `chosen_ike`, for an SA pair. Extended sequence numbers are off where it does not speak of them."""
    chosen = _chosen(read_esp(proposal))
    suite = EspSuite(*_protection(chosen))
    if TransformType.PRF in chosen or any(chosen.get(kind) for kind in ADDITIONAL):
        raise Malformed("a chosen proposal of ESP with a PRF, or with an additional key exchange")
    group = chosen.get(TransformType.KEY_EXCHANGE)
    esn = chosen.get(TransformType.SEQUENCE_NUMBERS) is True
    return EspChoice(suite, proposal.spi, group if isinstance(group, Group) else None, esn)


def _chosen(offer: Offer) -> dict[int, Value]:
    """By type of transform; `Malformed` where it leaves a choice or means nothing here."""
    if not offer.usable or offer.unknown:
        raise Malformed(f"a chosen proposal of protocol {offer.proposal.protocol} that was not offered: {offer}")
    if len(offer.proposal.transforms) != len(offer.known):
        raise Malformed("a chosen proposal with two transforms of one type")
    return {kind: row[0][0] for kind, row in offer.known.items()}


def _protection(chosen: Wanted) -> tuple[Cipher, int, Integrity | None]:
    """Exactly one thing authenticates: a cipher of `AEADS`, or integrity."""
    sized, integrity = chosen.get(TransformType.ENCRYPTION), chosen.get(TransformType.INTEGRITY)
    if not isinstance(sized, tuple):
        raise Malformed("a chosen proposal without encryption")
    if (sized[0] in AEADS) == isinstance(integrity, Integrity):
        raise Malformed(f"a chosen proposal in which {'two things authenticate' if integrity else 'nothing does'}")
    return (*sized, integrity if isinstance(integrity, Integrity) else None)


_Rows: TypeAlias = tuple[tuple[Transform, ...], ...]
"""Of one proposal: the transforms of each type."""


def ike_proposals(suites: Iterable[Ike2Suite], spi: bytes = b"") -> SecurityAssociation:
    """Those suites in order of preference, and none but those, as few proposals as that allows. `spi`: 8 octets where
    an IKE SA is renewed."""
    return _association(Protocol.IKE, spi, [tuple((each,) for each in ike_transforms(suite)) for suite in suites])


def esp_proposals(
    suites: Iterable[EspSuite], spi: bytes, groups: Sequence[Group | None] = (None,), esn: Sequence[bool] = (False,)
) -> SecurityAssociation:
    """Those suites, each with each of the groups and of the kinds of sequence numbers. A group None beside others: the
    key exchange may be left out."""
    exchanges = () if tuple(groups) == (None,) else (tuple(_exchange(group) for group in groups),)
    numbers = tuple(Transform(TransformType.SEQUENCE_NUMBERS, int(each)) for each in esn)
    rows = [(*((each,) for each in _protecting(suite)), *exchanges, numbers) for suite in suites]
    return _association(Protocol.ESP, spi, rows)


def ike_transforms(suite: Ike2Suite) -> tuple[Transform, ...]:
    prf = Transform(TransformType.PRF, _number(PRFS, suite.prf))
    more = (Transform(kind, group) for kind, group in zip(ADDITIONAL, suite.more, strict=False))
    return (*_protecting(suite), prf, _exchange(suite.group), *more)


def _protecting(suite: Ike2Suite | EspSuite) -> tuple[Transform, ...]:
    """Encryption, and integrity where the cipher does not bring it."""
    cipher = Transform.of(TransformType.ENCRYPTION, _number(CIPHERS, suite.cipher), suite.key_bits)
    if suite.integrity is None:
        return (cipher,)
    return cipher, Transform(TransformType.INTEGRITY, _number(INTEGRITIES, suite.integrity))


def _exchange(group: Group | None) -> Transform:
    return Transform(TransformType.KEY_EXCHANGE, _NONE if group is None else int(group))


def _association(protocol: int, spi: bytes, rows: Iterable[_Rows]) -> SecurityAssociation:
    """Proposals counted from 1. Neighbours that differ in one type of transform become one proposal."""
    merged = list[_Rows]()
    for row in rows:
        joined = row
        while merged and (both := _joined(merged[-1], joined)) is not None:
            merged.pop()
            joined = both
        merged.append(joined)
    return SecurityAssociation(
        tuple(
            Proposal(number, protocol, spi, tuple(each for kind in row for each in kind))
            for number, row in enumerate(merged, 1)
        )
    )


def _joined(first: _Rows, second: _Rows) -> _Rows | None:
    """One proposal that allows what both do and nothing else; None where there is none."""
    if [row[0].type for row in first] != [row[0].type for row in second]:
        return None
    differing = [index for index, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1]]
    if len(differing) > 1:
        return None
    return tuple(tuple(dict.fromkeys((*one, *other))) for one, other in zip(first, second, strict=True))


def _number(table: Mapping[int, Enum], value: Enum) -> int:
    """`ValueError` for what IKEv2 has no number for."""
    found = next((number for number, each in table.items() if each is value), None)
    if found is None:
        raise ValueError(f"IKEv2 has no number for {value.value}")
    return int(found)


def _word(value: Value) -> str:
    """As the configuration names it."""
    match value:
        case (Cipher() as cipher, int(bits)):
            return cipher.value + (f"-{bits}" if bits else "")
        case Hash():
            return f"prf-{value.value}"
        case IntEnum():
            return value.name.lower()
        case Integrity():
            return value.value
        case bool():
            return "esn" if value else "no-esn"
    return "none"
