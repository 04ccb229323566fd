"""What a daemon writes reaches the terminal by way of its warden: whoever owns a daemon reads no key and sends the
terminal no command."""

from __future__ import annotations

import contextlib
import os
import threading

from lotor.model.text import LONGEST, clean

CHUNK = 4_096
"""Octets that are read at once: a terminal that stands still keeps no more of them in this process."""
LONGEST_LINE = 16 * LONGEST
"""Characters; a longer line is written in parts."""
LAST_WORDS = 2.0
"""Seconds in which the last lines of a daemon that has ended are written: the terminal may stand still."""


class Relay:
    """Writes the lines that come from `source` to `terminal`, in a thread of its own, until nobody can write there any
    more. `source` is closed then. What is no text is shown as `?`."""

    def __init__(self, source: int, terminal: int) -> None:
        self._source, self._terminal = source, terminal
        self._thread = threading.Thread(target=self._pass_on, name="lotor-lines", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """To be called when the daemon is gone."""
        self._thread.join(LAST_WORDS)

    def _pass_on(self) -> None:
        rest = b""
        try:
            while octets := os.read(self._source, CHUNK):
                *lines, rest = (rest + octets).split(b"\n")
                self._write(lines)
                if len(rest) >= LONGEST_LINE:
                    self._write([rest])
                    rest = b""
            if rest:
                self._write([rest])
        finally:
            os.close(self._source)

    def _write(self, lines: list[bytes]) -> None:
        """What a terminal does not take is lost: the daemon must not stand still for it."""
        text = "".join(f"{clean(line, longest=LONGEST_LINE)}\n" for line in lines).encode()
        with contextlib.suppress(OSError):
            while text:
                text = text[os.write(self._terminal, text) :]
