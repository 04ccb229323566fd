"""docs/comparison.md as the benchmarks write it: a table with a program in each column, and for each row in which
lotor is not the first the reason. No measuring here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.comeback import EVENTS, Found, Outage
from bench.recipes import DUTIES, RECIPES

LOTOR = "lotor"
NEVER = float("inf")
NEAR = 1.1
"""What differs by less than this factor does so by chance."""


@dataclass(slots=True)
class Side:
    """One host, set up. Megabytes (of a million octets): `disk` that is taken afterwards, `fetched` by apt."""

    steps: int
    seconds: float
    disk: float
    fetched: float
    typed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setup:
    gateway: Side
    client: Side


@dataclass(frozen=True, slots=True)
class Row:
    """`figures` by program, the less the better; `cells` are the same as people read them."""

    title: str
    figures: dict[str, float]
    cells: dict[str, str]

    @property
    def first(self) -> bool:
        """Whether nobody is before lotor."""
        others = [figure for name, figure in self.figures.items() if name != LOTOR]
        return self.figures.get(LOTOR, 0.0) <= NEAR * min(others, default=NEVER)


_PYTHON = "lotor is a Python program: Debian's Python with its byte code is 45 MB of it, where Python is not there yet"
_FETCHED = "Python comes along where it is not there yet"
_COMPILED = "most of it is the installation of Python and lotor, which are compiled to byte code on the host"
_MOVED = (
    "lotor first moves its own routes, once the kernel has told of the new network; OpenVPN's next packet goes out by "
    "whatever route there is"
)
_ASKED = (
    "lotor asks for two seconds whether the gateway still knows the session, before it logs in again; the session had "
    "ended there"
)
WHY = {
    "gateway: seconds of the machine": _COMPILED,
    "client: seconds of the machine": _COMPILED,
    "gateway: MB on disk": _PYTHON,
    "client: MB on disk": _PYTHON,
    "gateway: MB fetched": _FETCHED,
    "client: MB fetched": _FETCHED,
    f"{EVENTS[0]}: seconds": _MOVED,
    f"{EVENTS[0]}: packets lost": _MOVED,
    f"{EVENTS[2]}: seconds": _ASKED,
    f"{EVENTS[2]}: packets lost": _ASKED,
}
"""Why another program may be before lotor in a row."""


def rows(setups: dict[str, Setup], found: Found) -> list[Row]:
    made = []
    for side in ("gateway", "client"):
        for what, attribute, form in _MEASURES:
            figures = {name: float(getattr(getattr(setup, side), attribute)) for name, setup in setups.items()}
            cells = {name: format(figure, form) for name, figure in figures.items()}
            made.append(Row(f"{side}: {what}", figures, cells))
    return made + [row for event in EVENTS if found for row in _of_event(event, found)]


_MEASURES = (
    ("steps that a person types", "steps", ".0f"),
    ("seconds of the machine", "seconds", ".0f"),
    ("MB on disk", "disk", ".1f"),
    ("MB fetched", "fetched", ".1f"),
)


def _of_event(event: str, found: Found) -> list[Row]:
    outages = {name: events[event] for name, events in found.items()}
    return [
        _row(f"{event}: seconds", outages, lambda each: each.seconds, ".2f"),
        _row(f"{event}: packets lost", outages, lambda each: None if each.seconds is None else each.lost, ".0f"),
    ]


def _row(title: str, outages: dict[str, list[Outage]], of: Callable[[Outage], float | None], form: str) -> Row:
    figures = {
        name: median(NEVER if (figure := of(each)) is None else figure for each in several)
        for name, several in outages.items()
    }
    cells = {name: _told(figure, form) + _broken(outages[name], title) for name, figure in figures.items()}
    return Row(title, figures, cells)


def _told(figure: float, form: str) -> str:
    return "does not come back" if figure == NEVER else format(figure, form)


def _broken(outages: list[Outage], title: str) -> str:
    """At the seconds, whether the TCP connection went on."""
    broken = sum(each.stream is False for each in outages)
    return f", TCP broken {broken} of {len(outages)} times" if broken and title.endswith("seconds") else ""


def page(setups: dict[str, Setup], found: Found, told: str, how: str = "") -> str:
    """The whole document; `told`: the conditions of this run; `how` the events were made."""
    names = list(setups)
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    notes: list[str] = []
    for row in rows(setups, found):
        mark = ""
        if not row.first:
            notes.append(f"{len(notes) + 1}. {row.title}: {WHY.get(row.title, 'no reason is known yet')}.")
            mark = f" ({len(notes)})"
        best = min(row.figures.values())
        cells = [f"**{row.cells[name]}**" if row.figures[name] == best else row.cells[name] for name in names]
        lines.append(f"| {row.title}{mark} | {' | '.join(cells)} |")
    duties = {recipe.name: recipe.by_hand for recipe in RECIPES}
    lines += [
        f"| {duty} | {' | '.join(duties[name][number] for name in names)} |" for number, duty in enumerate(DUTIES)
    ]
    why = "\n".join(notes) or "None."
    return _PAGE.format(table="\n".join(lines), why=why, typed=_typed(setups), told=told, how=how)


def _typed(setups: dict[str, Setup]) -> str:
    parts = []
    for name, setup in setups.items():
        typed = "\n".join(f"    {line}" for side in (setup.gateway, setup.client) for line in side.typed)
        parts.append(f"### {name}\n\n{typed}\n")
    return "\n".join(parts)


_PAGE = """# lotor beside other programs

Written by `python -m bench.comparison --write`, which types every line below in fresh roots of Debian 12, until a
person has logged in with a name and a password and reaches a host inside that has no route to the clients. Bold is the
first in its row.

{table}

- Steps are lines that a person types, files that are written, and the file that is carried to the client.
- Seconds are those of the machine for these lines, without downloads and without the person. No systemd runs in the
  roots: what it would start is started by its own command.
- MB on disk are what the files of the packages, and of those that Debian recommends with them, take in a root with
  systemd, D-Bus, certificates and nftables, byte
  code and all.

{how}
{told}

## Where lotor is not the first

{why}

## What was typed

{typed}"""
