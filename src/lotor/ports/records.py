"""The port of what a gateway keeps beside its work: where it is kept, and who is banned."""

from __future__ import annotations

from typing import Protocol

from lotor.model.ban import Ban
from lotor.model.frozen import frozen


@frozen
class StoreState:
    """`file`: where what outlives the program is kept, empty: nowhere. `fault`: a sentence without a full stop that
    says what is wrong with that, empty: nothing."""

    file: str = ""
    fault: str = ""


class Records(Protocol):
    """Each raises `OSError` with a clear text where nobody can be asked."""

    async def store(self) -> StoreState: ...

    async def bans(self) -> tuple[Ban, ...]:
        """Those in force."""
        ...

    async def ban(self, subject: str, seconds: int) -> Ban:
        """Nobody of `subject` (an address, a network, else a login) logs in for so long. `OSError` also for what cannot
        be banned."""
        ...

    async def lift(self, subject: str) -> bool:
        """Whether there was such a ban."""
        ...
