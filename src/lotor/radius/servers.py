"""Several servers of one kind: who is asked, how often, who is left alone because he does not answer, and what counts
as an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from lotor.config.settings import Radius, RadiusServer
from lotor.model.frozen import frozen
from lotor.model.login import LOGIN_SECONDS
from lotor.names.whereabouts import LookUp, UnknownNameError, Whereabouts, looked_up
from lotor.radius.channels import Channel, Channels, UdpChannels
from lotor.radius.packets import NotProvedError, Reply, Request, Sealed, UnsignedError, nas_address, seal
from lotor.radius.secure import SecureChannels, TlsError
from lotor.radius.structure import MalformedError

log = logging.getLogger(__name__)

AUTH_PORT, ACCT_PORT = 1812, 1813
TLS_PORT = 2083
"""For both (RFC 6614 §2.1)."""
DEAD = 60.0
"""Seconds in which a server that did not answer is asked only when nobody else answers."""
MOST_UNDER_WAY = 2048
"""Requests at a time: each holds an identifier, 256 of which cost a socket."""
PATIENCE = LOGIN_SECONDS - 5
"""Seconds of all tries of one request together: who asked waits little longer, for a login and for a record."""
QUIET = 60.0
"""Seconds between two lines of the log about bad answers of one server."""


class NoAnswerError(OSError):
    """No server answered; the text says what became of each."""


class CrowdedError(OSError):
    """Too many requests wait already: `waiting` of them."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} requests wait for an answer already")
        self.waiting = waiting


@frozen
class Answer:
    """`server` is who gave it: a conversation goes on with the same one."""

    reply: Reply
    server: Server


@dataclass(eq=False, slots=True)
class Server:
    """`tries` with `timeout` seconds each. `unanswered` tries in a row, by whomever; with `tries` of them it is left
    alone until `back`. `fault`: what was last wrong with what it sent; empty when nothing came."""

    place: Whereabouts
    port: int
    setting: RadiusServer = field(repr=False)
    timeout: float
    tries: int
    channels: Channels = field(default_factory=UdpChannels)
    unanswered: int = 0
    back: float = 0.0
    fault: str = ""
    told: float = float("-inf")

    @property
    def name(self) -> str:
        return f"[{self.place.name}]:{self.port}" if ":" in self.place.name else f"{self.place.name}:{self.port}"

    def alive(self, now: float) -> bool:
        return now >= self.back

    def silent(self, now: float) -> None:
        """One try had no answer. After its time as a dead one, one more is enough to leave it alone again."""
        self.unanswered += 1
        if self.unanswered < self.tries or not self.alive(now):
            return
        self.unanswered = self.tries - 1
        self.back = now + DEAD
        self.place.moved()
        log.warning("RADIUS server %s does not answer%s: it is left alone for %d seconds", self.name, self._why, DEAD)

    def spoke(self) -> None:
        if self.back:
            log.warning("RADIUS server %s answers again", self.name)
        self.unanswered, self.back, self.fault = 0, 0.0, ""

    def misspoke(self, why: str, now: float) -> None:
        """Something came that is no answer of this server's."""
        self.fault = why
        if now >= self.told + QUIET:
            self.told = now
            log.warning("an answer as if from RADIUS server %s is dropped: %s", self.name, why)

    def unreachable(self, error: OSError, now: float) -> None:
        """It cannot even be asked. Another of its addresses is tried next, where it has one."""
        self.fault = f"it cannot be asked: {error.strerror or error}"
        self.place.moved()
        if isinstance(error, TlsError) and now >= self.told + QUIET:
            self.told = now
            log.warning("RADIUS server %s cannot be asked: %s", self.name, error)

    @property
    def state(self) -> str:
        return f"{self.name} does not answer{self._why}"

    @property
    def _why(self) -> str:
        return f" as it should ({self.fault})" if self.fault else ""


class Servers:
    """`ask` from one event loop. Nothing here blocks; a request that is cancelled leaves nothing behind."""

    def __init__(self, servers: Iterable[Server], *, signed: bool = True) -> None:
        self._servers = tuple(servers)
        self._signed = signed
        self._under_way = 0

    @classmethod
    def of_logins(cls, settings: Radius, look_up: LookUp = looked_up) -> Servers:
        """Those that judge logins."""
        made = (_server(each, settings, AUTH_PORT, look_up) for each in settings.auth)
        return cls(made, signed=settings.message_authenticator)

    @classmethod
    def of_accounts(cls, settings: Radius, look_up: LookUp = looked_up) -> Servers:
        """Those that keep accounts."""
        return cls(_server(each, settings, ACCT_PORT, look_up) for each in settings.acct)

    async def ask(self, request: Request, only: Server | None = None) -> Answer:
        """The first answer of any of them; each try goes to another server. `only`: nobody else is asked, for a
        conversation that this server began. Raises `NoAnswerError`, `CrowdedError`, and `ValueError` for a request that
        has no room in a packet."""
        asked = (only,) if only is not None else self._servers
        with self._counted():
            asking = _Asking(request, signed=self._signed)
            try:
                return await asking.run(asked)
            finally:
                asking.close()

    def close(self) -> None:
        for server in self._servers:
            server.channels.close()
            server.place.close()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._under_way >= MOST_UNDER_WAY:
            raise CrowdedError(self._under_way)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1


class _Asking:
    """One request at all the servers that it takes: where their times together are longer than `PATIENCE`, each try
    gets its share of that. An answer of one that was asked before counts, too, as long as
    nobody else gave one."""

    def __init__(self, request: Request, *, signed: bool) -> None:
        self._request = request
        self._signed = signed
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[Answer] = self._loop.create_future()
        self._open: dict[Server, _Exchange] = {}

    async def run(self, servers: tuple[Server, ...]) -> Answer:
        line = _line(servers, self._loop.time())
        share = min(1.0, PATIENCE / max(1.0, sum(each.timeout for each in line)))
        for index, server in enumerate(line):
            seconds = server.timeout * share
            if await self._tried(server, seconds, hurried=any(each is not server for each in line[index + 1 :])):
                return self._answer.result()
            server.silent(self._loop.time())
        raise NoAnswerError("; ".join(each.state for each in servers) or "there is no RADIUS server to ask")

    def heard(self, server: Server, reply: Reply) -> None:
        server.spoke()
        if not self._answer.done():
            self._answer.set_result(Answer(reply, server))

    def close(self) -> None:
        for exchange in self._open.values():
            exchange.close()

    async def _tried(self, server: Server, seconds: float, *, hurried: bool) -> bool:
        """Whether there is an answer now. `hurried`: somebody else can be asked as soon as this one is not there."""
        try:
            async with asyncio.timeout(seconds):
                if await self._sent(server) and not hurried:
                    await asyncio.wait({self._answer})
        except TimeoutError:
            pass
        return self._answer.done()

    async def _sent(self, server: Server) -> bool:
        """Whether to wait for more: there is an answer, or the server is not there, but may be in a moment."""
        try:
            while not self._answer.done():
                exchange = self._current(server) or await self._begun(server)
                exchange.send()
                await exchange.over(self._answer)
                if not exchange.stale:
                    break
        except UnknownNameError as error:
            server.fault = str(error)
            return False
        except OSError as error:
            server.unreachable(error, self._loop.time())
            return not (isinstance(error, TlsError) and error.lasting)
        return True

    def _current(self, server: Server) -> _Exchange | None:
        """What was begun there; nothing where its connection has ended."""
        exchange = self._open.get(server)
        if exchange is None or not exchange.lost:
            return exchange
        self._open.pop(server).close()
        return None

    async def _begun(self, server: Server) -> _Exchange:
        """Raises `OSError`."""
        channel = await server.channels.channel(await server.place.address(), server.port)
        exchange = self._open[server] = _Exchange(self, server, channel, signed=self._signed)
        exchange.enter(self._request)
        return exchange


class _Exchange:
    """One request at one server."""

    def __init__(self, asking: _Asking, server: Server, channel: Channel, *, signed: bool) -> None:
        self._asking = asking
        self._server = server
        self._channel = channel
        self._signed = signed
        self._identifier: int | None = None
        self._sealed: Sealed | None = None
        self._gone = asyncio.Event()
        self._since = float("-inf")
        self._proved = channel.proved
        self._answered = False

    @property
    def lost(self) -> bool:
        """The connection has ended, which comes back for nobody."""
        return self._channel.reliable and self._gone.is_set()

    @property
    def stale(self) -> bool:
        """It has ended as one does that was not used for long, which shows only when something is sent."""
        return self.lost and self._proved

    def enter(self, request: Request) -> None:
        """Raises `ValueError`."""
        from_here = replace(request, attributes=(*request.attributes, nas_address(self._channel.local)))

        def make(identifier: int) -> _Exchange:
            self._sealed = seal(from_here, identifier, self._server.setting.secret)
            return self

        self._identifier = self._channel.enter(make)

    def send(self) -> None:
        """The same octets each time: a server knows by them that it has been asked before (RFC 5080 §2.2.1). On a
        connection, which loses nothing, once (RFC 6613 §2.6.1)."""
        if self._sealed is None or (self._channel.reliable and self._since > float("-inf")):
            return
        self._gone.clear()
        self._since = asyncio.get_running_loop().time()
        self._channel.send(self._sealed.octets)

    async def over(self, answer: asyncio.Future[Answer]) -> None:
        """Until there is an answer, or the server is not there."""
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            ends: set[asyncio.Future[Any]] = {answer, gone}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()

    def heard(self, datagram: bytes) -> None:
        if self._sealed is None:
            return
        now = asyncio.get_running_loop().time()
        try:
            reply = self._sealed.proved(datagram, signed=self._signed)
        except UnsignedError as fault:
            hint = "update the server, or set message_authenticator optional"
            self._server.misspoke(f"{fault}: {hint}", now)
        except (NotProvedError, MalformedError) as fault:
            self._server.misspoke(str(fault), now)
        else:
            self._answered = True
            self._asking.heard(self._server, reply)

    def refused(self, why: str = "") -> None:
        self._server.fault = why or self._server.fault
        self._gone.set()

    def close(self) -> None:
        if self._identifier is not None:
            self._channel.leave(self._identifier, answered=self._answered, sent=self._since)


def _line(servers: tuple[Server, ...], now: float) -> list[Server]:
    """Who is asked, try by try: those that are alive take turns, then each of the others gets one chance."""
    alive = [each for each in servers if each.alive(now)] or list(servers)
    tries = max((each.tries for each in alive), default=0)
    turns = [each for turn in range(tries) for each in alive if turn < each.tries]
    return turns + [each for each in servers if each not in alive]


def _server(setting: RadiusServer, settings: Radius, port: int, look_up: LookUp) -> Server:
    place, timeout = Whereabouts(setting.host, look_up), setting.timeout or settings.timeout
    tries = setting.tries or settings.retries
    if setting.tls is None:
        return Server(place, setting.port or port, setting, timeout, tries)
    ways = SecureChannels(setting.tls, setting.host, settings.files, timeout)
    return Server(place, setting.port or TLS_PORT, setting, timeout, tries, ways)
