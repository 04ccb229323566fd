"""A peer's offers for phase 1, read once and indexed by their algorithms: which fits a proposal of ours, or why none
does.

A stranger's list may be long, and there may be many blocks. No offer is compared with a proposal that has other
algorithms, and only the one misfit that is reported is put into words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from lotor.model.algorithms import AuthMethod, Cipher, Group, Hash, IkeSuite
from lotor.model.frozen import frozen
from lotor.model.policy import ProposalCheck
from lotor.model.reasons.proposals import Misfit, Unfit
from lotor.wire.v1.association import Proposal, SecurityAssociation
from lotor.wire.v1.numbers import Protocol
from lotor.wire.v1.proposals import IkeOffer, IkeWords, read_ike

UNKNOWN = Unfit(Misfit.UNKNOWN_ALGORITHM, "unknown algorithm")

Algorithms = tuple[Cipher, Hash, Group, AuthMethod]
Beginning = tuple[Cipher | Hash | Group | AuthMethod, ...]

DIFFERING = (Misfit.CIPHER, Misfit.HASH, Misfit.GROUP, Misfit.METHOD)
"""The misfit, by how many of the first `Algorithms` agree."""


@frozen
class Readable:
    """A transform that is a suite, its place in the message, and its proposal. `kind`: the suite without its
    lifetime."""

    place: int
    proposal: Proposal
    offer: IkeOffer
    kind: IkeSuite

    @property
    def suite(self) -> IkeSuite:
        return replace(self.kind, lifetime=self.offer.lifetime)


class Alike:
    """Transforms of the same algorithms and key length, which differ in their lifetimes. `falling`: the first one, and
    each with a shorter lifetime than all before it."""

    __slots__ = ("by_lifetime", "falling", "suite")

    def __init__(self, suite: IkeSuite) -> None:
        self.suite = suite
        self.by_lifetime: dict[int, Readable] = {}
        self.falling: list[Readable] = []

    def add(self, one: Readable) -> None:
        self.by_lifetime.setdefault(one.offer.lifetime, one)
        if not self.falling or one.offer.lifetime < self.falling[-1].offer.lifetime:
            self.falling.append(one)

    def misfit(self, check: ProposalCheck, wanted: IkeSuite) -> Misfit | None:
        """Of the one that comes nearest to a wish with the same algorithms; None where it fits."""
        if self.suite.curve and wanted.curve and self.suite.curve is not wanted.curve:
            return Misfit.CURVE
        if not bits_fit(check, wanted.key_bits, self.suite.key_bits):
            return Misfit.KEY_LENGTH
        return Misfit.LIFETIME if self._first(check, wanted.lifetime) is None else None

    def fitting(self, check: ProposalCheck, wanted: IkeSuite) -> Readable | None:
        """The first that a block with this check takes for the wish."""
        passed = self.misfit(check, wanted) is None
        return self._first(check, wanted.lifetime) if passed else None

    def _first(self, check: ProposalCheck, seconds: int) -> Readable | None:
        if check is ProposalCheck.EXACT:
            return self.by_lifetime.get(seconds)
        if check is not ProposalCheck.STRICT:
            return self.falling[0]
        if self.falling[-1].offer.lifetime > seconds:
            return None
        return next(each for each in self.falling if each.offer.lifetime <= seconds)


class IkeOffers:
    """All transforms of a message for ISAKMP, in the peer's order."""

    __slots__ = ("_found", "_kinds", "read")

    def __init__(self, sa: SecurityAssociation) -> None:
        self.read: list[IkeOffer] = []
        self._kinds: dict[IkeWords, Alike | None] = {}
        self._found: dict[Algorithms, list[Alike]] = {}
        for place, (proposal, offer) in enumerate(_transforms(sa)):
            self.read.append(offer)
            alike = self._alike(offer.words) if offer.usable else None
            if alike is not None:
                alike.add(Readable(place, proposal, offer, alike.suite))

    def _alike(self, words: IkeWords) -> Alike | None:
        if words not in self._kinds:
            suite = words.suite(lifetime=0)
            self._kinds[words] = kind = Alike(suite) if suite is not None else None
            if kind is not None:
                self._found.setdefault(algorithms(kind.suite), []).append(kind)
        return self._kinds[words]

    def words(self) -> list[IkeWords]:
        """The distinct offers, for people."""
        return list(dict.fromkeys([offer.words for offer in self.read]))

    def fitting(self, check: ProposalCheck, wanted: IkeSuite) -> Readable | None:
        """The first offer that a block with this check accepts for our proposal."""
        found = (alike.fitting(check, wanted) for alike in self._found.get(algorithms(wanted), ()))
        return min((each for each in found if each is not None), key=lambda each: each.place, default=None)

    def misfit(self, wishes: Collection[tuple[ProposalCheck, IkeSuite]]) -> Unfit | None:
        """What keeps the offer that came nearest to a wish from fitting it; None where there is none of either."""
        if not self.read or not wishes:
            return None
        if not self._found:
            return UNKNOWN
        beginnings = {key[:length] for key in self._found for length in range(1, len(key))}
        return max((self._nearest(beginnings, *wish) for wish in wishes), key=lambda miss: miss.nearness).unfit()

    def _nearest(self, beginnings: set[Beginning], check: ProposalCheck, wanted: IkeSuite) -> Miss:
        key = algorithms(wanted)
        if key in self._found:
            misses = (Miss(each.misfit(check, wanted), check, wanted, each) for each in self._found[key])
            return max(misses, key=lambda miss: miss.nearness)
        agreeing = next((length for length in range(len(key) - 1, 0, -1) if key[:length] in beginnings), 0)
        return Miss(DIFFERING[agreeing], check, wanted, None)


@frozen
class Miss:
    """A proposal of ours, and why the offers that came nearest to it failed. `offered`: None where no algorithms are
    the same."""

    at: Misfit | None
    check: ProposalCheck
    wanted: IkeSuite
    offered: Alike | None

    @property
    def nearness(self) -> int:
        return self.at if self.at is not None else len(Misfit)

    def unfit(self) -> Unfit | None:
        if self.at is None:
            return None
        if self.offered is None:
            return Unfit(self.at, f"{self.at.word} differs")
        wanted, theirs = self.wanted, self.offered.suite
        if self.at is Misfit.CURVE and theirs.curve and wanted.curve:
            detail = f"curve {theirs.curve.value} offered, our certificate has an ECDSA key on {wanted.curve.value}"
            return Unfit(Misfit.CURVE, detail)
        if self.at is Misfit.KEY_LENGTH:
            return bits_misfit(self.check, wanted.key_bits, theirs.key_bits)
        return life_misfit(self.check, wanted.lifetime, self.offered.falling[0].offer.lifetime)


def algorithms(suite: IkeSuite) -> Algorithms:
    """The algorithms, which must be equal whatever `proposal_check` says."""
    return suite.cipher, suite.hash, suite.group, suite.method


def bits_fit(check: ProposalCheck, wanted: int, offered: int) -> bool:
    return offered == wanted or check is ProposalCheck.OBEY or (offered > wanted and check is not ProposalCheck.EXACT)


def life_fits(check: ProposalCheck, wanted: int, offered: int) -> bool:
    """`wanted` and `offered` in seconds."""
    if check is ProposalCheck.EXACT:
        return offered == wanted
    return check is not ProposalCheck.STRICT or offered <= wanted


def bits_misfit(check: ProposalCheck, wanted: int, offered: int) -> Unfit | None:
    if bits_fit(check, wanted, offered):
        return None
    return Unfit(Misfit.KEY_LENGTH, f"key length {offered} offered, {wanted} wanted")


def life_misfit(check: ProposalCheck, wanted: int, offered: int) -> Unfit | None:
    if life_fits(check, wanted, offered):
        return None
    if check is ProposalCheck.EXACT:
        detail = f"lifetime {offered} s offered, exactly {wanted} s wanted by proposal_check exact"
    else:
        detail = f"lifetime {offered} s offered, at most {wanted} s allowed by proposal_check strict"
    return Unfit(Misfit.LIFETIME, detail)


def _transforms(sa: SecurityAssociation) -> Iterator[tuple[Proposal, IkeOffer]]:
    for proposal in sa.proposals:
        if proposal.protocol == Protocol.ISAKMP:
            for transform in proposal.transforms:
                yield proposal, read_ike(transform)
