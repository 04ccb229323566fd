"""Directories that everybody may pass through, whoever makes them first and under whatever umask."""

from __future__ import annotations

from pathlib import Path

OPEN = 0o755


def make_open(directory: Path) -> None:
    """The directory is there. What of its path was missing is made for everybody to pass through: what lies in it says
    itself who may have it. Raises `OSError`."""
    if directory.is_dir():
        return
    make_open(directory.parent)
    directory.mkdir(exist_ok=True)
    directory.chmod(OPEN)
