"""The warden's end: reads questions, has them answered, and lets go of a daemon that breaks a rule.

A daemon that an intruder owns says anything, as fast as it can. Whatever is no question of the table ends the
connection; what is one waits in its place among a fixed number.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from lotor.privsep.codec import Malformed, decode, encode
from lotor.privsep.frames import MOST_ASKED, Ended, Frame, Kind, send
from lotor.privsep.line import Line
from lotor.privsep.verbs import VERBS, Verb

log = logging.getLogger(__name__)

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer; `descriptors` are closed here once they are sent."""

    value: Any
    descriptors: tuple[int, ...] = ()


Handler = Callable[[Any], Awaitable[Reply]]


def answering(action: Callable[[Request], Awaitable[Answer]], verb: Verb[Request, Answer]) -> tuple[int, Handler]:
    """A row of the table of handlers, for a verb without descriptors."""

    async def handler(request: Request) -> Reply:
        return Reply(await action(request))

    return verb.number, handler


class Server(Line):
    """`lost` is called once, with a sentence, when the daemon is gone or has broken a rule: it is to be ended then."""

    def __init__(self, end: socket.socket, handlers: Mapping[int, Handler], lost: Callable[[str], None]) -> None:
        self._handlers = handlers
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._unsent: deque[Frame] = deque()
        super().__init__(end, "daemon", lost)

    def _take(self, frame: Frame) -> None:
        verb = VERBS.get(frame.verb)
        if frame.kind is not Kind.REQUEST or verb is None or verb.number not in self._handlers:
            raise Malformed(f"there is no question number {frame.verb}")
        if frame.descriptors:
            raise Malformed("no question comes with descriptors")
        if len(frame.body) > verb.most_request:
            raise Malformed(f"a question to {verb.name} of {len(frame.body)} octets")
        if frame.ticket in self._tasks or len(self._tasks) >= MOST_ASKED:
            raise Malformed("more questions at a time than there may be")
        request = decode(verb.request, frame.body)
        answering = self._answer(verb, frame.ticket, request)
        self._tasks[frame.ticket] = asyncio.get_running_loop().create_task(answering)

    async def _answer(self, verb: Verb[Any, Any], ticket: int, request: object) -> None:
        try:
            reply = await self._handlers[verb.number](request)
            answer = Frame(Kind.ANSWER, verb.number, ticket, _body(verb, reply), reply.descriptors)
        except Exception as error:  # noqa: BLE001 - an engine's fault costs this question only
            log.warning("%s failed: %s", verb.name, type(error).__name__)  # its text may quote what was asked
            answer = Frame(Kind.REFUSED, verb.number, ticket)
        if self._open:
            self._unsent.append(answer)
            self._flush()
        else:
            answer.close()

    def _flush(self) -> None:
        """A place is free again when its answer has left: what waits here is bounded by the places."""
        loop = asyncio.get_running_loop()
        while self._open and self._unsent:
            try:
                send(self._end, self._unsent[0])
            except BlockingIOError:
                loop.add_writer(self._end, self._flush)
                return
            except Ended:
                self._give_up("the daemon is gone")
                return
            sent = self._unsent.popleft()
            sent.close()
            self._tasks.pop(sent.ticket, None)
        loop.remove_writer(self._end)

    def _let_go(self, why: str) -> None:
        del why
        asyncio.get_running_loop().remove_writer(self._end)
        for task in self._tasks.values():
            task.cancel()
        for frame in self._unsent:
            frame.close()
        self._tasks.clear()
        self._unsent.clear()


def _body(verb: Verb[Any, Any], reply: Reply) -> bytes:
    body = encode(verb.answer, reply.value)
    if len(body) > verb.most_answer or len(reply.descriptors) > verb.descriptors:
        Frame(Kind.ANSWER, verb.number, 0, b"", reply.descriptors).close()
        raise ValueError(f"an answer to {verb.name} is longer than it may be")
    return body
