"""docs/compat.md from the directive tables: `python -m lotor.config.compat > docs/compat.md`.

Each statement of racoon's grammar, and what lotor does with it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from lotor.config.directive import Block, Directive, Row, Use
from lotor.config.interpret import blocks_in
from lotor.config.tables.root import ROOT

INTRODUCTION = """\
# What lotor does with a racoon.conf

<!-- Made from the directive tables by `python -m lotor.config.compat`. -->

Each statement that racoon 0.8, racoon 0.9 or Apple's racoon has. How each is
written, and its default, is in [configuration.md](configuration.md).

- *works*: carried out. What is different from racoon is said.
- *no effect*: read and checked, and ignored with a warning that says why.
- *not yet*: read and checked. There is a warning, or where the daemon would
  need it an error.
- *refused*: an error with its place and with what to write instead. The rest of
  the file is judged in the same run.

`lotor check FILE` tells this of a file, line by line. Statements that only
lotor has come last in each table.

## How the text is read

| in a file | lotor |
|---|---|
| `aes256`, `rijndael128`: a key length right behind the name | works |
| `+10`: a number with a sign | works |
| ` = ` between a directive and its value, as pfSense writes | works: read over |
| `( )` around the ends of a `sainfo`, as FreeBSD's handbook writes | works: read over |
| a directive that is given twice | works: the last one counts, with a warning |
| `path`, before or behind what it is for | works: it counts for the whole file |
| a number that is too large or too small | works where the daemon can: the nearest one counts, with a warning |
| an address in quotes behind `my_identifier address` | works |
| `include` that fits no file | works, with a warning |
| a file without `sainfo` | works with safe algorithms, and a warning |
| a string over two lines | refused: a quote is missing more often than a name has two lines |
| an unknown word | refused: with its place, and with the word that was probably meant |
"""
LIMIT = re.compile(r"(refused: |not available|weak: ).*?(?=; also written|; \d+|$)")
STATES = {
    Use.WORKS: "works",
    Use.NO_EFFECT: "no effect",
    Use.LATER: "not yet",
    Use.EXTENSION: "lotor only",
    Use.REFUSED: "refused",
}


def compat() -> str:
    """The whole document."""
    parts = [INTRODUCTION]
    for path, block in blocks_in(ROOT):
        parts.append("\n".join((f"## {f'{path} {{ }}' if path else 'Outside of all braces'}\n", *_table(block))) + "\n")
    return "\n".join(parts)


def _table(block: Block) -> Iterator[str]:
    if note := _whole(block):
        yield f"{note}\n"
    yield "| statement | lotor | what to know |"
    yield "|---|---|---|"
    rows = sorted(block.rows, key=lambda row: row.use is Use.EXTENSION)
    for row in rows:
        name = row.name if isinstance(row, Directive) else f"{row.name} {{ }}"
        aliases = row.aliases if isinstance(row, Directive) else ()
        shown = ", ".join(f"`{each}`" for each in (name, *aliases))
        use = row.use if block.use is Use.WORKS else block.use
        yield f"| {shown} | {STATES[use]} | {_cell(row)} |"


def _whole(block: Block) -> str:
    """What is true of every statement of a block."""
    said = {Use.NO_EFFECT: "No effect", Use.LATER: "Not yet"}.get(block.use)
    return f"{said}: {block.note}." if said else ""


def _cell(row: Row) -> str:
    words = row.argument.remarks() if isinstance(row, Directive) and row.use is not Use.REFUSED else ()
    limited = [f"`{word}`: {_limit(meaning)}" for word, meaning in words if _limit(meaning)]
    text = "; ".join(part for part in (row.note, row.differs.rstrip("."), *limited) if part)
    return text.replace("|", "\\|")


def _limit(meaning: str) -> str:
    """What a word of a directive does not do, or not well."""
    found = LIMIT.search(meaning)
    return found[0] if found else ""


if __name__ == "__main__":
    sys.stdout.write(compat())
