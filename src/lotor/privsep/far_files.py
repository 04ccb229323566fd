"""Files that say whom to trust, which the warden opens (the port `ports.public_files.PublicFiles`)."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import CancelledError as Abandoned
from pathlib import Path
from typing import TypeVar

from lotor.files.public import LARGEST_OF, MOST_FILES, Content, Kind, Listed, Stamp, Unreadable
from lotor.privsep.asking import Answered, Asker, Refused
from lotor.privsep.configuring import PUBLIC_FILE, PUBLIC_FILES, Contents, Page, Sealed, Wanted
from lotor.privsep.far import descriptor
from lotor.privsep.frames import Ended
from lotor.privsep.octets import Malformed
from lotor.privsep.sealed import unseal
from lotor.privsep.verb import Verb

PATIENCE = 20.0
"""Seconds: a warden reads files one after the other, and a disk may be slow."""
LOOP_PATIENCE = 5.0
"""Seconds beyond that for an event loop that does not come to say so."""
GONE = (Refused, Ended, TimeoutError, Abandoned, ValueError, OSError, Malformed)
"""How a question may end without an answer. `ValueError`: no name is as long as this one."""

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class FarFiles:
    """The daemon's end, made in its event loop and asked in other threads, which wait for the answer."""

    def __init__(self, asker: Asker, patience: float = PATIENCE) -> None:
        self._asker = asker
        self._patience = patience
        self._loop = asyncio.get_running_loop()

    def read(self, path: Path, kind: Kind, known: Stamp | None = None) -> Content | Unreadable | None:
        try:
            answered = self._ask(PUBLIC_FILE, Wanted(path, kind, known))
            if isinstance(answered.value, Sealed):
                return Content(answered.value.stamp, unseal(descriptor(answered), LARGEST_OF[kind]))
        except GONE as why:
            return Unreadable(f"{path} cannot be read: {_text(why)}")
        answered.close()
        return answered.value

    def listing(self, directory: Path, kind: Kind) -> tuple[Listed, ...] | Unreadable:
        found: list[Listed] = []
        after, more = b"", True
        while more and len(found) < MOST_FILES:
            try:
                page: Page = self._ask(PUBLIC_FILES, Contents(directory, kind, after)).value
            except GONE as why:
                return Unreadable(f"{directory} cannot be listed: {_text(why)}")
            found += [Listed(directory / os.fsdecode(name), stamp) for name, stamp in page.files]
            after, more = (page.files[-1][0], page.more) if page.files else (b"", False)
        return tuple(found)

    def _ask(self, verb: Verb[Request, Answer], request: Request) -> Answered[Answer]:
        """In another thread than the event loop's, which would wait for itself."""
        if _in_a_loop():
            raise RuntimeError(f"the event loop would wait for its own answer to {verb.name}")
        if self._loop.is_closed():
            raise Ended("the program stops")
        question = asyncio.wait_for(self._asker.ask(verb, request), self._patience)
        return asyncio.run_coroutine_threadsafe(question, self._loop).result(self._patience + LOOP_PATIENCE)


def _text(why: Exception) -> str:
    return str(why) or "the warden does not answer"


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
