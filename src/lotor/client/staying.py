"""One connection that stays: what is kept of it while it is up, and while it is down; what a person is told of it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field

from lotor.client.comeback import Comeback
from lotor.client.persons import Given
from lotor.client.targets import Target
from lotor.client.wallet import Kept
from lotor.model.network import Address, Instant
from lotor.model.prompt import Field
from lotor.model.reason import Reason
from lotor.model.secret import Secret
from lotor.runtime.sessions import Session

log = logging.getLogger(__name__)


MOST_LINES = 64
"""Lines that wait for somebody who does not listen; the oldest are lost."""
MOST_NUMBERS = 8
"""Sessions of a connection by which somebody may still ask for it."""


class News:
    """What becomes of one connection, for a person who waits: lines, then why it ended, with `session` for the last
    one that it had."""

    def __init__(self) -> None:
        self.session = 0
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._end: Reason | None = None
        self._some = asyncio.Event()

    def line(self, text: str) -> None:
        self._lines.append(text)
        self._some.set()

    def over(self, reason: Reason, session: int) -> None:
        self._end, self.session = self._end or reason, session
        self._some.set()

    async def next(self) -> str | Reason:
        """Waits. Behind the reason nothing follows."""
        while not self._lines:
            if self._end is not None:
                return self._end
            self._some.clear()
            await self._some.wait()
        return self._lines.popleft()


@dataclass(slots=True, eq=False)
class Staying:
    """One connection. `given` opened it, and opens it again. `numbers`: those of its last few sessions. `source`: the
    address of this host towards the gateway, None without a way there. `shut`: what belongs into the tunnel stays
    unreachable while it is down; `closed`: it is down, and nothing but a person brings it back. `lost`: since when it
    is down. `elsewhere`: this host came to another network, and the gateway has not been called there. `found`: what
    the last lookup of the name said. `ticket`: what the last session left to come back with; `unheard`: calls since
    then that nobody answered."""

    number: int
    target: Target
    given: Given
    comeback: Comeback
    source: Address | None = None
    shut: bool = False
    closed: bool = False
    lost: Instant | None = None
    elsewhere: bool = False
    numbers: deque[int] = field(default_factory=lambda: deque(maxlen=MOST_NUMBERS))
    news: set[News] = field(default_factory=set)
    call: asyncio.Task[None] | None = None
    lookup: asyncio.Task[None] | None = None
    found: tuple[Address, ...] = ()
    alarm: asyncio.TimerHandle | None = None
    ticket: Kept | None = None
    unheard: int = 0

    @property
    def session(self) -> int:
        """The number of the present one, or of the last; 0 before the first."""
        return self.numbers[-1] if self.numbers else 0

    def is_for(self, session: Session) -> bool:
        if session.id in self.numbers:
            return True
        blocks = {each.name for each in (self.target.remote, *self.target.also)}
        return session.remote in blocks and session.called in (self.target.address, *self.target.others)

    def came_up(self, session: Session, now: Instant) -> None:
        """It has this session from now on."""
        since, self.lost, self.closed = self.lost, None, False
        self.ticket, self.unheard = None, 0
        self.source = session.path.local.address
        self.target = self.target.reached(session.remote, session.ike, session.called)
        self.numbers.append(session.id)
        self.comeback.up(now)
        if since is not None:
            log.warning("the connection to %s is back", self.name)
            self.tell(f"back after {now - since:.0f} s")

    def went_down(self, reason: Reason, now: Instant) -> None:
        self.lost = now if self.lost is None else self.lost
        self.comeback.ended(reason, now)
        log.warning("the connection to %s is lost: %s", self.name, reason.text)

    def call_where_it_is(self) -> None:
        """The next call goes where the name leads by now. A call that is under way keeps its addresses."""
        if self.found:
            before, self.target = self.target.address, self.target.now_at(self.found)
            self.found = ()
            if self.target.address != before:
                log.warning("%s is at %s now", self.name, self.target.address)

    def tell(self, text: str) -> None:
        """To everybody who waits."""
        for each in self.news:
            each.line(text)

    def over(self, reason: Reason) -> None:
        for each in self.news:
            each.over(reason, self.session)

    @property
    def name(self) -> str:
        return self.target.host or str(self.target.address)

    @property
    def until(self) -> str:
        """How what belongs into its closed tunnel is reached again."""
        return f"unreachable until `lotor vc {self.name}` or `lotor vd {self.name}`"

    def remark(self, now: float) -> str:
        """What `status` says of one that is down."""
        reason = self.comeback.reason
        lost = f"the connection to {self.name} is lost" + (f" ({reason.text})" if reason is not None else "")
        if self.closed:
            return f"{lost}: what belongs into its tunnel is {self.until}"
        if self.comeback.calling:
            return f"{lost}: connecting again"
        return f"{lost}: connecting again in {max(0.0, self.comeback.due - now):.0f} s"


class Silent:
    """Nobody is there to ask: `client.requests.Prompter`."""

    async def prompt(self, wants: tuple[Field, ...], message: str) -> dict[Field, Secret] | None:
        del wants, message
        return None

    async def tell(self, text: str) -> None:
        log.debug("%s", text)
