"""What programs read of an event beside its line: each type of a declared field has one row here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from lotor.ike.events import Event
from lotor.model.child import Child
from lotor.model.configuration import ModeConfiguration
from lotor.model.entry import Entry, Value, field
from lotor.model.grants import Grants
from lotor.model.network import Path, Peer
from lotor.model.reason import Reason

PEER = ("source", "port")


class Row(NamedTuple):
    """What becomes of a declared field: under which names, and the values for them; None for what there is not."""

    names: Callable[[str], tuple[str, ...]]
    values: Callable[[Any], tuple[object, ...]]


def entry(event: Event, known: Mapping[str, Value]) -> Entry:
    """`known` of its session, where the event does not say it itself."""
    session = {"session": event.session} if event.session else {}
    return Entry(event.public_name(), {**session, **known, **dict(_own(event))})


def names(kind: type[Event]) -> tuple[str, ...]:
    """The fields that an event of that class may have beside those of its session."""
    found = (each for name, declared in _declared(kind) for each in _row(name, declared).names(name))
    return tuple(dict.fromkeys(found))


def _own(event: Event) -> Iterator[tuple[str, Value]]:
    for name, declared in _declared(type(event)):
        row = _row(name, declared)
        for each, value in zip(row.names(name), row.values(getattr(event, name)), strict=True):
            if value is not None:
                yield each, field(value)


def _declared(kind: type[Event]) -> Iterator[tuple[str, str]]:
    """What is called NAME_ stands in the line already, as a whole."""
    return ((name, type_) for name, type_ in kind.declared.items() if name != "session" and not name.endswith("_"))


def _row(name: str, declared: str) -> Row:
    return ENDS if name == "path" else ROWS[declared]


def _ends(path: Path) -> tuple[object, ...]:
    return (*_peer(path.remote), path.local)


def _peer(peer: Peer) -> tuple[object, ...]:
    return peer.address, peer.port


def _reason(reason: Reason) -> tuple[object, ...]:
    return reason.kind.value, reason.text


def _verdict(verdict: str | Reason) -> tuple[object, ...]:
    return (None, *_reason(verdict)) if isinstance(verdict, Reason) else (verdict, None, None)


def _grants(grants: Grants) -> tuple[object, ...]:
    return (",".join(sorted(grants.groups)) or None,)


def _given(configuration: ModeConfiguration) -> tuple[object, ...]:
    return (",".join(map(str, configuration.addresses)),)


def _child(child: Child) -> tuple[object, ...]:
    """Its keys are nobody's business."""
    return child.id, f"{child.inbound.spi:#010x}", f"{child.outbound.spi:#010x}"


AS_IT_IS = Row(lambda name: (name,), lambda value: (value,))
NOT_AT_ALL = Row(lambda _: (), lambda _: ())
ENDS = Row(lambda _: (*PEER, "local"), _ends)
ROWS: dict[str, Row] = {
    **dict.fromkeys(("str", "str | None", "bool", "int", "int | None", "Address | None", "Names"), AS_IT_IS),
    **dict.fromkeys(("IkeSuite | Ike2Suite", "EspSuite"), AS_IT_IS),
    "float": Row(AS_IT_IS.names, lambda seconds: (round(seconds, 6),)),
    "float | None": NOT_AT_ALL,  # a reading of the core's clock tells nobody anything
    "Side": Row(AS_IT_IS.names, lambda side: (side.value,)),
    "Path": Row(AS_IT_IS.names, lambda path: (path.remote,)),
    "Peer": Row(lambda _: PEER, _peer),
    "Reason": Row(lambda _: ("reason", "why"), _reason),
    "str | Reason": Row(lambda name: (name, "reason", "why"), _verdict),
    "Grants": Row(lambda _: ("groups",), _grants),
    "ModeConfiguration": Row(lambda _: ("inside",), _given),
    "Child": Row(lambda name: (name, "spi_in", "spi_out"), _child),
    "tuple[int, ...]": Row(AS_IT_IS.names, lambda numbers: (",".join(map(str, numbers)),)),
}
"""By the declared type."""
