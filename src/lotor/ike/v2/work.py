"""What an IKE SA has to do of its own accord, one after the other: each end has one request under way (RFC 7296 §2.3).

What is under way decides what is answered to a request that crosses it (RFC 7296 §2.25)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lotor.ike.errors import Refusal
from lotor.ike.timers import Timer
from lotor.model.frozen import frozen
from lotor.model.network import Instant


class Kind(Enum):
    """CREATE, REKEY, DELETE: of an SA pair; RENEW: the IKE SA gets other keys."""

    CREATE = "create"
    REKEY = "rekey"
    DELETE = "delete"
    RENEW = "renew"


@frozen
class Task:
    """`child`: the number of the SA pair. `begin` is called when its turn comes, with the session that has the keys
    then: it gives the story, or None where nothing is left to do. `tries`: how often it was put off before."""

    kind: Kind
    child: int
    begin: Callable[[Any], Any] = field(compare=False)
    done: Callable[[Any, Any, Instant], None] = field(compare=False)
    failed: Callable[[Any, Task, Refusal, Instant], None] = field(compare=False)
    tries: int = field(default=0, compare=False)


@dataclass(slots=True)
class Work:
    """`waiting`: tasks in their order, each once, so that they are no more than twice the SA pairs. `rival`: the IKE SA
    that the peer made while our own request for one is under way. `pending`: a renewal that the peer began, and that
    other key exchanges have to end. `silent` is called when the peer does not answer. `trail`: when gateways sent this
    client elsewhere lately. `login`: the client's next one."""

    waiting: dict[Task, None] = field(default_factory=dict)
    busy: Task | None = None
    rival: Any = None
    pending: Any = None
    silent: Callable[[Any, Refusal, Instant], None] | None = None
    trail: list[Instant] = field(default_factory=list)
    login: Timer | None = None

    @property
    def renewing(self) -> bool:
        return self.busy is not None and self.busy.kind is Kind.RENEW

    @property
    def changing_children(self) -> bool:
        """Whether an SA pair is being made or deleted."""
        return self.busy is not None and self.busy.kind is not Kind.RENEW

    def take_over(self, old: Work) -> None:
        """What waits is done under the new keys, and what was under way is done again."""
        again = old.busy if old.busy is not None and old.busy.kind is not Kind.RENEW else None
        self.waiting = {**({again: None} if again is not None else {}), **old.waiting}
        self.trail = [*old.trail, *self.trail]
        self.login, old.login = old.login, None
        old.waiting, old.busy, old.rival, old.pending = {}, None, None, None
        self.waiting = {task: None for task in self.waiting if task.kind is not Kind.RENEW}
