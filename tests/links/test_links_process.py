"""The process of a link: what it is told, and when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from looped import looped
from lotor.crypto.tls import TlsKey
from lotor.links import process
from lotor.links.requests import Request
from lotor.links.task import Document, Shows, Task
from lotor.privsep import errand
from lotor.privsep.codec import Malformed, encode
from lotor.privsep.frames import Ended, Frame, Kind, pair, send
from lotor.privsep.linking import VISITED
from lotor.privsep.living import READY
from lotor.privsep.serving import Server, answering

FILE = Document(
    "ios/a.mobileconfig", Shows.FILE, "ios", "application/x-apple-aspen-config", b"<plist>", "a.mobileconfig"
)
PAGE = Document("", Shows.PAGE, "", "", b"which device?")


def task(seconds=3600.0):
    return Task("1:1:a:a", "vpn.example.net", "k3jv", (b"der",), TlsKey.RSA, "default-src 'none'", seconds, 2)


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.fixture
def ends():
    ours, theirs = pair()
    yield ours, theirs
    ours.close()
    theirs.close()


class Command:
    """The other end, which hears who came."""

    def __init__(self, end):
        self.ready, self.visits = asyncio.Event(), []
        self._server = Server(end, dict((answering(self._up, READY), answering(self._hear, VISITED))), lambda _: None)

    async def _up(self, nothing):
        self.ready.set()

    async def _hear(self, visit):
        self.visits.append(visit)

    def close(self):
        self._server.close()


def test_it_hears_everything_that_it_shows(ends, listening):
    errand.tell(ends[0], task(), listening, (PAGE, FILE))
    told, socket_ = errand.heard(ends[1], Task)
    documents = errand.parts(ends[1], Document, told.documents)
    assert (told, documents, socket_.getsockname()) == (task(), [PAGE, FILE], listening.getsockname())
    assert "k3jv" not in repr(told)
    socket_.close()


def test_a_task_without_a_socket_is_none(ends):
    ends[0].setblocking(True)
    send(ends[0], Frame(Kind.REQUEST, 0, 0, encode(Task, task())))
    with pytest.raises(Malformed):
        errand.heard(ends[1], Task)


@looped
async def test_a_link_that_is_too_old_ends(ends, listening):
    command = Command(ends[0])
    with pytest.raises(TimeoutError):
        await process.serve(ends[1], task(seconds=1.0), [PAGE, FILE], listening)
    assert command.ready.is_set()
    command.close()


@looped
async def test_it_ends_with_the_command(ends, listening, monkeypatch):
    monkeypatch.setattr(process, "LOOKS", 0.05)
    command = Command(ends[0])
    serving = asyncio.create_task(process.serve(ends[1], task(), [PAGE, FILE], listening))
    await command.ready.wait()
    command.close()
    ends[0].shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(Ended):  # before it has heard that it may be ready
        await serving


@looped
async def test_it_ends_when_all_is_fetched_and_tells_of_it(ends, listening, monkeypatch, caplog):
    """Whoever is connected then is let go without a word in the log."""
    monkeypatch.setattr(process, "LOOKS", 0.05)
    monkeypatch.setattr(process, "Serving", Fetching)
    command = Command(ends[0])
    serving = asyncio.create_task(process.serve(ends[1], task(), [PAGE, FILE], listening))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(b"\x16\x03\x01")
    await serving
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    assert [each.name for each in command.visits] == ["a.mobileconfig"]
    assert caplog.messages == []
    command.close()


class Fetching(process.Serving):
    """Somebody fetched the file long ago."""

    @contextlib.asynccontextmanager
    async def at(self, listening):
        answer = self._site.answer(Request("GET", f"/k3jv/{FILE.path}", "vpn.example.net", ""), "192.0.2.1", -1e6)
        await self._tell(answer.told)
        async with super().at(listening):
            yield
