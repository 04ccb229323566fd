"""Gates: the steps that a session still owes before traffic may flow, in any protocol version."""

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
"""The gates of every session until its authentication method is agreed."""


@dataclass(slots=True)
class Gates:
    """The gates that are shut, in the order in which they open."""

    shut: list[Gate] = field(default_factory=list)

    def open(self, gate: Gate) -> None:
        """Raises `Misplaced` unless this gate is the next one: no step of a login is ever skipped."""
        if self.next() is not gate:
            raise Misplaced(f"gate {gate.value} opened out of turn")
        self.shut.pop(0)

    def settle(self, gates: tuple[Gate, ...]) -> None:
        """The peer is authenticated. `gates` are those that its method leaves shut."""
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
