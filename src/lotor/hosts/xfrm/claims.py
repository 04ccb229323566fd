"""Which SA pair each policy leads to: the newest one that may have it, and the one before when that is gone. Pure."""

from __future__ import annotations

from collections import Counter

from lotor.hosts.xfrm.entries import Direction, Policy
from lotor.hosts.xfrm.pair import Ends, Pair


class Claims:
    """Every method tells for which networks it may have changed something. What a pair costs depends on its own
    networks and on how many pairs have the same, not on how many pairs there are."""

    def __init__(self) -> None:
        self._pairs: dict[Ends, dict[int, Pair]] = {}
        self._by_id: dict[int, Pair] = {}
        self._heirs: Counter[int] = Counter()
        """How many pairs took over the outgoing traffic of a pair, which need not be there."""

    def add(self, pair: Pair) -> list[Ends]:
        self._by_id[pair.child.id] = pair
        for ends in pair.ends:
            self._pairs.setdefault(ends, {})[pair.child.id] = pair
        return self._takes_over(pair) if pair.sending else list(pair.ends)

    def activate(self, pair: Pair) -> list[Ends]:
        """As if it were the newest."""
        before, pair.sending = pair.sending, True
        for ends in pair.ends:
            others = self._pairs[ends]
            others[pair.child.id] = others.pop(pair.child.id)
        return list(pair.ends) if before else self._takes_over(pair)

    def remove(self, pair: Pair) -> list[Ends]:
        """Also one that is not there."""
        if self._by_id.get(pair.child.id) is not pair:
            return []
        del self._by_id[pair.child.id]
        for ends in pair.ends:
            del self._pairs[ends][pair.child.id]
            if not self._pairs[ends]:
                del self._pairs[ends]
        changed = list(pair.ends)
        replaced = pair.child.replaces
        if pair.sending and replaced is not None:
            self._heirs[replaced] -= 1
            if not self._heirs[replaced]:
                del self._heirs[replaced]
            changed += self._of(replaced)
        return changed

    def ended(self, pair: Pair) -> list[Ends]:
        """Its life is over: others may carry its packets."""
        pair.over = True
        return list(pair.ends)

    def alike(self, pair: Pair) -> Pair | None:
        """Another pair with exactly the same networks, whose packets come in by the same policies."""
        ends, compresses = list(pair.ends), pair.inbound.comp is not None
        for other in self._pairs.get(ends[0], {}).values() if ends else ():
            if set(other.ends) == set(ends) and (other.inbound.comp is not None) == compresses:
                return other
        return None

    def wanted(self, ends: Ends, direction: Direction) -> Policy | None:
        pairs = [each for each in reversed(self._pairs.get(ends, {}).values()) if not each.over]
        if direction is Direction.OUT:
            open_ones = (each for each in pairs if each.sending and each.child.id not in self._heirs)
            return next((each.sends(ends) for each in open_ones), None)
        return pairs[0].receives(ends, direction) if pairs else None

    def _takes_over(self, pair: Pair) -> list[Ends]:
        replaced = pair.child.replaces
        if replaced is None:
            return list(pair.ends)
        self._heirs[replaced] += 1
        return [*pair.ends, *self._of(replaced)]

    def _of(self, child: int) -> list[Ends]:
        pair = self._by_id.get(child)
        return [] if pair is None else list(pair.ends)
