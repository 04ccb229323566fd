"""Last days: when they are over."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from datetime import time as clock_time


def end_of(day: date) -> float:
    """Its midnight where the gateway stands, in seconds since 1970."""
    return datetime.combine(day + timedelta(days=1), clock_time()).astimezone().timestamp()
