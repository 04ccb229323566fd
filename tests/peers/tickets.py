"""Who seals tickets and opens them in tests of the core, as a gateway's warden does, and a client that keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from lotor.ike.questions import CheckLogin, KeepTicket, OpenTicket, SealTicket
from lotor.model.judgement import Failure
from lotor.model.login import Accepted, Refused, TicketShown
from lotor.model.reasons.local import TicketRefused
from lotor.model.reasons.proofs import TicketVoid
from lotor.model.ticket import Opened, Resumable, Resumption, Ticket
from peers.world import Host


@dataclass
class Desk:
    """`sealed`: user and state of each ticket; `spent`: those that let somebody in; `gone`: who may not come in."""

    seconds: int = 3600
    sealed: dict[bytes, tuple[str, Resumable]] = field(default_factory=dict)
    spent: set[bytes] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    numbers: count = field(default_factory=count)

    def at(self, host: Host) -> Desk:

        def check(asked: CheckLogin) -> object:
            shown = asked.attempt.shown
            return self.readmit(shown) if isinstance(shown, TicketShown) else host._check(asked)

        host.answers |= {SealTicket: self.seal, OpenTicket: self.open, CheckLogin: check}
        return self

    def seal(self, asked: SealTicket) -> Ticket:
        octets = b"ticket %d" % next(self.numbers)
        self.sealed[octets] = (asked.user, asked.state)
        return Ticket(octets, self.seconds)

    def open(self, asked: OpenTicket) -> Opened | Failure:
        if asked.ticket not in self.sealed or asked.ticket in self.spent:
            return Failure(TicketRefused("it is none of this gateway, or it was used"))
        return Opened(*self.sealed[asked.ticket])

    def readmit(self, shown: TicketShown) -> Accepted | Refused:
        user, _ = self.sealed[shown.octets]
        if shown.octets in self.spent or user in self.gone:
            return Refused(TicketVoid(user, "the user is locked"))
        self.spent.add(shown.octets)
        return Accepted(user)


@dataclass
class Wallet:
    kept: list[Resumption] = field(default_factory=list)

    def of(self, host: Host) -> Wallet:
        host.answers[KeepTicket] = self.keep
        return self

    def keep(self, asked: KeepTicket) -> None:
        self.kept.append(asked.resumption)
