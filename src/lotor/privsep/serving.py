"""The end that answers: reads questions, has them answered, and lets go of a daemon that breaks a rule.

A daemon that an intruder owns sends anything, as fast as it can. A message that is no question of the table ends the
connection; a question waits for its turn, and only a fixed number may wait.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from lotor.model.frozen import frozen
from lotor.model.text import clean
from lotor.privsep.budget import Budget
from lotor.privsep.codec import Malformed, decode, encode
from lotor.privsep.complaints import Complaints
from lotor.privsep.faults import fault_of
from lotor.privsep.frames import Frame, Kind, close, refuse_descriptors
from lotor.privsep.line import Line
from lotor.privsep.verb import Verb
from lotor.privsep.verbs import VERBS

log = logging.getLogger(__name__)

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@frozen
class Reply:
    """The answer; `descriptors` are closed here once they are sent."""

    value: Any
    descriptors: tuple[int, ...] = ()


class Denied(Exception):  # noqa: N818 - an answer, no fault
    """A daemon asked for what its configuration does not give it. The text is for the log, which has it clean; the
    daemon hears that it was refused."""


class Late(Denied):
    """What a daemon that does as it should may ask for as well: what it asks about has changed meanwhile. It is not
    ended for that."""


Handler = Callable[[Any], Coroutine[Any, Any, Reply]]
"""Cancelled when the daemon withdraws the question, or is gone."""
MOST_DENIED, FORGIVEN_AFTER = 64, 10.0
"""So many denials at once, and another one for each such time (seconds), are no reason to end a daemon: one that nobody
owns asks for what it may not have when a configuration changes under it, if ever."""
LONGEST_DENIAL = 200
"""Characters in the log."""
ASKS = frozenset({Kind.REQUEST, Kind.CANCEL})


def answering(action: Callable[[Request], Awaitable[Answer]], verb: Verb[Request, Answer]) -> tuple[int, Handler]:
    """A row of the table of handlers, for a verb without descriptors."""

    async def handler(request: Request) -> Reply:
        return Reply(await action(request))

    return verb.number, handler


def handling(action: Callable[[Request], Awaitable[Reply]], verb: Verb[Request, Any]) -> tuple[int, Handler]:
    """A row for a verb of an engine: what that cannot do is answered by a `Fault`."""

    async def handler(request: Request) -> Reply:
        try:
            return await action(request)
        except OSError as error:
            return Reply(fault_of(error))

    return verb.number, handler


@dataclass(slots=True, eq=False)
class _Question:
    """`begun`: its task has had a turn, so that it answers also when it is cancelled."""

    verb: Verb[Any, Any]
    work: Coroutine[Any, Any, Reply]
    task: asyncio.Task[None] | None = None
    begun: bool = False

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()
        if not self.begun:
            self.work.close()


class Server(Line):
    """The end of the warden, whose daemon asks: once it is `lost` the daemon is to be ended. Where the warden asks
    (`other`), it is that of the process that answers it."""

    def __init__(
        self,
        end: socket.socket,
        handlers: Mapping[int, Handler],
        lost: Callable[[str], None],
        other: str = "daemon",
    ) -> None:
        self._handlers = handlers
        self._questions: dict[int, _Question] = {}
        self._asked: Counter[int] = Counter()
        self._denials, self._late = (Budget(MOST_DENIED, FORGIVEN_AFTER) for _ in range(2))
        self._complaints = Complaints(log)
        refuse_descriptors(end)
        super().__init__(end, other, lost)

    def _take(self, frame: Frame) -> None:
        verb = VERBS.get(frame.verb)
        if frame.kind not in ASKS or verb is None or verb.number not in self._handlers:
            raise Malformed(f"there is no question number {frame.verb}")
        if frame.descriptors:
            raise Malformed("no question comes with descriptors")
        if len(frame.body) > (verb.most_request if frame.kind is Kind.REQUEST else 0):
            raise Malformed(f"a question to {verb.name} of {len(frame.body)} octets")
        if frame.kind is Kind.REQUEST:
            self._begin(verb, frame)
        else:
            self._withdraw(frame)

    def _begin(self, verb: Verb[Any, Any], frame: Frame) -> None:
        if frame.ticket in self._questions or self._asked[verb.number] >= verb.most_asked:
            raise Malformed("more questions at a time than there may be")
        question = _Question(verb, self._handlers[verb.number](decode(verb.request, frame.body)))
        question.task = self._loop.create_task(self._answer(frame.ticket, question))
        self._questions[frame.ticket] = question
        self._asked[verb.number] += 1

    def _withdraw(self, frame: Frame) -> None:
        """The answer may have left already. A question is given up once: what its handler does then is not disturbed
        again."""
        question = self._questions.get(frame.ticket)
        if question is None or question.verb.number != frame.verb:
            return
        if question.task is not None and not question.task.cancelling():
            question.cancel()
            if not question.begun:
                self._send(Frame(Kind.REFUSED, frame.verb, frame.ticket))

    async def _answer(self, ticket: int, question: _Question) -> None:
        """An engine's fault costs this question only. The answer leaves in the turn in which it is there."""
        question.begun, verb = True, question.verb
        descriptors: tuple[int, ...] = ()
        answer = Frame(Kind.REFUSED, verb.number, ticket)
        try:
            reply = await question.work
            descriptors = reply.descriptors
            answer = Frame(Kind.ANSWER, verb.number, ticket, _body(verb, reply), descriptors)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it came from an engine
            close(descriptors)
            if question.task is None or not question.task.cancelling():
                self._tell(verb, error)
        self._send(answer)

    def _tell(self, verb: Verb[Any, Any], error: BaseException) -> None:
        """The text of other errors may quote what was asked."""
        if not isinstance(error, Denied):
            self._complaints.tell("%s failed: %s", verb.name, type(error).__name__)
            return
        late = isinstance(error, Late)
        if (self._late if late else self._denials).take(self._loop.time()):
            log.warning("the %s may not %s: %s", self._other, verb.name, clean(str(error), longest=LONGEST_DENIAL))
        elif not late:
            self._give_up(f"the {self._other} asked again and again for what it may not have")

    def _sent(self, frame: Frame) -> None:
        """A place is free again when its answer has left."""
        if self._questions.pop(frame.ticket, None) is not None:
            self._asked[frame.verb] -= 1

    def _let_go(self, why: str) -> None:
        del why
        for question in self._questions.values():
            question.cancel()
        self._questions.clear()


def _body(verb: Verb[Any, Any], reply: Reply) -> bytes:
    body = encode(verb.answer, reply.value)
    if len(body) > verb.most_answer or len(reply.descriptors) > verb.descriptors:
        raise ValueError(f"an answer to {verb.name} is longer than it may be")
    return body
