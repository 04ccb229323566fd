"""The end of the line that asks: sends questions and waits for their answers. After an error of the process that
answers, or its end, no question is answered any more."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from lotor.model.frozen import frozen
from lotor.model.reasons.local import LocalReason, WardenGone, WardenRefused
from lotor.privsep.codec import Malformed, decode, encode
from lotor.privsep.frames import Ended, Frame, Kind, close
from lotor.privsep.line import Line
from lotor.privsep.verb import Verb

ANSWERS = frozenset({Kind.ANSWER, Kind.REFUSED})

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Refused(Exception):  # noqa: N818 - an answer, no fault
    """The `other` process did not do what `verb` asks for; its journal says why."""

    def __init__(self, verb: str, other: str = "warden") -> None:
        super().__init__(f"the {other} refused to {verb}")
        self.verb = verb


def reason_of(fault: Refused | Ended) -> LocalReason:
    """The reason that a far port gives when the warden did not answer."""
    if isinstance(fault, Refused):
        return WardenRefused(fault.verb)
    return WardenGone(str(fault) or "the line is closed")


@frozen
class Answered(Generic[Answer]):
    """`descriptors` belong to the caller, which closes them."""

    value: Answer
    descriptors: tuple[int, ...] = ()

    def close(self) -> None:
        close(self.descriptors)


@frozen
class _Asked:
    verb: Verb[Any, Any]
    answer: asyncio.Future[Answered[Any]]


class Asker(Line):
    """The end of the daemon, whose warden answers; and that of the warden, where the `other` process does."""

    def __init__(self, end: socket.socket, lost: Callable[[str], None], other: str = "warden") -> None:
        self._asked: dict[int, _Asked] = {}
        self._ticket = 0
        self._places: dict[int, asyncio.Semaphore] = {}
        super().__init__(end, other, lost)

    async def ask(self, verb: Verb[Request, Answer], request: Request) -> Answered[Answer]:
        """Raises `Refused`, `Ended` once the other process is gone, `ValueError` for more octets than the verb takes.
        The verb has room for another question when this one is answered. A caller that is cancelled withdraws its
        question: the work for it is cancelled."""
        body = encode(verb.request, request)
        if len(body) > verb.most_request:
            raise ValueError(f"{verb.name} takes {verb.most_request} octets, these are {len(body)}")
        places = self._places.setdefault(verb.number, asyncio.Semaphore(verb.most_asked))
        await places.acquire()
        if not self._open:
            places.release()
            raise Ended(self._why)
        ticket = self._ticket = (self._ticket + 1) % 2**32
        answer: asyncio.Future[Answered[Answer]] = self._loop.create_future()
        self._asked[ticket] = _Asked(verb, answer)
        self._send(Frame(Kind.REQUEST, verb.number, ticket, body))
        try:
            return await answer
        except asyncio.CancelledError:
            self._withdraw(ticket, answer)
            raise

    def _withdraw(self, ticket: int, answer: asyncio.Future[Answered[Any]]) -> None:
        """An answer that came at the same moment is closed, with its descriptors; a later one when it comes."""
        if (asked := self._asked.get(ticket)) is not None:
            self._send(Frame(Kind.CANCEL, asked.verb.number, ticket))
        elif not answer.cancelled() and answer.exception() is None:
            close(answer.result().descriptors)

    def _take(self, frame: Frame) -> None:
        asked = self._asked.get(frame.ticket)
        if asked is None or asked.verb.number != frame.verb or frame.kind not in ANSWERS:
            raise Malformed("nobody asked for this")
        refused = frame.kind is Kind.REFUSED
        if len(frame.body) > (0 if refused else asked.verb.most_answer):
            raise Malformed(f"an answer to {asked.verb.name} of {len(frame.body)} octets")
        if len(frame.descriptors) > (0 if refused else asked.verb.descriptors):
            raise Malformed(f"an answer to {asked.verb.name} with {len(frame.descriptors)} descriptors")
        value = None if refused else decode(asked.verb.answer, frame.body)
        del self._asked[frame.ticket]
        self._places[frame.verb].release()
        if asked.answer.done():  # nobody waits any more
            frame.close()
        elif refused:
            asked.answer.set_exception(Refused(asked.verb.name, self._other))
        else:
            asked.answer.set_result(Answered(value, frame.descriptors))

    def _sent(self, frame: Frame) -> None:
        del frame  # its place is free when the answer has come

    def _let_go(self, why: str) -> None:
        for asked in self._asked.values():
            self._places[asked.verb.number].release()
            if not asked.answer.done():
                asked.answer.set_exception(Ended(why))
        self._asked.clear()
