"""One connection that stays: what is kept of it while it is up, and while it is down; what a person is told of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from lotor.client.comeback import Comeback
from lotor.client.persons import Given
from lotor.client.targets import Target
from lotor.model.network import Address
from lotor.model.prompt import Field
from lotor.model.reason import Cause, Reason
from lotor.model.secret import Secret
from lotor.runtime.sessions import Session

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Staying:
    """One connection. `given` opened it, and opens it again. `session`: the number of the present one, or of the last;
    `source`: the address of this host towards the gateway, None without a way there. `shut`: what belongs into the
    tunnel stays unreachable while it is down; `closed`: it is down, and nothing but a person brings it back."""

    number: int
    target: Target
    given: Given
    comeback: Comeback
    session: int = 0
    source: Address | None = None
    shut: bool = False
    closed: bool = False
    call: asyncio.Task[None] | None = None
    alarm: asyncio.TimerHandle | None = None

    def is_for(self, session: Session) -> bool:
        blocks = {each.name for each in (self.target.remote, *self.target.also)}
        return session.remote in blocks and session.called in (self.target.address, *self.target.others)

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


def by_hand(reason: Reason) -> bool:
    """A person at this end ended it."""
    return reason.cause is Cause.ADMINISTRATOR and not reason.may_heal()
