"""One message on the socket pair: which verb, of which question, and its octets; with descriptors beside it.

The socket keeps messages apart (SOCK_SEQPACKET); the length in front says that this one came whole.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct
from collections.abc import Iterable
from enum import IntEnum

from lotor.model.frozen import frozen
from lotor.privsep.octets import Malformed

_HEAD = struct.Struct("!BBIII")  # kind, verb, ticket, descriptors, length of what follows
MOST_OCTETS = 65_536
"""Of a body, whatever the verb allows. The buffer of the socket is made for two such messages."""
MOST_DESCRIPTORS = 8
"""In one message; a reader makes room for no more."""
HEAD_OCTETS = _HEAD.size
MOST_ASKED = 64
"""Questions of one verb that may be unanswered at a time, where the verb says nothing else. `Asker` holds further ones
back; a daemon that sends more is ended."""
TURN = 16
"""Messages that are read before the event loop has its turn again."""

SO_PASSRIGHTS = 83
"""Whether a socket takes descriptors: Linux 6.16, include/uapi/asm-generic/socket.h. Python has no name for it."""


class Kind(IntEnum):
    """REFUSED and CANCEL have no body. REFUSED: the other end did not do what was asked, and its journal has the
    reason. CANCEL: the asker does not wait for this answer any more; the question is answered nevertheless, by what was
    done or by REFUSED."""

    REQUEST = 1
    ANSWER = 2
    REFUSED = 3
    CANCEL = 4


_KINDS = {int(kind): kind for kind in Kind}
_CUT = int(socket.MSG_TRUNC | socket.MSG_CTRUNC)
_BESIDE = socket.CMSG_SPACE(MOST_DESCRIPTORS * 4)


class Ended(Exception):  # noqa: N818 - what happened
    """No message comes or goes on this line any more: the other process has ended, or has broken a rule."""


@frozen
class Frame:
    """`descriptors` belong to the frame until its holder takes or closes them."""

    kind: Kind
    verb: int
    ticket: int
    body: bytes = b""
    descriptors: tuple[int, ...] = ()

    def close(self) -> None:
        close(self.descriptors)


def close(descriptors: Iterable[int]) -> None:
    """Closes descriptors; those that are closed already are no fault."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a new line; their calls do not wait."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * (HEAD_OCTETS + MOST_OCTETS))
    return ends


def refuse_descriptors(end: socket.socket) -> None:
    """From now on the other process fails when it sends a descriptor: to close one can take as long as the sender
    wants. A kernel without this option lets descriptors come, and the reader closes them."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS, 0)


def send(end: socket.socket, frame: Frame) -> None:
    """Whole or not at all. `BlockingIOError` while the other end does not read, `Ended` when it is gone, `ValueError`
    for what no reader takes."""
    if len(frame.body) > MOST_OCTETS or len(frame.descriptors) > MOST_DESCRIPTORS:
        raise ValueError(f"{len(frame.body)} octets and {len(frame.descriptors)} descriptors are too many")
    head = _HEAD.pack(frame.kind, frame.verb, frame.ticket, len(frame.descriptors), len(frame.body))
    beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", frame.descriptors))] if frame.descriptors else []
    try:
        end.sendmsg([head, frame.body], beside)
    except (BrokenPipeError, ConnectionResetError):
        raise Ended from None


def receive(end: socket.socket) -> Frame:
    """The next one. `BlockingIOError` when there is none, `Ended`, and `Malformed` after closing what came with it."""
    try:
        octets, beside, flags, _ = end.recvmsg(HEAD_OCTETS + MOST_OCTETS, _BESIDE, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        raise Ended from None
    if not octets and not beside:
        raise Ended  # a message of no octets looks the same, and deserves it
    descriptors = _descriptors(beside)
    try:
        return _frame(octets, descriptors, whole=not flags & _CUT)
    except Malformed:
        close(descriptors)
        raise


def _descriptors(beside: list[tuple[int, int, bytes]]) -> tuple[int, ...]:
    if not beside:
        return ()
    found = array.array("i")
    for level, kind, data in beside:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return tuple(found)


def _frame(octets: bytes, descriptors: tuple[int, ...], *, whole: bool) -> Frame:
    if not whole:
        raise Malformed("a message, or what came with it, is longer than any may be")
    if len(octets) < HEAD_OCTETS:
        raise Malformed(f"a message has {len(octets)} octets, its head alone {HEAD_OCTETS}")
    kind, verb, ticket, count, length = _HEAD.unpack_from(octets)
    if length != len(octets) - HEAD_OCTETS:
        raise Malformed(f"a message of {length} octets came with {len(octets) - HEAD_OCTETS}")
    if count != len(descriptors):
        raise Malformed(f"{count} descriptors are announced, {len(descriptors)} came")
    if (known := _KINDS.get(kind)) is None:
        raise Malformed(f"there is no message of kind {kind}")
    return Frame(known, verb, ticket, octets[HEAD_OCTETS:], descriptors)
