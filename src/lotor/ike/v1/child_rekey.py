"""How a new SA pair replaces another: which one each end sends with, and when the old one is deleted."""

from __future__ import annotations

from lotor.ike.children import MOST_NETWORKS, MOST_PAIRS, REKEYED, Pair, Selectors
from lotor.ike.errors import PolicyRefusal
from lotor.ike.v1 import informational
from lotor.ike.v1.session import V1Session
from lotor.model.network import Instant
from lotor.model.reason import Reason
from lotor.model.reasons.protocol import TooManyNetworks, TooManyPairs
from lotor.wire.v1.numbers import NotifyType

REPLACED_CHILD_LINGER_S = 10.0
"""Seconds until the initiator of a rekey deletes the SA pair that was replaced."""

SUCCEEDED_CHILD_LINGER_S = 23.0
"""Seconds until the responder of a rekey deletes the old SA pair, if the initiator did not. The last of its deletes
leaves within half a minute of the new pair. By then both ends know which pair stays where both began a rekey."""

RESPONDER_READY_S = 0.5
"""Seconds until a responder can be expected to receive on the new SA; some install it only after message 3."""

INITIATOR_READY_S = 0.2
"""Seconds until an initiator can be expected to receive on the new SA: racoon installs it after sending message 3, and
loses what came before."""

DELETE_TIMES = 3
DELETE_INTERVAL_S = 2.0
"""How often each delete is sent, and the seconds between two of them."""


def begins(session: V1Session, pair: Pair, now: Instant) -> None:
    """The pair is up. The initiator of a rekey deletes the old pair when none of its packets can be under way any more.
    If both ends rekey at once, both send with the new pair of the higher message id. The end that began the other pair
    deletes it, or else the other end does. A pair that the peer replaced and did not delete is deleted here."""
    old = pair.child.replaces
    if old is not None and pair.initiated:
        _send_with(session, pair, now + RESPONDER_READY_S)
        retire(session, old, now + REPLACED_CHILD_LINGER_S)
    elif old is not None:
        _send_with(session, pair, now + (INITIATOR_READY_S if session.children.get(old) is not None else 0.0))
        _retire_succeeded(session, old, now + SUCCEEDED_CHILD_LINGER_S)
    rival = session.children.rival(pair)
    if rival is not None and rival.up:
        loser, winner = sorted((pair, rival), key=lambda each: each.exchange)
        loser.waits = False
        session.children.activate(session, winner)
        linger = REPLACED_CHILD_LINGER_S if loser.initiated else 2 * REPLACED_CHILD_LINGER_S
        retire(session, loser.child.id, now + linger)


def _send_with(session: V1Session, pair: Pair, at: Instant) -> None:
    """Sends with the pair from then on, unless it does already, or a pair that the other end began takes its place."""

    def call(_: Instant) -> None:
        current = session.current()
        if pair.waits and not current.children.outdone(pair):
            current.children.activate(current, pair)

    session.context.timers.set(at, "new SA pair", call)


def make_room(session: V1Session, wish: Selectors) -> None:
    """Makes room for one more pair of these networks: the oldest replaced pair is deleted now. Raises `PolicyRefusal`
    when the peer has as many as it may have."""
    children = session.children
    if not children.has_place(wish):
        raise _too_many(TooManyNetworks(MOST_NETWORKS))
    if len(children) < MOST_PAIRS:
        return
    outdated = children.outdated()
    if outdated is None:
        raise _too_many(TooManyPairs(MOST_PAIRS))
    informational.delete_children(session, (outdated.child.inbound.spi,))
    children.remove(session, outdated.child.id, REKEYED)


def _too_many(reason: Reason) -> PolicyRefusal:
    return PolicyRefusal(reason, NotifyType.NO_PROPOSAL_CHOSEN)


def _retire_succeeded(session: V1Session, child: int, at: Instant) -> None:
    """As `retire`, unless the newer pair is gone by then."""

    def call(now: Instant) -> None:
        children = session.current().children
        pair = children.get(child)
        if pair is not None and children.succeeded(pair):
            retire(session, child, now)

    session.context.timers.set(at, "succeeded SA pair", call)


def retire(session: V1Session, child: int, at: Instant, deletes: int = DELETE_TIMES) -> None:
    """Deletes a pair that was replaced. It still receives until the last delete is sent: deletes are not acknowledged,
    and a peer that missed one would go on sending."""

    def call(now: Instant) -> None:
        current = session.current()
        pair = current.children.get(child)
        if pair is None or current.life.over:
            return
        if not deletes:
            current.children.remove(current, child, REKEYED)
            return
        informational.delete_children(current, (pair.child.inbound.spi,))
        retire(current, child, now + DELETE_INTERVAL_S, deletes - 1)

    session.context.timers.set(at, "replaced SA pair", call)
