"""The sessions of clients that no login has proved yet: how many there may be, and which one gives up its place.

A session is *unseen* until a message shows our own cookie: its address may be forged. One that was seen has an address
that hears us. Every question here is answered in constant time.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice

from lotor.ike.session import Session
from lotor.model.network import Address, Instant

PATIENCE = 4.0
"""Seconds after which a session that was not seen gives way to the same first message from elsewhere: a NAT may have
given its client another port."""

SAMPLE = 8
"""Of so many sessions that were seen, the oldest first, the one from the most crowded site gives up its place."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a first message was let in for. `known`: from a site where somebody is or was proved; `again`: it had come
    before; `digest` of its octets."""

    site: Address
    known: bool
    again: bool
    digest: bytes


@dataclass(slots=True, eq=False)
class Guest:
    """One half-open session. `octets`: those sent to its address before it was seen."""

    session: Session
    ticket: Ticket
    since: Instant
    octets: int = 0
    seen: bool = False

    def keeps(self, now: Instant) -> bool:
        """Against the same first message from elsewhere: one recorded message makes one session."""
        return self.seen or now < self.since + PATIENCE


class Row:
    """Half-open sessions in the order of their coming."""

    __slots__ = ("seen", "unseen")

    def __init__(self) -> None:
        self.unseen: OrderedDict[Guest, None] = OrderedDict()
        self.seen: OrderedDict[Guest, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.unseen) + len(self.seen)

    def add(self, guest: Guest) -> None:
        (self.seen if guest.seen else self.unseen)[guest] = None

    def remove(self, guest: Guest) -> None:
        del (self.seen if guest.seen else self.unseen)[guest]

    def oldest(self) -> Guest | None:
        """Of those that were not seen, or else of all."""
        return next(iter(self.unseen or self.seen), None)


class Sites:
    """A row for each site; most have one session only, which stands for itself."""

    def __init__(self) -> None:
        self._rows: dict[Address, Row | Guest] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def count(self, site: Address) -> int:
        there = self._rows.get(site)
        return len(there) if isinstance(there, Row) else int(there is not None)

    def oldest(self, site: Address) -> Guest | None:
        there = self._rows.get(site)
        return there.oldest() if isinstance(there, Row) else there

    def add(self, guest: Guest) -> None:
        there = self._rows.get(guest.ticket.site)
        if there is None:
            self._rows[guest.ticket.site] = guest
            return
        if isinstance(there, Guest):
            alone, there = there, Row()
            there.add(alone)
            self._rows[guest.ticket.site] = there
        there.add(guest)

    def remove(self, guest: Guest) -> None:
        there = self._rows[guest.ticket.site]
        if isinstance(there, Row):
            there.remove(guest)
        if not isinstance(there, Row) or not there:
            del self._rows[guest.ticket.site]


class HalfOpen:
    def __init__(self) -> None:
        self._guests: dict[Session, Guest] = {}
        self._by_digest: dict[bytes, Guest] = {}
        self._all = Row()
        self._sites = Sites()

    def __len__(self) -> int:
        return len(self._guests)

    @property
    def unseen(self) -> int:
        return len(self._all.unseen)

    def of(self, session: Session) -> Guest | None:
        return self._guests.get(session)

    def same(self, digest: bytes) -> Guest | None:
        """The session that the same first message made."""
        return self._by_digest.get(digest)

    def add(self, guest: Guest) -> None:
        self._guests[guest.session] = guest
        self._by_digest[guest.ticket.digest] = guest
        for row in (self._all, self._sites):
            row.add(guest)

    def see(self, guest: Guest) -> None:
        """Its peer showed our cookie."""
        for row in (self._all, self._sites):
            row.remove(guest)
        guest.seen = True
        for row in (self._all, self._sites):
            row.add(guest)

    def remove(self, session: Session) -> Guest | None:
        guest = self._guests.pop(session, None)
        if guest is None:
            return None
        if self._by_digest.get(guest.ticket.digest) is guest:
            del self._by_digest[guest.ticket.digest]
        for row in (self._all, self._sites):
            row.remove(guest)
        return guest

    def oldest_of(self, site: Address, most: int) -> Guest | None:
        """Who goes when one more comes from a site that has `most`: the oldest, of those that were not seen first."""
        return self._sites.oldest(site) if self._sites.count(site) >= most else None

    def oldest(self, most: int) -> Guest | None:
        """Who goes when one more comes and there are `most`. Somebody who types a password somewhere alone is not
        pushed out by many who do not, elsewhere."""
        if len(self._guests) < most:
            return None
        if self._all.unseen:
            return self._all.oldest()
        sample = list(islice(self._all.seen, SAMPLE))
        for guest in sample:
            self._all.seen.move_to_end(guest)
        return max(sample, key=lambda guest: self._sites.count(guest.ticket.site), default=None)
