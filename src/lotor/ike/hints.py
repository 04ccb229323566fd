"""Hints: what a gateway says in clear to whoever sends for a session that it does not have, as one started anew.

They prove nothing, and nothing here changes by them. An answer is never larger than what came, and goes only where that
came from: whoever forges the sender makes this end send no more than he does himself, and a bounded number a second.
"""

from __future__ import annotations

from collections.abc import Callable

from lotor.ike.budget import Budget
from lotor.ike.context import CoreContext
from lotor.ike.effects import Transmit
from lotor.model.network import Instant, Path
from lotor.model.policy import Rate, Side

TOTAL = Rate(second=200.0, burst=200.0)
"""Hints in all: after a restart a thousand clients hear of it within seconds, for 10 kB/s."""
SITE = Rate(second=5.0, burst=10.0)
"""Hints for one site: many clients may stand behind one NAT."""


class Hints:
    def __init__(self, context: CoreContext) -> None:
        self._context = context
        self._budget = Budget(TOTAL, SITE)

    def give(self, making: Callable[[], bytes | None], path: Path, came: int, now: Instant) -> None:
        """Back over `path`, by which `came` octets came. What a flood gets nothing for is not made either."""
        site = path.remote.site
        if not self._gives() or not self._budget.has(site, now):
            return
        hint = making()
        if hint is not None and len(hint) <= came:
            self._budget.charge(site, now, 1.0)
            self._context.put(Transmit(hint, path))

    def _gives(self) -> bool:
        """Whether anybody serves here: a client's peers know what it is."""
        return any(remote.side is Side.GATEWAY for remote in self._context.policy.remotes)
