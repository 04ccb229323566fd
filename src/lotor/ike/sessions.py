"""The sessions of an endpoint: found by what a message shows, and compared when a peer proves who it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from lotor.ike.admission import Admission
from lotor.ike.allotted import Allotted
from lotor.ike.gates import Gate
from lotor.ike.holders import Holders
from lotor.ike.session import NO_SPI, Session
from lotor.ike.timers import Timer, Timers
from lotor.model.network import Address, Instant, Network, Path, Peer
from lotor.model.policy import Uniqueness
from lotor.model.reason import Reason
from lotor.model.reasons.ends import ConnectedAgain, SessionTimeOver
from lotor.model.reasons.logins import AlreadyConnected, TooManySessions
from lotor.model.redirection import Detour

RENEWED_LINGER_S = 30.0
"""Seconds for which a renewed phase 1 still answers its peer, and one that has ended, where a version answers last
words."""
MOST_LINGERING = 256
"""Sessions of strangers that are over and may repeat their last words; the oldest is forgotten first."""


First = tuple[int, bytes, Peer]
"""What the first message of a peer shows: its major version, the initiator's SPI, and where it came from."""

Name = tuple[int | None, str | bytes]
"""The user of a session: a login name, or an identity of phase 1 with its kind."""


@dataclass(slots=True)
class Sessions:
    """Sessions by number and by our own SPI. Those that a peer began are also found by its first message, and those of
    proved clients by name."""

    now: Callable[[], Instant]
    renewal: Callable[[Session, Instant, Path | None, Detour | None], None]
    admission: Admission
    timers: Timers
    by_id: dict[int, Session] = field(default_factory=dict)
    by_cookie: dict[bytes, Session] = field(default_factory=dict)
    strangers: dict[First, Session] = field(default_factory=dict)
    _begun: dict[Session, None] = field(default_factory=dict)
    _met: dict[Session, First] = field(default_factory=dict)
    _proved: dict[Name, dict[Session, None]] = field(default_factory=lambda: defaultdict(dict))
    _ids: count[int] = field(default_factory=lambda: count(1))
    _holders: Holders = field(default_factory=Holders)
    _strangers_gone: dict[Session, Timer] = field(default_factory=dict)
    _allotted: Allotted = field(init=False)

    def __post_init__(self) -> None:
        self._allotted = Allotted(self.timers, self._time_over)

    def renew(self, session: Session, now: Instant, path: Path | None = None, detour: Detour | None = None) -> None:
        self.renewal(session, now, path, detour)

    def next_id(self) -> int:
        return next(self._ids)

    def add(self, session: Session) -> None:
        self.by_id[session.id] = session
        self.by_cookie[_own(session)] = session
        if session.initiator:
            self._begun[session] = None

    def hear(self, session: Session) -> None:
        self.by_cookie[_own(session)] = session

    def begun_with(self, address: Address) -> list[Session]:
        """Those that this end began with a peer at an address: a client's, which are a few."""
        return [each for each in self._begun if each.path.remote.address == address]

    def find(self, version: int, spis: tuple[bytes, bytes], remote: Peer) -> Session | None:
        """The session of a message of this major version with the SPIs of initiator and responder, if it is of one."""
        session = self._of_spis(*spis)
        if session is None:
            return self.strangers.get((version, spis[0], remote)) if spis[1] == NO_SPI else None
        return session if version == session.VERSION else None

    def known(self, initiator: bytes, responder: bytes) -> bool:
        """Whether a session of any version has these SPIs."""
        return self._of_spis(initiator, responder) is not None

    def _of_spis(self, initiator: bytes, responder: bytes) -> Session | None:
        session = self.by_cookie.get(responder)
        if session is not None and not session.initiator and session.spis.initiator == initiator:
            return session
        session = self.by_cookie.get(initiator)
        if session is not None and session.initiator and session.spis.responder in (NO_SPI, responder):
            return session
        return None

    def meet(self, session: Session) -> None:
        """The peer began: until it knows our SPI, copies of its first message are found by what it shows."""
        key = (session.VERSION, session.spis.initiator, session.path.remote)
        self.strangers[key], self._met[session] = session, key

    def _part(self, session: Session) -> None:
        key = self._met.pop(session, None)
        if key is not None and self.strangers.get(key) is session:
            del self.strangers[key]

    def charge(self, session: Session, octets: int, path: Path) -> bool:
        if not self.admission.is_home(session, path):
            return self.admission.affords_elsewhere(path.remote.site, octets, self.now())
        self.admission.charge(session, octets, self.now())
        return True

    def affords(self, session: Session, octets: int, path: Path, *, unasked: bool) -> bool:
        if not self.admission.is_home(session, path):
            return self.admission.affords_elsewhere(path.remote.site, octets, self.now())
        return self.admission.affords(session, octets, self.now(), unasked=unasked)

    def barred(self, session: Session, user: str) -> Reason | None:
        """With `unique refuse` any other session of the person bars a new one, else so many as a person may have. The
        same device may always come back, or renew what it has."""
        refuse = session.remote.uniqueness is Uniqueness.REFUSE
        if not refuse and not self._is_crowded(session, user):
            return None
        if not _is_person(session):
            return None
        if not session.initial_contact and self._renewed_by(session, user) is not None:
            return None
        back = session.initial_contact
        others = [old for old in self._others(session, user) if not (back and _same_place(old, session))]
        if refuse:
            return AlreadyConnected(user, others[0].path.remote.address) if others else None
        most = _most(session) or 0
        if len(others) < most:
            return None
        limit = "max_sessions" if most == session.remote.max_sessions else "the limit of the login"
        return TooManySessions(user, len(others), most, limit)

    def _is_crowded(self, session: Session, user: str) -> bool:
        """Whether a person has all the sessions that one may have. With `unique replace` the old ones end anyway."""
        most, known = _most(session), self._proved.get(_name(session, user), ())
        keeps = session.remote.uniqueness is Uniqueness.KEEP
        return keeps and most is not None and len(known) >= most and _is_person(session)

    def maybe_stale(self, session: Session, user: str) -> list[Session]:
        """After INITIAL-CONTACT: sessions with the same identity from other ports. The device may have left them
        behind, or they may be of another device behind the same NAT. Where a person has all the sessions that one may
        have: each of them that can be probed, unless the new session renews one."""
        if self._is_crowded(session, user) and self._renewed_by(session, user) is None:
            return [old for old in self._others(session, user) if old.proved and old.proved.probed]
        if not session.initial_contact:
            return []
        others = (old for old in self._others(session, user) if _same_device(old, session))
        return [old for old in others if not _same_place(old, session)]

    def accepted(self, session: Session, user: str) -> None:
        """A login was proved. With INITIAL-CONTACT, what the same device left behind ends (RFC 2407 §4.6.3.3). Without
        it, the same device on the same path renews what it has. With `unique replace` all other sessions of the person
        end."""
        self.admission.proved(session, self.now())
        old = self.continues(session, user)
        if old is not session:
            self.take_over(session, old)
        else:
            self._end_replaced(session, user)
        self._proved[_name(session, user)][session] = None

    def continues(self, session: Session, user: str) -> Session:
        old = None if session.initial_contact else self._renewed_by(session, user)
        return old or session

    def _end_replaced(self, session: Session, user: str) -> None:
        back = session.initial_contact
        replaces = session.remote.uniqueness is Uniqueness.REPLACE and _is_person(session)
        if not back and not replaces:
            return
        reason = ConnectedAgain(user, str(session.path.remote))
        for old in self._others(session, user):
            same = back and _same_place(old, session)
            if same or replaces:
                self.replace((old,), reason, send_deletes=not same)

    def replace(self, others: Iterable[Session], why: Reason, *, send_deletes: bool = False) -> None:
        """Ends sessions because of another one."""
        for old in others:
            self._end(old, why, send_deletes=send_deletes)

    def _end(self, session: Session, reason: Reason, *, send_deletes: bool = True) -> None:
        """The one place where a session ends because of another one, or because its granted time is over."""
        session.end(reason, send_deletes=send_deletes)

    def _others(self, session: Session, user: str) -> list[Session]:
        """Other proved sessions under the same name."""
        return [
            one
            for one in self._proved.get(_name(session, user), ())
            if one is not session and one.gates.passed(Gate.LOGIN)
        ]

    def _renewed_by(self, session: Session, user: str) -> Session | None:
        """The session of the same user and device on the same path; a NAT gives no two devices one port. The port is
        compared first, since it tells most sessions of a shared account apart, and thousands may share one."""
        port = session.path.remote.port
        for old in self._proved.get(_name(session, user), ()):
            if old.path.remote.port == port and old is not session and _goes_on(old, session):
                return old
        return None

    def allot(self, session: Session, seconds: float) -> None:
        self._allotted.grant(session.id, seconds, self.now())

    def allot_anew(self, session: Session, seconds: float | None) -> bool:
        return self._allotted.grant_anew(session.id, seconds, self.now())

    def _time_over(self, number: int, seconds: float) -> None:
        session = self.by_id.get(number)
        if session is not None:
            self._end(session, SessionTimeOver(round(max(0.0, seconds))))

    def predecessor(self, session: Session) -> Session | None:
        return self.by_id.get(session.renews) if session.renews is not None else None

    def is_renewing(self, session: Session) -> bool:
        others = (each for each in self.by_id.values() if each is not session and each.renews == session.id)
        return any(not each.life.over for each in others)

    def holder(self, session: Session, inside: Network) -> Session | None:
        return self._holders.other(session, inside)

    def housed(self, session: Session) -> None:
        self._holders.note(session)

    def take_over(self, session: Session, old: Session) -> None:
        """The old phase 1 is still found by its SPI for a moment, since its deletes are expected."""
        session.take_over(old)
        self._holders.replace(old, session)
        self.by_id[session.id] = session
        self.by_id.pop(old.id, None)
        self._begun.pop(old, None)
        self._unprove(old)
        self.timers.set(self.now() + RENEWED_LINGER_S, "old phase 1", lambda _: self._forget(old))

    def succeed(self, session: Session, old: Session) -> None:
        named = self._proved.get(_name(old, old.user), {}) if old.established else {}
        known, opened = old in named, old in self._begun
        self._begun.pop(session, None)
        self.take_over(session, old)
        if known:
            self._proved[_name(session, session.user)][session] = None
        if opened:
            self._begun[session] = None

    def _unprove(self, session: Session) -> None:
        if not session.established:
            return
        name = _name(session, session.user)
        named = self._proved.get(name, {})
        named.pop(session, None)
        if not named:
            self._proved.pop(name, None)

    def _forget(self, old: Session) -> None:
        """Nothing finds or holds it any more."""
        alarm = self._strangers_gone.pop(old, None)
        if alarm is not None:
            alarm.cancel()
        self.by_cookie.pop(_own(old), None)
        self._part(old)
        old.forget()

    def closed(self, session: Session) -> None:
        if self.by_id.get(session.id) is session:
            del self.by_id[session.id]
            self._allotted.forget(session.id)
        if session.lingers:
            self._linger(session)
        else:
            self.by_cookie.pop(_own(session), None)
            self._part(session)
        self._begun.pop(session, None)
        self._holders.forget(session)
        self._unprove(session)
        self.admission.left(session, self.now())

    def _linger(self, session: Session) -> None:
        """What it said last may have to be said again. Of strangers only so many stay: they cost nothing to make."""
        alarm = self.timers.set(self.now() + RENEWED_LINGER_S, "last words", lambda _: self._forget(session))
        if not session.past_gates:
            self._strangers_gone[session] = alarm
            if len(self._strangers_gone) > MOST_LINGERING:
                self._forget(next(iter(self._strangers_gone)))


def _name(session: Session, user: str) -> Name:
    """A login name never equals an identity of phase 1, nor do identities of two kinds, though they read alike."""
    proved = session.proved
    return (None, user) if proved is None or proved.login else (proved.identity.kind, proved.identity.data)


def _most(session: Session) -> int | None:
    """Sessions that the person may have at a time, by the block and by what the login granted."""
    limits = (session.remote.max_sessions, session.grants.sessions)
    return min((each for each in limits if each is not None), default=None)


def _own(session: Session) -> bytes:
    return session.spis.initiator if session.initiator else session.spis.responder


def _is_person(session: Session) -> bool:
    """A shared key alone proves membership of a group, not a person."""
    return session.proved is not None and session.proved.person


def _same_device(old: Session, new: Session) -> bool:
    """Whether both show the same identity from the same address, as a reconnecting client does and two colleagues do
    not."""
    if old.proved is None or new.proved is None or old.gateway is not new.gateway:
        return False
    return old.path.remote.address == new.path.remote.address and old.proved.identity == new.proved.identity


def _goes_on(old: Session, new: Session) -> bool:
    """Whether the new session renews the old one, which is up. Keys of one protocol version renew none of another."""
    same = old.VERSION == new.VERSION and old.path == new.path
    return same and old.gates.all_open() and _same_device(old, new)


def _same_place(old: Session, new: Session) -> bool:
    """The same device, and from the same port or without a NAT: it cannot be another device."""
    here, there = old.path.remote, new.path.remote
    return _same_device(old, new) and (here.port == there.port or not (new.proved and new.proved.translated))
