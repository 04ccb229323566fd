"""Proposals of phase 2 as what they mean, and back: ESP alone, or with IPComp under the same number (RFC 3173).

`choose` decides which of them is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from lotor.model.algorithms import Compression
from lotor.model.child import LOWEST_SPI
from lotor.model.frozen import frozen
from lotor.model.policy import ChildPolicy
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.numbers import EncapsulationMode, Protocol, name_of
from lotor.wire.v1.proposals import (
    EspOffer,
    ah_text,
    esp_transform,
    ipcomp_transform,
    read_esp,
    read_ipcomp,
    with_volume,
)

SPI_SIZE = 4
CPI_SIZES = (2, 4)
"""Octets of a CPI that stands in place of an SPI. This end sends the shorter form (RFC 3173 §4.1)."""

LOWEST_CPI, HIGHEST_CPI = 256, 0xFFFF
"""Of what peers choose; below are those of well-known algorithms (RFC 3173 §3.3)."""

TUNNELS = frozenset({EncapsulationMode.TUNNEL, None})
UDP_TUNNELS = frozenset({EncapsulationMode.UDP_TUNNEL, EncapsulationMode.DRAFT_UDP_TUNNEL})


@frozen
class Compressing:
    """IPComp beside ESP: the algorithm, the CPI of the end that proposes, and the transform that says so."""

    algorithm: Compression
    cpi: int
    transform: Transform


@frozen
class OfferedEsp:
    """One way to protect traffic: a transform of ESP, and one of IPComp where both are offered together. `bundle`: the
    proposals of both, in the peer's order. `spi` is that of ESP, as octets."""

    bundle: tuple[Proposal, ...]
    spi: bytes
    esp: EspOffer
    compressing: Compressing | None = None

    def answer(self, spi: bytes, cpi: int | None) -> SecurityAssociation:
        """The chosen offer alone, in the shape of the offer, with the SPI and CPI of the end that answers."""
        return SecurityAssociation(tuple(self._answered(proposal, spi, cpi) for proposal in self.bundle))

    def _answered(self, proposal: Proposal, spi: bytes, cpi: int | None) -> Proposal:
        if self.compressing is None or cpi is None or proposal.protocol == Protocol.ESP:
            return replace(proposal, spi=spi, transforms=(self.esp.transform,))
        number = cpi.to_bytes(len(proposal.spi), "big")
        return replace(proposal, spi=number, transforms=(self.compressing.transform,))


def offered(sa: SecurityAssociation, compressions: Collection[Compression]) -> Iterator[OfferedEsp]:
    """The offers that can be used, in the peer's order: ESP alone, and ESP with one of the `compressions`."""
    for bundle in _numbered(sa):
        esp = _esp_of(bundle)
        compressing = _compressing(bundle, compressions)
        if esp is not None and (compressing is None) is (len(bundle) == 1):
            for transform in esp.transforms:
                yield OfferedEsp(bundle, esp.spi, read_esp(transform), compressing)


def texts(sa: SecurityAssociation) -> list[str]:
    """All offers as text: `aes-256/hmac_sha1/udp_tunnel+deflate`, `ah/hmac_sha1/tunnel`."""
    found = []
    for bundle in _numbered(sa):
        first, *others = (_shown(proposal) for proposal in sorted(bundle, key=lambda one: one.protocol != Protocol.ESP))
        found += ["+".join((text, *(other[0] for other in others if other))) for text in first]
    return found


def has_ah(sa: SecurityAssociation) -> bool:
    return any(proposal.protocol == Protocol.AH for proposal in sa.proposals)


def has_ipcomp(sa: SecurityAssociation) -> bool:
    return any(proposal.protocol == Protocol.IPCOMP for proposal in sa.proposals)


def wrong_spi(sa: SecurityAssociation) -> str:
    """What is wrong with the SPI of an offer of ESP, empty where all can be used."""
    wrong = next((one.spi for one in sa.proposals if one.protocol == Protocol.ESP and not _usable(one.spi)), None)
    if wrong is None:
        return ""
    if len(wrong) != SPI_SIZE:
        return f"an SPI of {len(wrong)} octets offered, {SPI_SIZE} are wanted"
    return f"SPI {int.from_bytes(wrong, 'big')} offered, those below {LOWEST_SPI} are reserved"


def offer(policy: ChildPolicy, mode: int, spi: bytes, cpi: int | None) -> SecurityAssociation:
    """Our own offer. With a CPI, each suite comes with IPComp first, then without. `mode`: the encapsulation."""
    esp = Proposal(1, Protocol.ESP, spi, _esp_transforms(policy, mode))
    if cpi is None:
        return SecurityAssociation((esp,))
    ipcomp = Proposal(1, Protocol.IPCOMP, cpi.to_bytes(CPI_SIZES[0], "big"), _ipcomp_transforms(policy, mode))
    return SecurityAssociation((esp, ipcomp, replace(esp, number=2)))


def _esp_transforms(policy: ChildPolicy, mode: int) -> tuple[Transform, ...]:
    transforms = (
        esp_transform(number, suite, group=policy.pfs_group, encapsulation=mode, lifetime=policy.lifetime)
        for number, suite in enumerate(policy.suites, 1)
    )
    return tuple(with_volume(transform, policy.volume) for transform in transforms)


def _ipcomp_transforms(policy: ChildPolicy, mode: int) -> tuple[Transform, ...]:
    return tuple(
        ipcomp_transform(number, algorithm, group=policy.pfs_group, encapsulation=mode, lifetime=policy.lifetime)
        for number, algorithm in enumerate(policy.compression, 1)
    )


def _numbered(sa: SecurityAssociation) -> Iterator[tuple[Proposal, ...]]:
    """Proposals that share a number are one offer (RFC 2408 §4.2), unless all of them are ESP (vpnc)."""
    sharing: dict[int, list[Proposal]] = {}
    for proposal in sa.proposals:
        sharing.setdefault(proposal.number, []).append(proposal)
    for bundle in sharing.values():
        if all(proposal.protocol == Protocol.ESP for proposal in bundle):
            yield from ((proposal,) for proposal in bundle)
        else:
            yield tuple(bundle)


def _esp_of(bundle: Sequence[Proposal]) -> Proposal | None:
    """ESP, alone or with IPComp."""
    if sorted(proposal.protocol for proposal in bundle) not in ([Protocol.ESP], [Protocol.ESP, Protocol.IPCOMP]):
        return None
    return next((one for one in bundle if one.protocol == Protocol.ESP and _usable(one.spi)), None)


def _compressing(bundle: Sequence[Proposal], compressions: Collection[Compression]) -> Compressing | None:
    """The first transform of IPComp in the bundle that is one of the algorithms, in tunnel mode."""
    for proposal in bundle:
        if proposal.protocol == Protocol.IPCOMP and (cpi := _cpi(proposal.spi)) is not None:
            for transform in proposal.transforms:
                found = read_ipcomp(transform)
                algorithm = found.algorithm()
                if algorithm in compressions and algorithm and found.encapsulation in TUNNELS | UDP_TUNNELS:
                    return Compressing(algorithm, cpi, transform)
    return None


def _cpi(spi: bytes) -> int | None:
    number = int.from_bytes(spi, "big")
    return number if len(spi) in CPI_SIZES and LOWEST_CPI <= number <= HIGHEST_CPI else None


def _usable(spi: bytes) -> bool:
    return len(spi) == SPI_SIZE and int.from_bytes(spi, "big") >= LOWEST_SPI


def _shown(proposal: Proposal) -> list[str]:
    if proposal.protocol == Protocol.ESP:
        return [str(read_esp(transform)) for transform in proposal.transforms]
    if proposal.protocol == Protocol.IPCOMP:
        return [str(read_ipcomp(transform)) for transform in proposal.transforms]
    if proposal.protocol == Protocol.AH:
        return [ah_text(transform) for transform in proposal.transforms]
    return [f"protocol {name_of(Protocol, proposal.protocol).lower()}"]
