"""The register as the views that `status` shows, with a word about algorithms that are in use and weak."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime
from math import inf

from lotor import __version__
from lotor.control.messages import Sort, Status
from lotor.control.views import (
    SCHEMA,
    AdmissionView,
    ChildView,
    EngineView,
    GrantsView,
    OffloadsView,
    ProcessView,
    SessionView,
    StatusView,
    TrafficView,
)
from lotor.ike.admission import Tally
from lotor.ike.events import ChildUp
from lotor.model.algorithms import EspSuite, Group, Ike2Suite, IkeSuite
from lotor.model.child import Counters
from lotor.model.engines import EngineChoice
from lotor.model.frozen import frozen
from lotor.model.offloads import Offloads
from lotor.model.policy import Side
from lotor.model.text import clean
from lotor.model.weakness import WEAK, Named
from lotor.ports.esp import Capabilities
from lotor.ports.interface import TunnelInterface
from lotor.runtime.rates import Rate
from lotor.runtime.sessions import Register, Session

PAGE = 200
"""Sessions of one answer: some milliseconds of work, whatever number there is."""
NEWEST = 20
"""How many clients without a proved login are shown."""
LAST_NAME = chr(0x10FFFF)


@frozen
class Carried:
    """Which engine carries ESP, and the device at which its tunnels end."""

    choice: EngineChoice
    interface: TunnelInterface


@frozen
class Program:
    """What `status` tells of the program itself; `carried`: what carries ESP; `started` in the core's clock. Of
    `processes` the first takes signals."""

    carried: Carried
    admissions: Tally
    configuration: str
    started: float
    processes: tuple[ProcessView, ...]


@frozen
class Surveyed:
    """What is known of sessions beside the register: their rate, None where it is not known, and the program at the
    other end, empty where nothing is known. `capabilities`: of what carries ESP."""

    rate: Callable[[int], Rate | None] = lambda _: None
    device: Callable[[int], str] = lambda _: ""
    capabilities: Capabilities = Capabilities()


UNSURVEYED = Surveyed()


@frozen
class Page:
    """`half_open`: how many strangers are at the door; `following`: the number behind which the next page begins;
    `total`: sessions on all pages; `rate`: what they carry together."""

    sessions: tuple[Session, ...]
    half_open: int
    following: int | None
    total: int
    rate: Rate | None


def page(
    register: Register, request: Status, concerns: Callable[[Session], bool], surveyed: Surveyed = UNSURVEYED
) -> Page:
    """The sessions that are asked for; of strangers the newest only, on the first page."""
    strangers: list[Session] = []
    known: list[Session] = []
    for each in filter(concerns, register.all()):
        (strangers if is_stranger(each) else known).append(each)
    known += strangers[-NEWEST:]
    if request.subject:
        known = [each for each in known if request.subject.casefold() in _names(each)]
    found, following = _cut(known, request, surveyed)
    return Page(found, len(strangers), following, len(known), _together(surveyed.rate(each.id) for each in known))


def _cut(known: list[Session], request: Status, surveyed: Surveyed) -> tuple[tuple[Session, ...], int | None]:
    """One page, and the number behind which the next one begins."""
    order = next((each for each in Sort if each.value == request.sort), None)
    if order is not None:
        skip = max(0, request.skip)
        return tuple(sorted(known, key=_key(order, surveyed))[skip : skip + PAGE]), None
    found = sorted((each for each in known if each.id > request.after), key=lambda each: each.id)
    return tuple(found[:PAGE]), found[PAGE - 1].id if len(found) > PAGE else None


def _key(order: Sort, surveyed: Surveyed) -> Callable[[Session], tuple[float | str, int]]:
    """Of two that are alike the older one comes first."""
    if order is Sort.USER:
        return lambda each: (each.user.casefold() or LAST_NAME, each.id)
    if order is Sort.SINCE:
        return lambda each: (-each.since, each.id)
    return lambda each: (-_figure(order, each, surveyed.rate(each.id)), each.id)


def _figure(order: Sort, session: Session, rate: Rate | None) -> float:
    if order is Sort.LATENCY:
        return session.latency if session.latency is not None else -inf
    if rate is None:
        return -inf
    if order is Sort.LOSS:
        return rate.loss if rate.loss is not None else -inf
    sums = {Sort.IN: rate.octets_in, Sort.OUT: rate.octets_out}
    return sums.get(order, rate.octets_in + rate.octets_out)


def _together(rates: Iterable[Rate | None]) -> Rate | None:
    """None where nothing is known of any."""
    known = [each for each in rates if each is not None]
    if not known:
        return None
    return Rate(sum(each.octets_in for each in known), sum(each.octets_out for each in known))


def _names(session: Session) -> set[str]:
    """What a person may call it, in lower case."""
    given = session.configuration
    addresses = {str(session.path.remote.address), str(given.address) if given else "", _address6(session)}
    return {str(session.id), session.user.casefold(), session.peer.casefold(), session.remote.casefold()} | addresses


def is_stranger(session: Session) -> bool:
    """At a gateway, and no login is proved yet."""
    return session.side is Side.GATEWAY and not session.user and not session.up


def status_view(
    seen: Page,
    program: Program,
    counters: Mapping[int, Counters],
    now: float,
    surveyed: Surveyed = UNSURVEYED,
) -> StatusView:
    """`counters` of the SA pairs of the page; `now` in the core's clock. The caller sets `internal_errors`,
    `users` and `remarks`."""
    return StatusView(
        schema=SCHEMA,
        version=__version__,
        pid=program.processes[0]["pid"],
        configuration=program.configuration,
        seconds=round(now - program.started, 1),
        internal_errors=0,
        remarks=[],
        processes=list(program.processes),
        engine=_engine(program.carried),
        offloads=_offloads(program.carried.interface.offloads),
        admission=_admission(program.admissions),
        sessions=[session_view(each, counters, now, surveyed) for each in seen.sessions],
        half_open=seen.half_open,
        users=0,
        total=seen.total,
        rate_in=round(seen.rate.octets_in, 1) if seen.rate else None,
        rate_out=round(seen.rate.octets_out, 1) if seen.rate else None,
        next=seen.following,
    )


def _engine(carried: Carried) -> EngineView:
    choice, interface = carried.choice, carried.interface
    return EngineView(name=choice.engine.value, why=clean(choice.why), device=interface.name, mtu=interface.mtu)


def _offloads(offloads: Offloads) -> OffloadsView:
    return OffloadsView(
        tso=offloads.tso,
        uso=offloads.uso,
        udp_segment=offloads.udp_segment,
        udp_gro=offloads.udp_gro,
        udp_segment_tail=offloads.udp_segment_tail,
    )


def _admission(tally: Tally) -> AdmissionView:
    return AdmissionView(
        at_once=tally.at_once,
        repeated=tally.repeated,
        deferred=tally.deferred,
        copies=tally.copies,
        full=tally.full,
        shunned=tally.shunned,
        replaced=tally.replaced,
        withheld=tally.withheld,
        deferring=tally.deferring,
    )


def session_view(
    session: Session, counters: Mapping[int, Counters], now: float, surveyed: Surveyed = UNSURVEYED
) -> SessionView:
    rate, untold = surveyed.rate(session.id), surveyed.capabilities.untold
    children = [_child(each, now, surveyed) for each in session.children.values()]
    since = datetime.fromtimestamp(session.since, UTC)
    rekeys = [each["rekey_in"] for each in children if each["rekey_in"] is not None]
    return SessionView(
        session=session.id,
        role=session.side.value,
        remote=session.remote,
        state=state_of(session),
        user=clean(session.user),
        peer=clean(session.peer),
        local=str(session.path.local),
        outside=str(session.path.remote),
        nat=clean(session.nat),
        vendor=clean(session.vendor),
        device=surveyed.device(session.id),
        since=since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=max(0.0, round(datetime.now(UTC).timestamp() - session.since, 1)),
        address=str(session.configuration.address) if session.configuration else "",
        address6=_address6(session),
        cookies=session.cookies,
        phase1=str(session.suite) if session.suite else "",
        ike=session.ike,
        spis=session.cookies,
        ike_suite=str(session.suite) if session.suite else "",
        children=children,
        traffic=_traffic(session.traffic(counters), untold),
        rate_in=round(rate.octets_in, 1) if rate else None,
        rate_out=round(rate.octets_out, 1) if rate else None,
        loss=round(rate.loss, 4) if rate and rate.loss is not None and "lost" not in untold else None,
        latency=round(session.latency, 4) if session.latency is not None else None,
        rekey_in=min(rekeys, default=None),
        grants=_grants(session),
        warnings=weaknesses(session.suite, [each.suite for each in session.children.values()]),
    )


def _grants(session: Session) -> GrantsView:
    grants, given = session.grants, session.configuration
    return GrantsView(
        group=clean(given.group) if given is not None else "",
        groups=sorted(map(clean, grants.groups)),
        pool=clean(grants.pool),
        filter=clean(grants.filter),
        session_time=grants.session_time,
        idle_time=grants.idle_time,
        sessions=grants.sessions,
        rate=grants.rate,
        unkept=[each.text for each in given.unkept] if given is not None else [],
    )


def weaknesses(phase1: IkeSuite | Ike2Suite | None, children: list[EspSuite]) -> list[str]:
    """One sentence for each weak algorithm in use."""
    used: list[Named] = []
    if phase1 is not None:
        prf = phase1.prf if isinstance(phase1, Ike2Suite) else phase1.hash
        used += [phase1.group, prf, phase1.cipher]
    for suite in children:
        used += [suite.cipher, *([suite.integrity] if suite.integrity else [])]
    return [f"{_word(each)} is weak: {WEAK[each]} on both ends" for each in dict.fromkeys(used) if each in WEAK]


def _word(algorithm: Named) -> str:
    """As a configuration names it."""
    if isinstance(algorithm, Group):
        return f"dh_group {algorithm.value} ({algorithm.name.lower()})"
    return str(algorithm.value)


def _address6(session: Session) -> str:
    given = session.configuration.address6 if session.configuration else None
    return str(given.ip) if given is not None else ""


def state_of(session: Session) -> str:
    if session.up:
        return "up"
    if session.user:
        return "logged in"
    return "phase 1 established" if session.suite else "connecting"


def _child(event: ChildUp, now: float, surveyed: Surveyed) -> ChildView:
    child = event.child
    return ChildView(
        id=child.id,
        spi_in=f"{child.inbound.spi:#010x}",
        spi_out=f"{child.outbound.spi:#010x}",
        suite=str(event.suite),
        rekey_in=round(event.rekey_at - now, 1) if event.rekey_at is not None else None,
        encapsulation=child.encapsulation.value,
        ours=[str(each) for each in child.local_networks],
        theirs=[str(each) for each in child.remote_networks],
        compression=child.compression.algorithm.value if child.compression else "",
        rate=child.rate if surveyed.capabilities.rates else None,
    )


def _traffic(counters: Counters, untold: Container[str]) -> TrafficView:
    """None for what nobody counts: 0 would say that there was none."""
    return TrafficView(
        octets_in=counters.octets_in,
        octets_out=counters.octets_out,
        packets_in=counters.packets_in,
        packets_out=counters.packets_out,
        replayed=counters.replayed,
        forged=counters.forged,
        misdirected=None if "misdirected" in untold else counters.misdirected,
        limited=None if "limited" in untold else counters.limited,
        shed=None if "shed" in untold else counters.shed,
        lost=None if "lost" in untold else counters.lost,
    )
