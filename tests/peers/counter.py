"""A gateway's endpoint without a network: questions are answered at once or on demand, datagrams come back as a list,
and every event is rendered, as the journal would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from lotor.ike.effects import Ask, Effect, Tell, Transmit
from lotor.ike.events import ChildDown, Ended
from lotor.ike.questions import CheckLogin
from lotor.model.login import Accepted
from lotor.model.network import Path, Peer
from lotor.model.policy import Policy
from peers.world import CHILD, GATEWAY, CheapRandomness, Host

HERE = IPv4Address("192.0.2.50")
STRANGER = Peer(IPv4Address("203.0.113.1"), 20001)


def path(remote: Peer = STRANGER, *, floated: bool = True) -> Path:
    return Path(Peer(HERE, 4500 if floated else 500), remote, floated=floated)


@dataclass
class Counter:
    """`late`: verdicts on logins wait until `verdict()`. `yes`: the sessions that heard one."""

    policy: Policy = field(default_factory=lambda: Policy((GATEWAY,), CHILD))
    seed: int = 3
    late: bool = False
    now: float = 1000.0
    answers: dict[type, Callable] = field(default_factory=dict)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.host = Host("gateway", HERE, self.policy, CheapRandomness(self.seed), answers=self.answers)
        self.endpoint = self.host.endpoint
        self.pending: list[tuple[int, object, object]] = []
        self.yes: set[int] = set()

    def receive(self, datagram: bytes, remote: Peer = STRANGER, *, floated: bool = True) -> list[bytes]:
        return self.settle(self.endpoint.receive(datagram, path(remote, floated=floated), self.now))

    def wait(self, seconds: float) -> list[bytes]:
        """Let time pass, deadline by deadline."""
        end, said = self.now + seconds, []
        while (deadline := self.endpoint.deadline()) is not None and deadline.at <= end:
            self.now = max(self.now, deadline.at)
            said += self.settle(self.endpoint.tick(self.now))
        self.now = end
        return said

    def verdict(self) -> list[bytes]:
        """The oldest login that waits is answered."""
        if not self.pending:
            return []
        return self.settle(self._deliver(*self.pending.pop(0)))

    def _deliver(self, ticket: int, question: object, answer: object) -> list[Effect]:
        if isinstance(answer, Accepted):
            self.yes.add(question.session)
        return self.endpoint.answer(ticket, answer, self.now)

    def settle(self, effects: list[Effect]) -> list[bytes]:
        said, todo = [], list(effects)
        while todo:
            effect = todo.pop(0)
            if isinstance(effect, Transmit):
                said.append(effect.data)
            elif isinstance(effect, Tell):
                self.host.events.append(effect.event)
                self.text.append(effect.event.text())
                if isinstance(effect.event, ChildDown):
                    self.host.installed.pop(effect.event.child, None)
                elif isinstance(effect.event, Ended) and effect.event.session in self.host.leases:
                    self.host.pool.append(self.host.leases.pop(effect.event.session))
            elif isinstance(effect, Ask):
                answer = self.host.answer(effect.question)
                if self.late and self._waits(effect.question):
                    self.pending.append((effect.ticket, effect.question, answer))
                else:
                    todo += self._deliver(effect.ticket, effect.question, answer)
        return said

    def _waits(self, question: object) -> bool:
        return isinstance(question, CheckLogin)

    @property
    def sessions(self) -> int:
        return len(self.endpoint._sessions.by_id)
