"""Inheritance of `remote` blocks: what a block takes from its parents, and what none may miss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lotor.config.interpret import Body, Interpreter, finished
from lotor.config.problem import Location
from lotor.config.settings import Places, RemoteSettings
from lotor.config.words import Reading, suggestion
from lotor.model.frozen import frozen

OWN = frozenset({"remote_address"})
"""What is never inherited."""
OF_IKEV1 = frozenset({"exchange_mode", "proposals"})
MOST_PARENTS = 32
"""One above the other: each block costs a look at all that are above it."""


@frozen
class Heir:
    """A block and those that it inherits from, the nearest first."""

    body: Body
    line: list[Body]

    def settings(self) -> RemoteSettings:
        """The settings, only when nothing was wrong with any of the blocks."""
        return _merged(self.body, self.line)


def heirs(written: Sequence[Body], interpreter: Interpreter, reading: Reading) -> list[Heir]:
    """The blocks with their parents. Problems of the inheritance are reported."""
    named = _by_name(written, reading)
    found = [Heir(body, _line(body, named, reading)) for body in written]
    for heir in found:
        _own_address(heir.body, reading)
        interpreter.require(heir.body, frozenset(key for parent in heir.line for key in parent.tried) | _needless(heir))
    return found


def _needless(heir: Heir) -> frozenset[str]:
    """What a block without IKEv1 may leave out."""
    said = next((each.values["ike_version"] for each in (heir.body, *heir.line) if "ike_version" in each.values), None)
    return frozenset() if said is None or 1 in said else OF_IKEV1


def _by_name(written: Sequence[Body], reading: Reading) -> dict[str, Body]:
    named: dict[str, Body] = {}
    for body in written:
        name = body.header.get("name", "")
        first = named.setdefault(name, body)
        if first is not body and name:
            text = f"remote {name} is given twice: the first is at {first.head}, take one of them out"
            reading.wrong(body.head, text)
    return named


def _line(body: Body, named: dict[str, Body], reading: Reading) -> list[Body]:
    """The parent, its parent and so on."""
    line: list[Body] = []
    heir = body.header.get("name", "")
    while "inherit" in body.header:
        name, at = body.header["inherit"]
        parent = named.get(name)
        if parent is None:
            near = "" if reading.full else suggestion(name, (known for known in named if known))
            reading.wrong(at, f'there is no remote "{name}" to inherit from{near}')
            return line
        if any(each is parent for each in (body, *line)):
            reading.wrong(at, f'remote "{name}" would inherit from itself')
            return line
        if len(line) == MOST_PARENTS:
            text = f'remote "{heir}" inherits from more than {MOST_PARENTS} others, one above the other'
            reading.wrong(at, text)
            return line
        line.append(parent)
        body = parent
    return line


def _own_address(body: Body, reading: Reading) -> None:
    if "remote_address" in body.values and not body.header.get("named", True):
        at = body.places["remote_address"]
        reading.wrong(at, 'remote_address belongs into a remote that is called by a name, like remote "office" { … }')


def _merged(body: Body, line: Sequence[Body]) -> RemoteSettings:
    values: dict[str, Any] = {}
    places: dict[str, Location] = {}
    for ancestor in reversed(line):
        values |= {key: value for key, value in ancestor.values.items() if key not in OWN}
        places |= ancestor.places
    values |= body.values
    places |= body.places
    settings: RemoteSettings = body.block.complete(body.header, finished(values), Places(body.head, places))
    return settings
