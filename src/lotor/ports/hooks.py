"""The port of the administrator's scripts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol


class HookEvent(Enum):
    PHASE1_UP = "phase1_up"
    PHASE1_DOWN = "phase1_down"
    PHASE1_DEAD = "phase1_dead"


class Hooks(Protocol):
    """Runs the scripts of one `remote` block one after the other, waits for them with a bound, and tells the outcome in
    the log. Never raises; never uses a shell."""

    def wants(self, remote: str, event: HookEvent) -> bool:
        """Whether anything would run: what no script asks for need not be made."""
        ...

    async def run(self, remote: str, event: HookEvent, environment: Mapping[str, str]) -> None: ...
