"""The loop around the core: datagrams, answers, intents and time go in, effects are carried out, in order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from lotor.ike.admission import Tally
from lotor.ike.effects import Ask, Deadline, Disclose, DiscloseSk, Effect, Tell, Ticket, Transmit, Withdraw
from lotor.ike.events import Event
from lotor.ike.intents import Intent
from lotor.ike.questions import Answer, Question
from lotor.ike.standing import Standing
from lotor.model.network import Instant, Path
from lotor.runtime.answers import Answered, Reply
from lotor.runtime.faults import trace
from lotor.runtime.waiting import AdmissionQueue

log = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds until the clock runs on when a tick of the core itself went wrong."""


class Core(Protocol):
    """The face of `ike.endpoint.Endpoint`."""

    def receive(self, data: bytes, path: Path, now: Instant) -> list[Effect]: ...
    def answer(self, ticket: Ticket, answer: Answer, now: Instant) -> list[Effect]: ...
    def command(self, intent: Intent, now: Instant) -> list[Effect]: ...
    def tick(self, now: Instant) -> list[Effect]: ...
    def deadline(self) -> Deadline | None: ...
    def standing(self, data: bytes, path: Path) -> Standing: ...
    def admissions(self) -> Tally: ...


@dataclass(slots=True)
class Mishaps:
    """What went wrong since the start; `internal_errors` must stay 0."""

    internal_errors: int = 0
    unsent: int = 0


@dataclass(slots=True)
class _Asked:
    """`heard`: the task has had a turn, and waits for the reply."""

    task: asyncio.Task[None]
    reply: Coroutine[Any, Any, Answer]
    heard: bool = False

    def cancel(self) -> None:
        self.task.cancel()
        if not self.heard:
            self.reply.close()  # else one that was withdrawn before would be reported as forgotten, or go on


class Driver:
    """One core in one event loop. `transmit` sends or raises `OSError`; `reply` answers a question, at once or by a
    coroutine, and never raises; `disclose` gets the keys of IKE messages, where the core gives them."""

    def __init__(
        self,
        core: Core,
        transmit: Callable[[bytes, Path], None],
        reply: Callable[[Question[object]], Reply],
        disclose: Callable[[Disclose | DiscloseSk], None] = lambda _: None,
    ) -> None:
        self._core = core
        self._transmit = transmit
        self._reply = reply
        self._disclose = disclose
        self._subscribers: list[Callable[[Event], None]] = []
        self._pending: deque[Effect] = deque()
        self._asked: deque[Ask] = deque()
        self._performing = False
        self._timer: asyncio.TimerHandle | None = None
        self._questions: dict[Ticket, _Asked] = {}
        self._turn: asyncio.Handle | None = None
        self.waiting = AdmissionQueue(core.standing)
        self.tally = Mishaps()

    def subscribe(self, subscriber: Callable[[Event], None]) -> None:
        """Subscribers are told in the order of their subscription, and may give intents."""
        self._subscribers.append(subscriber)

    def now(self) -> Instant:
        return asyncio.get_running_loop().time()

    def receive(self, data: bytes, path: Path) -> None:
        """A datagram of a proved session enters the core at once, one of a stranger when it is its turn."""
        if self.waiting.admit(data, path):
            self._look_at(data, path)
        self._await_turn()

    def _look_at(self, data: bytes, path: Path) -> None:
        def step() -> list[Effect]:
            effects = self._core.receive(data, path, self.now())
            if not effects:
                self.waiting.came_to_nothing()
            return effects

        self._enter(step)

    def command(self, intent: Intent) -> None:
        self._enter(lambda: self._core.command(intent, self.now()))

    def admissions(self) -> Tally:
        """What became of first messages since the start."""
        return self._core.admissions()

    @property
    def open_questions(self) -> int:
        """What the core asked and nobody answered yet."""
        return len(self._questions)

    def stop(self) -> None:
        """No more time and no more answers for the core."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._turn is not None:
            self._turn.cancel()
        for question in self._questions.values():
            question.cancel()
        self._questions.clear()

    def _await_turn(self) -> None:
        if self._turn is None and self.waiting.stirred:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        for data, path in self.waiting.turn(self.now()):
            self._look_at(data, path)
        self._await_turn()

    def _enter(self, step: Callable[[], list[Effect]]) -> None:
        """One step of the core; an exception costs this step only (security: an uncaught one costs one datagram)."""
        try:
            self._pending.extend(step())
        except Exception as error:  # noqa: BLE001 - the loop must survive whatever a datagram brings out
            self._blame("the core failed", error)
        if self._performing:
            return
        self._performing = True
        try:
            while self._pending or self._asked:
                self._go_on()
        finally:
            self._performing = False
        self._wind()

    def _go_on(self) -> None:
        """Questions come last, so that the answers already know which sessions have ended."""
        if self._pending:
            self._perform(self._pending.popleft())
        else:
            self._ask(self._asked.popleft())

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Transmit(data, path):
                self._send(data, path)
            case Ask():
                self._asked.append(effect)
            case Withdraw(ticket):
                self._withdraw(ticket)
            case Tell(event):
                self._tell(event)
            case Disclose() | DiscloseSk():
                self._disclose(effect)

    def _send(self, data: bytes, path: Path) -> None:
        try:
            self._transmit(data, path)
        except OSError as error:
            self.tally.unsent += 1
            log.debug("cannot send %d octets to %s: %s", len(data), path.remote, error)
        except Exception as error:  # noqa: BLE001 - see _enter
            self._blame("a datagram was not sent", error)

    def _tell(self, event: Event) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception as error:  # noqa: BLE001 - one subscriber must not silence the others
                self._blame(f"{type(event).__name__} was not followed", error)

    def _ask(self, ask: Ask) -> None:
        reply = self._reply(ask.question)
        if isinstance(reply, Answered):
            answer = reply.answer
            self._enter(lambda: self._core.answer(ask.ticket, answer, self.now()))
            return
        task = asyncio.get_running_loop().create_task(self._answer(ask.ticket, reply))
        self._questions[ask.ticket] = _Asked(task, reply)

    def _withdraw(self, ticket: Ticket) -> None:
        """A question that is being answered is cancelled; one that waits for its turn is never asked."""
        if (asked := self._questions.pop(ticket, None)) is not None:
            asked.cancel()
        elif self._asked:
            self._asked = deque(each for each in self._asked if each.ticket != ticket)

    async def _answer(self, ticket: Ticket, reply: Coroutine[Any, Any, Answer]) -> None:
        """In one turn with the answer."""
        self._questions[ticket].heard = True
        answer = await reply
        if self._questions.pop(ticket, None) is not None:
            self._enter(lambda: self._core.answer(ticket, answer, self.now()))

    def _tick(self) -> None:
        self._timer = None
        deadline = self._core.deadline()
        if deadline is None or deadline.at > self.now():  # what the clock was set for was cancelled
            self._wind()
            return
        errors = self.tally.internal_errors
        self._enter(lambda: self._core.tick(self.now()))
        if self.tally.internal_errors > errors:
            self._wind(not_before=self.now() + RETRY)

    def _wind(self, not_before: Instant = 0.0) -> None:
        """Set the timer to the core's next deadline. An alarm that is already earlier is left alone: most deadlines are
        postponed before they come."""
        deadline = self._core.deadline()
        if deadline is None:
            return
        at = max(deadline.at, not_before)
        if self._timer is not None:
            if not not_before and self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._tick)

    def _blame(self, what: str, error: Exception) -> None:
        self.tally.internal_errors += 1
        log.error("internal error: %s: %s", what, trace(error))
