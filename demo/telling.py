"""How the demo speaks: one line for each step with its outcome and its time, and quotations indented below."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator

_WIDTH = 67
"""Columns up to the outcome, so that a line fits into 80."""


class Teller:
    """`steps` counts the steps that went well."""

    def __init__(self) -> None:
        self.steps = 0
        self._quotes: list[str] = []

    def act(self, title: str) -> None:
        """A heading above the steps that follow; they are counted on."""
        sys.stdout.write(f"\n{title}\n")

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Prints the title, then `ok` and the time, or `FAILED`; quotes of the step follow."""
        began = time.monotonic()
        sys.stdout.write(f"{self.steps + 1:3}. {title} ".ljust(_WIDTH, "."))
        sys.stdout.flush()
        try:
            yield
        except BaseException:
            sys.stdout.write(" FAILED\n")
            self._flush()
            raise
        self.steps += 1
        sys.stdout.write(f" ok {time.monotonic() - began:5.1f} s\n")
        self._flush()

    def tell(self, steps: Iterable[tuple[str, Callable[[], None]]]) -> None:
        """Step after step, until one of them raises."""
        for title, step in steps:
            with self.step(title):
                step()

    def quote(self, text: str) -> None:
        """Shown below the step that is under way."""
        self._quotes += text.strip("\n").splitlines()

    def _flush(self) -> None:
        for line in self._quotes:
            sys.stdout.write(f"       | {line}\n")
        self._quotes.clear()
        sys.stdout.flush()
