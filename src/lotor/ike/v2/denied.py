"""A refusal that is told to the peer in payloads of its own, as EAP-Failure, in the place of a notification."""

from __future__ import annotations

from lotor.ike.errors import PolicyRefusal
from lotor.ike.v2.story import Payloads
from lotor.model.reason import Reason
from lotor.wire.v2.payloads import Payload


class Denied(PolicyRefusal):
    """`payloads`: the whole answer."""

    def __init__(self, reason: Reason, *payloads: Payload) -> None:
        super().__init__(reason)
        self.payloads: Payloads = payloads
