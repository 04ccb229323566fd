"""Half-open sessions: clients that are not logged in yet, how many there may be, and which one gives up its place.

A session is *unseen* until a message shows our own cookie: until then its address may be forged. A session that was
seen has an address that receives our messages. Every method here takes constant time.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from lotor.ike.session import Session
from lotor.model.frozen import frozen
from lotor.model.network import Address, Instant

UNSEEN_PATIENCE_S = 4.0
"""An unseen session gives way to the same first message from another address after so many seconds: a NAT may have
given its client another port."""

CROWDED_SAMPLE = 8
"""When all sessions were seen, the oldest ones are compared, so many of them. The one from the most crowded site gives
up its place."""

SEEN_PATIENCE_S = 60.0
"""Seconds for a login at a busy gateway. Until then a session whose peer showed our cookie gives way only to a
peer from a less crowded site."""


@frozen
class Ticket:
    """Why a first message was admitted. `known`: its site is known; `again`: it had come before. `digest` is that of
    its octets."""

    site: Address
    known: bool
    again: bool
    digest: bytes


@dataclass(slots=True, eq=False)
class Guest:
    """One half-open session. `octets`: those sent to its address while it was unseen."""

    session: Session
    ticket: Ticket
    since: Instant
    octets: int = 0
    seen: bool = False

    def keeps(self, now: Instant) -> bool:
        """Whether it stays when the same first message comes from another address: one recorded message makes one
        session."""
        return self.seen or now < self.since + UNSEEN_PATIENCE_S

    def leaves(self, now: Instant) -> bool:
        """Whether any other first message may take its place."""
        return not self.seen or now >= self.since + SEEN_PATIENCE_S


@frozen
class Limits:
    """The most half-open sessions of one site, and of all."""

    site: int
    all: int


class Full(Enum):
    """There is no place, and no session that would give up its own."""

    FULL = "full"


class Row:
    """Half-open sessions in the order in which they came."""

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
    """A row for each site. A site with a single session, as most are, keeps that session instead of a row."""

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
        """The peer of the session showed our cookie."""
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

    def who_leaves(self, ticket_site: Address, limits: Limits, now: Instant) -> Guest | Full | None:
        """The session that gives up its place for one more of a site; None while there is room. Unseen sessions go
        first: the oldest of the site if the site is full, else the oldest of all. A session that was seen leaves when
        its time is over, or for a less crowded site."""
        own = self._sites.count(ticket_site)
        if own >= limits.site:
            guest = self._sites.oldest(ticket_site)
            return guest if guest is not None and guest.leaves(now) else Full.FULL
        if len(self._guests) < limits.all:
            return None
        guest = self._all.oldest() if self._all.unseen else self._of_a_crowd()
        if guest is None or (not guest.leaves(now) and self._sites.count(guest.ticket.site) <= own + 1):
            return Full.FULL
        return guest

    def _of_a_crowd(self) -> Guest | None:
        sample = list(islice(self._all.seen, CROWDED_SAMPLE))
        for guest in sample:
            self._all.seen.move_to_end(guest)
        return max(sample, key=lambda guest: self._sites.count(guest.ticket.site), default=None)
