"""Nothing that waits for a disk, a program or a name server is done in the thread of an event loop."""

from __future__ import annotations

import pytest

from auditing import watched
from lotor.control.messages import AddBan, Connected, Lift, Status
from visiting import ROOT, Typing, play


@pytest.mark.parametrize("far", [False, True])
def test_a_gateway_and_a_client_wait_for_nothing_in_their_loop(directory, far):
    """Login, lease, history, bans, figures, status, a wrong login and the end."""

    async def whole(world):
        admin = world.gateway_admin
        connected = await world.vc()
        await world.settle()
        await admin.ban(AddBan("mallory", 60), ROOT)
        await admin.lift(Lift("mallory"), ROOT)
        await admin.status(Status(), ROOT)
        await admin.metrics(ROOT)
        await world.vd()
        await world.settle()
        await world.vc(typing=Typing("wrong"))
        await world.wardens["gateway"].store.run(lambda connection: connection.execute("SELECT 1").fetchone())
        return connected

    async def story(world):
        await whole(world)  # what is loaded once is loaded
        with watched() as watching:
            connected = await whole(world)
        return connected, watching

    connected, watching = play(directory, story, far=far, lasting=True)
    assert isinstance(connected, Connected)
    assert watching.done == []
    assert "open" in watching.elsewhere
