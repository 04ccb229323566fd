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


ALL = (Gate.PHASE_ONE, Gate.LOGIN, Gate.ADDRESS)
"""What every session owes until its phase 1 settles the method."""


def owed(remote: RemotePolicy, *, xauth: bool) -> tuple[Gate, ...]:
    """What is owed after phase 1. Without XAUTH the peer is proved already. It may bring its own address only where the
    gateway gives none: who could name an address of the pool would get a colleague's traffic."""
    login = (Gate.LOGIN,) if xauth else ()
    given = remote.mode_cfg or (xauth and remote.side is Side.GATEWAY)
    return (*login, Gate.ADDRESS) if given else login


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
        """Phase 1 is open and has settled what else is owed."""
        self.open(Gate.PHASE_ONE)
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
