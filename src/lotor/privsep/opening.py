"""The verbs of sockets and of the TUN device: each answers with a descriptor, or with the error of the host."""

from __future__ import annotations

from enum import Enum

from lotor.model.frozen import frozen
from lotor.model.network import Address, Peer
from lotor.privsep.faults import MOST_FAULT, Fault
from lotor.privsep.verb import Verb

MOST_AT_ONCE = 8
"""Questions of each of these verbs: a program opens its sockets one after the other."""


class Version(Enum):
    """Of IP."""

    IPV4 = 4
    IPV6 = 6


@frozen
class Place:
    """Where a socket is wanted. `shared`: sockets of the daemon share the port at this moment."""

    local: Peer
    shared: bool


@frozen
class Source:
    """What datagrams leave from."""

    address: Address


@frozen
class Device:
    """A TUN device that was made."""

    name: str


OPEN_UDP: Verb[Place, Fault | None] = Verb(
    number=20,
    name="open a UDP socket",
    request=Place,
    answer=None | Fault,
    most_request=32,
    most_answer=MOST_FAULT,
    descriptors=1,
    most_asked=MOST_AT_ONCE,
)
OPEN_RAW_ESP: Verb[Version, Fault | None] = Verb(
    number=21,
    name="open a socket of native ESP",
    request=Version,
    answer=None | Fault,
    most_request=1,
    most_answer=MOST_FAULT,
    descriptors=1,
    most_asked=MOST_AT_ONCE,
)
SOURCE_TOWARDS: Verb[Peer, Source | Fault] = Verb(
    number=22,
    name="find the way to a peer",
    request=Peer,
    answer=Source | Fault,
    most_request=32,
    most_answer=MOST_FAULT,
    most_asked=MOST_AT_ONCE,
)
OPEN_TUNNEL: Verb[None, Device | Fault] = Verb(
    number=23,
    name="make a TUN device",
    request=type(None),
    answer=Device | Fault,
    most_request=0,
    most_answer=MOST_FAULT,
    descriptors=1,
    most_asked=1,
)
