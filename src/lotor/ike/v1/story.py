"""Stories: one side of an exchange as a generator with four words, `send`, `expect`, `ask` and `wait`."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

from lotor.ike.effects import Ticket
from lotor.ike.questions import Question
from lotor.model.frozen import frozen
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.payloads import Payload

A = TypeVar("A")
T = TypeVar("T")


@frozen
class Send:
    """One message of the exchange. `fresh` opens a new exchange of the same kind, with a message id of its own."""

    payloads: tuple[Payload, ...]
    fresh: bool = False


Proof = Callable[[Chain], None]
"""Raises `Unproved` for a message that the peer cannot have sent. The message is then ignored."""


@frozen
class Expect:
    """The peer's next message. `proof` is the story's own check, in addition to that of the channel."""

    proof: Proof | None = None


@frozen
class Put:
    """A question to the runtime; the story goes on with its answer."""

    question: Question[Any]


@frozen
class Wait:
    """Waits for something inside the core. `begin` gets the ticket that will be answered through the context."""

    begin: Callable[[Ticket], None]


Word: TypeAlias = Send | Expect | Put | Wait
Story: TypeAlias = Generator[Word, Any, T]


def send(*payloads: Payload, fresh: bool = False) -> Story[None]:
    yield Send(payloads, fresh)


def expect(proof: Proof | None = None) -> Story[Chain]:
    chain: Chain = yield Expect(proof)
    return chain


def ask(question: Question[A]) -> Story[A]:
    answer: A = yield Put(question)
    return answer


def wait(begin: Callable[[Ticket], None]) -> Story[Any]:
    return (yield Wait(begin))
