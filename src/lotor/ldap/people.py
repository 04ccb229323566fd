"""Who a user is in a directory: the one entry that has the login name, and the groups that have the entry."""

from __future__ import annotations

import logging
import unicodedata

from lotor.config.settings import Ldap
from lotor.ldap import granted, results
from lotor.ldap.connection import Connection, DirectoryError, Found
from lotor.ldap.messages import Entry, Equal, Scope, Search
from lotor.ldap.results import Code
from lotor.model.frozen import frozen
from lotor.model.grants import MOST_GROUPS
from lotor.model.secret import Secret
from lotor.model.text import clean

log = logging.getLogger(__name__)

LONGEST_DN = 2048
LONGEST_USER = 253
"""Characters of a name that a back end gives."""
ENOUGH = 2
"""Entries of one login name: a second one is wrong already."""
MEMBER_OF, MEMBER_UID = "memberof", "memberuid"
"""Attributes of other shapes than a group's list of DNs: a user's list of groups (Active Directory and others), a
group's list of login names (RFC 2307)."""


@frozen
class Person:
    """`user` is the login name as the directory spells it; `name` the DN, in the server's octets."""

    user: str
    name: bytes
    entry: Entry
    groups: frozenset[str]


@frozen
class Nobody:
    """No entry has the name, or `several` do."""

    several: bool


class People:
    """Searches on a connection that somebody else opened. `addresses`, `groups`: whether those are wanted, too."""

    def __init__(self, settings: Ldap, *, addresses: bool, groups: bool) -> None:
        self._settings = settings
        self._groups = groups
        in_entry = groups and settings.attr_member.lower() == MEMBER_OF
        self._wanted = (
            settings.attr_user,
            *((settings.attr_addr, settings.attr_mask) if addresses else ()),
            *((settings.attr_member,) if in_entry else ()),
        )

    async def introduce(self, connection: Connection) -> None:
        """A connection on which is searched belongs to `bind_dn`, or to nobody. Raises `DirectoryError`."""
        if self._settings.bind_dn is None:
            return
        name, password = self._settings.bind_dn.encode(), self._settings.bind_pw or Secret(b"")
        result = results.able(await connection.bind(name, password))
        if result.code != Code.SUCCESS:
            raise DirectoryError(f"it does not take bind_dn and bind_pw: {results.told(result)}")

    async def find(self, connection: Connection, user: str) -> Person | Nobody:
        """Raises `DirectoryError`."""
        settings = self._settings
        found = await connection.search(self._search(settings.attr_user, user.encode(), self._wanted, ENOUGH))
        entries = self._entries(found, user)
        if len(entries) != 1:
            return Nobody(several=bool(entries))
        entry = entries[0]
        if not entry.name or len(entry.name) > LONGEST_DN:
            raise DirectoryError(f"its entry of {clean(user)} has a name of {len(entry.name)} octets")
        groups = await self._groups_of(connection, entry, user) if self._groups else frozenset()
        return Person(_spelled(entry.attributes.get(settings.attr_user.lower(), ()), user), entry.name, entry, groups)

    def _search(self, attribute: str, value: bytes, wanted: tuple[str, ...], size: int) -> Search:
        settings = self._settings
        scope = Scope.SUBTREE if settings.subtree else Scope.ONE
        base = (settings.base or "").encode()
        return Search(base, scope, Equal(attribute, value), wanted, size, settings.timeout)

    def _entries(self, found: Found, user: str) -> tuple[Entry, ...]:
        """Raises `DirectoryError` where the search did not come to its end."""
        self._note("a search for %s brings %d entries: %s", clean(user), len(found.entries), results.told(found.result))
        code = results.able(found.result).code
        if code == Code.NO_SUCH_OBJECT:
            raise DirectoryError(f'it has no entry "{clean(self._settings.base or "")}", the base of ldapcfg')
        if code not in {Code.SUCCESS, Code.SIZE_LIMIT_EXCEEDED}:
            raise DirectoryError(f"it does not search: {results.told(found.result)}")
        if found.referred and not found.entries:
            log.warning("the directory refers to other servers for %s, and nobody asks them", clean(user))
        return found.entries

    async def _groups_of(self, connection: Connection, entry: Entry, user: str) -> frozenset[str]:
        settings, member = self._settings, self._settings.attr_member.lower()
        if member == MEMBER_OF:
            names = tuple(map(granted.first_name, entry.attributes.get(member, ())))
        else:
            value = user.encode() if member == MEMBER_UID else entry.name
            search = self._search(settings.attr_member, value, (settings.attr_group,), MOST_GROUPS)
            listed = self._entries(await connection.search(search), user)
            names = tuple(name for each in listed for name in each.attributes.get(settings.attr_group.lower(), ()))
        groups, dropped = granted.groups(names)
        if dropped:
            log.warning("%d groups of %s in the directory are left out: too many, or no names", dropped, clean(user))
        return groups

    def _note(self, text: str, *values: object) -> None:
        if self._settings.debug:
            log.info(text, *values)


def _spelled(values: tuple[bytes, ...], user: str) -> str:
    """As the directory spells it, so that somebody who comes as ANNA and as anna is one person. A directory may also
    take names for one that look otherwise, with accents for one; then the only name that there is counts."""
    spelled = [name for each in values if (name := clean(each, longest=LONGEST_USER)).encode() == each]
    alike = (each for each in spelled if _folded(each) == _folded(user))
    return next(alike, spelled[0] if len(spelled) == len(values) == 1 else user)


def _folded(name: str) -> str:
    """What directories do not tell apart: upper and lower case, forms of one letter, blanks (RFC 4518)."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
