"""`auth_source ldap`: who searches finds the one entry of a user, then the user's own password binds as that entry."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from lotor.config.settings import Ldap
from lotor.ldap import granted, results
from lotor.ldap.connection import Connection, DirectoryError
from lotor.ldap.messages import Result
from lotor.ldap.people import People, Person
from lotor.ldap.pool import CrowdedError, Pool
from lotor.ldap.servers import Servers
from lotor.model.frozen import frozen
from lotor.model.grants import Grants
from lotor.model.login import LOGIN_SECONDS, Accepted, LoginAttempt, Refused, Verdict, unable
from lotor.model.prompt import Field
from lotor.model.reasons.logins import (
    AnswerTooLong,
    BackEndFault,
    Busy,
    LoginReason,
    NoName,
    SeveralEntries,
    Unjudged,
    UnknownUser,
    WrongPassword,
)
from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.names.whereabouts import LookUp, looked_up

T = TypeVar("T")
log = logging.getLogger(__name__)

LONGEST_LOGIN = LOGIN_SECONDS / 2
"""Seconds for all questions of one login; the rest is for those of other back ends, and for who waits."""
LONGEST_USER = 256
LONGEST_PASSWORD = 1024


class LdapLogins:
    """Implements `ports.auth.LoginBackend`. Belongs to one event loop. `addresses`, `groups`: whether the directory
    tells them (`conf_source`, `group_source`)."""

    def __init__(
        self,
        settings: Ldap,
        *,
        addresses: bool = False,
        groups: bool = False,
        now: Callable[[], float] = time.monotonic,
        look_up: LookUp = looked_up,
    ) -> None:
        self._settings = settings
        self._people = People(settings, addresses=addresses, groups=groups)
        self._addresses = addresses
        self._servers = Servers.of(settings, now, look_up)
        self._searchers = Pool(self._servers, self._people.introduce)
        self._binders = Pool(self._servers)

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        if (objection := unable(attempt, "ldap")) is not None:
            return objection
        user, password = attempt.user, attempt.answer(Field.PASSWORD)
        if (unfit := _unfit(user, password)) is not None:
            return Refused(unfit)
        try:
            return await _in_time(self._judged(user, password))
        except DirectoryError as fault:
            return Refused(BackEndFault(user, str(fault)))
        except CrowdedError as fault:
            return Refused(Busy(user, fault.waiting))

    async def abandon(self, conversation: bytes) -> None:
        """A password is all there is: no conversation has a second round."""

    @property
    def groups(self) -> LdapGroups:
        return LdapGroups(self)

    async def groups_of(self, user: str) -> frozenset[str]:
        """Of a user whom another back end judges, maybe a stranger; no group for a name without an entry. Raises
        `OSError`, also for one with several: a rule may be against a group of the right one."""
        if not _is_name(user):
            return frozenset()
        try:
            person = await _in_time(self._searchers.run(lambda connection: self._people.find(connection, user)))
        except CrowdedError as fault:
            raise DirectoryError(f"{fault.waiting} logins wait for the directory already") from None
        if isinstance(person, Person):
            return person.groups
        if person.several:
            raise DirectoryError(
                f"several entries have the {self._settings.attr_user} {clean(user)}: whose groups count?"
            )
        return frozenset()

    async def close(self) -> None:
        await self._searchers.close()
        await self._binders.close()
        self._servers.close()

    async def _judged(self, user: str, password: Secret) -> Verdict:
        """A name without an entry costs a bind, too: as an entry that is nowhere."""
        person = await self._searchers.run(lambda connection: self._people.find(connection, user))
        name = person.name if isinstance(person, Person) else self._nowhere()
        result = await self._binders.run(lambda connection: self._bound(connection, name, password))
        against = results.objection(user, result)
        if not isinstance(person, Person):
            otherwise = SeveralEntries(user, self._settings.attr_user) if person.several else UnknownUser(user)
            return Refused(against if isinstance(against, Unjudged) else otherwise)
        if against is not None:
            return Refused(against)
        return Accepted(person.user, self._grants(person, results.notice(result.policy)))

    async def _bound(self, connection: Connection, name: bytes, password: Secret) -> Result:
        result = results.able(await connection.bind(name, password))
        if self._settings.debug:
            log.info("a bind as %s: %s", clean(name), results.told(result))
        return result

    def _nowhere(self) -> bytes:
        """Another name each time: a server that counts wrong passwords has nothing to count."""
        return f"cn={secrets.token_hex(16)},{self._settings.base or ''}".rstrip(",").encode()

    def _grants(self, person: Person, message: str) -> Grants:
        if not self._addresses:
            return Grants(groups=person.groups, message=message)
        attributes, settings = person.entry.attributes, self._settings
        address = netmask = None
        try:
            address = granted.address(attributes.get(settings.attr_addr.lower(), ()), settings.attr_addr)
            netmask = granted.netmask(attributes.get(settings.attr_mask.lower(), ()), settings.attr_mask)
        except granted.Dropped as note:
            log.warning("of what the directory grants %s, %s", clean(person.user), note.why)
        return Grants(address=address, netmask=netmask, groups=person.groups, message=message)


@frozen
class LdapGroups:
    """Implements `ports.back_ends.Groups`, over the connections of logins."""

    logins: LdapLogins

    async def of(self, user: str) -> frozenset[str]:
        return await self.logins.groups_of(user)


async def _in_time(work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(LONGEST_LOGIN):
            return await work
    except TimeoutError:
        raise DirectoryError(f"the directory took longer than {LONGEST_LOGIN:g} seconds") from None


def _unfit(user: str, password: Secret) -> LoginReason | None:
    """What no directory is asked about. It would take an empty password for a bind of nobody (RFC 4513 §5.1.2)."""
    if not _is_name(user):
        return NoName(user)
    if len(password) > LONGEST_PASSWORD:
        return AnswerTooLong(user, LONGEST_PASSWORD)
    return WrongPassword(user) if not password or b"\0" in password.reveal() else None


def _is_name(user: str) -> bool:
    """What no directory has as a name it is not asked about: one that takes it amiss is left alone for a while."""
    return 0 < len(user) <= LONGEST_USER and user.isprintable()
