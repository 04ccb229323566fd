"""The journal, and beside it whoever else keeps accounts."""

from __future__ import annotations

from collections.abc import Callable

from lotor.model.kinds import Kind
from lotor.ports.accounting import Account, Accounting, Usage


class BesideJournal:
    """Implements `ports.Accounting`. The other engine hears of the sessions that began while the configuration wanted
    it to (`wanted`), from their start to their stop. The journal hears of what is between them only where the accounts
    are its own: where nobody else is there for them (`alone`)."""

    def __init__(
        self, journal: Accounting, other: Accounting, wanted: Callable[[], bool], alone: Callable[[], bool]
    ) -> None:
        self._journal = journal
        self._other = other
        self._wanted = wanted
        self._alone = alone
        self._told: set[str] = set()
        """As many as there are sessions."""

    async def start(self, account: Account) -> None:
        await self._journal.start(account)
        if self._wanted():
            self._told.add(account.id)
            await self._other.start(account)

    async def interim(self, account: Account, usage: Usage) -> None:
        if self._alone():
            await self._journal.interim(account, usage)
        if account.id in self._told:
            await self._other.interim(account, usage)

    async def stop(self, account: Account, usage: Usage, why: Kind) -> None:
        await self._journal.stop(account, usage, why)
        if account.id in self._told:
            self._told.discard(account.id)
            await self._other.stop(account, usage, why)
