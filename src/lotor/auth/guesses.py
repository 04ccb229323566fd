"""Failed logins counted by one property of theirs (a pair of address and user, a network, a user), and how long the
next attempt with the same property has to wait for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from lotor.model.frozen import frozen

MOST_ENTRIES = 65536


@frozen
class Rule:
    """`free` failures cost nothing; each further one makes attempts wait `share` of a step longer, `longest` seconds at
    most. `lined`: the attempts wait in a line, each that long after the one before. `strict`: an attempt counts as
    failed until it is answered, and a right one clears what was. One failure is forgiven in `forgives` seconds, all of
    them after `forgets` seconds without another one."""

    free: int
    share: float
    longest: float
    lined: bool
    strict: bool
    forgives: float
    forgets: float


@dataclass(slots=True)
class Record:
    """`failures` as of `noted`, `pending` attempts without an answer yet; `free_at`: the end of the line."""

    free_at: float
    noted: float
    failures: float = 0.0
    pending: int = 0


class Guesses:
    """The records of one rule, a bounded number; times are monotonic seconds, `step` the seconds of a whole share, 0
    while nobody waits."""

    def __init__(self, rule: Rule, step: float) -> None:
        self.step = step
        self._rule = rule
        self.records: OrderedDict[Hashable, Record] = OrderedDict()

    def wait(self, key: Hashable, now: float, allowance: int = 0) -> float:
        """Seconds for an attempt that comes now. `allowance`: so many failures more are free."""
        self._forget(now)
        record = self.records.get(key)
        if record is None:
            return 0.0
        self._forgive(record, now)
        if self._rule.lined:
            return max(0.0, record.free_at - now)
        return self._penalty(record.failures, allowance)

    def join(self, key: Hashable, now: float, allowance: int = 0, *, waits: bool = True) -> None:
        """An attempt begins. One that `waits` takes its place in line."""
        record = self.records.setdefault(key, Record(now, now))
        record.pending += 1
        if not waits:
            return
        counted = record.failures + record.pending if self._rule.strict else record.failures
        record.free_at = max(now, record.free_at) + self._penalty(counted, allowance)

    def note(self, key: Hashable, now: float, failed: bool | None, allowance: int = 0) -> None:
        """An attempt that joined was answered; None: not, or not because of its password."""
        record = self.records.setdefault(key, Record(now, now))
        record.pending = max(0, record.pending - 1)
        self._forgive(record, now)
        if failed and self.step > 0:
            most = self._rule.free + allowance + self._rule.longest / (self._rule.share * self.step)
            record.failures = min(record.failures + 1, most)
            if self._rule.lined:
                record.free_at = max(record.free_at, now + self._penalty(record.failures, allowance))
            self.records.move_to_end(key)
        elif (failed is False and self._rule.strict) or not (record.failures or record.pending):
            del self.records[key]

    def _penalty(self, failures: float, allowance: int) -> float:
        beyond = max(0.0, failures - self._rule.free - allowance)
        return min(beyond * self._rule.share * self.step, self._rule.longest)

    def _forgive(self, record: Record, now: float) -> None:
        record.failures = max(0.0, record.failures - (now - record.noted) / self._rule.forgives)
        record.noted = now

    def _forget(self, now: float) -> None:
        """Records are nearly in the order of their last failure; a full table loses the oldest."""
        while self.records:
            key, record = next(iter(self.records.items()))
            if record.free_at + self._rule.forgets > now and len(self.records) < MOST_ENTRIES:
                return
            del self.records[key]
