"""An unexpected exception as a line for the log: kind and place, never its text, for that may carry a secret."""

from __future__ import annotations

import traceback

DEEPEST = 4


def trace(error: BaseException) -> str:
    """`ValueError at seal.py:120 in open < session.py:88 in receive`: innermost frame first."""
    frames = traceback.extract_tb(error.__traceback__)[-DEEPEST:]
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} in {frame.name}" for frame in reversed(frames)]
    return f"{type(error).__name__} at {' < '.join(places) or 'an unknown place'}"
