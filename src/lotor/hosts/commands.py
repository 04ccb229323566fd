"""Runs the few programs that a host's DNS and firewall need: no shell, a fixed environment, a bounded wait."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
from pathlib import Path

from lotor.files.places import SYSTEM_PATH
from lotor.model.text import clean

PATIENCE = 5.0
"""Seconds a program has."""


class Commands:
    """Programs of the directories in `path`."""

    def __init__(self, path: str = SYSTEM_PATH, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience

    def find(self, name: str) -> str | None:
        """Without `shutil`, which loads five compressors."""
        places = [Path(each) / name for each in self._path.split(os.pathsep)]
        return next((str(each) for each in places if each.is_file() and os.access(each, os.X_OK)), None)

    async def run(self, name: str, *arguments: str, given: str = "") -> str:
        """What the program said.

        Raises `OSError` with the command line and the program's words when it is missing, fails or is too slow."""
        line = " ".join((name, *arguments))
        file = self.find(name)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, f"`{line}` was not run: there is no {name} in {self._path}")
        work = asyncio.get_running_loop().run_in_executor(None, self._run, [file, *arguments], given.encode())
        try:
            code, output = await asyncio.shield(work)
        except subprocess.TimeoutExpired:
            raise TimeoutError(errno.ETIMEDOUT, f"`{line}` did not end within {self._patience:g} s") from None
        except asyncio.CancelledError:
            await asyncio.wait({work})  # what it did is there before anybody undoes it
            raise
        if code != 0:
            words = clean(output, longest=200).strip(" ?")
            raise OSError(errno.EIO, f"`{line}` failed with status {code}: {words or 'it said nothing'}")
        return output.decode("utf-8", "replace")

    def _run(self, arguments: list[str], given: bytes) -> tuple[int, bytes]:
        """In a thread: a coroutine that is cancelled while asyncio starts its program may never end (CPython 3.11)."""
        done = subprocess.run(  # noqa: S603 - names of ours, found in directories of the system
            arguments,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": self._path, "LC_ALL": "C"},
            cwd="/",
            start_new_session=True,
            timeout=self._patience,
            check=False,
        )
        return done.returncode, done.stdout
