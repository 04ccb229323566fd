"""Files of the kernel and of this host that may not be there, or not be for this user."""

from __future__ import annotations

from pathlib import Path


def text_of(file: Path) -> str:
    """Empty where it is not there, or may not be read."""
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
