"""Keeps the ledger of logins at this gateway: a session enters when its login is proved, and leaves when it ends."""

from __future__ import annotations

from enum import Enum, auto
from functools import partial

from lotor.ike.events import Ended, Event, LoggedIn, PathChanged, Renewed, Up
from lotor.model.policy import Side
from lotor.ports.sessions import Presence, Sessions
from lotor.runtime.lanes import Lanes
from lotor.runtime.sessions import Register

LEDGER_SECONDS = 10.0
"""A ledger that does not answer for so long counts as not told; the next step of the session is tried nevertheless."""


class Step(Enum):
    """What waits for one session: the last entry is what counts."""

    ENTER = auto()
    LEAVE = auto()


class Ledger:
    """Subscribes to the driver; holds nobody up. `settled` at the end."""

    def __init__(self, sessions: Sessions, register: Register) -> None:
        self._sessions = sessions
        self._register = register
        self._entered: dict[int, Presence] = {}
        self._lanes = Lanes(LEDGER_SECONDS, at_once=True)

    def follow(self, event: Event) -> None:
        match event:
            case LoggedIn(session=session, user=user) | Up(session=session, user=user):
                self._enter(session, user)
            case PathChanged(session=session, new=path) | Renewed(session=session, path=path):
                if (before := self._entered.get(session)) is not None:
                    self._put(session, Presence(before.session, before.user, path.remote, before.since))
            case Ended(session=session):
                if (before := self._entered.pop(session, None)) is not None:
                    self._lanes.follow(session, Step.LEAVE, partial(self._sessions.leave, before.session))

    async def settled(self) -> None:
        """Until the ledger has heard all, or its time is over."""
        await self._lanes.settled()

    def _enter(self, number: int, user: str) -> None:
        session = self._register.get(number)
        if session is not None and session.side is Side.GATEWAY:
            self._put(number, Presence(session.key, user, session.path.remote, session.since))

    def _put(self, number: int, presence: Presence) -> None:
        if self._entered.get(number) == presence:
            return
        self._entered[number] = presence
        self._lanes.follow(number, Step.ENTER, partial(self._sessions.enter, presence))
