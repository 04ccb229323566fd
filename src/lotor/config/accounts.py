"""What a configuration says of accounting, where it leaves something out."""

from __future__ import annotations

from lotor.config.settings import Accounting, ModeCfg

USUAL_INTERVAL = 600
"""Seconds between two records of a session at a RADIUS server: no less is advised (RFC 2869 section 5.16)."""


SHORTEST_INTERVAL = 60
"""Seconds: what a server may grant at least (RFC 2869 section 5.16)."""


def interim_seconds(mode_cfg: ModeCfg | None, granted: float | None = None) -> float | None:
    """Between two records of a session; None: there are none between its start and its stop. What is configured counts
    more than what was granted."""
    if mode_cfg is None:
        return None
    if mode_cfg.accounting_interval is not None:
        return mode_cfg.accounting_interval or None
    if mode_cfg.accounting is not Accounting.RADIUS:
        return None
    return max(SHORTEST_INTERVAL, granted) if granted is not None else USUAL_INTERVAL
