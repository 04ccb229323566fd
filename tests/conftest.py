"""What holds for all tests: property tests that know no clock, since the machine may be busy with anything, and one day
for all processes of a run."""

import os
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
os.environ.setdefault("LOTOR_DEATHS_DAY", datetime.now(UTC).date().isoformat())
