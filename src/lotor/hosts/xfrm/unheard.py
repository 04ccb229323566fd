"""What a socket that listens to the kernel's tables is not told: SAs that are made, whose keys no process needs to see,
and policies that lotor makes itself.

The kernel runs this program over each message before it is queued (classic BPF, linux/filter.h): with a thousand SA
pairs at once five of six messages wake nobody.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys

from lotor.hosts.xfrm.entries import OWN_LABEL
from lotor.hosts.xfrm.shapes import SELECTOR, Message

SO_ATTACH_FILTER = 26
_INSTRUCTION = struct.Struct("=HBBI")
"""`struct sock_filter`: what to do, how many instructions to leave out where it is so and where not, and a number."""
_LOAD_16, _LOAD_32, _IS, _END = 0x28, 0x20, 0x15, 0x06
"""BPF_LD+BPF_H+BPF_ABS, BPF_LD+BPF_W+BPF_ABS, BPF_JMP+BPF_JEQ+BPF_K, BPF_RET+BPF_K."""
_KIND, _BODY = 4, 16
"""Where these begin in a message (`struct nlmsghdr`)."""
_LABEL = _BODY + SELECTOR.size - 4
"""A policy begins with its selector, whose last field has the label."""
_WHOLE, _NOTHING = 0xFFFFFFFF, 0


def _as_loaded(value: int, octets: int) -> int:
    """The program takes numbers to be in the network's order of octets; these are in this host's."""
    return int.from_bytes(value.to_bytes(octets, sys.byteorder), "big")


def _program() -> bytes:
    steps = [
        (_LOAD_16, 0, 0, _KIND),
        (_IS, 6, 0, _as_loaded(Message.NEW_SA, 2)),
        (_IS, 5, 0, _as_loaded(Message.UPDATE_SA, 2)),
        (_IS, 1, 0, _as_loaded(Message.NEW_POLICY, 2)),
        (_IS, 0, 2, _as_loaded(Message.UPDATE_POLICY, 2)),
        (_LOAD_32, 0, 0, _LABEL),
        (_IS, 1, 0, _as_loaded(OWN_LABEL, 4)),
        (_END, 0, 0, _WHOLE),
        (_END, 0, 0, _NOTHING),
    ]
    return b"".join(_INSTRUCTION.pack(*each) for each in steps)


def keep_out(listener: socket.socket) -> None:
    """From now on. Raises `OSError`."""
    program = _program()
    held = ctypes.create_string_buffer(program, len(program))
    count = len(program) // _INSTRUCTION.size
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", count, ctypes.addressof(held)))
