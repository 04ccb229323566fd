"""Servers that ask for the end or the change of sessions are heard here (RFC 5176): only those that are named, each
request once, a bounded number at a time."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address

from lotor.config.settings import DynamicPlace, Radius
from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.model.quantity import quantity
from lotor.model.secret import Secret
from lotor.ports.demands import LONGEST_WAIT, Demand, Settled
from lotor.radius.dynamic_packets import prove, respond
from lotor.radius.dynamic_requests import Here, RefusedError, read
from lotor.radius.dynamic_sockets import Call, DynamicSocket, is_of_this_host
from lotor.radius.nas import nas_name
from lotor.radius.numbers import Attribute, Code, ErrorCause
from lotor.radius.packets import NotProvedError
from lotor.radius.structure import Frame, MalformedError, framed

log = logging.getLogger(__name__)

PORT = 3799
MOST_WAITING = 64
"""Requests that are carried out, or wait for it; one more is refused, and may come again."""
MOST_ANSWERED = 4_096
"""Answers that are kept, some 2 MiB at most: only who knows a secret gets one."""
KEPT = 600.0
"""Seconds: as long as the Event-Timestamp of a request may be good, whatever the clocks."""
GIVEN_UP = 60.0
"""Seconds after which a request that nobody settled may come again."""
AT_ONCE = 16
"""Requests that are handed over at a time."""
QUIET = 60.0
"""Seconds between two lines of the log about what is dropped."""


@frozen
class _Open:
    """A request under way. `key` is what knows it again."""

    call: Call
    frame: Frame
    secret: Secret
    key: bytes
    since: float


class _Dropped:
    """What is not answered: counted, and told now and then."""

    def __init__(self) -> None:
        self._count = 0
        self._told = float("-inf")

    def note(self, source: Address, why: str, now: float) -> None:
        self._count += 1
        if now < self._told + QUIET:
            return
        what = quantity(self._count, "request")
        log.warning("%s to end or change sessions dropped; the last one came from %s: %s", what, source, why)
        self._count, self._told = 0, now


class DynamicRequests:
    """Implements `ports.demands.Demands`. Belongs to one event loop. `wall`: seconds since 1970."""

    def __init__(self, settings: Radius, wall: Callable[[], float] = time.time) -> None:
        """Raises `OSError` where it cannot listen."""
        self._loop = asyncio.get_running_loop()
        self._wall = wall
        self._sockets: dict[DynamicPlace, DynamicSocket] = {}
        self._clients: Mapping[Address, Secret] = {}
        self._answered: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self._waiting: dict[int, _Open] = {}
        self._news: deque[Demand] = deque()
        self._came = asyncio.Event()
        self._number = 0
        self._dropped = _Dropped()
        self._signed, self._here = True, Here("", is_of_this_host)
        self.use(settings)

    def use(self, settings: Radius | None) -> None:
        """From now on these count; None: nobody is heard. Raises `OSError`, and nothing has changed."""
        wanted = places_of(settings) if settings is not None else ()
        if set(wanted) != set(self._sockets):
            self._listen(wanted)
        if settings is None:
            self._clients = {}
            return
        self._clients = {each.address: each.secret for each in settings.dynamic_clients}
        self._signed = settings.dynamic_authenticator
        self._here = Here(nas_name(settings.nas_identifier), is_of_this_host)

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(each.port for each in self._sockets.values())

    async def demanded(self) -> tuple[Demand, ...]:
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await self._came.wait()
        except TimeoutError:
            return ()
        found = tuple(self._news.popleft() for _ in range(min(AT_ONCE, len(self._news))))
        if not self._news:
            self._came.clear()
        return found

    async def settle(self, settled: Settled) -> None:
        opened = self._waiting.pop(settled.number, None)
        if opened is None:
            return
        if settled.sessions is None:  # it may come again
            self._answer(opened, ErrorCause.RESOURCES_UNAVAILABLE)
            return
        cause = None if settled.sessions else ErrorCause.SESSION_CONTEXT_NOT_FOUND
        self._keep(opened.key, self._answer(opened, cause))

    def close(self) -> None:
        for each in self._sockets.values():
            each.close()
        self._sockets.clear()

    def _listen(self, wanted: tuple[DynamicPlace, ...]) -> None:
        """An address may be part of what was heard at before: that is closed first, and opened again where the new one
        cannot be."""
        former = tuple(self._sockets)
        for each in self._sockets.values():
            each.close()
        self._sockets = {}
        try:
            self._open(wanted)
        except OSError:
            self._open(former)
            raise

    def _open(self, places: tuple[DynamicPlace, ...]) -> None:
        made: dict[DynamicPlace, DynamicSocket] = {}
        try:
            for each in places:
                made[each] = DynamicSocket(each.address, each.port, self._hear)
        except OSError:
            for opened in made.values():
                opened.close()
            raise
        self._sockets = made

    def _hear(self, call: Call) -> None:
        now = self._loop.time()
        secret = self._clients.get(call.source)
        if secret is None:
            self._dropped.note(call.source, "no dynamic_client has this address", now)
            return
        try:
            frame = framed(call.octets)
            if self._was_heard(call, key := _key(call.source, frame), now):
                return
            prove(frame, secret, self._wall(), signed=self._signed)
        except (MalformedError, NotProvedError) as fault:
            self._dropped.note(call.source, str(fault), now)
            return
        self._take(_Open(call, frame, secret, key, now))

    def _was_heard(self, call: Call, key: bytes, now: float) -> bool:
        """Whether it is a request once more: it has its answer once more, or none while it is under way."""
        while self._answered and next(iter(self._answered.values()))[0] <= now - KEPT:
            self._answered.popitem(last=False)
        if (known := self._answered.get(key)) is not None:
            call.reply(known[1])
            return True
        return any(each.key == key for each in self._waiting.values())

    def _take(self, opened: _Open) -> None:
        try:
            whom, changes = read(opened.frame, self._here)
        except RefusedError as refused:
            self._keep(opened.key, self._answer(opened, refused.cause))
            return
        self._give_up(opened.since)
        if len(self._waiting) >= MOST_WAITING:
            self._answer(opened, ErrorCause.RESOURCES_UNAVAILABLE)
            return
        self._number += 1
        self._waiting[self._number] = opened
        self._news.append(Demand(self._number, opened.call.source, whom, changes))
        self._came.set()

    def _give_up(self, now: float) -> None:
        for number in [number for number, each in self._waiting.items() if each.since <= now - GIVEN_UP]:
            del self._waiting[number]
        self._news = deque(each for each in self._news if each.number in self._waiting)

    def _answer(self, opened: _Open, cause: ErrorCause | None) -> bytes:
        ends = opened.frame.code == Code.DISCONNECT_REQUEST
        if cause is None:
            code = Code.DISCONNECT_ACK if ends else Code.COA_ACK
            answer = respond(opened.frame, code, (), opened.secret)
        else:
            code = Code.DISCONNECT_NAK if ends else Code.COA_NAK
            answer = respond(opened.frame, code, ((Attribute.ERROR_CAUSE, cause.to_bytes(4)),), opened.secret)
        opened.call.reply(answer)
        return answer

    def _keep(self, key: bytes, answer: bytes) -> None:
        self._answered[key] = self._loop.time(), answer
        if len(self._answered) > MOST_ANSWERED:
            self._answered.popitem(last=False)


def _key(source: Address, frame: Frame) -> bytes:
    """What knows a request again: all that its authenticators prove. Padding, which anybody may put behind it, is no
    part of that."""
    return hashlib.sha256(source.packed + frame.octets).digest()


def places_of(settings: Radius) -> tuple[DynamicPlace, ...]:
    """Every address, of the IP versions of those who may ask, where none is named; none where nobody may."""
    if not settings.dynamic_clients:
        return ()
    if settings.dynamic_listen:
        return tuple(dict.fromkeys(settings.dynamic_listen))
    versions = {each.address.version for each in settings.dynamic_clients}
    every: dict[int, IPv4Address | IPv6Address] = {4: IPv4Address(0), 6: IPv6Address(0)}
    return tuple(DynamicPlace(every[each], PORT) for each in sorted(versions))
