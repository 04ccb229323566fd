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

    def __init__(self) -> None:
        self.unseen: OrderedDict[Guest, None] = OrderedDict()
        self.seen: OrderedDict[Guest, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.unseen) + len(self.seen)

    def add(self, guest: Guest) -> None:
        (self.seen if guest.seen else self.unseen)[guest] = None

    def remove(self, guest: Guest) -> None:
        del (self.seen if guest.seen else self.unseen)[guest]


class HalfOpen:
    def __init__(self) -> None:
        self._guests: dict[Session, Guest] = {}
        self._by_digest: dict[bytes, Guest] = {}
        self._all = Row()
        self._sites: dict[Address, Row] = {}

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
        for row in (self._all, self._sites.setdefault(guest.ticket.site, Row())):
            row.add(guest)

    def see(self, guest: Guest) -> None:
        """Its peer showed our cookie."""
        rows = self._all, self._sites[guest.ticket.site]
        for row in rows:
            row.remove(guest)
        guest.seen = True
        for row in rows:
            row.add(guest)

    def remove(self, session: Session) -> Guest | None:
        guest = self._guests.pop(session, None)
        if guest is None:
            return None
        if self._by_digest.get(guest.ticket.digest) is guest:
            del self._by_digest[guest.ticket.digest]
        site = self._sites[guest.ticket.site]
        for row in (self._all, site):
            row.remove(guest)
        if not site:
            del self._sites[guest.ticket.site]
        return guest

    def oldest_of(self, site: Address, most: int) -> Guest | None:
        """Who goes when one more comes from a site that has `most`: the oldest, of those that were not seen first."""
        row = self._sites.get(site)
        return next(iter(row.unseen or row.seen)) if row is not None and len(row) >= most else None

    def oldest(self, most: int) -> Guest | None:
        """Who goes when one more comes and there are `most`. Somebody who types a password somewhere alone is not
        pushed out by many who do not, elsewhere."""
        if len(self._guests) < most:
            return None
        if self._all.unseen:
            return next(iter(self._all.unseen))
        sample = list(islice(self._all.seen, SAMPLE))
        for guest in sample:
            self._all.seen.move_to_end(guest)
        return max(sample, key=lambda guest: len(self._sites[guest.ticket.site]), default=None)
