"""Conversations with a server that asks for more: what it wants back, and which one it is."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import field

from lotor.model.frozen import frozen
from lotor.radius.servers import Server

MOST = 2048
"""Conversations at a time, as many as logins; the oldest gives way to another one."""
LONGEST = 300.0
"""Seconds that an answer of a person is waited for: the login that it belongs to ended long before."""
MOST_ROUNDS = 8
"""Prompts of one login; XAUTH stops sooner."""
MOST_EAP_ROUNDS = 64
"""Packets of one login by EAP: certificates of 50 KiB in pieces of 1,000 octets."""
TICKET = 16


@frozen
class Conversation:
    """`state` goes back to `server` unread (RFC 2865 §5.24), None where it gave none. `rounds` so far, of EAP or of
    prompts."""

    user: str
    server: Server
    state: bytes | None = field(repr=False)
    rounds: int
    began: float
    eap: bool = False


class Conversations:
    """By tickets that cannot be guessed."""

    def __init__(self) -> None:
        self._open: OrderedDict[bytes, Conversation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def keep(self, conversation: Conversation) -> bytes:
        """The ticket for the next round."""
        self._forget_old()
        if len(self._open) >= MOST:
            self._open.popitem(last=False)
        ticket = secrets.token_bytes(TICKET)
        self._open[ticket] = conversation
        return ticket

    def take(self, ticket: bytes) -> Conversation | None:
        """Each ticket counts once."""
        self._forget_old()
        return self._open.pop(ticket, None)

    def _forget_old(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._open:
            ticket, oldest = next(iter(self._open.items()))
            if now - oldest.began < LONGEST:
                return
            del self._open[ticket]
