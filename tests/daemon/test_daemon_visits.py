"""The control socket beside a `lotor connect`: found without a name, cleared after a kill, and reload says why not."""

from __future__ import annotations

import asyncio
import os
import socket
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from lotor.cli import calling, locate
from lotor.cli.main import lotor
from lotor.control import visits
from lotor.control.client import Connection
from lotor.control.messages import Disconnect, Disconnected, Failed, Reload, Report, Status
from lotor.control.server import ControlServer
from lotor.daemon import reloading
from lotor.daemon.active_config import equip
from lotor.daemon.connecting import nothing_to_read
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.service import AdminService
from lotor.daemon.visits import visited
from lotor.ike.events import Ended
from visiting import StillListeners, play


def dead(path):
    """A socket whose process was killed."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    return path


async def ask(path, request):
    """What a command gets, from a thread of its own."""

    def call():
        with Connection(path) as connection:
            connection.send(request)
            return connection.receive()

    return await asyncio.get_running_loop().run_in_executor(None, call)


async def prepare():
    nothing_to_read()


def beside(directory, story):
    """A client that is up, with the socket of a `lotor connect` beside it."""

    async def whole(world):
        await world.vc()
        with visited(directory / "run") as listener:
            configurations = SimpleNamespace(prepare=prepare)
            reload = reloading.Reload(configurations, equip, StillListeners(), world.client.present)
            server = ControlServer(listener.socket, AdminService(world.client, "none: lotor connect gw", reload))
            await server.start()
            try:
                return await story(world, server, visits.socket_of(os.getpid(), directory / "run"))
            finally:
                await server.stop()

    return play(directory, whole)


def test_newcomer_15_status_is_told_beside_a_connection(directory):
    async def story(world, server, path):
        return await ask(path, Status()), path.stat().st_mode & 0o777, visits.answering(path.parent)

    report, mode, answering = beside(directory, story)
    assert isinstance(report, Report)
    assert report.status["sessions"][0]["state"] == "up"
    assert report.status["configuration"] == "none: lotor connect gw"
    assert mode == 0o600
    assert len(answering) == 1


def test_newcomer_15_there_is_nothing_to_read_again(directory):
    async def story(world, server, path):
        return await ask(path, Reload())

    failed = beside(directory, story)
    assert isinstance(failed, Failed)
    assert "lotor connect has no configuration file" in failed.text


def test_newcomer_15_who_ends_the_connection_hears_of_it(directory):
    """`lotor vd` ends the very program that answers it."""

    async def story(world, server, path):
        asked = asyncio.ensure_future(ask(path, Disconnect("127.0.0.1")))
        gone = asyncio.Event()
        world.client.listen(lambda event: gone.set() if isinstance(event, Ended) else None)
        await gone.wait()
        await server.stop()
        return await asked

    assert beside(directory, story) == Disconnected(1)


def test_newcomer_15_sockets_of_the_killed_are_cleared(directory):
    (directory / "run").mkdir()
    left = dead(visits.socket_of(1 << 22, directory / "run"))

    async def story(world, server, path):
        return left.exists(), path.exists()

    assert beside(directory, story) == (False, True)
    assert not visits.socket_of(os.getpid(), directory / "run").exists()


def test_newcomer_15_a_connection_is_worth_more_than_its_socket(directory, caplog):
    (directory / "run").write_text("no directory")

    with visited(directory / "run") as listener:
        assert listener is None
    assert "lotor status will not see this connection" in caplog.text


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No daemon; `lotor connect` runs as often as sockets are made here."""
    monkeypatch.setattr(locate, "control_socket", lambda given, file=None: given or tmp_path / "lotor.sock")
    monkeypatch.setattr(calling, "answering", lambda: sorted(tmp_path.glob(visits.PATTERN)))
    return tmp_path


def test_newcomer_15_several_connections_are_named(alone):
    for number in (7, 8):
        visits.socket_of(number, alone).touch()
    refused = CliRunner().invoke(lotor, ["status"]).exception
    assert isinstance(refused, StartError)
    assert refused.code is Exit.NO_DAEMON
    for number in (7, 8):
        assert f"-s {visits.socket_of(number, alone)}" in str(refused)


@pytest.mark.parametrize("words", [["vc", "192.0.2.50"], ["reload"]])
def test_newcomer_15_what_is_for_a_daemon_is_asked_of_no_connection(alone, words):
    dead(visits.socket_of(7, alone))
    refused = CliRunner().invoke(lotor, words).exception
    assert isinstance(refused, StartError)
    assert f"cannot reach the daemon at {alone / 'lotor.sock'}" in str(refused)


def test_newcomer_15_a_socket_that_was_named_is_meant(alone):
    dead(visits.socket_of(7, alone))
    refused = CliRunner().invoke(lotor, ["status", "-s", str(alone / "other.sock")]).exception
    assert "other.sock" in str(refused)
