"""Stories driven: requests of this end and their responses, the peer's requests and what is answered (RFC 7296 §2.1).

Nothing of a message counts before its keys proved it, but for IKE_SA_INIT, which has none. A copy of a request gets the
same octets once more; only timers and first arrivals send something new, so that two peers never echo each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Generic, TypeAlias, TypeVar

from lotor.ike.context import CoreContext
from lotor.ike.dialect import Incoming
from lotor.ike.effects import Ticket
from lotor.ike.errors import LocalFault, Misplaced, PeerFault, Refusal, Unproved
from lotor.ike.events import Remark, RoundTrip
from lotor.ike.flight import Flight
from lotor.ike.v2 import schedules, seal
from lotor.ike.v2.denied import Denied
from lotor.ike.v2.message import Message
from lotor.ike.v2.reassembly import HALF_OPEN_OCTETS, PROVED_OCTETS, Reassembly
from lotor.ike.v2.seal import BrokenInside, Content
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Put, Reply, Request, Story, Wait
from lotor.ike.v2.window import Answer, Full, Ours
from lotor.ike.v2.writing import IN_CLEAR, Written
from lotor.model.frozen import frozen
from lotor.model.network import Instant, Path
from lotor.model.reasons.ends import NoAnswer
from lotor.model.reasons.local import NotWritable
from lotor.model.reasons.protocol import BrokenExchange
from lotor.wire.errors import Malformed
from lotor.wire.v2.numbers import ExchangeType, NotifyType, exchange_name
from lotor.wire.v2.payloads import Notification

T = TypeVar("T")

Done: TypeAlias = Callable[[V2Session, T, Instant], None]
"""Called when a story of this end has ended, with its result."""

Failed: TypeAlias = Callable[[V2Session, Refusal, Instant], None]
"""Called when a story failed: by a refusal of either side, or by silence. Of a request of the peer, once it was
answered."""


@dataclass(slots=True, eq=False)
class Running(Generic[T]):
    """A story step by step. `said` takes its words for the peer; then `ended` its result, or `broke` what it raised."""

    context: CoreContext
    story: Story[T] | None
    said: Callable[[Request | Reply, Instant], None]
    ended: Callable[[T, Instant], None]
    broke: Callable[[Exception, Instant], None]
    _ticket: Ticket | None = None

    def step(self, value: object, now: Instant) -> None:
        """Lets the story go on until it waits for something."""
        self._ticket = None
        story = self.story
        if story is None:
            return
        try:
            word = story.send(value)
        except StopIteration as end:
            ended = self.ended
            self._release()
            ended(end.value, now)
        except (Refusal, Malformed, Misplaced, Unproved) as fault:
            broke = self.broke
            self._release()
            broke(fault, now)
        else:
            self._say(word, now)

    def _say(self, word: Request | Reply | Put | Wait, now: Instant) -> None:
        if isinstance(word, Put):
            self._ticket = self.context.ask(word.question, self.step)
        elif isinstance(word, Wait):
            self._ticket = self.context.promise(self.step)
            word.begin(self._ticket)
        else:
            self.said(word, now)

    def _release(self) -> None:
        """The story is over: what it refers to is freed at once."""
        self.story, self.said, self.ended, self.broke = None, _unheard, _unheard, _unheard

    def stop(self) -> None:
        """It takes no step any more."""
        self._release()
        if self._ticket is not None:
            self.context.forget(self._ticket)
            self._ticket = None


# --- what this end begins --------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class OwnExchange(Generic[T]):
    """A story of this end. `done` gets its result, `failed` the refusal that ended it; one of them is called at most,
    once."""

    session: V2Session
    done: Done[T]
    failed: Failed
    running: Running[T] = field(init=False)
    _ours: Ours | None = None

    def start(self, story: Story[T], now: Instant) -> None:
        self.running = Running(self.session.context, story, self._say, self._ended, self._broke)
        self.session.exchanges.stories[self] = None
        self.running.step(None, now)

    def cancel(self) -> None:
        self.running.stop()
        if self._ours is not None:
            self.session.exchanges.ours.withdraw(self._ours)

    def _say(self, word: Request | Reply, now: Instant) -> None:
        if isinstance(word, Reply):
            raise TypeError("a story of this end has nothing to reply to")
        self._ours = Ours(word, self._answered, self._fail)
        try:
            self.session.exchanges.ours.wait(self._ours)
        except Full:
            self._fail(LocalFault(NotWritable(exchange_name(word.exchange), "too many requests wait already")), now)
        else:
            _next(self.session, now)

    def _answered(self, message: Message, now: Instant) -> None:
        self._ours = None
        self.running.step(message, now)

    def _ended(self, result: T, now: Instant) -> None:
        self.session.exchanges.stories.pop(self, None)
        self.done(self.session, result, now)

    def _broke(self, fault: Exception, now: Instant) -> None:
        kind = self._ours.request.exchange if self._ours is not None else 0
        self._fail(fault if isinstance(fault, Refusal) else _broken(kind, fault), now)

    def _fail(self, refusal: Refusal, now: Instant) -> None:
        self._ours = None
        self.running.stop()
        self.session.exchanges.stories.pop(self, None)
        self.failed(self.session, refusal, now)


def begin(session: V2Session, story: Story[T], done: Done[T], failed: Failed, now: Instant) -> OwnExchange[T]:
    """Begins a story of this end. Its requests wait for their turn."""
    exchange = OwnExchange(session, done, failed)
    exchange.start(story, now)
    return exchange


def _next(session: V2Session, now: Instant) -> None:
    """Sends the request whose turn it is."""
    ours = session.exchanges.ours.turn()
    if ours is None:
        return
    request, message_id = ours.request, session.exchanges.ours.following
    header = session.header(request.exchange, message_id)
    try:
        written = Written.now(session, header, request.payloads)
        datagrams = written.datagrams()
    except ValueError as fault:
        session.exchanges.ours.settle(again=True)
        ours.failed(LocalFault(NotWritable(exchange_name(request.exchange), str(fault))), now)
        _next(session, now)
        return
    ours.flight = Flight(session.context, lambda: session.path, datagrams, lambda _: True, started=now)
    ours.flight.anew = lambda sends: written.smaller(lost=sends >= schedules.LARGE_SENDS)
    ours.flight.send(now)
    schedule = request.schedule or schedules.schedule(session.context.policy.retransmission)
    ours.flight.repeat(schedule, now, lambda at: _lost(session, ours, at))


def hasten(session: V2Session, now: Instant) -> None:
    """A request that is under way is sent once more, at once: the way of its answer was not the present one."""
    ours = session.exchanges.ours.under_way
    if ours is not None and ours.flight is not None:
        ours.flight.send(now)


def farewell(session: V2Session, payloads: Payloads, schedule: tuple[float, ...]) -> None:
    """A last request, at once and whatever else is under way: nobody waits for its response, and the session may be
    over. It is repeated on this schedule until the response comes."""
    ours = session.exchanges.ours
    if ours.under_way is not None:
        ours.settle(again=False)
    header = session.header(ExchangeType.INFORMATIONAL, ours.following)
    datagrams = Written.now(session, header, payloads).datagrams()
    flight = Flight(session.context, lambda: session.path, datagrams, lambda _: True)
    ours.under_way = Ours(Request(ExchangeType.INFORMATIONAL, payloads), _unheard, _unheard, flight)
    flight.send(0.0)
    session.context.timers.set(0.0, "last words", lambda now: _repeat(session, flight, schedule, now))


def _repeat(session: V2Session, flight: Flight, schedule: tuple[float, ...], now: Instant) -> None:
    under_way = session.exchanges.ours.under_way
    if under_way is not None and under_way.flight is flight:
        flight.repeat(schedule, now, lambda _: session.exchanges.ours.settle(again=False))


def _unheard(*_: object) -> None:
    """Nobody waits for what becomes of last words."""


def _lost(session: V2Session, ours: Ours, now: Instant) -> None:
    """No response came. Nothing else can be asked in this SA (RFC 7296 §2.4)."""
    session.exchanges.ours.settle(again=False)
    ours.failed(Refusal(_silence(session.path, ours.flight, now)), now)


def _silence(path: Path, flight: Flight | None, now: Instant) -> NoAnswer:
    if flight is None:
        return NoAnswer(path.remote.address)
    return NoAnswer(path.remote.address, round(now - flight.started), flight.sends, path.remote.port)


def responded(session: V2Session, incoming: Incoming, path: Path, now: Instant) -> None:
    """A response of the peer; a copy of one is nothing. Raises `Malformed`, `Misplaced` or `Unproved`; after any of
    them nothing has changed."""
    header, ours = incoming.header, session.exchanges.ours
    asked = ours.under_way
    if header.message_id < ours.following:
        copy = f"a copy from {path.remote} of the answer to message {header.message_id}"
        session.context.tell(Remark(session.id, copy))
        return
    if asked is None or (header.message_id, header.exchange) != (ours.following, asked.request.exchange):
        raise Misplaced("a response to nothing that was asked")
    try:
        message = _opened(session, ours.pieces, incoming, path)
        if message is None:
            return
        _demand_known(message)
        if asked.request.check is not None:
            asked.request.check(message)
    except BrokenInside as fault:
        _settle(session, asked, path, now)
        asked.failed(_broken(header.exchange, fault), now)
    else:
        _settle(session, asked, path, now)
        asked.answered(message, now)
    if not session.life.over:
        _next(session, now)


def _settle(session: V2Session, asked: Ours, path: Path, now: Instant) -> None:
    """A response counts."""
    flight, kind = asked.flight, asked.request.exchange
    session.exchanges.ours.settle(again=kind in IN_CLEAR)
    _heard(session, path, now)
    asks = kind == ExchangeType.INFORMATIONAL and session.life.voice is not None
    if asks and flight is not None and flight.sends == 1:
        session.context.tell(RoundTrip(session.id, now - flight.started))


def _demand_known(message: Message) -> None:
    """Of a response, which has no answer that could say it. One that nothing proves may be forged."""
    number = message.chain.unknown_critical()
    if number is not None:
        broken = BrokenInside if message.protected else Misplaced
        raise broken(f"a critical payload of type {number}, which is not known here")


# --- what the peer begins --------------------------------------------------------------------------------------------


@frozen
class Answering:
    """What answers a request of the peer. `done` is called once the response is sent that ends the story, `failed` once
    the notification is that says of its end by a refusal."""

    story: Story[Payloads]
    done: Callable[[V2Session, Instant], None]
    failed: Failed


@dataclass(slots=True, eq=False)
class PeerExchange:
    """A story that answers the peer. `request` is the one that it works on, or answered last."""

    session: V2Session
    answering: Answering
    request: Message
    waiting: bool = False
    running: Running[Payloads] = field(init=False)
    _first: bool = True

    def start(self, now: Instant) -> None:
        """Raises `Malformed`, `Misplaced` or `Unproved` for a request that nothing proves; nothing has changed then."""
        story = self.answering.story
        self.running = Running(self.session.context, story, self._say, self._ended, self._broke)
        self.session.exchanges.stories[self] = None
        self.running.step(None, now)
        self._first = False

    def resume(self, request: Message, now: Instant) -> None:
        """The peer's next request of the same exchange."""
        self.request, self.waiting = request, False
        self.running.step(request, now)

    def cancel(self) -> None:
        self.running.stop()

    def _say(self, word: Request | Reply, now: Instant) -> None:
        if isinstance(word, Request):
            raise TypeError("a story that answers the peer asks nothing")
        self.waiting = self._respond(word.payloads, now)

    def _ended(self, payloads: Payloads, now: Instant) -> None:
        self.session.exchanges.stories.pop(self, None)
        if self._respond(payloads, now):
            self.answering.done(self.session, now)

    def _respond(self, payloads: Payloads, now: Instant) -> bool:
        """False when it cannot be written, and the story has ended by that."""
        try:
            respond(self.session, self.request, payloads, now)
        except ValueError as fault:
            self.running.stop()
            name = exchange_name(self.request.header.exchange)
            self._broke(LocalFault(NotWritable(name, str(fault)), NotifyType.TEMPORARY_FAILURE), now)
            return False
        return True

    def _broke(self, fault: Exception, now: Instant) -> None:
        self.session.exchanges.stories.pop(self, None)
        if self._first and not self.request.protected and not isinstance(fault, Refusal):
            raise fault
        refusal = fault if isinstance(fault, Refusal) else _broken(self.request.header.exchange, fault)
        if isinstance(refusal, Denied):
            respond(self.session, self.request, refusal.payloads, now)
        elif refusal.notify is not None:
            respond(self.session, self.request, (Notification(refusal.notify),), now)
        self.answering.failed(self.session, refusal, now)


def asked(session: V2Session, incoming: Incoming, path: Path, now: Instant) -> Message | None:
    """A request of the peer, whole and proved. None: a fragment of one, or a copy, which gets the same answer. Raises
    `Malformed`, `Misplaced` or `Unproved`; after any of them nothing has changed, but after `BrokenInside`, which the
    peer was told."""
    peers, header, first = session.exchanges.peers, incoming.header, _digest(incoming)
    answer = peers.answer
    if answer is not None and header.message_id == answer.message_id and first == answer.first:
        _again(session, answer, path, now)
        return None
    if header.message_id != peers.expected:
        _copy(session, answer, incoming, path, now)
        return None
    if peers.working:
        return None
    try:
        message = _opened(session, peers.pieces, incoming, path)
    except BrokenInside:
        _first_datagram(session, incoming, first)
        _heard(session, path, now)
        broken = Message(header, Content(0, b"").chain(), path, protected=True)
        respond(session, broken, (Notification(NotifyType.INVALID_SYNTAX),), now)
        raise
    _first_datagram(session, incoming, first)
    if message is not None:
        peers.begin()
        _heard(session, path, now)
    return message


def _first_datagram(session: V2Session, incoming: Incoming, digest: bytes) -> None:
    """Copies of a message in fragments are answered when its first one comes again (RFC 7383 §2.6.1)."""
    if _number(incoming) in {None, 1}:
        session.exchanges.peers.first = digest


def _number(incoming: Incoming) -> int | None:
    """The number of a fragment, which nothing proves yet; None for a whole message."""
    if not seal.fragment(incoming):
        return None
    return int.from_bytes(incoming.body[4:6], "big")


def _copy(session: V2Session, answer: Answer | None, incoming: Incoming, path: Path, now: Instant) -> None:
    """A request with another message id than the next one: the last one once more, encrypted anew or cut into other
    fragments, or nothing that belongs here."""
    if answer is None or incoming.header.message_id != answer.message_id:
        raise Misplaced(f"message id {incoming.header.message_id}, not {session.exchanges.peers.expected}")
    if answer.under is None or not seal.protected(incoming) or _number(incoming) not in {None, 1}:
        return
    seal.open_sealed(answer.under.peers, incoming)
    _again(session, answer, path, now)


def _again(session: V2Session, answer: Answer, path: Path, now: Instant) -> None:
    """The same octets once more. To an address that may be forged not for every copy."""
    flight = answer.flight
    if answer.under is None and not flight.rested(now):
        return
    if not session.registry.affords(session, flight.octets, path, unasked=False):
        return
    if flight.anew is not None:
        flight.datagrams = flight.anew(flight.sends) or flight.datagrams
    flight.again(path, now)


def answer(session: V2Session, request: Message, answering: Answering, now: Instant) -> None:
    """Lets a story answer a request that came. Raises `Malformed`, `Misplaced` or `Unproved` for one that nothing
    proves."""
    try:
        PeerExchange(session, answering, request).start(now)
    except (Malformed, Misplaced, Unproved):
        session.exchanges.peers.working = False
        raise


def waiting(session: V2Session, request: Message) -> PeerExchange | None:
    """The story that waits for this next request of its exchange."""
    stories = (each for each in session.exchanges.stories if isinstance(each, PeerExchange))
    kind = request.header.exchange
    return next((each for each in stories if each.waiting and each.request.header.exchange == kind), None)


def respond(session: V2Session, request: Message, payloads: Payloads, now: Instant) -> None:
    """Answers the request that is being worked on, back over the path that it came by. Until the peer is logged in its
    address may be forged also under keys: what goes elsewhere than where the session began is on a budget."""
    peers, message_id = session.exchanges.peers, request.header.message_id
    header = session.header(request.header.exchange, message_id, response=True)
    written = Written.now(session, header, payloads)
    flight = Flight(session.context, lambda: request.path, written.datagrams(), lambda _: True, started=now)
    flight.anew = lambda sends: written.smaller(lost=sends >= schedules.LARGE_ANSWERS)
    again = not request.protected and session.sa is None
    peers.answered(
        Answer(message_id, peers.first, flight, None if not request.protected else written.under), again=again
    )
    if session.past_gates or session.registry.charge(session, flight.octets, request.path):
        flight.send(now)


# --- both ------------------------------------------------------------------------------------------------------------


def _opened(session: V2Session, pieces: Reassembly, incoming: Incoming, path: Path) -> Message | None:
    """The message, or None until its last fragment has come. `BrokenInside` for one that keys prove."""
    header = incoming.header
    if header.exchange in IN_CLEAR:
        if session.sa is not None:
            raise Misplaced(f"{exchange_name(header.exchange)} is done")
        octets = header.encode(len(incoming.body)) + incoming.body
        return Message(header, seal.open_clear(incoming), path, octets)
    if session.protections is None:
        raise Misplaced("IKE_SA_INIT is not done")
    if not seal.protected(incoming):
        raise Misplaced("in clear under keys")
    content = seal.open_sealed(session.protections.peers, incoming)
    if not isinstance(content, Content):
        most = PROVED_OCTETS if session.past_gates else HALF_OPEN_OCTETS
        whole = pieces.add(content, most)
        if whole is None:
            return None
        content = whole
    covered = b""
    if header.exchange == ExchangeType.IKE_INTERMEDIATE:
        covered = header.encode(0) + bytes([content.first]) + content.octets
    return Message(header, content.chain(), path, covered, protected=True)


def _heard(session: V2Session, path: Path, now: Instant) -> None:
    """A message counts that never came before."""
    if session.sa is None:
        return
    session.reached_over(path)
    session.heard_over(path, now)
    session.liveness.heard(now)


def _digest(incoming: Incoming) -> bytes:
    return sha256(incoming.header.encode(len(incoming.body)) + incoming.body).digest()


def _broken(kind: int, fault: Exception) -> PeerFault:
    """The peer's keys proved a message that cannot be right (RFC 7296 §2.21.3)."""
    return PeerFault(BrokenExchange(exchange_name(kind), str(fault)), NotifyType.INVALID_SYNTAX)
