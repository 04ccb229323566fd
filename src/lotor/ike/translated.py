"""Where NATs stand, in words."""

from __future__ import annotations


def describe(*, here: bool, there: bool) -> str:
    """For the journal and the status."""
    ends = [name for name, behind in (("this end", here), ("the peer", there)) if behind]
    return f"NAT before {' and '.join(ends)}" if ends else "no NAT"
