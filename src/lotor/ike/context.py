"""State that all parts of the core share: queued effects, timers, randomness, and questions that wait for an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from lotor.ike.effects import Ask, Effect, Tell, Ticket, Withdraw
from lotor.ike.events import Event
from lotor.ike.questions import Answer, Question
from lotor.ike.randomness import Randomness
from lotor.ike.timers import Timers
from lotor.model.network import Instant
from lotor.model.policy import Policy

Resume = Callable[[Any, Instant], None]


@dataclass(slots=True)
class CoreContext:
    """`owners`: the number of the session of each SA pair, which stays the same when phase 1 is renewed. `draining`:
    the gateways to which clients are to go from now on, none: those of their blocks; None: they may stay."""

    policy: Policy
    randomness: Randomness
    discloses: bool = False
    draining: tuple[str, ...] | None = None
    timers: Timers = field(default_factory=Timers)
    owners: dict[int, int] = field(default_factory=dict)
    _outbox: list[Effect] = field(default_factory=list)
    _open: dict[Ticket, Resume] = field(default_factory=dict)
    _asked: set[Ticket] = field(default_factory=set)
    _tickets: count[int] = field(default_factory=lambda: count(1))
    _children: count[int] = field(default_factory=lambda: count(1))

    def put(self, effect: Effect) -> None:
        self._outbox.append(effect)

    def tell(self, event: Event) -> None:
        self.put(Tell(event))

    def promise(self, resume: Resume) -> Ticket:
        """A ticket that another part of the core will answer. `resume` is called once, unless `forget` comes first."""
        ticket = next(self._tickets)
        self._open[ticket] = resume
        return ticket

    def ask(self, question: Question[Any], resume: Resume) -> Ticket:
        """Puts a question to the runtime, with a ticket of that kind."""
        ticket = self.promise(resume)
        self._asked.add(ticket)
        self.put(Ask(ticket, question))
        return ticket

    def forget(self, ticket: Ticket) -> None:
        """The answer is not waited for any more. The runtime is told, so that it need not work it out."""
        self._open.pop(ticket, None)
        if ticket in self._asked:
            self._asked.discard(ticket)
            self.put(Withdraw(ticket))

    def answer(self, ticket: Ticket, answer: Answer, now: Instant) -> None:
        """Resumes what waits for the ticket. An answer that nothing waits for is dropped."""
        self._asked.discard(ticket)
        resume = self._open.pop(ticket, None)
        if resume is not None:
            resume(answer, now)

    def child_id(self) -> int:
        return next(self._children)

    def drain(self) -> list[Effect]:
        effects, self._outbox = self._outbox, []
        return effects
