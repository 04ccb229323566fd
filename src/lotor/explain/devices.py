"""What the program at the other end of each session is, by its first message: a guess, never an authorisation."""

from __future__ import annotations

from collections.abc import Callable

from lotor.explain import fingerprint
from lotor.explain.fingerprint import Trace
from lotor.ike.events import Chosen, Ended, Event, Offered, Renewed
from lotor.model.policy import Side

UNKNOWN = "unknown"


class Devices:
    """A subscriber. `side` says what this end of a session is, None of one that it does not know. A session is
    remembered until it ends."""

    def __init__(self, side: Callable[[int], Side | None]) -> None:
        self._side = side
        self._known: dict[int, str] = {}

    def follow(self, event: Event) -> None:
        number = event.session
        match event:
            case Offered(vendors=vendors, offers=offers, nonce=nonce) if self._side(number) is Side.GATEWAY:
                self._known[number] = fingerprint.initiator(Trace(tuple(vendors), tuple(offers), nonce))
            case Chosen(vendors=vendors) if self._side(number) is Side.CLIENT:
                self._known[number] = fingerprint.responder(tuple(vendors))
            case Renewed(attempt=attempt):
                self._known.pop(attempt, None)
            case Ended():
                self._known.pop(number, None)

    def of(self, session: int) -> str:
        """Empty where nothing is known."""
        known = self._known.get(session, UNKNOWN)
        return "" if known == UNKNOWN else known
