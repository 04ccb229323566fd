"""What follows what: IKE_SA_INIT, then IKE_AUTH, then everything else. Each exchange that ends asks here for the next
step, and each request of the peer for the story that answers it.

Gates open here and nowhere else. How a session ends is decided in `ends`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lotor.ike.children import EXPIRED, Pair
from lotor.ike.errors import Misplaced, Refusal
from lotor.ike.v2 import ends, exchanges, init, voice
from lotor.ike.v2.exchanges import Answering
from lotor.ike.v2.message import Message
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story
from lotor.model.network import Instant
from lotor.wire.v2.numbers import ExchangeType, Protocol
from lotor.wire.v2.payloads import Delete

Row = Callable[[V2Session, Message], Answering]


# --- IKE_SA_INIT -----------------------------------------------------------------------------------------------------


def begin(session: V2Session, now: Instant) -> None:
    """Begins as the client that calls."""
    ends.within(session, ends.LOGIN_GRACE_S, "IKE_SA_INIT", now)
    exchanges.begin(session, init.initiator(session), _keyed_here, ends.failed, now)


def _keyed_here(session: V2Session, _: None, now: Instant) -> None:
    """There are keys, and nobody is proved yet."""
    session.exchanges.ours.following = 1
    session.refused = None
    ends.within(session, ends.LOGIN_GRACE_S, "IKE_AUTH", now)


def _keyed_there(session: V2Session, now: Instant) -> None:
    ends.within(session, ends.HALF_OPEN_S, "half-open session", now)


def _init(session: V2Session, message: Message) -> Answering:
    if session.initiator:
        raise Misplaced("this end began")
    return Answering(init.responder(session, message), _keyed_there, ends.answered_failed)


# --- what the peer begins --------------------------------------------------------------------------------------------


def answering(session: V2Session, message: Message) -> Answering:
    """The story that answers a request. `Misplaced` for what a peer may not begin now."""
    row = _ROWS.get(message.header.exchange)
    if row is None:
        raise Misplaced(f"nobody begins exchange {message.header.exchange} here")
    return row(session, message)


def _informational(session: V2Session, message: Message) -> Answering:
    if not session.established:
        raise Misplaced("INFORMATIONAL before IKE_AUTH is done")
    ends_it = any(each.protocol == Protocol.IKE for each in message.chain.all(Delete))
    return Answering(_nothing(), _deleted if ends_it else _go_on, ends.answered_failed)


def last_words(message: Message) -> Answering:
    """A session that is over, or that another one took over, still acknowledges a delete of its peer."""
    if not any(each.protocol == Protocol.IKE for each in message.chain.all(Delete)):
        raise Misplaced("the session is over")
    return Answering(_nothing(), _go_on, _unanswered)


def _unanswered(session: V2Session, refusal: Refusal, now: Instant) -> None:
    """Nothing depends on it."""


def _nothing() -> Story[Payloads]:
    """An empty response: the sender is heard."""
    yield from ()
    return ()


def _deleted(session: V2Session, _: Instant) -> None:
    ends.deleted(session)


def _go_on(session: V2Session, now: Instant) -> None:
    """Nothing follows."""


_ROWS: Mapping[int, Row] = {
    ExchangeType.IKE_SA_INIT: _init,
    ExchangeType.INFORMATIONAL: _informational,
}
"""The exchanges that a peer may begin, a row each."""


# --- once the peer is proved -----------------------------------------------------------------------------------------


def stand(session: V2Session, now: Instant) -> None:
    """IKE_AUTH is done: the peer is watched from now on, and gets last words."""
    session.life.voice = voice.KeyedVoice(session)
    ends.watch_peer(session, now)


# --- lifetimes of SA pairs -------------------------------------------------------------------------------------------


def rekey(session: V2Session, pair: Pair, now: Instant) -> None:
    """The soft lifetime of an SA pair is over; its hard one ends it."""


def expired(session: V2Session, pair: Pair, now: Instant) -> None:
    """The hard lifetime of an SA pair is over, and nothing has replaced it."""
    if session.life.over:
        return
    inbound = pair.child.inbound.spi.to_bytes(4, "big")
    voice.say(session, Delete(Protocol.ESP, (inbound,)), now=now)
    session.children.remove(session, pair.child.id, EXPIRED)
