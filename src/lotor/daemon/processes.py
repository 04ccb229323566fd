"""Which processes this program is, and what each may do: as `status` shows it."""

from __future__ import annotations

import os

from lotor.confinement.unprivileged import GivenUp
from lotor.control.views import ProcessView
from lotor.privsep.living import About
from lotor.warden.about import about

ALONE = (
    "one process does everything as root: an intruder who takes it over by way of the network has its keys, its "
    "users' passwords and this host"
)


def alone() -> tuple[ProcessView, ...]:
    """One process; which rights it has is asked now."""
    return (_of(about(), "single"),)


def both(warden: About, given_up: GivenUp) -> tuple[ProcessView, ...]:
    """In the daemon: the warden, as it tells of itself, and this process."""
    own = ProcessView(
        name="daemon",
        pid=os.getpid(),
        user=given_up.user,
        group=given_up.group,
        capabilities=[],
        gains=False,
        landlock=given_up.landlock,
        calls=given_up.calls,
        refused=list(given_up.refused),
    )
    return (_of(warden, "warden"), own)


def _of(found: About, name: str) -> ProcessView:
    return ProcessView(
        name=name,
        pid=found.pid,
        user=found.user,
        group="",
        capabilities=list(found.capabilities),
        gains=found.gains,
        landlock=0,
        calls="",
        refused=[],
    )
