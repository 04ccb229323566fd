"""Sessions whose `phase1_up` has run, until their `phase1_down` does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Address
from lotor.model.policy import Side
from lotor.ports.hooks import HookContext
from lotor.privsep.serving import Denied
from lotor.warden.leases import MOST_SESSIONS

MOST_UP = {Side.GATEWAY: MOST_SESSIONS, Side.CLIENT: 256}
"""At a time: on a gateway as many as may have addresses, on a client four times as many as may be attached."""
MOST_WITHOUT_ADDRESS = 4_096
"""Sessions of each block that are up and have no inner address: nothing else counts them."""
MOST_AT_AN_ADDRESS = 8
"""Sessions of a block that came up with one address and have not gone down: the scripts of one that has ended may wait
for their turn while its address is another's."""


@dataclass(frozen=True, slots=True)
class Up:
    """A session that came up: its block, and what its client was given: on a gateway its addresses, on a client
    everything; None without an address."""

    remote: str
    side: Side
    given: ModeConfiguration | frozenset[Address] | None


class Ups:
    """For each of them the variables that its `phase1_up` had."""

    def __init__(self) -> None:
        self._contexts: dict[Side, dict[Up, deque[HookContext]]] = {side: {} for side in Side}
        self._counts = dict.fromkeys(Side, 0)

    def __len__(self) -> int:
        return sum(self._counts.values())

    def of(self, up: Up, user: str | None) -> HookContext | None:
        """Of the oldest one with this login: what its `phase1_up` had. None where none is up."""
        return next((each for each in self._contexts[up.side].get(up, ()) if each.user == user), None)

    def too_many(self, side: Side) -> tuple[Up, HookContext] | None:
        """The session that goes down before another one comes up; None while there is room."""
        if self._counts[side] < MOST_UP[side]:
            return None
        oldest = next(iter(self._contexts[side]))
        return oldest, self._contexts[side][oldest][0]

    def enter(self, up: Up, context: HookContext) -> None:
        """Raises `Denied`."""
        contexts = self._contexts[up.side].get(up, deque())
        if up.given is None and len(contexts) >= MOST_WITHOUT_ADDRESS:
            raise Denied(f"{MOST_WITHOUT_ADDRESS} sessions without an address are up")
        if up.given is not None and len(contexts) >= MOST_AT_AN_ADDRESS:
            contexts.popleft()
            self._counts[up.side] -= 1
        contexts.append(context)
        self._contexts[up.side][up] = contexts
        self._counts[up.side] += 1

    def leave(self, up: Up, context: HookContext) -> None:
        """One of those that are up goes down; `context` as `of` gave it."""
        contexts = self._contexts[up.side][up]
        contexts.remove(context)
        if not contexts:
            del self._contexts[up.side][up]
        self._counts[up.side] -= 1

    def __iter__(self) -> Iterator[tuple[Up, HookContext]]:
        for ups in self._contexts.values():
            for up, contexts in ups.items():
                for context in contexts:
                    yield up, context
