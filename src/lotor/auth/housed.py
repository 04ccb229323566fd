"""Users who have an address of this gateway now: their next login may be the renewal of a session that is up."""

from __future__ import annotations

from collections import Counter


class Housed:
    """As many entries as there are leases; threads may ask."""

    def __init__(self) -> None:
        self._users: dict[int, str] = {}
        self._sessions: Counter[str] = Counter()

    def enter(self, session: int, user: str) -> None:
        self.leave(session)
        self._users[session] = user
        self._sessions[user] += 1

    def leave(self, session: int) -> None:
        user = self._users.pop(session, None)
        if user is None:
            return
        self._sessions[user] -= 1
        if not self._sessions[user]:
            del self._sessions[user]

    def has(self, user: str) -> bool:
        return user in self._sessions
