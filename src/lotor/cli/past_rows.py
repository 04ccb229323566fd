"""Sessions of the past as a person and as programs read them: columns of a table, fields, cells of CSV."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lotor.cli.columns import Column
from lotor.cli.quantities import brief, duration

if TYPE_CHECKING:
    from lotor.store.sessions import Session

COLUMNS = (
    Column("user", 6, 0),
    Column("from", 9, 2),
    Column("address", 9, 3),
    Column("began", 11, 1),
    Column("lasted", 6, 1),
    Column("in", 4, 4, right=True),
    Column("out", 4, 4, right=True),
    Column("ended by", 8, 1),
    Column("client", 6, 6),
    Column("IKE", 3, 7),
)
UP = "(is up)"


def told(session: Session) -> dict[str, object]:
    """Moments as in ISO 8601, in UTC."""
    moments = {"began": _iso(session.began), "ended": _iso(session.ended)}
    return {**asdict(session), **moments, "resumed": bool(session.resumed)}


def version(ike: int) -> str:
    """0: nobody wrote it down."""
    return str(ike) if ike else "?"


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cell(value: object) -> object:
    """A spreadsheet computes no text of a client."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@"}:
        return f"'{value}"
    return "" if value is None else value


def row(session: Session) -> list[str]:
    now = time.time()
    up = session.ended is None
    return [
        session.user,
        session.source,
        session.inside.partition(",")[0],
        f"{datetime.fromtimestamp(session.began).astimezone():%m-%d %H:%M}",
        duration(max(0.0, now - session.began) if up else session.seconds).replace(" ", ""),
        brief(session.octets_in),
        brief(session.octets_out),
        UP if up else session.why,
        f"{session.client}, device {session.machine}" if session.machine else session.client,
        f"{version(session.ike)} resumed" if session.resumed else version(session.ike),
    ]
