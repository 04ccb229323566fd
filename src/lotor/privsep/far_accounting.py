"""Accounting at the other end of the line: the warden keeps records until whoever wants them has them."""

from __future__ import annotations

import errno
from typing import TypeVar

from lotor.model.kinds import Kind
from lotor.ports.accounting import Account, Backlog, Usage
from lotor.privsep.accounting import BACKLOG, INTERIM, START, STOP, Over, Used
from lotor.privsep.asking import Asker, Refused, reason_of
from lotor.privsep.faults import Fault
from lotor.privsep.frames import Ended
from lotor.privsep.verb import Verb

T = TypeVar("T")
A = TypeVar("A")


class FarAccounting:
    """Implements `ports.accounting.SpooledAccounting`, for the sessions of this daemon."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def start(self, account: Account) -> None:
        await self._ask(START, account)

    async def interim(self, account: Account, usage: Usage) -> None:
        await self._ask(INTERIM, Used(account.id, usage))

    async def stop(self, account: Account, usage: Usage, why: Kind) -> None:
        await self._ask(STOP, Over(account.id, usage, why))

    async def backlog(self) -> tuple[Backlog, ...]:
        return await self._ask(BACKLOG, None)

    async def _ask(self, verb: Verb[T, A | Fault], asked: T) -> A:
        try:
            answer = (await self._asker.ask(verb, asked)).value
        except (Refused, Ended) as fault:
            raise ConnectionAbortedError(errno.ECONNABORTED, reason_of(fault).text) from None
        except (ValueError, TypeError):
            raise OSError(errno.EMSGSIZE, "the account of the session is longer than any") from None
        if isinstance(answer, Fault):
            raise OSError(answer.number or errno.EIO, answer.sentence)
        return answer
