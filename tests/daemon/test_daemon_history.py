"""A session as the history has it, from a real login to its end, in one process and in two."""

from __future__ import annotations

import asyncio

import pytest

from lotor.store.sessions import Wanted, find
from visiting import play


async def known(world, fits):
    """The sessions that the gateway knows, once they fit: an account crosses the line behind the tunnel."""
    warden = world.wardens["gateway"]
    async with asyncio.timeout(60):
        while True:
            await world.settle()
            found = await warden.store.run(lambda connection: list(find(connection, Wanted())))
            if fits(found):
                return found
            await asyncio.sleep(0.01)


def has_ended(found):
    return bool(found) and found[0].ended is not None


@pytest.mark.parametrize("far", [False, True])
def test_a_session_is_known_while_it_lasts_and_behind_its_end(directory, far):
    async def story(world):
        connected = await world.vc()
        up = await known(world, bool)
        await world.vd()
        return connected, up, await known(world, has_ended)

    connected, (up,), (over,) = play(directory, story, far=far, lasting=True)
    assert (up.user, up.source, up.inside, up.ended, up.why) == ("alice", "127.0.0.1", connected.address, None, "")
    assert up.client
    assert over.id == up.id
    assert over.ended is not None
    assert over.why == "peer-deleted"


def test_a_session_of_a_daemon_that_died_has_an_end(directory):
    async def story(world):
        await world.vc()
        await known(world, bool)
        await world.reaches["gateway"].attendance.let_go()
        return await known(world, has_ended)

    (over,) = play(directory, story, far=True, lasting=True)
    assert (over.ended is not None, over.why) == (True, "daemon-died")
