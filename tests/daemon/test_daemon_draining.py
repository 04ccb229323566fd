"""`lotor drain` from the administrator's socket: who may, what is refused, and what of it is seen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from lotor.cli.main import lotor
from lotor.control.messages import Done, Drain, Failed, decode_request, encode
from lotor.control.service import Credential
from lotor.daemon.draining import ITSELF, DrainAdministration
from lotor.ike import events, intents
from lotor.ike.events import Names
from lotor.ike.v2.redirects import called
from lotor.model.redirection import Occasion, Redirection
from peers.auth import TERMS, client_policy, gateway_policy
from peers.world import GATEWAY
from visiting import ROOT, Typing, play


class Anybody(Typing):
    credential = Credential(1, 4711, 4711)


class Core:
    """Tells what an endpoint would."""

    def __init__(self, *blocks, asked: int = 2, stay: int = 1) -> None:
        self.commands: list[intents.SendElsewhere] = []
        active = SimpleNamespace(policy=SimpleNamespace(remotes=blocks))
        self.admin = DrainAdministration(self.command, lambda: active)
        self.told = (asked, stay)

    def command(self, intent: intents.SendElsewhere) -> None:
        self.commands.append(intent)
        gateways = Names(intent.gateways or ("gw9.example.net",))
        self.admin.follow(events.Drained(0) if intent.over else events.Draining(0, gateways, *self.told))


def test_it_says_how_many_go_and_how_many_cannot():
    core = Core(gateway_policy())
    found = core.admin.drain(Drain(("gw2.example.net",)))
    assert isinstance(found, Done)
    assert found.text.splitlines()[:2] == [
        "whoever comes is sent to gw2.example.net, until lotor drain --end",
        "2 connected clients are asked to go there",
    ]
    assert "1 cannot be asked" in found.text
    assert core.admin.remarks() == ["draining: clients are sent to gw2.example.net until lotor drain --end"]
    assert isinstance(core.admin.drain(Drain(over=True)), Done)
    assert core.admin.remarks() == []
    assert isinstance(core.admin.drain(Drain(over=True)), Failed)
    assert core.commands == [intents.SendElsewhere(("gw2.example.net",)), intents.SendElsewhere(over=True)]


def test_without_a_gateway_the_configuration_says_where_to():
    assert isinstance(Core(gateway_policy()).admin.drain(Drain()), Failed)
    for when, found in ((Occasion.DRAINING, Done), (Occasion.FULL, Failed)):
        redirect = Redirection(("gw9.example.net",), frozenset({when}))
        assert isinstance(Core(gateway_policy(redirect=redirect)).admin.drain(Drain()), found)


@pytest.mark.parametrize("blocks", [(), (client_policy(),), (GATEWAY,)])
def test_where_nobody_can_be_sent_it_is_refused(blocks):
    core = Core(*blocks)
    assert isinstance(core.admin.drain(Drain(("gw2",))), Failed)
    assert core.commands == []


@pytest.mark.parametrize(
    "gateways", [("a b",), ("gw2", ""), ("-f",), ("x" * 254,), tuple(f"gw{each}" for each in range(17))]
)
def test_no_such_gateway_reaches_the_core(gateways):
    core = Core(gateway_policy())
    assert isinstance(core.admin.drain(Drain(gateways)), Failed)
    assert core.commands == []


def test_a_gateway_is_not_drained_to_itself():
    """It would send nobody anywhere, and say that it does."""
    core = Core(gateway_policy())
    own = next(iter(called(gateway_policy())))
    for gateways in ((own,), (own.upper(), own)):
        assert core.admin.drain(Drain(gateways)) == Failed(ITSELF)
    assert core.commands == []
    assert isinstance(core.admin.drain(Drain((own, "gw2.example.net"))), Done)
    assert isinstance(Core(gateway_policy(), replace(GATEWAY, v2=TERMS)).admin.drain(Drain((own,))), Done)


@pytest.mark.parametrize("far", [False, True])
def test_nobody_else_drains_a_gateway(directory, far):
    async def story(world):
        await asyncio.sleep(0)
        admin = world.gateway_admin
        return (
            admin.drain(Drain(("192.0.2.9",)), Anybody()),
            admin.drain(Drain(over=True), Anybody()),
            admin.drain(Drain(("192.0.2.9",)), ROOT),
        )

    other, end, root = play(directory, story, far=far)
    assert [type(each) for each in (other, end)] == [Failed, Failed]
    assert isinstance(root, Failed)  # this gateway speaks IKEv1 alone
    assert "no client can be sent" in root.text


def test_it_travels():
    for request in (Drain(), Drain(("gw2.example.net", "192.0.2.9")), Drain(over=True)):
        assert decode_request(encode(request)) == request


def test_an_end_has_no_gateway():
    assert CliRunner().invoke(lotor, ["drain", "--end", "gw2"]).exit_code == 2
