"""Choosing a proposal in both phases as `proposal_check` says, and telling attribute by attribute why none fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lotor.ike.errors import PolicyRefusal
from lotor.model.algorithms import EspSuite, Group, IkeSuite
from lotor.model.child import LOWEST_SPI
from lotor.model.policy import ChildPolicy, ProposalCheck, RemotePolicy
from lotor.model.reason import Cause, Reason
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.numbers import EncapsulationMode, NotifyType, Protocol
from lotor.wire.v1.proposals import EspOffer, IkeOffer, read_esp, read_ike

SHOWN = 4
"""Offers named in a refusal; a client may send two dozen."""


def _refuse(offered: list[str], wanted: list[str], misfit: str) -> PolicyRefusal:
    distinct = list(dict.fromkeys(offered))
    more = f" and {len(distinct) - SHOWN} more" if len(distinct) > SHOWN else ""
    theirs = ", ".join(distinct[:SHOWN]) + more or "nothing"
    text = f"no proposal chosen: offered {theirs}; wanted {', '.join(wanted)}"
    reason = Reason(Cause.NO_PROPOSAL, text + (f" ({misfit})" if misfit else ""))
    return PolicyRefusal(reason, NotifyType.NO_PROPOSAL_CHOSEN)


# --- phase 1 ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChosenIke:
    """The suite to use, and the proposal and transform to answer with, as offered. `shortened`: our lifetime, which the
    suite has, is shorter than the `offered` one, and the peer is to be told."""

    suite: IkeSuite
    proposal: Proposal
    transform: Transform
    shortened: bool = False
    offered: int = 0


def _ike_offers(sa: SecurityAssociation) -> Iterator[tuple[Proposal, IkeOffer]]:
    for proposal in sa.proposals:
        if proposal.protocol == Protocol.ISAKMP:
            for transform in proposal.transforms:
                yield proposal, read_ike(transform)


def _ike_misfit(check: ProposalCheck, wanted: IkeSuite, offered: IkeSuite | None) -> str:
    """The first attribute that does not fit, empty when all do."""
    if offered is None:
        return "unknown algorithm"
    for name in ("cipher", "hash", "group", "method"):
        if getattr(offered, name) is not getattr(wanted, name):
            return f"{name} differs"
    if offered.curve and wanted.curve and offered.curve is not wanted.curve:
        return f"curve {offered.curve.value} offered, our certificate has an ECDSA key on {wanted.curve.value}"
    return _bits_misfit(check, wanted.key_bits, offered.key_bits) or _life_misfit(
        check, wanted.lifetime, offered.lifetime
    )


def _bits_misfit(check: ProposalCheck, wanted: int, offered: int) -> str:
    if check is ProposalCheck.OBEY or offered == wanted:
        return ""
    if check is ProposalCheck.EXACT or offered < wanted:
        return f"key length {offered} offered, {wanted} wanted"
    return ""


def _life_misfit(check: ProposalCheck, wanted: int, offered: int) -> str:
    if check is ProposalCheck.STRICT and offered > wanted:
        return f"lifetime {offered} s offered, at most {wanted} s allowed by proposal_check strict"
    if check is ProposalCheck.EXACT and offered != wanted:
        return f"lifetime {offered} s offered, exactly {wanted} s wanted by proposal_check exact"
    return ""


def _agreed_life(check: ProposalCheck, mine: int, theirs: int) -> int:
    return theirs if check is ProposalCheck.OBEY else min(mine, theirs)


def ike_choice(remote: RemotePolicy, sa: SecurityAssociation) -> ChosenIke:
    """The responder's choice: our proposals in their order, the first of the peer's transforms that fits each."""
    offers = [(proposal, offer, offer.suite()) for proposal, offer in _ike_offers(sa)]
    misfit = ""
    for wanted in remote.proposals:
        for proposal, offer, suite in offers:
            misfit_here = _ike_misfit(remote.proposal_check, wanted, suite)
            if not misfit_here and suite is not None:
                life = _agreed_life(remote.proposal_check, wanted.lifetime, suite.lifetime)
                chosen = replace(suite, lifetime=life)
                shortened = life < suite.lifetime
                return ChosenIke(chosen, proposal, offer.transform, shortened, suite.lifetime)
            misfit = _telling(misfit, misfit_here)
    raise _refuse([str(offer) for _, offer, _ in offers], [str(suite) for suite in remote.proposals], misfit)


def _telling(before: str, now: str) -> str:
    """The misfit worth telling: the one found latest in the order of checks."""
    rank = ("", "unknown", "cipher", "hash", "group", "method", "curve", "key", "lifetime")
    return max(before, now, key=lambda text: rank.index(text.split(" ")[0]))


def ike_answer(remote: RemotePolicy, sa: SecurityAssociation) -> IkeSuite:
    """The initiator's check of the responder's choice: exactly one transform, and one that we offered."""
    offers = [offer for _, offer in _ike_offers(sa)]
    if len(offers) == 1:
        for wanted in remote.proposals:
            answered = offers[0].suite()
            if answered is not None and replace(answered, lifetime=0) == replace(wanted, lifetime=0):
                return replace(
                    answered, lifetime=_agreed_life(remote.proposal_check, wanted.lifetime, answered.lifetime)
                )
    raise _refuse(
        [str(offer) for offer in offers],
        [str(suite) for suite in remote.proposals],
        "the gateway chose something that was not offered",
    )


# --- phase 2 ---------------------------------------------------------------------------------------------------------

SPI_SIZE = 4

UDP_TUNNELS = frozenset({EncapsulationMode.UDP_TUNNEL, EncapsulationMode.DRAFT_UDP_TUNNEL})


@dataclass(frozen=True, slots=True)
class ChosenEsp:
    """The suite, the lifetime to keep, whether it is shorter than the peer's, and what to answer with."""

    suite: EspSuite
    group: Group | None
    lifetime: int
    kilobytes: int | None
    shortened: bool
    offered: int
    spi: bytes
    proposal: Proposal
    transform: Transform


def _esp_offers(sa: SecurityAssociation) -> Iterator[tuple[Proposal, EspOffer]]:
    """ESP alone: proposals that share a number are one bundle (RFC 2408 §4.2), unless all of them are ESP (vpnc)."""
    bundled = {p.number for p in sa.proposals if p.protocol != Protocol.ESP}
    for proposal in sa.proposals:
        if proposal.protocol == Protocol.ESP and proposal.number not in bundled and _usable(proposal.spi):
            for transform in proposal.transforms:
                yield proposal, read_esp(transform)


def _usable(spi: bytes) -> bool:
    return len(spi) == SPI_SIZE and int.from_bytes(spi, "big") >= LOWEST_SPI


def _same_algorithms(check: ProposalCheck, wanted: EspSuite, offered: EspSuite) -> str:
    if (offered.cipher, offered.integrity) != (wanted.cipher, wanted.integrity):
        return "cipher differs"
    return _bits_misfit(check, wanted.key_bits, offered.key_bits)


def _esp_misfit(check: ProposalCheck, child: ChildPolicy, wanted: EspSuite, offer: EspOffer) -> str:
    offered = offer.suite()
    if offered is None:
        return "unknown algorithm"
    misfit = _same_algorithms(check, wanted, offered)
    if misfit:
        return misfit
    group, mine = offer.group, child.pfs_group
    if group is not None and group not in set(Group):
        return f"group {group} offered for PFS is not known here"
    if mine is not None and group != mine and check is not ProposalCheck.OBEY:
        return f"group {group or 'none'} offered for PFS, {mine.name.lower()} wanted"
    if mine is None and group is not None and check is ProposalCheck.EXACT:
        return "group offered for PFS, none wanted"
    return _life_misfit(check, child.lifetime, offer.lifetime_seconds or child.lifetime)


def esp_choice(check: ProposalCheck, child: ChildPolicy, sa: SecurityAssociation, *, udp: bool) -> ChosenEsp:
    """The responder's choice. `udp`: the path needs encapsulation, else plain tunnel mode is wanted."""
    offers = [(p, o) for p, o in _esp_offers(sa) if (o.encapsulation in UDP_TUNNELS) is udp]
    misfit = ""
    for wanted in child.suites:
        for proposal, offer in offers:
            misfit_here = _esp_misfit(check, child, wanted, offer)
            if not misfit_here:
                return _chosen(check, child, proposal, offer)
            misfit = _telling(misfit, misfit_here)
    if not offers:
        misfit = f"no tunnel mode {'in UDP ' if udp else ''}offered"
    raise _refuse([str(read) for _, read in _esp_offers(sa)], _wanted(child), misfit)


def _wanted(child: ChildPolicy) -> list[str]:
    pfs = f" with {child.pfs_group.name.lower()}" if child.pfs_group else ""
    return [f"{suite}{pfs}" for suite in child.suites]


def _chosen(check: ProposalCheck, child: ChildPolicy, proposal: Proposal, offer: EspOffer) -> ChosenEsp:
    suite = offer.suite()
    if suite is None:
        raise _refuse([str(offer)], _wanted(child), "unknown algorithm")
    theirs = offer.lifetime_seconds or child.lifetime
    life = _agreed_life(check, child.lifetime, theirs)
    return ChosenEsp(
        suite=suite,
        group=Group(offer.group) if offer.group is not None else None,
        lifetime=life,
        kilobytes=offer.lifetime_kilobytes,
        shortened=life < theirs,
        offered=theirs,
        spi=proposal.spi,
        proposal=proposal,
        transform=offer.transform,
    )


def esp_answer(offered: ChildPolicy, sa: SecurityAssociation, *, udp: bool) -> ChosenEsp:
    """The initiator's check of the answer: exactly one transform, its algorithms, group and mode among ours."""
    answers = list(_esp_offers(sa))
    if len(answers) == 1:
        proposal, offer = answers[0]
        fits = offer.suite() in offered.suites and offer.group == offered.pfs_group
        if fits and (offer.encapsulation in UDP_TUNNELS) is udp:
            return _chosen(ProposalCheck.CLAIM, offered, proposal, offer)
    raise _refuse(
        [str(offer) for _, offer in answers], _wanted(offered), "the gateway chose something that was not offered"
    )
