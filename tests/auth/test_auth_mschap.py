"""lotor's own users by MSCHAPv2: whose NT hash is there, what it is worth without its key, and who learns of it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import date
from ipaddress import ip_address
from pathlib import Path

import pytest

from lotor.auth import Checks, Clock, LocalLogins, Throttle, UserFile, nt_keys
from lotor.auth.facts import USER_FACTS, FactError, read, written
from lotor.auth.fleet_key import FleetKey, Told
from lotor.auth.nt_keys import NtKeys, is_sealed
from lotor.auth.userlines import entry_of
from lotor.auth.users import UserError
from lotor.crypto import mschap
from lotor.crypto.passwords import Cost
from lotor.crypto.sealing import unseal
from lotor.crypto.totp import new_key
from lotor.files import current
from lotor.files.private import read_private
from lotor.model.login import Accepted, EapPacket, LoginAttempt, MschapResponse, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import (
    BackEndFault,
    Locked,
    NoNtHash,
    NotInGroup,
    NotShownThere,
    NtHashClosed,
    SecondFactorNeedsCode,
    UnknownUser,
    UserExpired,
    WrongPassword,
)
from lotor.model.secret import Secret

CHEAP, DEARER = Cost(memory=64, passes=1, lanes=1), Cost(memory=128, passes=1, lanes=1)
PASSWORD = Secret("correct hörse")
CHALLENGE, PEERS = bytes(range(16)), bytes(range(16, 32))
THERE = Peer(ip_address("198.51.100.7"), 4500)


@pytest.fixture
def users(tmp_path: Path) -> UserFile:
    """alice has an NT hash, bob has none."""
    file = UserFile(tmp_path / "users", CHEAP)
    file.add("alice", PASSWORD, mschap=True)
    file.add("bob", PASSWORD)
    return file


def text(password: Secret) -> str:
    return password.reveal().decode()


def attempt(name: str = "alice", password: Secret = PASSWORD, source: Peer = THERE) -> LoginAttempt:
    challenge = mschap.challenge_hash(CHALLENGE, PEERS, name)
    response = mschap.nt_response(mschap.nt_hash(text(password)), challenge)
    return LoginAttempt(name, (), source, shown=MschapResponse(CHALLENGE, PEERS, response))


class Gateway:
    """Logins in virtual time."""

    def __init__(self, users: UserFile, **given):
        self.now = 100.0
        clock = Clock(lambda: self.now, self._sleep, lambda: 1_800_000_000.0)
        self.logins = LocalLogins(users, Checks(clock=clock), **given)
        self.slowed = Throttle(self.logins, 1.0, clock)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def judge(self, attempt: LoginAttempt, slowed: bool = False):
        return asyncio.run((self.slowed if slowed else self.logins).judge(attempt))

    def took(self, attempt: LoginAttempt) -> float:
        began = self.now
        self.judge(attempt)
        return round(self.now - began, 6)


def judged(users: UserFile, attempt: LoginAttempt, **given):
    return Gateway(users, **given).judge(attempt)


def change(users: UserFile, name: str = "alice", **facts) -> None:
    users.change(name, lambda user: replace(user, facts=replace(user.facts, **facts)))


def test_a_right_response_is_a_yes_that_proves_the_gateway_too(users):
    shown, hashed = attempt().shown, mschap.nt_hash(text(PASSWORD))
    verdict = judged(users, attempt())
    assert verdict.user == "alice"
    assert verdict.proved.msk == mschap.msk(hashed, shown.response)
    assert verdict.proved.authenticator == mschap.authenticator(
        hashed, mschap.challenge_hash(CHALLENGE, PEERS, "alice"), shown.response
    )
    assert not verdict.proved.packet


def test_nothing_secret_shows_in_an_attempt_or_a_verdict(users):
    shown = attempt().shown
    told = f"{attempt()!r} {judged(users, attempt())!r} {users.find('alice')!r}"
    assert repr(shown.response) not in told
    assert users.find("alice").facts.mschap not in told


def test_with_a_yes_come_the_grants_of_the_user(users):
    change(users, address=ip_address("10.99.99.7"), groups=("staff",))
    grants = judged(users, attempt()).grants
    assert (grants.address, grants.groups) == (ip_address("10.99.99.7"), {"staff"})


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("alice", Secret("wrong"), WrongPassword("alice")),
        ("bob", PASSWORD, NoNtHash("bob")),
        ("nobody", PASSWORD, UnknownUser("nobody")),
        ("ACME\\alice", PASSWORD, UnknownUser("ACME\\alice")),
    ],
)
def test_every_no_takes_the_same_time_and_counts_as_a_guess(users, name, password, reason):
    gateway = Gateway(users)
    verdict = gateway.judge(attempt(name, password))
    assert verdict == Refused(reason)
    assert verdict.judged
    assert not verdict.reason.message, "the person hears no more of one than of the other"
    assert gateway.took(attempt(name, password)) == gateway.took(attempt(password=Secret("wrong"))) > 0


@pytest.mark.parametrize(
    "shown",
    [
        MschapResponse(b"", PEERS, bytes(24)),
        MschapResponse(CHALLENGE, bytes(17), bytes(24)),
        MschapResponse(CHALLENGE, PEERS, b""),
        MschapResponse(CHALLENGE, PEERS, bytes(25)),
        MschapResponse(CHALLENGE, PEERS, bytes(24)),
    ],
)
def test_a_response_of_another_length_is_a_wrong_one(users, shown):
    assert judged(users, replace(attempt(), shown=shown)) == Refused(WrongPassword("alice"))


def test_the_name_is_part_of_what_is_proved(users):
    users.add("anna", PASSWORD, mschap=True)
    assert judged(users, replace(attempt("alice"), user="anna")).reason == WrongPassword("anna")


def test_who_is_locked_or_over_or_has_a_second_factor_hears_so_with_the_right_password_alone(users):
    wrong = attempt(password=Secret("wrong"))
    users.lock("alice")
    assert judged(users, attempt()).reason == Locked("alice", "user")
    assert judged(users, wrong).reason == WrongPassword("alice")
    users.lock("alice", locked=False)
    change(users, expires=date(2020, 1, 1))
    assert judged(users, attempt()).reason == UserExpired("alice", "2020-01-01")
    change(users, expires=None, totp=new_key())
    verdict = judged(users, attempt())
    assert verdict.reason == SecondFactorNeedsCode("alice")
    assert verdict.reason.message
    assert verdict.judged
    assert judged(users, wrong).reason == WrongPassword("alice")


def test_a_group_keeps_out_as_it_does_with_a_password(users):
    outside = NotInGroup("alice", "staff")
    assert judged(users, attempt(), member=lambda _: outside).reason == outside


def test_guesses_are_slowed_down_whatever_they_are_made_of(users):
    gateway = Gateway(users)
    wrong = attempt(password=Secret("wrong"))
    waits = []
    for _ in range(4):
        began = gateway.now
        gateway.judge(wrong, slowed=True)
        waits.append(gateway.now - began)
    assert waits == sorted(waits)
    assert waits[-1] > waits[0] + 1
    password = LoginAttempt("alice", ((Field.PASSWORD, PASSWORD),), THERE)
    began = gateway.now
    assert isinstance(gateway.judge(password, slowed=True), Accepted)
    assert gateway.now - began > 1, "passwords and responses are counted together"


def test_a_new_password_has_a_new_nt_hash_for_who_had_one(users):
    users.passwd("alice", Secret("another"))
    users.passwd("bob", Secret("another"))
    assert isinstance(judged(users, attempt(password=Secret("another"))), Accepted)
    assert judged(users, attempt()).reason == WrongPassword("alice")
    assert not users.find("bob").facts.mschap


def test_it_is_given_and_taken_away_with_a_password(users):
    users.passwd("bob", PASSWORD, mschap=True)
    users.passwd("alice", PASSWORD, mschap=False)
    assert isinstance(judged(users, attempt("bob")), Accepted)
    assert judged(users, attempt()).reason == NoNtHash("alice")


def test_a_hash_that_is_made_anew_at_a_login_takes_the_nt_hash_along(users):
    dearer = UserFile(users.path, DEARER)
    login = LoginAttempt("alice", ((Field.PASSWORD, PASSWORD),), THERE)
    logins = LocalLogins(dearer)
    assert isinstance(asyncio.run(logins.judge(login)), Accepted)
    made = next(iter(logins._renewals._made.values()))
    assert made.hash != users.find("alice").hash
    assert dearer.nt_keys.opened("alice", made.hash, made.facts.mschap) == mschap.nt_hash(text(PASSWORD))


def test_the_file_of_users_alone_tells_no_nt_hash(users):
    hashed = mschap.nt_hash(text(PASSWORD)).reveal()
    assert hashed.hex() not in users.path.read_text().lower()
    assert users.nt_keys._own.stat().st_mode & 0o777 == 0o600
    users.nt_keys._own.unlink()
    verdict = judged(users, attempt())
    assert verdict.reason == NtHashClosed("alice")
    assert "passwd --mschap alice" in verdict.reason.text


def test_what_is_sealed_is_worth_nothing_elsewhere(users):
    """Neither under another name, nor beside another hash: so the hash of a password of before opens nothing."""
    sealed = users.find("alice").facts.mschap
    change(users, "bob", mschap=sealed)
    assert judged(users, attempt("bob")).reason == NtHashClosed("bob")
    users.change("alice", lambda user: replace(user, hash=users.find("bob").hash))
    assert judged(users, attempt()).reason == NtHashClosed("alice")


def test_a_fleet_s_key_counts_where_it_is(users, tmp_path):
    """What one gateway of a fleet seals every other one opens."""
    shared = tmp_path / "fleet.key"
    shared.write_text("ab" * 32)
    shared.chmod(0o600)
    here = UserFile(users.path, CHEAP, NtKeys.beside(users.path, shared))
    here.passwd("bob", PASSWORD, mschap=True)
    there = UserFile(tmp_path / "there" / "users", CHEAP, NtKeys(tmp_path / "none", shared))
    there.put_all(lambda _: tuple(here.list()))
    assert isinstance(judged(there, attempt("bob")), Accepted)
    assert judged(there, attempt("alice")).reason == NtHashClosed("alice"), "sealed before there was a fleet"
    assert isinstance(judged(here, attempt("alice")), Accepted), "by the key of before, which lies here"


@pytest.mark.parametrize("name", ["alice", "bob", "nobody"])
def test_a_key_that_cannot_be_read_says_the_same_of_everybody(users, name):
    users.nt_keys._own.chmod(0o644)
    verdict = judged(users, attempt(name))
    assert isinstance(verdict.reason, BackEndFault)
    assert "users.key" in verdict.reason.text
    assert not verdict.judged


def test_the_key_is_read_again_when_it_changes_and_only_then(users, monkeypatch):
    """A login costs no look at all the directories above; a key that others may read is seen nevertheless."""
    monkeypatch.setattr(current, "TIMESTAMP_RESOLUTION", -1)
    read = []
    monkeypatch.setattr(nt_keys, "read_private", lambda *a, **more: read.append(1) or read_private(*a, **more))
    assert all(isinstance(judged(users, attempt("alice")), Accepted) for _ in range(3))
    assert len(read) == 1
    users.nt_keys._own.chmod(0o640)
    assert isinstance(judged(users, attempt("alice")).reason, BackEndFault)


def test_a_response_is_judged_beside_the_event_loop_where_a_file_is_read(users, monkeypatch):
    monkeypatch.setattr(current, "TIMESTAMP_RESOLUTION", -1)
    logins, threads = LocalLogins(users, Checks()), set()
    monkeypatch.setattr(nt_keys.sealing, "unseal", lambda *a: threads.add(threading.current_thread()) or unseal(*a))

    def beside() -> bool:
        threads.clear()
        assert isinstance(asyncio.run(logins.judge(attempt("alice"))), Accepted)
        return threads != {threading.main_thread()}

    assert (beside(), beside()) == (True, False)
    users.path.chmod(0o400)
    assert (beside(), beside()) == (True, False)
    users.nt_keys._own.chmod(0o400)
    assert (beside(), beside()) == (True, False)


def test_a_key_that_is_none_is_no_reason_to_make_another(users):
    users.nt_keys._own.write_text("nonsense\n")
    with pytest.raises(UserError, match="64 hexadecimal digits"):
        users.passwd("bob", PASSWORD, mschap=True)
    assert users.nt_keys._own.read_text() == "nonsense\n"
    assert not users.find("bob").facts.mschap


@pytest.mark.parametrize(
    ("name", "password"), [("ACME\\carol", PASSWORD), ("carol", Secret(b"\xff\xfe")), ("carol", Secret("x" * 257))]
)
def test_who_could_never_show_it_gets_none(users, name, password):
    with pytest.raises(UserError):
        users.add(name, password, mschap=True)
    assert users.find(name) is None


def test_the_line_is_read_as_it_is_written(users):
    facts = users.find("alice").facts
    assert is_sealed(facts.mschap)
    assert read(written(facts, USER_FACTS), USER_FACTS) == facts


@pytest.mark.parametrize("text", ["x", "0" * 16 + ".", "0" * 16 + "." + "a" * 60, "G" * 16 + "." + "a" * 59])
def test_a_word_that_is_none_is_told_without_it(text):
    with pytest.raises(FactError) as told:
        read(f"mschap={text}", USER_FACTS)
    assert text == "x" or text not in str(told.value)


def test_a_word_of_the_right_form_that_nobody_sealed_opens_nothing(users):
    name = users.find("alice").facts.mschap.partition(".")[0]
    change(users, mschap=f"{name}.{'A' * 59}")
    assert judged(users, attempt()).reason == NtHashClosed("alice")


def test_a_packet_of_eap_is_for_a_server(users):
    verdict = judged(users, replace(attempt(), shown=EapPacket(b"\x02\x01\x00\x0a\x01alice")))
    assert verdict == Refused(NotShownThere("alice", "local", "EAP"))
    assert not verdict.judged


def test_the_line_crosses_a_fleet_as_it_is(users):
    """Another gateway writes it into its file octet for octet, else each would change the other's for ever."""
    line = users.find("alice").line()
    key = FleetKey(Secret(bytes(32)))
    told = key.opened("alice", key.seal(Told("alice", 1, line.rstrip("\n"), "gw1")))
    assert told.line == line.rstrip("\n")
    assert entry_of(told.line) == users.find("alice")
    assert entry_of(told.line).line() == line
