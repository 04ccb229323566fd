"""From a file, or a text, to settings."""

from __future__ import annotations

from pathlib import Path

from lotor.config.settings import Loaded


def load(path: Path) -> Loaded:
    """Read a configuration file and what it includes. Raises `ConfigError` with every mistake that is in it."""
    raise NotImplementedError(path)


def loads(text: str, name: str = "racoon.conf", directory: Path | None = None) -> Loaded:
    """The same for a text; `directory` is where relative names start (None: the system's configuration directory)."""
    raise NotImplementedError(text, name, directory)
