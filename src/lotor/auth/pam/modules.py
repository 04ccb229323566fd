"""The processes in which modules of PAM run: started by exec, spoken to, ended with all that they started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from lotor.auth.pam import process as inside
from lotor.auth.pam.process import LONGEST_MESSAGE, unpacked
from lotor.files.places import SYSTEM_PATH
from lotor.model.frozen import frozen
from lotor.model.quantity import quantity

SCRIPT = Path(inside.__file__)
WORDS = (sys.executable, "-I", "-S", str(SCRIPT))
KEPT = ("TZ", "LD_LIBRARY_PATH")
"""Of the environment: when it is (pam_time), and what the interpreter itself may need."""
UMASK = 0o077
TERMINAL = "lotor"
"""PAM_TTY: there is none, and some modules want a word."""


MOST_KILLED = 1024
REAPED_WITHIN = 1.0
"""Seconds for the end of a process that says nothing any more, and once more after it was killed."""


class BrokenError(Exception):
    """The process ended without a verdict, or said nothing for too long. The text has no full stop."""


@frozen
class Done:
    """The last message of a process, as `process.DONE` says."""

    step: bytes
    code: int
    words: str
    user: bytes
    said: bytes
    variables: tuple[bytes, ...]

    @classmethod
    def of(cls, parts: list[bytes]) -> Done:
        """Raises `ValueError`."""
        verb, step, code, words, user, said, *variables = parts
        if verb != inside.DONE:
            raise ValueError("not the last message of a process")
        return cls(step, int(code), words.decode(errors="replace"), user, said, tuple(variables))


class Modules:
    """One process. `ended` is called once nothing is left of it. Made in a running event loop, by the thread that lives
    as long as the gateway: the kernel ties the life of the process to it. Raises `OSError` where none can be
    started."""

    def __init__(self, ended: Callable[[], None], words: tuple[str, ...] = WORDS) -> None:
        self._ended = ended
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.ExitStack() as undo, theirs:
            undo.callback(self._line.close)
            self._process = subprocess.Popen(  # noqa: S603 - the words are this program's own
                (*words, str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=environment(os.environ),
                cwd="/",
                start_new_session=True,
                umask=UMASK,
            )
            undo.callback(self._process.wait)
            undo.callback(self._process.kill)
            self._watched = os.pidfd_open(self._process.pid)
            undo.pop_all()
        self._line.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._code: asyncio.Future[int] = self._loop.create_future()
        self._exchanging = False
        self._loop.add_reader(self._watched, self._gone)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def exchange(self, message: bytes, patience: float) -> list[bytes]:
        """What the process says to that, within so many seconds. Raises `BrokenError`; then nothing is left of it."""
        why, patient, self._exchanging = "", REAPED_WITHIN, True
        try:
            async with asyncio.timeout(patience):
                await self._loop.sock_sendall(self._line, message)
                if parts := unpacked(await self._loop.sock_recv(self._line, LONGEST_MESSAGE)):
                    return parts
        except TimeoutError:
            why, patient = f"did not answer for {quantity(round(patience), 'second')} and was killed", 0.0
        except (OSError, ValueError):
            pass
        finally:
            self._exchanging = False
            self._tidy()
        await asyncio.wait({self._code}, timeout=patient)
        self.kill()
        await asyncio.wait({self._code}, timeout=REAPED_WITHIN)
        raise BrokenError(why or f"ended without a verdict{_end(self._code)}")

    def kill(self) -> None:
        """The process and what its modules started: pam_exec puts each program into a session of its own. What lives on
        after a parent that ended by itself is found in the session of the process, and nowhere else."""
        if self._code.done():
            return
        for each in _family(self._process.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(each, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _gone(self) -> None:
        """What it said last is read before the end of the line. Its number is nobody else's as long as it is not waited
        for: what it left behind in its session ends as well."""
        self._loop.remove_reader(self._watched)
        self.kill()
        self._code.set_result(self._process.wait())
        os.close(self._watched)
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._tidy()
        self._ended()

    def _tidy(self) -> None:
        if self._code.done() and not self._exchanging:
            self._line.close()


def environment(whole: Mapping[str, str]) -> dict[str, str]:
    """All that modules find in it."""
    return {"PATH": SYSTEM_PATH, **{name: value for name, value in whole.items() if name in KEPT}}


def _family(pid: int) -> list[int]:
    """The processes below that one. Each is stopped before it is asked for its children, so that it makes no more and
    waits for none: the numbers mean what they meant."""
    found: list[int] = []
    for parent in _stopped(pid):
        for file in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError, ValueError):
                for child in map(int, file.read_text().split()):
                    found += [child, *_family(child)]
    return found[:MOST_KILLED]


def _stopped(pid: int) -> Iterator[int]:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGSTOP)
        yield pid


def _end(ended: asyncio.Future[int]) -> str:
    if not ended.done():
        return ""
    code = ended.result()
    if code >= 0:
        return f" (exit code {code})"
    with contextlib.suppress(ValueError):
        return f" (killed by {signal.Signals(-code).name})"
    return f" (killed by signal {-code})"
