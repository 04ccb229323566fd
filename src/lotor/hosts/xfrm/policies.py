"""The policies of the SA pairs in the kernel: what is there follows who has a claim to it."""

from __future__ import annotations

from collections.abc import Container, Iterable

from lotor.hosts.xfrm.claims import Claims
from lotor.hosts.xfrm.entries import Direction, Policy, PolicyId
from lotor.hosts.xfrm.pair import Ends, Pair
from lotor.hosts.xfrm.table import XfrmTable

IN_ORDER = (Direction.IN, Direction.FORWARD, Direction.OUT)
"""Answers are let in before the first packet goes out."""


class Policies:
    """One call at a time. A policy that the kernel refuses is tried again at the next change."""

    def __init__(self, table: XfrmTable) -> None:
        self._table = table
        self.claims = Claims()
        self._there: dict[tuple[Direction, Ends], Policy] = {}
        self._unsure: set[tuple[Direction, Ends]] = set()
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
        ends = (source, destination) if direction is Direction.OUT else (destination, source)
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
        refused: OSError | None = None
        for ends in list(self._due):
            try:
                await self._settle(ends)
            except OSError as error:
                refused = refused or error
            else:
                del self._due[ends]
        if refused is not None:
            raise refused

    async def _settle(self, ends: Ends) -> None:
        for direction in IN_ORDER:
            key, wanted = (direction, ends), self.claims.wanted(ends, direction)
            there = self._there.get(key)
            if wanted == there and key not in self._unsure:
                continue
            self._unsure.add(key)
            if wanted is not None:
                self._there[key] = wanted
                await self._table.set_policy(wanted)
            elif there is not None:
                await self._table.remove_policy(there)
                del self._there[key]
            self._unsure.discard(key)
