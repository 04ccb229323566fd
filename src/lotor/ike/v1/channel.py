"""One side's end of an exchange: payloads to messages, and messages to payloads that are proved before they count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lotor.ike.dialect import Incoming
from lotor.wire.header import Header
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.payloads import Payload


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that was readable, decrypted where it was encrypted. `next_iv` follows if it is committed."""

    chain: Chain
    encrypted: bool
    next_iv: bytes | None


class Channel(Protocol):
    def wrap(self, header: Header, payloads: Sequence[Payload], *, encrypt: bool) -> bytes:
        """The whole message."""
        ...

    def open(self, incoming: Incoming) -> Opened:
        """Reads, decrypts and proves without any effect. Raises `Unproved` or `Malformed`."""
        ...

    def commit(self, opened: Opened) -> None:
        """The message counts: IVs and formulas move on."""
        ...
