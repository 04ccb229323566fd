"""The second factor of lotor's own users: in a second round or behind the password, never twice, and not guessed."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.auth import Checks, Clock, LocalLogins, Proofs, Throttle, UserFile
from lotor.auth import local as module
from lotor.auth import spent as spending
from lotor.auth.codes import new_recovery_codes, parted, recovery_digest, six_digits
from lotor.auth.housed import Housed
from lotor.auth.second import FREE, LONGEST_PAUSE, MOST_OPEN, PAUSE, TYPING, SecondFactors
from lotor.auth.spent import SpentCodes, SpentError
from lotor.crypto.passwords import Cost, check_password
from lotor.crypto.totp import STEP, code_of, new_key, step_of
from lotor.files.private import FileError
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import (
    AccountChanged,
    AnswerLate,
    BackEndFault,
    Locked,
    TooManyCodes,
    UnknownUser,
    WrongCode,
    WrongPassword,
)
from lotor.model.secret import Secret

CHEAP = Cost(memory=64, passes=1, lanes=1)
PASSWORD = Secret("correct horse")
KEY = Secret(b"12345678901234567890")
NOON = 1_800_000_000.0
RECOVERY = Secret("abcd-efgh-ijkl")


@pytest.fixture
def users(tmp_path: Path) -> UserFile:
    """alice has a second factor, bob has none."""
    file = UserFile(tmp_path / "users", CHEAP)
    file.add("alice", PASSWORD)
    file.add("bob", PASSWORD)
    digest = recovery_digest("alice", RECOVERY)
    file.change("alice", lambda user: replace(user, facts=replace(user.facts, totp=KEY, recovery=(digest,))))
    return file


class Gateway:
    """Logins in virtual time: `wall` is what its clock shows, `now` what has passed."""

    def __init__(self, users: UserFile, *, wall: float = NOON, remember: float = 1000.0, spent: Path | None = None):
        self.users, self.now, self.wall = users, 100.0, wall
        self.path = spent or users.path.with_name("spent-codes")
        clock = Clock(lambda: self.now, self._sleep, lambda: self.wall)
        self.checks = Checks(None, Proofs(remember, clock.now), clock)
        self.housed = Housed()
        second = SecondFactors(SpentCodes(self.path), remember, self.housed, clock)
        self.logins = LocalLogins(users, self.checks, second=second)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    def login(self, password: str = "correct horse", user: str = "alice", source: str = "198.51.100.7"):
        return self._judge(user, Field.PASSWORD, password, b"", source)

    def code(self, code: str, challenge: Challenge, user: str = "alice", source: str = "198.51.100.7"):
        return self._judge(user, Field.PASSCODE, code, challenge.conversation, source)

    def _judge(self, user, field, text, conversation, source):
        attempt = LoginAttempt(user, ((field, Secret(text)),), Peer(ip_address(source), 4500), conversation)
        return asyncio.run(self.logins.judge(attempt))

    def now_code(self, steps: int = 0) -> str:
        return code_of(KEY, int(self.wall // STEP) + steps)


@pytest.fixture
def gateway(users) -> Gateway:
    return Gateway(users)


# --- codes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_the_codes_of_rfc_6238(seconds, code):
    """Appendix B, SHA-1; of its eight digits the last six."""
    assert code_of(KEY, seconds // STEP) == code


@pytest.mark.parametrize(("steps", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_the_neighbours_of_the_present_code_count(steps, counts):
    present = int(NOON // STEP)
    assert (step_of(KEY, code_of(KEY, present + steps), NOON) == present + steps) is counts


def test_a_clock_at_the_beginning_of_time_has_codes():
    assert step_of(KEY, code_of(KEY, 0), 0.0) == 0
    assert step_of(KEY, "x", 0.0) is None
    assert len(new_key()) == 20
    assert new_key() != new_key()


@pytest.mark.parametrize(
    ("given_", "parts"),
    [
        ("password123456", [("password", "123456")]),
        ("password,123456", [("password", "123456"), ("password,", "123456")]),
        ("password,,123456", [("password,", "123456"), ("password,,", "123456")]),
        ("password1234567", [("password1", "234567")]),
        ("passwordabcd-efgh-ijkl", [("password", "abcd-efgh-ijkl")]),
        ("pass\nword123456", [("pass\nword", "123456")]),
        (",123456", [(",", "123456")]),
        ("123456", []),
        ("password12345", []),
        ("password", []),
        ("password\uff11\uff12\uff13\uff14\uff15\uff16", []),
        ("", []),
    ],
)
def test_where_a_password_may_end(given_, parts):
    assert parted(Secret(given_)) == tuple(tuple(map(Secret, each)) for each in parts)


@given(st.binary(max_size=40) | st.from_regex(rb".{0,5},?[0-9]{5,7}", fullmatch=True))
def test_a_password_and_its_code_are_what_was_given(octets):
    for password, code in parted(Secret(octets)):
        assert octets in {password.reveal() + code.reveal(), password.reveal() + b"," + code.reveal()}


def test_recovery_codes_are_many_and_of_one_user():
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(recovery_digest("alice", Secret(code)) for code in codes)
    code = codes[0]
    same = {recovery_digest("alice", Secret(text)) for text in (code, code.upper(), code.replace("-", ""), f" {code}")}
    assert len(same) == 1
    assert recovery_digest("bob", Secret(code)) not in same
    assert recovery_digest("alice", Secret("abc")) is None
    assert recovery_digest("alice", Secret("a" * 9999)) is None
    assert six_digits(Secret("123 456")) == "123456"
    assert six_digits(Secret("1" * 9999)) is None


# --- logins ----------------------------------------------------------------------------------------------------------


def test_a_password_asks_for_the_code(gateway):
    challenge = gateway.login()
    assert isinstance(challenge, Challenge)
    assert challenge.wants == (Field.PASSCODE,)
    assert gateway.code(gateway.now_code(), challenge) == Accepted("alice")
    assert gateway.login(user="bob") == Accepted("bob")


@pytest.mark.parametrize("between", ["", ","])
def test_a_code_behind_the_password_opens_at_once(gateway, between):
    assert gateway.login(f"correct horse{between}{gateway.now_code()}") == Accepted("alice")


def test_a_password_that_ends_like_a_code_is_a_password(gateway):
    gateway.users.passwd("alice", Secret("horse123456"))
    gateway.users.passwd("bob", Secret("horse123456"))
    assert isinstance(gateway.login("horse123456"), Challenge)
    assert gateway.login("horse123456" + gateway.now_code()) == Accepted("alice")
    assert gateway.login("horse123456", user="bob") == Accepted("bob")
    assert gateway.login("horse123456123456", user="bob") == Refused(WrongPassword("bob"))


@pytest.mark.parametrize("between", ["", ","])
def test_a_comma_at_the_end_of_a_password_is_its_own(gateway, between):
    gateway.users.passwd("alice", Secret("horse,"))
    assert gateway.login(f"horse,{between}{gateway.now_code()}") == Accepted("alice")


@pytest.mark.parametrize("text", ["correct horse", "correct horse123456", "correct horse,123456"])
def test_a_locked_user_costs_the_same_whatever_the_password(gateway, text):
    """The refusal says nothing of the password, so its time must not either."""
    gateway.users.lock("alice")
    hashes = []
    fits = gateway.logins.fits
    gateway.logins.fits = lambda *given: hashes.append(1) or fits(*given)
    assert gateway.login(text) == Refused(Locked("alice", "user"))
    right = len(hashes)
    assert gateway.login(text.replace("c", "k")) == Refused(WrongPassword("alice"))
    assert len(hashes) == 2 * right


def test_wrong_codes_are_refused(gateway):
    for code in (gateway.now_code(-2), gateway.now_code(2)):
        assert gateway.login(f"correct horse{code}") == Refused(WrongCode("alice"))
    for code in ("", "12345", "x" * 1024, "\0"):
        assert gateway.code(code, gateway.login()).reason in {WrongCode("alice"), TooManyCodes("alice", 30)}


def test_a_ticket_is_of_one_user_and_good_for_one_round(gateway):
    challenge, code = gateway.login(), gateway.now_code()
    assert gateway.code(code, challenge, user="bob") == Refused(AnswerLate("bob"))
    assert gateway.code(code, challenge) == Refused(AnswerLate("alice"))
    challenge = gateway.login()
    asyncio.run(gateway.logins.abandon(challenge.conversation))
    assert gateway.code(code, challenge) == Refused(AnswerLate("alice"))
    assert gateway.code(code, Challenge("", (), b"made up")) == Refused(AnswerLate("alice"))
    assert gateway.code(code, gateway.login()) == Accepted("alice"), "none of them has spent the code"


def test_who_types_too_long_begins_anew(gateway):
    challenge = gateway.login()
    gateway.passes(TYPING + 1)
    assert gateway.code(gateway.now_code(), challenge) == Refused(AnswerLate("alice"))


def test_logins_that_wait_for_their_code_are_bounded(gateway):
    first = gateway.login()
    proof = gateway.logins._second._open[first.conversation].proof
    for _ in range(MOST_OPEN):
        gateway.logins._second.ask("alice", proof)
    assert len(gateway.logins._second._open) == MOST_OPEN
    assert gateway.code(gateway.now_code(), first) == Refused(AnswerLate("alice"))


def test_what_changes_between_the_rounds_counts(gateway):
    challenge = gateway.login()
    gateway.users.lock("alice")
    assert gateway.code(gateway.now_code(), challenge) == Refused(Locked("alice", "user"))
    gateway.users.lock("alice", locked=False)
    challenge = gateway.login()
    gateway.users.passwd("alice", PASSWORD)
    assert gateway.code(gateway.now_code(), challenge) == Refused(AccountChanged("alice"))
    challenge = gateway.login()
    gateway.users.remove("alice")
    assert gateway.code(gateway.now_code(), challenge) == Refused(AccountChanged("alice"))


def test_a_hash_made_anew_between_the_rounds_is_no_change(users):
    """The password is hashed anew in the first round, and written while the person types the code."""
    gateway = Gateway(UserFile(users.path, Cost(memory=128, passes=1, lanes=1)))
    gateway.logins._renewals._pause = 0
    challenge = gateway.login()
    deadline = 1200
    while "m=128" not in users.path.read_text() and deadline:
        asyncio.run(asyncio.sleep(0.05))
        deadline -= 1
    assert gateway.code(gateway.now_code(), challenge) == Accepted("alice")


# --- no code twice ---------------------------------------------------------------------------------------------------


def test_no_code_opens_twice_in_either_form(users):
    gateway = Gateway(users, remember=0)
    code = gateway.now_code()
    assert gateway.login(f"correct horse{code}") == Accepted("alice")
    assert gateway.login(f"correct horse{code}") == Refused(WrongCode("alice"))
    assert gateway.code(code, gateway.login()) == Refused(WrongCode("alice"))
    assert gateway.code(gateway.now_code(-1), gateway.login()) == Refused(WrongCode("alice")), "the one before, too"
    gateway.passes(STEP)
    assert gateway.code(gateway.now_code(), gateway.login()) == Accepted("alice")


def test_no_code_opens_twice_across_a_restart_and_at_another_engine(users):
    code = Gateway(users).now_code()
    assert Gateway(users).login(f"correct horse{code}") == Accepted("alice")
    assert Gateway(users).login(f"correct horse{code}") == Refused(WrongCode("alice"))


def test_a_reload_forgets_no_code_and_no_login_that_waits(users):
    former, later = Gateway(users), Gateway(users)
    challenge = former.login()
    for _ in range(FREE):
        former.code("000000", former.login())
    Throttle(later.logins, 0).take_over(Throttle(former.logins, 0))
    assert former.code(former.now_code(), challenge) == Accepted("alice")
    assert later.code(former.now_code(), later.login(source="203.0.113.9")) == Refused(WrongCode("alice"))


def test_a_clock_that_jumps_back_revives_no_code(users):
    gateway = Gateway(users, remember=0)
    assert gateway.login(f"correct horse{gateway.now_code()}") == Accepted("alice")
    gateway.wall -= 3600
    assert gateway.login(f"correct horse{gateway.now_code()}") == Refused(WrongCode("alice"))
    gateway.users.change("alice", lambda user: replace(user, facts=replace(user.facts, totp=Secret(b"x" * 20))))
    code = code_of(Secret(b"x" * 20), int(gateway.wall // STEP))
    assert gateway.login(f"correct horse{code}") == Accepted("alice"), "a new key is not bound by the old one's codes"


def test_two_gateways_whose_clocks_differ(users, tmp_path):
    """Each takes the code of a phone between them; with one list of used codes only one of them does."""
    ahead, behind = (Gateway(users, wall=NOON + lag, spent=tmp_path / str(lag)) for lag in (STEP, -STEP))
    code = code_of(KEY, int(NOON // STEP))
    assert ahead.login(f"correct horse{code}") == behind.login(f"correct horse{code}") == Accepted("alice")
    shared = [Gateway(users, wall=NOON + lag, spent=tmp_path / "both") for lag in (STEP, -STEP)]
    verdicts = [each.login(f"correct horse{code}") for each in shared]
    assert verdicts == [Accepted("alice"), Refused(WrongCode("alice"))]


def test_a_code_that_cannot_be_written_down_opens_nothing(gateway, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(spending.os, "pwrite", full)
        refused = gateway.login(f"correct horse{gateway.now_code()}")
    assert isinstance(refused.reason, BackEndFault)
    assert "No space left" in refused.reason.clause
    assert not refused.judged
    assert gateway.login(f"correct horse{gateway.now_code()}") == Accepted("alice")


def test_a_disk_that_stands_still_holds_up_only_those_with_a_code(gateway):
    """The list of used codes is locked by somebody else, or its disk hangs: others log in."""
    running = threading.Event()

    def stands(*_):
        assert running.wait(60)
        return True

    gateway.logins._second.spent.spend_step = stands

    def attempt(user, text):
        return LoginAttempt(user, ((Field.PASSWORD, Secret(text)),), Peer(ip_address("198.51.100.7"), 4500))

    async def play():
        hangs = asyncio.ensure_future(gateway.logins.judge(attempt("alice", f"correct horse{gateway.now_code()}")))
        others = [await gateway.logins.judge(attempt(user, "correct horse")) for user in ("bob", "alice", "bob")]
        still = not hangs.done()
        running.set()
        return others, still, await hangs

    others, still, late = asyncio.run(play())
    assert (others[0], others[2]) == (Accepted("bob"), Accepted("bob"))
    assert isinstance(others[1], Challenge)
    assert still
    assert late == Accepted("alice")


def test_recovery_codes_open_once_each(users):
    gateway = Gateway(users, remember=0)
    assert gateway.code("ABCD EFGH IJKL", gateway.login()) == Accepted("alice")
    assert gateway.code(RECOVERY.reveal().decode(), gateway.login()) == Refused(WrongCode("alice"))
    assert Gateway(users, remember=0).login("correct horseabcd-efgh-ijkl") == Refused(WrongCode("alice"))


def test_a_recovery_code_behind_the_password(gateway):
    assert gateway.login("correct horseabcd-efgh-ijkl") == Accepted("alice")


# --- renewals --------------------------------------------------------------------------------------------------------


def test_a_renewal_needs_no_new_code(gateway):
    """A client with a saved password gives it again; one that put a code behind it gives both again."""
    typed = f"correct horse{gateway.now_code()}"
    assert gateway.login(typed) == Accepted("alice")
    assert gateway.login(typed) == Refused(WrongCode("alice")), "there is no session that it could renew"
    gateway.housed.enter(1, "bob")
    assert gateway.login(typed) == Refused(WrongCode("alice"))
    gateway.housed.enter(2, "alice")
    gateway.passes(600)
    assert gateway.login(typed) == Accepted("alice")
    assert gateway.login(typed, source="203.0.113.9") == Refused(WrongCode("alice")), "from there it is another login"
    assert isinstance(gateway.login(), Challenge), "the password without its code is another login"
    gateway.passes(600)
    assert gateway.login(typed) == Refused(WrongCode("alice")), "auth_remember is over"


def test_a_renewal_after_a_second_round_gives_the_password_alone(gateway):
    assert gateway.code(gateway.now_code(), gateway.login()) == Accepted("alice")
    assert isinstance(gateway.login(), Challenge)
    gateway.housed.enter(2, "alice")
    assert gateway.login() == Accepted("alice")
    assert isinstance(gateway.login(source="203.0.113.9"), Challenge)
    assert gateway.login("wrong") == Refused(WrongPassword("alice"))
    gateway.users.passwd("alice", PASSWORD)
    assert isinstance(gateway.login(), Challenge), "a change of the user makes it void"


def test_what_ends_with_the_session_is_not_renewed(gateway):
    typed = f"correct horse{gateway.now_code()}"
    gateway.housed.enter(1, "alice")
    gateway.housed.enter(2, "alice")
    assert gateway.login(typed) == Accepted("alice")
    gateway.housed.leave(1)
    assert gateway.login(typed) == Accepted("alice"), "another one is up"
    gateway.housed.leave(2)
    gateway.housed.leave(2)
    assert gateway.login(typed) == Refused(WrongCode("alice"))


# --- guesses ---------------------------------------------------------------------------------------------------------


def test_guesses_of_codes_are_soon_slow(gateway):
    """Who has the password and guesses codes, from any address: after five wrong ones none counts for a while."""
    for number in range(FREE):
        assert gateway.login("correct horse000000", source=f"203.0.113.{number}") == Refused(WrongCode("alice"))
    assert gateway.login("correct horse000000") == Refused(WrongCode("alice"))
    assert gateway.login(f"correct horse{gateway.now_code()}").reason == TooManyCodes("alice", 30)
    pause, guesses, began = PAUSE, 0, gateway.now
    while gateway.now < began + 86400:
        gateway.passes(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
        guesses += gateway.login("correct horse000000").reason == WrongCode("alice")
    assert guesses < 35
    gateway.passes(LONGEST_PAUSE)
    assert gateway.login(f"correct horse{gateway.now_code()}") == Accepted("alice")
    assert gateway.login("correct horse000000") == Refused(WrongCode("alice")), "a right one clears what was"


def test_guesses_that_come_at_once_are_counted_before_they_are_looked_at(gateway):
    user = gateway.users.find("alice")
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda _: gateway.logins._second.objection(user, Secret("000000")), range(64)))
    assert sum(isinstance(each, WrongCode) for each in told) == FREE + 1


def test_without_the_password_nobody_keeps_a_user_out(gateway):
    for _ in range(3 * FREE):
        assert gateway.login("wrong000000") == Refused(WrongPassword("alice"))
    assert gateway.login(f"correct horse{gateway.now_code()}") == Accepted("alice")


def test_a_new_password_ends_the_wait(gateway):
    for _ in range(FREE + 1):
        gateway.login("correct horse000000")
    gateway.users.passwd("alice", Secret("battery staple"))
    assert gateway.login(f"battery staple{gateway.now_code()}") == Accepted("alice")


def test_wrong_codes_count_as_guesses(gateway):
    throttle = Throttle(gateway.logins, 5.0, Clock(lambda: gateway.now, gateway._sleep))

    def guess(text):
        began = gateway.now
        attempt = LoginAttempt("alice", ((Field.PASSWORD, Secret(text)),), Peer(ip_address("198.51.100.7"), 4500))
        return asyncio.run(throttle.judge(attempt)), gateway.now - began

    waits = [guess("correct horse000000")[1] for _ in range(4)]
    assert waits == sorted(waits)
    assert waits[-1] > waits[0] + 4


@pytest.mark.parametrize("given_", ["wrong123456", "wrong,123456", "wrongabcd-efgh-ijkl", "wrong"])
def test_refusals_cost_the_same_with_and_without_a_second_factor(gateway, monkeypatch, given_):
    hashed = []
    monkeypatch.setattr(module, "check_password", lambda *what: hashed.append(what) or check_password(*what))
    costs = {}
    for user in ("alice", "bob", "nobody"):
        hashed.clear()
        began = gateway.now
        verdict = gateway.login(given_, user=user)
        assert verdict.reason in {WrongPassword(user), UnknownUser(user)}
        costs[user] = len(hashed), round(gateway.now - began, 6)
    assert len(set(costs.values())) == 1
    assert costs["alice"][1] == 0.25


def test_a_wrong_code_is_told_on_the_same_beat(gateway):
    began = gateway.now
    assert gateway.login("correct horse000000") == Refused(WrongCode("alice"))
    assert round(gateway.now - began, 6) == 0.25


# --- the list of used codes ------------------------------------------------------------------------------------------


def test_the_list_is_private_and_has_no_name_and_no_key(gateway):
    gateway.login(f"correct horse{gateway.now_code()}")
    assert stat.S_IMODE(gateway.path.stat().st_mode) == 0o600
    text = gateway.path.read_text()
    assert [line[:2] for line in text.splitlines()] == ["f ", "t "]
    assert "alice" not in text
    assert gateway.now_code() not in text


@pytest.mark.parametrize("octets", [b"", b"f", b"f " + b"0" * 32])
def test_a_first_line_cut_short_is_written_anew(tmp_path, octets):
    path = tmp_path / "spent"
    path.write_bytes(octets)
    path.chmod(0o600)
    assert SpentCodes(path).spend_step("a" * 32, 7)
    assert not SpentCodes(path).spend_step("a" * 32, 7)


def test_a_line_cut_short_was_never_told(tmp_path):
    path = tmp_path / "spent"
    assert SpentCodes(path).spend_step("a" * 32, 7)
    path.write_bytes(path.read_bytes() + b"t " + b"b" * 32 + b" 1")
    fresh = SpentCodes(path)
    assert fresh.spend_step("b" * 32, 19)
    assert not SpentCodes(path).spend_step("a" * 32, 7)
    assert not SpentCodes(path).spend_step("b" * 32, 19)


@pytest.mark.parametrize(
    "octets",
    [b"\0" * 40 + b"\n", b"t x 1\n", b"nonsense\n", b"t " + b"a" * 32 + b" \xd9\xa3\n", b"f " + b"1" * 32 + b"\n"],
)
def test_a_list_that_lotor_did_not_write_lets_nobody_in(tmp_path, octets):
    path = tmp_path / "spent"
    path.write_bytes(b"f " + b"0" * 32 + b"\n" + octets)
    path.chmod(0o600)
    for _ in range(2):
        with pytest.raises(SpentError, match="line 2"):
            SpentCodes(path).spend_step("b" * 32, 1)


def test_a_list_that_others_may_write_lets_nobody_in(tmp_path):
    path = tmp_path / "spent"
    path.write_bytes(b"")
    path.chmod(0o666)
    with pytest.raises(SpentError, match="chmod 600"):
        SpentCodes(path).spend_step("b" * 32, 1)
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpentError, match="cannot be used"):
        SpentCodes(path).spend_step("b" * 32, 1)


def test_the_list_is_written_anew_when_most_of_it_is_void(tmp_path, monkeypatch):
    monkeypatch.setattr(spending, "LOOSE", 400)
    path, other = tmp_path / "spent", SpentCodes(tmp_path / "spent")
    codes = SpentCodes(path)
    assert other.spend_code("c" * 32)
    for step in range(200):
        assert codes.spend_step("a" * 32, step)
    assert path.stat().st_size < 900
    others = [SpentCodes(path) for _ in range(20)]
    for step in range(200, 400):
        assert others[step % 20].spend_step("a" * 32, step), "by turns, so that each meets files it has not seen"
    assert not codes.spend_step("a" * 32, 399)
    assert not other.spend_step("a" * 32, 399)
    assert not other.spend_code("c" * 32)
    assert codes.spent() == {"c" * 32}


def test_a_list_that_cannot_be_written_anew_grows_on(tmp_path, monkeypatch):
    """There is room for a line, and none for a second file."""
    monkeypatch.setattr(spending, "LOOSE", 400)

    def full(*_):
        raise FileError("the disk is full")

    monkeypatch.setattr(spending.writing, "replace", full)
    codes = SpentCodes(tmp_path / "spent")
    assert [codes.spend_step("a" * 32, step) for step in range(50)] == [True] * 50
    assert not SpentCodes(tmp_path / "spent").spend_step("a" * 32, 49)


def test_a_full_list_lets_nobody_in(tmp_path, monkeypatch):
    monkeypatch.setattr(spending, "LARGEST", 110)
    codes = SpentCodes(tmp_path / "spent")
    assert codes.spend_code("a" * 32)
    assert codes.spend_code("b" * 32)
    with pytest.raises(SpentError, match="full"):
        codes.spend_code("c" * 32)


def test_of_many_who_come_with_one_code_one_gets_in(tmp_path):
    """Threads with an engine each, as at a reload."""
    engines = [SpentCodes(tmp_path / "spent") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda engine: [engine.spend_step("a" * 32, step) for step in range(20)], engines))
    assert sum(map(sum, told)) <= 20
    assert not SpentCodes(tmp_path / "spent").spend_step("a" * 32, 19)


def test_a_killed_process_leaves_what_it_told(tmp_path):
    """kill -9 right after the answer: the code is on the disk."""
    program = (
        "import os, sys; from pathlib import Path; from lotor.auth.spent import SpentCodes\n"
        "assert SpentCodes(Path(sys.argv[1])).spend_step('a' * 32, 7); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "spent")], env=os.environ, timeout=60, check=False
    )
    assert done.returncode == -9
    assert not SpentCodes(tmp_path / "spent").spend_step("a" * 32, 7)
