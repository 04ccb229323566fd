"""The administrator's socket against its users and abusers, on a real Unix socket."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
import threading

import pytest

from controlled import ME, MY_GROUP, PASSWORD, Scripted, serving
from lotor.control import listening
from lotor.control import server as room
from lotor.control.client import Connection, Unreachable
from lotor.control.listening import Address
from lotor.control.messages import (
    LONGEST_REQUEST,
    Answer,
    Connect,
    Connected,
    Debug,
    Disconnect,
    Disconnected,
    Done,
    Events,
    Failed,
    Happened,
    Prompt,
    Reload,
    Report,
    Status,
    decode_response,
    encode,
)
from lotor.model.prompt import Field


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lotor.sock"


def with_client(path, talk, prepare=lambda service: None):
    """Runs a blocking client in a thread against a server in this loop; the service is returned with what it gave."""

    async def play():
        async with serving(path) as service:
            prepare(service)
            return service, await asyncio.to_thread(talk, Connection(path))

    return asyncio.run(play())


def test_a_login_with_a_prompt(path, caplog):
    def talk(daemon):
        with daemon:
            daemon.send(Connect("192.0.2.50", "alice"))
            prompt = daemon.receive()
            daemon.send(Answer({Field.PASSWORD: PASSWORD}))
            return prompt, daemon.receive()

    with caplog.at_level(logging.DEBUG):
        service, (prompt, response) = with_client(path, talk)
    assert prompt == Prompt(("password",), "hello")
    assert response == Connected("10.99.99.3", "banner")
    assert service.answers == [{Field.PASSWORD: PASSWORD}]
    assert f"vc 192.0.2.50 asked by pid {os.getpid()} uid {os.getuid()}" in caplog.text
    assert "swordfish" not in caplog.text


def test_a_caller_who_came_with_a_connection_is_served_without_any_socket():
    async def play():
        service, (ours, theirs) = Scripted(), socket.socketpair()
        server = room.ControlServer(None, service)
        await server.start()
        await server.join(theirs)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        writer.write(encode(Disconnect("192.0.2.50")))
        answer = decode_response(await reader.readline())
        await server.stop()
        rest = await reader.read()
        writer.close()
        return answer, rest

    assert asyncio.run(play()) == (Disconnected(1), b"")


def test_several_requests_on_one_connection(path):
    def talk(daemon):
        with daemon:
            for request in (Status(), Reload(), Disconnect("192.0.2.50")):
                daemon.send(request)
                yield daemon.receive()

    _, responses = with_client(path, lambda daemon: list(talk(daemon)))
    assert responses == [Report({"schema": 1, "sessions": [], "filling": ""}), Done("taken over"), Disconnected(1)]


def test_closing_while_connecting_aborts_the_attempt(path):
    async def play():
        async with serving(path) as service:
            service.forever = True
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(encode(Connect("192.0.2.50")))
            await reader.readline()
            writer.write(encode(Answer({Field.PASSWORD: PASSWORD})))
            await service.waiting.wait()
            writer.close()
            await asyncio.wait_for(service.aborted.wait(), 60)

    asyncio.run(play())


def test_a_fault_in_the_service_is_one_line_without_its_text(path, caplog):
    def talk(daemon):
        with daemon:
            daemon.send(Disconnect("bug"))
            first = daemon.receive()
            daemon.send(Status())
            return first, daemon.receive()

    _, (failed, still) = with_client(path, talk)
    assert isinstance(failed, Failed)
    assert isinstance(still, Report)
    assert "swordfish" not in failed.text + caplog.text


@pytest.mark.parametrize(
    "junk", [b"\n", b"\0\0\0\0\n", b"GET / HTTP/1.1\r\n\r\n", b"{}\n", b"x" * (LONGEST_REQUEST * 3), b"half a line"]
)
def test_junk_is_answered_once_and_the_service_goes_on(path, junk):
    def talk(daemon):
        with daemon:
            daemon._socket.settimeout(60)
            daemon._socket.sendall(junk)
            daemon._socket.shutdown(socket.SHUT_WR)
            answer = daemon._stream.read()
        with Connection(path) as again:
            again.send(Status())
            return answer, again.receive()

    _, (answer, response) = with_client(path, talk)
    assert answer.count(b"\n") == 1
    assert b'"type": "failed"' in answer
    assert isinstance(response, Report)


def test_a_request_in_pieces_is_one_request(path):
    def talk(daemon):
        with daemon:
            for octet in encode(Status()):
                daemon._socket.sendall(bytes([octet]))
            return daemon.receive()

    assert isinstance(with_client(path, talk)[1], Report)


def test_a_second_request_while_one_is_under_way_is_refused(path):
    def talk(daemon):
        with daemon:
            daemon.send(Connect("192.0.2.50"))
            daemon.receive()
            daemon.send(Status())
            return daemon.receive()

    _, response = with_client(path, talk)
    assert "under way" in response.text


def test_a_thousand_idle_connections_do_not_keep_anyone_out(path, monkeypatch):
    monkeypatch.setattr(room, "MOST_CONNECTIONS", 20)

    def talk(first):
        idle = [Connection(path) for _ in range(200)]
        with Connection(path) as daemon:
            daemon.send(Status())
            response = daemon.receive()
        for each in [first, *idle]:
            each.__exit__(None, None, None)
        return response

    assert isinstance(with_client(path, talk)[1], Report)


def test_events_stream_until_the_caller_closes(path):
    happened = Happened(1.0, "Up", 1, "tunnel up")

    async def play():
        async with serving(path) as service:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(encode(Events()))
            await service.subscribed.wait()
            for listener in service.listeners:
                listener(happened)
                listener(happened)
            lines = [await reader.readline(), await reader.readline()]
            writer.close()
            await service.unsubscribed.wait()
            return lines

    assert asyncio.run(asyncio.wait_for(play(), 60)) == [encode(happened)] * 2


def test_debug_streams_until_its_time_is_over(path):
    happened = Happened(1.0, "Offered", 1, "aggressive begins")

    async def play():
        async with serving(path) as service:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(encode(Debug("alice", 1)))
            await service.subscribed.wait()
            for listener in service.listeners:
                listener(happened)
            lines = [await reader.readline(), await reader.readline()]
            await service.unsubscribed.wait()
            writer.write(encode(Status()))  # the connection is good for more
            lines.append(await reader.readline())
            writer.close()
            return lines

    told, over, status = asyncio.run(asyncio.wait_for(play(), 60))
    assert told == encode(happened)
    assert isinstance(decode_response(over), Done)
    assert isinstance(decode_response(status), Report)


def test_debug_ends_with_its_caller(path):
    async def play():
        async with serving(path) as service:
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(encode(Debug("alice", 600)))
            await service.subscribed.wait()
            writer.close()
            await service.unsubscribed.wait()

    asyncio.run(asyncio.wait_for(play(), 60))


@pytest.mark.parametrize("request_", [Debug("alice", 0), Debug("alice", 3601), Debug("alice", -1), Debug("nobody", 60)])
def test_debug_that_is_not_to_be_is_refused(path, request_):
    def talk(daemon):
        with daemon:
            daemon.send(request_)
            return daemon.receive()

    service, refused = with_client(path, talk)
    assert isinstance(refused, Failed)
    assert not service.listeners


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_the_socket_is_born_with_its_final_mode(path, mode, monkeypatch):
    born = []
    bind = socket.socket.bind

    def watching(self, address):
        bind(self, address)
        born.append(stat.S_IMODE(os.lstat(address).st_mode))

    monkeypatch.setattr(socket.socket, "bind", watching)
    listening.listen(Address(path, ME, MY_GROUP, mode)).close()
    assert born == [mode]
    assert stat.S_IMODE(path.lstat().st_mode) == mode


def test_directories_that_are_made_for_it_are_open_whatever_the_umask(tmp_path):
    path = tmp_path / "var" / "racoon" / "racoon.sock"
    before = os.umask(0o077)
    try:
        listening.listen(Address(path, ME, MY_GROUP)).close()
    finally:
        os.umask(before)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path.parent.parent)] == [0o755, 0o755]


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(path):
    listening.listen(Address(path, ME, MY_GROUP)).close()
    assert path.exists()
    live = listening.listen(Address(path, ME, MY_GROUP))
    with pytest.raises(OSError, match="another daemon answers at"):
        listening.listen(Address(path, ME, MY_GROUP))
    live.close()


def test_a_file_in_the_place_is_left_alone(path):
    path.write_text("precious")
    with pytest.raises(OSError, match="is not a socket"):
        listening.listen(Address(path, ME, MY_GROUP))
    assert path.read_text() == "precious"


def test_a_link_in_the_place_is_not_followed(path, tmp_path):
    (tmp_path / "precious").write_text("precious")
    path.symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="is not a socket"):
        listening.listen(Address(path, ME, MY_GROUP))
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(("owner", "group"), [("no-such-user", MY_GROUP), (ME, "no-such-group")])
def test_unknown_owners_are_told(path, owner, group):
    with pytest.raises(OSError, match=r"adminsock: there is no (user|group) no-such-"):
        listening.listen(Address(path, owner, group))


def test_the_file_goes_with_the_server_but_not_that_of_a_successor(path):
    async def play():
        async with serving(path):
            path.unlink()
            path.write_text("someone else's")

    asyncio.run(play())
    assert path.read_text() == "someone else's"


def test_no_daemon_is_told_with_what_to_do(path):
    with pytest.raises(Unreachable, match=r"cannot reach the daemon at .*: is it running\? start it with"):
        Connection(path)


def test_a_daemon_that_dies_is_told(path):
    listener = listening.listen(Address(path, ME, MY_GROUP))
    listener.setblocking(True)

    def hang_up():
        listener.accept()[0].close()

    threading.Thread(target=hang_up).start()
    with Connection(path) as daemon, pytest.raises(Unreachable, match="closed the connection"):
        daemon.receive()
    listener.close()


def test_a_socket_that_another_process_opened_outlives_its_server(path):
    """A warden makes it; daemons come and go. Who calls meanwhile waits, and is served by the next one."""
    listener = listening.Listener(Address(path, ME, MY_GROUP))
    calls = []

    def talk():
        with Connection(path) as daemon:
            daemon.send(Reload())
            return daemon.receive()

    async def one(call):
        server = room.ControlServer(listener.socket.dup(), Scripted())
        await server.start()
        calls.append(await asyncio.to_thread(call))
        await server.stop()

    async def story():
        await one(talk)
        assert path.exists()
        with Connection(path) as between:
            between.send(Reload())
            await one(between.receive)

    asyncio.run(story())
    listener.close()
    assert calls == [Done("taken over"), Done("taken over")]
    assert not path.exists()
