"""The first process of a container: it reaps what others leave behind, and passes signals on to the program.

A program that a script left in the background becomes its child when the script ends; nobody else would ever reap it.
It holds nothing and starts nothing else, so that it takes no exit code away from whoever waits for one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

PASSED_ON = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2})


def beside_a_reaper(program: Callable[[], int]) -> int:
    """The exit code of `program`, which is a child of this process where this one is the first of all. To be called
    before anything is loaded or read: both have the same memory."""
    if os.getpid() != 1:
        return program()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON | {signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return program()
    os._exit(_stand_by(child))  # what the program has at its exit is the child's


def _stand_by(child: int) -> int:
    """The exit code of the program. Everything else in the container ends with this process."""
    while True:
        told = signal.sigwait(PASSED_ON | {signal.SIGCHLD})
        if told in PASSED_ON:
            os.kill(child, told)
        elif (code := _reap(child)) is not None:
            return code


def _reap(child: int) -> int | None:
    """All that ended since; the exit code of the program when it is among them, as a shell has it."""
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if process == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if process == 0:
            return None
