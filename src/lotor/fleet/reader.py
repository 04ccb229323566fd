"""The past of a fleet for a program that is no gateway of it: it reads, and the database never takes it for one."""

from __future__ import annotations

from lotor.config.servers import FleetSettings
from lotor.fleet.connecting import Way
from lotor.fleet.connections import Connections
from lotor.fleet.history import past_of
from lotor.names.whereabouts import LookUp, looked_up
from lotor.ports.fleet import Page, Wanted

NAME = "history"


class FleetReader:
    """`close` last. Raises `OSError` with a clear text."""

    def __init__(self, settings: FleetSettings, look_up: LookUp = looked_up) -> None:
        self._way = Way(settings, NAME, look_up)
        self._connections = Connections(self._way)

    async def past(self, wanted: Wanted) -> Page:
        """As `ports.fleet.Fleet` has it."""
        return await past_of(self._connections, wanted)

    def close(self) -> None:
        self._connections.close()
        self._way.close()
