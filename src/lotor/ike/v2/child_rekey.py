"""How a new SA pair replaces another: which one each end sends with, and when the old one goes (RFC 7296 §2.8).

No packet is lost: the end that asks for the new pair knows that the other one receives with it already, and sends with
it at once; the other one sends with it when the old pair is deleted, and what is deleted still receives for a while.
"""

from __future__ import annotations

from functools import partial

from lotor.ike.children import DELETED, REKEYED, Pair
from lotor.ike.errors import Refusal
from lotor.ike.v2 import child, lane
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Story, request
from lotor.ike.v2.work import Kind, Task
from lotor.model.network import Instant
from lotor.wire.v2.numbers import ExchangeType, Protocol
from lotor.wire.v2.payloads import Delete

DELETED_LINGER_S = 5.0
"""Seconds that a replaced pair receives after its delete: packets may still be under way."""

UNDELETED_S = 20.0
"""Seconds after which the end that was asked for a successor deletes the old pair, where the other one did not."""


def begun(session: V2Session, pair: Pair, now: Instant) -> None:
    """The exchange that made a pair is done."""
    session = session.current()
    child.up(session, pair, now)
    old = pair.child.replaces
    if old is None:
        return
    if not pair.initiated:
        session.context.timers.set(now + UNDELETED_S, "replaced SA pair", partial(_undeleted, session, pair))
    settle(session, old, now)


def settle(session: V2Session, old: int, now: Instant) -> None:
    """Which successor of a pair is used. Where both ends asked for one, that of the exchange with the lowest nonce
    goes, and the end that began it deletes it (RFC 7296 §2.8.1)."""
    successors = [pair for pair in session.children if pair.child.replaces == old and pair.up and not pair.deleted]
    if not successors:
        return
    winner = max(successors, key=lambda pair: pair.nonce)
    for loser in successors:
        if loser is not winner:
            loser.waits = False
            if loser.initiated:
                delete(session, loser, now)
    replaced = session.children.get(old)
    if replaced is not None and (winner.initiated or replaced.deleted):
        replaced.waits = False
    if winner.waits and (winner.initiated or replaced is None or replaced.deleted):
        session.children.activate(session, winner)
    if winner.initiated and replaced is not None and not replaced.deleted:
        delete(session, replaced, now)


def _undeleted(session: V2Session, pair: Pair, now: Instant) -> None:
    """The end that asked for a successor has it for sure, or is gone."""
    session = session.current()
    old = session.children.get(pair.child.replaces or 0)
    if session.life.over or old is None or old.deleted or pair.deleted or session.children.get(pair.child.id) is None:
        return
    if pair.waits:
        session.children.activate(session, pair)
    delete(session, old, now)


# --- deletes of this end ---------------------------------------------------------------------------------------------


def delete(session: V2Session, pair: Pair, now: Instant) -> None:
    """Tells the peer that a pair goes, when it is this end's turn."""
    number, spi = pair.child.id, pair.child.inbound.spi
    gone = lambda ended, *words: linger(ended, number, words[-1])  # noqa: E731 - one line reads better
    lane.want(session, Task(Kind.DELETE, number, partial(_begin, number, spi), gone, gone), now)


def gone_here(session: V2Session, pair: Pair, now: Instant) -> None:
    """The same for a pair that this end has dropped already."""
    task = Task(Kind.DELETE, pair.child.id, partial(_tell, pair.child.inbound.spi), _told, _untold)
    lane.want(session, task, now)


def _begin(number: int, spi: int, session: V2Session) -> Story[None] | None:
    """None: the peer has said so meanwhile."""
    pair = session.children.get(number)
    if pair is None or pair.deleted:
        return None
    pair.deleted, pair.waits = True, False
    return _tell(spi, session)


def _tell(spi: int, session: V2Session) -> Story[None]:
    del session
    yield from request(ExchangeType.INFORMATIONAL, Delete(Protocol.ESP, (spi.to_bytes(4, "big"),)))


def _told(session: V2Session, result: None, now: Instant) -> None:
    """Nothing depends on it."""


def _untold(session: V2Session, task: Task, refusal: Refusal, now: Instant) -> None:
    """Nothing depends on it."""


# --- deletes of the peer ---------------------------------------------------------------------------------------------


def deleted_there(session: V2Session, pair: Pair, now: Instant) -> None:
    """The peer deletes a pair. One that has a successor, or was one of two, receives for a moment longer."""
    pair.deleted, pair.waits = True, False
    old = pair.child.replaces
    rivals = [other for other in session.children if other is not pair and other.child.replaces == old is not None]
    if rivals and old is not None:
        settle(session, old, now)
    settle(session, pair.child.id, now)
    if rivals or not session.children.is_current(pair):
        linger(session, pair.child.id, now)
    else:
        session.children.remove(session, pair.child.id, DELETED)


def linger(session: V2Session, number: int, now: Instant) -> None:
    """A deleted pair receives for a moment longer."""

    def call(_: Instant) -> None:
        current = session.current()
        if not current.life.over:
            current.children.remove(current, number, REKEYED)

    session.context.timers.set(now + DELETED_LINGER_S, "deleted SA pair", call)
