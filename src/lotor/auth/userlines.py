"""The text of the file of lotor's own users: `name:hash:flags` or `name:hash:flags:facts` for a user, `@name:facts` for
a group. A line that is wrong costs those whom it names, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace

from lotor.auth.facts import GROUP_FACTS, NO_FACTS, USER_FACTS, FactError, Facts, group_name, read, written
from lotor.model.frozen import frozen

LOCKED = "locked"
HEADER = "# lotor's users: name:hash:flags:facts - written by `lotor user`\n"
GROUP = "@"


@frozen
class LocalUser:
    """`hash` is PHC text of Argon2id."""

    name: str
    hash: str = field(repr=False)
    flags: frozenset[str] = frozenset()
    facts: Facts = NO_FACTS

    @property
    def locked(self) -> bool:
        return LOCKED in self.flags

    def line(self) -> str:
        facts = written(self.facts, USER_FACTS)
        return f"{self.name}:{self.hash}:{','.join(sorted(self.flags))}{':' if facts else ''}{facts}\n"


@frozen
class LocalGroup:
    name: str
    facts: Facts = NO_FACTS

    def line(self) -> str:
        return f"{GROUP}{self.name}:{written(self.facts, GROUP_FACTS)}\n"


@frozen
class Broken:
    """A line whose owner is known (`name`, with GROUP in front for a group's), and not what it says. `user`: as much of
    a user as could be read."""

    name: str
    what: str
    user: LocalUser | None = None


Entry = LocalUser | LocalGroup | Broken


def parse(line: str) -> LocalUser | None:
    """A user's line of the file; None when it is of another form."""
    entry = entry_of(line)
    return entry if isinstance(entry, LocalUser) else None


def entry_of(line: str) -> Entry | None:
    """What a line says; None where nothing is to be said, for a comment and a line without a word."""
    text = line.rstrip("\n")
    if not text.strip() or text.startswith("#"):
        return None
    if text.startswith(GROUP):
        return _group(text.removeprefix(GROUP))
    parts = text.split(":", 3)
    if len(parts) < 3 or not parts[0]:
        return Broken(parts[0], "it is not of the form name:hash:flags or name:hash:flags:facts")
    user = LocalUser(parts[0], parts[1], frozenset(filter(None, parts[2].split(","))))
    try:
        return replace(user, facts=read(parts[3], USER_FACTS)) if len(parts) == 4 else user
    except FactError as fault:
        return Broken(user.name, str(fault), user)


def _group(text: str) -> LocalGroup | Broken:
    name, _, facts = text.partition(":")
    try:
        return LocalGroup(group_name(name), read(facts, GROUP_FACTS))
    except FactError as fault:
        return Broken(GROUP + name, str(fault))


@frozen
class Fault:
    """Line `number` of the file is wrong, which `who` it names has to bear."""

    number: int
    who: str
    what: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.what}"


class Lines:
    """The lines of one text, to be looked up and changed. Of several lines of one name the last one counts."""

    def __init__(self, text: str) -> None:
        self._lines = text.removesuffix("\n").split("\n") if text else [HEADER.rstrip("\n")]
        self._entries = list(map(entry_of, self._lines))
        self._places = self._index()

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)

    def entry(self, name: str) -> Entry | None:
        """A user by the name, a group by the name with GROUP in front."""
        place = self._places.get(name)
        return self._entries[place] if place is not None else None

    def entries(self) -> Iterator[Entry]:
        """One for each name."""
        return (entry for place in self._places.values() if (entry := self._entries[place]) is not None)

    def faults(self) -> tuple[Fault, ...]:
        return tuple(
            Fault(place + 1, entry.name, entry.what)
            for place, entry in enumerate(self._entries)
            if isinstance(entry, Broken)
        )

    def put(self, entry: LocalUser | LocalGroup) -> None:
        """In the place of the line of that name, else at the end."""
        place = self._places.setdefault(_key(entry), len(self._lines))
        if place == len(self._lines):
            self._lines.append("")
            self._entries.append(None)
        self._lines[place], self._entries[place] = entry.line().rstrip("\n"), entry

    def drop(self, name: str) -> None:
        """All lines of that name."""
        for place in reversed(range(len(self._lines))):
            entry = self._entries[place]
            if entry is not None and _key(entry) == name:
                del self._lines[place], self._entries[place]
        self._places = self._index()

    def _index(self) -> dict[str, int]:
        return {_key(entry): place for place, entry in enumerate(self._entries) if entry is not None}


def _key(entry: Entry) -> str:
    return GROUP + entry.name if isinstance(entry, LocalGroup) else entry.name
