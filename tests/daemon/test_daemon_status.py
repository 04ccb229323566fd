"""A status of a whole gateway, also where the packet engine has no word for it."""

from __future__ import annotations

import pytest

from lotor.control.messages import Status
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
