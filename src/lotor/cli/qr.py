"""QR codes on a terminal."""

from __future__ import annotations

import sys

from lotor.cli import terminal

QUIET = 4
"""Light modules around it (ISO/IEC 18004)."""


def shown(text: str) -> str:
    """For the terminal of the command; empty where there is none, or where it does not fit."""
    return drawing(text, sys.stdout.encoding, terminal.width()) if sys.stdout.isatty() else ""


def drawing(text: str, encoding: str, width: int) -> str:
    """A QR code of half blocks, white on black whatever the terminal's colours are; empty where it does not fit or
    cannot be written."""
    import segno

    rows = [list(map(bool, row)) for row in segno.make(text, error="l", micro=False).matrix_iter(border=QUIET)]
    rows += [[False] * len(rows[0])] * (len(rows) % 2)
    if len(rows[0]) > width or not _writes("█▀▄", encoding):
        return ""
    pairs = zip(rows[::2], rows[1::2], strict=True)
    lines = ("".join(map(_block, above, below)) for above, below in pairs)
    return "\n".join(f"\x1b[97;40m{line}\x1b[0m" for line in lines)


def _block(above: bool, below: bool) -> str:
    """Dark modules are the black of the terminal."""
    return (" " if below else "▄") if above else ("▀" if below else "█")


def _writes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
