"""A process of back ends in an attacker's hands, over a real socket pair: what its warden believes of it."""

from __future__ import annotations

import asyncio
import os
import struct
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from lotor.model.back_end import BackEnd
from lotor.model.grants import MOST_GROUPS, MOST_ROUTES, Grants
from lotor.model.login import Accepted, Challenge, EapPacket, LoginAttempt, MschapResponse, Proved, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import WrongPassword
from lotor.model.secret import Secret
from lotor.privsep.backing import ABANDON_ROUND, CHECK, CONFIGURE, GROUPS, Abandoned, Confined
from lotor.privsep.codec import decode, encode
from lotor.privsep.frames import Frame, Kind, receive, send
from lotor.privsep.living import READY
from lotor.warden import far_back_ends
from lotor.warden.far_back_ends import FarBackEnds, Start
from lotor.warden.judging import objection
from paired import asking

THERE = Peer(IPv4Address("192.0.2.9"), 500)
ALICE = LoginAttempt("alice", ((Field.PASSWORD, Secret("sesame")),), THERE)
ROUTES = tuple(IPv4Network((10 << 24 | each << 8, 24)) for each in range(MOST_ROUTES + 1))


@pytest.fixture
def radius():
    return asking("sesame")


@pytest.mark.parametrize(
    "verdict",
    [
        Accepted("a\nb"),
        Accepted(""),
        Accepted("u" * 254),
        Accepted("alice", Grants(routes=ROUTES)),
        Accepted("alice", Grants(groups=frozenset(map(str, range(MOST_GROUPS + 1))))),
        Accepted("alice", Grants(pool="a\x1b[2J")),
        Accepted("alice", Grants(groups=frozenset({"a\nb"}))),
        Accepted("alice", Grants(filter="f" * 65)),
        Accepted("alice", Grants(message="m" * 1025)),
        Accepted("alice", Grants(split_dns=("d" * 254,))),
        Accepted("alice", Grants(accounting_classes=(bytes(254),))),
        Accepted("alice", Grants(accounting_classes=(b"a", b"b", b"c", b"d", b"e"))),
        Accepted("alice", Grants(session_time=-1.0)),
        Accepted("alice", Grants(rate=-1)),
        Accepted("alice", Grants(dns4=(IPv4Address("192.0.2.1"),) * 5)),
        Refused(WrongPassword("mallory")),
        Challenge("code?", (), b"ticket"),
        Challenge("code?", (Field.PASSCODE, Field.PASSCODE), b"ticket"),
        Challenge("code?", (Field.PASSCODE,), b""),
        Challenge("code?", (Field.PASSCODE,), bytes(513)),
        Challenge("\x1b[2J", (Field.PASSCODE,), b"ticket"),
    ],
)
def test_no_verdict_is_about_somebody_else_or_larger_than_one_may_be(verdict):
    assert objection(ALICE, verdict)


@pytest.mark.parametrize(
    "verdict",
    [
        Accepted("alice", Grants(routes=ROUTES[1:], message="welcome\nback", session_time=0.0, sessions=0)),
        Refused(WrongPassword("alice")),
        Challenge("code?", (Field.PASSCODE,), bytes(512)),
    ],
)
def test_what_honest_ones_say_is_believed(verdict):
    assert objection(ALICE, verdict) == ""


EAP = replace(ALICE, answers=(), shown=EapPacket(b"\x02\x07\x00\x0a\x01alice"))
MSCHAP = replace(ALICE, answers=(), shown=MschapResponse(bytes(16), bytes(16), bytes(24)))
MSK = Secret(bytes(64))
SUCCESS, FAILURE, REQUEST = b"\x03\x07\x00\x04", b"\x04\x07\x00\x04", b"\x01\x08\x00\x05\x06"


@pytest.mark.parametrize(
    ("attempt", "verdict"),
    [
        (ALICE, Accepted("alice", proved=Proved(MSK, packet=SUCCESS))),
        (ALICE, Challenge("code?", (Field.PASSCODE,), b"ticket", REQUEST)),
        (ALICE, Refused(WrongPassword("alice"), FAILURE)),
        (EAP, Accepted("alice")),
        (EAP, Accepted("alice", proved=Proved(MSK))),
        (EAP, Accepted("alice", proved=Proved(MSK, packet=FAILURE))),
        (EAP, Accepted("alice", proved=Proved(Secret(bytes(63)), packet=SUCCESS))),
        (EAP, Accepted("alice", proved=Proved(Secret(bytes(32)), packet=SUCCESS))),
        (EAP, Accepted("alice", proved=Proved(MSK, bytes(20), SUCCESS))),
        (EAP, Accepted("alice", Grants(pool="\n"), Proved(MSK, packet=SUCCESS))),
        (EAP, Challenge("", (), b"ticket")),
        (EAP, Challenge("", (), b"", REQUEST)),
        (EAP, Challenge("", (Field.PASSCODE,), b"ticket", REQUEST)),
        (EAP, Challenge("", (), b"ticket", SUCCESS)),
        (EAP, Challenge("", (), b"ticket", REQUEST + b"more")),
        (EAP, Challenge("", (), b"ticket", b"\x01\x08\x10\x01" + bytes(4093))),
        (EAP, Refused(WrongPassword("alice"), SUCCESS)),
        (EAP, Refused(WrongPassword("alice"), FAILURE + b"more")),
        (MSCHAP, Accepted("alice")),
        (MSCHAP, Accepted("alice", proved=Proved(MSK))),
        (MSCHAP, Accepted("alice", proved=Proved(Secret(b""), bytes(20)))),
        (MSCHAP, Accepted("alice", proved=Proved(MSK, bytes(20), SUCCESS))),
        (MSCHAP, Challenge("code?", (Field.PASSCODE,), b"ticket")),
        (MSCHAP, Refused(WrongPassword("alice"), FAILURE)),
    ],
)
def test_no_verdict_is_of_another_kind_than_what_was_shown(attempt, verdict):
    assert objection(attempt, verdict)


@pytest.mark.parametrize(
    ("attempt", "verdict"),
    [
        (EAP, Accepted("anna", proved=Proved(MSK, packet=SUCCESS))),
        (EAP, Accepted("anna", proved=Proved(Secret(b""), packet=SUCCESS))),
        (EAP, Challenge("", (), b"ticket", REQUEST)),
        (EAP, Challenge("", (), b"ticket", b"\x01\x08\x10\x00" + bytes(4092))),
        (EAP, Refused(WrongPassword("alice"), FAILURE)),
        (EAP, Refused(WrongPassword("alice"))),
        (MSCHAP, Accepted("alice", proved=Proved(MSK, bytes(20)))),
        (MSCHAP, Refused(WrongPassword("alice"))),
    ],
)
def test_what_honest_ones_say_to_what_was_shown_is_believed(attempt, verdict):
    assert objection(attempt, verdict) == ""


def test_a_user_has_the_name_that_the_back_end_has_for_him():
    assert objection(ALICE, Accepted("Alice A.")) == ""
    assert objection(ALICE, Refused(WrongPassword("Alice A.")))


class Liar:
    """The process's end of the line on which it is asked, without what holds it back."""

    def __init__(self, end) -> None:
        self.end = end

    async def hear(self, verb) -> Frame:
        """The next question, which is for this verb."""
        while True:
            try:
                frame = receive(self.end)
            except BlockingIOError:
                await asyncio.sleep(0)
                continue
            if frame.kind is Kind.REQUEST and frame.verb == verb.number:
                return frame

    def say(self, verb, ticket: int, value: object) -> None:
        send(self.end, Frame(Kind.ANSWER, verb.number, ticket, encode(verb.answer, value)))

    def waiting(self) -> int:
        """Questions that came and were not read."""
        count = 0
        try:
            while True:
                receive(self.end)
                count += 1
        except BlockingIOError:
            return count


class Attending:
    """In a supervisor's place: the process is whoever has `liar`."""

    def __init__(self, _program, care, _pause) -> None:
        self.care = care
        self.lost: list[str] = []

    async def start(self) -> None:
        self.care.begin()

    def lose(self, why: str) -> None:
        self.lost.append(why)

    async def stop(self) -> None:
        await self.care.let_go()


@asynccontextmanager
async def attended(monkeypatch, settings):
    """A warden's back ends, the liar that has its settings already, and who attends to it."""
    made = []

    class Here(Attending):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            made.append(self)

        async def start(self) -> None:
            await super().start()
            self.liar = Liar(back_ends._line.theirs.dup())
            self.liar.end.setblocking(False)
            first = await self.liar.hear(CONFIGURE)
            self.liar.say(CONFIGURE, first.ticket, Confined(1, "toy", "toys", 0, "", ()))

    monkeypatch.setattr(far_back_ends, "Supervisor", Here)
    back_ends = FarBackEnds(Start(Nothing(), lambda _: None))
    await back_ends.use(settings)
    try:
        async with asyncio.timeout(60):
            yield back_ends, made[0].liar, made[0]
    finally:
        await back_ends.stop()
        made[0].liar.end.close()


class Nothing:
    """In the program's place."""

    def close(self) -> None:
        """There is nothing."""


def opened() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def ask(back_ends, attempt=ALICE):
    return asyncio.ensure_future(back_ends.judge(BackEnd.RADIUS, attempt))


def reply(kind, verb, ticket, body=b""):
    return lambda liar, asked: send(liar.end, Frame(kind, verb, ticket if ticket is not None else asked, body))


def with_descriptor(liar, asked):
    null = os.open("/dev/null", os.O_RDONLY)
    try:
        send(liar.end, Frame(Kind.ANSWER, CHECK.number, asked, encode(CHECK.answer, Accepted("alice")), (null,)))
    finally:
        os.close(null)


LIES = {
    "nonsense": lambda liar, asked: liar.end.send(b"nonsense"),
    "half a head": lambda liar, asked: liar.end.send(struct.pack("!BBI", 2, CHECK.number, asked)),
    "an answer that nobody waits for": reply(Kind.ANSWER, CHECK.number, 4_000_000),
    "an answer for another verb": reply(Kind.ANSWER, CONFIGURE.number, None),
    "no verdict": reply(Kind.ANSWER, CHECK.number, None, b"\xff" * 20),
    "a verdict that is too long": reply(Kind.ANSWER, CHECK.number, None, bytes(CHECK.most_answer + 1)),
    "a question": reply(Kind.REQUEST, READY.number, 1),
    "a login that it asks for": lambda liar, asked: send(
        liar.end, Frame(Kind.REQUEST, 10, 1, encode(LoginAttempt, ALICE))
    ),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_one_that_breaks_a_rule_is_ended_and_no_login_hangs(monkeypatch, radius, lie):
    async def story():
        async with attended(monkeypatch, radius) as (back_ends, liar, attending):
            under_way = ask(back_ends)
            lie(liar, (await liar.hear(CHECK)).ticket)
            verdict = await under_way
            return verdict, attending.lost, await ask(back_ends)

    verdict, lost, later = asyncio.run(story())
    assert not verdict.judged
    assert not later.judged
    assert len(lost) == 1
    assert "process of back ends" in lost[0]


def test_no_descriptor_of_it_stays_with_the_warden(monkeypatch, radius):
    """Sending one fails, or it is closed and the process is ended."""

    async def story():
        async with attended(monkeypatch, radius) as (back_ends, liar, attending):
            before = opened()
            under_way = ask(back_ends)
            asked = (await liar.hear(CHECK)).ticket
            try:
                with_descriptor(liar, asked)
            except OSError:
                return True
            verdict = await under_way
            return not verdict.judged and bool(attending.lost) and opened() <= before

    assert asyncio.run(story())


def test_a_lie_about_a_login_costs_that_login_alone_and_few_lines(monkeypatch, radius, caplog):
    async def story():
        async with attended(monkeypatch, radius) as (back_ends, liar, attending):
            verdicts = []
            for _ in range(50):
                under_way = ask(back_ends)
                liar.say(CHECK, (await liar.hear(CHECK)).ticket, Refused(WrongPassword("mallory")))
                verdicts.append(await under_way)
            under_way = ask(back_ends)
            liar.say(CHECK, (await liar.hear(CHECK)).ticket, Accepted("alice"))
            return verdicts, await under_way, attending.lost

    verdicts, honest, lost = asyncio.run(story())
    assert {each.judged for each in verdicts} == {False}
    assert "answered what it may not: a reason about another user" in verdicts[0].reason.text
    assert honest == Accepted("alice")
    assert lost == []
    assert len([line for line in caplog.messages if "answered what it may not" in line]) == 20


def test_a_reload_does_not_wait_for_one_that_takes_no_settings(monkeypatch, radius):
    """Whoever held a reload up would hold up the start of the next daemon, too."""
    monkeypatch.setattr(far_back_ends, "LONGEST_TAKING", 0.01)

    async def story():
        async with attended(monkeypatch, radius) as (back_ends, _, attending):
            with pytest.raises(OSError, match="took no settings within"):
                await back_ends.use(asking("open"))
            return attending.lost

    (lost,) = asyncio.run(story())
    assert "took no settings" in lost


@pytest.mark.parametrize(
    "groups",
    [frozenset({"staff", "a\x1b[2J\nb"}), frozenset({"g" * 65}), frozenset(map(str, range(MOST_GROUPS + 1)))],
    ids=("no text", "long", "many"),
)
def test_groups_that_no_honest_one_tells_are_none(monkeypatch, radius, groups):
    async def story():
        async with attended(monkeypatch, radius) as (back_ends, liar, attending):
            told = []
            for answer in (groups, frozenset({"staff"})):
                under_way = asyncio.ensure_future(back_ends.groups("alice"))
                liar.say(GROUPS, (await liar.hear(GROUPS)).ticket, answer)
                told.append((await asyncio.gather(under_way, return_exceptions=True))[0])
            return *told, attending.lost

    fault, honest, lost = asyncio.run(story())
    assert isinstance(fault, OSError)
    assert "answered what it may not" in str(fault)
    assert (honest, lost) == ({"staff"}, [])


def test_it_names_no_conversation_of_somebody_else(monkeypatch, radius):
    """Two persons whose conversations have one name there have two here; each goes on with the own one."""

    async def story():
        async with attended(monkeypatch, radius) as (back_ends, liar, _):
            named = []
            for _ in range(2):
                under_way = ask(back_ends)
                asked = Challenge("code?", (Field.PASSCODE,), b"the same")
                liar.say(CHECK, (await liar.hear(CHECK)).ticket, asked)
                named.append((await under_way).conversation)
            under_way = ask(back_ends, replace(ALICE, conversation=b"the same"))
            return named, await under_way, liar.waiting()

    (first, second), guessed, waiting = asyncio.run(story())
    assert first != second
    assert not guessed.judged
    assert waiting == 0  # the process heard nothing of it


def test_conversations_that_nobody_ends_are_a_bounded_number(monkeypatch, radius):
    monkeypatch.setattr(far_back_ends, "MOST_OPEN", 2)

    async def story():
        async with attended(monkeypatch, radius) as (back_ends, liar, _):
            for number in range(3):
                under_way = ask(back_ends)
                asked = Challenge("code?", (Field.PASSCODE,), b"round %d" % number)
                liar.say(CHECK, (await liar.hear(CHECK)).ticket, asked)
                if number == 2:
                    left = decode(ABANDON_ROUND.request, (given := await liar.hear(ABANDON_ROUND)).body)
                    liar.say(ABANDON_ROUND, given.ticket, None)
                await under_way
            return left

    assert asyncio.run(story()) == Abandoned(BackEnd.RADIUS, b"round 0")


def test_nobody_waits_for_one_that_abandons_nothing(monkeypatch, radius):
    """The next daemon begins when the conversations of the last one are abandoned."""
    monkeypatch.setattr(far_back_ends, "LONGEST_ABANDON", 0.01)

    async def story():
        async with attended(monkeypatch, radius) as (back_ends, liar, attending):
            under_way = ask(back_ends)
            liar.say(CHECK, (await liar.hear(CHECK)).ticket, Challenge("code?", (Field.PASSCODE,), b"round"))
            await back_ends.abandon(BackEnd.RADIUS, (await under_way).conversation)
            await liar.hear(ABANDON_ROUND)
            return attending.lost

    assert asyncio.run(story()) == []


def test_logins_under_way_are_a_bounded_number(monkeypatch, radius):
    monkeypatch.setattr(far_back_ends, "CHECK", replace(CHECK, most_asked=3))

    async def story():
        async with attended(monkeypatch, radius) as (back_ends, liar, _):
            asked = [ask(back_ends) for _ in range(10)]
            for _ in range(50):
                await asyncio.sleep(0)
            waiting = liar.waiting()
            for each in asked:
                each.cancel()
            return waiting

    assert asyncio.run(story()) == 3
