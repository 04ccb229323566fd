"""Why an engine carries nothing for an SA pair any more: the log, the story and the events tell the true cause."""

from __future__ import annotations

import asyncio

import pytest

from far import until
from lotor.daemon.endings import REASONS
from lotor.model.kinds import Kind
from lotor.model.reasons import ends
from lotor.ports.esp import Ending, Expired
from visiting import play


def test_every_ending_has_a_reason_and_no_two_have_the_same():
    assert REASONS.keys() == set(Ending)
    kinds = [REASONS[each].kind for each in Ending]
    assert kinds == [Kind.CHILD_EXPIRED, Kind.CHILD_TAKEN_AWAY, Kind.CHILD_LEFT_BEHIND]


async def ended(world, child):
    """What the pair's story says, once the client has another one."""
    async with asyncio.timeout(60):
        await until(lambda: world.gateway_plane.installed.keys() not in ({child}, set()))
        await until(lambda: child not in world.gateway_plane.installed)
    (attempt,) = world.gateway.attempts.all()
    return attempt.pairs[child]


@pytest.mark.parametrize("ending", list(Ending))
def test_each_ending_has_a_reason_of_its_own(directory, ending, caplog):
    caplog.set_level("INFO")

    async def story(world):
        await world.vc()
        (child,) = world.gateway_plane.installed
        world.gateway_plane.notify(Expired(child, hard=True, ending=ending))
        return child, await ended(world, child)

    child, told = play(directory, story)
    assert f"SA pair {child} down: {REASONS[ending]}" in caplog.text
    assert told.endswith(f"; down: {REASONS[ending]}")


def test_a_pair_that_the_engine_does_not_move_could_not_follow(directory, caplog):
    """Whichever engine it is."""
    caplog.set_level("INFO")

    async def story(world):
        await world.vc()
        (child,) = world.gateway_plane.installed

        async def refuse(child, path):
            raise OSError(1, "no raw socket")

        world.gateway_plane.move = refuse
        world.gateway.associations.move(child, world.gateway_plane.installed[child].path)
        return child, await ended(world, child)

    child, told = play(directory, story)
    assert f"SA pair {child} down: {ends.ChildLeftBehind()}" in caplog.text
    assert told.endswith(f"; down: {ends.ChildLeftBehind()}")
