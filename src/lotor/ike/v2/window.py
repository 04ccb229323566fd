"""The window of an IKE SA: each end has one request under way, and answers one at a time (RFC 7296 §2.1-2.3).

Requests of this end wait for their turn. What the peer asks is worked on once: copies of it are dropped meanwhile, and
get the same octets again afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from lotor.ike.errors import Refusal
from lotor.ike.flight import Flight
from lotor.ike.v2.message import Message
from lotor.ike.v2.reassembly import Reassembly
from lotor.ike.v2.seal import Protections
from lotor.ike.v2.story import Request
from lotor.model.network import Instant

MOST_WAITING = 64
"""Requests of this end that wait for their turn: more than any session has SA pairs to renew and delete."""


class Full(Exception):  # noqa: N818 - named for what the queue is
    """Too many requests of this end wait already."""


@dataclass(slots=True, eq=False)
class Ours:
    """A request of this end. `answered` is called with the response, or `failed` where none came that counts."""

    request: Request
    answered: Callable[[Message, Instant], None]
    failed: Callable[[Refusal, Instant], None]
    flight: Flight | None = None


@dataclass(slots=True)
class OwnRequests:
    """`following`: the message id of the next request."""

    following: int = 0
    under_way: Ours | None = None
    pieces: Reassembly = field(default_factory=Reassembly)
    _waiting: deque[Ours] = field(default_factory=deque)

    def wait(self, ours: Ours) -> None:
        """Its turn comes. `Full`."""
        if len(self._waiting) >= MOST_WAITING:
            raise Full
        self._waiting.append(ours)

    def turn(self) -> Ours | None:
        """The request that is to be sent now; None: none is, or one is under way. It is under way from now on."""
        if self.under_way is not None or not self._waiting:
            return None
        self.under_way = self._waiting.popleft()
        return self.under_way

    def settle(self, *, again: bool) -> None:
        """The one under way has its response, or none comes. `again`: its message id is used once more."""
        if self.under_way is not None and self.under_way.flight is not None:
            self.under_way.flight.stop()
        self.following += not again
        self.under_way = None
        self.pieces.clear()

    def withdraw(self, ours: Ours) -> None:
        """It is not needed any more. One under way is repeated nevertheless until its response comes, for the peer has
        to hear each number; nobody is told of that."""
        if ours in self._waiting:
            self._waiting.remove(ours)
        elif ours is self.under_way:
            ours.answered, ours.failed = _nobody, _nobody

    def cancel(self) -> None:
        """Nothing is sent any more."""
        self._waiting.clear()
        if self.under_way is not None and self.under_way.flight is not None:
            self.under_way.flight.stop()
        self.under_way = None


def _nobody(*_: object) -> None:
    """Takes the place of what is not to be called any more, so that what that refers to is freed."""


@dataclass(slots=True, eq=False)
class Answer:
    """The response to the peer's last request, kept until the next request shows that it came. `first`: the request's
    first datagram, as a digest. `under`: the keys of both; None: none protects them, and the peer's address may be
    forged."""

    message_id: int
    first: bytes
    flight: Flight
    under: Protections | None = None


@dataclass(slots=True)
class PeerRequests:
    """`expected`: the message id of the peer's next request. `working`: one is being worked on. `first`: its first
    datagram, as a digest."""

    expected: int = 0
    working: bool = False
    first: bytes = b""
    answer: Answer | None = None
    pieces: Reassembly = field(default_factory=Reassembly)

    def begin(self) -> None:
        """A request is whole and proved."""
        self.working = True
        self.pieces.clear()

    def answered(self, answer: Answer, *, again: bool) -> None:
        """It has its response. `again`: its message id is used once more."""
        self.working, self.answer = False, answer
        self.expected = answer.message_id + (not again)

    def forget(self) -> None:
        """Copies are not answered any more."""
        self.answer = None


class Underway(Protocol):
    """A story with what it belongs to."""

    def cancel(self) -> None:
        """It takes no step any more, and nobody hears how it came out."""
        ...


@dataclass(slots=True)
class Exchanges:
    """Of one SA. `stories`: those that are not over, of either end."""

    ours: OwnRequests = field(default_factory=OwnRequests)
    peers: PeerRequests = field(default_factory=PeerRequests)
    stories: dict[Underway, None] = field(default_factory=dict)

    def hand_over(self) -> None:
        """Another SA takes over. Copies of what the peer asked are still answered."""
        self._stop()
        self.ours.cancel()

    def forget(self) -> None:
        """Copies are not answered any more either."""
        self.peers.forget()

    def cancel(self) -> None:
        self.hand_over()
        self.forget()

    def _stop(self) -> None:
        for each in tuple(self.stories):
            each.cancel()
        self.stories.clear()
