"""Who is logged in, in the memory of this process."""

from __future__ import annotations

from lotor.ports.sessions import Presence


class MemorySessions:
    """Implements `ports.sessions.Sessions`; as many entries as there are sessions."""

    def __init__(self) -> None:
        self._present: dict[str, Presence] = {}
        self._of: dict[str, dict[str, Presence]] = {}

    async def enter(self, presence: Presence) -> None:
        before = self._present.get(presence.session)
        if before is not None and before.user != presence.user:
            self._remove(before)
        self._present[presence.session] = presence
        self._of.setdefault(presence.user, {})[presence.session] = presence

    async def leave(self, session: str) -> None:
        before = self._present.get(session)
        if before is not None:
            self._remove(before)

    async def of(self, user: str) -> tuple[Presence, ...]:
        return tuple(self._of.get(user, {}).values())

    async def all(self) -> tuple[Presence, ...]:
        return tuple(self._present.values())

    def _remove(self, presence: Presence) -> None:
        del self._present[presence.session]
        own = self._of[presence.user]
        del own[presence.session]
        if not own:
            del self._of[presence.user]
