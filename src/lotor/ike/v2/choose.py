"""Choosing a proposal for the IKE SA, and saying why none fits (RFC 7296 §2.7, §3.3.6)."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from lotor.ike.errors import PolicyRefusal
from lotor.model.algorithms import Group, Ike2Suite
from lotor.model.frozen import frozen
from lotor.model.policy import RemotePolicy
from lotor.model.reasons.proposals import Misfit, NoProposal, Unfit
from lotor.model.weakness import WEAK
from lotor.wire.v2.association import Proposal, SecurityAssociation
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.proposals import Offer, read_ike

OFFERS_SHOWN = 4
"""A refusal names so many offers; Windows sends three dozen."""


@frozen
class Choice:
    """The suite to use, the proposal to answer with, and the blocks that accept both, the first of them for now."""

    suite: Ike2Suite
    proposal: Proposal
    remotes: tuple[RemotePolicy, ...]


@frozen
class Offered:
    """The proposals of an IKE_SA_INIT, the group of its KE payload, and whether its sender can do additional key
    exchanges."""

    association: SecurityAssociation
    group: int
    intermediate: bool


@frozen
class Table:
    """The offers of a peer, each by its place, and for each check the places of those that have a value: a stranger may
    name 512 transforms, and a gateway accepts a hundred suites. `_rest`: whether the rest of an offer allows a suite,
    looked at once for all suites that are alike in that."""

    offers: tuple[Offer, ...]
    _having: Mapping[Misfit, Mapping[object, set[int]]]
    _rest: dict[tuple[int, bool, tuple[Group, ...]], bool] = field(default_factory=dict)

    @classmethod
    def of(cls, association: SecurityAssociation) -> Table:
        offers = tuple(map(read_ike, association.proposals))
        having: dict[Misfit, dict[object, set[int]]] = {check: {} for check in _CHECKS}
        for place, offer in enumerate(offers):
            for check, values in _CHECKS.items():
                for value in values(offer):
                    having[check].setdefault(value, set()).add(place)
        return cls(offers, having)

    @property
    def groups(self) -> Container[object]:
        """Those of all offers: most suites of a gateway fall through at a look at them."""
        return self._having[Misfit.GROUP]

    def nearest(self, suite: Ike2Suite) -> tuple[Misfit, set[int]]:
        """The first check in which no offer has what the suite wants, and the places of those that came as far."""
        near = set(range(len(self.offers)))
        for check, value in _wanted(suite):
            nearer = near & self._having[check].get(value, set())
            if not nearer:
                return check, near
            near = nearer
        return Misfit.NOT_AMONG_OFFERS, near

    def has(self, suite: Ike2Suite) -> bool:
        """Whether that suite may be chosen of any offer."""
        check, places = self.nearest(suite)
        return check is Misfit.NOT_AMONG_OFFERS and any(self._allows(place, suite) for place in places)

    def _allows(self, place: int, suite: Ike2Suite) -> bool:
        alike = place, suite.integrity is None, suite.more
        if alike not in self._rest:
            self._rest[alike] = self.offers[place].has_ike(suite)
        return self._rest[alike]

    def answer(self, suite: Ike2Suite) -> Proposal:
        """The first proposal that has it; the caller knows that one does."""
        answers = (offer.ike_answer(suite, b"") for offer in self.offers)
        return next(answer for answer in answers if answer is not None)


_CHECKS: Mapping[Misfit, Callable[[Offer], Iterable[object]]] = {
    Misfit.CIPHER: lambda offer: [cipher for cipher, _ in offer.ciphers],
    Misfit.HASH: lambda offer: offer.prfs,
    Misfit.INTEGRITY: lambda offer: offer.integrities,
    Misfit.GROUP: lambda offer: offer.groups,
    Misfit.KEY_LENGTH: lambda offer: offer.ciphers,
}
"""What an offer has for each check."""


def _wanted(suite: Ike2Suite) -> Iterator[tuple[Misfit, object]]:
    """What the suite wants, in the order of the checks."""
    yield Misfit.CIPHER, suite.cipher
    yield Misfit.HASH, suite.prf
    if suite.integrity is not None:
        yield Misfit.INTEGRITY, suite.integrity
    yield Misfit.GROUP, suite.group
    yield Misfit.KEY_LENGTH, (suite.cipher, suite.key_bits)


def for_stranger(remotes: Sequence[RemotePolicy], offered: Offered) -> Choice:
    """Of what the first block with any fitting proposal prefers, but a suite of the peer's group before others, which
    spares it a second attempt, unless that group is weak. `PolicyRefusal` where nothing fits."""
    table = Table.of(offered.association)
    groups = table.groups
    for remote in remotes:
        able = [suite for suite in _suites(remote) if offered.intermediate or not suite.more]
        suites = [suite for suite in able if suite.group in groups and table.has(suite)]
        if suites:
            suite = _preferred(suites, offered.group)
            return Choice(suite, table.answer(suite), tuple(one for one in remotes if suite in _suites(one)))
    raise _refusal(table, [suite for remote in remotes for suite in _suites(remote)])


def _preferred(suites: Sequence[Ike2Suite], group: int) -> Ike2Suite:
    """Additional key exchanges are not given up for a quicker beginning."""
    alike = (each for each in suites if bool(each.more) is bool(suites[0].more) and each.group not in WEAK)
    return next((each for each in alike if each.group == group), suites[0])


def _suites(remote: RemotePolicy) -> tuple[Ike2Suite, ...]:
    return remote.v2.proposals if remote.v2 is not None else ()


def _refusal(table: Table, wanted: Iterable[Ike2Suite]) -> PolicyRefusal:
    """That nothing which the peer offers is accepted here."""
    suites = tuple(dict.fromkeys(wanted))
    words = list(dict.fromkeys(map(str, table.offers)))
    more = f" and {len(words) - OFFERS_SHOWN} more" if len(words) > OFFERS_SHOWN else ""
    theirs = ", ".join(words[:OFFERS_SHOWN]) + more or "nothing"
    return PolicyRefusal(
        NoProposal.by(theirs, ", ".join(map(str, suites)), _nearest(table, suites)), int(NotifyType.NO_PROPOSAL_CHOSEN)
    )


def _nearest(table: Table, suites: Iterable[Ike2Suite]) -> Unfit | None:
    """What keeps the offer that comes nearest from having a suite, the first of several; None where nothing is
    offered."""
    if not table.offers:
        return None
    found = ((*table.nearest(suite), suite) for suite in suites)
    nearest = max(found, key=lambda each: (each[0], -min(each[1])), default=None)
    return Unfit(nearest[0], _lacks(nearest[0], nearest[2])) if nearest is not None else None


def _lacks(misfit: Misfit, suite: Ike2Suite) -> str:
    """What of the suite the offers have not."""
    match misfit:
        case Misfit.CIPHER:
            return f"no {suite.cipher.value}"
        case Misfit.HASH:
            return f"no prf-{suite.prf.value}"
        case Misfit.INTEGRITY if suite.integrity is not None:
            return f"no {suite.integrity.value}"
        case Misfit.GROUP:
            return f"no {suite.group.name.lower()}"
        case Misfit.KEY_LENGTH:
            return f"{suite.cipher.value} with other keys than {suite.key_bits} bits"
        case _:
            return "in parts only, not as one proposal"
