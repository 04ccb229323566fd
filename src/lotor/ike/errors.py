"""What can go wrong in the core. `Malformed`, `Misplaced` and `Unproved` drop a message, for the true one may still
come, unless its keys proved it; a `Refusal` ends an exchange, and in phase 1 and XAUTH the session with it."""

from __future__ import annotations

from lotor.model.reason import Reason
from lotor.model.reasons.protocol import MalformedMessage, MisplacedMessage
from lotor.wire.errors import Malformed
from lotor.wire.v1.numbers import NotifyType


class Misplaced(Exception):  # noqa: N818 - named for what the message is
    """A well-formed message that does not belong here: its payloads, its moment or its lack of encryption."""


class Unproved(Exception):  # noqa: N818 - the same
    """A message whose encryption or HASH does not hold: anyone may have sent it."""


class Refusal(Exception):  # noqa: N818 - the same
    """The end of an exchange with a reason both ends may know. `notify` is what the peer is told, None for silence."""

    def __init__(self, reason: Reason, notify: NotifyType | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.notify = notify


class PeerFault(Refusal):
    """The peer broke the protocol in a message that it signed."""

    def __init__(self, reason: Reason, notify: NotifyType | None = NotifyType.PAYLOAD_MALFORMED) -> None:
        super().__init__(reason, notify)


class PolicyRefusal(Refusal):
    """The peer is well-behaved, but what it wants is not what the configuration allows."""


class LocalFault(Refusal):
    """We cannot go on: no key, no SPI, no device."""


def dropped(fault: Malformed | Misplaced) -> Reason:
    """Why a message was dropped."""
    return MalformedMessage(str(fault)) if isinstance(fault, Malformed) else MisplacedMessage(str(fault))
