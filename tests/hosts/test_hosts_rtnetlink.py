"""What the kernel answers over rtnetlink, and what no kernel would."""

from __future__ import annotations

import asyncio
import errno
import struct
from ipaddress import IPv6Address

import pytest

from lotor.hosts import netlink, rtnetlink
from lotor.hosts.netlink import Netlink
from lotor.hosts.rtnetlink import LINK, MOST_AT_ONCE, RULE, Kernel, adding, changing, getting, u32


def message(kind: int, sequence: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body + bytes(-len(body) % 4)


DONE = struct.pack("=i", 0)


class Deaf:
    """A socket that nothing comes out of."""

    def __init__(self):
        self.left = []
        self.send = self.left.append

    def recvfrom(self, most):
        raise BlockingIOError


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
        return await self.told(self.dump)

    async def told(self, question):
        with self, pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "sock_recvfrom", self._next, raising=False)
            return await question(rtnetlink.GET_RULE, b"")

    async def asked_at_once(self, *questions):
        """What came of them, and the datagrams that left."""
        with self, pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "sock_recvfrom", self._next, raising=False)
            real, self._socket = self._socket, Deaf()
            try:
                return await self.several(questions), self._socket.left
            finally:
                self._socket = real

    async def _next(self, end, most):
        sender, octets = self._script.pop(0)
        if isinstance(octets, OSError):
            raise octets
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


def test_a_list_in_many_datagrams_is_whole():
    parts = [(0, message(32, 1, b"%d" % each) + message(32, 1, b"and")) for each in range(100)]
    kernel = Scripted(*parts, (0, message(3, 1, DONE)))
    listed = asyncio.run(kernel.dumped())
    assert listed[::2] == [b"%d" % each for each in range(100)]
    assert len(listed) == 200


def test_a_list_that_changed_in_one_datagram_of_many_is_asked_for_again():
    kernel = Scripted(
        *((0, message(32, 1, b"old", flags=0x10)), (0, message(32, 1, b"old")), (0, message(3, 1, DONE))),
        *((0, message(32, 2, b"new")), (0, message(3, 2, DONE))),
    )
    assert asyncio.run(kernel.dumped()) == [b"new"]


@pytest.mark.parametrize("cut", [1, 8, 15])
def test_a_message_that_is_longer_than_its_datagram_is_an_error_and_no_wait_without_end(cut):
    kernel = Scripted((0, message(32, 1, bytes(16))[:-cut]))
    with pytest.raises(OSError, match="cut short"):
        asyncio.run(kernel.dumped())


def test_a_length_that_no_message_has_is_an_error():
    kernel = Scripted((0, struct.pack("=IHHII", 15, 32, 0, 1, 0)))
    with pytest.raises(OSError, match="cut short"):
        asyncio.run(kernel.dumped())


def test_what_a_stranger_cuts_short_is_nothing():
    kernel = Scripted((4711, message(32, 1, bytes(16))[:-8]), (0, message(32, 1, b"mine") + message(3, 1, DONE)))
    assert asyncio.run(kernel.dumped()) == [b"mine"]


def test_messages_that_the_kernel_had_no_room_for_are_an_error():
    kernel = Scripted((0, message(32, 1, b"one")), (0, OSError(errno.ENOBUFS, "No buffer space available")))
    with pytest.raises(OSError, match="No buffer space") as caught:
        asyncio.run(kernel.dumped())
    assert caught.value.errno == errno.ENOBUFS


def test_an_end_that_carries_an_error_is_raised():
    kernel = Scripted((0, message(32, 1, b"one") + message(3, 1, struct.pack("=i", -errno.EPERM))))
    with pytest.raises(PermissionError):
        asyncio.run(kernel.dumped())


def test_an_answer_behind_which_another_message_comes_is_the_first():
    kernel = Scripted((0, message(32, 1, b"answer") + message(2, 1, DONE)))
    assert asyncio.run(kernel.told(kernel.get)) == b"answer"


def test_nobody_else_answers_a_change():
    """Neither another process nor what is left of an earlier question."""
    refused = message(2, 1, struct.pack("=i", -errno.EEXIST))
    kernel = Scripted((4711, message(2, 1, DONE)), (0, message(2, 7, DONE)), (0, refused))
    with pytest.raises(FileExistsError):
        asyncio.run(kernel.told(kernel.add))


def error(sequence, code):
    return message(2, sequence, struct.pack("=i", -code))


def heads(octets):
    """Of the messages of a datagram: type, flags, sequence."""
    while octets:
        length, *found, _ = struct.unpack_from("=IHHII", octets)
        yield tuple(found)
        octets = octets[(length + 3) & ~3 :]


def test_several_questions_leave_together_and_the_last_alone_is_acknowledged():
    kernel = Scripted((0, error(2, errno.EEXIST)), (0, message(18, 3, b"found")), (0, error(5, 0)))
    questions = adding(16, b"one"), adding(16, b"another"), getting(18, b""), changing(17, b""), changing(17, b"last")
    (one, another, found, gone, last), left = asyncio.run(kernel.asked_at_once(*questions))
    assert (one, type(another), found, gone, last) == (None, FileExistsError, b"found", None, None)
    (datagram,) = left
    assert list(heads(datagram)) == [(16, 0x601, 1), (16, 0x601, 2), (18, 1, 3), (17, 1, 4), (17, 5, 5)]


def test_the_last_of_several_may_be_answered_or_refused():
    for answer in (message(18, 2, b"found"), error(2, errno.ESRCH)):
        (_, last), left = asyncio.run(Scripted((0, answer)).asked_at_once(changing(17, b""), getting(18, b"")))
        assert (last == b"found" or last.errno == errno.ESRCH, [flags for _, flags, _ in heads(left[0])]) == (
            True,
            [1, 1],
        )


def test_nobody_else_answers_several():
    kernel = Scripted((4711, error(2, errno.EPERM)), (0, error(9, errno.EPERM) + error(0, 0)), (0, error(2, 0)))
    assert asyncio.run(kernel.asked_at_once(changing(17, b""), changing(17, b"")))[0] == [None, None]


def test_very_many_questions_leave_in_parts_that_the_kernel_has_room_for():
    kernel = Scripted((0, error(MOST_AT_ONCE, 0)), (0, error(MOST_AT_ONCE + 1, errno.ENOENT)))
    found, left = asyncio.run(kernel.asked_at_once(*[changing(17, b"")] * (MOST_AT_ONCE + 1)))
    assert (found[:-1], found[-1].errno, len(left)) == ([None] * MOST_AT_ONCE, errno.ENOENT, 2)


def test_of_several_whose_answers_are_lost_nothing_is_known():
    kernel = Scripted((0, error(1, errno.EEXIST)), (0, OSError(errno.ENOBUFS, "No buffer space available")))
    with pytest.raises(OSError, match="No buffer space"):
        asyncio.run(kernel.asked_at_once(adding(16, b""), adding(16, b"")))


def test_nothing_is_asked_of_nothing():
    assert asyncio.run(Scripted().asked_at_once()) == ([], [])


def test_the_kernels_own_words_stand_behind_those_for_the_number():
    """Behind the head of the question, where the kernel sends no more of it."""
    words = struct.pack("=HH", 4 + 13, 1) + b"no such thing\0"[:13] + bytes(3)
    body = struct.pack("=i", -errno.EINVAL) + bytes(16) + words
    kernel = Scripted((0, message(2, 1, body, flags=0x300)))
    with pytest.raises(OSError, match=r"Invalid argument \(no such thing\)$"):
        asyncio.run(kernel.told(kernel.change))


def test_what_an_error_says_of_the_question_is_no_explanation():
    """Without its flags the question itself follows, which may have a key in it."""
    body = struct.pack("=i", -errno.EINVAL) + bytes(16) + struct.pack("=HH", 12, 1) + b"a secret"
    for flags in (0, 0x100, 0x200):
        kernel = Scripted((0, message(2, 1, body, flags)))
        with pytest.raises(OSError, match=r"Invalid argument$"):
            asyncio.run(kernel.told(kernel.change))


def test_a_route_of_ipv6_is_read_with_a_table_that_needs_more_than_an_octet():
    fields = (10, 64, 0, 0, 252, 2, 0, 1, 0)
    attributes = {1: bytes(range(16)), 4: u32(7), 5: bytes(range(16, 32)), 15: u32(7001)}
    listed = netlink._listed(rtnetlink.ROUTE.write(*fields, attributes=attributes))
    assert (listed.table, listed.index, listed.length) == (7001, 7, 64)
    assert listed.destination == IPv6Address(bytes(range(16)))
    assert listed.gateway == IPv6Address(bytes(range(16, 32)))


def test_the_default_route_of_ipv6_has_no_destination():
    listed = netlink._listed(rtnetlink.ROUTE.write(10, 0, 0, 0, 254, 2, 0, 1, 0, attributes={4: u32(7)}))
    assert (listed.destination, listed.length, listed.gateway, listed.table) == (None, 0, None, 254)


def test_a_device_whose_name_is_no_text_is_found_by_its_number():
    class Named:
        async def get(self, kind, body):
            return LINK.write(0, 0, 7, 0, 0, attributes={3: b"caf\xe9\0", 4: u32(1500)})

    assert asyncio.run(netlink._link(Named(), 7)).name == "caf\\xe9"
