"""Host, hooks and data plane follow a session in the order that the administrator expects."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from far import until
from lotor.ike.effects import Tell
from lotor.ike.events import ChildDown, ChildUp, Configured, Dead, Ended, LoggedIn, PathChanged, Rerouted, Up
from lotor.ike.intents import Disconnect
from lotor.model.child import Counters, Encapsulation
from lotor.model.grants import Grants
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.model.reason import Cause
from lotor.model.reasons.ends import DeadPeer, GivenUp, PeerDeleted, ShutDown
from lotor.ports.hooks import HookEvent
from lotor.ports.host import Leaving
from lotor.runtime.associations import Associations
from lotor.runtime.follower import Engines, Follower
from lotor.runtime.sessions import Register
from scripted import (
    BYE,
    CONFIGURATION,
    ESP,
    FLOATED,
    SUITE,
    RecordingEngine,
    RecordingHooks,
    RecordingHost,
    child,
    ended,
    established,
    started,
)


class Stage:
    """`backwards`: the follower hears of every event before the register does."""

    def __init__(self, *, backwards=False):
        self.diary, self.commands, self.ready, self.released = [], [], [], []
        self.engine, self.host, self.hooks = RecordingEngine(), RecordingHost(self.diary), RecordingHooks(self.diary)
        self.register, self.associations = Register(), Associations(self.engine)
        engines = Engines(self.associations, self.engine, self.host, self.hooks, self.released.append)
        self.follower = Follower(engines, self.register, self.commands.append, self.say_ready)
        self.subscribers = [self.register.follow, self.follower.follow]
        if backwards:
            self.subscribers.reverse()

    def say_ready(self, session):
        self.diary.append(("ready", session))
        self.ready.append(session)

    async def tell(self, *effects):
        for effect in effects:
            for subscriber in self.subscribers:
                subscriber(effect.event)

    async def play(self, *effects):
        for effect in effects:
            await self.tell(effect)
            await self.follower.settled()


@pytest.fixture(params=["register first", "follower first"])
def stage(request):
    return Stage(backwards=request.param == "follower first")


def test_the_last_counters_reach_the_session_in_whatever_order_its_end_is_heard(stage):
    async def play():
        await stage.play(started(), *established())
        session = stage.register.get(1)
        stage.engine.figures[1] = Counters(octets_in=10, packets_out=2)
        stage.engine.slow = asyncio.Event()
        await stage.tell(Tell(ChildDown(1, 1, BYE)))
        await asyncio.sleep(0)
        assert session.traffic(await stage.engine.counters(session.counted)).octets_in == 10
        await stage.tell(ended())
        stage.engine.slow.set()
        await stage.follower.settled()
        assert stage.engine.figures == {}
        assert session.traffic({}) == Counters(octets_in=10, packets_out=2)
        assert (session.children, session.closing) == ({}, set())

    asyncio.run(play())


def test_a_client_is_attached_then_hooked_then_ready_and_undone_in_turn(stage):
    asyncio.run(stage.play(started(), *established(), ended()))
    assert stage.diary == [
        ("attach begins", 1),
        ("attach", 1),
        ("phase1_up", "192.0.2.50"),
        ("ready", 1),
        ("phase1_down", "192.0.2.50"),
        ("detach", 1),
    ]
    assert stage.released == [1]


def test_hooks_still_know_the_session_after_its_end(stage):
    asyncio.run(stage.play(started(), *established(), ended()))
    up, down = stage.hooks.contexts
    assert (up.side, up.configuration, up.user, up.device) == (Side.CLIENT, CONFIGURATION, None, "lotor0")
    assert down == up


def test_a_dead_peer_runs_phase1_dead_once_before_phase1_down(stage):
    dead = Tell(Dead(1, FLOATED, DeadPeer(FLOATED.remote.address, 9)))
    asyncio.run(stage.play(started(), *established(), dead, dead, ended()))
    assert [each[0] for each in stage.diary][-3:] == ["phase1_dead", "phase1_down", "detach"]


def test_a_failed_login_runs_no_hook_and_touches_no_host(stage):
    asyncio.run(stage.play(started(), ended()))
    assert stage.diary == []
    assert stage.released == [1]


def test_a_gateway_runs_hooks_with_the_user_and_attaches_nothing(stage):
    asyncio.run(stage.play(started(side=Side.GATEWAY), *established(), ended()))
    assert stage.diary == [("phase1_up", "192.0.2.50"), ("ready", 1), ("phase1_down", "192.0.2.50")]
    assert stage.hooks.contexts[0].user == "alice"


def test_scripts_of_a_gateway_know_what_groups_the_login_brought(stage):
    login = Tell(LoggedIn(1, "alice", Grants(groups=frozenset({"staff"}))))
    asyncio.run(stage.play(started(side=Side.GATEWAY), login, Tell(Configured(1, "alice", "", CONFIGURATION))))
    assert stage.hooks.contexts[0].groups == {"staff"}


def test_what_no_script_asks_for_is_not_made(stage):
    stage.hooks.wanted = {HookEvent.PHASE1_DOWN}
    asyncio.run(stage.play(started(side=Side.GATEWAY), *established(), ended()))
    assert stage.diary == [("ready", 1), ("phase1_down", "192.0.2.50")]


def test_a_host_that_refuses_ends_the_session_with_its_sentence_and_no_hook(stage):
    stage.host.fault = OSError(13, "no permission to change routes")
    asyncio.run(stage.play(started(), *established(), ended()))
    (command,) = stage.commands
    assert isinstance(command, Disconnect)
    assert command.reason.cause is Cause.LOCAL_FAULT
    assert "no permission to change routes" in command.reason.text
    assert stage.diary == [("attach begins", 1)]


def test_a_session_that_ended_before_its_turn_is_not_attached_any_more(stage):
    async def play():
        await stage.tell(started(), *established(), ended())
        await stage.follower.settled()

    asyncio.run(play())
    assert stage.diary == []


def test_an_end_during_a_slow_attach_undoes_it_afterwards(stage):
    async def play():
        stage.host.slow = asyncio.Event()
        await stage.tell(started(), *established())
        await until(lambda: ("attach begins", 1) in stage.diary)
        await stage.tell(ended())
        await asyncio.sleep(0.01)
        assert stage.diary == [("attach begins", 1)]
        stage.host.slow.set()
        await stage.follower.settled()

    asyncio.run(play())
    assert ("detach", 1) in stage.diary
    assert stage.diary.index(("attach", 1)) < stage.diary.index(("detach", 1))


def test_a_repeated_configuration_changes_nothing_and_another_one_is_attached_anew(stage):
    from dataclasses import replace

    other = replace(CONFIGURATION, address=IPv4Address("10.99.99.8"))
    again = Tell(Configured(1, "alice", "10.99.99.3", CONFIGURATION))
    new = Tell(Configured(1, "alice", "10.99.99.8", other))

    async def play():
        await stage.tell(started(), *established())
        await stage.follower.settled()
        await stage.play(again)
        assert [each[0] for each in stage.diary].count("attach") == 1
        await stage.play(new)

    asyncio.run(play())
    assert [each[0] for each in stage.diary if each[0] in {"attach", "detach"}] == ["attach", "attach"]


def test_f3_another_address_goes_down_and_up_for_scripts_and_host(stage):
    """As a script that keeps a diary of its own knows it: down with the address, and the cookies, of the last up."""
    from dataclasses import replace

    from lotor.ike.events import Renewed

    other = replace(CONFIGURATION, address=IPv4Address("10.99.99.8"))
    renewed = Tell(Renewed(1, 7, FLOATED, SUITE, "03:04"))
    moved = Tell(Configured(1, "alice", "10.99.99.8", other))

    async def play():
        await stage.play(started(), *established(), started(7), renewed, moved)
        assert stage.register.get(1).configuration == other
        await stage.play(ended())

    asyncio.run(play())
    assert [each[0] for each in stage.diary] == [
        *("attach begins", "attach", "phase1_up", "ready"),
        *("phase1_down", "attach begins", "attach", "phase1_up", "ready"),
        *("phase1_down", "detach"),
    ]
    told = [(str(each.configuration.address), each.cookies) for each in stage.hooks.contexts]
    old, new = ("10.99.99.3", "01:02"), ("10.99.99.8", "03:04")
    assert told == [old, old, new, new]


def test_f3_a_host_that_refuses_the_new_address_has_said_good_bye_to_the_old_one(stage):
    from dataclasses import replace

    other = replace(CONFIGURATION, address=IPv4Address("10.99.99.8"))

    async def play():
        await stage.play(started(), *established())
        stage.host.fault = OSError(13, "no permission to change routes")
        await stage.play(Tell(Configured(1, "alice", "10.99.99.8", other)), ended())

    asyncio.run(play())
    assert stage.diary[-1] == ("detach", 1), "whatever was half done"
    assert [each[0] for each in stage.diary].count("phase1_down") == 1
    assert isinstance(stage.commands[0], Disconnect)


def test_without_mode_config_the_hook_runs_when_the_tunnel_is_up(stage):
    asyncio.run(stage.play(started(), Tell(LoggedIn(1, "alice")), Tell(Up(1, FLOATED, "alice"))))
    assert stage.diary == [("phase1_up", "192.0.2.50"), ("ready", 1)]


def test_the_esp_engine_follows_in_order_while_a_script_takes_its_time(stage):
    new = Path(FLOATED.local, Peer(IPv4Address("203.0.113.5"), 4501), floated=True)

    async def play():
        stage.host.slow = asyncio.Event()
        await stage.associations.install(child())
        await stage.tell(started(), *established(), Tell(PathChanged(1, FLOATED, new, (1,))))
        await stage.tell(Tell(ChildDown(1, 1, BYE)))
        await stage.associations.settled()
        assert stage.engine.calls == [("install", 1), ("move", 1), ("remove", 1)]
        stage.host.slow.set()
        await stage.follower.settled()

    asyncio.run(play())
    assert stage.engine.moved == [(1, new)]
    assert stage.engine.installed == {}


def test_the_esp_engine_and_the_register_hear_that_a_nat_came_or_went(stage):
    native = replace(FLOATED, floated=False)

    async def play():
        await stage.associations.install(child())
        await stage.tell(started(), *established(), Tell(ChildUp(1, child(), ESP, True, None)))
        await stage.tell(Tell(Rerouted(1, native, "without UDP", (1, 77))))
        await stage.associations.settled()

    asyncio.run(play())
    assert stage.engine.moved == [(1, native), (77, native)]
    (up,) = stage.register.get(1).children.values()
    assert (up.child.path, up.child.encapsulation) == (native, Encapsulation.NONE)
    assert stage.register.get(1).path == FLOATED


def test_a_session_is_finished_when_the_engine_has_removed_its_pairs(stage):
    async def play():
        await stage.associations.install(child())
        await stage.play(started(), *established())
        stage.engine.slow = asyncio.Event()
        await stage.tell(Tell(ChildDown(1, 1, BYE)), ended())
        waiting = asyncio.ensure_future(stage.follower.finished(1))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        stage.engine.slow.set()
        await waiting

    asyncio.run(play())
    assert stage.engine.installed == {}


def test_of_many_configurations_that_wait_the_last_one_is_set_up(stage):
    """A peer that pushes without end while the host is slow makes no line longer."""
    from dataclasses import replace

    async def play():
        stage.host.slow = asyncio.Event()
        await stage.tell(started(), *established())
        await until(lambda: ("attach begins", 1) in stage.diary)
        for number in range(1000):
            other = replace(CONFIGURATION, address=IPv4Address("10.99.100.0") + number)
            await stage.tell(Tell(Configured(1, "alice", str(other.address), other)))
        stage.host.slow.set()
        await stage.follower.settled()

    asyncio.run(play())
    assert [each[0] for each in stage.diary].count("attach") == 2


def test_sessions_do_not_wait_for_each_other(stage):
    async def play():
        stage.host.slow = asyncio.Event()
        await stage.tell(started(1), *established(1))
        await until(lambda: ("attach begins", 1) in stage.diary)
        await stage.tell(started(2, Side.GATEWAY), *established(2))
        await stage.follower.finished(2)
        assert stage.ready == [2]
        stage.host.slow.set()
        await stage.follower.settled()

    asyncio.run(play())
    assert stage.ready == [2, 1]


def test_an_end_during_a_slow_attach_runs_the_scripts_of_both_ends_before_the_host_is_undone(stage):
    async def play():
        stage.host.slow = asyncio.Event()
        await stage.tell(started(), *established())
        await until(lambda: ("attach begins", 1) in stage.diary)
        await stage.tell(ended())
        stage.host.slow.set()
        await stage.follower.settled()

    asyncio.run(play())
    assert [each[0] for each in stage.diary if each[0] != "ready"][2:] == ["phase1_up", "phase1_down", "detach"]


def test_a_new_connection_waits_until_the_scripts_of_the_old_one_are_done(stage):
    async def play():
        await stage.play(started(), *established())
        slow, run = asyncio.Event(), stage.hooks.run

        async def slowly(remote, event, context):
            if event is HookEvent.PHASE1_DOWN:
                await slow.wait()
            await run(remote, event, context)

        stage.hooks.run = slowly
        await stage.tell(ended(), started(2), *established(2))
        await asyncio.sleep(0.01)
        assert ("attach begins", 2) not in stage.diary
        slow.set()
        await stage.follower.settled()

    asyncio.run(play())
    assert stage.diary.index(("detach", 1)) < stage.diary.index(("attach begins", 2))


def test_a_broken_hook_does_not_keep_the_host_from_being_undone(stage, caplog):
    async def broken(*arguments):
        raise RuntimeError("secret")

    stage.hooks.run = broken
    asyncio.run(stage.play(started(), *established(), ended()))
    assert ("detach", 1) in stage.diary
    assert "internal error: an engine did not follow: RuntimeError" in caplog.text
    assert "secret" not in caplog.text


class Wanted:
    """Every session is of connection 7, which comes back unless its end says otherwise."""

    def __init__(self):
        self.number = 7

    def place(self, session):
        return self.number

    def comes_back(self, session, reason):
        return self.number is not None and reason.cause is Cause.DEAD_PEER

    def shuts(self, session):
        return True


GONE = DeadPeer(FLOATED.remote.address, 9)


def of(number, effects):
    return [Tell(each.event.but(session=number)) for each in effects]


@pytest.fixture
def coming_back(stage):
    wanted = Wanted()
    stage.follower.use(wanted)
    stage.wanted = wanted
    return stage


def test_the_host_stays_as_it_is_until_the_next_session_takes_its_place(coming_back):
    stage = coming_back

    async def play():
        await stage.play(started(), *established(), Tell(Ended(1, GONE, established=True)))
        assert list(stage.host.attached) == [1], "nothing leaves beside the tunnel, and what is open in it waits"
        await stage.play(*of(2, [started()]))
        assert (stage.follower.follows(2), stage.follower.follows(77)) == (1, 0), "before it is given an address"
        await stage.play(*of(2, established()))
        assert stage.host.attached[2].follows == 1
        assert list(stage.host.attached) == [2]
        await stage.play(Tell(Ended(2, BYE, established=True)))
        assert stage.host.attached == {}

    asyncio.run(play())
    assert [each[0] for each in stage.diary if each[0].startswith("phase1")] == ["phase1_up", "phase1_down"] * 2


def test_a_connection_that_nobody_wants_back_leaves_nothing(coming_back):
    stage = coming_back

    async def play():
        await stage.play(started(), *established(), Tell(Ended(1, GONE, established=True)))
        assert await stage.follower.give_up(7)
        assert stage.host.attached == {}
        assert not await stage.follower.give_up(7)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("reason", "up", "leaving"),
    [
        (GONE, True, Leaving.CLOSED),
        (GONE, False, Leaving.AS_BEFORE),
        (PeerDeleted("gateway"), True, Leaving.CLOSED),
        (ShutDown(), True, Leaving.CLOSED),
        (BYE, True, Leaving.OPEN),
        (GivenUp(), False, Leaving.OPEN),
    ],
    ids=["peer died", "never up", "logged out by the gateway", "program stops", "person", "person before it is up"],
)
def test_only_a_person_opens_what_a_connection_closes(coming_back, reason, up, leaving):
    stage = coming_back
    stage.wanted.number = None

    async def play():
        told = established() if up else established()[:-1]
        await stage.play(started(), *told, Tell(Ended(1, reason, established=up)))
        assert stage.host.leaving == {1: leaving}

    asyncio.run(play())


def test_who_gives_up_while_scripts_run_leaves_nothing_either(coming_back):
    stage = coming_back

    async def play():
        await stage.play(started(), *established())
        await stage.tell(Tell(Ended(1, GONE, established=True)))
        stage.wanted.number = None
        assert not await stage.follower.give_up(7)
        await stage.follower.settled()
        assert stage.host.attached == {}

    asyncio.run(play())


def test_a_host_that_does_not_take_the_next_session_is_let_go_of(coming_back):
    stage = coming_back

    async def play():
        await stage.play(started(), *established(), Tell(Ended(1, GONE, established=True)))
        stage.host.fault = OSError(22, "no")
        await stage.play(*of(2, [started(), *established()]))
        assert stage.host.attached == {}
        assert not await stage.follower.give_up(7)

    asyncio.run(play())


def test_a_client_whose_path_changed_is_attached_anew_without_a_word_to_the_scripts(stage):
    elsewhere = replace(FLOATED, local=Peer(IPv4Address("203.0.113.99"), 4500))

    async def play():
        await stage.play(started(), *established(), Tell(PathChanged(1, FLOATED, elsewhere, (1,))))
        assert stage.host.attached[1].path == elsewhere

    asyncio.run(play())
    assert [each[0] for each in stage.diary] == [
        *("attach begins", "attach", "phase1_up", "ready"),
        *("attach begins", "attach"),
    ]
