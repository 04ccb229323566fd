"""The server of a fleet: one for all tests of a worker, an empty database for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from fleets import Fleet
from lotor.config.servers import FleetSettings
from postgres import Postgres, served

ENDS_WITHIN = 60.0


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with served() as started:
        yield started


@pytest.fixture
def database(server: Postgres) -> FleetSettings:
    return server.database()


@pytest.fixture
def run(database: FleetSettings):
    """Carries out what a test does with a fleet, within a bounded time."""

    def carried_out(play):
        async def whole():
            fleet = Fleet(database)
            try:
                async with asyncio.timeout(ENDS_WITHIN):
                    return await play(fleet)
            finally:
                await fleet.close()

        return asyncio.run(whole())

    return carried_out
