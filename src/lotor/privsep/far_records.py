"""What the warden keeps, asked over the line."""

from __future__ import annotations

import errno

from lotor.model.ban import Ban
from lotor.ports.records import StoreState
from lotor.privsep.asking import Asker
from lotor.privsep.far import ask
from lotor.privsep.recording import BAN, BANS, LIFT, STORE_STATE, BanWish


class FarRecords:
    """Implements `ports.records.Records`."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def store(self) -> StoreState:
        return (await ask(self._asker, STORE_STATE, None)).value

    async def bans(self) -> tuple[Ban, ...]:
        found: list[Ban] = []
        while more := (await ask(self._asker, BANS, len(found))).value:
            found += more
        return tuple(found)

    async def ban(self, subject: str, seconds: int) -> Ban:
        try:
            return (await ask(self._asker, BAN, BanWish(subject, seconds))).value
        except ValueError:
            raise OSError(errno.EINVAL, "that is longer than any login") from None

    async def lift(self, subject: str) -> bool:
        try:
            return (await ask(self._asker, LIFT, subject)).value
        except ValueError:
            return False
