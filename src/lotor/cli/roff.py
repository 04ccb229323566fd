"""Text for man(7): sentences, examples and lists of our own Markdown as macros."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

SPAN = re.compile(r"`([^`]+)`|\*([^*\n]+)\*")
LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
EXAMPLE = "    "


def plain(text: str) -> str:
    """Any text as roff: its backslashes, its hyphens, and what a line may not begin with."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{safe}" if safe.startswith(".") else safe


def prose(text: str) -> str:
    """A paragraph: `words` are bold, *words* in italics."""
    parts, place = [], 0
    whole = LINK.sub(r"\1", " ".join(text.split()))
    for found in SPAN.finditer(whole):
        parts.append(_sentence(whole[place : found.start()]))
        parts.append(bold(found[1]) if found[1] else italic(found[2]))
        place = found.end()
    told = "".join([*parts, _sentence(whole[place:])])
    return f"\\&{told}" if told.startswith((".", "'")) else told


def bold(text: str) -> str:
    return f"\\fB{plain(text)}\\fR"


def italic(text: str) -> str:
    return f"\\fI{plain(text)}\\fR"


def quoted(text: str) -> str:
    """An argument of a macro."""
    inside = plain(text).replace('"', "\\(dq")
    return f'"{inside}"'


def pages(markdown: str) -> Iterator[str]:
    """The lines of what our generated pages have: headings of two ranks, paragraphs, lists and examples."""
    for block in _blocks(markdown):
        first = block[0]
        if first.startswith("## "):
            yield f".SH {quoted(first.removeprefix('## ').replace('`', '').upper())}"
        elif first.startswith("### "):
            yield f".SS {quoted(first.removeprefix('### ').replace('`', ''))}"
        elif first.startswith(EXAMPLE):
            yield from example(line.removeprefix(EXAMPLE) for line in block)
        elif first.startswith("- "):
            yield from _list(block)
        elif not first.startswith(("# ", "<!--")):
            yield ".PP"
            yield prose(" ".join(block))


def example(lines: Iterable[str]) -> Iterator[str]:
    yield ".PP"
    yield ".RS 4"
    yield ".nf"
    yield from (plain(line) for line in lines)
    yield ".fi"
    yield ".RE"


def _list(lines: list[str]) -> Iterator[str]:
    items: list[list[str]] = []
    for line in lines:
        if line.startswith("- "):
            items.append([])
        items[-1].append(line.removeprefix("- ").strip())
    for item in items:
        yield ".IP \\(bu 2"
        yield prose(" ".join(item))


def _blocks(markdown: str) -> Iterator[list[str]]:
    """Lines that belong together: without an empty one between them, and of an example also with one."""
    block: list[str] = []
    for line in [*markdown.split("\n"), ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def _sentence(text: str) -> str:
    return text.replace("\\", "\\e").replace("…", "...")
