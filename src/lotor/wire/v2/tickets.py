"""The notifications of session resumption (RFC 5723 §7)."""

from __future__ import annotations

from lotor.model.ticket import LONGEST_TICKET, Ticket
from lotor.wire.errors import Malformed
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Notification

LIFETIME = 4


def given(ticket: Ticket) -> Notification:
    """TICKET_LT_OPAQUE: the seconds, and the octets that only the gateway reads."""
    lifetime = min(max(0, ticket.seconds), 0xFFFFFFFF).to_bytes(LIFETIME, "big")
    return Notification(NotifyType.TICKET_LT_OPAQUE, lifetime + ticket.octets)


def taken(chain: Chain) -> Ticket | None:
    """The ticket of a gateway; None without one, and for one that is good for nothing."""
    found = (each.data for each in chain.all(Notification) if each.type == NotifyType.TICKET_LT_OPAQUE)
    data = next(found, b"")
    if not LIFETIME < len(data) <= LIFETIME + LONGEST_TICKET:
        return None
    return Ticket(data[LIFETIME:], int.from_bytes(data[:LIFETIME], "big"))


def shown(chain: Chain) -> bytes:
    """TICKET_OPAQUE of a client that comes back. `Malformed` without one, or for one that is none."""
    found = [each.data for each in chain.all(Notification) if each.type == NotifyType.TICKET_OPAQUE]
    if len(found) != 1 or not 0 < len(found[0]) <= LONGEST_TICKET:
        raise Malformed("no ticket")
    return found[0]


def refused(chain: Chain) -> bool:
    return any(each.type == NotifyType.TICKET_NACK for each in chain.all(Notification))
