"""Users and groups as `lotor user` shows them: in columns, on a page, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lotor.auth.codes import spent_name
from lotor.auth.facts import GROUP_FACTS, OF_GROUPS, USER_FACTS, Fact, Facts, value_text
from lotor.auth.spent import SpentCodes, SpentError
from lotor.cli.columns import Column, fitted

if TYPE_CHECKING:
    from lotor.auth import LocalUser
    from lotor.auth.userlines import LocalGroup
    from lotor.auth.users import Users

PLAIN = tuple(row for row in USER_FACTS if not row.secret)
LISTS = frozenset({"groups", "routes"})
COLUMNS = (
    Column("user", 8, 0),
    Column("state", 6, 1),
    Column("groups", 8, 2),
    Column("address", 11, 4),
    Column("expires", 10, 3),
    Column("sessions", 4, 6, right=True),
    Column("rate", 7, 5, right=True),
    Column("routes", 8, 7),
)
GROUP_COLUMNS = (
    Column("group", 8, 0),
    Column("users", 5, 1, right=True),
    *(Column(row.key, 7, place) for place, row in enumerate(GROUP_FACTS, 2)),
)


def said(users: Users, user: LocalUser) -> dict[Fact, tuple[str, str]]:
    """Of each fact that counts for a user its text, and the group that says it, empty for the user's own line."""
    found = {}
    for row in PLAIN:
        for facts, source in _sources(users, user) if row.field in OF_GROUPS else ((user.facts, ""),):
            if text := value_text(facts, row):
                found[row] = (text, source)
                break
    return found


def _sources(users: Users, user: LocalUser) -> Iterable[tuple[Facts, str]]:
    known = {each.name: each.facts for each in users.groups()}
    return ((user.facts, ""), *((known[name], name) for name in user.facts.groups if name in known))


def state(users: Users, user: LocalUser) -> str:
    """`locked`, then whether there is a second factor, and an NT hash."""
    required = users.facts(user).second
    second = "totp" if user.facts.totp is not None else "no totp!" if required else ""
    mschap = "mschap" if user.facts.mschap else ""
    return " ".join(filter(None, ("locked" if user.locked else "", second, mschap)))


def table(users: Users, width: int | None) -> list[str]:
    rows = []
    for user in users.all():
        texts = {row.key: text for row, (text, _) in said(users, user).items()}
        rows.append([user.name, state(users, user), *(texts.get(each.title, "") for each in COLUMNS[2:])])
    return fitted(COLUMNS, rows, width)


def page(users: Users, user: LocalUser) -> str:
    """A line for each fact."""
    rows = [("user", user.name), ("state", state(users, user) or "may log in")]
    for row, (text, source) in said(users, user).items():
        rows.append((row.key, f"{text}{f'  (group {source})' if source else ''}"))
    if user.facts.recovery:
        rows.append(("recovery", f"{_left(user)} of {len(user.facts.recovery)} codes left"))
    return _aligned(rows)


def view(users: Users, user: LocalUser) -> dict[str, Any]:
    """For programs, see docs/users.md."""
    facts = {row.key: _value(row, text) for row, (text, _) in said(users, user).items()}
    sources = {row.key: source for row, (_, source) in said(users, user).items() if source}
    required = users.facts(user).second
    return {
        "name": user.name,
        "locked": user.locked,
        "fault": users.fault(user.name) or None,
        "totp": user.facts.totp is not None,
        "totp_required": required,
        "mschap": bool(user.facts.mschap),
        "recovery_codes": _left(user),
        "facts": facts,
        "of_groups": sources,
    }


def group_view(users: Users, group: LocalGroup) -> dict[str, Any]:
    facts = {row.key: _value(row, text) for row in GROUP_FACTS if (text := value_text(group.facts, row))}
    return {"name": group.name, "users": members(users, group.name), "facts": facts}


def members(users: Users, name: str) -> list[str]:
    return [each.name for each in users.all() if name in each.facts.groups]


def group_table(users: Users, width: int | None) -> list[str]:
    rows = [
        [each.name, str(len(members(users, each.name))), *(value_text(each.facts, row) for row in GROUP_FACTS)]
        for each in users.groups()
    ]
    return fitted(GROUP_COLUMNS, rows, width)


def group_page(users: Users, group: LocalGroup) -> str:
    facts = [(row.key, text) for row in GROUP_FACTS if (text := value_text(group.facts, row))]
    return _aligned([("group", group.name), *facts, ("users", ", ".join(members(users, group.name)) or "none")])


def _aligned(rows: list[tuple[str, str]]) -> str:
    width = max(9, *(len(key) for key, _ in rows))
    return "\n".join(f"{key:<{width}} {text}" for key, text in rows)


def _value(row: Fact, text: str) -> Any:
    return text.split(",") if row.key in LISTS else int(text) if row.key == "sessions" else text


def _left(user: LocalUser) -> int:
    """Recovery codes that were not used; all where nobody may know."""
    try:
        gone = SpentCodes().spent() if user.facts.recovery else frozenset()
    except SpentError:
        gone = frozenset()
    return sum(spent_name(user.name, each.encode()) not in gone for each in user.facts.recovery)
