"""The port of the back ends on other hosts: RADIUS and LDAP, wherever they run."""

from __future__ import annotations

from typing import Protocol

from lotor.model.back_end import BackEnd
from lotor.model.login import LoginAttempt, Verdict
from lotor.ports.accounting import Record


class Groups(Protocol):
    """Where users have groups."""

    async def of(self, user: str) -> frozenset[str]:
        """None for a user that is not known there. Raises `OSError` with a clear text where that cannot be told."""
        ...


class BackEnds(Protocol):
    """All of them. What is not there answers as one that cannot be reached."""

    async def judge(self, which: BackEnd, attempt: LoginAttempt) -> Verdict:
        """As `ports.auth.LoginBackend`."""
        ...

    async def abandon(self, which: BackEnd, conversation: bytes) -> None:
        """As `ports.auth.LoginBackend`."""
        ...

    async def account(self, record: Record) -> None:
        """As `ports.accounting.Keeper.take`."""
        ...

    async def groups(self, user: str) -> frozenset[str]:
        """As `Groups.of`."""
        ...
