"""`lotor ban` from the administrator's socket to the login that is refused, in one process and in two."""

from __future__ import annotations

import asyncio

import pytest

from lotor.control.messages import AddBan, Banned, Done, Failed, Lift, Status
from lotor.control.service import Credential
from lotor.daemon.banning import BanAdministration
from lotor.ports.gateways import FleetLook
from lotor.ports.records import StoreState
from visiting import ROOT, Typing, play


@pytest.fixture(autouse=True)
def _slow(monkeypatch):
    """The core hears of no ban meanwhile: who is banned hears so at the login."""

    async def nothing(_):
        pass

    monkeypatch.setattr("lotor.daemon.shunning.Shunning.look", nothing)


class Anybody(Typing):
    credential = Credential(1, 4711, 4711)


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("subject", ["alice", "127.0.0.1", "127.0.0.0/8"])
def test_who_is_banned_hears_so_and_may_log_in_once_it_is_lifted(directory, far, subject):
    async def story(world):
        admin = world.gateway_admin
        made = await admin.ban(AddBan(subject, 60), ROOT)
        refused = await world.vc()
        every = await admin.bans(ROOT)
        lifted = await admin.lift(Lift(subject), ROOT)
        again = await admin.lift(Lift(subject), ROOT)
        return made, refused, every, lifted, again, await world.vc()

    made, refused, every, lifted, again, accepted = play(directory, story, far=far)
    assert isinstance(made, Banned)
    assert made.bans["bans"][0]["subject"] == subject
    assert isinstance(refused, Failed)
    assert "ask the administrator" in refused.text
    assert [each["subject"] for each in every.bans["bans"]] == [subject]
    assert isinstance(lifted, Done)
    assert isinstance(again, Failed)
    assert accepted.session


@pytest.mark.parametrize("far", [False, True])
def test_what_cannot_be_banned_is_refused_with_its_reason(directory, far):
    async def story(world):
        wishes = [AddBan("", 60), AddBan("x" * 300, 60), AddBan("x" * 5000, 60), AddBan("alice", 0)]
        return [await world.gateway_admin.ban(each, ROOT) for each in wishes]

    assert [type(each) for each in play(directory, story, far=far)] == [Failed] * 4


def test_a_list_of_bans_crosses_in_parts(directory):
    async def story(world):
        for number in range(99):
            await world.gateway_admin.ban(AddBan(f"{number:03}" + "é" * 253, 60), ROOT)
        return await world.gateway_admin.bans(ROOT)

    assert len(play(directory, story, far=True).bans["bans"]) == 99


def test_bans_are_the_administrators_alone(directory):
    async def story(world):
        admin = world.gateway_admin
        return [
            await admin.ban(AddBan("alice", 60), Anybody()),
            await admin.lift(Lift("alice"), Anybody()),
            await admin.bans(Anybody()),
        ]

    assert [type(each) for each in play(directory, story)] == [Failed] * 3


def test_a_ban_is_told_by_the_status_and_the_figures(directory):
    async def story(world):
        admin = world.gateway_admin
        await admin.ban(AddBan("alice", 60), ROOT)
        return await admin.status(Status(), ROOT), await admin.metrics(ROOT)

    status, measured = play(directory, story)
    assert "1 ban in force: lotor ban list" in status["remarks"]
    families = measured.figures["families"]
    assert [families[name][0]["value"] for name in ("lotor_bans", "lotor_store_fault")] == [1, 0]


class Nothing:
    async def bans(self):
        return ()

    async def store(self):
        return StoreState()


@pytest.mark.parametrize(
    ("look", "told"),
    [
        (None, []),
        (FleetLook("gw1"), []),
        (FleetLook("gw1", "no answer (for 35 s)"), ["the fleet's database cannot be asked: no answer (for 35 s)"]),
        (FleetLook("gw1", "gone", 2), ["the fleet's database cannot be asked: gone, 2 rows to be told later"]),
        (OSError(110, "late"), ["the fleet is not told: late"]),
    ],
)
def test_the_status_says_where_the_fleet_cannot_be_asked(look, told):
    async def looked():
        if isinstance(look, OSError):
            raise look
        return look

    assert asyncio.run(BanAdministration(Nothing(), looked).remarks()) == told
