"""What is wrong with the files of a `remote` block, as it is found while they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from lotor.files.private import FileError
from lotor.model.frozen import frozen

T = TypeVar("T")


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@frozen
class FileProblem:
    """`text` is a whole sentence that names the file. Nothing should start while there is an `ERROR`."""

    severity: Severity
    remote: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Findings:
    """The problems of one `remote` block: a few for each file that it names."""

    remote: str
    found: list[FileProblem] = field(default_factory=list)

    def error(self, text: str) -> None:
        self.found.append(FileProblem(Severity.ERROR, self.remote, text))

    def warn(self, text: str) -> None:
        self.found.append(FileProblem(Severity.WARNING, self.remote, text))

    def attempt(self, action: Callable[[], T], place: str = "") -> T | None:
        """What `action` gives; None, and an error, where it raises `FileError`, or `ValueError` for what is in the
        file."""
        try:
            return action()
        except FileError as fault:
            self.error(str(fault))
        except ValueError as fault:
            self.error(f"{place}{fault}")
        return None
