"""The administrator's socket when one of its users takes all that he can get: places, turns, memory."""

from __future__ import annotations

import asyncio
import contextlib
import os

import pytest

from controlled import ME, MY_GROUP, serving
from lotor.cli.calling import Daemon, whole_status
from lotor.control import conversation, listening
from lotor.control import server as room
from lotor.control.listening import Address
from lotor.control.messages import BadMessage, Connect, Events, Failed, Happened, Status, decode_request, encode
from lotor.control.service import Credential
from lotor.control.turns import Turns
from lotor.daemon.exits import StartError

GROUP_MEMBER, ANOTHER = 1000, 1001


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lotor.sock"


@pytest.fixture
def calling_as(monkeypatch):
    """Who the next connections are, whoever opens them."""
    caller = {"uid": 0}
    monkeypatch.setattr(room, "_credential", lambda _: Credential(1, caller["uid"], caller["uid"]))

    def become(uid):
        caller["uid"] = uid

    return become


async def opened(path, request=None):
    reader, writer = await asyncio.open_unix_connection(path)
    if request is not None:
        writer.write(encode(request))
    for _ in range(50):  # more turns of the loop than it takes until the server has begun with it
        await asyncio.sleep(0)
    return reader, writer


async def looked(path):
    reader, writer = await opened(path, Status())
    line = await asyncio.wait_for(reader.readline(), 60)
    writer.close()
    return line


def close(streams):
    for _, writer in streams:
        writer.close()


def test_a26_events_of_one_user_never_shut_root_out(path, calling_as):
    async def play():
        async with serving(path):
            calling_as(GROUP_MEMBER)
            spies = [await opened(path, Events()) for _ in range(room.SHARE + 10)]
            calling_as(0)
            answer = await looked(path)
            close(spies)
            return answer

    assert b'"report"' in asyncio.run(play())


def test_a26_the_share_of_a_user_is_told_and_leaves_others_theirs(path, calling_as):
    async def play():
        async with serving(path):
            calling_as(GROUP_MEMBER)
            spies = [await opened(path, Events()) for _ in range(room.SHARE)]
            refused = await looked(path)
            calling_as(ANOTHER)
            other = await looked(path)
            close(spies)
            return refused, other

    refused, other = asyncio.run(play())
    assert refused == encode(Failed(room.FULL))
    assert b'"report"' in other


def test_a26_root_takes_a_place_when_many_users_fill_the_room(path, calling_as, monkeypatch):
    monkeypatch.setattr(room, "MOST_CONNECTIONS", 20)
    monkeypatch.setattr(room, "SHARE", 5)

    async def play():
        async with serving(path):
            spies = []
            for uid in range(1000, 1004):
                calling_as(uid)
                spies += [await opened(path, Events()) for _ in range(5)]
            full = await looked(path)
            calling_as(0)
            answer = await looked(path)
            close(spies)
            return full, answer

    full, answer = asyncio.run(play())
    assert full == encode(Failed(room.FULL))
    assert b'"report"' in answer


def test_a26_a_user_with_a_share_full_of_idle_connections_gets_in(path, calling_as):
    async def play():
        async with serving(path):
            calling_as(GROUP_MEMBER)
            idle = [await opened(path) for _ in range(room.SHARE + 20)]
            answer = await looked(path)
            close(idle)
            return answer

    assert b'"report"' in asyncio.run(play())


def test_a27_a_slow_reader_of_events_is_cut(path, monkeypatch):
    monkeypatch.setattr(conversation, "READING_SECONDS", 0.05)

    async def play():
        async with serving(path) as service:
            _, writer = await opened(path, Events())
            writer.transport.pause_reading()
            await service.subscribed.wait()
            for _ in range(conversation.MOST_EVENTS_WAITING // 2):
                for listener in service.listeners:
                    listener(Happened(1.0, "Up", 1, "x" * 1000))
            await asyncio.wait_for(service.unsubscribed.wait(), 60)
            writer.close()

    asyncio.run(play())


def test_n3_an_answer_that_nobody_reads_is_not_kept(path, monkeypatch):
    monkeypatch.setattr(conversation, "READING_SECONDS", 0.05)

    async def play():
        async with serving(path) as service:
            service.filling = 4_000_000
            reader, writer = await opened(path, Status())
            writer.transport.pause_reading()
            await asyncio.sleep(0.5)
            writer.transport.resume_reading()
            received = b""
            with contextlib.suppress(ConnectionError):
                received = await asyncio.wait_for(reader.read(-1), 60)
            writer.close()
            return len(received)

    assert asyncio.run(play()) < 4_000_000


def test_a28_a_user_looks_once_in_a_turn_however_many_connections_there_are(path, calling_as, monkeypatch):
    monkeypatch.setattr(room, "Turns", lambda: Turns(pause=30.0))

    async def play():
        async with serving(path) as service:
            calling_as(GROUP_MEMBER)
            spammers = [await opened(path, Status()) for _ in range(10)]
            await asyncio.sleep(0.2)
            his = service.looks
            calling_as(0)
            await looked(path)
            close(spammers)
            return his, service.looks

    assert asyncio.run(play()) == (1, 2)


def test_a28_turns_forget_who_does_not_wait():
    async def play():
        waiting = Turns(pause=0.0)
        for uid in range(1, 50):
            async with waiting.turn(uid):
                pass
        return waiting._locks, waiting._waiting

    assert asyncio.run(play()) == ({}, {})


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f", "\ufeff", "\x1b"])
def test_n9_a_line_that_turns_its_direction_is_no_line(mark):
    with pytest.raises(BadMessage, match="control and format characters are refused"):
        decode_request(encode(Connect(f"192.0.2.50{mark}")))


def test_a26_the_command_says_why_it_was_refused(path, monkeypatch):
    """The command's end of it: no traceback, and what the daemon said."""
    monkeypatch.setattr(room, "SHARE", 1)
    monkeypatch.setattr(room, "_credential", lambda _: Credential(1, GROUP_MEMBER, GROUP_MEMBER))

    def ask():
        with Daemon(path) as daemon:
            whole_status(daemon)

    async def play():
        async with serving(path):
            spy = await opened(path, Events())
            with pytest.raises(StartError, match="too many commands are under way"):
                await asyncio.to_thread(ask)
            close([spy])

    asyncio.run(play())


def test_a26_a_daemon_that_goes_away_while_it_is_asked_is_a_sentence(path):
    def ask(listener):
        with Daemon(path) as daemon:
            listener.accept()[0].close()
            with pytest.raises(StartError, match="closed the connection"):
                daemon.send(Status())

    listener = listening.listen(Address(path, ME, MY_GROUP))
    listener.setblocking(True)
    ask(listener)
    listener.close()


def test_the_credential_has_the_groups_of_the_caller(path):
    async def play():
        async with serving(path) as service:
            service.forever = False
            seen = []
            service.status = lambda request, caller: seen.append(caller.credential) or {"schema": 1}
            await looked(path)
            return seen[0]

    caller = asyncio.run(play())
    assert caller.groups == {os.getgid(), *os.getgroups()}
