"""A connection is found by whom it was made for, wherever the gateway is by now."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

from lotor.client.connections import Connections
from lotor.client.targets import Target
from lotor.ike.events import PathChanged
from lotor.model.policy import Side
from lotor.runtime.sessions import Register
from peers.world import CLIENT
from scripted import FLOATED, established, started


class Driver:
    """Notes what is commanded."""

    def __init__(self) -> None:
        self.commands: list[object] = []

    def command(self, intent: object) -> None:
        self.commands.append(intent)


class Follower:
    async def finished(self, session: int) -> None:
        pass


def test_f1_a_gateway_that_moved_is_still_the_one_that_was_dialled():
    register, driver = Register(lambda: 1.0), Driver()
    begun = started().event
    begun = begun.but(side=Side.CLIENT, remote=CLIENT.name)
    for event in (begun, *(effect.event for effect in established())):
        register.follow(event)
    dialled = begun.path.remote.address
    elsewhere = replace(FLOATED, remote=replace(FLOATED.remote, address=dialled + 7))
    register.follow(PathChanged(1, FLOATED, elsewhere, (1,)))
    connections = Connections(SimpleNamespace(register=register, driver=driver, follower=Follower()), None)
    assert connections.existing(Target(CLIENT, dialled, None)) is register.get(1)
    assert connections.existing(Target(CLIENT, elsewhere.remote.address, None)) is None
    for address in (dialled, elsewhere.remote.address):
        assert asyncio.run(connections.disconnect(str(address))) == 1
    assert [intent.session for intent in driver.commands] == [1, 1]
