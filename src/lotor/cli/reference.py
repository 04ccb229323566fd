"""docs/commands.md from the parser: `python -m lotor.cli.reference > docs/commands.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from lotor.cli.described import DescribedCommand, DescribedOption, described
from lotor.cli.main import lotor, racoonctl_group

INTRODUCTION = """\
# Commands

<!-- Made from the parser by `python -m lotor.cli.reference`. -->

The same is shown by `lotor help` with the words of a command, and by the manual pages, which begin with lotor(8).
`-h` and `--help` work everywhere. Exit codes are in [exit-codes.md](exit-codes.md).
"""
RACOONCTL = """
## racoonctl

racoonctl's words for the daemon of lotor. They stand below `lotor racoonctl`, too, for hosts with another racoonctl.

| word | short | what it does |
|---|---|---|
"""


def reference() -> str:
    """The whole document."""
    commands = [each for each in described(lotor, "lotor") if each.words[1:2] != ("racoonctl",)]
    root, *words = described(racoonctl_group, "racoonctl")
    del root
    rows = [f"| `{_usage(each)}` | `{short.words[-1]}` | {each.short} |" for each, short in _pairs(words)]
    return (
        "\n".join([INTRODUCTION, *(line for each in commands[1:] for line in _command(each))])
        + RACOONCTL
        + ("\n".join(rows) + "\n")
    )


def _command(command: DescribedCommand) -> Iterator[str]:
    rank = "#" * len(command.words)
    yield f"{rank} {' '.join(command.words)}\n"
    if not command.names:
        yield f"    {' '.join(command.words)} {command.usage}".rstrip() + "\n"
    yield "\n\n".join(command.paragraphs) + "\n"
    if command.options:
        yield "\n".join(_option(each) for each in command.options) + "\n"


def _option(option: DescribedOption) -> str:
    names = ", ".join(option.names)
    return f"- `{names} {option.value}`: {option.help}" if option.value else f"- `{names}`: {option.help}"


def _usage(command: DescribedCommand) -> str:
    return f"{command.words[-1]} {command.usage}".replace("|", "\\|")


def _pairs(words: list[DescribedCommand]) -> Iterator[tuple[DescribedCommand, DescribedCommand]]:
    """The long and the short word of each command."""
    return zip(words[::2], words[1::2], strict=True)


if __name__ == "__main__":
    sys.stdout.write(reference())
