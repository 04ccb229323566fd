"""The engine of a fleet in the process of back ends: kept over a reload that does not change it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleet_double import FakeFleet, member
from lotor.backends.engines import Engines
from lotor.backends.near import NearBackEnds
from lotor.fleet.faults import RefusedError
from lotor.ports.fleet import Claim
from lotor.privsep.sharing import REFUSED
from paired import gateway, settings

POOL = "mode_cfg { network4 10.99.99.1; pool_size 4; auth_source system; }"
FLEET = f'store "postgresql://lotor:sesame@127.0.0.1/vpn"; {gateway()} {POOL} '


class Engine(FakeFleet):
    """Notes when it is opened and closed; `refuses` is why it may not be opened."""

    def __init__(self, place) -> None:
        super().__init__(who=place.member)
        self.place, self.told = place, []
        self.may_open = asyncio.Event()
        self.may_open.set()
        self.refuses: OSError | None = None

    async def open(self):
        await self.may_open.wait()
        self.told.append("open")
        if self.refuses is not None:
            raise self.refuses

    async def close(self):
        self.told.append("close")

    async def beat(self):
        if self.refuses is not None:
            raise self.refuses
        await super().beat()


def play(story):
    made = []

    def make(place):
        made.append(Engine(place))
        return made[-1]

    async def run():
        back_ends = NearBackEnds(lambda _: Engines(), make)
        async with asyncio.timeout(60):
            try:
                return await story(back_ends, made)
            finally:
                await back_ends.stop()

    return asyncio.run(run())


def test_there_is_a_fleet_where_the_configuration_wants_one():
    async def story(back_ends, made):
        await back_ends.use(settings(gateway() + POOL))
        alone = back_ends.fleet
        await back_ends.use(settings(FLEET), member())
        fleet = back_ends.fleet
        await fleet.beat()
        await back_ends.use(settings(gateway() + POOL))
        with pytest.raises(OSError, match="has no fleet"):
            await fleet.beat()
        return alone, fleet, back_ends.fleet, made

    alone, fleet, after, made = play(story)
    assert (alone, after) == (None, None)
    assert fleet is not None
    assert [each.told for each in made] == [["open", "close"]]


def test_a_reload_that_does_not_change_it_keeps_it():
    async def story(back_ends, made):
        before = settings(FLEET)
        await back_ends.use(before, member())
        await back_ends.use(replace(before, history_days=3), member())
        fleet = back_ends.fleet
        await fleet.beat()
        other = replace(before, fleet=replace(before.fleet, host="127.0.0.2"))
        await back_ends.use(other, member())
        await fleet.beat()
        return made

    made = play(story)
    assert [each.place.settings.host for each in made] == ["127.0.0.1", "127.0.0.2"]
    assert [each.told for each in made] == [["open", "close"]] * 2


def test_nothing_is_asked_before_it_is_open():
    async def story(back_ends, made):
        await back_ends.use(settings(FLEET), member())
        made[0].may_open.clear()
        asked = asyncio.create_task(back_ends.fleet.claim(Claim(1, "alice", "")))
        for _ in range(20):
            await asyncio.sleep(0)
        before = list(made[0].asked)
        made[0].may_open.set()
        await asked
        return before, made[0].asked

    assert play(story) == ([], ["claim"])


def test_a_refusal_crosses_as_one():
    async def story(back_ends, made):
        await back_ends.use(settings(FLEET), member())
        made[0].refuses = RefusedError("give each gateway its own fleet_name")
        with pytest.raises(OSError, match="its own fleet_name") as found:
            await back_ends.fleet.beat()
        return found.value.errno

    assert play(story) == REFUSED
