"""Budgets: what all newcomers together, and those of one site, may cost. A budget knows no protocol."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from lotor.model.network import Address, Instant
from lotor.model.policy import Rate

MOST_SITES = 4096
"""Sites with a budget of their own. A site is forgotten when its budget is full again, seconds after it spent anything.
The budget of all sites bounds how many spend at once."""


@dataclass(slots=True)
class Bucket:
    """A token bucket. It may be overdrawn once, since a cost is known only when it has been spent."""

    rate: Rate
    left: float
    at: Instant

    def level(self, now: Instant) -> float:
        if now > self.at:
            self.left = min(self.rate.burst, self.left + (now - self.at) * self.rate.second)
            self.at = now
        return self.left

    def give_back(self, cost: float) -> None:
        self.left = min(self.rate.burst, self.left + cost)


class Budget:
    """One bucket for all, and one for each site that spent something lately."""

    def __init__(self, total: Rate, site: Rate) -> None:
        self._total = Bucket(total, total.burst, 0.0)
        self._rate = site
        self._sites: OrderedDict[Address, Bucket] = OrderedDict()

    def has(self, site: Address, now: Instant, *, spare: float = 0.0) -> bool:
        """Whether more than this part of the bursts is left, in all and for this site."""
        if self._total.level(now) <= spare * self._total.rate.burst:
            return False
        bucket = self._sites.get(site)
        return bucket is None or bucket.level(now) > spare * self._rate.burst

    def take(self, site: Address, now: Instant, cost: float = 1.0, *, spare: float = 0.0) -> bool:
        """Spends the amount if it is left, and returns whether it was."""
        if not self.has(site, now, spare=spare):
            return False
        self.charge(site, now, cost)
        return True

    def charge(self, site: Address, now: Instant, cost: float) -> None:
        """Spends the amount in any case."""
        self._total.level(now)
        self._total.left -= cost
        bucket = self._sites.pop(site, None)
        if bucket is None:
            self._forget(now)
            bucket = Bucket(self._rate, self._rate.burst, now)
        self._sites[site] = bucket
        bucket.level(now)
        bucket.left -= cost

    def give_back(self, site: Address, cost: float = 1.0) -> None:
        """Undoes a charge: the peer has proved itself."""
        self._total.give_back(cost)
        bucket = self._sites.get(site)
        if bucket is not None:
            bucket.give_back(cost)

    def _forget(self, now: Instant) -> None:
        while self._sites:
            bucket = next(iter(self._sites.values()))
            if len(self._sites) < MOST_SITES and bucket.level(now) < self._rate.burst:
                return
            self._sites.popitem(last=False)
