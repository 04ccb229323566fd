"""What a session of IKEv2 says of its own accord once there are keys: questions for life, deletes, and last words (RFC
7296 §1.4)."""

from __future__ import annotations

from lotor.ike.errors import Refusal
from lotor.ike.v2 import exchanges
from lotor.ike.v2.exchanges import Failed
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Story, request
from lotor.model.frozen import frozen
from lotor.model.network import Instant
from lotor.wire.v2.numbers import ExchangeType, Protocol
from lotor.wire.v2.payloads import Delete, Payload

INFORMATIONAL = ExchangeType.INFORMATIONAL

LAST_WORDS = (0.5, 1.0, 2.0, 4.0)
"""When last words are sent again, and given up: nobody waits for what becomes of them."""


def probe(session: V2Session, failed: Failed, now: Instant, schedule: tuple[float, ...] | None = None) -> None:
    """An empty request. Its response counts as any other message of the peer; `failed` hears where there is none."""
    exchanges.begin(session, _asked(schedule), _answered, failed, now)


def _asked(schedule: tuple[float, ...] | None, *payloads: Payload) -> Story[None]:
    yield from request(INFORMATIONAL, *payloads, schedule=schedule)


def _answered(session: V2Session, _: None, now: Instant) -> None:
    session.liveness.answered(now)


def say(session: V2Session, *payloads: Payload, now: Instant) -> None:
    """Tells the peer. Nothing follows from its response, or from silence."""
    exchanges.begin(session, _asked(LAST_WORDS, *payloads), _nothing, _unheard, now)


def _nothing(session: V2Session, result: None, now: Instant) -> None:
    """It is told."""


def _unheard(session: V2Session, refusal: Refusal, now: Instant) -> None:
    """The peer is not there to hear it."""


@frozen
class KeyedVoice:
    """The messages that a session sends where nobody tells the time."""

    session: V2Session

    def probe(self) -> None:
        """At the next tick. A request that is under way asks the same, and is sent once more."""
        self.session.context.timers.set(0.0, "question for life", self._probe)

    def _probe(self, now: Instant) -> None:
        if self.session.life.over:
            return
        if self.session.exchanges.ours.under_way is None:
            probe(self.session, _unheard, now, LAST_WORDS)
        else:
            exchanges.hasten(self.session, now)

    def delete_ike_sa(self) -> None:
        self.send_deletes()

    def send_deletes(self) -> None:
        """The IKE SA goes with all its children (RFC 7296 §1.4.1)."""
        exchanges.farewell(self.session, (Delete(Protocol.IKE),), LAST_WORDS)
