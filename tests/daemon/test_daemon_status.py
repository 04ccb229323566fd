"""A status of a whole gateway, also where the packet engine has no word for it."""

from __future__ import annotations

import asyncio

import pytest

from lotor.control.messages import Status
from lotor.model.child import Counters
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


def test_a_session_has_its_device_and_its_rate_at_both_ends(directory):
    async def story(world):
        await world.vc()
        (child,) = world.gateway_plane.installed
        world.gateway.rates.stop()
        for octets, packets in ((0, 0), (5000, 10)):
            world.gateway_plane.figures[child] = Counters(octets_in=octets, packets_in=packets, lost=packets)
            await world.gateway.rates.look()
            await asyncio.sleep(0.01)
        return [await admin.status(Status(), ROOT) for admin in (world.gateway_admin, world.admin)]

    gateway, client = play(directory, story)
    (there,), (here,) = gateway["sessions"], client["sessions"]
    assert (there["device"], here["device"]) == ("lotor", "lotor or racoon, probably")
    assert there["rate_in"] > 0
    assert gateway["rate_in"] == there["rate_in"]
    assert (there["rate_out"], there["loss"], there["traffic"]["lost"]) == (0.0, 0.5, 10)
    assert there["latency"] is not None
    assert (here["rate_in"], here["loss"], client["total"]) == (None, None, 1)


def test_figures_that_come_again_and_again_are_no_events(directory):
    async def story(world):
        heard = []
        end = world.gateway_admin.subscribe(heard.append, ROOT)
        await world.vc()
        end()
        (session,) = world.gateway.register.all()
        return session.latency, {each.event for each in heard}

    latency, names = play(directory, story)
    assert latency is not None
    assert "Up" in names
    assert "RoundTrip" not in names


def test_only_the_sessions_that_are_asked_for_are_told(directory):
    async def story(world):
        await world.vc()
        asked = [Status(subject="alice"), Status(subject="bob"), Status(sort="rate", skip=1)]
        return [await world.gateway_admin.status(each, ROOT) for each in asked]

    found = play(directory, story)
    assert [len(each["sessions"]) for each in found] == [1, 0, 0]
    assert [each["total"] for each in found] == [1, 0, 1]
