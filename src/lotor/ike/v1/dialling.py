"""The gateway that an initiator called, and answers from other addresses before any peer is proved."""

from __future__ import annotations

from lotor.ike.errors import Misplaced
from lotor.ike.v1.session import V1Session
from lotor.model.network import Path
from lotor.model.reason import Reason
from lotor.model.reasons.ends import NoAnswer, TooSlow


def demand_called(session: V1Session, path: Path) -> None:
    """Until phase 1 is proved, only the address that was called may answer, from any port. Raises `Misplaced` for
    others: an attacker who saw the first message could answer from an address of its own."""
    called = session.path.remote.address
    if not session.initiator or session.established or path.remote.address == called:
        return
    session.instead = session.instead or path.remote
    raise Misplaced(f"{called} was called, and phase 1 takes answers from there only")


def with_stranger(session: V1Session, reason: Reason) -> Reason:
    """Adds to a reason of silence the address that answered in the gateway's place."""
    instead = session.instead
    if instead is None or not isinstance(reason, NoAnswer | TooSlow):
        return reason
    return reason.but(instead=str(instead.address))
