"""Manual pages, from the parser and the directive tables: `python -m lotor.cli.manuals packaging/man`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lotor import __version__
from lotor.cli import roff
from lotor.cli.described import DescribedCommand, DescribedOption, described
from lotor.cli.main import lotor, racoonctl_group
from lotor.config.reference import reference
from lotor.daemon.exits import MEANINGS

DATE = "2026-11-29"
TITLES = {5: "File Formats Manual", 8: "System Manager's Manual"}
ALONE = frozenset({"help", "version", "racoonctl"})
"""Commands whose page is that of the program."""
FILES = {
    "/etc/lotor/racoon.conf": "the configuration; without it /etc/racoon/racoon.conf",
    "/etc/lotor/certs": "certificates and keys",
    "/etc/lotor/users": "the users of auth_source local",
    "/etc/lotor/psk.txt": "shared keys, and passwords that a client keeps",
    "/run/lotor/lotor.sock": "the control socket of the daemon",
    "/var/lib/lotor/init.record": "what lotor init did, for lotor init undo",
}


def manuals() -> Mapping[str, str]:
    """The text of each page by the name of its file."""
    commands = {each.words: each for each in described(lotor, "lotor")}
    own = [each for words, each in commands.items() if len(words) == 2 and words[1] not in ALONE]
    pages = {"lotor.8": _program(commands[("lotor",)], own)}
    for each in own:
        below = [found for words, found in commands.items() if len(words) > 2 and words[:2] == each.words]
        pages[f"lotor-{each.words[1]}.8"] = _command(each, below)
    pages["racoonctl.8"] = _racoonctl(list(described(racoonctl_group, "racoonctl")))
    pages["racoon.conf.5"] = _configuration()
    return pages


def _program(root: DescribedCommand, commands: Iterable[DescribedCommand]) -> str:
    lines = [*_head("lotor", 8, "remote-access IPsec VPN, gateway and client"), *_synopsis([root])]
    lines += [".SH DESCRIPTION", roff.prose(" ".join(root.paragraphs)), ".SH COMMANDS"]
    for each in commands:
        lines += [".TP", f"{roff.bold(f'lotor-{each.words[1]}')}(8)", roff.prose(f"{each.short}.")]
    lines += [".TP", f"{roff.bold('lotor help')} {roff.italic('COMMAND')}", "The help of a command."]
    lines += [*_options(root.options), ".SH FILES"]
    for path, what in FILES.items():
        lines += [".TP", roff.italic(path), roff.prose(what)]
    lines += [".SH EXIT STATUS"]
    for code, meaning in MEANINGS.items():
        lines += [".TP", roff.bold(str(code.value)), roff.prose(meaning)]
    names = [f"lotor-{each.words[1]}" for each in commands]
    return _page(lines, [*_named(names, 8), ("racoonctl", 8), ("racoon.conf", 5)])


def _command(command: DescribedCommand, below: list[DescribedCommand]) -> str:
    name = "-".join(command.words)
    callable_ = [each for each in (command, *below) if not each.names]
    lines = [*_head(name, 8, command.short), *_synopsis(callable_)]
    lines += [".SH DESCRIPTION", *_paragraphs(command.paragraphs), *_options(command.options)]
    if below:
        lines.append(".SH COMMANDS")
    for each in below:
        lines += [f".SS {roff.quoted(_call(each, each.words[1:]))}", *_paragraphs(each.paragraphs)]
        lines += _rows(each.options)
    lines += [".SH EXIT STATUS", f"0 when it is done, else one of the codes that {roff.bold('lotor')}(8) lists."]
    return _page(lines, [("lotor", 8), ("racoon.conf", 5)])


def _racoonctl(commands: list[DescribedCommand]) -> str:
    root, *words = commands
    shown = "racoonctl"
    lines = [*_head(shown, 8, "racoonctl's words for the daemon of lotor"), *_synopsis(words[::2])]
    lines += [".SH DESCRIPTION", *_paragraphs(root.paragraphs)]
    lines += ["Each word has a short form beside it.", *_options(root.options), ".SH COMMANDS"]
    for long, short in zip(words[::2], words[1::2], strict=True):
        heading = f"{_call(long, long.words[1:])} ({short.words[-1]})"
        lines += [f".SS {roff.quoted(heading)}", *_paragraphs(long.paragraphs), *_rows(long.options)]
    lines += [".SH EXIT STATUS", f"0 when it is done, else one of the codes that {roff.bold('lotor')}(8) lists."]
    return _page(lines, [("lotor", 8), ("racoon.conf", 5)])


def _configuration() -> str:
    lines = list(_head("racoon.conf", 5, "configuration of lotor"))
    lines += [".SH DESCRIPTION", *roff.pages(reference())]
    return _page(lines, [("lotor", 8), ("lotor-check", 8), ("lotor-init", 8)])


def _head(name: str, section: int, short: str) -> Iterator[str]:
    yield '.\\" Made by `python -m lotor.cli.manuals`.'
    yield f".TH {name.upper()} {section} {DATE} {roff.quoted(f'lotor {__version__}')} {roff.quoted(TITLES[section])}"
    yield ".SH NAME"
    yield f"{roff.plain(name)} \\- {roff.prose(short)}"


def _synopsis(commands: Iterable[DescribedCommand]) -> Iterator[str]:
    yield ".SH SYNOPSIS"
    for number, each in enumerate(commands):
        if number:
            yield ".br"
        yield f"{roff.bold(' '.join(each.words))} {roff.plain(each.usage)}"


def _call(command: DescribedCommand, words: Iterable[str]) -> str:
    return " ".join((*words, command.usage))


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        if number:
            yield ".PP"
        yield roff.prose(text)


def _options(options: tuple[DescribedOption, ...]) -> Iterator[str]:
    if options:
        yield ".SH OPTIONS"
    yield from _rows(options)


def _rows(options: Iterable[DescribedOption]) -> Iterator[str]:
    for each in options:
        names = ", ".join(roff.bold(name) for name in each.names)
        yield ".TP"
        yield f"{names} {roff.italic(each.value)}" if each.value else names
        yield roff.prose(each.help)


def _named(names: Iterable[str], section: int) -> list[tuple[str, int]]:
    return [(name, section) for name in names]


def _page(lines: Iterable[str], also: Iterable[tuple[str, int]]) -> str:
    names = ",\n".join(f"{roff.bold(name)}({section})" for name, section in sorted(also, key=lambda one: (one[1], one)))
    return "\n".join([*_joined(lines), ".SH SEE ALSO", names, ""])


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Without the macro of a paragraph behind a heading, where one has begun already."""
    before = ""
    for line in lines:
        if line != ".PP" or not before.startswith((".SH", ".SS")):
            yield line
        before = line


def write(directory: Path) -> None:
    """Raises `OSError`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in manuals().items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
