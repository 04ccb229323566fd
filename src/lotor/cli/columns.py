"""Text in columns of a terminal: how wide it is there, cut to what fits, and tables that fit a width."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from lotor.model.frozen import frozen

GAP = 2
ELLIPSIS = "…"
WIDE = frozenset({"W", "F"})
MARKS = frozenset({"Mn", "Me"})


def cells(text: str) -> int:
    """Columns that a terminal needs for it: a letter of China two, an accent that stands on another letter none."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def cut(text: str, width: int) -> str:
    """At most `width` columns; what is left out ends in `…`."""
    if cells(text) <= width:
        return text
    kept, used = [], len(ELLIPSIS)
    for char in text:
        used += _cells(char)
        if used > width:
            break
        kept.append(char)
    return "".join(kept) + ELLIPSIS if width > 0 else ""


def _cells(char: str) -> int:
    if unicodedata.category(char) in MARKS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in WIDE else 1


@frozen
class Column:
    """`least`: columns below which it says nothing; a figure on the right never has fewer, so that it stays in place.
    `rank`: where not all fit, those of the highest rank are left out. `extra`: shown only where everything fits
    uncut."""

    title: str
    least: int
    rank: int
    right: bool = False
    extra: bool = False


def fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """The titles, then a line for each row, at most `width` columns; None: nothing is cut, and nothing is extra."""
    titles = [each.title for each in columns]
    wanted = [
        max(column.least * column.right, *map(cells, texts))
        for column, texts in zip(columns, zip(titles, *rows, strict=True), strict=True)
    ]
    places = _shown(columns, wanted, width)
    widths = {place: wanted[place] for place in places}
    if width is not None:
        _shrink(widths, {place: columns[place].least for place in places}, width)
    lines = [titles, *rows]
    return [_line(columns, row, widths) for row in lines]


def _shown(columns: Sequence[Column], wanted: Sequence[int], width: int | None) -> list[int]:
    """The places of the columns that fit."""
    places = [place for place, each in enumerate(columns) if not (width is None and each.extra)]
    if width is None:
        return places
    for extra in (True, False):
        while len(places) > 1 and _total(_needed(columns, wanted, places, whole=extra)) > width:
            dropped = [place for place in places if columns[place].extra >= extra]
            if not dropped:
                break
            places.remove(max(dropped, key=lambda place: columns[place].rank))
    return places


def _needed(columns: Sequence[Column], wanted: Sequence[int], places: Sequence[int], *, whole: bool) -> list[int]:
    return [wanted[place] if whole else min(wanted[place], columns[place].least) for place in places]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _shrink(widths: dict[int, int], least: dict[int, int], width: int) -> None:
    """Takes from the widest that may lose something, as often as needed."""
    while _total(list(widths.values())) > width:
        loose = [place for place in widths if widths[place] > least[place]]
        if not loose:
            widths[next(iter(widths))] = width
            return
        widths[max(loose, key=lambda place: widths[place])] -= 1


def _line(columns: Sequence[Column], row: Sequence[str], widths: dict[int, int]) -> str:
    texts = []
    for place, wide in widths.items():
        text = cut(row[place], wide)
        blank = " " * (wide - cells(text))
        texts.append(blank + text if columns[place].right else text + blank)
    return (" " * GAP).join(texts).rstrip()
