"""What the core wants done: bytes to a path, a question with a ticket, a fact worth telling."""

from __future__ import annotations

from lotor.ike.events import Event
from lotor.ike.questions import Question
from lotor.model.algorithms import Ike2Suite
from lotor.model.frozen import frozen
from lotor.model.network import Instant, Path
from lotor.model.secret import Secret

Ticket = int


@frozen
class Transmit:
    """One datagram: an ISAKMP message or fragment without the marker, or `KEEPALIVE`."""

    data: bytes
    path: Path


@frozen
class Ask:
    """A question. `endpoint.answer(ticket, …)` answers it; an answer that comes after its session ended is dropped."""

    ticket: Ticket
    question: Question[object]


@frozen
class Withdraw:
    """The answer to this question is not needed any more. Work on it that has not begun need not begin."""

    ticket: Ticket


@frozen
class Tell:
    """A fact, for the journal, the status, the hooks and the engines."""

    event: Event


@frozen
class Disclose:
    """What decrypts one phase 1 and all that follows it: the initiator's cookie and the key of ISAKMP messages. Only an
    endpoint made with `disclose` puts it, for a capture that an administrator asked for."""

    cookie: bytes
    key: Secret


@frozen
class DiscloseSk:
    """The same of an IKE SA of IKEv2: its SPIs, what protects its messages, and SK_ei, SK_er, SK_ai and SK_ar."""

    spis: tuple[bytes, bytes]
    suite: Ike2Suite
    keys: tuple[Secret, Secret, Secret, Secret]


Effect = Transmit | Ask | Withdraw | Tell | Disclose | DiscloseSk


@frozen
class Deadline:
    """When `tick` must be called next, and why."""

    at: Instant
    why: str
