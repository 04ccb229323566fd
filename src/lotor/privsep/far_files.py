"""Authorities, pinned certificates and revocation lists, which the warden opens (the port
`ports.public_files.PublicFiles`)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError as Abandoned
from pathlib import Path
from typing import Generic, TypeVar

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
FRESH = 1.0
"""Seconds for which an answer counts: each handshake judges a certificate, and lists change once a day."""
MOST_RECENT = 4_096
"""Answers that are remembered."""
GONE = (Refused, Ended, TimeoutError, Abandoned, ValueError, OSError, Malformed)
"""How a question may end without an answer. `ValueError`: no name is as long as this one."""

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Recent(Generic[Answer]):
    """Answers that are a moment old, for several threads."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._answers: dict[tuple[Path, Kind], tuple[float, Answer]] = {}

    def get(self, path: Path, kind: Kind) -> Answer | None:
        until, answer = self._answers.get((path, kind), (0.0, None))
        return answer if self._clock() < until else None

    def put(self, path: Path, kind: Kind, answer: Answer | None) -> None:
        """None: nothing to remember."""
        if answer is None:
            self._answers.pop((path, kind), None)
            return
        if len(self._answers) >= MOST_RECENT:
            self._answers.clear()
        self._answers[path, kind] = self._clock() + self._seconds, answer


class FarFiles:
    """The daemon's end, made in its event loop and asked in other threads, which wait for the answer. An answer counts
    for `fresh` seconds of `clock`, which only goes on."""

    def __init__(
        self,
        asker: Asker,
        patience: float = PATIENCE,
        fresh: float = FRESH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._asker = asker
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._stamps: Recent[Stamp] = Recent(fresh, clock)
        self._listings: Recent[tuple[Listed, ...]] = Recent(fresh, clock)

    def read(self, path: Path, kind: Kind, known: Stamp | None = None) -> Content | Unreadable | None:
        if known is not None and self._stamps.get(path, kind) == known:
            return None
        try:
            found = self._read(Wanted(path, kind, known))
        except GONE as why:
            return Unreadable(f"{path} cannot be read: {_text(why)}")
        self._stamps.put(path, kind, found.stamp if found else known)
        return found

    def _read(self, wanted: Wanted) -> Content | Unreadable | None:
        answered = self._ask(PUBLIC_FILE, wanted)
        if isinstance(answered.value, Sealed):
            return Content(answered.value.stamp, unseal(descriptor(answered), LARGEST_OF[wanted.kind]))
        answered.close()
        return answered.value

    def listing(self, directory: Path, kind: Kind) -> tuple[Listed, ...] | Unreadable:
        if (recent := self._listings.get(directory, kind)) is not None:
            return recent
        try:
            found = tuple(self._pages(directory, kind))
        except GONE as why:
            return Unreadable(f"{directory} cannot be listed: {_text(why)}")
        self._listings.put(directory, kind, found)
        return found

    def _pages(self, directory: Path, kind: Kind) -> Iterator[Listed]:
        count, after, more = 0, b"", True
        while more and count < MOST_FILES:
            page: Page = self._ask(PUBLIC_FILES, Contents(directory, kind, after)).value
            yield from (Listed(directory / os.fsdecode(name), stamp) for name, stamp in page.files)
            count += len(page.files)
            after, more = (page.files[-1][0], page.more) if page.files else (b"", False)

    def _ask(self, verb: Verb[Request, Answer], request: Request) -> Answered[Answer]:
        """To be called in another thread than that of the event loop, which would wait for itself."""
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
