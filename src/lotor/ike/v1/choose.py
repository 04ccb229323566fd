"""Choosing a proposal in both phases as `proposal_check` says, and telling attribute by attribute why none fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from lotor.ike.errors import PolicyRefusal
from lotor.ike.v1 import bundles
from lotor.ike.v1.bundles import Offered
from lotor.model.algorithms import EspSuite, Group, IkeSuite
from lotor.model.policy import ChildPolicy, ProposalCheck, RemotePolicy
from lotor.model.reason import Cause, Reason
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.numbers import NotifyType, Protocol
from lotor.wire.v1.proposals import EspOffer, IkeOffer, read_ike, with_lifetime

NOT_OFFERED = "the gateway chose something that was not offered"

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
    for wanted in remote.proposals:
        for proposal, offer, suite in offers:
            if suite is not None and not _ike_misfit(remote.proposal_check, wanted, suite):
                return _for_how_long(remote, wanted.lifetime, ChosenIke(suite, proposal, offer.transform))
    raise ike_refusal((remote,), sa)


def ike_refusal(remotes: Iterable[RemotePolicy], sa: SecurityAssociation) -> PolicyRefusal:
    """What is offered beside what any of the blocks would take, and the misfit of the offer that came nearest."""
    offers, misfit, wishes = [offer for _, offer in _ike_offers(sa)], "", list[str]()
    suites = [offer.suite() for offer in offers]
    for remote in remotes:
        wishes += [str(wanted) for wanted in remote.proposals]
        for wanted, suite in product(remote.proposals, suites):
            misfit = _telling(misfit, _ike_misfit(remote.proposal_check, wanted, suite))
    return _refuse([str(offer) for offer in offers], list(dict.fromkeys(wishes)), misfit)


def _for_how_long(remote: RemotePolicy, mine: int, choice: ChosenIke) -> ChosenIke:
    """`mine`: our lifetime. `offer_lifetime` writes a longer one into the answer: who obeys renews the later."""
    theirs, life = choice.suite.lifetime, _agreed_life(remote.proposal_check, mine, choice.suite.lifetime)
    if remote.offer_lifetime and mine > theirs:
        life, choice = mine, replace(choice, transform=with_lifetime(choice.transform, mine))
    return replace(choice, suite=replace(choice.suite, lifetime=life), shortened=life < theirs, offered=theirs)


def _telling(before: str, now: str) -> str:
    """The misfit worth telling: the one found latest in the order of checks."""
    rank = ("", "unknown", "cipher", "hash", "group", "method", "curve", "key", "lifetime", "volume")
    return max(before, now, key=lambda text: rank.index(text.split(" ")[0]))


def ike_answer(remote: RemotePolicy, sa: SecurityAssociation) -> IkeSuite:
    """The initiator's check of the responder's choice: exactly one transform, and one that we offered. A longer
    lifetime than ours is not kept to, and with `exact` no other one is taken."""
    offers = [offer for _, offer in _ike_offers(sa)]
    misfit = NOT_OFFERED
    for wanted in remote.proposals if len(offers) == 1 else ():
        answered = offers[0].suite()
        if answered is not None and replace(answered, lifetime=0) == replace(wanted, lifetime=0):
            theirs, exact = answered.lifetime, remote.proposal_check is ProposalCheck.EXACT
            misfit = _life_misfit(remote.proposal_check, wanted.lifetime, theirs) if exact else ""
            if not misfit:
                return replace(answered, lifetime=_agreed_life(remote.proposal_check, wanted.lifetime, theirs))
    raise _refuse([str(offer) for offer in offers], [str(suite) for suite in remote.proposals], misfit)


# --- phase 2 ---------------------------------------------------------------------------------------------------------

NO_AH = "AH is not carried out: it does not encrypt and passes no NAT; let the peer offer ESP alone"


@dataclass(frozen=True, slots=True)
class ChosenEsp:
    """The suite, the lifetime to keep, whether it is shorter than the `offered` one, and the offer to answer with.
    `kilobytes`: the volume to keep, None without a limit; `limited`: it is less than the peer's."""

    suite: EspSuite
    group: Group | None
    lifetime: int
    kilobytes: int | None
    shortened: bool
    offered: int
    offer: Offered
    limited: bool = False


def _fits_path(offer: EspOffer, *, udp: bool) -> bool:
    """`udp`: the path needs encapsulation, else plain tunnel mode is wanted."""
    return offer.encapsulation in (bundles.UDP_TUNNELS if udp else bundles.TUNNELS)


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
    return _lifetimes_misfit(check, child, offer)


def _lifetimes_misfit(check: ProposalCheck, child: ChildPolicy, offer: EspOffer) -> str:
    volume = _volume_misfit(check, child.volume, offer.lifetime_kilobytes)
    return _life_misfit(check, child.lifetime, offer.lifetime_seconds or child.lifetime) or volume


def _volume_misfit(check: ProposalCheck, wanted: int | None, offered: int | None) -> str:
    """Who names no volume leaves it to us, but with `exact`."""
    if check is ProposalCheck.STRICT and wanted and offered and offered > wanted:
        return f"volume {offered} KB offered, at most {wanted} KB allowed by proposal_check strict"
    if check is ProposalCheck.EXACT and offered != wanted:
        here, there = (f"{each} KB" if each else "without limit" for each in (wanted, offered))
        return f"volume {there} offered, exactly {here} wanted by proposal_check exact"
    return ""


def _agreed_volume(check: ProposalCheck, mine: int | None, theirs: int | None) -> int | None:
    if check is ProposalCheck.OBEY and theirs is not None:
        return theirs
    return min((each for each in (mine, theirs) if each is not None), default=None)


def esp_choice(check: ProposalCheck, child: ChildPolicy, sa: SecurityAssociation, *, udp: bool) -> ChosenEsp:
    """The responder's choice: our suites in their order, the first of the peer's offers that fits each."""
    offers = [each for each in bundles.offered(sa, child.compression) if _fits_path(each.esp, udp=udp)]
    misfit = ""
    for wanted in child.suites:
        for offer in offers:
            misfit_here = _esp_misfit(check, child, wanted, offer.esp)
            if not misfit_here:
                return _chosen(check, child, offer)
            misfit = _telling(misfit, misfit_here)
    raise _refuse(bundles.texts(sa), _wanted(child), misfit if offers else _unusable(child, sa, udp=udp))


def _unusable(child: ChildPolicy, sa: SecurityAssociation, *, udp: bool) -> str:
    """Why none of the offers is one that could be looked at."""
    if bundles.has_ah(sa):
        return NO_AH
    if bundles.has_ipcomp(sa) and not child.compression:
        return "IPComp is not accepted here, and ESP was not offered without it"
    return f"no tunnel mode {'in UDP ' if udp else ''}offered"


def _wanted(child: ChildPolicy) -> list[str]:
    pfs = f" with {child.pfs_group.name.lower()}" if child.pfs_group else ""
    return [f"{suite}{pfs}" for suite in child.suites]


def _chosen(check: ProposalCheck, child: ChildPolicy, offer: Offered) -> ChosenEsp:
    suite, esp = offer.esp.suite(), offer.esp
    if suite is None:
        raise _refuse([str(esp)], _wanted(child), "unknown algorithm")
    theirs = esp.lifetime_seconds or child.lifetime
    life = _agreed_life(check, child.lifetime, theirs)
    kilobytes = _agreed_volume(check, child.volume, esp.lifetime_kilobytes)
    return ChosenEsp(
        suite=suite,
        group=Group(esp.group) if esp.group is not None else None,
        lifetime=life,
        kilobytes=kilobytes,
        shortened=life < theirs,
        offered=theirs,
        offer=offer,
        limited=kilobytes != esp.lifetime_kilobytes,
    )


def esp_answer(check: ProposalCheck, wished: ChildPolicy, sa: SecurityAssociation, *, udp: bool) -> ChosenEsp:
    """The initiator's check of the answer: exactly one transform, its algorithms, group and mode among ours, and IPComp
    only where it was offered; with `exact` no other lifetime than ours."""
    answers, misfit = list(bundles.offered(sa, wished.compression if wished.ipcomp else ())), NOT_OFFERED
    if len(answers) == 1 and all(len(proposal.transforms) == 1 for proposal in answers[0].bundle):
        answer = answers[0].esp
        fits = answer.suite() in wished.suites and answer.group == wished.pfs_group
        if fits and (answer.encapsulation in bundles.UDP_TUNNELS) is udp:
            misfit = _lifetimes_misfit(check, wished, answer) if check is ProposalCheck.EXACT else ""
            if not misfit:
                return _chosen(ProposalCheck.CLAIM, wished, answers[0])
    raise _refuse(bundles.texts(sa), _wanted(wished), misfit)
