"""rtnetlink(7): questions to the kernel and changes that it is asked for, as octets with attributes.

The layouts are those of linux/netlink.h and linux/rtnetlink.h, in this host's order of octets. `Kernel` speaks other
protocols of netlink(7), too: how messages and attributes are written is the same there.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from lotor.model.frozen import frozen

NEW_LINK, DELETE_LINK, GET_LINK = 16, 17, 18
NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26
NEW_NEIGHBOUR, DELETE_NEIGHBOUR, GET_NEIGHBOUR = 28, 29, 30
NEW_RULE, DELETE_RULE, GET_RULE = 32, 33, 34

_ERROR, _DONE = 2, 3
_REQUEST, _ACKNOWLEDGE, _ALL, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
_CAPPED, _EXPLAINED = 0x100, 0x200
"""Flags of an error: it has only the head of the question in it, attributes follow (`NLM_F_ACK_TLVS`)."""
_EXPLANATION = 1
"""The attribute with the kernel's own words (`NLMSGERR_ATTR_MSG`)."""
_SOL_NETLINK, _CAP_ACK, _EXT_ACK = 270, 10, 11
_INTERRUPTED = 0x10
"""Flag of a list that changed while it was told."""
_MOST_LISTINGS = 8
"""Of one that changes each time."""
_HEADER = struct.Struct("=IHHII")
"""`struct nlmsghdr`: length, type, flags, sequence, port."""
_ATTRIBUTE = struct.Struct("=HH")
"""`struct rtattr`: length with this head, type."""
_CODE = struct.Struct("=i")
_TYPES = 0x3FFF
"""Of the number of an attribute: two bits say how it is written."""
_LONGEST = 65536
"""Octets: a datagram of the kernel has half as many at most."""
MOST_AT_ONCE = 24
"""Questions of one datagram: the kernel answers all of them before one answer is read, and has room for some forty."""


@frozen
class Layout:
    """The fixed part of the messages about one kind of thing, and how it is padded."""

    fields: struct.Struct

    def write(self, *fields: int, attributes: Mapping[int, bytes] | None = None) -> bytes:
        """An attribute whose value is empty is left out."""
        return self.fields.pack(*fields) + written(attributes or {})

    def read(self, body: bytes) -> tuple[tuple[int, ...], dict[int, bytes]]:
        """Fields, and attributes by number. `OSError` for what is too short."""
        if len(body) < self.fields.size:
            raise _cut_short()
        return self.fields.unpack_from(body), attributes_in(body[self.fields.size :])


LINK = Layout(struct.Struct("=BxHiII"))
"""`struct ifinfomsg`: family, kind of hardware, index, flags, which of them to change."""
ADDRESS = Layout(struct.Struct("=BBBBI"))
"""`struct ifaddrmsg`: family, length of the prefix, flags, scope, index of the device."""
ROUTE = Layout(struct.Struct("=BBBBBBBBI"))
"""`struct rtmsg`: family, lengths of destination and source, TOS, table, protocol, scope, type, flags."""
RULE = Layout(struct.Struct("=BBBBBxxBI"))
"""`struct fib_rule_hdr`: family, lengths of destination and source, TOS, table, action, flags."""

NEIGHBOUR = Layout(struct.Struct("=BxxxiHBB"))
"""`struct ndmsg`: family, index of the device, state, flags, type."""


def u32(value: int) -> bytes:
    return value.to_bytes(4, sys.byteorder)


def number(octets: bytes) -> int:
    return int.from_bytes(octets, sys.byteorder)


def written(attributes: Mapping[int, bytes]) -> bytes:
    """Attributes one after the other, also as the value of one that has others in it."""
    return b"".join(_attribute(number, value) for number, value in attributes.items() if value)


def attributes_in(octets: bytes) -> dict[int, bytes]:
    """By number."""
    return dict(_attributes(octets))


def _attribute(number: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), number) + value + bytes(-len(value) % 4)


def _attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    while len(octets) >= _ATTRIBUTE.size:
        length, number = _ATTRIBUTE.unpack_from(octets)
        if not _ATTRIBUTE.size <= length <= len(octets):
            return
        yield number & _TYPES, octets[_ATTRIBUTE.size : length]
        octets = octets[(length + 3) & ~3 :]


def _cut_short() -> OSError:
    return OSError(errno.EBADMSG, "the kernel's answer is cut short")


@frozen
class _Message:
    kind: int
    flags: int
    sequence: int
    body: bytes


@frozen
class Question:
    """One of several. `answered`: by a body; else the kernel has only to say that it is done."""

    kind: int
    body: bytes
    flags: int = 0
    answered: bool = False


def adding(kind: int, body: bytes) -> Question:
    """Something that is not there yet."""
    return Question(kind, body, _CREATE | _EXCLUSIVE)


def changing(kind: int, body: bytes) -> Question:
    """Something that is there, or its removal."""
    return Question(kind, body)


def getting(kind: int, body: bytes) -> Question:
    return Question(kind, body, answered=True)


class Kernel:
    """A socket to the kernel of the network namespace that this process is in, for one question after another; a
    context. Every method raises `OSError` with the kernel's errno, and with its own words behind those for the
    errno."""

    def __init__(self, protocol: int = socket.NETLINK_ROUTE) -> None:
        self._sequence = 0
        kinds = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kinds, protocol)
        for option in (_CAP_ACK, _EXT_ACK):
            with suppress(OSError):  # a kernel before 4.12
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._socket.bind((0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    async def add(self, kind: int, body: bytes) -> None:
        """Something that is not there yet."""
        await self._acknowledged(kind, _CREATE | _EXCLUSIVE, body)

    async def change(self, kind: int, body: bytes) -> None:
        """Something that is there, or its removal."""
        await self._acknowledged(kind, 0, body)

    async def make(self, kind: int, body: bytes) -> None:
        """Something, whether it is there or not."""
        await self._acknowledged(kind, _CREATE, body)

    async def get(self, kind: int, body: bytes) -> bytes:
        """The body of the one answer."""
        await self._ask(kind, 0, body)
        return (await self._answers())[0].body

    async def dump(self, kind: int, body: bytes) -> list[bytes]:
        """The bodies of all that there are."""
        for _ in range(_MOST_LISTINGS):
            await self._ask(kind, _ALL, body)
            listed: list[_Message] = []
            while not listed or listed[-1].kind != _DONE:
                listed += await self._answers()
            if not any(each.flags & _INTERRUPTED for each in listed):
                return [each.body for each in listed[:-1]]
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    async def several(self, questions: Sequence[Question]) -> list[bytes | OSError | None]:
        """What came of each, also of those behind one that the kernel refused: the body of the answer, None for what is
        done, or why it is not. They leave together. Where this raises answers are lost: anything may be done."""
        found: list[bytes | OSError | None] = []
        for start in range(0, len(questions), MOST_AT_ONCE):
            found += await self._together(questions[start : start + MOST_AT_ONCE])
        return found

    async def _together(self, questions: Sequence[Question]) -> list[bytes | OSError | None]:
        """A refusal comes in any case, so that the last one alone is acknowledged. The kernel has answered when they
        have left."""
        first = self._sequence + 1
        last = self._sequence = self._sequence + len(questions)
        octets = [_octets(each, first + place, last) for place, each in enumerate(questions)]
        self._socket.send(b"".join(octets))
        found: dict[int, bytes | OSError | None] = {}
        while last not in found:
            answers = (each for each in await self._datagram() if first <= each.sequence <= last)
            found.update((each.sequence, _outcome(each)) for each in answers)
        return [found.get(each) for each in range(first, last + 1)]

    async def _acknowledged(self, kind: int, flags: int, body: bytes) -> None:
        await self._ask(kind, _ACKNOWLEDGE | flags, body)
        await self._answers()

    async def _ask(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        head = _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | flags, self._sequence, 0)
        await asyncio.get_running_loop().sock_sendall(self._socket, head + body)

    async def _answers(self) -> list[_Message]:
        """Those of the next datagram that answers the last question."""
        while True:
            found = [each for each in await self._datagram() if each.sequence == self._sequence]
            for each in found:
                if (refusal := _refusal(each)) is not None:
                    raise refusal
            if found:
                return found

    async def _datagram(self) -> list[_Message]:
        """What the kernel tells next, whose number is 0."""
        while True:
            try:
                octets, (sender, _) = self._socket.recvfrom(_LONGEST)
            except BlockingIOError:
                octets, (sender, _) = await asyncio.get_running_loop().sock_recvfrom(self._socket, _LONGEST)
            if sender == 0:
                return list(_messages(octets))


def _octets(question: Question, sequence: int, last: int) -> bytes:
    acknowledge = _ACKNOWLEDGE if sequence == last and not question.answered else 0
    length, flags = _HEADER.size + len(question.body), _REQUEST | acknowledge | question.flags
    return _HEADER.pack(length, question.kind, flags, sequence, 0) + question.body + bytes(-length % 4)


def _messages(octets: bytes) -> Iterator[_Message]:
    while len(octets) >= _HEADER.size:
        length, kind, flags, sequence, _ = _HEADER.unpack_from(octets)
        if not _HEADER.size <= length <= len(octets):
            raise _cut_short()
        yield _Message(kind, flags, sequence, octets[_HEADER.size : length])
        octets = octets[(length + 3) & ~3 :]


def _outcome(message: _Message) -> bytes | OSError | None:
    return _refusal(message) or (message.body if message.kind != _ERROR else None)


def _refusal(message: _Message) -> OSError | None:
    kind, body = message.kind, message.body
    if kind not in {_ERROR, _DONE} or len(body) < _CODE.size or (code := -_CODE.unpack_from(body)[0]) <= 0:
        return None
    return OSError(code, _reason(code, _words(kind, message.flags, body)))


def _reason(code: int, words: str) -> str:
    return f"{os.strerror(code)} ({words})" if words else os.strerror(code)


def _words(kind: int, flags: int, body: bytes) -> str:
    """The kernel's own about an error; empty for none. Of the question only its head is in front of them: `Kernel`
    asks for no more."""
    if kind != _ERROR or flags & (_CAPPED | _EXPLAINED) != _CAPPED | _EXPLAINED:
        return ""
    said = attributes_in(body[_CODE.size + _HEADER.size :]).get(_EXPLANATION, b"")
    return said.rstrip(b"\0").decode("ascii", "backslashreplace")
