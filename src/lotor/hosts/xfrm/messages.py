"""The kernel's SAs and policies as the octets of XFRM's netlink messages, and what the kernel tells as values."""

from __future__ import annotations

import math
import socket
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from lotor.hosts.rtnetlink import attributes_in, u32, written
from lotor.hosts.rtnetlink import number as read_number
from lotor.hosts.xfrm import shapes
from lotor.hosts.xfrm.entries import (
    OWN_LABEL,
    OWN_REQIDS,
    CompSa,
    Direction,
    Overrun,
    Policy,
    Protocol,
    Sa,
    SaExpired,
    SaId,
    SaMapped,
    SaTaken,
    State,
    Told,
)
from lotor.hosts.xfrm.shapes import Message, Mode, Of
from lotor.hosts.xfrm.suites import algorithms, compression
from lotor.model.child import Encapsulation
from lotor.model.network import Address, Network, Peer

LAST_SEQUENCE = 2**32 - 1
"""Without ESN: the kernel sends nothing after it."""
SMALL_SEGMENT = 512
"""Octets: a piece of TCP that the kernel hands to ESP whole counts as one packet, but has a number for each segment."""
SOFT_SHARE = 16
"""The last of so many parts of the sequence numbers is left for a new SA to be agreed on, as in the other engine."""


def family(address: Address | Network) -> int:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def sa(entry: Sa | CompSa, index: int = 0) -> bytes:
    """The body that makes or updates an SA. `index`: of the network device that does the cryptography, 0 for none."""
    return _comp_sa(entry) if isinstance(entry, CompSa) else _esp_sa(entry, index)


def _esp_sa(entry: Sa, index: int) -> bytes:
    mode = Mode.TUNNEL if entry.tunnel else Mode.TRANSPORT
    flags = shapes.ESN if entry.esn else 0
    head = _head(entry, entry.source.address, mode, flags)
    attributes = algorithms(entry.suite, entry.keys) | _encapsulation(entry) | {Of.REPLAY_ESN: _replay(entry)}
    return head + written(attributes | _device(entry, index) | _mark(_marked(entry)) | _interface(entry.interface))


def _comp_sa(entry: CompSa) -> bytes:
    head = _head(entry, entry.source, Mode.TUNNEL)
    return head + written(compression(entry.algorithm) | _mark(entry.mark) | _interface(entry.interface))


def _head(entry: Sa | CompSa, source: Address, mode: Mode, flags: int = 0) -> bytes:
    """In a tunnel both IP versions are carried."""
    return shapes.SA.write(
        id=_id(entry.id),
        source=source.packed,
        limits=_limits(entry if isinstance(entry, Sa) else None),
        number=OWN_LABEL if isinstance(entry, Sa) and entry.led else 0,
        reqid=entry.reqid,
        family=family(source),
        mode=mode,
        flags=flags | (shapes.ANY_INSIDE if mode is Mode.TUNNEL else 0),
    )


def _id(named: SaId) -> bytes:
    return shapes.ID.write(destination=named.destination.packed, spi=named.spi, protocol=named.protocol)


def _limits(entry: Sa | None) -> bytes:
    """Of an SA; of a policy or an IPComp SA, which has none. So many octets as small segments would have end it softly
    before its sequence numbers end, too."""
    if entry is None:
        return _ENDLESS
    life = entry.lifetime
    soft, hard = _packets(entry)
    return shapes.LIMITS.write(
        soft_octets=min(_most(life.soft_octets), soft * SMALL_SEGMENT),
        hard_octets=_most(life.hard_octets),
        soft_packets=soft,
        hard_packets=hard,
        soft_seconds=_seconds(life.soft_seconds),
        hard_seconds=_seconds(life.hard_seconds),
    )


_ENDLESS = shapes.LIMITS.write(
    **dict.fromkeys(("soft_octets", "hard_octets", "soft_packets", "hard_packets"), shapes.NO_LIMIT)
)


def _packets(entry: Sa) -> tuple[int, int]:
    """Soft and hard: without ESN an SA that sends is replaced before its sequence numbers end."""
    if entry.esn or not entry.outbound:
        return shapes.NO_LIMIT, shapes.NO_LIMIT
    left = LAST_SEQUENCE - entry.sequence
    return max(1, left - LAST_SEQUENCE // SOFT_SHARE), max(1, left)


def _most(octets: int | None) -> int:
    return shapes.NO_LIMIT if octets is None else max(1, octets)


def _seconds(seconds: float | None) -> int:
    """At least one: 0 would be no limit."""
    return 0 if seconds is None else max(1, math.ceil(seconds))


def _encapsulation(entry: Sa) -> dict[int, bytes]:
    if entry.encapsulation is Encapsulation.NONE:
        return {}
    ports = {"source_port": entry.source.port, "destination_port": entry.destination.port}
    return {Of.ENCAPSULATION: shapes.ENCAPSULATION.write(kind=shapes.ESP_IN_UDP, **ports)}


def _replay(entry: Sa) -> bytes:
    """Every SA has the newer form: it holds any window, and where to go on counting. With ESN the kernel wants a window
    of an SA that sends, too."""
    window = min(entry.replay_window, shapes.LARGEST_WINDOW) or int(entry.esn)
    words = max(1, -(-window // 32))
    sent, received = ((each & 0xFFFFFFFF, each >> 32) for each in (entry.sequence, entry.received))
    low, high = {"sent": sent[0], "received": received[0]}, {"sent_high": sent[1], "received_high": received[1]}
    return shapes.REPLAY_ESN.write(words=words, window=window, **low, **high) + _seen(entry, words)


def _seen(entry: Sa, words: int) -> bytes:
    """Nothing for an SA that received nothing. A window of another size tells nothing: then all up to `received` are
    taken as seen."""
    if not entry.received:
        return b""
    return entry.window if len(entry.window) == 4 * words else b"\xff" * 4 * words


def _device(entry: Sa, index: int) -> dict[int, bytes]:
    flags = 0 if entry.outbound else shapes.INBOUND_DEVICE
    return {Of.DEVICE: shapes.DEVICE.write(index=index, flags=flags)} if index else {}


def _marked(entry: Sa) -> int:
    """Of an SA that receives, the kernel would mark what was inside."""
    return entry.mark if entry.outbound else 0


def _mark(mark: int) -> dict[int, bytes]:
    return {Of.SET_MARK: u32(mark), Of.SET_MARK_MASK: u32(0xFFFFFFFF)} if mark else {}


def _interface(number: int) -> dict[int, bytes]:
    return {Of.INTERFACE: u32(number)} if number else {}


def sa_id(named: SaId) -> bytes:
    """The body that asks for an SA, or for its removal."""
    destination = named.destination
    return shapes.SA_ID.write(
        destination=destination.packed, spi=named.spi, family=family(destination), protocol=named.protocol
    )


def policy(entry: Policy) -> bytes:
    """The body that makes or updates a policy."""
    head = shapes.POLICY.write(
        selector=_selector(entry), limits=_limits(None), priority=entry.priority, direction=entry.direction
    )
    return head + written({Of.TEMPLATES: _templates(entry)} | _interface(entry.interface))


def policy_id(entry: Policy, index: int = 0) -> bytes:
    """The body that asks for a policy, or for its removal: by its selector, or by the kernel's index."""
    head = shapes.POLICY_ID.write(selector=_selector(entry), index=index, direction=entry.direction)
    return head + written(_interface(entry.interface))


def _selector(entry: Policy) -> bytes:
    """The label is in a field that the kernel keeps, tells, and does not look at when it compares packets."""
    return shapes.SELECTOR.write(
        source=entry.source.network_address.packed,
        source_length=entry.source.prefixlen,
        destination=entry.destination.network_address.packed,
        destination_length=entry.destination.prefixlen,
        family=family(entry.source),
        user=0 if entry.foreign else OWN_LABEL,
    )


def _templates(entry: Policy) -> bytes:
    """With IPComp it has the tunnel, and ESP goes around it in transport mode. What did not become smaller comes
    without it (RFC 3173 §2.2), but nothing leaves without its SA."""
    if not entry.comp:
        return _template(entry, Protocol.ESP, Mode.TUNNEL)
    optional = entry.direction is not Direction.OUT
    comp = _template(entry, Protocol.IPCOMP, Mode.TUNNEL, optional=optional)
    return comp + _template(entry, Protocol.ESP, Mode.TRANSPORT)


def _template(entry: Policy, protocol: Protocol, mode: Mode, *, optional: bool = False) -> bytes:
    source, destination = entry.tunnel_source.packed, entry.tunnel_destination.packed
    ends = (source, destination) if mode is Mode.TUNNEL else (b"", b"")
    spi = entry.spi if protocol is Protocol.ESP else 0
    return shapes.TEMPLATE.write(
        id=shapes.ID.write(destination=ends[1], spi=spi, protocol=protocol),
        family=family(entry.tunnel_source),
        source=ends[0],
        reqid=entry.reqid,
        mode=mode,
        optional=optional,
        authentications=shapes.ANY_ALGORITHMS,
        ciphers=shapes.ANY_ALGORITHMS,
        compressions=shapes.ANY_ALGORITHMS,
    )


def read_state(body: bytes) -> State | None:
    """Of an SA of lotor's that is whole. None for one of others, and for one that the kernel waits for."""
    return None if awaited(body) else _state(body)


def awaited(body: bytes) -> bool:
    """Whether the kernel only waits for the SA, since a packet needs it and some program listens to that: it has no
    algorithm."""
    return not {Of.CRYPT, Of.AEAD, Of.COMP, Of.AUTHENTICATION} & attributes_in(body[shapes.SA.size :]).keys()


def holds_place(body: bytes, reqid: int) -> bool:
    """Whether the kernel only waits for an SA of this number. Another program that reserves an SPI has such a place,
    too, with a number of its own."""
    return bool(shapes.SA.read(body)["reqid"] == reqid) and awaited(body)


def waits_for(body: bytes) -> SaId | None:
    """The SA of lotor's that the kernel only waits for, by a policy that names its number."""
    fields = shapes.SA.read(body)
    named = shapes.ID.read(fields["id"])
    ours = fields["reqid"] in OWN_REQIDS and named["spi"] and named["protocol"] in set(Protocol)
    return _read_id(named, fields["family"]) if ours and awaited(body) else None


def _state(body: bytes) -> State | None:
    fields = shapes.SA.read(body)
    named = shapes.ID.read(fields["id"])
    ours = fields["reqid"] in OWN_REQIDS or fields["number"] == OWN_LABEL
    if not ours or not named["spi"] or named["protocol"] not in set(Protocol):
        return None
    lived, refused = shapes.LIVED.read(fields["lived"]), shapes.REFUSED.read(fields["refused"])
    sent, received, window = _replayed(attributes_in(body[shapes.SA.size :]))
    return State(
        _read_id(named, fields["family"]),
        fields["reqid"],
        octets=lived["octets"],
        packets=lived["packets"],
        replayed=refused["window"] + refused["replayed"],
        forged=refused["forged"],
        sent=sent,
        received=received,
        window=window,
    )


def _replayed(attributes: dict[int, bytes]) -> tuple[int, int, bytes]:
    """The highest numbers that were sent and received, and which of the latter; 0 where the kernel does not say."""
    told = attributes.get(Of.REPLAY_ESN)
    if told is None:
        return 0, 0, b""
    fields, seen = shapes.REPLAY_ESN.read(told), told[shapes.REPLAY_ESN.size :]
    sent = fields["sent_high"] << 32 | fields["sent"]
    return sent, fields["received_high"] << 32 | fields["received"], seen


def _read_id(named: dict[str, Any], version: int) -> SaId:
    return SaId(address(named["destination"], version), named["spi"], Protocol(named["protocol"]))


def address(octets: bytes, version: int) -> Address:
    return IPv4Address(octets[:4]) if version == socket.AF_INET else IPv6Address(octets)


def removal(body: bytes) -> bytes | None:
    """Of a policy of lotor's: the body that asks for its removal, and of no other one. None for one of others."""
    fields, attributes = shapes.POLICY.read(body), attributes_in(body[shapes.POLICY.size :])
    if shapes.SELECTOR.read(fields["selector"])["user"] != OWN_LABEL:
        return None
    number = read_number(attributes.get(Of.INTERFACE, b""))
    named = {name: fields[name] for name in ("selector", "index", "direction")}
    return shapes.POLICY_ID.write(**named) + written(_interface(number))


def read_told(kind: int, body: bytes) -> Told | None:
    """None for what is not of lotor's SAs, and for what only says that one was made. Of a peer that moved any SA is
    told: the kernel says no label there."""
    match kind:
        case Message.EXPIRE:
            fields = shapes.EXPIRE.read(body)
            expired = _state(fields["sa"])
            return SaExpired(expired, hard=bool(fields["hard"])) if expired is not None else None
        case Message.DELETE_SA:
            told = attributes_in(body[shapes.SA_ID.size :]).get(Of.SA)
            taken = _state(told) if told is not None else None
            return SaTaken(taken) if taken is not None else None
        case Message.FLUSH_SAS:
            return Overrun()
        case Message.MAPPING:
            return _mapped(body)
    return None


def _mapped(body: bytes) -> SaMapped | None:
    fields = shapes.MAPPING.read(body)
    named = shapes.SA_ID.read(fields["id"])
    if named["protocol"] not in set(Protocol):
        return None
    remote = address(fields["new_address"], named["family"])
    return SaMapped(_read_id(named, named["family"]), Peer(remote, fields["new_port"]))
