"""What ends the conversation of `lotor connect`: the person, a signal, or a daemon that hangs up or dies."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from lotor.cli.calling import Daemon
from lotor.daemon import talk as talking
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.talk import Talk


def play(person, story=None):
    """Whether the person came to the end."""

    async def whole():
        with Talk(person) as talk:
            held = asyncio.ensure_future(talk.hold())
            if story is not None:
                await story(talk)
            await held
        return talk.over

    return asyncio.run(whole())


def listens(line):
    with Daemon(line) as daemon:
        daemon.receive()


def test_a_person_who_comes_to_the_end_has_talked():
    heard = []
    assert play(lambda line: heard.append(line.recv(5)), lambda talk: sends(talk, b"hello"))
    assert heard == [b"hello"]


async def sends(talk, octets):
    talk.theirs.sendall(octets)


def test_what_the_person_heard_is_raised():
    def refused(line):
        raise StartError("the gateway does not answer", Exit.NO_ANSWER)

    with pytest.raises(StartError, match="does not answer") as caught:
        play(refused)
    assert caught.value.code is Exit.NO_ANSWER


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_although_the_person_is_asked(number):
    asked = threading.Event()

    def types(line):
        asked.set()
        threading.Event().wait(600)

    async def story(talk):
        await asyncio.to_thread(asked.wait, 60)
        os.kill(os.getpid(), number)

    assert not play(types, story)


def test_of_a_daemon_that_died_its_death_is_told():
    """Its silence, which comes first, says less."""

    async def story(talk):
        talk.theirs.close()
        await asyncio.sleep(0.05)
        talk.lost("killed by SIGKILL")

    with pytest.raises(StartError, match=r"the daemon ended unexpectedly \(killed by SIGKILL\)") as caught:
        play(listens, story)
    assert caught.value.code is Exit.LOCAL_FAULT


def test_a_daemon_that_dies_while_the_person_types_is_told():
    async def story(talk):
        talk.lost("exit code 1")
        talk.lost("and again")

    with pytest.raises(StartError, match="exit code 1"):
        play(lambda line: threading.Event().wait(600), story)


def test_a_daemon_that_hangs_up_and_lives_on_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(talking, "PATIENCE", 0.0)

    async def story(talk):
        talk.theirs.close()

    with pytest.raises(StartError, match="the daemon closed the connection") as caught:
        play(listens, story)
    assert caught.value.code is Exit.NO_DAEMON
