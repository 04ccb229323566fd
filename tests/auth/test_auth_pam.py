"""The gateway's side of a login by PAM, against processes that say what a test wants: what is no verdict lets nobody
in."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from far import until
from lotor.auth import Throttle
from lotor.auth.current import CurrentLogins
from lotor.auth.housed import Housed
from lotor.auth.pam import PamLogins, logins, process
from lotor.auth.pam.modules import Modules, environment
from lotor.auth.pam.places import Places
from lotor.auth.pam.process import ERROR_MSG, PROMPT_ECHO_OFF, PROMPT_ECHO_ON, TEXT_INFO, Talk, packed, unpacked
from lotor.auth.workers import BusyError, Turn
from lotor.config import loads
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import AccountExpired, AnswerLate, BackEndFault, PamRefused, PasswordDue
from lotor.model.secret import Secret
from lotor.warden.engines import logins_of

SPEAKER = """
import socket, sys, time
line = socket.socket(fileno=int(sys.argv[-1]))
line.recv(32768)
for each in sys.argv[1].split():
    line.sendall(bytes.fromhex(each))
    line.recv(32768)
"""
YES = packed(b"done", b"proved", b"0", b"Success", b"alice", b"")
QUESTION = packed(b"ask", b"0", b"Code: ", b"")


class Beats:
    """A beat that counts."""

    def __init__(self) -> None:
        self.waited = 0

    def now(self) -> float:
        return 0.0

    async def next(self, began: float) -> None:
        del began
        self.waited += 1


class Scripted:
    """Processes that say these messages, each after one that came."""

    def __init__(self, *messages: bytes) -> None:
        self._words = (sys.executable, "-I", "-S", "-c", SPEAKER, " ".join(each.hex() for each in messages))
        self.started: list[Modules] = []
        self.ended = 0

    def __call__(self, ended):
        def over():
            self.ended += 1
            ended()

        self.started.append(Modules(over, self._words))
        return self.started[-1]


def attempt(password: str = "secret", conversation: bytes = b"", answer: Field = Field.PASSWORD) -> LoginAttempt:
    return LoginAttempt("alice", ((answer, Secret(password)),), Peer(ip_address("198.51.100.7"), 4500), conversation)


@pytest.fixture(autouse=True)
def _a_service(monkeypatch):
    monkeypatch.setattr(logins, "missing", lambda _: "")


def engine(start, beat: Beats | None = None, places: Places | None = None) -> PamLogins:
    return PamLogins("racoon", beat=beat or Beats(), places=places, start=start)  # type: ignore[arg-type]  # a beat that counts


def played(start, *answers: str, beat: Beats | None = None):
    async def play():
        backend = engine(start, beat)
        verdict = await backend.judge(attempt())
        for answer in answers:
            assert isinstance(verdict, Challenge), verdict
            verdict = await backend.judge(attempt(answer, verdict.conversation, Field.PASSCODE))
        if isinstance(verdict, Challenge):
            await backend.abandon(verdict.conversation)
        await until(lambda: start.ended == len(start.started))
        return verdict

    return asyncio.run(play())


# --- what a process says ---------------------------------------------------------------------------------------------


def test_a_verdict_and_a_question():
    assert played(Scripted(YES)) == Accepted("alice")
    assert played(Scripted(QUESTION, YES), "123456") == Accepted("alice")


@pytest.mark.parametrize(
    "message",
    [
        b"yes",
        b"\xff" * 40,
        packed(b"proved"),
        packed(b"done"),
        packed(b"done", b"proved"),
        packed(b"done", b"proved", b"zero", b"", b"alice", b""),
        packed(b"ask", b"1"),
        packed(b"other", b"proved", b"0", b"Success", b"alice", b""),
        packed(b"done", b"proved", b"0", b"Success", b"\xff", b""),
        packed(b"done", b"proved", b"0", b"Success", b"", b""),
        packed(b"done", b"proved", b"0", b"Success", b"a\nb", b""),
        packed(b"done", b"proved", b"7", b"", b"alice", b""),
        packed(b"done", b"authenticate", b"26", b"", b"alice", b""),
        packed(b"done", b"unusable", b"4", b"libpam.so.0 is missing", b"alice", b""),
    ],
)
def test_words_that_are_no_verdict_are_a_fault(message):
    told = played(Scripted(message))
    assert isinstance(told, Refused)
    assert isinstance(told.reason, BackEndFault), told
    assert not told.judged


def test_a_process_that_goes_without_a_word_is_a_fault():
    told = played(Scripted())
    assert "ended without a verdict (exit code 0)" in told.reason.text
    between = played(Scripted(QUESTION), "123456")
    assert isinstance(between.reason, BackEndFault)


@pytest.mark.parametrize(
    ("step", "code", "kind", "words"),
    [
        (b"authenticate", 7, PamRefused, ""),
        (b"authenticate", 10, PamRefused, ""),
        (b"authenticate", 13, PamRefused, ""),
        (b"authenticate", 12, PamRefused, ""),
        (b"account", 13, AccountExpired, "your account has expired"),
        (b"account", 12, PasswordDue, "your password has expired"),
        (b"account", 27, PasswordDue, "your password has expired"),
        (b"account", 6, PamRefused, ""),
        (b"credentials", 17, PamRefused, ""),
    ],
)
def test_dates_are_told_where_the_password_was_right_and_nowhere_else(step, code, kind, words):
    told = played(Scripted(packed(b"done", step, b"%d" % code, b"Some error", b"alice", b"")))
    assert type(told.reason) is kind
    assert told.judged
    assert told.reason.message.startswith(words)
    assert bool(told.reason.message) == bool(words)
    says = played(Scripted(packed(b"done", step, b"%d" % code, b"Some error", b"alice", b"ask your boss,\nor mine")))
    assert says.reason.message == "ask your boss, or mine"


def test_a_question_and_a_refusal_are_told_on_the_beat():
    beats = Beats()
    played(Scripted(QUESTION), beat=beats)
    assert beats.waited == 1
    played(Scripted(packed(b"done", b"authenticate", b"7", b"", b"alice", b"")), beat=beats)
    assert beats.waited == 2
    played(Scripted(YES), beat=beats)
    played(Scripted(b"broken"), beat=beats)
    assert beats.waited == 2


# --- ends ------------------------------------------------------------------------------------------------------------


def test_who_never_answers_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(logins, "FOR_PERSON", 0.0)
    start = Scripted(QUESTION)

    async def play():
        backend = engine(start)
        challenge = await backend.judge(attempt())
        await until(lambda: start.ended)
        late = await backend.judge(attempt("1", challenge.conversation, Field.PASSCODE))
        assert isinstance(late.reason, AnswerLate)
        assert "try again" in late.reason.message

    asyncio.run(play())


def test_whoever_goes_while_a_question_waits_for_its_beat_leaves_no_process():
    start = Scripted(QUESTION)

    class Endless(Beats):
        async def next(self, began: float) -> None:
            await super().next(began)
            await asyncio.Event().wait()

    async def play():
        beat = Endless()
        asked = asyncio.ensure_future(engine(start, beat).judge(attempt()))
        await until(lambda: beat.waited)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await until(lambda: start.ended)

    asyncio.run(play())


def test_where_no_process_can_be_started_the_place_is_free_again():
    def start(ended):
        raise OSError(11, "Resource temporarily unavailable")

    async def play():
        backend = engine(start, places=Places(1, room=0))
        for _ in range(2):
            told = await backend.judge(attempt())
            assert "no process for PAM could be started" in told.reason.text

    asyncio.run(play())


def test_a_reload_ends_no_conversation_and_makes_no_new_places():
    start = Scripted(QUESTION, YES)

    async def play():
        current = CurrentLogins()
        current.use(Throttle(engine(start, places=Places(1, room=0)), 0))
        challenge = await current.judge(attempt())
        current.use(Throttle(engine(start), 0))
        busy = await current.judge(attempt())
        assert "logins are waiting already" in busy.reason.text
        assert await current.judge(attempt("1", challenge.conversation, Field.PASSCODE)) == Accepted("alice")
        await until(lambda: start.ended)
        assert isinstance(await current.judge(attempt()), Challenge)

    asyncio.run(play())


def test_a_conversation_goes_on_under_its_own_name_only():
    """Else each name would be a fresh start for who guesses the code of one."""
    start = Scripted(QUESTION, YES)

    async def play():
        current = CurrentLogins()
        current.use(Throttle(engine(start), 0))
        challenge = await current.judge(attempt())
        other = await current.judge(replace(attempt("1", challenge.conversation, Field.PASSCODE), user="bob"))
        assert other == Refused(AnswerLate("bob"))
        await until(lambda: start.ended)
        assert await current.judge(attempt("1", challenge.conversation, Field.PASSCODE)) == Refused(AnswerLate("alice"))

    asyncio.run(play())


def test_the_engine_of_a_configuration():
    text = "mode_cfg { network4 10.99.99.1; auth_source pam; }"
    throttle = logins_of(loads(text).settings.mode_cfg, SimpleNamespace(), Housed())  # type: ignore[arg-type]  # nobody asks them
    assert isinstance(throttle, Throttle)
    assert isinstance(throttle.backend, PamLogins)


# --- places ----------------------------------------------------------------------------------------------------------


def test_sources_take_turns_and_who_is_known_goes_first():
    async def play():
        places, order = Places(1), []
        await places.take(Turn("x"), lambda _: None)

        async def one(name, turn):
            await places.take(turn, lambda _: None)
            order.append(name)
            places.give_back()

        crowd = [asyncio.ensure_future(one(f"crowd {each}", Turn("crowd"))) for each in range(2)]
        await until(lambda: places.waiting == 2)
        others = [asyncio.ensure_future(one("other", Turn("other")))]
        await until(lambda: places.waiting == 3)
        others.append(asyncio.ensure_future(one("known", Turn("k", first=True))))
        await until(lambda: places.waiting == 4)
        places.give_back()
        await asyncio.gather(*crowd, *others)
        assert order == ["known", "crowd 0", "other", "crowd 1"]

    asyncio.run(play())


def test_a_place_whose_taker_goes_is_given_to_the_next():
    async def play():
        places = Places(1, room=2)
        await places.take(Turn("x"), lambda _: None)
        first, second = (asyncio.ensure_future(places.take(Turn(each), lambda _: None)) for each in "ab")
        await until(lambda: places.waiting == 2)
        with pytest.raises(BusyError):
            await places.take(Turn("c"), lambda _: None)
        places.give_back()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await second
        places.give_back()
        await places.take(Turn("d"), lambda _: None)

    asyncio.run(play())


# --- inside, without PAM ---------------------------------------------------------------------------------------------


def test_messages_are_cut_where_they_say():
    for parts in ([], [b""], [b"a", b"", b"c" * 300], [bytes(range(256))] * 5):
        assert unpacked(packed(*parts)) == parts
    for wrong in (b"\0", b"\0\0\0\5abc", b"\xff" * 9, packed(*[b""] * 200)):
        with pytest.raises(ValueError, match="not a message"):
            unpacked(wrong)


def test_who_is_asked_what():
    asked = []

    def ask(prompt: bytes, seen: bool, said: bytes) -> bytes:
        asked.append((prompt, seen, said))
        return b"answer"

    talk = Talk(b"alice", b"secret", ask)
    assert talk.say(TEXT_INFO, b"welcome") == b""
    assert talk.say(PROMPT_ECHO_OFF, b"Password: ") == b"secret"
    assert talk.say(PROMPT_ECHO_ON, process.ASKS_FOR_NAME) == b"alice"
    assert talk.say(PROMPT_ECHO_OFF, b"Password: ") == b"secret"
    assert talk.say(ERROR_MSG, b"careful") == b""
    assert talk.say(PROMPT_ECHO_ON, b"login: ") == b"answer"
    assert talk.say(PROMPT_ECHO_OFF, b"Code: ") == b"answer"
    assert asked == [(b"login: ", True, b"welcome\ncareful"), (b"Code: ", False, b"")]
    assert talk.say(TEXT_INFO, b"bye") == b""
    assert talk.taken() == b"bye"


def test_what_cannot_be_answered():
    talk = Talk(b"alice", b"secret", lambda *_: b"nu\0l")
    talk.say(PROMPT_ECHO_OFF, b"Password: ")
    for style, prompt in ((5, b"radio"), (7, b"binary"), (PROMPT_ECHO_ON, b"Colour? ")):
        with pytest.raises(ValueError, match=r"prompt|answer"):
            talk.say(style, prompt)
    for _ in range(process.MOST_PROMPTS - 4):
        talk.say(TEXT_INFO, b"x" * 2000)
    with pytest.raises(ValueError, match="too many"):
        talk.say(TEXT_INFO, b"x")
    assert len(talk.taken()) == process.LONGEST_SAID


def test_of_the_environment_modules_find_the_time_zone():
    whole = {"TZ": "UTC", "SECRET": "x", "PATH": "/srv/bin", "PYTHONPATH": "/srv", "LD_LIBRARY_PATH": "/opt/lib"}
    assert environment(whole) == {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "TZ": "UTC",
        "LD_LIBRARY_PATH": "/opt/lib",
    }
