"""What a session still owes before traffic may flow, whatever the protocol version. Asked before anything is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from lotor.ike.errors import Misplaced


class Gate(Enum):
    """In the order in which they open. `AUTHENTICATED`: keys and certificate are proved; `LOGIN`: a back end said yes,
    or to a client the gateway; `ADDRESS`: the gateway gave an inner address."""

    AUTHENTICATED = "phase 1"
    LOGIN = "login"
    ADDRESS = "address"


ALL = (Gate.AUTHENTICATED, Gate.LOGIN, Gate.ADDRESS)
"""What every session owes until its authentication method is agreed."""


@dataclass(slots=True)
class Gates:
    """Shut gates, next to open first."""

    shut: list[Gate] = field(default_factory=list)

    def open(self, gate: Gate) -> None:
        """Raises `Misplaced` unless the gate is the next one: no step of a login is ever skipped."""
        if self.next() is not gate:
            raise Misplaced(f"gate {gate.value} opened out of turn")
        self.shut.pop(0)

    def settle(self, gates: tuple[Gate, ...]) -> None:
        """The peer is authenticated, and its method says what else is owed."""
        self.open(Gate.AUTHENTICATED)
        self.shut = list(gates)

    def next(self) -> Gate | None:
        return self.shut[0] if self.shut else None

    def passed(self, gate: Gate) -> bool:
        return gate not in self.shut

    def demand(self, gate: Gate, wish: str) -> None:
        """Raises `Misplaced` while a gate is shut."""
        if not self.passed(gate):
            raise Misplaced(f"{wish} before the {gate.value} was accepted")

    def all_open(self) -> bool:
        return not self.shut
