"""The exchanges of one session by message id: those that run, and the last finished ones, which answer duplicates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from lotor.ike.dialect import Incoming
from lotor.model.network import Instant, Path

FINISHED_AT_MOST = 32
"""Finished exchanges whose last message is kept, to answer duplicates."""

RUNNING_AT_MOST = 8
"""Exchanges that a peer may have under way at once."""


class Running(Protocol):
    """What the table needs of an exchange."""

    @property
    def key(self) -> tuple[int, int]: ...

    @property
    def answered(self) -> bool:
        """Whether the peer began, has our answer, and still owes a message."""
        ...

    def receive(self, incoming: Incoming, path: Path, now: Instant) -> None: ...

    def settle(self) -> None: ...

    def moved(self) -> None: ...

    def cancel(self) -> None: ...


@dataclass(slots=True)
class Exchanges:
    _running: dict[tuple[int, int], Running] = field(default_factory=dict)
    _finished: dict[tuple[int, int], Running] = field(default_factory=dict)
    _errors: dict[int, None] = field(default_factory=dict)

    def find(self, kind: int, message_id: int) -> Running | None:
        key = (kind, message_id)
        return self._running.get(key) or self._finished.get(key)

    def running(self, kind: int) -> list[Running]:
        return [exchange for (running, _), exchange in self._running.items() if running == kind]

    def full(self) -> bool:
        return len(self._running) >= RUNNING_AT_MOST

    def add(self, exchange: Running) -> None:
        self._running[exchange.key] = exchange

    def is_new_error(self, message_id: int) -> bool:
        """Whether an informational message with an error is neither one that came before nor one of this end. Its hash
        tells neither, and as many are remembered as finished exchanges."""
        if message_id in self._errors:
            return False
        self._errors[message_id] = None
        if len(self._errors) > FINISHED_AT_MOST:
            del self._errors[next(iter(self._errors))]
        return True

    def retire(self, exchange: Running, key: tuple[int, int]) -> None:
        """The exchange is over for this message id, which is not used again."""
        self._running.pop(key, None)
        self._finished[key] = exchange
        while len(self._finished) > FINISHED_AT_MOST:
            self._finished.pop(next(iter(self._finished))).settle()

    def drop(self, exchange: Running) -> None:
        """Forgets the exchange, as if it had never begun."""
        self._running.pop(exchange.key, None)

    def settle(self) -> None:
        """A later message came: finished exchanges need not repeat their last message any more."""
        for exchange in self._finished.values():
            exchange.settle()

    def moved(self) -> None:
        for exchange in (*self._running.values(), *self._finished.values()):
            exchange.moved()

    def hand_over(self) -> None:
        """Another phase 1 takes over, and begins anew what this end had begun. Exchanges that the peer began, and that
        we have answered, are still finished here, and duplicates of finished ones are still answered."""
        for exchange in [each for each in self._running.values() if not each.answered]:
            exchange.cancel()
            self.drop(exchange)
        self.settle()

    def forget(self) -> None:
        """Finished exchanges do not answer duplicates any more."""
        for exchange in self._finished.values():
            exchange.cancel()
        self._finished.clear()

    def cancel(self) -> None:
        for exchange in self._running.values():
            exchange.cancel()
        self._running.clear()
        self.forget()
