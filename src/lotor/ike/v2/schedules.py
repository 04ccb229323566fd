"""When requests of IKEv2 are sent again: seconds between one send and the next. After the last the peer is given up."""

from __future__ import annotations

from lotor.model.policy import Retransmission

DEFAULT = (0.5, 1.0, 1.5, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0)
"""17 sends in 61 s: at 30 % loss each way one exchange in some 90,000 is lost (RFC 7296 §2.4)."""

QUICK = (0.3, 0.4, 0.4, 0.4)
"""For a peer that this end has a reason to doubt: to begin anew costs less than to wait for one that is gone."""

LARGE_SENDS = 3
"""Sends after which a message goes in small packets: larger ones may be lost on this path."""

LARGE_ANSWERS = 3
"""The same for copies of a request that had its response already: the first two get the same octets."""


def lasting(seconds: float) -> tuple[float, ...]:
    """The default, ended after so many seconds: many sends in a short time, for what decides over life and death."""
    intervals, left = list[float](), seconds
    for each in DEFAULT:
        if left <= each:
            break
        intervals.append(each)
        left -= each
    return (*intervals, left)


def schedule(timing: Retransmission) -> tuple[float, ...]:
    """A constant schedule as `timer { interval; counter; }` says, or the default where neither is configured."""
    if timing.interval is None and timing.counter is None:
        return DEFAULT
    return (timing.interval or 10.0,) * ((5 if timing.counter is None else timing.counter) + 1)
