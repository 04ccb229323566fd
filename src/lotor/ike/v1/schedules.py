"""When a message of IKEv1 is sent again: the seconds from one send to the next, and after the last the peer is lost."""

from __future__ import annotations

DEFAULT_SCHEDULE = (1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0)
"""15 sends in 50 s: at 30 % loss each way one exchange in some 24,000 is lost."""

STRANGER_SCHEDULE = (4.0, 26.0)
"""A responder's answer to a stranger: one repeat, then silence (security: no reflection)."""


def schedule(interval: float | None, counter: int | None) -> tuple[float, ...]:
    """A constant one as `timer { interval; counter; }` says, or the patient one where neither is configured."""
    if interval is None and counter is None:
        return DEFAULT_SCHEDULE
    return (interval or 10.0,) * ((5 if counter is None else counter) + 1)
