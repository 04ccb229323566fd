"""Two ends of a socket pair, and each of them against another side that lies."""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import os
import socket
import struct
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lotor.model.algorithms import Hash
from lotor.model.judgement import Failure, PskRequest, Signature, SignedHash
from lotor.model.reasons.local import NoBlock
from lotor.model.secret import Secret
from lotor.privsep import line
from lotor.privsep.asking import Answered, Asker, Refused
from lotor.privsep.codec import encode
from lotor.privsep.frames import (
    MOST_ASKED,
    MOST_DESCRIPTORS,
    MOST_OCTETS,
    SO_PASSRIGHTS,
    TURN,
    Ended,
    Frame,
    Kind,
    pair,
    receive,
    send,
)
from lotor.privsep.serving import Reply, Server, answering
from lotor.privsep.signing import DERIVE_SKEYID, SIGN, Signing


def signing(id_b: bytes) -> Signing:
    parts = (bytes(16), Secret(b"x"), (b"x", b"r"), (bytes(8), bytes(8)), b"SA", id_b)
    return Signing("own", SignedHash(Hash.SHA1, Hash.SHA1, *parts))


REQUEST = signing(b"body")
BODY = encode(Signing, REQUEST)
GOOD = Frame(Kind.REQUEST, SIGN.number, 1, BODY)
HEAD = struct.Struct("!BBIII")
PATIENCE = 60


class Signer:
    """Answers when it is let; counts what it was asked."""

    def __init__(self) -> None:
        self.asked = []
        self.go = asyncio.Event()
        self.go.set()

    async def sign(self, request):
        self.asked.append(request)
        await self.go.wait()
        return Signature(b"signed " + request.made_of.id_b)


def opened():
    """The descriptors of this process; the one that looks is gone again."""
    return {name for name in Path("/proc/self/fd").iterdir() if name.exists()}


def play(story):
    """`story(daemon's end, warden's end)` in a loop; nothing it opened is left."""

    async def run():
        ends = pair()
        before = opened()
        try:
            async with asyncio.timeout(PATIENCE):
                result = await story(*ends)
            assert opened() - before == set()
            return result
        finally:
            for end in ends:
                end.close()

    return asyncio.run(run())


def served(warden, signer):
    lost = asyncio.get_running_loop().create_future()
    return Server(warden, dict([answering(signer.sign, SIGN)]), lost.set_result), lost


def asker(daemon):
    lost = asyncio.get_running_loop().create_future()
    return Asker(daemon, lost.set_result), lost


async def until(condition):
    while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0)


def test_a_question_has_its_answer():
    async def story(daemon, warden):
        signer = Signer()
        server, _ = served(warden, signer)
        ask, _ = asker(daemon)
        answers = await asyncio.gather(*(ask.ask(SIGN, REQUEST) for _ in range(3 * MOST_ASKED)))
        server.close()
        ask.close()
        return answers, signer.asked

    answers, asked = play(story)
    assert answers == [Answered(Signature(b"signed body"))] * (3 * MOST_ASKED)
    assert asked == [REQUEST] * (3 * MOST_ASKED)


def raw(*parts: bytes, descriptors: int = 0):
    """A message as an intruder makes it: whatever octets, with so many descriptors."""

    def say(end: socket.socket) -> None:
        with Path("/dev/null").open() as null:
            rights = array.array("i", [null.fileno()] * descriptors)
            end.sendmsg(list(parts), [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else [])

    return say


LIES = {
    "half a head": (raw(b"\1\1\0"), "3 octets, its head alone"),
    "half a body": (raw(HEAD.pack(1, 1, 1, 0, len(BODY)), BODY[:-5]), "came with"),
    "more than was said": (raw(HEAD.pack(1, 1, 1, 0, 3), BODY), "came with"),
    "no such verb": (raw(HEAD.pack(1, 99, 1, 0, 0)), "no question number 99"),
    "a verb that this warden does not serve": (raw(HEAD.pack(1, 2, 1, 0, 0)), "no question number 2"),
    "a withdrawal that says more": (raw(HEAD.pack(4, 1, 1, 0, 1), b"x"), "of 1 octets"),
    "a withdrawal with descriptors": (raw(HEAD.pack(4, 1, 1, 1, 0), descriptors=1), "with descriptors"),
    "a withdrawal from no verb": (raw(HEAD.pack(4, 99, 1, 0, 0)), "no question number 99"),
    "an answer": (raw(HEAD.pack(2, 1, 1, 0, 0)), "no question number 1"),
    "no such kind": (raw(HEAD.pack(7, 1, 1, 0, 0)), "kind 7"),
    "too long for its verb": (raw(HEAD.pack(1, 1, 1, 0, 20_000), bytes(20_000)), "20000 octets"),
    "too long for any": (raw(HEAD.pack(1, 1, 1, 0, MOST_OCTETS + 1), bytes(MOST_OCTETS + 1)), "longer than any"),
    "no value of its type": (raw(HEAD.pack(1, 1, 1, 0, 4), bytes(4)), "announced"),
    "octets left over": (raw(HEAD.pack(1, 1, 1, 0, len(BODY) + 1), BODY, b"\0"), "too many"),
    "descriptors that were not announced": (
        raw(HEAD.pack(1, 1, 1, 0, len(BODY)), BODY, descriptors=1),
        "0 descriptors",
    ),
    "descriptors that did not come": (raw(HEAD.pack(1, 1, 1, 2, len(BODY)), BODY), "2 descriptors are announced"),
    "descriptors with a question": (raw(HEAD.pack(1, 1, 1, 1, len(BODY)), BODY, descriptors=1), "with descriptors"),
    "more descriptors than there is room for": (
        raw(HEAD.pack(1, 1, 1, 40, len(BODY)), BODY, descriptors=40),
        "longer than any",
    ),
    "nothing at all": (raw(b""), "is gone"),
    "its end": (lambda end: end.shutdown(socket.SHUT_RDWR), "is gone"),
}


def take_descriptors(end: socket.socket) -> None:
    """As before Linux 6.16, where nobody could refuse them."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS, 1)


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_warden_lets_go_of_a_daemon_that_lies(lie):
    say, text = LIES[lie]

    async def story(daemon, warden):
        signer = Signer()
        _, lost = served(warden, signer)
        take_descriptors(warden)
        say(daemon)
        return await lost, signer.asked

    why, asked = play(story)
    assert text in why
    assert asked == []


@contextlib.contextmanager
def unread():
    """A connection whose other end reads nothing: who closes it last waits, for 2 seconds here."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as held:
        held.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                held.send(bytes(MOST_OCTETS))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 2))
        try:
            yield held
        finally:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def refuses_descriptors(end: socket.socket) -> bool:
    """Whether this kernel can: since Linux 6.16."""
    try:
        end.getsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS)
    except OSError:
        return False
    return True


def test_a_connection_that_somebody_has_to_wait_for_never_comes_to_a_warden():
    """The intruder cannot send it, and the warden serves on. Under an older kernel seccomp lets no daemon make it,
    and whatever comes ends the line."""
    question = HEAD.pack(1, 1, 1, 1, len(BODY)), BODY

    async def story(daemon, warden):
        server, lost = served(warden, Signer())
        with unread() as held:
            beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [held.fileno()]))]
            if not refuses_descriptors(warden):
                daemon.sendmsg(question, beside)
                return await lost
            with pytest.raises(PermissionError):
                daemon.sendmsg(question, beside)
        send(daemon, GOOD)
        answer = await one(daemon)
        server.close()
        assert not lost.done()
        return answer.kind.name

    assert play(story) in {"ANSWER", "the daemon breaks the rules: no question comes with descriptors"}


def test_after_a_lie_nothing_more_is_read():
    async def story(daemon, warden):
        signer = Signer()
        _, lost = served(warden, signer)
        raw(HEAD.pack(1, 99, 1, 0, 0))(daemon)
        send(daemon, GOOD)
        await lost
        for _ in range(20):
            await asyncio.sleep(0)
        return signer.asked

    assert play(story) == []


def test_a_flood_of_questions_ends_at_the_number_that_may_be():
    async def story(daemon, warden):
        signer = Signer()
        signer.go.clear()
        _, lost = served(warden, signer)
        for ticket in range(MOST_ASKED + 1):
            send(daemon, Frame(Kind.REQUEST, SIGN.number, ticket, BODY))
            await asyncio.sleep(0)
        why = await lost
        return why, len(signer.asked)

    why, asked = play(story)
    assert "more questions at a time" in why
    assert asked <= MOST_ASKED


def test_a_flood_leaves_the_loop_its_turns():
    async def story(daemon, warden):
        signer = Signer()
        server, _ = served(warden, signer)
        for ticket in range(2 * TURN):
            send(daemon, Frame(Kind.REQUEST, SIGN.number, ticket, BODY))
        seen = []
        while len(signer.asked) < 2 * TURN:
            await asyncio.sleep(0)
            seen.append(len(signer.asked))
        server.close()
        return max(later - earlier for earlier, later in zip([0, *seen], seen, strict=False))

    assert 0 < play(story) <= TURN


def test_a_daemon_that_reads_no_answers_has_no_more_than_its_places():
    """Answers wait for it, and once all places are taken its next question breaks the rule."""

    async def story(daemon, warden):
        warden.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        signer = Signer()
        server, lost = served(warden, signer)
        ticket = 0
        while not lost.done():
            try:
                send(daemon, Frame(Kind.REQUEST, SIGN.number, ticket, BODY))
                ticket += 1
            except BlockingIOError:
                pass
            await asyncio.sleep(0)
            assert len(server._unsent) <= MOST_ASKED
        return await lost

    assert "more questions at a time" in play(story)


def test_an_engine_that_fails_costs_its_question_only(caplog):
    class Broken(Signer):
        async def sign(self, request):
            if request.made_of.id_b == b"body":
                raise RuntimeError("secret detail")
            return await super().sign(request)

    async def story(daemon, warden):
        server, _ = served(warden, Broken())
        ask, _ = asker(daemon)
        with pytest.raises(Refused):
            await ask.ask(SIGN, REQUEST)
        answer = await ask.ask(SIGN, signing(b"other"))
        server.close()
        ask.close()
        return answer

    assert play(story).value == Signature(b"signed other")
    assert "RuntimeError" in caplog.text
    assert "secret detail" not in caplog.text


def test_an_answer_that_is_too_long_is_not_sent():
    async def story(daemon, warden):
        async def sign(_):
            return Reply(Signature(bytes(SIGN.most_answer)))

        server = Server(warden, {SIGN.number: sign}, lambda _: None)
        ask, _ = asker(daemon)
        with pytest.raises(Refused):
            await ask.ask(SIGN, REQUEST)
        server.close()
        ask.close()

    play(story)


ANSWER = encode(SIGN.answer, Signature(b"s"))
WRONG = {
    "to a question that nobody asked": raw(HEAD.pack(2, 1, 77, 0, len(ANSWER)), ANSWER),
    "of another verb": raw(HEAD.pack(2, 2, 1, 0, len(ANSWER)), ANSWER),
    "that withdraws": raw(HEAD.pack(4, 1, 1, 0, 0)),
    "that is a question": raw(HEAD.pack(1, 1, 1, 0, len(ANSWER)), ANSWER),
    "too long": raw(HEAD.pack(2, 1, 1, 0, 9_000), bytes(9_000)),
    "of another type": raw(HEAD.pack(2, 1, 1, 0, 1), b"\7"),
    "with a descriptor": raw(HEAD.pack(2, 1, 1, 1, len(ANSWER)), ANSWER, descriptors=1),
    "with more descriptors than there is room for": raw(
        HEAD.pack(2, 1, 1, 30, len(ANSWER)), ANSWER, descriptors=MOST_DESCRIPTORS + 22
    ),
    "a refusal that says more": raw(HEAD.pack(3, 1, 1, 0, 1), b"\0"),
    "half of one": raw(HEAD.pack(2, 1, 1, 0, 50), ANSWER),
}


@pytest.mark.parametrize("wrong", sorted(WRONG))
def test_a_daemon_believes_no_wrong_answer(wrong):
    async def story(daemon, warden):
        ask, lost = asker(daemon)
        waiting = asyncio.ensure_future(ask.ask(SIGN, REQUEST))
        await until(lambda: ask._asked)
        WRONG[wrong](warden)
        why = await lost
        with pytest.raises(Ended):
            await waiting
        with pytest.raises(Ended):
            await ask.ask(SIGN, REQUEST)
        return why

    assert "breaks the rules" in play(story)


def test_a_warden_that_is_gone_ends_all_questions():
    async def story(daemon, warden):
        ask, lost = asker(daemon)
        waiting = [asyncio.ensure_future(ask.ask(SIGN, REQUEST)) for _ in range(2 * MOST_ASKED)]
        await until(lambda: len(ask._asked) == MOST_ASKED)
        warden.shutdown(socket.SHUT_RDWR)
        results = await asyncio.gather(*waiting, return_exceptions=True)
        return await lost, {type(each) for each in results}

    assert play(story) == ("the warden is gone", {Ended})


class Stubborn(Signer):
    """Goes on when it is told to stop, and counts how often it was."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = 0

    async def sign(self, request):
        self.asked.append(request)
        while not self.go.is_set():
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.stopped += 1
        return Signature(b"signed " + request.made_of.id_b)


def test_who_does_not_wait_any_more_keeps_the_place_until_the_answer():
    async def story(daemon, warden):
        signer = Stubborn()
        signer.go.clear()
        server, lost = served(warden, signer)
        ask, _ = asker(daemon)
        impatient = [asyncio.ensure_future(ask.ask(SIGN, REQUEST)) for _ in range(MOST_ASKED)]
        await until(lambda: len(signer.asked) == MOST_ASKED)
        for each in impatient:
            each.cancel()
        late = asyncio.ensure_future(ask.ask(SIGN, REQUEST))
        await until(lambda: signer.stopped == MOST_ASKED)
        assert len(signer.asked) == MOST_ASKED
        signer.go.set()
        answer = await late
        assert not lost.done()
        server.close()
        ask.close()
        return answer

    assert play(story).value == Signature(b"signed body")


def test_who_stops_waiting_gives_the_question_up_at_the_other_end_too(caplog):
    """The places are free again, and no journal is told of a fault."""
    ends = []

    class Slow(Signer):
        async def sign(self, request):
            self.asked.append(request)
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                ends.append(request)
                raise
            return Signature(b"signed")

    async def story(daemon, warden):
        signer = Slow()
        signer.go.clear()
        server, lost = served(warden, signer)
        ask, _ = asker(daemon)
        for turn in range(3):
            impatient = [asyncio.ensure_future(ask.ask(SIGN, REQUEST)) for _ in range(MOST_ASKED)]
            await until(lambda: len(signer.asked) - len(ends) == MOST_ASKED)
            for each in impatient:
                each.cancel()
            await until(partial(lambda turn: len(ends) == (turn + 1) * MOST_ASKED, turn))
        signer.go.set()
        answer = await ask.ask(SIGN, REQUEST)
        assert not lost.done()
        server.close()
        ask.close()
        return answer

    assert play(story).value == Signature(b"signed")
    assert caplog.text == ""


def test_a_question_that_is_withdrawn_before_it_began_gives_its_place_back():
    async def story(daemon, warden):
        signer = Signer()
        server, lost = served(warden, signer)
        for ticket in range(3 * MOST_ASKED):
            send(daemon, Frame(Kind.REQUEST, SIGN.number, ticket, BODY))
            send(daemon, Frame(Kind.CANCEL, SIGN.number, ticket))
            assert await one(daemon) == Frame(Kind.REFUSED, SIGN.number, ticket)
        assert not lost.done()
        server.close()
        return signer.asked

    assert play(story) == []


async def one(end):
    """The next message."""
    while True:
        try:
            return receive(end)
        except BlockingIOError:
            await asyncio.sleep(0)


def test_what_is_withdrawn_again_and_again_is_disturbed_once():
    async def story(daemon, warden):
        signer = Stubborn()
        signer.go.clear()
        server, lost = served(warden, signer)
        send(daemon, GOOD)
        await until(lambda: signer.asked)
        for _ in range(50):
            send(daemon, Frame(Kind.CANCEL, SIGN.number, GOOD.ticket))
            await asyncio.sleep(0)
        signer.go.set()
        frame = await one(daemon)
        send(daemon, Frame(Kind.CANCEL, SIGN.number, GOOD.ticket))  # too late, or of nothing: no fault
        send(daemon, Frame(Kind.CANCEL, SIGN.number, 4711))
        send(daemon, GOOD)
        again = await one(daemon)
        assert not lost.done()
        server.close()
        return frame, again, signer.stopped

    frame, again, stopped = play(story)
    assert frame == again
    assert frame.kind is Kind.ANSWER
    assert stopped == 1


def test_an_answer_that_comes_while_its_waiter_leaves_keeps_no_descriptor():
    async def story(daemon, warden):
        ask, _ = asker(daemon)
        waiting = asyncio.ensure_future(ask.ask(replace(SIGN, descriptors=1), REQUEST))
        await until(lambda: ask._asked)
        descriptor = os.open("/dev/null", os.O_RDONLY)
        send(warden, Frame(Kind.ANSWER, SIGN.number, next(iter(ask._asked)), ANSWER, (descriptor,)))
        os.close(descriptor)
        ask._readable()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        ask.close()

    play(story)


def test_each_verb_has_places_of_its_own():
    """A line of questions that take long holds up nobody who asks something else."""

    async def story(daemon, warden):
        signer = Signer()
        signer.go.clear()

        async def derive(request):
            return Secret(request.nonces)

        lost = asyncio.get_running_loop().create_future()
        server = Server(warden, dict([answering(signer.sign, SIGN), answering(derive, DERIVE_SKEYID)]), lost.set_result)
        ask, _ = asker(daemon)
        waiting = [asyncio.ensure_future(ask.ask(SIGN, REQUEST)) for _ in range(3 * MOST_ASKED)]
        await until(lambda: len(signer.asked) == MOST_ASKED)
        request = PskRequest("own", None, IPv4Address("192.0.2.7"), Hash.SHA1, b"nonces")
        derived = await ask.ask(DERIVE_SKEYID, request)
        assert not any(each.done() for each in waiting)
        signer.go.set()
        await asyncio.gather(*waiting)
        server.close()
        ask.close()
        return derived

    assert play(story).value == Secret(b"nonces")


def test_a_question_that_is_too_long_does_not_leave():
    async def story(daemon, warden):
        ask, _ = asker(daemon)
        with pytest.raises(ValueError, match="sign takes"):
            await ask.ask(SIGN, signing(bytes(SIGN.most_request)))
        with pytest.raises(BlockingIOError):
            receive(warden)
        ask.close()

    play(story)


def test_as_many_questions_as_may_be_of_the_largest_size_all_have_their_answers():
    class Short(Signer):
        async def sign(self, request):
            await asyncio.sleep(0)
            return Signature(b"signed")

    async def story(daemon, warden):
        server, _ = served(warden, Short())
        ask, lost = asker(daemon)
        large = signing(bytes(SIGN.most_request - len(BODY)))
        answers = await asyncio.gather(*(ask.ask(SIGN, large) for _ in range(MOST_ASKED)), return_exceptions=True)
        assert not lost.done()
        server.close()
        ask.close()
        return [type(each) for each in answers]

    assert play(story) == [Answered] * MOST_ASKED


def test_an_engine_that_gives_a_question_up_itself_costs_no_place():
    class Leaving(Signer):
        async def sign(self, request):
            if request.made_of.id_b == b"body":
                raise asyncio.CancelledError
            return await super().sign(request)

    async def story(daemon, warden):
        server, _ = served(warden, Leaving())
        ask, _ = asker(daemon)
        for _ in range(MOST_ASKED + 1):
            with pytest.raises(Refused):
                await ask.ask(SIGN, REQUEST)
        answer = await ask.ask(SIGN, signing(b"other"))
        server.close()
        ask.close()
        return answer

    assert play(story).value == Signature(b"signed other")


def test_an_answer_that_cannot_be_written_keeps_no_descriptor():
    async def story(daemon, warden):
        async def sign(_):
            return Reply("no signature", (os.open("/dev/null", os.O_RDONLY),))

        server = Server(warden, {SIGN.number: sign}, lambda _: None)
        ask, _ = asker(daemon)
        with pytest.raises(Refused):
            await ask.ask(SIGN, REQUEST)
        server.close()
        ask.close()

    play(story)


def test_a_line_that_takes_no_such_message_is_given_up_with_the_reason(monkeypatch):
    async def story(daemon, warden):
        def refused(end, frame):
            raise OSError(errno.EMSGSIZE, "Message too long")

        monkeypatch.setattr(line, "send", refused)
        ask, lost = asker(daemon)
        for _ in range(2):
            with pytest.raises(Ended, match="the warden cannot be written to: Message too long"):
                await ask.ask(SIGN, REQUEST)
        return await lost

    assert play(story) == "the warden cannot be written to: Message too long"


def test_frames_carry_descriptors_that_close_on_exec():
    ends = pair()
    reading, writing = os.pipe()
    send(ends[0], Frame(Kind.ANSWER, 1, 1, b"body", (writing,)))
    os.close(writing)
    frame = receive(ends[1])
    assert (frame.body, len(frame.descriptors), os.get_inheritable(frame.descriptors[0])) == (b"body", 1, False)
    os.write(frame.descriptors[0], b"through")
    assert os.read(reading, 10) == b"through"
    frame.close()
    assert os.read(reading, 10) == b""
    os.close(reading)
    for count, octets in ((MOST_DESCRIPTORS + 1, 0), (0, MOST_OCTETS + 1)):
        with pytest.raises(ValueError, match="too many"):
            send(ends[0], Frame(Kind.ANSWER, 1, 1, bytes(octets), (0,) * count))
    for end in ends:
        end.close()


def test_a_skeyid_comes_back_as_what_it_is():
    async def story(daemon, warden):
        async def derive(request):
            return Secret(request.nonces) if request.remote == "own" else Failure(NoBlock("other"))

        server = Server(warden, dict([answering(derive, DERIVE_SKEYID)]), lambda _: None)
        ask, _ = asker(daemon)
        found = [
            (await ask.ask(DERIVE_SKEYID, PskRequest(name, None, IPv4Address("192.0.2.1"), Hash.SHA1, b"nonces"))).value
            for name in ("own", "other")
        ]
        server.close()
        ask.close()
        return found

    assert play(story) == [Secret(b"nonces"), Failure(NoBlock("other"))]
