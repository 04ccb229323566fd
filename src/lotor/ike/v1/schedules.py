"""Retransmission schedules of IKEv1: seconds between one send and the next. After the last the peer is given up."""

from __future__ import annotations

DEFAULT_SCHEDULE = (1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0)
"""15 sends in 50 s: at 30 % loss each way one exchange in some 24,000 is lost."""

STRANGER_SCHEDULE = (4.0, 26.0)
"""For a responder's answer to a stranger: one repetition, then silence, so that nobody can be flooded by reflection."""


def schedule(interval: float | None, counter: int | None) -> tuple[float, ...]:
    """A constant schedule as `timer { interval; counter; }` says, or the default where neither is configured."""
    if interval is None and counter is None:
        return DEFAULT_SCHEDULE
    return (interval or 10.0,) * ((5 if counter is None else counter) + 1)
