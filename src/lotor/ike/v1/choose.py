"""Choosing a proposal in both phases, as `proposal_check` says, and saying attribute by attribute why none fits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from lotor.ike.errors import PolicyRefusal
from lotor.ike.v1 import bundles
from lotor.ike.v1.bundles import OfferedEsp
from lotor.ike.v1.offers import UNKNOWN, IkeOffers, bits_misfit, life_misfit
from lotor.model.algorithms import SHORT_BLOCK_VOLUME, SHORT_BLOCKS, Cipher, EspSuite, Group, IkeSuite, Integrity
from lotor.model.frozen import frozen
from lotor.model.policy import ChildPolicy, ProposalCheck, RemotePolicy
from lotor.model.reasons.proposals import Misfit, NoProposal, Unfit
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.numbers import NotifyType
from lotor.wire.v1.proposals import EspOffer, with_lifetime

NOT_OFFERED = Unfit(Misfit.NOT_AMONG_OFFERS, "the gateway chose something that was not offered")

_GROUPS = frozenset(map(int, Group))

OFFERS_SHOWN = 4
"""A refusal names so many offers; a client may send two dozen."""


def _refuse(offered: Sequence[object], wanted: Iterable[str], misfit: Unfit | None) -> PolicyRefusal:
    """`offered` reads as the offers. Only the few that are shown are put into words."""
    distinct = list(dict.fromkeys(offered))
    more = f" and {len(distinct) - OFFERS_SHOWN} more" if len(distinct) > OFFERS_SHOWN else ""
    theirs = ", ".join(map(str, distinct[:OFFERS_SHOWN])) + more or "nothing"
    reason = NoProposal.by(theirs, ", ".join(dict.fromkeys(wanted)), misfit)
    return PolicyRefusal(reason, NotifyType.NO_PROPOSAL_CHOSEN)


# --- phase 1 ---------------------------------------------------------------------------------------------------------


@frozen
class ChosenIke:
    """The suite to use, and the proposal and transform to answer with, as offered. `shortened`: the suite has our
    lifetime, which is shorter than the `offered` one, and the peer must be told."""

    suite: IkeSuite
    proposal: Proposal
    transform: Transform
    shortened: bool = False
    offered: int = 0

    def alone(self) -> ChosenIke:
        """Without the transforms that were not chosen: a stranger may offer many, and they would be kept until it
        answers."""
        return replace(self, proposal=replace(self.proposal, transforms=(self.transform,)))

    def answer(self) -> SecurityAssociation:
        return SecurityAssociation((self.alone().proposal,))


def _agreed_life(check: ProposalCheck, mine: int, theirs: int) -> int:
    return theirs if check is ProposalCheck.OBEY else min(mine, theirs)


def ike_choice(remote: RemotePolicy, offers: IkeOffers) -> ChosenIke | None:
    """The responder's choice: for our proposals in their order, the first of the peer's transforms that fits."""
    for wanted in remote.proposals:
        found = offers.fitting(remote.proposal_check, wanted)
        if found is not None:
            choice = ChosenIke(found.suite, found.proposal, found.offer.transform)
            return _for_how_long(remote, wanted.lifetime, choice)
    return None


def ike_refusal(remotes: Sequence[RemotePolicy], offers: IkeOffers) -> PolicyRefusal:
    """The offers beside what any of the blocks would accept, and the misfit of the offer that came nearest."""
    wishes = dict.fromkeys((remote.proposal_check, wanted) for remote in remotes for wanted in remote.proposals)
    return _refuse(offers.words(), (str(wanted) for _, wanted in wishes), offers.misfit(wishes))


def _for_how_long(remote: RemotePolicy, mine: int, choice: ChosenIke) -> ChosenIke:
    """`mine`: our lifetime. With `offer_lifetime` the answer carries our longer lifetime; a peer that follows it renews
    later."""
    theirs, life = choice.suite.lifetime, _agreed_life(remote.proposal_check, mine, choice.suite.lifetime)
    if remote.offer_lifetime and mine > theirs:
        life, choice = mine, replace(choice, transform=with_lifetime(choice.transform, mine))
    return replace(choice, suite=replace(choice.suite, lifetime=life), shortened=life < theirs, offered=theirs)


def ike_answer(remote: RemotePolicy, sa: SecurityAssociation) -> IkeSuite:
    """The initiator's check of the responder's choice: exactly one transform, and one that we offered. A lifetime
    longer than ours is cut to ours; with `exact` only our own is accepted."""
    offers = IkeOffers(sa)
    misfit: Unfit | None = NOT_OFFERED
    for wanted in remote.proposals if len(offers.read) == 1 else ():
        answered = offers.read[0].suite()
        if answered is not None and replace(answered, lifetime=0) == replace(wanted, lifetime=0):
            theirs, exact = answered.lifetime, remote.proposal_check is ProposalCheck.EXACT
            misfit = life_misfit(remote.proposal_check, wanted.lifetime, theirs) if exact else None
            if misfit is None:
                return replace(answered, lifetime=_agreed_life(remote.proposal_check, wanted.lifetime, theirs))
    raise _refuse(offers.words(), (str(suite) for suite in remote.proposals), misfit)


# --- phase 2 ---------------------------------------------------------------------------------------------------------

NO_AH = Unfit(Misfit.AH, "AH is not carried out: it does not encrypt and passes no NAT; let the peer offer ESP alone")


@frozen
class ChosenEsp:
    """The suite, the lifetime to keep, whether that is shorter than the `offered` one, and the offer to answer with.
    `kilobytes`: the volume to keep, None without a limit; `limited`: it is less than the peer's."""

    suite: EspSuite
    group: Group | None
    lifetime: int
    kilobytes: int | None
    shortened: bool
    offered: int
    offer: OfferedEsp
    limited: bool = False


def _fits_path(offer: EspOffer, *, udp: bool) -> bool:
    """`udp`: the path needs UDP encapsulation; otherwise plain tunnel mode is wanted."""
    return offer.encapsulation in (bundles.UDP_TUNNELS if udp else bundles.TUNNELS)


def _esp_misfit(check: ProposalCheck, child: ChildPolicy, wanted: EspSuite, offer: Suited) -> Unfit | None:
    """The first attribute that does not fit, in an offer that has the wanted algorithms."""
    bits = bits_misfit(check, wanted.key_bits, offer.suite.key_bits)
    return bits or _group_misfit(check, child.pfs_group, offer.esp.group) or _lifetimes_misfit(check, child, offer.esp)


def _group_misfit(check: ProposalCheck, mine: Group | None, theirs: int | None) -> Unfit | None:
    if theirs is not None and theirs not in _GROUPS:
        return Unfit(Misfit.PFS_GROUP, f"group {theirs} offered for PFS is not known here")
    if mine is not None and theirs != mine and check is not ProposalCheck.OBEY:
        return Unfit(Misfit.PFS_GROUP, f"group {theirs or 'none'} offered for PFS, {mine.name.lower()} wanted")
    if mine is None and theirs is not None and check is ProposalCheck.EXACT:
        return Unfit(Misfit.PFS_GROUP, "group offered for PFS, none wanted")
    return None


def _lifetimes_misfit(check: ProposalCheck, child: ChildPolicy, offer: EspOffer) -> Unfit | None:
    volume = _volume_misfit(check, child.volume, offer.lifetime_kilobytes)
    return life_misfit(check, child.lifetime, offer.lifetime_seconds or child.lifetime) or volume


def _volume_misfit(check: ProposalCheck, wanted: int | None, offered: int | None) -> Unfit | None:
    """A peer that names no volume leaves it to us, except with `exact`."""
    if check is ProposalCheck.STRICT and wanted and offered and offered > wanted:
        return Unfit(
            Misfit.VOLUME, f"volume {offered} KB offered, at most {wanted} KB allowed by proposal_check strict"
        )
    if check is ProposalCheck.EXACT and offered != wanted:
        here, there = (f"{each} KB" if each else "without limit" for each in (wanted, offered))
        return Unfit(Misfit.VOLUME, f"volume {there} offered, exactly {here} wanted by proposal_check exact")
    return None


def _agreed_volume(check: ProposalCheck, mine: int | None, theirs: int | None) -> int | None:
    if check is ProposalCheck.OBEY and theirs is not None:
        return theirs
    return _least(mine, theirs)


def safe_volume(suite: EspSuite, kilobytes: int | None) -> int | None:
    """The agreed volume, but never more than one key of the cipher may carry. The peer need not know."""
    return _least(kilobytes, SHORT_BLOCK_VOLUME if suite.cipher in SHORT_BLOCKS else None)


def _least(*limits: int | None) -> int | None:
    return min((each for each in limits if each is not None), default=None)


def esp_choice(check: ProposalCheck, child: ChildPolicy, sa: SecurityAssociation, *, udp: bool) -> ChosenEsp:
    """The responder's choice: for our suites in their order, the first of the peer's offers that fits."""
    offers = [each for each in bundles.offered(sa, child.compression) if _fits_path(each.esp, udp=udp)]
    suited = _by_algorithms(offers)
    misfit: Unfit | None = None
    for wanted in child.suites:
        same = suited.get((wanted.cipher, wanted.integrity), ())
        for offer in same:
            misfit_here = _esp_misfit(check, child, wanted, offer)
            if misfit_here is None:
                return _chosen(check, child, offer.offer)
            misfit = _telling(misfit, misfit_here)
        if not same:
            misfit = _telling(misfit, _other_algorithms(wanted, suited))
    raise _refuse(bundles.texts(sa), _wanted(child), misfit if offers else _unusable(child, sa, udp=udp))


@frozen
class Suited:
    """An offer that is a suite."""

    offer: OfferedEsp
    suite: EspSuite

    @property
    def esp(self) -> EspOffer:
        return self.offer.esp


Algorithms = tuple[Cipher, Integrity | None]


def _by_algorithms(offers: Iterable[OfferedEsp]) -> dict[Algorithms, list[Suited]]:
    found: dict[Algorithms, list[Suited]] = {}
    for offer in offers:
        suite = offer.esp.suite()
        if suite is not None:
            found.setdefault((suite.cipher, suite.integrity), []).append(Suited(offer, suite))
    return found


def _other_algorithms(wanted: EspSuite, suited: Collection[Algorithms]) -> Unfit:
    """What differs where no offer has both algorithms of a wanted suite."""
    if not suited:
        return UNKNOWN
    beside = list(dict.fromkeys(_integrity(integrity) for cipher, integrity in suited if cipher is wanted.cipher))
    if not beside:
        return Unfit(Misfit.CIPHER, "cipher differs")
    return Unfit(Misfit.INTEGRITY, f"integrity {' or '.join(beside)} offered, {_integrity(wanted.integrity)} wanted")


def _integrity(word: Integrity | None) -> str:
    return word.value if word is not None else "none"


def _telling(before: Unfit | None, now: Unfit) -> Unfit:
    """The misfit that tells most: the one found latest in the order of checks."""
    return now if before is None else max(before, now, key=lambda each: each.misfit)


def _unusable(child: ChildPolicy, sa: SecurityAssociation, *, udp: bool) -> Unfit:
    """Why none of the offers could be looked at."""
    if bundles.has_ah(sa):
        return NO_AH
    if wrong := bundles.wrong_spi(sa):
        return Unfit(Misfit.SPI, wrong)
    if bundles.has_ipcomp(sa) and not child.compression:
        return Unfit(Misfit.IPCOMP, "IPComp is not accepted here, and ESP was not offered without it")
    return Unfit(Misfit.ENCAPSULATION, f"no tunnel mode {'in UDP ' if udp else ''}offered")


def _wanted(child: ChildPolicy) -> list[str]:
    pfs = f" with {child.pfs_group.name.lower()}" if child.pfs_group else ""
    return [f"{suite}{pfs}" for suite in child.suites]


def _chosen(check: ProposalCheck, child: ChildPolicy, offer: OfferedEsp) -> ChosenEsp:
    suite, esp = offer.esp.suite(), offer.esp
    if suite is None:
        raise _refuse([str(esp)], _wanted(child), UNKNOWN)
    theirs = esp.lifetime_seconds or child.lifetime
    life = _agreed_life(check, child.lifetime, theirs)
    kilobytes = _agreed_volume(check, child.volume, esp.lifetime_kilobytes)
    return ChosenEsp(
        suite=suite,
        group=Group(esp.group) if esp.group is not None else None,
        lifetime=life,
        kilobytes=safe_volume(suite, kilobytes),
        shortened=life < theirs,
        offered=theirs,
        offer=offer,
        limited=kilobytes != esp.lifetime_kilobytes,
    )


def esp_answer(check: ProposalCheck, wished: ChildPolicy, sa: SecurityAssociation, *, udp: bool) -> ChosenEsp:
    """The initiator's check of the answer: exactly one transform, its algorithms, group and mode among ours, and IPComp
    only where it was offered; with `exact` no other lifetime than ours."""
    answers = list(bundles.offered(sa, wished.compression if wished.ipcomp else ()))
    misfit: Unfit | None = NOT_OFFERED
    if len(answers) == 1 and all(len(proposal.transforms) == 1 for proposal in answers[0].bundle):
        answer = answers[0].esp
        fits = answer.suite() in wished.suites and answer.group == wished.pfs_group
        if fits and (answer.encapsulation in bundles.UDP_TUNNELS) is udp:
            misfit = _lifetimes_misfit(check, wished, answer) if check is ProposalCheck.EXACT else None
            if misfit is None:
                return _chosen(ProposalCheck.CLAIM, wished, answers[0])
    raise _refuse(bundles.texts(sa), _wanted(wished), misfit)
