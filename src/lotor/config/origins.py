"""Each effective setting and where it comes from: a line of a file, a parent, or the default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from lotor.config.directive import Block, Directive, Use
from lotor.config.giving import SplitNetwork
from lotor.config.problem import NOWHERE, Location
from lotor.config.settings import Algorithm, FileName, FleetSettings, Places, RemoteSettings, SainfoSettings, Settings
from lotor.config.tables.apple import APPLE
from lotor.config.tables.general import LISTEN, PADDING, PRIVSEP, TIMER
from lotor.config.tables.mode_cfg import MODE_CFG
from lotor.config.tables.network import NETWORK
from lotor.config.tables.proposal import PROPOSAL
from lotor.config.tables.remote import REMOTE
from lotor.config.tables.root import PATH_ROWS, ROOT
from lotor.config.tables.sainfo import SAINFO
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

DEFAULT = "default"
READ_OVER = frozenset(row.key for row in APPLE)


@frozen
class Effective:
    """`block`: which one, empty outside of all braces. `origin`: FILE:LINE, the same behind `inherited from NAME, `, or
    `default`."""

    block: str
    directive: str
    value: str
    origin: str


def effective(settings: Settings) -> Iterator[Effective]:
    """Everything that counts, in the order of the tables."""
    paths = {f"path_{each.name}": getattr(settings.paths, each.name) for each in fields(settings.paths)}
    yield from _rows("", PATH_ROWS.values(), paths, settings.paths.places, settings.places)
    outside = {row.key: getattr(settings, row.key) for row in ROOT.rows if hasattr(settings, row.key)}
    outside |= {f"offload_{each.name}": getattr(settings.offloads, each.name) for each in fields(settings.offloads)}
    outside |= {"engine_wish": settings.engine.wish, "engine_offload": settings.engine.offload}
    if settings.fleet is not None:
        outside |= {"store": settings.fleet, "local_store": settings.store}
    others = [row for row in ROOT.rows if isinstance(row, Directive) and row not in PATH_ROWS.values()]
    yield from _rows("", others, outside, settings.places)
    for block, value in _blocks(settings):
        yield from _block(block.name, block, value)
    for remote in settings.remotes:
        yield from _remote(remote, settings.remotes)
    for sainfo in settings.sainfos:
        yield from _block(f"sainfo {_whom(sainfo)}", SAINFO, sainfo)


def _blocks(settings: Settings) -> Iterator[tuple[Block, Any]]:
    for block in (LISTEN, TIMER, PADDING, PRIVSEP, MODE_CFG, NETWORK):
        value = getattr(settings, block.key)
        if value is not None and (block.use in {Use.WORKS, Use.EXTENSION} or value.places.fields):
            yield block, value


def _remote(remote: RemoteSettings, every: Iterable[RemoteSettings]) -> Iterator[Effective]:
    heads = {each.name: each.places.head for each in every}
    yield from _block(f"remote {remote.name}", REMOTE, remote, lambda at: _owner(at, remote, heads))
    for number, proposal in enumerate(remote.proposals, 1):
        yield from _block(f"remote {remote.name} proposal {number}", PROPOSAL, proposal)


def _owner(at: Location, remote: RemoteSettings, heads: Mapping[str, Location]) -> str:
    """The parent in whose block a line stands; empty for an own line."""
    before = [(head.line, head.column, name) for name, head in heads.items() if head.path == at.path]
    found = max((each for each in before if each[:2] <= (at.line, at.column)), default=(0, 0, remote.name))[2]
    return "" if found == remote.name else f"inherited from {found}, "


def _block(name: str, block: Block, value: Any, owner: Any = lambda _: "") -> Iterator[Effective]:
    values = {each.name: getattr(value, each.name) for each in fields(value)}
    yield from _rows(name, block.rows, values, value.places, owner=owner)


def _rows(
    name: str, rows: Iterable[Any], values: Mapping[str, Any], *places: Places, owner: Any = lambda _: ""
) -> Iterator[Effective]:
    for row in rows:
        if not isinstance(row, Directive) or row.use is Use.REFUSED or row.key in READ_OVER or row.key not in values:
            continue
        at = next((found.fields[row.key] for found in places if row.key in found.fields), NOWHERE)
        if at is NOWHERE and row.use in {Use.NO_EFFECT, Use.LATER}:
            continue
        origin = DEFAULT if at is NOWHERE else f"{owner(at)}{at.path}:{at.line}"
        shown = row.default_text or text(values[row.key]) if at is NOWHERE else text(values[row.key])
        yield Effective(name, row.name, "(secret)" if row.secret and not row.tells else shown, origin)


def text(value: Any) -> str:
    """A value as a person would write it."""
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return ", ".join(map(text, value))
    found = next((show(value) for kind, show in SHOWN.items() if isinstance(value, kind)), None)
    if found is None and is_dataclass(value):
        parts = [getattr(value, each.name) for each in fields(value) if each.repr and each.name not in {"at", "places"}]
        return " ".join(text(part) for part in parts if part is not None)
    return str(value) if found is None else found


SHOWN: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "on" if value else "off",
    Secret: lambda _: "(secret)",
    Enum: lambda value: text(value.name.lower() if isinstance(value.value, int) else value.value),
    FileName: lambda value: str(value.path),
    FleetSettings: lambda value: value.shown,
    SplitNetwork: lambda value: f"{'local_lan' if value.local else 'include'} {text(value.networks)}",
    Algorithm: lambda value: f"{value.name} {value.key_bits}" if value.key_bits else value.name,
}


def _whom(sainfo: SainfoSettings) -> str:
    """As its head says it."""
    remote = "clientaddr" if sainfo.client_address else sainfo.remote.text if sainfo.remote else ""
    local = sainfo.local.text if sainfo.local else "anonymous"
    more = [
        f"from {sainfo.only_from.text}" if sainfo.only_from else "",
        f"group {sainfo.group}" if sainfo.group else "",
    ]
    return " ".join(part for part in (local, remote, *more) if part)
