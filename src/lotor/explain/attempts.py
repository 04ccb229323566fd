"""Recent attempts in memory: what the core's events said of each, bounded, as clean text; secrets are not in events."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lotor.ike.events import (
    NOT_TOLD,
    ChildDown,
    ChildUp,
    Chosen,
    Configured,
    Dead,
    Dropped,
    Ended,
    Event,
    Judged,
    LeftOut,
    LoggedIn,
    LoginRefused,
    LoginRound,
    LoginSent,
    MovesOn,
    Offered,
    PathChanged,
    PhaseOneUp,
    Reached,
    Readdressed,
    Renewed,
    SentAway,
    Started,
    Up,
)
from lotor.model.child import Child
from lotor.model.network import Path
from lotor.model.policy import Side
from lotor.model.reason import Reason
from lotor.model.reasons.ends import Redirected, SentElsewhere
from lotor.model.text import clean
from lotor.wire.v2.numbers import ExchangeType

MOST_ALIVE = 4096
MOST_WELL, MOST_FAILED, MOST_STRANGERS, MOST_AT_THE_DOOR = 50, 200, 100, 64
"""Attempts kept after their end: those that came up, failed ones of somebody with a name, failed ones of strangers, and
addresses whose messages never made an attempt."""
MOST_LINES = 12
LONGEST = 600


@dataclass(slots=True)
class Attempt:
    """One attempt. `began` and `over` in seconds of the wall clock; `address` of the peer outside, `moved_to` the one
    that it has since, if it is another, `inner` the one that it was given; `vendors` what the peer announced;
    `reached`: the gateway's messages came over the ports of NAT traversal; `session` 0: messages that never became one;
    `turned` what of them was turned away last; `verdict` on the peer's proof, and `disbelieved` why it was not
    accepted; `met`: reasons on the way that did not end it; `earlier` those from the same place that ended the same
    way, which are told as one."""

    session: int
    began: float
    side: Side
    remote: str
    address: str
    path: str
    moved_to: str = ""
    mode: str = ""
    offers: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    nonce: int = 0
    claimed: str = ""
    chosen: str = ""
    method: str = ""
    established: str = ""
    peer: str = ""
    nat: str = ""
    verdict: str = ""
    disbelieved: Reason | None = None
    turned: str = ""
    rounds: list[str] = field(default_factory=list)
    user: str = ""
    login: str = ""
    inner: str = ""
    pairs: dict[int, str] = field(default_factory=dict)
    happened: list[str] = field(default_factory=list)
    met: list[Reason] = field(default_factory=list)
    reached: bool = False
    up: bool = False
    over: float | None = None
    reason: Reason | None = None
    times: int = 1
    earlier: tuple[int, ...] = ()

    @property
    def by_ikev2(self) -> bool:
        return self.mode == ExchangeType.IKE_SA_INIT.name

    @property
    def failed(self) -> bool:
        return self.over is not None and not self.up

    @property
    def why(self) -> str:
        """How it ended, in a sentence; empty before."""
        if self.reason is None:
            return ""
        return say(f"{self.turned}: {self.reason}" if self.turned else self.reason.text)

    def go(self, path: Path) -> None:
        """The peer is over there now: it moved, or the connection was taken up at another gateway."""
        there = str(path.remote.address)
        self.moved_to = there if there != self.address else ""

    def meet(self, reason: Reason) -> None:
        """Something went wrong on the way, and this was why."""
        if reason not in self.met and len(self.met) < MOST_LINES:
            self.met.append(reason)

    def note(self, text: str) -> None:
        """Something that happened on the way; what repeats stands once."""
        line = say(text)
        if line not in self.happened and len(self.happened) < MOST_LINES:
            self.happened.append(line)


class Attempts:
    """A subscriber. Those that failed are kept longer than those that came up, and a flood of strangers drives out
    only strangers."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._alive: OrderedDict[int, Attempt] = OrderedDict()
        self._well: deque[Attempt] = deque(maxlen=MOST_WELL)
        self._failed: deque[Attempt] = deque(maxlen=MOST_FAILED)
        self._strangers: deque[Attempt] = deque(maxlen=MOST_STRANGERS)
        self._door: OrderedDict[str, Attempt] = OrderedDict()
        self.failures = 0

    def follow(self, event: Event) -> None:
        if isinstance(event, Started):
            self._begin(event)
        elif isinstance(event, Dropped) and event.session == 0:
            self._turned_away(event)
        elif isinstance(event, Renewed):
            self._alive.pop(event.attempt, None)
        attempt = self._alive.get(event.session)
        if attempt is None:
            return
        learn(attempt, event)
        if isinstance(event, Ended):
            self._end(attempt, event)

    def get(self, session: int) -> Attempt | None:
        """The attempt of that number, alive or kept."""
        kept = (*self._well, *self._failed, *self._strangers)
        return self._alive.get(session) or next((each for each in kept if each.session == session), None)

    def find(self, subject: str) -> list[Attempt]:
        """By number, by outer or inner address, by login, identity or remote block; newest first."""
        wanted = subject.casefold()
        return [each for each in self.all() if wanted in set(_names(each))]

    def all(self) -> list[Attempt]:
        """Newest first."""
        kept = (*self._alive.values(), *self._well, *self._failed, *self._strangers, *self._door.values())
        return sorted(kept, key=lambda each: (each.began, each.session), reverse=True)

    def _begin(self, event: Started) -> None:
        path = event.path
        attempt = Attempt(
            event.session, self._wall(), event.side, say(event.remote), str(path.remote.address), str(path)
        )
        self._alive[event.session] = attempt
        while len(self._alive) > MOST_ALIVE:
            self._alive.popitem(last=False)

    def _end(self, attempt: Attempt, event: Ended) -> None:
        self._alive.pop(attempt.session, None)
        attempt.over, attempt.reason = self._wall(), event.reason
        if attempt.up:
            self._well.append(attempt)
            return
        own = attempt.side is Side.CLIENT
        kept = self._failed if attempt.user or own else self._strangers
        if kept is self._strangers:
            self._join(attempt)
        self.failures += attempt.times == 1 and not isinstance(attempt.reason, SentElsewhere | Redirected)
        kept.append(attempt)

    def _join(self, attempt: Attempt) -> None:
        """A refused client tries again a few times; that is one story."""
        before = next((each for each in self._strangers if _alike(each, attempt)), None)
        if before is not None:
            self._strangers.remove(before)
            attempt.times = before.times + 1
            attempt.earlier = (*before.earlier, before.session)[-MOST_LINES:]

    def _turned_away(self, event: Dropped) -> None:
        address = str(event.path.remote.address)
        known = self._door.pop(address, None)
        attempt = known or Attempt(0, self._wall(), Side.GATEWAY, "", address, str(event.path))
        attempt.over, attempt.reason, attempt.turned = self._wall(), event.reason, event.what
        attempt.note(f"{event.what}: {event.reason}")
        self._door[address] = attempt
        while len(self._door) > MOST_AT_THE_DOOR:
            self._door.popitem(last=False)


def _alike(one: Attempt, other: Attempt) -> bool:
    return (one.address, one.claimed, one.reason) == (other.address, other.claimed, other.reason)


def learn(attempt: Attempt, event: Event) -> None:
    """What one event adds to an attempt."""
    match event:
        case Offered(mode=mode, offers=offers, vendors=vendors, identity=identity, nonce=nonce):
            attempt.mode, attempt.offers, attempt.nonce = mode, _all(offers), nonce
            attempt.claimed = "" if identity == NOT_TOLD else say(identity)
            attempt.vendors = () if attempt.side is Side.CLIENT else _all(vendors)
        case Chosen(suite=suite, method=method, vendors=vendors):
            attempt.chosen, attempt.method = suite, method
            attempt.vendors = _all(vendors) if attempt.side is Side.CLIENT else attempt.vendors
        case Judged(peer=peer, verdict=verdict):
            attempt.peer, attempt.verdict = say(peer), say(str(verdict))
            attempt.disbelieved = verdict if isinstance(verdict, Reason) else None
        case PhaseOneUp(path=path, suite=suite, peer=peer, nat=nat):
            attempt.path, attempt.established, attempt.peer, attempt.nat = str(path), str(suite), say(peer), nat
        case ChildUp() | ChildDown():
            _learn_child(attempt, event)
        case Dropped(reason=reason):
            attempt.note(event.text())
            attempt.meet(reason)
        case _:
            _learn_later(attempt, event)


def _learn_later(attempt: Attempt, event: Event) -> None:
    match event:
        case LoginRound(turn=turn, wants=wants):
            if len(attempt.rounds) < MOST_LINES:
                attempt.rounds.append(f"round {turn}: {say(str(wants))}")
        case LoginSent(user=user):
            attempt.user = say(user)
        case LoggedIn(user=user):
            attempt.user, attempt.login = say(user), f"login of {say(user)} accepted"
        case LoginRefused(user=user, reason=reason):
            attempt.user, attempt.login = say(user), say(f"login of {user or 'nobody'} refused: {reason.clause}")
        case Configured(user=user, configuration=configuration):
            attempt.user, attempt.inner = say(user), configuration.inside
        case Reached():
            attempt.reached = True
        case Up(user=user):
            attempt.user, attempt.up = say(user), True
        case _:
            _learn_way(attempt, event)


def _learn_way(attempt: Attempt, event: Event) -> None:
    match event:
        case PathChanged(new=path) | Renewed(path=path):
            attempt.go(path)
            attempt.note(event.text())
        case Dead() | Readdressed() | LeftOut() | SentAway() | MovesOn():
            attempt.note(event.text())


def _learn_child(attempt: Attempt, event: ChildUp | ChildDown) -> None:
    if isinstance(event, ChildUp):
        attempt.pairs[event.child.id] = say(_pair(event.child, str(event.suite)))
    elif event.child in attempt.pairs:
        attempt.pairs[event.child] += say(f"; down: {event.reason}")
    while len(attempt.pairs) > MOST_LINES:
        attempt.pairs.pop(next(iter(attempt.pairs)))


def _pair(child: Child, suite: str) -> str:
    ends = (", ".join(map(str, networks)) for networks in (child.local_networks, child.remote_networks))
    packed = f", {child.compression.algorithm.value}" if child.compression else ""
    spis = f"SPI {child.inbound.spi:#010x} in, {child.outbound.spi:#010x} out"
    return f"{' and '.join(ends)}, {suite}{packed}, {spis}"


def say(text: str) -> str:
    return clean(text, longest=LONGEST)


def _all(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(say(word) for word in words)


def _names(attempt: Attempt) -> Iterator[str]:
    inner = attempt.inner.split(" and ")
    known = (attempt.address, attempt.moved_to, *inner, attempt.user, attempt.peer, attempt.claimed, attempt.remote)
    yield from (each.casefold() for each in known if each)
    yield from (str(each) for each in (attempt.session, *attempt.earlier) if each)
