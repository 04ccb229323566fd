"""Python's garbage collector: at a start, when almost all that is made stays for good, and while the program serves.

At a start it looks at all of it again and again, for a fifth of the time that loading takes, and finds next to nothing.
Later a look at ten thousand sessions would hold the event loop up for a tenth of a second, again for nothing: what a
session had is gone with its last reference. So what one look has seen is not looked at again, until a day is over.
"""

from __future__ import annotations

import gc
import time

DAY_S = 86400.0
"""Seconds between two looks at everything: for what a rare mistake leaves in a circle."""
OFTEN = (700, 10, 2)
"""A look at the oldest objects comes after so few others that it sees some 20,000 at most: 5 milliseconds."""
_OLDEST = 2
_next_whole = 0.0


def rest() -> None:
    """Until `settle` nothing is collected."""
    gc.disable()


def settle() -> None:
    """The program serves. What there is by now is collected once."""
    global _next_whole  # noqa: PLW0603 - there is one collector in a process
    _next_whole = time.monotonic() + DAY_S
    gc.collect()
    gc.freeze()
    gc.collect()  # a quarter of what this one saw, which is nothing, is when the next look is due
    gc.set_threshold(*OFTEN)
    if _looked not in gc.callbacks:
        gc.callbacks.append(_looked)
    gc.enable()


def _looked(phase: str, info: dict[str, int]) -> None:
    """Behind each look at the oldest objects."""
    global _next_whole  # noqa: PLW0603 - as above
    if phase != "stop" or info["generation"] != _OLDEST:
        return
    now = time.monotonic()
    if now < _next_whole:
        gc.freeze()
    else:
        _next_whole = now + DAY_S
        gc.unfreeze()  # the next look sees everything
