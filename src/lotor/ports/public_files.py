"""The port of files that say whom to trust: who opens them may be another process than who parses them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lotor.files.public import Content, Kind, Listed, Stamp, Unreadable


class PublicFiles(Protocol):
    """Asked in the threads of an executor: it may wait, never in the event loop's own thread. Nothing raises."""

    def read(self, path: Path, kind: Kind, known: Stamp | None = None) -> Content | Unreadable | None:
        """The file as it is now; None where its stamp is still the `known` one. A file of certificates is `Unreadable`
        where somebody else could have changed it."""
        ...

    def listing(self, directory: Path, kind: Kind) -> tuple[Listed, ...] | Unreadable:
        """Files whose names fit the kind, in their order, at most `files.public.MOST_FILES`; none of a directory that
        this host does not let be read. `Unreadable`: nobody answered, what the directory has is not known."""
        ...
