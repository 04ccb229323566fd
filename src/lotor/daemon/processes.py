"""Which processes this program is, and what each may do: as `status` shows it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from lotor.confinement.unprivileged import GivenUp
from lotor.control.views import ProcessView
from lotor.privsep.backing import Confined, Serving
from lotor.privsep.living import About
from lotor.warden.about import about

ALONE = (
    "one process does everything as root: an intruder who takes it over by way of the network has its keys, its "
    "users' passwords and this host"
)


BACK_ENDS_GONE = "the process that speaks to login servers ended and is about to be started again"

Beyond = Callable[[], Awaitable[Serving | None]]


async def nobody() -> Serving | None:
    """Where no process of back ends is to be looked for."""
    return None


class Processes:
    """`fixed` are those that stay; `beyond` tells of the process of back ends, which comes and goes."""

    def __init__(self, fixed: tuple[ProcessView, ...], beyond: Beyond = nobody) -> None:
        self._fixed = fixed
        self._beyond = beyond

    async def look(self) -> tuple[tuple[ProcessView, ...], list[str]]:
        """All that there are now, and what is worth knowing beside."""
        serving = await self._beyond()
        if serving is None:
            return self._fixed, []
        if serving.confined is None:
            return self._fixed, [BACK_ENDS_GONE]
        return (*self._fixed, _back_ends(serving, serving.confined)), []


def alone() -> Processes:
    """One process; which rights it has is asked now."""
    return Processes((_of(about(), "single"),))


def both(warden: About, given_up: GivenUp, beyond: Beyond = nobody) -> Processes:
    """In the daemon: the warden, as it tells of itself, this process, and the one of back ends."""
    own = Confined(os.getpid(), given_up.user, given_up.group, given_up.landlock, given_up.calls, given_up.refused)
    return Processes((_of(warden, "warden"), _confined(own, "daemon", 0.0)), beyond)


def _back_ends(serving: Serving, confined: Confined) -> ProcessView:
    view = _confined(confined, "back-ends", serving.seconds)
    view["serves"] = list(serving.serves)
    return view


def _confined(given_up: Confined, name: str, seconds: float) -> ProcessView:
    return ProcessView(
        name=name,
        pid=given_up.pid,
        user=given_up.user,
        group=given_up.group,
        capabilities=[],
        gains=False,
        landlock=given_up.landlock,
        calls=given_up.calls,
        refused=list(given_up.refused),
        serves=[],
        since=_since(seconds),
    )


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
        serves=[],
        since=_since(found.seconds),
    )


def _since(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
