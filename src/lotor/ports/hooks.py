"""The port of the administrator's scripts."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.network import Path
from lotor.model.policy import Side


class HookEvent(Enum):
    PHASE1_UP = "phase1_up"
    PHASE1_DOWN = "phase1_down"
    PHASE1_DEAD = "phase1_dead"


@frozen
class HookContext:
    """What a script is told about. `cookies` as `initiator:responder` in hexadecimal; `configuration` None before there
    is one; `user` is the login, known on the gateway, `groups` what the back end granted with it."""

    side: Side
    path: Path
    peer_id: str = ""
    cookies: str = ""
    configuration: ModeConfiguration | None = None
    user: str | None = None
    device: str | None = None
    groups: frozenset[str] = frozenset()


class Hooks(Protocol):
    """Runs the scripts of one `remote` block one after the other, waits for them with a bound, and tells the outcome in
    the log. Never raises; never uses a shell. The variables are made where the script is run: a caller names none."""

    def wants(self, remote: str, event: HookEvent) -> bool:
        """Whether anything would run: what no script asks for need not be made."""
        ...

    async def run(self, remote: str, event: HookEvent, context: HookContext) -> None: ...
