"""Python's garbage collector while a program starts: almost everything that is made then stays for good.

The collector looks at all of it again and again, for a fifth of the time that loading takes, and finds next to nothing.
"""

from __future__ import annotations

import gc


def rest() -> None:
    """Until `settle` nothing is collected."""
    gc.disable()


def settle() -> None:
    """The program serves. What there is by now is collected once and never looked at again."""
    gc.collect()
    gc.freeze()
    gc.enable()
