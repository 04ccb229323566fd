"""What a session still owes before traffic may flow; the one place that is asked before anything is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from lotor.ike.errors import Misplaced
from lotor.model.policy import RemotePolicy, Side


class Gate(Enum):
    """In the order in which they open. `PHASE_ONE`: keys and the certificate proved; `LOGIN`: a back end said yes (to a
    client: the gateway did); `ADDRESS`: mode config gave one."""

    PHASE_ONE = "phase 1"
    LOGIN = "login"
    ADDRESS = "address"


def owed(remote: RemotePolicy) -> tuple[Gate, ...]:
    """All gates of a `remote` block. A client that does not ask for a configuration brings its own address."""
    if remote.side is Side.CLIENT and not remote.mode_cfg:
        return (Gate.PHASE_ONE, Gate.LOGIN)
    return (Gate.PHASE_ONE, Gate.LOGIN, Gate.ADDRESS)


@dataclass(slots=True)
class Gates:
    """Shut gates, next to open first."""

    shut: list[Gate] = field(default_factory=list)

    def open(self, gate: Gate) -> None:
        """Raises `Misplaced` unless the gate is the next one: no step of a login is ever skipped."""
        if self.next() is not gate:
            raise Misplaced(f"gate {gate.value} opened out of turn")
        self.shut.pop(0)

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
