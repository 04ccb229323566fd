"""The one door from a peer's octets to text that may reach a terminal, a log or a script."""

from __future__ import annotations

import unicodedata

LONGEST = 1024


def clean(octets: bytes | str, *, lines: bool = False, longest: int = LONGEST) -> str:
    """Printable text of what a peer sent: UTF-8 where it is, control and format characters shown as `?`.

    `lines` keeps line feeds (a banner); carriage returns before them and trailing NULs go. Longer text ends in `…`.
    """
    text = octets.decode("utf-8", "replace") if isinstance(octets, bytes) else octets
    text = text.rstrip("\0").replace("\r\n", "\n")
    kept = "".join(_printable(char, lines=lines) for char in text[: longest + 1])
    return kept if len(kept) <= longest else kept[:longest] + "…"


def _printable(char: str, *, lines: bool) -> str:
    if char == "\n" and lines:
        return char
    if char == "\t":
        return " "
    return "?" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} else char
