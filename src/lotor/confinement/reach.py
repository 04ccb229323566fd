"""How the modules of a program stay in reach of a user who may not walk to them, as in the home of root.

An interpreter there can be started by root alone, and loads modules at their first use, when the process has long
become another user. So root opens the directories; later they are reached by the descriptor, through /proc/self/fd,
where only their own permissions count and not those of the directories above.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

DESCRIPTORS = Path("/proc/self/fd")


class Reach:
    """Made with the rights to open all `places`; others than directories need no help."""

    def __init__(self, places: Iterable[Path]) -> None:
        modules = (Path(each) for each in sys.path if each)
        wanted = sorted({*places, *modules}, key=lambda place: len(place.parts), reverse=True)
        self._opened = {place: os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for place in _there(wanted)}

    def settle(self) -> None:
        """As the new user: keeps what it cannot walk to, and has modules looked for by descriptor there."""
        for place, descriptor in list(self._opened.items()):
            if os.access(place, os.R_OK | os.X_OK, effective_ids=True):
                os.close(descriptor)
                del self._opened[place]
        if not self._opened:
            return
        sys.path[:] = [str(self.to(Path(each))) if each else each for each in sys.path]
        for module in list(sys.modules.values()):
            if isinstance(found := getattr(module, "__path__", None), list):
                found[:] = [str(self.to(Path(each))) for each in found]
        sys.path_importer_cache.clear()

    def to(self, path: Path) -> Path:
        """By which name it can be opened: its own where that is possible."""
        for place, descriptor in self._opened.items():
            if path.is_relative_to(place):
                return DESCRIPTORS / str(descriptor) / path.relative_to(place)
        return path


def _there(places: Iterable[Path]) -> Iterator[Path]:
    return (place for place in places if place.is_dir())
