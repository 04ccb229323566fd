"""Figures as a person reads them: durations, octets, moments in local time."""

from __future__ import annotations

from datetime import datetime

UNITS = ("octets", "kB", "MB", "GB", "TB")
LETTERS = ("", "k", "M", "G", "T")
UNKNOWN = "\N{EN DASH}"
"""For a figure that nobody knows."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
THIS_YEAR_DAYS = 300
"""A day of the month says enough for so long."""


def duration(seconds: float) -> str:
    """The two largest units: `2 h 10 min`."""
    left = max(0, round(seconds))
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def octets(count: float) -> str:
    """Three digits and a decimal unit."""
    size, place = _scaled(count)
    return f"{size:.0f} {UNITS[0]}" if place == 0 else f"{size:.1f} {UNITS[place]}"


def speed(rate: float | None) -> str:
    """Octets a second, in words: `1.2 MB/s`."""
    if rate is None:
        return UNKNOWN
    size, place = _scaled(rate)
    return f"{size:.0f} B/s" if place == 0 else f"{size:.1f} {UNITS[place]}/s"


def brief(rate: float | None) -> str:
    """Octets a second for a column of five: `1.2M`."""
    if rate is None:
        return UNKNOWN
    size, place = _scaled(rate)
    return f"{size:.0f}{LETTERS[place]}" if place == 0 or size >= 100 else f"{size:.1f}{LETTERS[place]}"


def share(part: float | None) -> str:
    """Of one, in percent."""
    if part is None:
        return UNKNOWN
    return "0 %" if part == 0 else f"{100 * part:.1f} %"


def milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return UNKNOWN
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.001 else "<1 ms"


def local(iso: str) -> datetime:
    """What the daemon tells in UTC, by the clock on the wall."""
    return datetime.fromisoformat(iso).astimezone()


def moment(iso: str) -> str:
    return f"{local(iso):%Y-%m-%d %H:%M}"


def since(iso: str, now: datetime) -> str:
    """In six columns: the time of today, the day of this year, else the year."""
    then = local(iso)
    if then.date() == now.date():
        return f"{then:%H:%M}"
    if abs((now - then).days) < THIS_YEAR_DAYS:
        return f"{then.day} {MONTHS[then.month - 1]}"
    return str(then.year)


def _scaled(count: float) -> tuple[float, int]:
    size, place = float(count), 0
    while size >= 999.5 and place < len(UNITS) - 1:
        size, place = size / 1000, place + 1
    return size, place
