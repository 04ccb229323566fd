"""The register of sessions: what the core's events said of each, with the engine's counters when someone looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lotor.ike.events import (
    ChildDown,
    ChildUp,
    Configured,
    Ended,
    Event,
    LoggedIn,
    PathChanged,
    PhaseOneUp,
    Renewed,
    Started,
    Up,
)
from lotor.model.algorithms import IkeSuite
from lotor.model.child import Counters
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Path
from lotor.model.policy import Side
from lotor.ports.dataplane import DataPlane

NOTHING = Counters()


@dataclass(frozen=True, slots=True)
class Session:
    """One session as it stands. `since` is wall clock (seconds), for people; `children` by the core's numbers;
    `past` the traffic of SA pairs that are gone."""

    id: int
    side: Side
    remote: str
    path: Path
    since: float
    request: int | None = None
    peer: str = ""
    nat: str = ""
    vendor: str = ""
    cookies: str = ""
    suite: IkeSuite | None = None
    user: str = ""
    configuration: ModeConfiguration | None = None
    up: bool = False
    children: dict[int, ChildUp] = field(default_factory=dict)
    past: Counters = NOTHING


class Register:
    """Follows events; `get` still knows a session while the other subscribers hear of its end."""

    def __init__(self, dataplane: DataPlane, wall: Callable[[], float] = time.time) -> None:
        self._dataplane = dataplane
        self._wall = wall
        self._sessions: dict[int, Session] = {}

    def follow(self, event: Event) -> None:
        if isinstance(event, Started):
            self._sessions[event.session] = Session(
                event.session, event.side, event.remote, event.path, self._wall(), event.request
            )
            return
        if isinstance(event, Renewed):
            self._renewed(event)
        session = self._sessions.get(event.session)
        if session is not None:
            self._sessions[event.session] = self._after(session, event)

    def ended(self, event: Event) -> None:
        """The last subscriber: drops what has ended."""
        if isinstance(event, Ended):
            self._sessions.pop(event.session, None)

    def get(self, session: int) -> Session | None:
        return self._sessions.get(session)

    def all(self) -> tuple[Session, ...]:
        return tuple(self._sessions.values())

    def traffic(self, session: Session) -> Counters:
        """Everything the session has carried since it began."""
        total = session.past
        for child in session.children:
            total = add(total, self._dataplane.counters(child))
        return total

    def _renewed(self, event: Renewed) -> None:
        """What the attempt learned of the peer becomes the session's."""
        attempt, session = self._sessions.pop(event.attempt, None), self._sessions.get(event.session)
        if attempt is not None and session is not None:
            self._sessions[event.session] = replace(
                session,
                path=event.path,
                suite=event.suite,
                peer=attempt.peer,
                nat=attempt.nat,
                vendor=attempt.vendor,
                cookies=event.cookies,
            )

    def _after(self, session: Session, event: Event) -> Session:
        match event:
            case PhaseOneUp(path=path, suite=suite, peer=peer, nat=nat, cookies=cookies, vendor=vendor):
                session = replace(session, path=path, suite=suite, peer=peer, nat=nat, cookies=cookies, vendor=vendor)
            case LoggedIn(user=user):
                session = replace(session, user=user)
            case Configured(user=user, configuration=configuration):
                session = replace(session, user=user, configuration=configuration)
            case ChildUp(child=child):
                session = replace(session, children={**session.children, child.id: event})
            case ChildDown(child=child):
                kept = {number: each for number, each in session.children.items() if number != child}
                session = replace(session, children=kept, past=add(session.past, self._dataplane.counters(child)))
            case PathChanged(new=new):
                session = replace(session, path=new)
            case Up(path=path, user=user):
                session = replace(session, path=path, user=user, up=True)
        return session


def add(total: Counters, more: Counters | None) -> Counters:
    """Sums; `last_inbound` is the later one."""
    if more is None:
        return total
    later = max((each for each in (total.last_inbound, more.last_inbound) if each is not None), default=None)
    return Counters(
        octets_in=total.octets_in + more.octets_in,
        octets_out=total.octets_out + more.octets_out,
        packets_in=total.packets_in + more.packets_in,
        packets_out=total.packets_out + more.packets_out,
        replayed=total.replayed + more.replayed,
        forged=total.forged + more.forged,
        misdirected=total.misdirected + more.misdirected,
        last_inbound=later,
    )
