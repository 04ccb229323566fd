"""The register of sessions: what the core's events said of each, and what its SA pairs had carried when they went."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from lotor.ike.events import (
    CameBack,
    ChildDown,
    ChildUp,
    Configured,
    Ended,
    Event,
    LoggedIn,
    PathChanged,
    PhaseOneUp,
    Regranted,
    Renewed,
    Rerouted,
    RoundTrip,
    Started,
    Up,
)
from lotor.model.algorithms import Ike2Suite, IkeSuite
from lotor.model.child import Counters, Encapsulation
from lotor.model.configuration import ModeConfiguration
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.network import Address, Path
from lotor.model.policy import Side

NOTHING = Counters()
KEY_OCTETS = 6
"""Of chance in the keys of one start: two starts of a million have the same in 1 of 500 cases."""


@dataclass(slots=True, eq=False)
class Session:
    """One session as it stands: the register alone changes it. `since` is wall clock (seconds), for people; `children`
    by the core's numbers; `closing` those that the engine still counts for, until it has removed them; `past` the
    traffic of SA pairs that are gone; `called` where it began, or which gateway was meant, wherever the peer is now;
    `ike` the major version; `resumed`: a ticket brought the client back; `machine`: the device that proved itself
    before the person; `latency`: seconds to the peer and back, as measured last, None before; `key`: no session has the
    same, also after a restart."""

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
    suite: IkeSuite | Ike2Suite | None = None
    user: str = ""
    machine: str = ""
    resumed: bool = False
    grants: Grants = NO_GRANTS
    configuration: ModeConfiguration | None = None
    ike: int = 1
    key: str = ""
    up: bool = False
    latency: float | None = None
    children: dict[int, ChildUp] = field(default_factory=dict)
    closing: set[int] = field(default_factory=set)
    past: Counters = NOTHING
    ended: bool = False
    called: Address = field(init=False)

    def __post_init__(self) -> None:
        """Of one that came by way of another gateway that one, in `follow`."""
        self.called = self.path.remote.address

    @property
    def counted(self) -> tuple[int, ...]:
        """The SA pairs that the engine counts for."""
        return (*self.children, *self.closing)

    def closes(self, child: int) -> None:
        """An SA pair is down, which the engine has not removed yet."""
        if self.children.pop(child, None) is not None:
            self.closing.add(child)

    def goes(self, event: PathChanged | Rerouted) -> None:
        """Another way, or its SA pairs do."""
        path = event.new if isinstance(event, PathChanged) else event.path
        self.path = path if isinstance(event, PathChanged) else self.path
        for known in [each for each in event.children if each in self.children]:
            up = self.children[known]
            child = replace(up.child, path=path, encapsulation=Encapsulation.along(path))
            self.children[known] = ChildUp(up.session, child, up.suite, up.initiated, up.rekey_at)

    def removed(self, child: int, last: Counters | None) -> None:
        """The engine has removed an SA pair; `last` is what it had carried by then. Also before `ChildDown` is heard
        of, or behind the end of the session."""
        self.children.pop(child, None)
        self.closing.discard(child)
        self.past = self.past.plus(last)

    def traffic(self, counters: Mapping[int, Counters]) -> Counters:
        """Everything the session has carried since it began; `counters` are the engine's, of `counted`."""
        total = self.past
        for child in self.counted:
            total = total.plus(counters.get(child))
        return total


class Register:
    """Follows events. `recall` still knows a session that has ended until the next event comes, so that it does not
    matter which subscriber hears of an end first. `start`: how the keys of its sessions begin; None: by chance."""

    def __init__(self, wall: Callable[[], float] = time.time, start: str | None = None) -> None:
        self._wall = wall
        self._sessions: dict[int, Session] = {}
        self._start = start or secrets.token_hex(KEY_OCTETS)
        self._ended: int | None = None

    def follow(self, event: Event) -> None:
        if self._ended is not None:
            self._sessions.pop(self._ended, None)
            self._ended = None
        if isinstance(event, Started):
            who = (event.session, event.side, event.remote, event.path)
            key = f"{self._start}-{event.session}"
            made = Session(*who, self._wall(), event.request, ike=event.ike, key=key)
            made.called = event.called or made.called
            self._sessions[event.session] = made
            return
        if isinstance(event, Renewed):
            self._renewed(event)
        session = self._sessions.get(event.session)
        if session is not None:
            session.resumed = session.resumed or isinstance(event, CameBack)
            self._learn(session, event)

    def get(self, session: int) -> Session | None:
        found = self._sessions.get(session)
        return None if found is None or found.ended else found

    def recall(self, session: int) -> Session | None:
        """Also one that the last event ended."""
        return self._sessions.get(session)

    def all(self) -> tuple[Session, ...]:
        return tuple(each for each in self._sessions.values() if not each.ended)

    def _renewed(self, event: Renewed) -> None:
        """What the attempt learned of the peer becomes the session's. New keys of IKEv2 that were agreed on inside of
        the session have no attempt."""
        attempt, session = self._sessions.pop(event.attempt, None), self._sessions.get(event.session)
        if session is not None and (attempt is not None or session.ike > 1):
            session.path, session.suite, session.cookies = event.path, event.suite, event.cookies
        if session is not None and attempt is not None:
            session.peer, session.nat, session.vendor = attempt.peer, attempt.nat, attempt.vendor

    def _learn(self, session: Session, event: Event) -> None:
        match event:
            case PhaseOneUp():
                session.path, session.suite, session.cookies = event.path, event.suite, event.cookies
                session.peer, session.nat, session.vendor = event.peer, event.nat, event.vendor
            case LoggedIn(user=user, grants=grants) | Regranted(user=user, grants=grants):
                session.user, session.grants = user, grants
                session.machine = (event.machine or "") if isinstance(event, LoggedIn) else session.machine
            case Configured(user=user, configuration=configuration):
                session.user, session.configuration = user, configuration
            case ChildUp(child=child):
                session.children[child.id] = event
            case ChildDown(child=child):
                session.closes(child)
            case RoundTrip(seconds=seconds):
                session.latency = seconds
            case PathChanged() | Rerouted():
                session.goes(event)
            case Up(path=path, user=user):
                session.path, session.user, session.up = path, user, True
            case Ended():
                session.ended, self._ended = True, session.id
