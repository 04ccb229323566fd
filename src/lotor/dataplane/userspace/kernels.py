"""Kernels whose offloads do not do what they promise, known by their versions, since no probe finds the fault."""

from __future__ import annotations

import re

BREAK_SEGMENTS_FROM, BREAK_SEGMENTS_UNTIL = (7, 0, 0), (7, 1, 4)
"""Linux 7.0-rc1 to 7.1-rc4, and what distributions made of them up to 7.1.3, garble a UDP_SEGMENT batch whose segments
are all of one length."""

_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


def breaks_segments(release: str) -> bool:
    """`release` as uname tells it, with whatever a distribution adds. True for a release that cannot be read: a
    keepalive too many does no harm."""
    found = _RELEASE.match(release)
    if found is None:
        return True
    version = tuple(int(number or 0) for number in found.groups())
    return BREAK_SEGMENTS_FROM <= version < BREAK_SEGMENTS_UNTIL
