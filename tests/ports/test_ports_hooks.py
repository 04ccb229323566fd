"""What the follower relies on in everything that runs the administrator's scripts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from far import FarPort
from lotor.hooks.scripts import Patience, ScriptHooks
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.ports.hooks import HookContext, HookEvent
from lotor.privsep.far_hooks import FarHooks
from lotor.warden.hosting import Around, Hosting, rows
from paired import gateway, settings
from scripted import RecordingHooks, RecordingHost

UP, DOWN, DEAD = HookEvent.PHASE1_UP, HookEvent.PHASE1_DOWN, HookEvent.PHASE1_DEAD
OUTER = Path(Peer(IPv4Address("192.0.2.50"), 4500), Peer(IPv4Address("198.51.100.7"), 4500), floated=True)


def context(user="alice"):
    return HookContext(Side.GATEWAY, OUTER, user=user)


class Scripts:
    """Real scripts of the remote `gw`, for two events; what they heard is in a file. A script waits at the gate;
    `loose`: one of them may have no end."""

    def __init__(self, directory):
        self.log, self.gate = directory / "log", directory / "gate"
        self.loose = False
        script = directory / "hook.sh"
        script.write_text(
            f'#!/bin/sh\necho "begin $1 $XAUTH_USER" >> {self.log}\n'
            f'[ "$XAUTH_USER" = broken ] && exit 7\n'
            f'while [ -e {self.gate} ]; do sleep 0.02; done\necho "end $1 $XAUTH_USER" >> {self.log}\n'
        )
        script.chmod(0o755)
        missing = directory / "missing.sh"
        scripts = {("gw", UP): script, ("gw", DOWN): script, ("broken", UP): missing}
        self.hooks = ScriptHooks(scripts, Patience(script=60.0, grace=0.2, drain=0.2))

    def shut(self):
        self.gate.touch()

    def open(self):
        self.gate.unlink()

    async def begun(self):
        """Until a script runs, and waits at the gate."""
        async with asyncio.timeout(60):
            while not self.log.exists():  # noqa: ASYNC110 - another process tells
                await asyncio.sleep(0.01)

    def ran(self):
        """Those that came to their end, one after the other."""
        words = [tuple(line.split()) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        ended = [(event, user) for what, event, user in words if what == "end"]
        assert words == [(what, *each) for each in ended for what in ("begin", "end")] or self.loose
        return ended


class Far(Scripts):
    """The same at the other end of a line, for a gateway that has a script for `phase1_up` and `phase1_down`."""

    def __init__(self, directory):
        super().__init__(directory)
        wanted = settings(gateway())
        named = replace(wanted, remotes=(replace(wanted.remotes[0], name="gw"),))
        around = Around(lambda: [named], lambda: None, lambda _: None, lambda _: frozenset())
        hosting = Hosting(RecordingHost([]), self.hooks, around)
        self.hooks = FarScripts(lambda asker: FarHooks(asker, lambda: {("gw", UP), ("gw", DOWN)}), rows(hosting))


class FarScripts(FarPort):
    def wants(self, remote, event):
        return self._far(None).wants(remote, event)


class Recording:
    """The fake of the tests."""

    def __init__(self, _):
        self.hooks = RecordingHooks([])
        self.hooks.wanted = {UP, DOWN}

    def shut(self):
        self.hooks.slow = asyncio.Event()

    def open(self):
        self.hooks.slow.set()

    async def begun(self):
        for _ in range(5):
            await asyncio.sleep(0)

    def ran(self):
        users = [each.user for each in self.hooks.contexts]
        return [(event, user) for (event, _), user in zip(self.hooks.diary, users, strict=True)]


ENGINES = {"scripts": Scripts, "far": Far, "recording": Recording}


@pytest.fixture(params=ENGINES)
def place(request, tmp_path):
    return ENGINES[request.param](tmp_path)


def test_what_nobody_asks_for_is_not_wanted_and_nothing_when_it_is_run(place):
    assert place.hooks.wants("gw", UP)
    assert not place.hooks.wants("gw", DEAD)
    asyncio.run(place.hooks.run("gw", DEAD, context()))
    assert place.ran() == []


def test_a_script_is_over_when_run_returns_and_knows_its_context(place):
    async def story():
        await place.hooks.run("gw", UP, context("alice"))
        after_one = place.ran()
        await place.hooks.run("gw", DOWN, context("alice"))
        return after_one

    assert asyncio.run(story()) == [("phase1_up", "alice")]
    assert place.ran() == [("phase1_up", "alice"), ("phase1_down", "alice")]


def test_those_of_one_remote_keep_their_order_and_never_overlap(place):
    async def story():
        await asyncio.gather(
            place.hooks.run("gw", UP, context("first")),
            place.hooks.run("gw", DOWN, context("first")),
            place.hooks.run("gw", UP, context("third")),
        )

    asyncio.run(story())
    assert place.ran() == [("phase1_up", "first"), ("phase1_down", "first"), ("phase1_up", "third")]


def test_whoever_gives_up_waiting_keeps_nobody_else_waiting(place):
    place.loose = True

    async def story():
        place.shut()
        first = asyncio.ensure_future(place.hooks.run("gw", UP, context("gone")))
        await place.begun()
        second = asyncio.ensure_future(place.hooks.run("gw", DOWN, context("gone")))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        assert first.cancelled()
        place.open()
        await second

    asyncio.run(story())
    assert place.ran() == [("phase1_down", "gone")]


def test_whoever_gives_up_before_the_turn_came_runs_nothing(place):
    async def story():
        place.shut()
        first = asyncio.ensure_future(place.hooks.run("gw", UP, context("alice")))
        await place.begun()
        second = asyncio.ensure_future(place.hooks.run("gw", DOWN, context("gone")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait({second})
        place.open()
        await first

    asyncio.run(story())
    assert place.ran() == [("phase1_up", "alice")]


# --- scripts alone ---------------------------------------------------------------------------------------------------


def test_a_script_that_fails_or_is_missing_raises_nothing_and_the_next_one_runs(tmp_path, caplog):
    place = Scripts(tmp_path)
    place.loose = True

    async def story():
        await place.hooks.run("gw", UP, context("broken"))
        await place.hooks.run("broken", UP, context())
        await place.hooks.run("nobody", UP, context())
        await place.hooks.run("gw", DOWN, context("alice"))

    asyncio.run(story())
    assert place.ran() == [("phase1_down", "alice")]
    assert "ended with status 7" in caplog.text
    assert "missing.sh cannot be run: No such file or directory" in caplog.text
