"""A channel: one side's end of an exchange. It makes messages of payloads, and proves messages before they count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lotor.ike.dialect import Incoming
from lotor.model.frozen import frozen
from lotor.wire.header import Header
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.payloads import Payload


@frozen
class OpenedMessage:
    """A message that was readable, after decryption where it was encrypted. Anyone may still have sent it. `next_iv` is
    used if the message is committed."""

    chain: Chain
    encrypted: bool
    next_iv: bytes | None


@frozen
class ProvedMessage:
    """An opened message whose channel has checked its proof: a HASH under the keys of phase 1. In phase 1 itself the
    channel checks nothing, since the story proves HASH and SIG before it goes on. Only a channel makes one."""

    opened: OpenedMessage

    @property
    def chain(self) -> Chain:
        return self.opened.chain


class Channel(Protocol):
    def wrap(self, header: Header, payloads: Sequence[Payload], *, encrypt: bool) -> bytes:
        """The whole message."""
        ...

    def open(self, incoming: Incoming) -> OpenedMessage:
        """Reads and decrypts without any effect. Raises `Unproved` or `Malformed`."""
        ...

    def prove(self, opened: OpenedMessage) -> ProvedMessage:
        """Checks the HASH, without any effect. Raises `Unproved`."""
        ...

    def commit(self, proved: ProvedMessage) -> None:
        """The message counts: IVs and what its HASH covers move on."""
        ...
