"""Many seeded logins through a bad network: how many connect, and which of them hang or storm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lotor.ike.events import Ended
from peers.world import CheapRandomness, Host, World, connect, is_up, pair

FAULTS = {"loss": 0.30, "duplication": 0.05, "reordering": 0.10}
MOST_SENDS = 250
"""Datagrams of one host in one login, fragments and all: each message sent fifteen times at the very most."""


def login(seed: int, seconds: float, host: str, **policies) -> tuple[World, Host, Host, bool]:
    """World, gateway, client, and whether the login was over in time. The back end may be slow, and the NAT forget."""
    world, gateway, client = pair(seed, CheapRandomness, **policies, **FAULTS)
    gateway.slow = world.random.choice((0.0, 0.5, 5.0))
    connect(world, client, gateway, host)
    for _ in range(world.random.randrange(3)):
        world.later(world.random.random() * 10, lambda: world.rebind(client))
    done = world.run(seconds, lambda: (is_up(client) and is_up(gateway)) or bool(client.of(Ended)))
    return world, gateway, client, done


@dataclass
class Campaign:
    """Seeds of logins that were never over, seeds with what both ends sent where that was too much, and the virtual
    seconds of logins that connected."""

    runs: int
    stuck: list[int] = field(default_factory=list)
    storms: list[tuple[int, int, int]] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    def run(self, begin: Callable[[int], tuple[World, Host, Host, bool]], check: Callable[[Host], None]) -> None:
        """`check` looks at the gateway of each."""
        for seed in range(self.runs):
            world, gateway, client, done = begin(seed)
            if is_up(client) and is_up(gateway):
                self.took.append(world.now - 1000)
            if not done:
                self.stuck.append(seed)
            if max(client.sent, gateway.sent) > MOST_SENDS:
                self.storms.append((seed, client.sent, gateway.sent))
            check(gateway)

    def keeps(self, part: float) -> None:
        """So many of them connect, and none hangs or storms."""
        took, connected = sorted(self.took), len(self.took)
        report = f"{connected} of {self.runs} connected"
        if took:
            report += f", median {took[connected // 2]:.1f} s, p99 {took[connected * 99 // 100]:.1f} s"
        assert connected >= self.runs * part, report
        assert not self.stuck, self.stuck
        assert not self.storms, self.storms
