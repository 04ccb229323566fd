"""Choosing what protects an SA pair among a peer's proposals, and checking what a peer chose among ours (RFC 7296
§2.7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from lotor.ike.errors import PolicyRefusal
from lotor.model.algorithms import EspSuite, Group
from lotor.model.frozen import frozen
from lotor.model.reasons.proposals import Misfit, NoProposal, Unfit
from lotor.wire.errors import Malformed
from lotor.wire.v2.association import Proposal, SecurityAssociation
from lotor.wire.v2.numbers import NotifyType, Protocol
from lotor.wire.v2.proposals import EspChoice, Offer, chosen_esp, esp_proposals, read_esp

OFFERS_SHOWN = 4
"""A refusal names so many offers; Windows sends a dozen."""

NOT_OFFERED = Unfit(Misfit.NOT_AMONG_OFFERS, "the peer chose something that was not offered")


@frozen
class Wishes:
    """What an SA pair may have, the best first. `groups`: of a key exchange of its own, None for without. `esn`: with
    extended sequence numbers or without. `first`: IKE_AUTH makes the pair, so that key exchanges that are offered count
    for later ones only."""

    suites: tuple[EspSuite, ...]
    groups: tuple[Group | None, ...] = (None,)
    esn: tuple[bool, ...] = (False,)
    first: bool = False

    def __iter__(self) -> Iterator[tuple[EspSuite, Group | None, bool]]:
        for suite in self.suites:
            for group in self.groups:
                for esn in self.esn:
                    yield suite, group, esn

    def offer(self, spi: bytes) -> SecurityAssociation:
        """All of it as proposals, with this end's SPI."""
        return esp_proposals(self.suites, spi, self.groups, self.esn)

    def texts(self) -> list[str]:
        named = [group.name.lower() for group in self.groups if group is not None]
        pfs = f" with {' or '.join(named)}" if named else ""
        return [f"{suite}{pfs}" for suite in self.suites]


@frozen
class ChosenEsp:
    """`choice` has the peer's SPI. `proposal`: the chosen one as it came, with nothing but what was chosen."""

    choice: EspChoice
    proposal: Proposal

    def answer(self, spi: bytes) -> SecurityAssociation:
        """With this end's SPI."""
        chosen = self.proposal
        return SecurityAssociation((Proposal(chosen.number, chosen.protocol, spi, chosen.transforms),))


def chosen(wishes: Wishes, sa: SecurityAssociation) -> ChosenEsp:
    """The responder's choice: for our wishes in their order, the first proposal that has it. Raises the refusal that
    tells most."""
    offers = [read_esp(each, first=wishes.first) for each in sa.proposals]
    looked = [Looked(offer) for offer in offers]
    for suite in wishes.suites:
        able = [each for each in looked if each.protects(suite)]
        for group, esn in product(wishes.groups, wishes.esn):
            found = next((each.offer for each in able if each.allows(suite, group, esn=esn)), None)
            answer = found.esp_answer(suite, found.proposal.spi, group, esn=esn) if found is not None else None
            if answer is not None:
                return ChosenEsp(EspChoice(suite, answer.spi, group, esn), answer)
    raise _refuse(offers, wishes, _misfit(wishes, offers))


@dataclass(slots=True)
class Looked:
    """An offer, which is looked at once for wishes that are alike: a long list meets many of them."""

    offer: Offer
    _rest: dict[tuple[Group | None, bool], bool] = field(default_factory=dict)

    def protects(self, suite: EspSuite) -> bool:
        integrities = self.offer.integrities or (None,)
        return suite.integrity in integrities and (suite.cipher, suite.key_bits) in self.offer.ciphers

    def allows(self, suite: EspSuite, group: Group | None, *, esn: bool) -> bool:
        """Of a suite that it `protects`: whether the rest may be chosen beside it."""
        if (group, esn) not in self._rest:
            self._rest[group, esn] = self.offer.has_esp(suite, group, esn=esn)
        return self._rest[group, esn]


def accepted(wishes: Wishes, sa: SecurityAssociation) -> EspChoice:
    """The initiator's check of an answer: exactly one proposal, and one that `Wishes.offer` made."""
    try:
        found = chosen_esp(sa.proposals[0]) if len(sa.proposals) == 1 else None
    except Malformed:
        found = None
    if found is None or (found.suite, found.group, found.esn) not in wishes:
        raise _refuse([read_esp(each) for each in sa.proposals], wishes, NOT_OFFERED)
    return found


# --- why nothing fits ------------------------------------------------------------------------------------------------


def _refuse(offers: Sequence[Offer], wishes: Wishes, misfit: Unfit | None) -> PolicyRefusal:
    texts = list(dict.fromkeys(map(str, offers)))
    more = f" and {len(texts) - OFFERS_SHOWN} more" if len(texts) > OFFERS_SHOWN else ""
    offered = ", ".join(texts[:OFFERS_SHOWN]) + more or "nothing"
    reason = NoProposal.by(offered, ", ".join(wishes.texts()), misfit)
    return PolicyRefusal(reason, NotifyType.NO_PROPOSAL_CHOSEN)


def _misfit(wishes: Wishes, offers: Sequence[Offer]) -> Unfit | None:
    """What kept the offer that came nearest; None where nothing was offered."""
    usable = [offer for offer in offers if offer.usable]
    if not usable:
        return _unusable(offers) if offers else None
    found = [_apart(suite, wishes, offer) for suite in wishes.suites for offer in usable]
    return max(found, key=lambda each: each.misfit, default=None)


def _unusable(offers: Iterable[Offer]) -> Unfit:
    protocols = {offer.proposal.protocol for offer in offers}
    if Protocol.ESP not in protocols:
        return Unfit(Misfit.AH, "ESP is not offered, and nothing else is carried out")
    if any(len(offer.proposal.spi) != 4 or not int.from_bytes(offer.proposal.spi, "big") >> 8 for offer in offers):
        return Unfit(Misfit.SPI, "no SPI that ESP could have")
    return Unfit(Misfit.UNKNOWN_ALGORITHM, "nothing but algorithms that are not known here")


def _apart(suite: EspSuite, wishes: Wishes, offer: Offer) -> Unfit:
    """The first thing in which an offer differs from a suite."""
    if suite.cipher not in {cipher for cipher, _ in offer.ciphers}:
        return Unfit(Misfit.CIPHER, "cipher differs")
    if (suite.cipher, suite.key_bits) not in offer.ciphers:
        bits = " or ".join(str(size) for cipher, size in offer.ciphers if cipher is suite.cipher)
        return Unfit(Misfit.KEY_LENGTH, f"keys of {bits} bits offered, {suite.key_bits} wanted")
    if suite.integrity not in (offer.integrities or (None,)):
        words = " or ".join(each.value if each else "none" for each in offer.integrities) or "no integrity"
        return Unfit(
            Misfit.INTEGRITY, f"{words} offered, {suite.integrity.value if suite.integrity else 'none'} wanted"
        )
    if not set(wishes.groups) & set(offer.groups or (None,)):
        named = " or ".join(each.name.lower() if each else "none" for each in offer.groups or (None,))
        return Unfit(Misfit.PFS_GROUP, f"group {named} offered for PFS, another one wanted")
    return Unfit(Misfit.SEQUENCE_NUMBERS, "extended sequence numbers differ")
