"""The structs of XFRM's netlink messages as tables: names and formats of their fields, in the kernel's order.

Source: linux/xfrm.h, whose layouts never change. Most fields are in this host's order of octets; SPIs and ports are in
the network's.
"""

from __future__ import annotations

import errno
import struct
from enum import IntEnum
from typing import Any

NETLINK_XFRM = 6
"""The protocol of netlink."""
NETWORK_ORDER = {"!H": 2, "!I": 4}
"""Formats of numbers that are written as octets, and how many."""


class Message(IntEnum):
    """Types of messages (XFRM_MSG_)."""

    NEW_SA = 16
    DELETE_SA = 17
    GET_SA = 18
    NEW_POLICY = 19
    DELETE_POLICY = 20
    GET_POLICY = 21
    ACQUIRE = 23
    EXPIRE = 24
    UPDATE_POLICY = 25
    UPDATE_SA = 26
    FLUSH_SAS = 28
    FLUSH_POLICIES = 29
    MAPPING = 38


class Group(IntEnum):
    """What the kernel tells without being asked (XFRMNLGRP_)."""

    ACQUIRE = 1
    EXPIRE = 2
    SA = 3
    POLICY = 4
    MAPPING = 8


class Of(IntEnum):
    """Attributes (XFRMA_). `AUTHENTICATION` is the one with the number of bits that are sent (ALG_AUTH_TRUNC)."""

    CRYPT = 2
    COMP = 3
    ENCAPSULATION = 4
    TEMPLATES = 5
    SA = 6
    POLICY = 7
    AEAD = 18
    AUTHENTICATION = 20
    REPLAY_ESN = 23
    DEVICE = 28
    SET_MARK = 29
    SET_MARK_MASK = 30
    INTERFACE = 31


class Mode(IntEnum):
    """XFRM_MODE_."""

    TRANSPORT = 0
    TUNNEL = 1


ESP_IN_UDP = 2
"""UDP_ENCAP_ESPINUDP: the encapsulation of RFC 3948."""
ANY_INSIDE, ESN = 32, 128
"""Flags of an SA (XFRM_STATE_): packets of both IP versions inside of it (AF_UNSPEC), sequence numbers of 64 bits."""
NO_LIMIT = 2**64 - 1
"""Of octets and packets (XFRM_INF). Of seconds it is 0."""
INBOUND_DEVICE = 2
"""Flag of a device that does the cryptography of an inbound SA (XFRM_OFFLOAD_INBOUND)."""
ANY_ALGORITHMS = 0xFFFFFFFF
"""Of a template, which leaves the choice to its SA."""
LARGEST_WINDOW = 4096
"""Packets (XFRMA_REPLAY_ESN_MAX)."""


class Shape:
    """One struct. A format is one of the module `struct`, with the padding of the kernel, or "!H" and "!I"
    for numbers in the network's order of octets."""

    def __init__(self, **fields: str) -> None:
        self._fields = fields
        self._places = {name: (place, NETWORK_ORDER.get(each)) for place, (name, each) in enumerate(fields.items())}
        self._empty = [_empty(each) for each in fields.values()]
        self._struct = struct.Struct("=" + "".join(_native(each) for each in fields.values()))
        self.size = self._struct.size
        self.octets = f"{self.size}s"
        """The format of this struct inside of another one."""

    def write(self, **values: int | bytes) -> bytes:
        """What is not named is 0."""
        if not values.keys() <= self._fields.keys():
            raise TypeError(f"this struct has no {', '.join(values.keys() - self._fields.keys())}")
        packed = self._empty.copy()
        for name, value in values.items():
            place, octets = self._places[name]
            packed[place] = value if octets is None or isinstance(value, bytes) else value.to_bytes(octets)
        return self._struct.pack(*packed)

    def read(self, octets: bytes) -> dict[str, Any]:
        """By name: numbers, or octets for what is a struct, an address or text. `OSError` for what is too short."""
        if len(octets) < self.size:
            raise OSError(errno.EBADMSG, "the kernel's answer is cut short")
        values = zip(self._fields.items(), self._struct.unpack_from(octets), strict=True)
        return {name: int.from_bytes(value) if each in NETWORK_ORDER else value for (name, each), value in values}


def _native(each: str) -> str:
    return f"{NETWORK_ORDER[each]}s" if each in NETWORK_ORDER else each


def _empty(each: str) -> int | bytes:
    return b"" if "s" in _native(each) else 0


ADDRESS = "16s"
"""Of IPv4 the first four octets."""

SELECTOR = Shape(
    destination=ADDRESS,
    source=ADDRESS,
    destination_port="!H",
    destination_port_mask="!H",
    source_port="!H",
    source_port_mask="!H",
    family="H",
    destination_length="B",
    source_length="B",
    protocol="B3x",
    device="i",
    user="I",
)
"""`struct xfrm_selector`."""
ID = Shape(destination=ADDRESS, spi="!I", protocol="B3x")
"""`struct xfrm_id`."""
LIMITS = Shape(
    soft_octets="Q",
    hard_octets="Q",
    soft_packets="Q",
    hard_packets="Q",
    soft_seconds="Q",
    hard_seconds="Q",
    soft_use_seconds="Q",
    hard_use_seconds="Q",
)
"""`struct xfrm_lifetime_cfg`: seconds since it was made, and since its first use."""
LIVED = Shape(octets="Q", packets="Q", made="Q", used="Q")
"""`struct xfrm_lifetime_cur`: the instants in seconds since 1970."""
REFUSED = Shape(window="I", replayed="I", forged="I")
"""`struct xfrm_stats`."""
SA = Shape(
    selector=SELECTOR.octets,
    id=ID.octets,
    source=ADDRESS,
    limits=LIMITS.octets,
    lived=LIVED.octets,
    refused=REFUSED.octets,
    number="I",
    reqid="I",
    family="H",
    mode="B",
    window="B",
    flags="B7x",
)
"""`struct xfrm_usersa_info`."""
SA_ID = Shape(destination=ADDRESS, spi="!I", family="H", protocol="Bx")
"""`struct xfrm_usersa_id`."""
POLICY = Shape(
    selector=SELECTOR.octets,
    limits=LIMITS.octets,
    lived=LIVED.octets,
    priority="I",
    index="I",
    direction="B",
    action="B",
    flags="B",
    share="B4x",
)
"""`struct xfrm_userpolicy_info`."""
POLICY_ID = Shape(selector=SELECTOR.octets, index="I", direction="B3x")
"""`struct xfrm_userpolicy_id`: by its index, or by selector and direction where the index is 0."""
TEMPLATE = Shape(
    id=ID.octets,
    family="H2x",
    source=ADDRESS,
    reqid="I",
    mode="B",
    share="B",
    optional="Bx",
    authentications="I",
    ciphers="I",
    compressions="I",
)
"""`struct xfrm_user_tmpl`."""
ENCAPSULATION = Shape(kind="H", source_port="!H", destination_port="!H", original="2x16s")
"""`struct xfrm_encap_tmpl`."""
ALGORITHM = Shape(name="64s", bits="I")
"""`struct xfrm_algo`; the key follows, whose length this has."""
AUTHENTICATING = Shape(name="64s", bits="I", truncated="I")
"""`struct xfrm_algo_auth`: the second length is that of what is sent."""
AUTHENTICATED = Shape(name="64s", bits="I", tag="I")
"""`struct xfrm_algo_aead`."""
REPLAY_ESN = Shape(words="I", sent="I", received="I", sent_high="I", received_high="I", window="I")
"""`struct xfrm_replay_state_esn`; so many words of 32 bits follow, in which one bit stands for a packet."""
DEVICE = Shape(index="i", flags="B3x")
"""`struct xfrm_user_offload`."""
ACQUIRE = Shape(
    id=ID.octets,
    source=ADDRESS,
    selector=SELECTOR.octets,
    policy=POLICY.octets,
    authentications="I",
    ciphers="I",
    compressions="I",
    number="I",
)
"""`struct xfrm_user_acquire`: the SA that a packet waits for, and the policy that leads the packet there."""
EXPIRE = Shape(sa=SA.octets, hard="B7x")
"""`struct xfrm_user_expire`."""
MAPPING = Shape(
    id=SA_ID.octets,
    reqid="I",
    old_address=ADDRESS,
    new_address=ADDRESS,
    old_port="!H",
    new_port="!H",
)
"""`struct xfrm_user_mapping`: where the packets of the other end come from."""
