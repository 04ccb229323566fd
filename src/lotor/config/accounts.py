"""What a configuration says of accounting, where it leaves something out."""

from __future__ import annotations

from lotor.config.settings import Accounting, ModeCfg

USUAL_INTERVAL = 600
"""Seconds between two records of a session at a RADIUS server: no less is advised (RFC 2869 section 5.16)."""


def interim_seconds(mode_cfg: ModeCfg | None) -> int | None:
    """Between two records of a session; None: there are none between its start and its stop."""
    if mode_cfg is None:
        return None
    if mode_cfg.accounting_interval is None:
        return USUAL_INTERVAL if mode_cfg.accounting is Accounting.RADIUS else None
    return mode_cfg.accounting_interval or None
