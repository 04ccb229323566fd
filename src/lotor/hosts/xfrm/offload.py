"""Whether a network device does the cryptography of ESP: what `ethtool -k` says of it (esp-hw-offload).

The kernel itself is silent where it does not: an SA that names such a device is made without it.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

FEATURE = "esp-hw-offload"
SIOCETHTOOL = 0x8946
COUNT, NAMES, STATES = 0x37, 0x1B, 0x3A
"""Commands (ETHTOOL_GSSET_INFO, GSTRINGS, GFEATURES)."""
FEATURES = 4
"""The set of names that features have (ETH_SS_FEATURES)."""
NAME = 32
"""Octets of one (ETH_GSTRING_LEN)."""
MOST_FEATURES = 4096
_REQUEST = struct.Struct("16sP16x")
"""`struct ifreq`: a device, and where the command is."""
_COUNT = struct.Struct("=IIQI")
"""`struct ethtool_sset_info`: command, -, sets, the length of the one that there is."""
_NAMES = struct.Struct("=III")
"""`struct ethtool_gstrings`: command, set, length; the names follow."""
_STATES = struct.Struct("=II")
"""`struct ethtool_gfeatures`: command, blocks; of each block of 32 features, as bits: those that can change, that are
wanted, that are on, and that never change."""
_BLOCK = struct.Struct("=IIII")


def hindrance(device: str) -> str:
    """Why ESP gets nothing from this device of this network namespace, in words; empty where it does, and where the
    kernel does not tell."""
    try:
        with _asking(device) as asked:
            return _judged(device, asked.state())
    except OSError as error:
        return f"there is no network device {device}" if error.errno == errno.ENODEV else ""


class _State(Enum):
    """Of a feature. `UNKNOWN`: of this kernel. `OFF`: it can be switched on."""

    UNKNOWN = "unknown"
    LACKING = "lacking"
    OFF = "off"
    ON = "on"


def _judged(device: str, state: _State) -> str:
    if state is _State.ON:
        return ""
    if state is _State.UNKNOWN:
        return "this kernel hands no ESP to network devices"
    if state is _State.OFF:
        return f"{device} can do the cryptography of ESP, but that is off: `ethtool -K {device} {FEATURE} on`"
    return f"{device} does no cryptography of ESP (`ethtool -k {device}`: {FEATURE})"


class _Asking:
    def __init__(self, udp: socket.socket, device: str) -> None:
        self._udp = udp
        self._device = device.encode()

    def state(self) -> _State:
        names = self._names()
        if FEATURE not in names:
            return _State.UNKNOWN
        block, bit = divmod(names.index(FEATURE), 32)
        blocks = -(-len(names) // 32)
        answer = self._answer(_STATES.pack(STATES, blocks), blocks * _BLOCK.size)
        may_change, _, on, never = _BLOCK.unpack_from(answer, _STATES.size + block * _BLOCK.size)
        if on >> bit & 1:
            return _State.ON
        return _State.OFF if (may_change & ~never) >> bit & 1 else _State.LACKING

    def _names(self) -> list[str]:
        counted = self._answer(_COUNT.pack(COUNT, 0, 1 << FEATURES, 0))
        count = min(_COUNT.unpack_from(counted)[3], MOST_FEATURES)
        answer = self._answer(_NAMES.pack(NAMES, FEATURES, count), count * NAME)[_NAMES.size :]
        return [answer[at : at + NAME].split(b"\0")[0].decode(errors="replace") for at in range(0, len(answer), NAME)]

    def _answer(self, command: bytes, room: int = 0) -> bytes:
        """The kernel writes it over the command, and into the room behind."""
        octets = bytearray(command + bytes(room))
        place = ctypes.addressof(ctypes.c_char.from_buffer(octets))
        fcntl.ioctl(self._udp, SIOCETHTOOL, _REQUEST.pack(self._device, place))
        return bytes(octets)


@contextmanager
def _asking(device: str) -> Iterator[_Asking]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        yield _Asking(udp, device)
