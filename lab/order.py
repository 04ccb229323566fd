"""Hands a command to the kernel that `lab.uml` started on a node, and is to its caller what the command would be: reads
its input, prints its output, passes signals on, ends with its exit code. Runs on the node."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from types import FrameType

PLACE = Path("/etc/uml")
"""On the node: NAME.order (a line of the shell), NAME.in, .out, .err; .pid, and .end with its exit code at last."""
PAUSE = 0.02
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Order:
    """One command. What the other kernel writes is seen at once: its files are the node's."""

    def __init__(self, line: str, content: bytes = b"") -> None:
        self._base = PLACE / f"{os.getpid()}-{time.monotonic_ns()}"
        self._seen = {"out": 0, "err": 0}
        for ending in ("out", "err"):
            self.file(ending).touch()
        self.file("in").write_bytes(content)
        self.file("new").write_text(f"{line}\n")
        self.file("new").rename(self.file("order"))

    def file(self, ending: str) -> Path:
        return self._base.with_name(f"{self._base.name}.{ending}")

    def word(self, ending: str) -> str:
        """What is in a file of one line; "" until the line is whole."""
        with contextlib.suppress(FileNotFoundError):
            text = self.file(ending).read_text()
            return text.strip() if text.endswith("\n") else ""
        return ""

    def wait(self) -> int:
        """Prints what it says; its exit code."""
        while not (code := self.word("end")):
            self._pass_on()
            time.sleep(PAUSE)
        self._pass_on()
        for each in PLACE.glob(f"{self._base.name}.*"):
            each.unlink()
        return int(code)

    def _pass_on(self) -> None:
        for ending, descriptor in (("out", 1), ("err", 2)):
            with self.file(ending).open("rb") as file:
                file.seek(self._seen[ending])
                while content := file.read(1 << 16):
                    self._seen[ending] += len(content)
                    while content:
                        content = content[os.write(descriptor, content) :]

    def forward(self, number: int, _: FrameType | None) -> None:
        """A signal, once the command has begun."""
        while not (self.word("pid") or self.word("end")):
            time.sleep(PAUSE)
        Order(f"kill -{number} {self.word('pid')}")


def main() -> int:
    content = b"" if os.isatty(0) else sys.stdin.buffer.read()
    signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    order = Order(f"exec {shlex.join(sys.argv[1:])}", content)
    for each in _FORWARDED:
        signal.signal(each, order.forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
    return order.wait()


if __name__ == "__main__":
    sys.exit(main())
