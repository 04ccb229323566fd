"""Admission of first messages: which strangers get an answer, decided before anything of the message is parsed.

While few first messages come, each is answered. Under load a first message is answered only when the same one comes
again from the same address and port, as every client sends it, or with a cookie where the version
has them. A sender that never repeats costs a few bits of a table.
Every answer is counted, in all and for each site, whatever becomes of the session. Sites where somebody is or was
logged in lately have budgets of their own. The same rules hold for any protocol version.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import blake2b

from lotor.ike.budget import Budget
from lotor.ike.context import CoreContext
from lotor.ike.events import Deferring, Undeferred
from lotor.ike.gates import Gate
from lotor.ike.halfopen import Full, Guest, HalfOpen, Limits, Ticket
from lotor.ike.repeats import REMEMBERED_S, Repeats
from lotor.ike.session import Session
from lotor.model.frozen import frozen
from lotor.model.network import Address, Instant, Path, Peer
from lotor.model.policy import Newcomers
from lotor.model.reason import Reason
from lotor.model.reasons import ends

LOAD_OVER_AFTER_S = 2 * REMEMBERED_S
"""The load is over when no message was deferred for so many seconds; nothing is remembered for longer."""

KNOWN_SITE_S = 24 * 3600.0
"""A site stays known for so many seconds after a login there."""

MOST_KNOWN = 4096
"""Known sites; the site of the oldest login is forgotten first."""

RESERVED_PART = 0.5
"""The part of the octets that is reserved for answers to first messages that came again."""

PUSHED_OUT = ends.PushedOut()
TAKEN_OVER = ends.TakenOver()


@dataclass(slots=True)
class Tally:
    """Counts since the start. Of first messages: `at_once` were answered at once, `repeated` when they came again,
    `deferred` not at all; `copies` repeat a message that was answered at another address; `full` found no place.
    `shunned`: of banned networks.
    `replaced`: half-open sessions that gave up their place. `withheld`: answers, repetitions and refusals beyond the
    budget for addresses that showed no cookie. `half_open` and `deferring` are the present state."""

    at_once: int = 0
    repeated: int = 0
    deferred: int = 0
    copies: int = 0
    full: int = 0
    shunned: int = 0
    replaced: int = 0
    withheld: int = 0
    half_open: int = 0
    deferring: bool = False


class Turned(Enum):
    """Why a first message is not answered now. `DEFERRED`: it is when it comes again, or shows that its sender receives
    what is sent there."""

    COPY = "copy"
    DEFERRED = "deferred"
    FULL = "full"


@frozen
class Welcome:
    """A ticket for a new session, and the session that has to leave for it, if any."""

    ticket: Ticket
    leaves: Guest | None


class NewcomerBudgets:
    """The budgets of one kind of newcomers."""

    def __init__(self, limits: Newcomers) -> None:
        self.at_once = Budget(limits.at_once, limits.at_once_site)
        self.again = Budget(limits.again, limits.again_site)
        self.octets = Budget(limits.octets, limits.octets_site)

    def admitted(self, ticket: Ticket) -> Budget:
        """Where a ticket was taken from."""
        return self.again if ticket.again else self.at_once


@dataclass(slots=True)
class Deferral:
    """A time of load: when it began, what came of it, and when the last message was deferred."""

    repeats: Repeats
    since: Instant
    last: Instant
    deferred: int = 0
    repeated: int = 0


class Admission:
    def __init__(self, context: CoreContext) -> None:
        self._context = context
        limits = context.policy.admission
        self._strangers, self._known = NewcomerBudgets(limits.strangers), NewcomerBudgets(limits.known)
        self._homes: OrderedDict[Address, Instant] = OrderedDict()
        self._deferral: Deferral | None = None
        self._tally = Tally()
        self.places = HalfOpen()

    def tally(self) -> Tally:
        return replace(self._tally, half_open=len(self.places), deferring=self._deferral is not None)

    # --- first messages ----------------------------------------------------------------------------------------------

    def knock(self, message: bytes, peer: Peer, now: Instant, *, shown: bool = False) -> Welcome | Turned:
        """Judges a first message. `shown`: it proves that its sender receives what is sent to its address."""
        site, digest = peer.site, blake2b(message, digest_size=16).digest()
        same = self.places.same(digest)
        if same is not None and same.keeps(now):
            self._tally.copies += 1
            return Turned.COPY
        known = self.knows(site, now)
        again = not self._at_once(site, known, now)
        if again and not (self._repeated(digest, peer, now, shown=shown) and self._again(site, known, now)):
            self._defer(now)
            return Turned.DEFERRED
        limits = self._context.policy.admission
        of_site = limits.half_open_known if known else limits.half_open_site
        leaves = same or self.places.who_leaves(site, Limits(of_site, limits.half_open), now)
        if isinstance(leaves, Full):
            self._tally.full += 1
            return Turned.FULL
        return Welcome(Ticket(site, known, again, digest), leaves)

    def _at_once(self, site: Address, known: bool, now: Instant) -> bool:
        kind = self._known if known else self._strangers
        calm = known or self.places.unseen < self._context.policy.admission.calm
        if not calm or not kind.at_once.has(site, now) or not kind.octets.has(site, now, spare=RESERVED_PART):
            return False
        kind.at_once.charge(site, now, 1)
        self._tally.at_once += 1
        return True

    def _repeated(self, digest: bytes, peer: Peer, now: Instant, *, shown: bool) -> bool:
        """Whether a sender is no address that somebody made up."""
        return self._came_before(digest, peer, now) or shown

    def _again(self, site: Address, known: bool, now: Instant) -> bool:
        kind = self._known if known else self._strangers
        if not kind.octets.has(site, now) or not kind.again.take(site, now):
            return False
        if self._deferral is not None:
            self._deferral.repeated += 1
        self._tally.repeated += 1
        return True

    def leaves_for(self, welcome: Welcome) -> tuple[Session, Reason] | None:
        """The half-open session that has to end before another one may `enter`, and why."""
        leaves = welcome.leaves
        if leaves is None:
            return None
        self._tally.replaced += 1
        return leaves.session, TAKEN_OVER if leaves.ticket.digest == welcome.ticket.digest else PUSHED_OUT

    def enter(self, session: Session, welcome: Welcome, now: Instant) -> None:
        """A place for the session that is made for a first message."""
        self.places.add(Guest(session, welcome.ticket, now))

    # --- under load --------------------------------------------------------------------------------------------------

    def _came_before(self, digest: bytes, peer: Peer, now: Instant) -> bool:
        if self._deferral is None:
            self._deferral = Deferral(Repeats(self._context.randomness.nonce(16), now), now, now)
            self._context.tell(Deferring(0))
            self._context.timers.set(now + LOAD_OVER_AFTER_S, "deferral of first messages", self._look)
        return self._deferral.repeats.again(digest, peer, now)

    def _defer(self, now: Instant) -> None:
        if self._deferral is not None:
            self._deferral.deferred += 1
            self._deferral.last = now
        self._tally.deferred += 1

    def _look(self, now: Instant) -> None:
        """Ends the deferral when the load is over."""
        deferral = self._deferral
        if deferral is None:
            return
        if now < deferral.last + LOAD_OVER_AFTER_S:
            self._context.timers.set(deferral.last + LOAD_OVER_AFTER_S, "deferral of first messages", self._look)
            return
        self._deferral = None
        seconds = round(deferral.last - deferral.since)
        self._context.tell(Undeferred(0, seconds, deferral.deferred, deferral.repeated))

    # --- known sites -------------------------------------------------------------------------------------------------

    def knows(self, site: Address, now: Instant) -> bool:
        since = self._homes.get(site)
        return since is not None and now < since + KNOWN_SITE_S

    def shuns(self, site: Address, now: Instant) -> bool:
        """Whether a first message of a banned network gets no answer. Where somebody was logged in lately the person is
        told instead: by the login that is refused."""
        known = self.knows(site, now)
        self._tally.shunned += not known
        return not known

    def remember(self, site: Address, now: Instant) -> None:
        """A peer at this site is logged in: the site is known from now on."""
        self._homes.pop(site, None)
        self._homes[site] = now
        while len(self._homes) > MOST_KNOWN:
            self._homes.popitem(last=False)

    # --- half-open sessions ------------------------------------------------------------------------------------------

    def seen(self, session: Session, now: Instant) -> None:
        """A message for the session showed our cookie: its address is true, and receives our messages. The site of a
        session that is up stays known."""
        guest = self.places.of(session)
        if guest is None:
            if session.gateway and session.gates.all_open():
                self.remember(session.path.remote.site, now)
        elif not guest.seen:
            self.places.see(guest)
            self._budgets_of(guest).octets.give_back(guest.ticket.site, guest.octets)

    def proved(self, session: Session, now: Instant) -> None:
        """A login was proved."""
        guest = self.places.remove(session)
        if guest is not None:
            self._budgets_of(guest).admitted(guest.ticket).give_back(guest.ticket.site)
        self.remember(session.path.remote.site, now)

    def left(self, session: Session, now: Instant) -> None:
        """The session is over. If it was up, its site is known from now on."""
        if self.places.remove(session) is None and session.gateway and session.gates.passed(Gate.LOGIN):
            self.remember(session.path.remote.site, now)

    def charge(self, session: Session, octets: int, now: Instant) -> None:
        """Charges the octets of the answer to a first message, once they are known."""
        guest = self.places.of(session)
        if guest is not None and not guest.seen:
            guest.octets += octets
            self._budgets_of(guest).octets.charge(guest.ticket.site, now, octets)

    def affords(self, session: Session, octets: int, now: Instant, *, unasked: bool) -> bool:
        """Whether so many octets may go to the session's address. `unasked`: they answer no message; under load only
        peers whose first message came again get such octets."""
        guest = self.places.of(session)
        if guest is None or guest.seen:
            return True
        budget, site, spare = self._budgets_of(guest).octets, guest.ticket.site, RESERVED_PART if unasked else 0.0
        crowded = unasked and self._deferral is not None and not guest.ticket.again
        if crowded or not budget.take(site, now, octets, spare=spare):
            self._tally.withheld += 1
            return False
        guest.octets += octets
        return True

    def is_home(self, session: Session, path: Path) -> bool:
        """Whether a path leads to the site where the session began, or, after its login, to its present site."""
        guest = self.places.of(session)
        return path.remote.site == (session.path.remote.site if guest is None else guest.ticket.site)

    def affords_elsewhere(self, site: Address, octets: int, now: Instant) -> bool:
        """Whether an answer of phase 1 may go to another site than the one where the session began. The message that it
        answers may be forged, even if a cookie was seen before."""
        kind = self._known if self.knows(site, now) else self._strangers
        if kind.octets.take(site, now, octets):
            return True
        self._tally.withheld += 1
        return False

    def _budgets_of(self, guest: Guest) -> NewcomerBudgets:
        return self._known if guest.ticket.known else self._strangers
