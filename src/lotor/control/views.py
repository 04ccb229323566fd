"""What `status` and `explain` show, as JSON values: stable names, documented in docs/status.md and docs/explain.md;
fields are added, never renamed."""

from __future__ import annotations

from typing import NotRequired, TypedDict

SCHEMA = 1


class ChildView(TypedDict):
    """One SA pair. SPIs as hexadecimal text; seconds until the core wants to rekey, None never. `encapsulation` is
    `udp` or `esp`, `ours` and `theirs` the inner networks at both ends, `compression` empty without IPComp, `rate` the
    limit in octets a second each way."""

    id: int
    spi_in: str
    spi_out: str
    suite: str
    rekey_in: float | None
    encapsulation: str
    ours: list[str]
    theirs: list[str]
    compression: str
    rate: int | None


class TrafficView(TypedDict):
    """Inner octets and packets since the session began; refused packets by kind, and those that the rate
    limit (`limited`) and overload (`shed`) cost; `lost`: packets of the peer that did not come, by the gaps in their
    numbers. None: the engine does not count them."""

    octets_in: int
    octets_out: int
    packets_in: int
    packets_out: int
    replayed: int
    forged: int
    misdirected: int | None
    limited: int | None
    shed: int | None
    lost: int | None


class GrantsView(TypedDict):
    """What a session has by its login at a gateway: `group` is the block of `mode_cfg` that counts, `groups` came with
    the login; `pool` and `filter` as granted. Seconds, sessions at a time, octets a second each way; None or empty:
    nothing was granted of that. `unkept`: what was granted and is not given, in sentences."""

    group: str
    groups: list[str]
    pool: str
    filter: str
    session_time: float | None
    idle_time: float | None
    sessions: int | None
    rate: int | None
    unkept: list[str]


class SessionView(TypedDict):
    """One session. `since` is ISO 8601 in UTC, `seconds` its age; `address` and `address6` (empty without
    IPv6) the inner addresses of the client, `cookies` those of phase 1 as hexadecimal text. The
    same for any version of the protocol: `ike` is its major version, `spis` those of the IKE SA, `ike_suite` its
    algorithms. `device`: the program at the other end, a guess, empty where nothing is known. `rate_in` and `rate_out`:
    inner octets a second lately; `loss`: the share of the peer's packets that did not come lately; `latency`: seconds
    to the peer and back. None where it is not known."""

    session: int
    role: str
    remote: str
    state: str
    user: str
    peer: str
    local: str
    outside: str
    nat: str
    vendor: str
    device: str
    since: str
    seconds: float
    address: str
    address6: str
    cookies: str
    phase1: str
    ike: int
    spis: str
    ike_suite: str
    children: list[ChildView]
    traffic: TrafficView
    rate_in: float | None
    rate_out: float | None
    loss: float | None
    latency: float | None
    rekey_in: float | None
    grants: NotRequired[GrantsView]
    warnings: list[str]


class RowView(TypedDict):
    """One thing worth telling, under its name."""

    name: str
    text: str


Facts = dict[str, str | int | bool]
"""Of a kind of docs/reasons.md."""


class AttemptView(TypedDict):
    """One attempt. `began` and `ended` are ISO 8601 in UTC; `times` it ended so from the same place; `story` is all
    of it in words."""

    session: int
    role: str
    remote: str
    state: str
    began: str
    ended: str | None
    outside: str
    moved_to: str
    path: str
    program: str
    mode: str
    offers: list[str]
    vendors: list[str]
    chosen: str
    method: str
    peer: str
    verdict: str
    nat: str
    user: str
    login: str
    address: str
    pairs: list[str]
    happened: list[str]
    cause: str
    reason: str
    kind: str
    facts: Facts
    times: int
    device_shows: str
    fix: str
    story: list[RowView]


class ExplainView(TypedDict):
    """The attempts that fit what was asked for, newest first, `known` of them in all."""

    schema: int
    subject: str
    known: int
    attempts: list[AttemptView]


class EngineView(TypedDict):
    """What carries ESP: `name` is userspace or kernel, `why` says for what reason; the `device` at which tunnels end,
    with its `mtu`: the largest inner packet, octets."""

    name: str
    why: str
    device: str
    mtu: int


class OffloadsView(TypedDict):
    """Shortcuts through the kernel that the packet engine takes."""

    tso: bool
    uso: bool
    udp_segment: bool
    udp_gro: bool
    udp_segment_tail: bool


class AdmissionView(TypedDict):
    """First messages of strangers since the start, and whether they wait for their repetition now."""

    at_once: int
    repeated: int
    deferred: int
    copies: int
    full: int
    shunned: int
    replaced: int
    withheld: int
    deferring: bool


class ProcessView(TypedDict):
    """One process of the program, the one that takes signals first. `name`: warden, daemon, back-ends, or single where
    one does everything. `serves`: what a process of back ends is for, in words; `since`: when it began, ISO 8601 in
    UTC. `capabilities` without CAP_; `gains`: programs that it starts may gain rights. `landlock` is 0 and
    `calls` empty where files and system calls are not limited; `refused`: what it tried after that, and could not."""

    name: str
    pid: int
    user: str
    group: str
    capabilities: list[str]
    gains: bool
    landlock: int
    calls: str
    refused: list[str]
    serves: list[str]
    since: str


class StatusView(TypedDict):
    """One page of the answer. `next` is the number of the last session on it where more follow, else None; `half_open`
    counts the clients without a proved login, of which `sessions` shows only the newest; `users` the people who are
    logged in at this gateway; `total` the sessions on all pages, `rate_in` and `rate_out` what they carry together."""

    schema: int
    version: str
    pid: int
    configuration: str
    seconds: float
    internal_errors: int
    remarks: list[str]
    processes: list[ProcessView]
    engine: NotRequired[EngineView]
    offloads: OffloadsView
    admission: AdmissionView
    sessions: list[SessionView]
    half_open: int
    users: int
    total: int
    rate_in: float | None
    rate_out: float | None
    next: int | None


class BanView(TypedDict):
    """`kind` is login or network; `since` and `until` as in ISO 8601, `left` in seconds."""

    subject: str
    kind: str
    since: str
    until: str
    left: float
    why: str


class BansView(TypedDict):
    """Those in force, the newest last. `fleet`: what that means for other gateways, empty where there are none."""

    schema: int
    bans: list[BanView]
    fleet: str


class GatewayView(TypedDict):
    """A gateway of the fleet. `here`: it is the one that was asked; `seen`: seconds since the database heard of it
    last, None where that is not known; `alive`: its addresses are its own still."""

    name: str
    here: bool
    alive: bool
    seen: float | None
    sessions: int


class PresentView(TypedDict):
    """Somebody connected to a gateway. `id` as in accounting; `address`: inside; `since` as in ISO 8601; octets as the
    gateway told the database last."""

    gateway: str
    id: str
    user: str
    source: str
    address: str
    client: str
    since: str
    octets_in: int
    octets_out: int


class FleetView(TypedDict):
    """`fault`: why the database tells nothing now; then only this gateway stands here. `waiting`: rows that this
    gateway has for it. The newest sessions first; `left_out`: there may be so many more."""

    schema: int
    name: str
    fault: str
    waiting: int
    gateways: list[GatewayView]
    sessions: list[PresentView]
    left_out: int


class ReachedView(TypedDict):
    """Another gateway with `sessions` of whom was to be logged out, of which `left` are there still."""

    gateway: str
    sessions: int
    left: int


class LogoutView(TypedDict):
    """`here`: sessions that this gateway ended. `fault`: why others were not reached, or what became of it is not
    known."""

    schema: int
    subject: str
    name: str
    here: int
    fault: str
    gateways: list[ReachedView]
