"""Days as people write them in files: as in ISO 8601, like 2027-03-31."""

from __future__ import annotations

import re
from datetime import date

YEARS = range(1970, 3000)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def day_of(text: str) -> date | None:
    """None for what is no day of the years that clocks know."""
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
    return day if day is not None and day.year in YEARS else None
