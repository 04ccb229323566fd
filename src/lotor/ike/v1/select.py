"""Which `remote` block serves a peer: by address, mode and proposal, then by identity and certificate request."""

from __future__ import annotations

from collections.abc import Iterable

from lotor.ike import identities
from lotor.ike.errors import PolicyRefusal
from lotor.ike.v1 import riders
from lotor.ike.v1.choose import ChosenIke, ike_choice, ike_refusal
from lotor.ike.v1.offers import IkeOffers
from lotor.ike.v1.session import V1Session
from lotor.model.identity import Identity
from lotor.model.policy import RemotePolicy
from lotor.model.reasons.protocol import IdentityNotAllowed
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import NotifyType


def choose_remote(session: V1Session, message1: Chain, peer: Identity | None) -> ChosenIke:
    """Chooses among the candidates whose proposals and identifiers fit: the one whose certificate the peer asks for,
    else the first. It becomes the session's block. Where none fits, raises the refusal that tells most, unless that
    would show which names are known."""
    return _choose(session, message1.only(SecurityAssociation), peer, (message1,))


def narrow(session: V1Session, choice: ChosenIke, peer: Identity, *said: Chain) -> ChosenIke:
    """Main mode: choose again now that identity and certificate requests are known, among the blocks that also accept
    the chosen proposal. With a pre-shared key the first block stays, since its key was already used. Raises a refusal
    when the identity fits none of them."""
    if not choice.suite.method.signs(initiator=False):
        demand_identity(session.remote, peer)
        return choice
    return _choose(session, choice.answer(), peer, said)


def _choose(session: V1Session, sa: SecurityAssociation, peer: Identity | None, said: Iterable[Chain]) -> ChosenIke:
    offers, candidates = IkeOffers(sa), session.candidates or (session.remote,)
    choices = [(remote, choice) for remote in candidates if (choice := ike_choice(remote, offers))]
    if not choices:
        raise ike_refusal(candidates, offers)
    fitting: list[tuple[RemotePolicy, ChosenIke]] = []
    refusals: list[PolicyRefusal] = []
    for remote, choice in choices:
        try:
            if peer is not None:
                demand_identity(remote, peer)
        except PolicyRefusal as refusal:
            refusals.append(refusal)
        else:
            fitting.append((remote, choice))
    if not fitting:
        return _feigned(session, choices, refusals)
    session.remote, chosen = _asked_for(fitting, riders.requested_issuers(said))
    return chosen.alone()


def _feigned(
    session: V1Session, choices: list[tuple[RemotePolicy, ChosenIke]], refusals: list[PolicyRefusal]
) -> ChosenIke:
    """No block admits that name. Where a pre-shared key proves it, in aggressive mode, this shows only at the end, so
    that known and unknown names get the same answer. Otherwise raises the first refusal."""
    for (remote, choice), refusal in zip(choices, refusals, strict=True):
        if not choice.suite.method.signs(initiator=False):
            session.remote, session.refused = remote, refusal.reason
            return choice.alone()
    raise refusals[0]


def _asked_for(
    fitting: list[tuple[RemotePolicy, ChosenIke]], issuers: frozenset[bytes]
) -> tuple[RemotePolicy, ChosenIke]:
    """The first block whose certificate one of these authorities issued, else, for requests without a name, the first
    that has one. Only blocks as specific as the first count."""
    rank = specificity(fitting[0][0])
    signing = [each for each in fitting if specificity(each[0]) == rank and each[1].suite.method.signs(initiator=False)]
    named = (each for each in signing if not issuers.isdisjoint(each[0].issuers))
    unnamed = (each for each in signing if each[0].match_empty_cr and b"" in issuers)
    return next(named, None) or next(unnamed, None) or fitting[0]


def specificity(remote: RemotePolicy) -> tuple[bool, bool]:
    """A sort key, smaller for more specific blocks: exact addresses before anonymous ones, then those with
    identities."""
    return remote.address is None, not remote.peers_identifiers


def demand_identity(remote: RemotePolicy, peer: Identity) -> None:
    """`verify_identifier on`: the identity must be one of the `peers_identifier`s."""
    if not identities.admitted(remote, peer):
        reason = IdentityNotAllowed(identities.text(peer), remote.name)
        raise PolicyRefusal(reason, NotifyType.INVALID_ID_INFORMATION)
