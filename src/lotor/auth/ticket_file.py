"""The file of a gateway's tickets (RFC 5723): the keys that seal them, and which ones were used, for root alone.

It survives a restart of the gateway, which is when its clients need their tickets. A key seals for an hour, opens for
as long as a ticket may last, and is gone then: who takes the disk later reads no ticket that was sent before.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lotor.auth.clock import SYSTEM, Clock
from lotor.crypto import sealing
from lotor.files import writing
from lotor.files.places import make_open, state_directory
from lotor.files.private import FileError, read_private
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

log = logging.getLogger(__name__)

NAME = "tickets"
SEALS_S = 3600.0
"""Seconds in which a key seals."""
LONGEST_S = 86400
"""Seconds that a ticket is good for at most: a day of work, and as long as a key lies on the disk."""
OPENS_S = LONGEST_S + SEALS_S
ID_OCTETS, NAME_OCTETS = 16, 8
MOST_SPENT = 65_536
"""Tickets that are remembered as used: as many as sessions with an address. Of more the ticket that was sealed first
is forgotten, and from then on none counts that is as old."""
LARGEST = 1 << 23
"""Octets: more than MOST_SPENT lines and all keys."""
_LINE = re.compile(rb"k ([0-9a-f]{64}) (\d{1,15})|s ([0-9a-f]{32}) (\d{1,15})|f (\d{1,15})")


@frozen
class _Key:
    """`began`: seconds since 1970. `name` tells it from others, and tells nothing else."""

    secret: Secret
    began: int

    @property
    def name(self) -> bytes:
        return hashlib.blake2b(self.secret.reveal(), digest_size=NAME_OCTETS, person=b"lotor-ticket-key").digest()

    def line(self) -> bytes:
        return b"k %s %d\n" % (self.secret.reveal().hex().encode(), self.began)


@dataclass(slots=True)
class _Known:
    """What is in the file. `spent`: when each used ticket was sealed. `floor`: no ticket that was sealed then or
    before counts."""

    keys: dict[bytes, _Key] = field(default_factory=dict)
    spent: OrderedDict[bytes, int] = field(default_factory=OrderedDict)
    floor: int = 0

    def note(self, line: bytes) -> None:
        """`ValueError` for a line of another form."""
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise ValueError("a line that lotor did not write")
        if parts[1]:
            key = _Key(Secret(bytes.fromhex(parts[1].decode())), int(parts[2]))
            self.keys[key.name] = key
        elif parts[3]:
            self.spend(bytes.fromhex(parts[3].decode()), int(parts[4]))
        else:
            self.floor = max(self.floor, int(parts[5]))

    def spend(self, ticket: bytes, sealed: int) -> None:
        self.spent[ticket] = sealed
        if len(self.spent) > MOST_SPENT:
            oldest = min(self.spent, key=self.spent.__getitem__)
            self.floor = max(self.floor, self.spent.pop(oldest))

    def forget(self, now: float) -> None:
        """What opens no ticket any more."""
        self.keys = {name: key for name, key in self.keys.items() if now < key.began + OPENS_S}
        self.spent = OrderedDict((each, at) for each, at in self.spent.items() if now < at + LONGEST_S)

    def text(self) -> bytes:
        lines = (*(key.line() for key in self.keys.values()), *(_spent(*each) for each in self.spent.items()))
        return b"".join((*lines, b"f %d\n" % self.floor))


def _spent(ticket: bytes, sealed: int) -> bytes:
    return b"s %s %d\n" % (ticket.hex().encode(), sealed)


class TicketFile:
    """Belongs to one event loop, beside which it reads and writes, one thing after the other. What cannot be written
    stays in memory, with a line of the log: then tickets are good until the gateway's end. Its disk is touched once an
    hour, and in one short write for each ticket that is used."""

    def __init__(self, path: Path | None = None, clock: Clock = SYSTEM) -> None:
        self.path = path or state_directory() / NAME
        self._clock = clock
        self._known: _Known | None = None
        self._disk = asyncio.Lock()

    async def seal(self, text: bytes) -> bytes:
        """The name of the key, and what it has sealed."""
        key = await self._present()
        return key.name + sealing.seal(key.secret, text, key.name)

    async def opened(self, octets: bytes) -> bytes | None:
        """None for what no key that is here has sealed."""
        name, sealed = octets[:NAME_OCTETS], octets[NAME_OCTETS:]
        key = (await self._read()).keys.get(name)
        if key is None or self._clock.wall() >= key.began + OPENS_S:
            return None
        return sealing.unseal(key.secret, sealed, name)

    async def fresh(self, ticket: bytes, sealed: int) -> bool:
        """Whether a ticket was not used; `sealed`: when, seconds since 1970."""
        known = await self._read()
        return sealed > known.floor and ticket not in known.spent

    async def spend(self, ticket: bytes, sealed: int) -> None:
        """It counts as used before anything is waited for."""
        known = await self._read()
        floor = known.floor
        known.spend(ticket, sealed)
        lines = (_spent(ticket, sealed), *((b"f %d\n" % known.floor,) if known.floor != floor else ()))
        async with self._disk:
            await asyncio.to_thread(self._append, lines)

    async def _present(self) -> _Key:
        known = await self._read()
        async with self._disk:
            now = self._clock.wall()
            newest = max(known.keys.values(), key=lambda each: each.began, default=None)
            if newest is not None and newest.began <= now < newest.began + SEALS_S:
                return newest
            key = _Key(Secret(secrets.token_bytes(sealing.KEY_OCTETS)), int(now))
            known.forget(now)
            known.keys[key.name] = key
            await asyncio.to_thread(self._write, known.text())
            return key

    async def _read(self) -> _Known:
        """What is in memory, at once, but for the first time."""
        if self._known is None:
            async with self._disk:
                if self._known is None:
                    self._known = await asyncio.to_thread(self._recalled)
        return self._known

    def _recalled(self) -> _Known:
        known = _Known()
        if os.path.lexists(self.path):
            self._recall(known)
        return known

    def _recall(self, known: _Known) -> None:
        """What cannot be read counts as nothing: all who have a ticket log in once."""
        try:
            for line in read_private(self.path, largest=LARGEST).splitlines():
                known.note(line)
        except (FileError, ValueError) as fault:
            log.warning("the tickets of before count no more: %s: %s", self.path, fault)
            known.keys.clear()
        known.forget(self._clock.wall())

    def _write(self, text: bytes) -> None:
        try:
            make_open(self.path.parent)
            writing.replace(self.path, text)
        except (FileError, OSError) as fault:
            log.warning("tickets count until the gateway ends, for their keys are in memory alone: %s", fault)

    def _append(self, lines: Iterable[bytes]) -> None:
        """Not waited for until it is on the disk: after a power cut a client could come back by a ticket twice."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        with contextlib.suppress(OSError):
            descriptor = os.open(self.path, flags)
            try:
                os.write(descriptor, b"".join(lines))
            finally:
                os.close(descriptor)
