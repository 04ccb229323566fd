"""The picture of `lotor top`: what is known as lines of a screen. Draws nothing and asks nobody."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from lotor.cli.columns import Column, cut, fitted
from lotor.cli.overview import row
from lotor.cli.quantities import UNKNOWN, duration, speed
from lotor.cli.tallies import FAILED, MESSAGES, PACKETS, REFUSED
from lotor.cli.terminal import Line, Style
from lotor.model.frozen import frozen
from lotor.model.quantity import quantity

if TYPE_CHECKING:
    from lotor.cli.tallies import Lately
    from lotor.control.views import SessionView, StatusView

TALL = 16
"""Lines of a screen from which on failures, drops and processors have a place on it."""
COLUMNS = (
    Column("user", 8, 0),
    Column("in/s", 5, 1, right=True),
    Column("out/s", 5, 2, right=True),
    Column("loss", 6, 3, right=True),
    Column("latency", 7, 4, right=True),
    Column("since", 6, 6),
    Column("from", 9, 5),
    Column("device", 6, 7),
    Column("address", 9, 8, extra=True),
)
MOST_REASONS = 4
FEW_LOST = 0.01
"""Share of lost packets from which on somebody should look."""


@frozen
class Picture:
    """What is known now. `lately` is None without the right to ask, or too early; `order` is that of the sessions, of
    which `view` has those behind the first `skip`; `note` says why `view` is an old one."""

    view: StatusView
    now: datetime
    lately: Lately | None = None
    order: str = "rate"
    skip: int = 0
    note: str = ""


def room(height: int) -> int:
    """Sessions that a screen of so many lines shows, at least one."""
    return max(1, height - (8 if height >= TALL else 4))


def drawn(picture: Picture, width: int, height: int) -> list[Line]:
    """`height` lines of at most `width` columns."""
    rows = picture.view["sessions"][: room(height)]
    head, *texts = fitted(COLUMNS, [row(COLUMNS, each, picture.now) for each in rows], width)
    lines = [*_top(picture, height), Line(head, Style.HEAD)]
    lines += [Line(text, _style(view)) for text, view in zip(texts, rows, strict=True)]
    if not rows:
        lines.append(Line("no sessions", Style.FAINT))
    lines = lines[: height - 1]
    lines += [Line("")] * (height - 1 - len(lines))
    lines.append(Line(_foot(picture, len(rows), width), Style.FAINT))
    return [Line(cut(text, width), style) for text, style in lines[-height:]]


def _top(picture: Picture, height: int) -> list[Line]:
    lines = [Line(_title(picture), Style.HEAD), _second(picture)]
    if height >= TALL:
        lines += [Line(_processors(picture.lately)), _failures(picture.lately), Line(_drops(picture.lately)), Line("")]
    return lines[: max(0, height - 3)]


def _title(picture: Picture) -> str:
    view = picture.view
    return (
        f"lotor top {picture.now:%H:%M:%S}  {view['configuration']}, running for {duration(view['seconds'])}, "
        f"lotor {view['version']}"
    )


def _second(picture: Picture) -> Line:
    if picture.note:
        return Line(picture.note, Style.ERROR)
    view = picture.view
    users, connecting = view.get("users", 0), view.get("half_open", 0)
    parts = [quantity(view.get("total", len(view["sessions"])), "session")]
    parts += [quantity(users, "user")] if users else []
    parts += [f"{connecting} connecting"] if connecting else []
    return Line(f"{', '.join(parts)}; {speed(view.get('rate_in'))} in, {speed(view.get('rate_out'))} out")


def _processors(lately: Lately | None) -> str:
    load = lately.load if lately is not None else {}
    return f"processor: {', '.join(f'{name} {100 * part:.1f} %' for name, part in load.items()) or UNKNOWN}"


def _failures(lately: Lately | None) -> Line:
    if lately is None:
        return Line(f"logins refused: {UNKNOWN}")
    refused, failed = lately.of(REFUSED), lately.of(FAILED)
    text = f"last {lately.seconds:.0f} s: {_counted(refused, 'login', ' refused')}"
    others = failed - refused
    if others:
        text += f", {_counted(others, 'other attempt', ' failed')}"
    return Line(text, Style.WARNING if refused or others else Style.PLAIN)


def _drops(lately: Lately | None) -> str:
    if lately is None:
        return f"dropped: {UNKNOWN}"
    return f"dropped: {_counted(lately.of(PACKETS), 'packet')}, {_counted(lately.of(MESSAGES), 'message')}"


def _counted(counts: Counter[str], noun: str, became: str = "") -> str:
    """`3 logins refused (2 login refused, 1 throttled)`, the most frequent reasons first."""
    total = sum(counts.values())
    if not total:
        return f"0 {noun}s{became}"
    reasons = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    shown = [f"{count} {reason.replace('-', ' ')}" for reason, count in reasons[:MOST_REASONS]]
    return f"{quantity(total, noun)}{became} ({', '.join(shown)}{', …' if len(reasons) > MOST_REASONS else ''})"


def _style(view: SessionView) -> Style:
    lost = view.get("loss")
    if view["state"] != "up":
        return Style.FAINT
    return Style.WARNING if lost is not None and lost >= FEW_LOST else Style.PLAIN


def _foot(picture: Picture, shown: int, width: int) -> str:
    """The keys, and which sessions are seen, as far as there is room."""
    total = picture.view.get("total", shown)
    place = f"{picture.skip + 1}-{picture.skip + shown} of {total}" if shown else ""
    for keys in (f"q quit  s sort: by {picture.order}  arrows, page up, page down: scroll", "q quit  s sort", "q quit"):
        if len(keys) + len(place) + 2 <= width:
            return f"{keys}{place:>{width - len(keys)}}"
    return place
