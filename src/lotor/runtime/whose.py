"""Whose a session is, for its lines: the user, the peer's outer address, and who began it."""

from __future__ import annotations

from lotor.ike.events import Configured, Ended, Event, LoggedIn, PathChanged, PhaseOneUp, Renewed, Started, Up
from lotor.model.entry import Value
from lotor.model.network import Peer
from lotor.model.policy import Side
from lotor.model.text import clean


class Whose:
    """Every event is to be given to `learn`, and to `forget` when its line is written."""

    def __init__(self) -> None:
        self._users: dict[int, str] = {}
        self._peers: dict[int, Peer] = {}
        self._own: set[int] = set()

    def learn(self, event: Event) -> None:
        match event:
            case LoggedIn(user=user) | Configured(user=user) | Up(user=user):
                self._users[event.session] = clean(user)
            case Started(side=Side.CLIENT):
                self._own.add(event.session)
        match event:
            case Started(path=path) | PhaseOneUp(path=path) | Renewed(path=path) | PathChanged(new=path):
                self._peers[event.session] = path.remote

    def forget(self, event: Event) -> None:
        match event:
            case Ended(session=over) | Renewed(attempt=over):
                self._users.pop(over, None)
                self._peers.pop(over, None)
                self._own.discard(over)

    def proved(self, session: int) -> bool:
        """Whether it is this end's own, or of somebody who logged in."""
        return session in self._own or session in self._users

    def user(self, session: int) -> str | None:
        return self._users.get(session)

    def peer(self, session: int) -> Peer | None:
        return self._peers.get(session)

    def fields(self, session: int) -> dict[str, Value]:
        """What is known, by the names that fields of events have."""
        known: dict[str, Value] = {}
        if (user := self.user(session)) is not None:
            known["user"] = user
        if (peer := self.peer(session)) is not None:
            known |= {"source": str(peer.address), "port": peer.port}
        return known

    def prefix(self, session: int) -> str:
        """What a line of that session begins with."""
        if not session:
            return ""
        user = self.user(session)
        return f"session {session} ({user}): " if user else f"session {session}: "
