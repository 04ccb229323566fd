"""What the kernel answers over rtnetlink, and what no kernel would."""

from __future__ import annotations

import asyncio
import errno
import struct

import pytest

from lotor.hosts import rtnetlink
from lotor.hosts.netlink import Netlink
from lotor.hosts.rtnetlink import LINK, RULE, Kernel, u32


def message(kind: int, sequence: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body + bytes(-len(body) % 4)


DONE = struct.pack("=i", 0)


class Scripted(Kernel):
    """A kernel whose datagrams are made here: sender and octets, for each question in its turn."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        super().__init__()
        self._script = list(answers)
        self.asked = 0

    async def _ask(self, kind, flags, body):
        self._sequence += 1
        self.asked += 1

    async def dumped(self):
        with self, pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "sock_recvfrom", self._next, raising=False)
            return await self.dump(rtnetlink.GET_RULE, b"")

    async def _next(self, end, most):
        sender, octets = self._script.pop(0)
        return octets, (sender, 0)


def test_the_loopback_device_is_found_by_its_name():
    link = asyncio.run(Netlink().link("lo"))
    assert (link.name, link.index) == ("lo", 1)
    assert link.mtu > 1280


def test_a_device_that_is_not_there_is_said_in_the_kernels_words():
    with pytest.raises(OSError, match="the device nothing was not found: No such device") as caught:
        asyncio.run(Netlink().link("nothing"))
    assert caught.value.errno == errno.ENODEV


def test_fields_and_attributes_come_back_as_they_were_written():
    fields = (2, 0, 24, 0, 254, 1, 0)
    octets = RULE.write(*fields, attributes={2: b"\x0a\0\0\0", 6: u32(7), 15: b""})
    assert RULE.read(octets) == (fields, {2: b"\x0a\0\0\0", 6: u32(7)})
    assert RULE.read(octets[:-1]) == (fields, {2: b"\x0a\0\0\0"})


def test_an_answer_that_is_cut_short_is_an_error():
    with pytest.raises(OSError, match="cut short"):
        LINK.read(bytes(LINK.fields.size - 1))


@pytest.mark.parametrize("length", [0, 3, 65535])
def test_a_length_that_no_attribute_has_ends_the_list(length):
    octets = bytes(RULE.fields.size) + struct.pack("=HH", length, 1) + bytes(8)
    assert RULE.read(octets)[1] == {}


def test_messages_of_strangers_and_of_other_questions_are_no_answers():
    kernel = Scripted(
        (4711, message(32, 1, b"stranger")),
        (0, message(32, 9, b"other")),
        (0, message(32, 1, b"mine") + message(3, 1, DONE)),
    )
    assert asyncio.run(kernel.dumped()) == [b"mine"]


def test_a_list_that_changed_while_it_was_told_is_asked_for_again():
    kernel = Scripted(
        (0, message(32, 1, b"old", flags=0x10) + message(3, 1, DONE)), (0, message(32, 2, b"new") + message(3, 2, DONE))
    )
    assert asyncio.run(kernel.dumped()) == [b"new"]
    assert kernel.asked == 2


def test_a_list_that_changes_each_time_is_given_up():
    kernel = Scripted(*((0, message(3, each, DONE, flags=0x10)) for each in range(1, 99)))
    with pytest.raises(BlockingIOError):
        asyncio.run(kernel.dumped())
    assert kernel.asked == 8


def test_an_error_in_the_middle_of_a_list_is_raised():
    kernel = Scripted((0, message(32, 1, b"one") + message(2, 1, struct.pack("=i", -errno.ENOBUFS))))
    with pytest.raises(OSError, match="No buffer space") as caught:
        asyncio.run(kernel.dumped())
    assert caught.value.errno == errno.ENOBUFS
