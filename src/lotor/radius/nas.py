"""What a server hears of this gateway as a NAS, the same with a login as with the records of its session."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from lotor.model.network import Address
from lotor.model.text import clean
from lotor.ports.accounting import port_of
from lotor.radius import numbers
from lotor.radius.numbers import Attribute
from lotor.radius.packets import number, text
from lotor.radius.structure import LONGEST_VALUE

Pair = tuple[int, bytes]
WORD = 2**32
LONGEST_NAME = 64
"""Characters, of `nas_identifier` as of a host."""
CONNECT_INFO = "lotor IKEv1 XAUTH"
CONNECT_INFO_EAP = "lotor IKEv2 EAP"


def nas_name(name: str) -> str:
    """NAS-Identifier, whole characters that have room; `name` empty: that of this host."""
    told = clean(name or socket.gethostname() or "lotor", longest=LONGEST_NAME)
    return told.encode()[:LONGEST_VALUE].decode(errors="ignore")


def service() -> Iterator[Pair]:
    """What a person comes for."""
    yield number(Attribute.SERVICE_TYPE, numbers.SERVICE_FRAMED)
    yield number(Attribute.FRAMED_PROTOCOL, numbers.PROTOCOL_PPP)


def stations(client: Address, gateway: Address | None, ike: int) -> Iterator[Pair]:
    """The outer addresses, and by which version of IKE the client came."""
    yield text(Attribute.CALLING_STATION_ID, str(client))
    if gateway is not None and not gateway.is_unspecified:
        yield text(Attribute.CALLED_STATION_ID, str(gateway))
    yield text(Attribute.CONNECT_INFO, CONNECT_INFO_EAP if ike == 2 else CONNECT_INFO)


def port(account: str) -> Pair:
    """NAS-Port: the number of the session behind the id of its account."""
    return number(Attribute.NAS_PORT, port_of(account))
