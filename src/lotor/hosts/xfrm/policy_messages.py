"""What the kernel tells of policies, and of packets that wait for their SAs, as values: lotor's, and those of other
programs that lead packets out by ESP."""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from lotor.hosts.rtnetlink import attributes_in
from lotor.hosts.rtnetlink import number as read_number
from lotor.hosts.xfrm import messages, shapes
from lotor.hosts.xfrm.entries import (
    OWN_LABEL,
    Direction,
    PoliciesLost,
    Policy,
    PolicyGone,
    PolicyId,
    PolicySet,
    Protocol,
    Told,
    Wanted,
)
from lotor.hosts.xfrm.shapes import Message, Mode, Of
from lotor.model.network import Network

ALLOW = 0
"""XFRM_POLICY_ALLOW, with templates: by ESP."""
_NETWORKS: dict[int, type[IPv4Network | IPv6Network]] = {socket.AF_INET: IPv4Network, socket.AF_INET6: IPv6Network}
_DIRECTIONS = frozenset(Direction)
_REMEMBERED = 1024
_OCTETS: dict[int, int] = {socket.AF_INET: 4, socket.AF_INET6: 16}


def read_told(kind: int, body: bytes) -> Told | None:
    """None for what is nothing to lotor."""
    match kind:
        case Message.NEW_POLICY | Message.UPDATE_POLICY:
            return _set(body)
        case Message.DELETE_POLICY:
            return _gone(attributes_in(body[shapes.POLICY_ID.size :]))
        case Message.FLUSH_POLICIES:
            return PoliciesLost()
        case Message.ACQUIRE:
            fields = shapes.ACQUIRE.read(body)
            policy = _policy(fields["policy"], attributes_in(body[shapes.ACQUIRE.size :]))
            return Wanted(policy) if policy is not None else None
    return messages.read_told(kind, body)


def read_policy(body: bytes) -> Policy | None:
    """One of lotor's. Of other programs: one that leads packets out through one SA of ESP, a tunnel; None for all
    else."""
    return _policy(body, attributes_in(body[shapes.POLICY.size :]))


def _set(body: bytes) -> Told | None:
    attributes = attributes_in(body[shapes.POLICY.size :])
    if (policy := _policy(body, attributes)) is not None:
        return PolicySet(policy) if policy.foreign else None
    return _gone(attributes | {Of.POLICY: body})


def _gone(attributes: dict[int, bytes]) -> PolicyGone | None:
    told = attributes.get(Of.POLICY, b"")
    selector = _selector(shapes.POLICY.read(told), attributes) if told else None
    return PolicyGone(selector) if selector is not None else None


def _policy(body: bytes, attributes: dict[int, bytes]) -> Policy | None:
    about, template = shapes.POLICY.read(body), attributes.get(Of.TEMPLATES, b"")
    selector = _selector(about, attributes)
    if selector is None or len(template) < shapes.TEMPLATE.size:
        return None
    direction, source, destination, interface, foreign = selector
    fields = shapes.TEMPLATE.read(template)
    named = shapes.ID.read(fields["id"])
    if foreign and not (_is_tunnel(fields, named, template) and about["action"] == ALLOW):
        return None
    return Policy(
        direction,
        source,
        destination,
        messages.address(fields["source"], fields["family"]),
        messages.address(named["destination"], fields["family"]),
        fields["reqid"],
        named["spi"],
        named["protocol"] == Protocol.IPCOMP,
        interface,
        about["priority"],
        foreign,
    )


def _is_tunnel(fields: dict[str, Any], named: dict[str, Any], templates: bytes) -> bool:
    """One template, of ESP in tunnel mode, that must be there."""
    is_esp = named["protocol"] == Protocol.ESP and fields["mode"] == Mode.TUNNEL and fields["family"] in _NETWORKS
    return is_esp and len(templates) == shapes.TEMPLATE.size and not fields["optional"]


def _selector(fields: dict[str, Any], attributes: dict[int, bytes]) -> PolicyId | None:
    """None for that of a socket, and for what another program leads in or through."""
    direction, selector = fields["direction"], shapes.SELECTOR.read(fields["selector"])
    own = selector["user"] == OWN_LABEL
    if direction not in _DIRECTIONS or not (own or direction == Direction.OUT):
        return None
    version = selector["family"]
    source = _network(version, selector["source"], selector["source_length"])
    destination = _network(version, selector["destination"], selector["destination_length"])
    if source is None or destination is None:
        return None
    return Direction(direction), source, destination, read_number(attributes.get(Of.INTERFACE, b"")), not own


@lru_cache(_REMEMBERED)
def _network(version: int, octets: bytes, length: int) -> Network | None:
    """Bits of a host are nobody's. Three policies have the same two, and many one of them."""
    if version not in _NETWORKS or length > 8 * _OCTETS[version]:
        return None
    made: Network = _NETWORKS[version]((octets[: _OCTETS[version]], length), strict=False)
    return made
