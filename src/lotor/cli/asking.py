"""The questions of `lotor init`. An option that was given is no question; without a terminal the proposals count."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from lotor.daemon.exits import StartError
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

T = TypeVar("T")


@frozen
class Dialogue:
    """`asks`: a person is there. `rehearsal`: nothing will be written, so no password is needed."""

    asks: bool
    rehearsal: bool = False

    @staticmethod
    def at(*, yes: bool, rehearsal: bool) -> Dialogue:
        return Dialogue(not yes and sys.stdin.isatty(), rehearsal)

    def choose(self, given: str | None, question: str, proposal: str, read: Callable[[str], T]) -> T:
        """What was given, or typed, or else proposed. Raises `StartError` where `read` does; what was typed may be
        typed again."""
        if given is not None or not self.asks:
            return read(proposal if given is None else given)

        def typed(text: str) -> T:
            try:
                return read(text)
            except StartError as error:
                raise click.UsageError(str(error)) from None

        answer: T = click.prompt(question, default=proposal, value_proc=typed)
        return answer

    def agrees(self, question: str) -> bool:
        return self.asks and click.confirm(question)

    def password(self, file: Path | None, *, from_stdin: bool) -> Secret:
        """Typed twice, or a line of a file or of standard input. Raises `StartError`."""
        from lotor.cli.user_file import new_password

        if self.rehearsal:
            return Secret(b"nobody's")
        if file is None:
            return new_password(from_stdin=from_stdin)
        return _of_file(file)


def _of_file(file: Path) -> Secret:
    from lotor.files.private import FileError, read_private

    try:
        return Secret(read_private(file).split(b"\n")[0].removesuffix(b"\r"))
    except FileError as fault:
        raise StartError(str(fault)) from None
