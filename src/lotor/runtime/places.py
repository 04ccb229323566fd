"""The places on the host that sessions leave behind for those that follow them: the device keeps its address and its
routes, so that what is open inside the tunnel waits, and nothing leaves beside it."""

from __future__ import annotations

from typing import Protocol

from lotor.model.reason import Reason
from lotor.runtime.sessions import Session


class Kept(Protocol):
    """Knows which connections are to come back."""

    def place(self, session: Session) -> int | None:
        """The number of the connection that a session is of; None where nobody wants it back."""
        ...

    def comes_back(self, session: Session, reason: Reason) -> bool:
        """Whether another session will follow one that ends for this reason."""
        ...

    def shuts(self, session: Session) -> bool:
        """Whether what belongs into its tunnel is to be unreachable while it is down."""
        ...


class Nobody:
    """No connection comes back."""

    def place(self, session: Session) -> int | None:
        del session
        return None

    def comes_back(self, session: Session, reason: Reason) -> bool:
        del session, reason
        return False

    def shuts(self, session: Session) -> bool:
        del session
        return False


NOBODY = Nobody()


class Places:
    """By the number of the connection, the session whose place on the host waits; one for each connection."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._left: dict[int, int] = {}

    def shuts(self, session: Session) -> bool:
        """As `Kept` has it."""
        return self._kept.shuts(session)

    def waits_for(self, session: Session) -> int:
        """The session whose place this one takes, 0 for none."""
        place = self._kept.place(session)
        return self._left.get(place, 0) if place is not None else 0

    def stays(self, session: Session | None, reason: Reason) -> int | None:
        """The connection for which the place of a session that ends is to wait."""
        if session is None or not self._kept.comes_back(session, reason):
            return None
        return self._kept.place(session)

    def still(self, session: Session | None, place: int | None) -> int | None:
        """The same, unless nobody wants the connection back any more."""
        return place if session is not None and self._kept.place(session) == place else None

    def leave(self, place: int, session: int) -> int:
        """It waits from now on. The session whose place is not needed any more, 0 for none."""
        before, self._left[place] = self._left.get(place, 0), session
        return before

    def taken(self, session: int) -> None:
        """The place of that session is another one's, or gone."""
        self._left = {place: each for place, each in self._left.items() if each != session}

    def give_up(self, place: int) -> int:
        """Nobody comes back. The session whose place waited, 0 for none."""
        return self._left.pop(place, 0)
