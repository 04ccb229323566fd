"""The answers of the back ends' process to its warden."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path

from lotor.backends.present import PresentBackEnds
from lotor.backends.sharing import FleetAnswers
from lotor.config.back_ends import BackEndSettings
from lotor.model.login import Verdict
from lotor.ports.accounting import Record
from lotor.ports.demands import Demand, Settled
from lotor.privsep.backing import ABANDON_ROUND, ACCOUNT, CHECK, CONFIGURE, GROUPS, Abandoned, Confined, Round
from lotor.privsep.demanding import DEMANDS, SETTLE
from lotor.privsep.faults import Fault, fault_of
from lotor.privsep.serving import Handler, Reply, answering, handling

log = logging.getLogger(__name__)


class Answers:
    """`told`: what this process gave up, which the warden hears with the answer to its settings. `configured` is called
    with each `Fault`, and with None where the settings are in force."""

    def __init__(
        self, back_ends: PresentBackEnds, told: Confined, configured: Callable[[BackEndSettings, Fault | None], None]
    ) -> None:
        self._back_ends = back_ends
        self._told = told
        self._configured = configured

    def rows(self) -> dict[int, Handler]:
        return dict(
            (
                answering(self._configure, CONFIGURE),
                answering(self._check, CHECK),
                answering(self._abandon, ABANDON_ROUND),
                handling(self._account, ACCOUNT),
                handling(self._groups, GROUPS),
                answering(self._demanded, DEMANDS),
                answering(self._settle, SETTLE),
                *FleetAnswers(self._back_ends.present_fleet).rows().items(),
            )
        )

    async def _configure(self, settings: BackEndSettings) -> Confined | Fault:
        try:
            self._back_ends.replace(settings)
        except OSError as error:
            return self._cannot(settings, fault_of(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody is to wait for it
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.critical("internal error: %s at %s:%d", type(error).__name__, Path(where.filename).name, where.lineno)
            return self._cannot(settings, Fault(None, f"internal error: {type(error).__name__}"))
        self._configured(settings, None)
        return self._told

    def _cannot(self, settings: BackEndSettings, fault: Fault) -> Fault:
        self._configured(settings, fault)
        return fault

    async def _check(self, asked: Round) -> Verdict:
        return await self._back_ends.judge(asked.which, asked.attempt)

    async def _abandon(self, asked: Abandoned) -> None:
        await self._back_ends.abandon(asked.which, asked.conversation)

    async def _account(self, record: Record) -> Reply:
        await self._back_ends.account(record)
        return Reply(None)

    async def _groups(self, user: str) -> Reply:
        return Reply(await self._back_ends.groups(user))

    async def _demanded(self, nothing: None) -> tuple[Demand, ...]:
        del nothing
        return await self._back_ends.demanded()

    async def _settle(self, settled: Settled) -> None:
        await self._back_ends.settle(settled)
