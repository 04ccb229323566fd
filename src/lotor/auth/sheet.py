"""lotor's own users and groups as a table of comma-separated values (RFC 4180), for spreadsheets and other programs.

A row is a user, or a group with `@` before its name. The columns are `name`, `password`, `hash`, `locked` and the keys
of the file of users; which of them are there, and in which order, the first row says. A cell that a spreadsheet would
compute has a `'` in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from typing import Protocol

from lotor.auth.facts import GROUP_FACTS, USER_FACTS, Fact, FactError, Facts, group_name, shown, value_text, with_value
from lotor.auth.userlines import GROUP, LOCKED, Broken, Lines, LocalGroup, LocalUser
from lotor.auth.users import UserError, Users, check_name, check_new_password
from lotor.crypto.passwords import is_phc
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

MOST_ROWS = 65_536
OWN = ("name", "password", "hash", "locked")
YES, NO = "yes", "no"
NOTHING = "-"
"""A cell that takes away what was said."""
MARK, FORMULAS = "'", ("=", "+", "-", "@", "'")
"""In front of a cell that begins like a formula, or like one that has the mark already."""


class SheetError(Exception):
    """`faults`: a sentence for each row that is wrong, with its line."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@frozen
class Row:
    """As it was given; an empty cell says nothing. `line` is that of its end."""

    line: int
    name: str
    cells: Mapping[str, str] = field(repr=False)

    def get(self, column: str) -> str:
        return self.cells.get(column, "")


def exported(users: Users, *, secrets: bool) -> str:
    """Groups first. With `secrets` the hashes of passwords, the keys and the recovery codes' digests are in it."""
    facts = [row for row in USER_FACTS if secrets or not row.secret]
    columns = ["name", *(["hash"] if secrets else []), "locked", *(row.key for row in facts)]
    if not secrets:
        columns += ["totp", "mschap"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for group in users.groups():
        cells = {row.key: value_text(group.facts, row) for row in GROUP_FACTS}
        writer.writerow(_marked({"name": GROUP + group.name} | cells))
    for user in users.all():
        cells = {row.key: value_text(user.facts, row) for row in facts}
        if not secrets:
            cells["totp"] = YES if user.facts.totp is not None else ""
            cells["mschap"] = YES if user.facts.mschap else ""
        own = {"name": user.name, "locked": YES if user.locked else ""} | ({"hash": user.hash} if secrets else {})
        writer.writerow(_marked(own | cells))
    return text.getvalue()


def _marked(cells: Mapping[str, str]) -> dict[str, str]:
    return {column: MARK + cell if cell.startswith(FORMULAS) else cell for column, cell in cells.items()}


def _unmarked(cell: str) -> str:
    bare = cell.strip()
    return bare[1:] if bare.startswith(MARK) and bare[1:].startswith(FORMULAS) else bare


def rows_of(text: str) -> tuple[Row, ...]:
    """Raises `SheetError`, where the table as a whole cannot be understood."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        columns = [each.strip().lower() for each in next(reader, [])]
        _demand_columns(columns)
        return tuple(_row(reader.line_num, columns, cells) for cells in _bounded(reader) if any(cells))
    except csv.Error as error:
        raise SheetError([f"line {reader.line_num}: {error}"]) from None


def _bounded(rows: Iterable[list[str]]) -> Iterable[list[str]]:
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise SheetError([f"more than {MOST_ROWS} rows"])
        yield row


def _demand_columns(columns: list[str]) -> None:
    known = (*OWN, *(row.key for row in USER_FACTS))
    if unknown := [each for each in columns if each not in known]:
        raise SheetError([f"line 1: {shown(unknown[0])} is no column: {', '.join(known)}"])
    if "name" not in columns:
        raise SheetError(["line 1: there is no column name"])
    if len(set(columns)) < len(columns):
        raise SheetError(["line 1: a column stands twice"])


def _row(line: int, columns: list[str], cells: list[str]) -> Row:
    """Cells too many are kept under a name that no column has."""
    beyond = {"": "".join(cells[len(columns) :])}
    named = {
        column: cell if column == "password" else _unmarked(cell) for column, cell in zip(columns, cells, strict=False)
    }
    return Row(line, named.get("name", ""), named | beyond)


class Protect(Protocol):
    """`auth.users.UserFile.with_password`, once for each row."""

    def __call__(self, row: Row, user: LocalUser, password: Secret, *, mschap: bool) -> LocalUser: ...


@frozen
class Import:
    """`update`: users that are there are changed. `password`: makes one for a new user without; None: such a row is
    wrong."""

    rows: tuple[Row, ...]
    update: bool
    password: Callable[[str], Secret] | None = None

    def entries(self, lines: Lines, protect: Protect) -> tuple[LocalUser | LocalGroup, ...]:
        """What the file is given, of which `lines` is the text. Raises `SheetError` with all that is wrong."""
        faults = [(row.line, f"{shown(row.name)} stands in a line before") for row in _again(self.rows)]
        entries: list[LocalUser | LocalGroup] = []
        for row in self.rows:
            try:
                entries.append(self._entry(row, lines.entry(row.name), protect))
            except (FactError, UserError) as fault:
                faults.append((row.line, str(fault)))
        if faults:
            raise SheetError(f"line {line}: {told}" for line, told in sorted(faults))
        return tuple(entries)

    def _entry(
        self, row: Row, known: LocalUser | LocalGroup | Broken | None, protect: Protect
    ) -> LocalUser | LocalGroup:
        if row.get(""):
            raise FactError("it has more cells than the first line has columns")
        if isinstance(known, Broken):
            raise FactError(f"the line of {shown(row.name)} in the file is wrong: mend it first")
        if known is not None and not self.update:
            raise FactError(f"{shown(row.name)} exists already: --update changes who is there")
        if row.name.startswith(GROUP):
            return _group(row, known if isinstance(known, LocalGroup) else None)
        return self._user(row, known if isinstance(known, LocalUser) else None, protect)

    def _user(self, row: Row, known: LocalUser | None, protect: Protect) -> LocalUser:
        check_name(row.name)
        if known is None and row.get("totp") == YES:
            raise FactError(f"{shown(row.name)} is new, and totp has no key: export with --hashes, or empty the cell")
        user = known or LocalUser(row.name, "")
        user = replace(user, facts=_changed(user.facts, row, _rows_for(row)), flags=_flags(user, row))
        if row.get("hash") and row.get("password"):
            raise FactError("it has a password and a hash")
        if row.get("hash"):
            if not is_phc(row.get("hash")):
                raise FactError("the hash is no PHC text of Argon2id, $argon2id$v=19$m=...,t=...,p=...$salt$tag")
            sealed = user.facts.mschap if row.get("mschap") else ""
            return replace(user, hash=row.get("hash"), facts=replace(user.facts, mschap=sealed))
        password = Secret(row.get("password"))
        wanted = row.get("mschap") == YES or bool(user.facts.mschap)
        if not password and known is not None:
            if wanted and not user.facts.mschap:
                raise FactError("mschap needs the password, to make an NT hash of it")
            return user
        if not password and self.password is None:
            raise FactError(f"{shown(row.name)} is new, and has neither password nor hash: --generate makes one")
        if not password and self.password is not None:
            password = self.password(row.name)
        check_new_password(password)
        return protect(row, user, password, mschap=wanted)


def _again(rows: Iterable[Row]) -> list[Row]:
    """Those whose name an earlier one has."""
    first: dict[str, Row] = {}
    return [row for row in rows if first.setdefault(row.name, row) is not row]


def _rows_for(row: Row) -> tuple[Fact, ...]:
    """An export without secrets says who has a second factor, or an NT hash, and no more: that changes nothing of who
    is there."""
    told = {each for each in ("totp", "mschap") if row.get(each) == YES}
    kept = told | {"recovery"} if "totp" in told else told
    return tuple(each for each in USER_FACTS if each.key not in kept)


def _group(row: Row, known: LocalGroup | None) -> LocalGroup:
    columns = {each.key for each in GROUP_FACTS}
    if wrong := [column for column, cell in row.cells.items() if cell and column not in {"name", *columns}]:
        raise FactError(f"a group has no {wrong[0]}")
    group = known or LocalGroup(group_name(row.name.removeprefix(GROUP)))
    return replace(group, facts=_changed(group.facts, row, GROUP_FACTS))


def _changed(facts: Facts, row: Row, rows: Iterable[Fact]) -> Facts:
    for each in rows:
        if cell := row.get(each.key):
            facts = with_value(facts, each, "" if cell == NOTHING else cell)
    return facts


def _flags(user: LocalUser, row: Row) -> frozenset[str]:
    match row.get("locked").lower():
        case "":
            return user.flags
        case "yes" | "true" | "1":
            return user.flags | {LOCKED}
        case "no" | "false" | "0" | "-":
            return user.flags - {LOCKED}
    raise FactError(f"locked: {shown(row.get('locked'))} is neither {YES} nor {NO}")
