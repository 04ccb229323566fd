"""What `status` shows, as JSON values: stable names, documented in docs/status.md; fields are added, never renamed."""

from __future__ import annotations

from typing import TypedDict

SCHEMA = 1


class ChildView(TypedDict):
    """One SA pair. SPIs as hexadecimal text; seconds until the core wants to rekey, None never."""

    id: int
    spi_in: str
    spi_out: str
    suite: str
    rekey_in: float | None


class TrafficView(TypedDict):
    """Inner octets and packets since the session began; refused packets by kind."""

    octets_in: int
    octets_out: int
    packets_in: int
    packets_out: int
    replayed: int
    forged: int
    misdirected: int


class SessionView(TypedDict):
    """One session. `since` is ISO 8601 in UTC, `seconds` its age; `address` the inner address of the client."""

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
    since: str
    seconds: float
    address: str
    phase1: str
    children: list[ChildView]
    traffic: TrafficView
    rekey_in: float | None
    warnings: list[str]


class StatusView(TypedDict):
    """The whole answer."""

    schema: int
    version: str
    pid: int
    configuration: str
    seconds: float
    internal_errors: int
    sessions: list[SessionView]
