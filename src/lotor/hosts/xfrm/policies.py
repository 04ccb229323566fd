"""The policies of the SA pairs in the kernel: what is there follows who has a claim to it."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable

from lotor.hosts.xfrm.claims import Claims
from lotor.hosts.xfrm.entries import Direction, Policy, PolicyId
from lotor.hosts.xfrm.pair import Ends, Pair
from lotor.hosts.xfrm.table import XfrmTable

IN_ORDER = (Direction.IN, Direction.FORWARD, Direction.OUT)
"""Answers are let in before the first packet goes out."""


Key = tuple[Direction, Ends]


class Policies:
    """One call at a time. A policy that the kernel refuses is tried again at the next change."""

    def __init__(self, table: XfrmTable) -> None:
        self._table = table
        self.claims = Claims()
        self._there: dict[Key, Policy] = {}
        self._unsure: set[Key] = set()
        """The kernel refused the last change of these, or its answer was lost."""
        self._due: dict[Ends, None] = {}

    async def add(self, pair: Pair) -> None:
        await self.settle(self.claims.add(pair))

    async def activate(self, pair: Pair) -> None:
        await self.settle(self.claims.activate(pair))

    async def remove(self, pair: Pair) -> None:
        """Also one that has none."""
        await self.settle(self.claims.remove(pair))

    def has(self, selector: PolicyId) -> bool:
        """Whether the kernel should have it."""
        direction, source, destination, *_ = selector
        ends = Ends((source, destination) if direction is Direction.OUT else (destination, source))
        there = self._there.get((direction, ends))
        return there is not None and there.selector == selector

    def missing(self, there: Container[PolicyId]) -> list[Ends]:
        """The networks whose policies the kernel should have, where these are all: `settle` makes them."""
        lost = [key for key, policy in self._there.items() if policy.selector not in there]
        self._unsure.update(lost)
        return list(dict.fromkeys(ends for _, ends in lost))

    async def settle(self, changed: Iterable[Ends]) -> None:
        """Does all that can be done; the first refusal is raised."""
        self._due.update(dict.fromkeys(changed))
        if not self._due:
            return
        wanted = {(each, ends): self.claims.wanted(ends, each) for ends in self._due for each in IN_ORDER}
        changes = {key: each for key, each in wanted.items() if each != self._there.get(key) or key in self._unsure}
        refusals = await self._set({key: each for key, each in changes.items() if each is not None})
        refusals |= await self._unset([key for key, each in changes.items() if each is None])
        self._due = dict.fromkeys(ends for _, ends in refusals)
        for refusal in refusals.values():
            raise refusal

    async def _set(self, wanted: dict[Key, Policy]) -> dict[Key, OSError]:
        """Those that were refused."""
        self._unsure.update(wanted)
        self._there.update(wanted)
        return self._refused(wanted, await self._table.set_policies(tuple(wanted.values())) if wanted else [])

    async def _unset(self, keys: list[Key]) -> dict[Key, OSError]:
        self._unsure.update(keys)
        there = [self._there[key] for key in keys]
        refused = self._refused(keys, await self._table.remove_policies(there) if there else [])
        for key in keys:
            if key not in refused:
                del self._there[key]
        return refused

    def _refused(self, keys: Collection[Key], outcomes: Iterable[OSError | None]) -> dict[Key, OSError]:
        refused = {key: came for key, came in zip(keys, outcomes, strict=True) if came is not None}
        self._unsure.difference_update(keys)
        self._unsure.update(refused)
        return refused
