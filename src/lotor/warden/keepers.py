"""Who keeps accounts in the end: a RADIUS server, the login records of the host, its PAM."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

from lotor.accounting.system import SystemAccounts
from lotor.auth.pam import PamSessions, SessionError
from lotor.config.settings import Accounting
from lotor.model.text import clean
from lotor.ports.accounting import Account, Keeper, Record, Status
from lotor.ports.back_ends import BackEnds
from lotor.store import Store, StoreFault
from lotor.store.pam_sessions import PamSession, find, forget, keep

log = logging.getLogger(__name__)


def keepers(back_ends: BackEnds, store: Store, pam_service: Callable[[], str | None]) -> dict[Accounting, Keeper]:
    """Those that there are. `pam_service`: that of the configuration in force, if it has one."""
    return {
        Accounting.RADIUS: FarKeeper(back_ends),
        Accounting.SYSTEM: SystemAccounts(),
        Accounting.PAM: PamKeeper(store, pam_service),
    }


class FarKeeper:
    """Implements `ports.accounting.Keeper`: RADIUS, wherever it lives."""

    def __init__(self, back_ends: BackEnds) -> None:
        self._back_ends = back_ends

    async def take(self, record: Record) -> None:
        try:
            await self._back_ends.account(record)
        except ValueError:
            raise OSError(errno.EMSGSIZE, "the record is longer than any") from None


class PamKeeper:
    """Implements `ports.accounting.Keeper`: a session of PAM is opened at the start, and closed at the stop by the
    service that opened it. What is open stands in the store: a record that comes again is known, and no session is
    closed that was not opened. What modules refuse, break or hang in is said, and not tried again: it would be later
    than what it stands for."""

    def __init__(
        self,
        store: Store,
        service: Callable[[], str | None],
        sessions: Callable[[str], PamSessions] = PamSessions,
    ) -> None:
        self._store = store
        self._service = service
        self._sessions = sessions

    async def take(self, record: Record) -> None:
        account = record.account
        if account is None or not _fits(account.user):
            return
        if record.status is Status.START:
            await self._open(account)
        elif record.status is Status.STOP:
            await self._close(account)

    async def _open(self, account: Account) -> None:
        if await self._store.run(find(account.id)) is not None:
            return
        if (service := self._service()) is None:
            _say(account, "was not opened: the configuration has no mode_cfg any more")
            return
        host = str(account.source.address)
        try:
            variables = await self._sessions(service).open(account.user, host)
        except SessionError as error:
            _say(account, f"was not opened: {error}")
            return
        opened = PamSession(account.id, account.user, host, service, variables)
        try:
            await self._store.run(keep(opened))
        except StoreFault:  # nobody could close this one later: it is opened again once the store is written again
            await self._closed(account, opened)
            raise

    async def _close(self, account: Account) -> None:
        if (opened := await self._store.run(find(account.id))) is not None:
            await self._closed(account, opened)
            await self._store.run(forget(account.id))

    async def _closed(self, account: Account, opened: PamSession) -> None:
        try:
            await self._sessions(opened.service).close(opened.user, opened.host, opened.variables)
        except SessionError as error:
            _say(account, f"was not closed: {error}")


def _fits(user: str) -> bool:
    """Whether PAM can be told of the name: nobody has an empty one, and C ends one at a NUL."""
    return bool(user) and user == clean(user)


def _say(account: Account, what: str) -> None:
    log.error("accounting pam: the session %s of %s %s", account.id, clean(account.user), clean(what))
