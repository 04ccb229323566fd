"""The warden's end: reads questions, has them answered, and lets go of a daemon that breaks a rule.

A daemon that an intruder owns says anything, as fast as it can. Whatever is no question of the table ends the
connection; what is one waits in its place among a fixed number.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from lotor.privsep.codec import Malformed, decode, encode
from lotor.privsep.frames import MOST_ASKED, Frame, Kind, close
from lotor.privsep.line import Line
from lotor.privsep.verb import Verb
from lotor.privsep.verbs import VERBS

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
    """The warden's end. Once it is `lost` the daemon is to be ended."""

    def __init__(self, end: socket.socket, handlers: Mapping[int, Handler], lost: Callable[[str], None]) -> None:
        self._handlers = handlers
        self._tasks: dict[int, asyncio.Task[None]] = {}
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
        work = self._answer(verb, frame.ticket, request)
        self._tasks[frame.ticket] = asyncio.get_running_loop().create_task(work)

    async def _answer(self, verb: Verb[Any, Any], ticket: int, request: object) -> None:
        descriptors: tuple[int, ...] = ()
        try:
            reply = await self._handlers[verb.number](request)
            descriptors = reply.descriptors
            answer = Frame(Kind.ANSWER, verb.number, ticket, _body(verb, reply), descriptors)
        except (Exception, asyncio.CancelledError) as error:  # an engine's fault costs this question only
            close(descriptors)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            log.warning("%s failed: %s", verb.name, type(error).__name__)  # its text may quote what was asked
            answer = Frame(Kind.REFUSED, verb.number, ticket)
        self._send(answer)

    def _sent(self, frame: Frame) -> None:
        """A place is free again when its answer has left."""
        self._tasks.pop(frame.ticket, None)

    def _let_go(self, why: str) -> None:
        del why
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()


def _body(verb: Verb[Any, Any], reply: Reply) -> bytes:
    body = encode(verb.answer, reply.value)
    if len(body) > verb.most_answer or len(reply.descriptors) > verb.descriptors:
        raise ValueError(f"an answer to {verb.name} is longer than it may be")
    return body
