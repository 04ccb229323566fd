"""The only way from a peer's octets to text that may reach a terminal, a log or a script."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 1024
LONGEST_NAME = 253
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def clean(octets: bytes | str, *, lines: bool = False, longest: int = LONGEST) -> str:
    """Printable text of octets that a peer sent: read as UTF-8 where possible, control and format characters shown as
    `?`. `lines` keeps line feeds (a banner); carriage returns before them and trailing NULs go. Longer text ends in
    `…`."""
    text = octets.decode("utf-8", "replace") if isinstance(octets, bytes) else octets
    if len(text) <= longest and text.isprintable():
        return text
    text = text.rstrip("\0").replace("\r\n", "\n")[: longest + 1]
    kept = text if text.isprintable() else "".join(_printable(char, lines=lines) for char in text)
    return kept if len(kept) <= longest else kept[:longest] + "…"


def _printable(char: str, *, lines: bool) -> str:
    if char == "\n" and lines:
        return char
    if char == "\t":
        return " "
    return "?" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} else char


def domain_name(octets: bytes | str) -> str | None:
    """A peer's domain name in lower case, without its last dot; None unless it is letters, digits and hyphens in labels
    of at most 63 octets, 253 in all, the last label not a number (RFC 1123 §2.1). Trailing NULs and blanks go."""
    text = octets.decode("latin-1") if isinstance(octets, bytes) else octets
    name = text.rstrip("\0").strip(" ").removesuffix(".").lower()
    labels = name.split(".")
    if not text.isascii() or len(name) > LONGEST_NAME or labels[-1].isdigit():
        return None
    return name if all(LABEL.match(label) for label in labels) else None
