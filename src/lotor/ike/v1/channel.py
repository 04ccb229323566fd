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
    """A message that was readable, decrypted where it was encrypted: anyone may still have sent it. `next_iv` follows
    if it is committed."""

    chain: Chain
    encrypted: bool
    next_iv: bytes | None


@dataclass(frozen=True, slots=True)
class Proved:
    """An opened message that holds all the proof that its channel asks for: a HASH under the keys of phase 1; in phase
    1 itself none, since there the story proves HASH and SIG before it goes on. Only a channel makes one."""

    opened: Opened

    @property
    def chain(self) -> Chain:
        return self.opened.chain


class Channel(Protocol):
    def wrap(self, header: Header, payloads: Sequence[Payload], *, encrypt: bool) -> bytes:
        """The whole message."""
        ...

    def open(self, incoming: Incoming) -> Opened:
        """Reads and decrypts without any effect. Raises `Unproved` or `Malformed`."""
        ...

    def prove(self, opened: Opened) -> Proved:
        """Checks the HASH, without any effect. Raises `Unproved`."""
        ...

    def commit(self, proved: Proved) -> None:
        """The message counts: IVs and what its HASH covers move on."""
        ...
