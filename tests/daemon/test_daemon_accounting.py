"""A whole gateway keeps account of who was there: lines of its journal, one stop for every start."""

from __future__ import annotations

import logging
import re
from ipaddress import IPv4Address

import pytest

from far import until
from lotor.auth.pam import PamSessions
from lotor.config.settings import Accounting
from lotor.control.messages import Logout
from lotor.model.child import Counters
from lotor.model.kinds import Kind
from lotor.warden import warden
from visiting import ROOT, Typing, play
from warden.test_warden_delivery import Far

ACCOUNT = r'id=[0-9a-f]{12}-(\d+) user="(\w+)" source=127\.0\.0\.1:\d+ inside=10\.99\.99\.(\d+) began=\d{4}-[-T:0-9]+Z'
START = re.compile(rf"accounting start {ACCOUNT}\Z")
STOP = re.compile(
    rf"accounting stop {ACCOUNT} seconds=0 octets_in=(\d+) octets_out=(\d+) packets_in=(\d+) packets_out=(\d+) "
    r"reason=([a-z0-9-]+)\Z"
)


@pytest.fixture
def journal(caplog):
    caplog.set_level(logging.INFO, "lotor")
    return lambda: [text for record in caplog.records if (text := record.getMessage()).startswith("accounting ")]


def carried(world):
    """Every SA pair of the gateway carries something."""
    figures = Counters(octets_in=300, octets_out=4000, packets_in=3, packets_out=40)
    world.gateway_plane.figures = dict.fromkeys(world.gateway_plane.installed, figures)


def test_a_login_and_a_logout_are_a_start_and_a_stop(directory, journal):
    async def story(world):
        await world.vc("alice")
        carried(world)
        await world.gateway_admin.logout(Logout("alice", 0), ROOT)
        await world.settle()

    play(directory, story)
    start, stop = journal()
    assert START.match(start).groups() == ("1", "alice", "1")
    assert STOP.match(stop).groups() == ("1", "alice", "1", "300", "4000", "3", "40", "logged-out")
    assert START.match(start).group(0).split()[2:] == stop.split()[2:7]


def test_who_is_still_there_when_the_gateway_ends_is_stopped_too(directory, journal):
    async def story(world):
        await world.vc("alice")
        carried(world)
        world.air.deaf = True
        await world.gateway.stop()

    play(directory, story)
    assert [line.split()[1] for line in journal()] == ["start", "stop"]
    assert STOP.match(journal()[1]).group(4, 8) == ("300", "shut-down")


def test_a_refused_login_and_the_client_itself_have_no_account(directory, journal):
    async def story(world):
        await world.vc("alice", Typing("wrong"))
        assert journal() == []

    play(directory, story)
    assert journal() == []


def test_who_is_logged_in_is_in_the_ledger_and_nobody_else(directory, journal):
    async def story(world):
        await world.vc("alice")
        (present,) = await world.gateway.sessions.of("alice")
        assert await world.client.sessions.all() == ()
        await world.vd()
        await world.settle()
        return present, await world.gateway.sessions.all()

    present, later = play(directory, story)
    assert f"id={present.session} " in journal()[0]
    assert str(present.source) in journal()[0]
    assert later == ()


@pytest.mark.parametrize("far", [False, True])
def test_whoever_keeps_accounts_hears_of_the_gateway_and_of_each_session(directory, journal, monkeypatch, far):
    keeper = Far()
    monkeypatch.setattr(warden, "keepers", lambda *_: {Accounting.SYSTEM: keeper})

    async def story(world):
        await world.vc("alice")
        carried(world)
        await world.gateway.accountant._meanwhile([1])
        await world.gateway_admin.logout(Logout("alice", 0), ROOT)
        await world.settle()
        await world.vc("alice")
        world.air.deaf = True

    play(directory, story, far=far, ipv6="accounting system; accounting_interval 1 hour;")
    words, ids = zip(*keeper.took, strict=True)
    assert words == ("ON", "START", "INTERIM", "STOP", "START", "STOP", "OFF")
    told = [line.split()[2].removeprefix("id=") for line in journal()]
    assert [each for each in ids if each] == [told[0], told[0], told[1], told[2], told[3]]
    assert [line.split()[1] for line in journal()] == ["start", "stop", "start", "stop"]
    stop = keeper.asked[3]
    assert (stop.account.user, stop.usage.octets_out, stop.why) == ("alice", 4000, Kind.LOGGED_OUT)
    assert stop.account.called == IPv4Address("127.0.0.1")
    assert keeper.asked[5].why is Kind.SHUT_DOWN


def test_where_nobody_else_keeps_accounts_the_journal_hears_of_what_a_session_carries(directory, journal):
    """The sessions of the past are kept all the same."""

    async def story(world):
        await world.vc("alice")
        carried(world)
        await world.gateway.accountant._meanwhile([1])
        await world.gateway_admin.logout(Logout("alice", 0), ROOT)
        await world.settle()

    play(directory, story)
    assert [line.split()[1] for line in journal()] == ["start", "interim", "stop"]


@pytest.mark.parametrize("far", [False, True])
def test_accounting_pam_opens_and_closes_a_session_of_the_service_that_is_named(directory, journal, monkeypatch, far):
    asked = []

    async def opened(sessions, user, host):
        asked.append(("open", sessions._service, user, host))
        return (b"TICKET=42",)

    async def closed(sessions, user, host, variables):
        asked.append(("close", sessions._service, user, host, *variables))

    monkeypatch.setattr(PamSessions, "open", opened)
    monkeypatch.setattr(PamSessions, "close", closed)

    async def story(world):
        await world.vc("alice")
        await until(lambda: asked)
        await world.gateway_admin.logout(Logout("alice", 0), ROOT)
        await world.settle()

    play(directory, story, far=far, ipv6='accounting pam; pam_service "vpn";')
    assert asked == [("open", "vpn", "alice", "127.0.0.1"), ("close", "vpn", "alice", "127.0.0.1", b"TICKET=42")]
