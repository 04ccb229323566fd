"""Why no proposal was accepted: by this end, which knows the misfit, or by the peer, which does not say why."""

from __future__ import annotations

from enum import IntEnum

from lotor.model.frozen import frozen
from lotor.model.kinds import Kind
from lotor.model.network import Address
from lotor.model.reason import Cause, Reason, Told


class Misfit(IntEnum):
    """What keeps an offer from fitting a proposal of ours, in the order of the checks: the later one came nearer."""

    NOTHING_OFFERED = 0
    UNKNOWN_ALGORITHM = 1
    CIPHER = 2
    HASH = 3
    INTEGRITY = 4
    GROUP = 5
    METHOD = 6
    CURVE = 7
    KEY_LENGTH = 8
    PFS_GROUP = 9
    LIFETIME = 10
    VOLUME = 11
    NOT_AMONG_OFFERS = 12
    AH = 13
    SPI = 14
    IPCOMP = 15
    ENCAPSULATION = 16
    SEQUENCE_NUMBERS = 17

    @property
    def word(self) -> str:
        """As it stands in facts: `pfs-group`."""
        return self.name.lower().replace("_", "-")

    def __str__(self) -> str:
        return self.word


@frozen
class Unfit:
    """A misfit, and the clause that tells it to a person."""

    misfit: Misfit
    detail: str


class NoProposal(Reason):
    """Nothing that the peer offers is accepted here. `misfit`: what kept the offer that came nearest from fitting;
    `detail`: the same in words, empty where nothing was offered."""

    kind = Kind.NO_PROPOSAL_CHOSEN
    cause = Cause.NO_PROPOSAL
    line = "no proposal chosen: offered {offered}; wanted {wanted}{because}"
    headed = True
    told = Told.PEER
    offered: str
    wanted: str
    misfit: str
    detail: str

    @property
    def because(self) -> str:
        return f" ({self.detail})" if self.detail else ""

    @classmethod
    def by(cls, offered: str, wanted: str, unfit: Unfit | None) -> NoProposal:
        if unfit is None:
            return cls(offered, wanted, Misfit.NOTHING_OFFERED.word, "")
        return cls(offered, wanted, unfit.misfit.word, unfit.detail)

    def misses(self, *misfits: Misfit) -> bool:
        return self.misfit in {each.word for each in misfits}


class ProposalRefused(Reason):
    """The gateway accepts none of our proposals for phase 1."""

    kind = Kind.PHASE1_PROPOSAL_REFUSED
    cause = Cause.NO_PROPOSAL
    line = "gateway {gateway} answered NO_PROPOSAL_CHOSEN; offered: {offered}"
    told = Told.PERSON
    gateway: Address
    offered: str


class ChildProposalRefused(Reason):
    """The peer accepts none of our proposals for an SA pair."""

    kind = Kind.QUICK_MODE_PROPOSAL_REFUSED
    cause = Cause.NO_PROPOSAL
    line = "{address} refused quick mode: NO_PROPOSAL_CHOSEN"
    told = Told.PERSON
    address: Address
