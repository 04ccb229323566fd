"""One exchange: a story that walks a ladder, with its channel, and its flight of datagrams under way.

Duplicates of the last message are answered with what was sent after it, without touching any timer. Only timers and the
first arrival of a message send datagrams of their own, so that two peers never echo each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeAlias, TypeVar

from lotor.ike.dialect import Incoming
from lotor.ike.effects import Ticket
from lotor.ike.errors import LocalFault, Misplaced, PeerFault, Refusal, Unproved
from lotor.ike.events import RoundTrip
from lotor.ike.flight import Flight
from lotor.ike.v1.channel import Channel, ProvedMessage
from lotor.ike.v1.ladder import Cover, Ladder
from lotor.ike.v1.session import V1Session
from lotor.ike.v1.story import Expect, Put, Send, Story, Wait
from lotor.model.frozen import frozen
from lotor.model.network import Instant, Path
from lotor.model.reason import Reason
from lotor.model.reasons.ends import NoAnswer
from lotor.model.reasons.local import NotWritable
from lotor.model.reasons.protocol import BrokenExchange
from lotor.wire.errors import Malformed
from lotor.wire.v1.numbers import ConfigType, ExchangeType
from lotor.wire.v1.payloads import Attributes

T = TypeVar("T")
C_co = TypeVar("C_co", bound=Channel, covariant=True)


@frozen
class Plan(Generic[C_co]):
    """The kind and role of an exchange; one object for all sessions. `channel` makes the channel of a message id, `cut`
    the datagrams of a message. `repeats` is the schedule of retransmission. `insist`: keep retransmitting our last
    message until the peer sends a later one (message 3 of aggressive mode is never acknowledged). `spares`: the peer's
    address may be forged, so answers have a budget."""

    kind: int
    ladder: Ladder
    initiator: bool
    channel: Callable[[V1Session, int], C_co]
    cut: Callable[[V1Session, bytes], tuple[bytes, ...]]
    repeats: Callable[[V1Session], tuple[float, ...]]
    insist: bool = False
    spares: bool = False


Done: TypeAlias = Callable[["Exchange[T]", T, Instant], None]
"""Called when an exchange is finished: a function of a module, which gets the exchange and the result of its story."""

Failed: TypeAlias = Callable[["Exchange[T]", Refusal, Instant], None]
"""Called when an exchange failed: by a refusal of either side, or by silence."""


@dataclass(slots=True, eq=False)
class Exchange(Generic[T]):
    """`done` gets the story's result, `failed` the refusal that ended it; one of them is called at most, once. `story`
    is None when it has ended."""

    session: V1Session
    plan: Plan[Channel]
    message_id: int
    story: Story[T] | None
    done: Done[T]
    failed: Failed[T]
    channel: Channel
    position: int = 0
    waiting: Expect | None = None
    flight: Flight | None = None
    path: Path | None = None
    _last: bytes = b""
    _ticket: Ticket | None = None

    @property
    def key(self) -> tuple[int, int]:
        return (self.plan.kind, self.message_id)

    @property
    def over(self) -> bool:
        """Whether the story has ended; only duplicates are answered then."""
        return self.story is None

    @property
    def answered(self) -> bool:
        """Whether the peer began, has our answer, and still owes a message."""
        return not self.plan.initiator and self.flight is not None

    def begin(self, now: Instant) -> None:
        """Begins an exchange of this end."""
        self.session.exchanges.add(self)
        self.start(now)

    def start(self, now: Instant) -> None:
        self._step(None, now)

    # --- in ----------------------------------------------------------------------------------------------------------

    def receive(self, incoming: Incoming, path: Path, now: Instant) -> None:
        """Handles a message. Raises `Malformed`, `Misplaced` or `Unproved`; after any of them nothing has changed."""
        digest = _digest(incoming)
        if digest == self._last:
            self._again(path, now)
            return
        proved = self._prove(incoming)
        answers_ours = self.position > 0
        self.channel.commit(proved)
        self._last, self.path = digest, path
        self.position += 1
        self.waiting = None
        self.settle()
        self._time(proved, now)
        self.flight = None
        self.session.exchanges.settle()
        self.session.learn(incoming.header)
        self.session.reached_over(path)
        if answers_ours:
            self.session.heard_over(path, now)
        self.session.liveness.heard(now)
        self._step(proved.chain, now)

    def _time(self, proved: ProvedMessage, now: Instant) -> None:
        """How long the peer took to acknowledge, which needs no person and no sums. Of a message that was repeated
        nobody knows which one is acknowledged."""
        flight = self.flight
        acknowledges = any(each.type == ConfigType.ACK for each in proved.chain.all(Attributes))
        if acknowledges and flight is not None and flight.sends == 1:
            self.session.context.tell(RoundTrip(self.session.id, now - flight.started))

    def knows(self, incoming: Incoming) -> bool:
        """Whether this is the last message once more."""
        return _digest(incoming) == self._last

    def _again(self, path: Path, now: Instant) -> None:
        """Answers a copy of the last message. The answer to a stranger's copy replaces the timed repetition, and not
        every copy gets one."""
        flight = self.flight
        if flight is None:
            return
        if self.plan.spares:
            affords = self.session.registry.affords
            if not flight.rested(now) or not affords(self.session, flight.octets, path, unasked=False):
                return
            flight.stop()
        flight.again(self._to() if self.plan.initiator else path, now)

    def _may(self, octets: int) -> bool:
        return not self.plan.spares or self.session.registry.affords(self.session, octets, self._to(), unasked=True)

    def presume(self, now: Instant) -> None:
        """The peer went on without acknowledging our message: go on as if it had."""
        self.waiting = None
        self.settle()
        self._step(None, now)

    def give_up(self, refusal: Refusal, now: Instant) -> None:
        """The peer said in another message that it refuses the exchange."""
        self._fail(refusal, now)

    def _prove(self, incoming: Incoming) -> ProvedMessage:
        if self.waiting is None:
            raise Misplaced("not expected now")
        rung = self.plan.ladder.rung(self.position)
        if rung.from_initiator is self.plan.initiator:
            raise Misplaced("it is not the peer's turn")
        proved = self.channel.prove(self.channel.open(incoming))
        rung.check(proved.chain, encrypted=proved.opened.encrypted)
        if self.waiting.proof is not None:
            self.waiting.proof(proved.chain)
        return proved

    # --- the story ---------------------------------------------------------------------------------------------------

    def _step(self, value: object, now: Instant) -> None:
        """Lets the story go on until it waits for something. A refusal that it raises ends the exchange."""
        story = self.story
        if story is None:
            return
        try:
            while True:
                word = story.send(value)
                value = None
                if isinstance(word, Send):
                    self._send(word, now)
                elif isinstance(word, Expect):
                    self._wait(word, now)
                    return
                else:
                    self._pause(word)
                    return
        except StopIteration as end:
            done, result = self.done, end.value
            self._finish(now)
            done(self, result, now)
        except Refusal as refusal:
            self._fail(refusal, now)
        except (Malformed, Misplaced, Unproved) as fault:
            if self.position == 1 and not self.plan.initiator:
                raise
            self._fail(PeerFault(BrokenExchange(self.plan.ladder.name, str(fault)), None), now)

    def _fail(self, refusal: Refusal, now: Instant) -> None:
        self._halt()
        self.session.exchanges.retire(self, self.key)
        self.failed(self, refusal, now)

    def _send(self, word: Send, now: Instant) -> None:
        if word.fresh:
            self._renew()
        self.settle()
        rung = self.plan.ladder.rung(self.position)
        header = self.session.header(self.plan.kind, self.message_id)
        try:
            message = self.channel.wrap(header, rung.arrange(word.payloads), encrypt=rung.cover is not Cover.CLEAR)
            datagrams = self.plan.cut(self.session, message)
        except ValueError as fault:
            raise LocalFault(NotWritable(self.plan.ladder.name, str(fault))) from None
        self.position += 1
        self.flight = Flight(self.session.context, self._to, datagrams, self._may, started=now)
        if not self.plan.spares or self.session.registry.charge(self.session, self.flight.octets, self._to()):
            self.flight.send(now)

    def _to(self) -> Path:
        """Our own exchanges follow the session's path; an answer goes back by the path of the message that it
        answers."""
        return self.session.path if self.plan.initiator or self.path is None else self.path

    def _renew(self) -> None:
        """The next message opens a new exchange of the same kind. Late messages of the old one get no answer."""
        self.session.exchanges.retire(Retired(self.key), self.key)
        self.message_id = self.session.context.randomness.message_id()
        self.channel = self.plan.channel(self.session, self.message_id)
        self.position, self.path, self._last = 0, None, b""
        self.session.exchanges.add(self)

    def _wait(self, word: Expect, now: Instant) -> None:
        self.waiting = word
        if self.flight is not None:
            self.flight.repeat(self.plan.repeats(self.session), now, self._lost)

    def _pause(self, word: Put | Wait) -> None:
        if isinstance(word, Put):
            self._ticket = self.session.context.ask(word.question, self._resume)
        else:
            self._ticket = self.session.context.promise(self._resume)
            word.begin(self._ticket)

    def _resume(self, answer: object, now: Instant) -> None:
        self._ticket = None
        self._step(answer, now)

    # --- the end -----------------------------------------------------------------------------------------------------

    def _finish(self, now: Instant) -> None:
        """The story has ended. Only the answer to a duplicate is kept, as long as the session lives."""
        self.session.exchanges.retire(self, self.key)
        self.story, self.done, self.failed = None, _nobody, _nobody
        if self.plan.insist and self.flight is not None:
            self.flight.repeat(self.plan.repeats(self.session), now, _not_lost)

    def _lost(self, now: Instant) -> None:
        self._fail(Refusal(no_answer(self.session.path, self.flight, now)), now)

    def settle(self) -> None:
        """The last message need not be repeated any more."""
        if self.flight is not None:
            self.flight.stop()

    def moved(self) -> None:
        """The peer has moved: answers follow the session's path now."""
        self.path = None

    def abandon(self) -> None:
        """Another message of the peer made the exchange needless. Late answers get no reply."""
        self.cancel()
        self.session.exchanges.retire(Retired(self.key), self.key)

    def cancel(self) -> None:
        """Sends nothing more, awaits no answer, takes no step; duplicates are not answered either."""
        self._halt()
        self.flight = None

    def _halt(self) -> None:
        self.settle()
        self.waiting = None
        if self._ticket is not None:
            self.session.context.forget(self._ticket)
            self._ticket = None


def _digest(incoming: Incoming) -> bytes:
    return sha256(incoming.header.encode(len(incoming.body)) + incoming.body).digest()


def _nobody(*_: object) -> None:
    """Takes the place of `done` and `failed` when they have been called, so that what they refer to is freed."""


def _not_lost(now: Instant) -> None:
    """No answer to a last message is owed, so silence means nothing."""
    del now


@frozen
class Retired:
    """A message id whose exchange is over, and never answers again."""

    key: tuple[int, int]
    answered: bool = False

    def receive(self, incoming: Incoming, path: Path, now: Instant) -> None:
        pass

    def settle(self) -> None:
        pass

    def moved(self) -> None:
        pass

    def cancel(self) -> None:
        pass


def no_answer(path: Path, flight: Flight | None, now: Instant) -> Reason:
    """The reason of silence: how long and how often the peer was asked."""
    if flight is None:
        return NoAnswer(path.remote.address)
    return NoAnswer(path.remote.address, round(now - flight.started), flight.sends, path.remote.port)


def begun_here(session: V1Session, kind: ExchangeType) -> list[Exchange[object]]:
    """The exchanges of one kind that this end began and that wait for the peer, the oldest first."""
    running = session.exchanges.running(kind)
    return [each for each in running if isinstance(each, Exchange) and each.plan.initiator]
