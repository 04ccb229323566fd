"""Runs the administrator's scripts (the port `ports.hooks.Hooks`): no shell, one after the other, with a bound."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lotor.hooks.guard import UnfitError, admitted, by_descriptor, remark, take
from lotor.model.frozen import frozen
from lotor.model.text import clean
from lotor.ports.hooks import HookContext, HookEvent

log = logging.getLogger(__name__)

UMASK = 0o022
"""The daemon's own umask would leave a script's resolv.conf unreadable."""

MOST_LINES = 100
LONGEST_LINE = 500
"""Of a script's output, lines and characters that reach the log; the rest is read and dropped."""


@frozen
class Patience:
    """Seconds a script has; then TERM to its process group, and KILL after `grace` more. `drain`: how long output is
    still read when the script has ended but something it started holds on to it."""

    script: float = 30.0
    grace: float = 3.0
    drain: float = 0.5


class ScriptHooks:
    """`scripts` says which file runs for which remote and event. Those of one remote never overlap and keep their
    order; those of different remotes do not wait for each other."""

    def __init__(self, scripts: Mapping[tuple[str, HookEvent], Path], patience: Patience | None = None) -> None:
        self._scripts = dict(scripts)
        self._patience = patience or Patience()
        self._turns: dict[str, asyncio.Lock] = {}
        self._told: set[str] = set()

    def replace(self, scripts: Mapping[tuple[str, HookEvent], Path]) -> None:
        """From now on these; a script that runs ends before the next one of its remote begins, as ever."""
        self._scripts = dict(scripts)

    def wants(self, remote: str, event: HookEvent) -> bool:
        return (remote, event) in self._scripts

    async def run(self, remote: str, event: HookEvent, context: HookContext) -> None:
        """Never raises because of a script; the log says what went wrong."""
        file = self._scripts.get((remote, event))
        if file is None:
            return
        async with self._turns.setdefault(remote, asyncio.Lock()):
            await self._run(file, event, context)

    async def _run(self, file: Path, event: HookEvent, context: HookContext) -> None:
        try:
            script = take(file)
        except UnfitError as why:
            self._tell_once(str(why))
            return
        try:
            await self._run_judged(_Script(file, script), event, context)
        finally:
            os.close(script)

    async def _run_judged(self, script: _Script, event: HookEvent, context: HookContext) -> None:
        if (word := remark(script.file, script.descriptor)) is not None:
            self._tell_once(word)
        name = f"{script.file} {event.value}"
        output, ours = os.pipe()
        try:
            process = await script.start(event, admitted(context), ours)
        except OSError as error:
            os.close(output)
            program = "is the program in its first line there?"
            self._tell_once(f"script {script.file} cannot be run: {error.strerror}; {program}")
            return
        except asyncio.CancelledError:
            os.close(output)
            raise
        finally:
            os.close(ours)
        listening = asyncio.get_running_loop().create_task(_listen(name, output))
        await _Run(process, name, self._patience, listening).finish()

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            log.error("%s", text)


@frozen
class _Script:
    """A file that was judged, and the descriptor that was."""

    file: Path
    descriptor: int

    async def start(self, event: HookEvent, variables: Mapping[str, str], output: int) -> Process:
        """By the descriptor, which stays open for the interpreter of its first line. Raises `OSError`."""
        return await asyncio.create_subprocess_exec(
            by_descriptor(self.descriptor),
            event.value,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(self.descriptor,),
            env={**variables, "SCRIPT_FILE": str(self.file)},
            cwd="/",
            umask=UMASK,
            start_new_session=True,
        )


@frozen
class _Run:
    """One script under way, and the task that reads its output."""

    process: Process
    name: str
    patience: Patience
    listening: asyncio.Task[None]

    async def finish(self) -> None:
        try:
            await self._wait()
        finally:
            await self._end()
            await asyncio.wait({self.listening}, timeout=self.patience.drain)
            self.listening.cancel()
        if self.process.returncode:
            log.warning("script %s ended with status %s", self.name, self.process.returncode)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.patience.script):
                await self.process.wait()
        except TimeoutError:
            log.error(  # noqa: TRY400 - a trace says nothing here
                "script %s did not end within %g s and is ended: what is to last must go to the background",
                self.name,
                self.patience.script,
            )

    async def _end(self) -> None:
        """Ends the script's process group when the script itself still runs; what it left in the background stays."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.returncode is not None:
                return
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.patience.grace):
                    await self.process.wait()


async def _listen(name: str, output: int) -> None:
    """Lines of a script until everyone who could write more is gone. The pipe is ours, not asyncio's: a program that
    the script left in the background must not keep us from hearing that the script ended."""
    stream = asyncio.StreamReader()
    pipe = os.fdopen(output, "rb")
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), pipe
    )
    told = 0
    try:
        while octets := await _line(stream):
            told += 1
            if told <= MOST_LINES:
                log.info("%s: %s", name, clean(octets.rstrip(b"\r\n"), longest=LONGEST_LINE))
            elif told == MOST_LINES + 1:
                log.info("%s: …", name)
    finally:
        transport.close()


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line, or as much of a longer one as there is; nothing at the end."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as long:
        return await stream.read(long.consumed)
