"""Key pairs computed ahead of time: half the arithmetic of a handshake over a MODP group is done before it begins."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from lotor.ike.randomness import KeyPair
from lotor.model.algorithms import Group

POOL_SIZE = 4
"""Key pairs that wait, for each group that was asked for."""


class KeyPairs:
    """Pairs of `make`, each given away once. The thread of `executor` computes without the interpreter's lock."""

    def __init__(self, make: Callable[[Group], KeyPair], executor: Executor | None = None) -> None:
        self._make = make
        self._executor = executor or ThreadPoolExecutor(1, "lotor-pairs")
        self._ready: dict[Group, deque[KeyPair]] = {}

    def take(self, group: Group) -> KeyPair:
        """One that waits, or, when none does, a new one while the caller waits. Never fails for want of a thread."""
        ready = self._ready.setdefault(group, deque())
        if len(ready) <= POOL_SIZE // 2:
            self._ask_for_more(group, ready)
        try:
            return ready.popleft()
        except IndexError:
            return self._make(group)

    def _ask_for_more(self, group: Group, ready: deque[KeyPair]) -> None:
        try:
            self._executor.submit(self._fill, group, ready)
        except RuntimeError:  # no more threads, or the interpreter is about to end
            return

    def _fill(self, group: Group, ready: deque[KeyPair]) -> None:
        while len(ready) < POOL_SIZE:
            ready.append(self._make(group))
