"""Choosing a proposal for the IKE SA, and saying why none fits (RFC 7296 §2.7, §3.3.6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lotor.ike.errors import PolicyRefusal
from lotor.model.algorithms import Ike2Suite
from lotor.model.policy import RemotePolicy
from lotor.model.reasons.proposals import Misfit, NoProposal, Unfit
from lotor.model.weakness import WEAK
from lotor.wire.v2.association import Proposal, SecurityAssociation
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.proposals import Offer, read_ike

OFFERS_SHOWN = 4
"""A refusal names so many offers; Windows sends three dozen."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The suite to use, the proposal to answer with, and the blocks that accept both, the first of them for now."""

    suite: Ike2Suite
    proposal: Proposal
    remotes: tuple[RemotePolicy, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """The proposals of an IKE_SA_INIT, the group of its KE payload, and whether its sender can do additional key
    exchanges."""

    association: SecurityAssociation
    group: int
    intermediate: bool


@dataclass(frozen=True, slots=True)
class Sieve:
    """An offer, and what is in it by kind: most of the hundred suites of a gateway fall through at the first look."""

    offer: Offer
    ciphers: frozenset[object]
    prfs: frozenset[object]
    groups: frozenset[object]

    @classmethod
    def of(cls, offer: Offer) -> Sieve:
        return cls(offer, frozenset(offer.ciphers), frozenset(offer.prfs), frozenset(offer.groups))

    def has(self, suite: Ike2Suite) -> bool:
        """Whether that suite may be chosen of it."""
        likely = suite.group in self.groups and suite.prf in self.prfs
        return likely and (suite.cipher, suite.key_bits) in self.ciphers and self.offer.has_ike(suite)


def for_stranger(remotes: Sequence[RemotePolicy], offered: Offered) -> Choice:
    """Of what the first block with any fitting proposal prefers, but a suite of the peer's group before others, which
    spares it a second attempt, unless that group is weak. `PolicyRefusal` where nothing fits."""
    offers = [read_ike(proposal) for proposal in offered.association.proposals]
    sieves = [Sieve.of(offer) for offer in offers]
    for remote in remotes:
        able = [suite for suite in _suites(remote) if offered.intermediate or not suite.more]
        suites = [suite for suite in able if any(sieve.has(suite) for sieve in sieves)]
        if suites:
            suite = _preferred(suites, offered.group)
            return Choice(suite, _answer(offers, suite), tuple(one for one in remotes if suite in _suites(one)))
    raise refusal(offers, [suite for remote in remotes for suite in _suites(remote)])


def _preferred(suites: Sequence[Ike2Suite], group: int) -> Ike2Suite:
    """Additional key exchanges are not given up for a quicker beginning."""
    alike = (each for each in suites if bool(each.more) is bool(suites[0].more) and each.group not in WEAK)
    return next((each for each in alike if each.group == group), suites[0])


def _suites(remote: RemotePolicy) -> tuple[Ike2Suite, ...]:
    return remote.v2.proposals if remote.v2 is not None else ()


def _answer(offers: Iterable[Offer], suite: Ike2Suite) -> Proposal:
    """The first that has it; the caller knows that one does."""
    answers = (offer.ike_answer(suite, b"") for offer in offers)
    return next(answer for answer in answers if answer is not None)


def refusal(offers: Sequence[Offer], wanted: Iterable[Ike2Suite]) -> PolicyRefusal:
    """That nothing which the peer offers is accepted here."""
    suites = tuple(dict.fromkeys(wanted))
    words = list(dict.fromkeys(map(str, offers)))
    more = f" and {len(words) - OFFERS_SHOWN} more" if len(words) > OFFERS_SHOWN else ""
    theirs = ", ".join(words[:OFFERS_SHOWN]) + more or "nothing"
    nearest = max((_misfit(offer, suite) for offer in offers for suite in suites), default=None, key=_near)
    return PolicyRefusal(
        NoProposal.by(theirs, ", ".join(map(str, suites)), nearest), int(NotifyType.NO_PROPOSAL_CHOSEN)
    )


def _near(unfit: Unfit) -> int:
    return unfit.misfit


def _misfit(offer: Offer, suite: Ike2Suite) -> Unfit:
    """The first thing that keeps an offer from having the suite."""
    if suite.cipher not in {cipher for cipher, _ in offer.ciphers}:
        return Unfit(Misfit.CIPHER, f"no {suite.cipher.value}")
    if suite.prf not in offer.prfs:
        return Unfit(Misfit.HASH, f"no prf-{suite.prf.value}")
    if suite.integrity is not None and suite.integrity not in offer.integrities:
        return Unfit(Misfit.INTEGRITY, f"no {suite.integrity.value}")
    if suite.group not in offer.groups:
        return Unfit(Misfit.GROUP, f"no {suite.group.name.lower()}")
    if (suite.cipher, suite.key_bits) not in offer.ciphers:
        return Unfit(Misfit.KEY_LENGTH, f"{suite.cipher.value} with other keys than {suite.key_bits} bits")
    return Unfit(Misfit.NOT_AMONG_OFFERS, "in parts only, not as one proposal")
