"""Accounts of sessions: one stop for every start, whatever the engine, the ESP engine and the order of events do."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Interface

import pytest

from lotor.ike.effects import Tell
from lotor.ike.events import ChildDown, ChildUp, Configured, Ended, LoggedIn, Renewed, Started, Up
from lotor.model.child import Counters
from lotor.model.grants import LONGEST_CLASS, MOST_CLASSES, MOST_GROUPS, Grants
from lotor.model.policy import Side
from lotor.model.reasons.ends import PeerDeleted, ShutDown
from lotor.ports.accounting import LONGEST_MACHINE, Account, Usage
from lotor.privsep.accounting import LONGEST_ACCOUNT
from lotor.privsep.codec import encode
from lotor.runtime import accountant
from lotor.runtime.accountant import Accountant, Figures
from lotor.runtime.associations import Associations
from lotor.runtime.follower import Engines, Follower
from lotor.runtime.sessions import Register
from scripted import (
    CONFIGURATION,
    ESP,
    FLOATED,
    PATH,
    SUITE,
    RecordingAccounting,
    RecordingEngine,
    RecordingHooks,
    RecordingHost,
    child,
    ended,
    established,
    started,
)

GONE = PeerDeleted("client")
DOWN = ShutDown()


class Stage:
    """Register, follower and accountant as the program has them; `first`: the accountant hears of events first."""

    def __init__(self, *, first=False):
        self.engine, self.kept = RecordingEngine(), RecordingAccounting()
        self.register, self.associations = Register(wall=lambda: 1000.0), Associations(self.engine)
        self.diary = []
        engines = Engines(
            self.associations,
            self.engine,
            RecordingHost(self.diary),
            RecordingHooks(self.diary),
            lambda _: None,
        )
        self.follower = Follower(engines, self.register, lambda _: None, lambda _: None)
        figures = Figures(self.associations.counters, self.follower.emptied)
        self.interval = None
        self.accountant = Accountant(self.kept, self.register, figures, lambda _: self.interval, lambda: 1764415800.0)
        hear = [self.register.follow, self.follower.follow, self.accountant.follow]
        self.subscribers = [hear[2], *hear[:2]] if first else hear

    def tell(self, *effects):
        for effect in effects:
            for subscriber in self.subscribers:
                subscriber(effect.event)

    def up(self, session=1, user="alice", grants=None):
        self.engine.installed[session] = child(session, session)
        self.tell(started(session, side=Side.GATEWAY), *established(session, user))
        if grants is not None:
            self.tell(Tell(LoggedIn(session, user, grants)))

    def down(self, session=1, reason=GONE):
        self.tell(Tell(ChildDown(session, session, reason)), ended(session, reason))

    def words(self):
        return [(word, account.id.partition("-")[2]) for word, account, *_ in self.kept.told]


@pytest.fixture(params=["accountant last", "accountant first"])
def stage(request):
    return Stage(first=request.param == "accountant first")


async def steps(number=30):
    for _ in range(number):
        await asyncio.sleep(0)


def play(story):
    asyncio.run(story())


def test_a_session_has_one_start_and_one_stop_with_all_its_facts(stage):
    async def story():
        stage.up()
        await steps()
        stage.engine.figures[1] = Counters(octets_in=10, octets_out=20, packets_in=1, packets_out=2)
        stage.down()
        await stage.accountant.close(DOWN)

    play(story)
    (start, account), (stop, same, usage, reason) = stage.kept.told
    assert (start, stop, same) == ("start", "stop", account)
    assert account.id == f"{stage.register._start}-1"
    assert (account.user, account.source, account.began) == ("alice", FLOATED.remote, 1764415800.0)
    assert account.inside == (IPv4Address("10.99.99.3"),)
    assert usage == Usage(0, 10, 20, 1, 2)
    assert reason is GONE.kind


def test_the_stop_waits_for_the_last_figures_of_a_slow_engine(stage):
    async def story():
        stage.up()
        stage.engine.slow = asyncio.Event()
        stage.engine.figures[1] = Counters(octets_in=10)
        stage.down()
        await steps()
        assert stage.words() == [("start", "1")]
        stage.engine.slow.set()
        await stage.accountant.close(DOWN)

    play(story)
    assert stage.kept.told[-1][2].octets_in == 10


def test_pairs_that_were_replaced_and_removed_before_count(stage):
    async def story():
        stage.up()
        stage.engine.figures[1] = Counters(octets_out=5)
        stage.tell(Tell(ChildDown(1, 1, GONE)))
        await steps()
        stage.engine.installed[7] = child(7)
        stage.tell(Tell(ChildUp(1, child(7), ESP, True, None)))
        stage.engine.figures[7] = Counters(octets_out=6)
        stage.tell(Tell(ChildDown(1, 7, GONE)), ended(1, GONE))
        await stage.accountant.close(DOWN)

    play(story)
    assert stage.kept.told[-1][2].octets_out == 11


def test_who_never_came_up_and_who_dials_out_has_no_account(stage):
    async def story():
        stage.tell(started(1, side=Side.GATEWAY), Tell(LoggedIn(1, "alice")), ended(1))
        stage.tell(started(2, side=Side.CLIENT), *established(2), ended(2))
        await stage.accountant.close(DOWN)

    play(story)
    assert stage.kept.told == []


def test_a_renewal_of_phase_one_begins_no_other_account(stage):
    async def story():
        stage.up()
        stage.tell(started(2, side=Side.GATEWAY), Tell(Renewed(1, 2, FLOATED, SUITE, "03:04")))
        stage.tell(Tell(LoggedIn(1, "alice")), Tell(Up(1, FLOATED, "alice")))
        stage.down()
        await stage.accountant.close(DOWN)

    play(story)
    assert stage.words() == [("start", "1"), ("stop", "1")]


def test_the_device_of_the_person_goes_to_accounting(stage):
    async def story():
        login = LoggedIn(1, "alice", machine="CN=laptop" + "x" * 1000)
        stage.tell(started(side=Side.GATEWAY), Tell(login), Tell(Up(1, FLOATED, "alice")))
        await stage.accountant.close(DOWN)

    play(story)
    account = stage.kept.told[0][1]
    assert (account.user, account.machine[:9]) == ("alice", "CN=laptop")
    assert len(account.machine) <= LONGEST_MACHINE + 1, "cut, and a sign that it was"


def test_groups_and_class_of_the_login_go_to_accounting(stage):
    grants = Grants(groups=frozenset({"staff"}), accounting_classes=(b"gold",))

    async def story():
        stage.tell(started(side=Side.GATEWAY), Tell(LoggedIn(1, "alice", grants)), Tell(Up(1, FLOATED, "alice")))
        await stage.accountant.close(DOWN)

    play(story)
    account = stage.kept.told[0][1]
    assert (account.groups, account.accounting_classes) == (frozenset({"staff"}), (b"gold",))


def test_who_is_in_very_many_groups_has_an_account_that_is_no_longer_than_any(stage):
    """128 groups of 64 characters are more than a verb takes: the session had no account at all."""
    names = frozenset(f"{each:0>64}" for each in range(MOST_GROUPS))
    grants = Grants(groups=names, accounting_classes=(bytes(LONGEST_CLASS),) * MOST_CLASSES)

    async def story():
        stage.tell(started(side=Side.GATEWAY), Tell(LoggedIn(1, "u" * 1024, grants, "m" * 1024)))
        stage.tell(Tell(Up(1, FLOATED, "u" * 1024)))
        await stage.accountant.close(DOWN)

    play(story)
    account = stage.kept.told[0][1]
    assert account.groups == set(sorted(names)[:30])
    assert len(encode(Account, account)) <= LONGEST_ACCOUNT


@pytest.mark.parametrize(
    ("configuration", "networks", "inside"),
    [
        (replace(CONFIGURATION, address6=IPv6Interface("fd00:99::3/64")), (), ["10.99.99.3", "fd00:99::3"]),
        (None, (IPv4Network("10.7.0.9/32"), IPv4Network("10.8.0.0/16")), ["10.7.0.9", "10.8.0.0/16"]),
        (None, (), []),
    ],
)
def test_the_inside_is_what_was_given_or_what_the_client_brought(configuration, networks, inside):
    stage = Stage()
    pair = replace(child(), remote_networks=networks)

    async def story():
        stage.tell(started(side=Side.GATEWAY))
        if configuration is not None:
            stage.tell(Tell(Configured(1, "alice", "", configuration)))
        stage.tell(Tell(ChildUp(1, pair, ESP, False, None)), Tell(Up(1, FLOATED, "alice")))
        await stage.accountant.close(DOWN)

    play(story)
    assert list(map(str, stage.kept.told[0][1].inside)) == inside


def test_at_the_end_of_the_program_every_account_is_stopped_once(stage):
    async def story():
        for session in range(1, 51):
            stage.up(session)
        for session in range(1, 26):
            stage.down(session)
        await stage.accountant.close(DOWN)
        await stage.accountant.close(DOWN)

    play(story)
    assert sorted(word for word, _ in stage.words()) == ["start"] * 50 + ["stop"] * 50
    assert len({account.id for word, account, *_ in stage.kept.told if word == "stop"}) == 50
    reasons = [told[3] for told in stage.kept.told if told[0] == "stop"]
    assert (reasons.count(GONE.kind), reasons.count(DOWN.kind)) == (25, 25)


# --- slow and broken engines -----------------------------------------------------------------------------------------


def test_a_slow_engine_holds_nobody_up_and_hears_all_in_order(stage):
    async def story():
        stage.kept.slow = asyncio.Event()
        for session in (1, 2):
            stage.up(session)
        stage.down(1)
        await steps()
        await stage.follower.settled()
        assert stage.register.get(1) is None
        assert (stage.kept.told, stage.kept.waiting) == ([], 2)
        stage.kept.slow.set()
        await stage.accountant.close(DOWN)

    play(story)
    for session in "12":
        assert [word for word, which in stage.words() if which == session] == ["start", "stop"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (OSError(111, "the accounting server refuses"), "the accounting server refuses"),
        (ValueError("secret"), "internal error: ValueError at scripted.py"),
        (asyncio.CancelledError(), "the engine gave it up"),
    ],
)
def test_what_an_engine_does_not_take_is_said_and_its_stop_asked_for(stage, caplog, fault, said):
    caplog.set_level(logging.ERROR)

    async def story():
        stage.kept.fault = fault
        stage.up()
        await steps()
        stage.kept.fault = None
        stage.down()
        await stage.accountant.close(DOWN)

    play(story)
    assert [each[0] for each in stage.kept.told] == ["stop"]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"accounting of session 1 did not take what follows: {said}")
    assert "secret" not in line


def test_an_engine_that_never_answers_is_waited_for_no_longer_than_its_time(stage, monkeypatch, caplog):
    monkeypatch.setattr(accountant, "ENGINE_SECONDS", 0.01)

    async def story():
        stage.kept.slow = asyncio.Event()
        stage.up()
        stage.down()
        await stage.accountant.close(DOWN)

    play(story)
    assert stage.kept.told == []
    assert caplog.text.count("no answer within 0.01 s") == 2


# --- keys ------------------------------------------------------------------------------------------------------------


def test_no_session_of_another_start_has_the_same_key():
    keys = set()
    for _ in range(50):
        register = Register()
        register.follow(Started(1, PATH, "anonymous", Side.GATEWAY, None))
        register.follow(Started(2, PATH, "anonymous", Side.GATEWAY, None))
        keys |= {each.key for each in register.all()}
    assert len(keys) == 100


def test_an_end_of_an_unknown_session_is_ignored(stage):
    async def story():
        stage.tell(Tell(Ended(77, GONE, False)))
        await stage.accountant.close(DOWN)

    play(story)
    assert stage.kept.told == []


# --- between start and stop ------------------------------------------------------------------------------------------


def test_records_between_start_and_stop_have_what_was_carried_by_then(stage):
    async def story():
        stage.interval = 600.0
        stage.up()
        stage.engine.figures[1] = Counters(octets_in=10, packets_in=1)
        await stage.accountant._meanwhile([1])
        stage.engine.figures[1] = Counters(octets_in=30, packets_in=3)
        await stage.accountant._meanwhile([1])
        stage.down()
        await stage.accountant.close(DOWN)

    play(story)
    told = [(word, figures[0].octets_in if figures else None) for word, _, *figures in stage.kept.told]
    assert told[0] == ("start", None)
    assert told[-2:] == [("interim", 30), ("stop", 30)]


def test_an_engine_that_is_slow_has_no_more_than_the_newest_record_waiting(stage):
    async def story():
        stage.interval = 600.0
        stage.kept.slow = asyncio.Event()
        stage.up()
        await steps()
        for octets in range(50):
            stage.engine.figures[1] = Counters(octets_in=octets)
            await stage.accountant._meanwhile([1])
        stage.kept.slow.set()
        stage.down()
        await stage.accountant.close(DOWN)

    play(story)
    assert [word for word, *_ in stage.kept.told] == ["start", "interim", "stop"]
    assert stage.kept.told[1][2].octets_in == 49


def test_a_session_that_ends_while_it_is_counted_has_no_record_behind_its_stop(stage):
    async def story():
        stage.interval = 600.0
        stage.up()
        await steps()
        counting = asyncio.ensure_future(stage.accountant._meanwhile([1]))
        await asyncio.sleep(0)
        stage.down()
        await counting
        await stage.accountant.close(DOWN)

    play(story)
    assert [word for word, *_ in stage.kept.told if word != "interim"] == ["start", "stop"]
    assert stage.kept.told[-1][0] == "stop"
