"""One connection to the administrator's socket: requests one after the other, with prompts in between."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from lotor.control.messages import (
    Act,
    AddBan,
    Answer,
    BadMessage,
    Bans,
    Connect,
    Debug,
    Disconnect,
    Done,
    Drain,
    Events,
    Explain,
    Failed,
    Gateways,
    Happened,
    Lift,
    Logout,
    Look,
    Metrics,
    Portal,
    Progress,
    Prompt,
    Reload,
    Report,
    Request,
    Response,
    Secrets,
    Status,
    Until,
    decode_request,
    encode,
)
from lotor.control.service import Credential, Service
from lotor.control.turns import Turns
from lotor.model.prompt import Field

log = logging.getLogger(__name__)

MOST_EVENTS_WAITING = 1000
"""Events kept for a listener that does not read; then the connection is cut."""
READING_SECONDS = 10.0
"""A caller that has not read an answer after so long is cut: what waits for it is memory of the daemon."""
GOODBYE_SECONDS = 2.0
"""So long does an end of the program wait for the answer to who ended a session."""

MOST_DEBUG_SECONDS = 3600
"""Nobody is followed for longer because somebody forgot it."""
Waiting = asyncio.Queue[Happened | None]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Conversation:
    """Implements `Caller`. Nothing of an `Answer` is ever written, logged or kept."""

    def __init__(self, service: Service, turns: Turns, caller: Credential, streams: Streams) -> None:
        self._service = service
        self._credential = caller
        self._reader, self._writer = streams
        self._writer.transport.set_write_buffer_limits(0)  # `drain` then waits until the caller has read it all
        self._turns = turns
        self._work: asyncio.Task[None] | None = None
        self._answering = False
        self._ending = False
        self._answer: asyncio.Future[Secrets | None] | None = None

    @property
    def credential(self) -> Credential:
        return self._credential

    @property
    def busy(self) -> bool:
        return self._work is not None and not self._work.done()

    async def goodbye(self) -> None:
        """Waits for the answer to a caller who ends a session, or waits for its end: it may be what this program ends
        for."""
        if self._ending and self._work is not None and not self._work.done():
            await asyncio.wait({self._work}, timeout=GOODBYE_SECONDS)

    async def run(self) -> None:
        """Until the caller closes, or sends a line that is no request."""
        try:
            while (line := await self._line()) is not None:
                await self._take(decode_request(line))
        except BadMessage as error:
            await self._write(Failed(f"the request was not understood: {error}"))
        finally:
            await self._abandon()

    async def prompt(self, wants: tuple[Field, ...], message: str) -> Secrets | None:
        if self._answer is not None:
            return None
        self._answer = asyncio.get_running_loop().create_future()
        try:
            await self._write(Prompt(tuple(each.value for each in wants), message))
            return await self._answer
        finally:
            self._answer = None

    async def tell(self, text: str) -> None:
        await self._write(Progress(text))

    async def _line(self) -> bytes | None:
        """One request line; None at the end. A line that never ends is bounded by the stream's limit."""
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            if error.partial.strip():
                raise BadMessage("the line has no end") from None
            return None
        except asyncio.LimitOverrunError:
            raise BadMessage("the line is too long") from None

    async def _take(self, request: Request) -> None:
        if isinstance(request, Answer):
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(request.values)
            return
        if self._work is not None and self._answering:
            await asyncio.wait({self._work})
        if self.busy:
            await self._write(Failed("another request is under way on this connection"))
            return
        self._answering = False
        self._ending = isinstance(request, Disconnect | Logout | Until)
        self._work = asyncio.get_running_loop().create_task(self._carry_out(request))

    async def _carry_out(self, request: Request) -> None:
        try:
            response = await self._respond(request)
        except ConnectionError:
            return
        except Exception as error:  # noqa: BLE001 - one request must not end the service; its text may carry a secret
            log.error("internal error: %s failed: %s", type(request).__name__, type(error).__name__)  # noqa: TRY400 - as above
            response = Failed("internal error in the daemon; its log says more")
        self._answering = True
        if response is not None:
            with contextlib.suppress(ConnectionError):
                await self._write(response)

    async def _respond(self, request: Request) -> Response | None:
        match request:
            case Connect() | Disconnect() | Logout() | Reload() | Portal() | AddBan() | Lift() | Drain():
                log.info("%s asked by %s", _words(request), self._credential)
                return await self._act(request)
            case Events():
                await self._stream()
                return None
            case Debug():
                log.info("%s asked by %s", _words(request), self._credential)
                return await self._watch(request)
            case Until():
                return await self._service.until(request, self)
            case Status() | Metrics() | Explain() | Bans() | Gateways():
                async with self._turns.turn(self._credential.uid):
                    return await self._look(request)
            case _:
                return Failed("nothing was asked")

    async def _act(self, request: Act) -> Response:
        match request:
            case Connect():
                return await self._service.connect(request, self)
            case Disconnect():
                return await self._service.disconnect(request, self)
            case Logout():
                return await self._service.logout(request, self)
            case Reload():
                return await self._service.reload(self)
            case Portal():
                return await self._service.portal(request, self)
            case AddBan() | Lift() | Drain():
                return await self._close(request)

    async def _close(self, request: AddBan | Lift | Drain) -> Response:
        """Who is to come here no more."""
        if isinstance(request, Drain):
            return self._service.drain(request, self)
        if isinstance(request, Lift):
            return await self._service.lift(request, self)
        return await self._service.ban(request, self)

    async def _look(self, request: Look) -> Response:
        if isinstance(request, Explain):
            return self._service.explain(request, self)
        if isinstance(request, Metrics):
            return await self._service.metrics(self)
        if isinstance(request, Bans):
            return await self._service.bans(self)
        if isinstance(request, Gateways):
            return await self._service.gateways(request, self)
        return Report(dict(await self._service.status(request, self)))

    async def _stream(self) -> None:
        waiting: Waiting = asyncio.Queue(MOST_EVENTS_WAITING)
        unsubscribe = self._service.subscribe(_offer(waiting), self)
        try:
            await self._pass_on(waiting)
        finally:
            unsubscribe()

    async def _pass_on(self, waiting: Waiting) -> None:
        while (event := await waiting.get()) is not None:
            await self._write(event)
        self.cut()

    async def _watch(self, request: Debug) -> Response | None:
        """Until its time is over; None where the caller is gone before."""
        if not 1 <= request.seconds <= MOST_DEBUG_SECONDS:
            return Failed(f"debug lasts from 1 to {MOST_DEBUG_SECONDS} seconds")
        waiting: Waiting = asyncio.Queue(MOST_EVENTS_WAITING)
        end = self._service.debug(request, _offer(waiting), self)
        if isinstance(end, Failed):
            return end
        passing = asyncio.create_task(self._pass_on(waiting))
        try:
            await asyncio.wait({passing}, timeout=request.seconds)
            if passing.done():
                await passing
                return None
        finally:
            end()
            passing.cancel()
        return Done("the time is over")

    def cut(self) -> None:
        """The end at once: what the caller has not read is gone."""
        self._writer.transport.abort()

    async def _write(self, response: Response) -> None:
        """Raises `ConnectionError` when the caller went away, or does not read."""
        self._writer.write(encode(response))
        try:
            async with asyncio.timeout(READING_SECONDS):  # `wait_for` may lose a cancellation in Python 3.11
                await self._writer.drain()
        except TimeoutError:
            log.warning("control socket: %s reads no answer, its connection is cut", self._credential)
            self.cut()
            raise ConnectionAbortedError from None

    async def _abandon(self) -> None:
        if self._work is not None and not self._work.done():
            self._work.cancel()
            await asyncio.wait({self._work})


def _words(request: Act | Debug) -> str:
    match request:
        case Debug(subject=subject, seconds=seconds):
            return f"debug of {subject} for {seconds} s"
        case Connect(gateway=gateway) | Disconnect(gateway=gateway):
            return f"{'vc' if isinstance(request, Connect) else 'vd'} {gateway}"
        case Logout(user=user, session=session):
            return f"logout of {user if user is not None else f'session {session}'}"
        case Reload():
            return "reload"
        case Portal(seconds=seconds):
            return f"portal for {seconds} s"
        case AddBan() | Lift() | Drain():
            return _closing(request)


def _closing(request: AddBan | Lift | Drain) -> str:
    if isinstance(request, Drain):
        where = ", ".join(request.gateways) or "those of the configuration"
        return "the end of draining" if request.over else f"draining to {where}"
    lasts = f" for {request.seconds} s" if isinstance(request, AddBan) else " lifted"
    return f"ban of {request.subject}{lasts}"


def _offer(waiting: asyncio.Queue[Happened | None]) -> Callable[[Happened], None]:
    """Puts events into a queue; a full one is emptied and ended, for its reader has stopped reading."""

    def listener(event: Happened) -> None:
        try:
            waiting.put_nowait(event)
        except asyncio.QueueFull:
            while not waiting.empty():
                waiting.get_nowait()
            waiting.put_nowait(None)

    return listener
