"""Inner networks of peers: a gateway gives no network to two peers, or one would get what is meant for the other."""

from __future__ import annotations

from lotor.ike import insides
from lotor.ike.children import Selectors
from lotor.ike.errors import PolicyRefusal
from lotor.ike.session import Session
from lotor.ike.v1 import stale_session
from lotor.ike.v1.session import V1Session
from lotor.ike.v1.story import Story
from lotor.model.network import Network
from lotor.model.reasons.ends import InsideTaken
from lotor.model.reasons.protocol import InsideInUse
from lotor.wire.v1.numbers import NotifyType


def take(session: V1Session, wish: Selectors) -> Story[None]:
    """Gateway: a peer that brings its own inner network gets it, unless another session has it. A session whose peer
    has gone makes room. Raises `PolicyRefusal`."""
    if not session.gateway or session.inner.configuration is not None:
        return
    if any(pair.selectors.remote == wish.remote for pair in session.children):
        return  # nobody else can have got it meanwhile, and a walk through many takes a while
    holder = session.registry.holder(session, wish.remote)
    if holder is not None and insides.may_have_gone(holder, session):
        gone = yield from stale_session.dead_among([holder])
        session.registry.replace(gone, InsideTaken(session.user, str(session.path.remote)))
        holder = session.registry.holder(session, wish.remote)
    if holder is not None:
        raise _taken(wish.remote, holder)
    session.inner.brought = wish.remote
    session.registry.housed(session)


def _taken(inside: Network, holder: Session) -> PolicyRefusal:
    reason = InsideInUse(inside.network_address, holder.inner.configuration is not None, holder.user)
    return PolicyRefusal(reason, NotifyType.INVALID_ID_INFORMATION)
