"""What `make fleet-demo` comes to: figures of the people, of the database and of the RADIUS server, and which promises
were broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

SOON = 1.0
"""Seconds: of a session that was up for less, its gateway may have died before it heard of it."""

Record = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Starts and stops at the RADIUS server. `lost` and `doubled` in words, one for each."""

    starts: int
    stops: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]


@dataclass
class Outcome:
    """`people` is the report of the players, `observed` what somebody who looks at the database saw double."""

    people: dict[str, Any]
    deaths: int
    accounts: Accounts
    observed: list[str] = field(default_factory=list)
    looks: int = 0
    stray: int = 0
    """Addresses that the database thinks are taken, when everybody has left."""
    absent: int = 0
    """People who were not up when they should have been."""

    def broken(self) -> list[str]:
        """Promises, in words."""
        found = [
            *(f"two have one address: {each}" for each in (*self.people["doubles"], *self.observed)),
            *(f"a record is lost: {each}" for each in self.accounts.lost),
            *(f"a record came twice: {each}" for each in self.accounts.doubled),
        ]
        if self.stray:
            found.append(f"{self.stray} addresses are taken after everybody has left")
        if self.absent:
            found.append(f"{self.absent} people did not come back")
        return found

    def rows(self) -> Iterator[tuple[str, str]]:
        people, back = self.people, sorted(self.people["back"])
        yield "logins", f"{people['logins']}"
        yield "moves to the other gateway", f"{people['moves']}, {people['kept']} kept the address"
        yield "gateways killed (-9)", f"{self.deaths}"
        yield "people who lost their tunnel by that", f"{len(back)}, {people['returned']} are back with the address"
        yield "back again after: p50, p95, max", ", ".join(f"{each:.1f} s" for each in spread(back)) or "-"
        yield "refused or unanswered logins on the way", f"{people['failed']}"
        yield "double leases", f"{len(people['doubles'])} seen by clients, {len(self.observed)} in {self.looks} looks"
        yield "accounting starts", f"{self.accounts.starts}"
        yield "accounting stops", f"{self.accounts.stops}"
        yield "records lost, doubled", f"{len(self.accounts.lost)}, {len(self.accounts.doubled)}"

    def table(self) -> str:
        rows = list(self.rows())
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"  {name.ljust(width)}  {figure}" for name, figure in rows)


def spread(values: list[float]) -> tuple[float, ...]:
    """p50, p95 and the largest; nothing of nothing."""
    if not values:
        return ()
    return median(values), (quantiles(values, n=20)[-1] if len(values) > 1 else values[0]), values[-1]


def accounts(records: Iterable[Record], sessions: Iterable[Mapping[str, Any]]) -> Accounts:
    """Of the detail file, once everybody has left: each session has one start and one stop, and each tunnel that a
    person had has a session. `sessions` are those of the people: `user`, `address`, `seconds`."""
    told: dict[str, Counter[str]] = {}
    had: Counter[tuple[str, str]] = Counter()
    for each in records:
        kind = each["Acct-Status-Type"]
        if kind in {"Start", "Stop"}:
            told.setdefault(each["Acct-Session-Id"], Counter())[kind] += 1
            had[each["User-Name"], each["Framed-IP-Address"]] += kind == "Start"
    lost = [f"the {kind} of {name}" for name, kinds in told.items() for kind in ("Start", "Stop") if not kinds[kind]]
    doubled = [f"the {kind} of {name}" for name, kinds in told.items() for kind, count in kinds.items() if count > 1]
    seen = Counter((each["user"], each["address"]) for each in sessions if each["seconds"] > SOON)
    lost += [f"a session of {user} with {address}" for user, address in (seen - had).elements()]
    starts, stops = (sum(kinds[kind] for kinds in told.values()) for kind in ("Start", "Stop"))
    return Accounts(starts, stops, tuple(lost), tuple(doubled))
