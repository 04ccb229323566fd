"""What can go wrong in the core. `Malformed`, `Misplaced` and `Unproved` drop a message, for the true one may still
come, unless its keys proved it; a `Refusal` ends an exchange, and in phase 1 and XAUTH the session with it."""

from __future__ import annotations

from lotor.model.reason import Reason
from lotor.model.reasons.protocol import MalformedMessage, MisplacedMessage
from lotor.wire.errors import Malformed
from lotor.wire.v1.numbers import NotifyType


class Misplaced(Exception):  # noqa: N818 - named for what the message is
    """A well-formed message that does not belong here: its payloads, its time or its lack of encryption are wrong."""


class Unproved(Exception):  # noqa: N818 - the same
    """A message whose encryption or HASH does not hold: anyone may have sent it."""


class Refusal(Exception):  # noqa: N818 - the same
    """The end of an exchange, with a reason that both ends may know. `notify` is the number, in the version that is
    spoken, of what is sent to the peer; None for silence."""

    def __init__(self, reason: Reason, notify: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.notify = notify


class PeerFault(Refusal):
    """The peer broke the protocol in a message that it signed."""

    def __init__(self, reason: Reason, notify: int | None = NotifyType.PAYLOAD_MALFORMED) -> None:
        super().__init__(reason, notify)


class PolicyRefusal(Refusal):
    """The peer keeps to the protocol, but asks for something that the configuration does not allow."""


class LocalFault(Refusal):
    """A fault of this end: it has no key, no SPI or no device, and cannot go on."""


def dropped(fault: Malformed | Misplaced) -> Reason:
    """Why a message was dropped."""
    return MalformedMessage(str(fault)) if isinstance(fault, Malformed) else MisplacedMessage(str(fault))
