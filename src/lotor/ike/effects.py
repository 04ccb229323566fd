"""What the core wants done: bytes to a path, a question with a ticket, a fact worth telling."""

from __future__ import annotations

from dataclasses import dataclass

from lotor.ike.events import Event
from lotor.ike.questions import Question
from lotor.model.network import Instant, Path

Ticket = int


@dataclass(frozen=True, slots=True)
class Transmit:
    """One datagram: an ISAKMP message or fragment without the marker, or the keepalive octet b"\\xff"."""

    data: bytes
    path: Path


@dataclass(frozen=True, slots=True)
class Ask:
    """A question. `endpoint.answer(ticket, …)` answers it; an answer that comes after its session ended is dropped."""

    ticket: Ticket
    question: Question[object]


@dataclass(frozen=True, slots=True)
class Tell:
    """A fact: for the journal, the status, the hooks, and the engines that follow it."""

    event: Event


Effect = Transmit | Ask | Tell


@dataclass(frozen=True, slots=True)
class Deadline:
    """When `tick` must be called next, and why."""

    at: Instant
    why: str
