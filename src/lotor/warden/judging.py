"""What a warden looks at in the verdicts of the process in which RADIUS and LDAP live, before it believes them.

That process reads what servers send. Whoever owns it says yes to every login and grants what he likes; nothing of that
is larger, or about somebody else, than a verdict may be.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from lotor.config.settings import Radius
from lotor.model.eap import FAILURE, MSCHAP_AUTHENTICATOR, MSK_OCTETS, REQUEST, SUCCESS, is_packet
from lotor.model.grants import (
    LONGEST_CLASS,
    LONGEST_DOMAIN,
    LONGEST_MESSAGE,
    LONGEST_NAME,
    MOST_CLASSES,
    MOST_DOMAINS,
    MOST_GROUPS,
    MOST_ROUTES,
    MOST_SERVERS,
    Grants,
)
from lotor.model.login import (
    Accepted,
    Challenge,
    EapPacket,
    LoginAttempt,
    MschapResponse,
    Proved,
    Refused,
    Shown,
    Verdict,
)
from lotor.model.text import clean
from lotor.ports.demands import MOST_INSIDE, Demand, names_sessions
from lotor.ports.orders import Changes
from lotor.privsep.logging_in import LONGEST_TICKET

LONGEST_SESSION = 64
"""Characters of the id of an account."""
LONGEST_USER = 253
"""Characters of a name that a back end gives: one attribute of RADIUS."""


def objection(attempt: LoginAttempt, verdict: Verdict) -> str:
    """What no honest process says, in words; empty where there is nothing of it. A back end may know the user whom it
    accepts by another name than the one that was typed (User-Name in an Access-Accept, RFC 2865 §5.1; ANNA for anna in
    a directory); a refusal is about that one."""
    match verdict:
        case Accepted(user, grants, proved):
            if not user or not _said(user, LONGEST_USER):
                return "a name that is no short text"
            return _unproved(attempt.shown, proved) or next(_beyond(grants), "")
        case Refused():
            return _no_refusal(attempt, verdict)
        case Challenge():
            return _no_challenge(attempt.shown, verdict)


def _no_refusal(attempt: LoginAttempt, refused: Refused) -> str:
    if refused.packet and not (isinstance(attempt.shown, EapPacket) and is_packet(FAILURE, refused.packet)):
        return "a failure that is none of EAP"
    return "" if refused.reason.user == attempt.user else "a reason about another user"


def _no_challenge(shown: Shown | None, challenge: Challenge) -> str:
    wants = challenge.wants
    if not 0 < len(challenge.conversation) <= LONGEST_TICKET:
        return "no name of a conversation"
    if shown is not None:
        return _no_request(shown, challenge.packet) or ("something for a person beside EAP" if wants else "")
    if challenge.packet or not wants or len(set(wants)) != len(wants):
        return "a question for nothing, or for one thing twice"
    told = _said(challenge.message, LONGEST_MESSAGE, lines=True)
    return "" if told else "a message that is no text for a person"


def _unproved(shown: Shown | None, proved: Proved | None) -> str:
    """A yes has what belongs to what was shown, and nothing else."""
    match shown, proved:
        case None, None:
            return ""
        case EapPacket(), Proved(msk, b"", packet) if len(msk) in {0, MSK_OCTETS} and is_packet(SUCCESS, packet):
            return ""
        case MschapResponse(), Proved(msk, authenticator, b""):
            whole = len(msk) == MSK_OCTETS and len(authenticator) == MSCHAP_AUTHENTICATOR
            return "" if whole else "keys of another length"
    return "a yes to something else than was shown"


def _no_request(shown: Shown, packet: bytes) -> str:
    if not isinstance(shown, EapPacket):
        return "a question where there is nothing to ask"
    return "" if is_packet(REQUEST, packet) else "a packet that is no request of EAP"


def no_groups(groups: frozenset[str]) -> str:
    """The same of the groups of a user whom somebody else judged."""
    return next(_beyond(Grants(groups=groups)), "")


def no_demand(demand: Demand, radius: Radius | None) -> str:
    """The same of what a server demands of sessions: it comes from one that may, and says which sessions."""
    whom, changes = demand.whom, demand.changes
    if radius is None or all(each.address != demand.server for each in radius.dynamic_clients):
        return "something as if from a server that may demand nothing"
    texts = ((whom.user, LONGEST_USER), (whom.session, LONGEST_SESSION), (whom.named, 0))
    if not names_sessions(whom) or len(whom.beside) >= MOST_INSIDE:
        return "something of nobody, or of too many addresses"
    if any(not _said(text, longest) for text, longest in texts):
        return "a name that is no short text"
    if changes == Changes():
        return "a change of nothing"
    return _change(changes) if changes is not None else ""


def _change(changes: Changes) -> str:
    grants = Grants(
        session_time=changes.session_time,
        idle_time=changes.idle_time,
        accounting_interval=changes.accounting_interval,
        accounting_classes=changes.classes or (),
    )
    return next(_beyond(grants), "")


def _beyond(grants: Grants) -> Iterator[str]:
    """Grants that are more, longer or otherwise than the bounds of `model.grants`."""
    many: tuple[tuple[str, Collection[object], int], ...] = (
        ("networks", grants.routes, MOST_ROUTES),
        ("networks", grants.routes6, MOST_ROUTES),
        ("servers", grants.dns4, MOST_SERVERS),
        ("servers", grants.dns6, MOST_SERVERS),
        ("servers", grants.wins4, MOST_SERVERS),
        ("groups", grants.groups, MOST_GROUPS),
        ("domains", grants.split_dns, MOST_DOMAINS),
        ("classes", grants.accounting_classes, MOST_CLASSES),
    )
    yield from (f"{len(values)} {what}" for what, values, most in many if len(values) > most)
    names = ((each, LONGEST_NAME) for each in (grants.pool, grants.filter, *grants.groups))
    domains = ((each, LONGEST_DOMAIN) for each in (grants.default_domain, *grants.split_dns))
    yield from ("a name that is no short text" for text, most in (*names, *domains) if not _said(text, most))
    told = (grants.message, grants.banner)
    yield from ("a message that is no text" for text in told if not _said(text, LONGEST_MESSAGE, lines=True))
    if any(len(each) > LONGEST_CLASS for each in grants.accounting_classes):
        yield "a class that is longer than any"
    times = (grants.session_time, grants.idle_time, grants.accounting_interval)
    if any(each is not None and not (math.isfinite(each) and each >= 0) for each in times):
        yield "no time"
    if any(each is not None and each < 0 for each in (grants.sessions, grants.rate)):
        yield "a number below zero"


def _said(text: str, longest: int, *, lines: bool = False) -> bool:
    """Whether nobody has to clean it."""
    return clean(text, lines=lines, longest=longest) == text
