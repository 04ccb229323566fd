"""Runs the few programs that a host's DNS and firewall need: no shell, a fixed environment, a bounded wait."""

from __future__ import annotations

import asyncio
import errno
import shutil
from asyncio.subprocess import PIPE, STDOUT

from lotor.model.text import clean

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 5.0
"""Seconds a program has."""


class Commands:
    """Programs of the directories in `path`."""

    def __init__(self, path: str = SYSTEM_PATH, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience

    def find(self, name: str) -> str | None:
        return shutil.which(name, path=self._path)

    async def run(self, name: str, *arguments: str, given: str = "") -> str:
        """What the program said.

        Raises `OSError` with the command line and the program's words when it is missing, fails or is too slow."""
        line = " ".join((name, *arguments))
        file = self.find(name)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, f"`{line}` was not run: there is no {name} in {self._path}")
        environment = {"PATH": self._path, "LC_ALL": "C"}
        process = await asyncio.create_subprocess_exec(
            file, *arguments, stdin=PIPE, stdout=PIPE, stderr=STDOUT, env=environment, cwd="/", start_new_session=True
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(given.encode()), self._patience)
        except TimeoutError:
            raise TimeoutError(errno.ETIMEDOUT, f"`{line}` did not end within {self._patience:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            words = clean(output, longest=200).strip(" ?")
            raise OSError(errno.EIO, f"`{line}` failed with status {process.returncode}: {words or 'it said nothing'}")
        return output.decode("utf-8", "replace")
