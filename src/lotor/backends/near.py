"""RADIUS and LDAP in the process that does everything (`--single-process`)."""

from __future__ import annotations

from lotor.backends.present import PresentBackEnds
from lotor.config.back_ends import back_ends_of
from lotor.config.settings import Settings
from lotor.privsep.backing import Serving


class NearBackEnds(PresentBackEnds):
    """Implements `warden.back_ends.LedBackEnds`."""

    async def use(self, settings: Settings) -> None:
        self.replace(back_ends_of(settings))

    async def stop(self) -> None:
        await self.close()

    def serving(self) -> Serving | None:
        """There is no process of theirs."""
        return None
