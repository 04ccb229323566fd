"""A status of a whole gateway, also where the packet engine has no word for it."""

from __future__ import annotations

import pytest

from lotor.control.messages import Status
from lotor.privsep.living import ABOUT
from visiting import ROOT, play

UNTOLD = "traffic is not shown for SA pairs that are up, the packet engine does not tell it: "


@pytest.mark.parametrize(
    ("fault", "why"),
    [(TimeoutError(), "it does not answer"), (OSError(32, "Broken pipe"), "Broken pipe")],
)
def test_an_engine_that_is_silent_or_broken_hides_no_session(directory, monkeypatch, fault, why):
    async def story(world):
        await world.vc()

        async def counters(_):
            raise fault

        whole = await world.gateway_admin.status(Status(), ROOT)
        monkeypatch.setattr(world.gateway_plane, "counters", counters)
        return whole, await world.gateway_admin.status(Status(), ROOT)

    whole, without = play(directory, story)
    assert whole["remarks"] == []
    assert without["remarks"] == [UNTOLD + why]
    (session,) = without["sessions"]
    assert (session["user"], session["state"], len(session["children"])) == ("alice", "up", 1)


def test_a_daemon_that_was_started_again_says_so_and_the_program_runs_on(directory):
    async def story(world):
        fresh = await world.gateway_admin.status(Status(), ROOT)
        world.gateway_admin.remember(3600.0, 2)
        return fresh, await world.gateway_admin.status(Status(), ROOT)

    fresh, again = play(directory, story)
    assert fresh["remarks"] == []
    assert again["seconds"] >= 3600.0
    (remark,) = again["remarks"]
    assert remark.startswith("the daemon ended unexpectedly and was started again 2 times, the last time at 20")


def test_each_daemon_hears_how_many_there_were_before_it(directory):
    async def story(world):
        attendance = world.reaches["client"].attendance
        told = [(await attendance.begin()[ABOUT.number](None)).value for _ in range(2)]
        return [each.restarts for each in told], told[0].seconds <= told[1].seconds

    assert play(directory, story, far=True) == ([1, 2], True)
