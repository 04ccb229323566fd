"""Lines of the journal that another process can cause: a few, so that it cannot fill a disk by what it does wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from lotor.privsep.budget import Budget

AT_ONCE = 20
SECONDS = 10.0
"""One more line in so many; those between are counted."""


class Complaints:
    """One process, or one end of a line, complains of another."""

    def __init__(self, log: logging.Logger, now: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._now = now
        self._budget = Budget(AT_ONCE, SECONDS)
        self._untold = 0

    def tell(self, line: str, *facts: object) -> None:
        """As a warning; `line` as `logging` has it."""
        if not self._budget.take(self._now()):
            self._untold += 1
            return
        more = f" ({self._untold} more such lines were left out)" if self._untold else ""
        self._untold = 0
        self._log.warning(line + more, *facts)
