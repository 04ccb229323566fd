"""Stories of IKEv2: one side of an exchange as a generator with four words, `request`, `reply`, `ask` and `wait`.

Each exchange is a request and its response (RFC 7296 §1). A story of this end says `request`, and goes on with the
response. A story that answers the peer begins with the peer's request, and ends with the payloads of its response;
where an exchange of the same kind must follow, as in IKE_AUTH with EAP, it says `reply` and goes on with the peer's
next request. Retransmission, message ids and fragments are no affair of a story.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

from lotor.ike.effects import Ticket
from lotor.ike.questions import Question
from lotor.ike.v2.message import Message
from lotor.model.frozen import frozen
from lotor.wire.v2.numbers import ExchangeType
from lotor.wire.v2.payloads import Payload

A = TypeVar("A")
T = TypeVar("T")
Payloads: TypeAlias = tuple[Payload, ...]


Check = Callable[[Message], None]
"""Raises `Malformed`, `Misplaced` or `Unproved` for a response that is not to count. It is then ignored."""


@frozen
class Request:
    """A request of this end; the story goes on with the response. `check`: the story's own, for responses that no keys
    prove. `schedule`: seconds between two sends, where it is not the usual one."""

    exchange: ExchangeType
    payloads: Payloads
    check: Check | None = None
    schedule: tuple[float, ...] | None = None


@frozen
class Reply:
    """The response to the peer's request; the story goes on with the peer's next request of that exchange."""

    payloads: Payloads


@frozen
class Put:
    """A question to the runtime; the story goes on with its answer."""

    question: Question[Any]


@frozen
class Wait:
    """Waits for something inside the core. `begin` gets the ticket that will be answered through the context."""

    begin: Callable[[Ticket], None]


Word: TypeAlias = Request | Reply | Put | Wait
Story: TypeAlias = Generator[Word, Any, T]


def request(
    exchange: ExchangeType,
    *payloads: Payload,
    check: Check | None = None,
    schedule: tuple[float, ...] | None = None,
) -> Story[Message]:
    response: Message = yield Request(exchange, payloads, check, schedule)
    return response


def reply(*payloads: Payload) -> Story[Message]:
    following: Message = yield Reply(payloads)
    return following


def ask(question: Question[A]) -> Story[A]:
    answer: A = yield Put(question)
    return answer


def wait(begin: Callable[[Ticket], None]) -> Story[Any]:
    return (yield Wait(begin))
