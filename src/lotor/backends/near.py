"""RADIUS, LDAP and the database of a fleet in the process that does everything (`--single-process`)."""

from __future__ import annotations

from typing import TypeVar

from lotor.backends.engines import Make, MakeFleet, engines_of, fleet_of
from lotor.backends.present import PresentBackEnds
from lotor.backends.sharing import FleetAnswers
from lotor.config.back_ends import back_ends_of
from lotor.config.settings import Radius, Settings
from lotor.model.member import Member
from lotor.ports.fleet import Fleet
from lotor.privsep.backing import Serving
from lotor.privsep.far_fleet import FarFleet
from lotor.privsep.verb import Verb

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class NearBackEnds(PresentBackEnds):
    """Implements `warden.back_ends.LedBackEnds`."""

    def __init__(self, make: Make = engines_of, make_fleet: MakeFleet = fleet_of) -> None:
        super().__init__(make, make_fleet)
        self._answers = FleetAnswers(self.present_fleet).rows()
        self._fleet = FarFleet(self._ask)

    async def use(self, settings: Settings, member: Member | None = None, owed: Radius | None = None) -> None:
        self.replace(back_ends_of(settings, member, owed))

    async def stop(self) -> None:
        await self.close()

    def serving(self) -> Serving | None:
        """There is no process of theirs."""
        return None

    @property
    def fleet(self) -> Fleet | None:
        return self._fleet if self.has_fleet else None

    async def _ask(self, verb: Verb[Request, Answer], request: Request) -> Answer:
        answer: Answer = (await self._answers[verb.number](request)).value
        return answer
