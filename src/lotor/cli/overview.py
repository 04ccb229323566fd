"""Who is connected, at a glance: a line for each session, in words that a person uses."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING

from lotor.cli.columns import Column, fitted
from lotor.cli.quantities import UNKNOWN, brief, duration, milliseconds, share, since, speed
from lotor.cli.terminal import Line, Style
from lotor.model.quantity import quantity

if TYPE_CHECKING:
    from lotor.control.views import SessionView, StatusView

WIDTH = 80
"""Of sentences, where no terminal says how wide it is."""
COLUMNS = (
    Column("user", 8, 0),
    Column("device", 6, 6),
    Column("from", 9, 4),
    Column("address", 9, 5),
    Column("since", 6, 3),
    Column("in/s", 5, 1, right=True),
    Column("out/s", 5, 2, right=True),
    Column("loss", 6, 7, right=True, extra=True),
    Column("latency", 7, 8, right=True, extra=True),
)
ORDERS: dict[str, Callable[[SessionView], tuple[float | str, int]]] = {
    "user": lambda each: (who(each).casefold(), each["session"]),
    "since": lambda each: (each["seconds"], -each["session"]),
    "rate": lambda each: (-_known(each.get("rate_in")) - _known(each.get("rate_out")), each["session"]),
}
"""What `--sort` takes: by name, the newest first, the fastest first."""


def overview(view: StatusView, now: datetime, width: int | None) -> list[Line]:
    """`width` of the terminal; None: no terminal, and no name is cut."""
    clients = [each for each in view["sessions"] if each["role"] == "client"]
    shown = [each for each in view["sessions"] if each["role"] != "client" and not is_stranger(each)]
    return [
        Line(headline(view), Style.HEAD),
        *notices(view, width or WIDTH),
        *(Line(text) for each in clients for text in ("", *_connection(each, now))),
        *_table(shown, now, width),
        Line(""),
        Line(_total(view, [*shown, *clients])),
    ]


def headline(view: StatusView) -> str:
    return f"lotor {view['version']}, running for {duration(view['seconds'])}, {view['configuration']}"


def notices(view: StatusView, width: int) -> Iterator[Line]:
    """What somebody should know: faults, remarks, an engine that not everybody has, how many are connecting."""
    if view["internal_errors"]:
        yield Line(f"{quantity(view['internal_errors'], 'internal error')}: see the log", Style.ERROR)
    for remark in (*view["remarks"], *_protection(view), *_weak(view)):
        for text in textwrap.wrap(remark, width):
            yield Line(text, Style.WARNING)
    engine = view.get("engine")
    if engine is not None and engine["name"] != "userspace":
        yield Line(f"ESP is carried by the {engine['name']} ({engine['why']})")
    if connecting := view.get("half_open", 0):
        yield Line(f"{quantity(connecting, 'client')} {'is' if connecting == 1 else 'are'} connecting")


def _protection(view: StatusView) -> Iterator[str]:
    """What protects less here than elsewhere."""
    for process in view.get("processes", []):
        if process["name"] == "single":
            yield "one process holds the keys and reads what strangers send"
    if any(each["calls"] and not each["landlock"] for each in view.get("processes", [])):
        yield "no Landlock in this kernel: the daemon's user alone keeps files from it"


def _weak(view: StatusView) -> Iterator[str]:
    if number := sum(bool(each["warnings"]) for each in view["sessions"]):
        yield f"{quantity(number, 'session')} with weak algorithms: lotor status -v names them"


def is_stranger(view: SessionView) -> bool:
    """At a gateway, and no login is proved yet."""
    return view["role"] == "gateway" and not view["user"] and view["state"] != "up"


def who(view: SessionView) -> str:
    """The person, or without a login what the peer calls itself."""
    return view["user"] or view["peer"] or f"({view['state']})"


def device(view: SessionView) -> str:
    """Short: `Apple` of `Apple (iOS, iPadOS, macOS)`."""
    return view.get("device", "").partition(" (")[0] or UNKNOWN


def host(place: str) -> str:
    """The address of `192.0.2.50:4500` or `[2001:db8::1]:4500`."""
    return place.rpartition(":")[0].strip("[]")


def _table(sessions: list[SessionView], now: datetime, width: int | None) -> list[Line]:
    if not sessions:
        return []
    head, *rows = fitted(COLUMNS, [row(COLUMNS, each, now) for each in sessions], width)
    return [Line(""), Line(head, Style.HEAD), *map(Line, rows)]


def row(columns: Iterable[Column], view: SessionView, now: datetime) -> list[str]:
    """What each of these columns says of a session."""
    told = {
        "user": who(view),
        "device": device(view),
        "from": host(view["outside"]),
        "address": view["address"] or view["address6"] or UNKNOWN,
        "since": since(view["since"], now),
        "in/s": brief(view.get("rate_in")),
        "out/s": brief(view.get("rate_out")),
        "loss": share(view.get("loss")),
        "latency": milliseconds(view.get("latency")),
    }
    return [told[each.title] for each in columns]


def _connection(view: SessionView, now: datetime) -> list[str]:
    """A tunnel that this host began, in a sentence or two."""
    place = host(view["outside"])
    gateway = place if view["remote"] in (place, "anonymous") else f"{view['remote']} ({place})"
    if view["state"] != "up":
        return [f"connecting to {gateway}: {view['state']} for {duration(view['seconds'])}"]
    login = f" as {view['user']}" if view["user"] else ""
    addresses = " and ".join(each for each in (view["address"], view["address6"]) if each)
    lines = [f"connected to {gateway}{login}", f"  since {since(view['since'], now)}, {duration(view['seconds'])}"]
    lines[1] += f", address {addresses}" if addresses else ""
    pace = f"{speed(view.get('rate_in'))} in, {speed(view.get('rate_out'))} out" if _measured(view) else ""
    way = f"{milliseconds(view['latency'])} to the gateway and back" if view.get("latency") is not None else ""
    return [*lines, *(f"  {text}" for text in ("; ".join(filter(None, (pace, way))),) if text)]


def _total(view: StatusView, sessions: list[SessionView]) -> str:
    if not sessions:
        return "no sessions"
    users = view.get("users", 0)
    people = f" of {quantity(users, 'user')}" if users and users != len(sessions) else ""
    pace = f", {speed(view['rate_in'])} in, {speed(view['rate_out'])} out" if _measured(view) else ""
    return f"{quantity(len(sessions), 'session')}{people}{pace}"


def _measured(view: StatusView | SessionView) -> bool:
    return view.get("rate_in") is not None


def _known(figure: float | None) -> float:
    return -inf if figure is None else figure
