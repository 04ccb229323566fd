"""lotor's own users: the file, its rewriting, and their logins."""

from __future__ import annotations

import asyncio
import stat
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import pytest

from lotor.auth import Checks, LocalLogins, UserError, UserFile
from lotor.auth import local as module
from lotor.auth.clock import Clock
from lotor.crypto.passwords import Cost, check_password, hash_password
from lotor.model.login import Accepted, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import Locked, UnknownUser, WrongPassword
from lotor.model.secret import Secret

AT_ONCE = Clock(sleep=lambda _: asyncio.sleep(0))
CHEAP = Cost(memory=64, passes=1, lanes=1)
PASSWORD = Secret("correct horse")


@pytest.fixture
def users(tmp_path: Path) -> UserFile:
    return UserFile(tmp_path / "users", CHEAP)


def login(users: UserFile, user: str, password: bytes = b"correct horse"):
    attempt = LoginAttempt(user, ((Field.PASSWORD, Secret(password)),), Peer(ip_address("198.51.100.7"), 4500))
    return asyncio.run(LocalLogins(users, Checks(clock=AT_ONCE)).judge(attempt))


def test_a_user_logs_in(users):
    users.add("alice", PASSWORD)
    assert login(users, "alice") == Accepted("alice")
    assert login(users, "alice", b"wrong") == Refused(WrongPassword("alice"))
    assert login(users, "bob") == Refused(UnknownUser("bob"))


def test_the_file(users):
    users.add("bob", PASSWORD)
    users.add("alice", PASSWORD)
    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600
    assert [user.name for user in users.list()] == ["alice", "bob"]
    text = users.path.read_text()
    assert "correct" not in text
    assert text.count("$argon2id$v=19$m=64,t=1,p=1$") == 2
    first, second = (user.hash for user in users.list())
    assert first != second


def test_changes(users):
    users.add("alice", PASSWORD)
    users.passwd("alice", Secret("new"))
    assert login(users, "alice", b"new") == Accepted("alice")
    assert isinstance(login(users, "alice"), Refused)
    users.lock("alice")
    assert login(users, "alice", b"new") == Refused(Locked("alice", "user"))
    users.passwd("alice", PASSWORD)
    assert login(users, "alice").reason.clause == "the user is locked"
    users.lock("alice", locked=False)
    assert login(users, "alice") == Accepted("alice")
    users.remove("alice")
    assert users.list() == ()
    assert login(users, "alice") == Refused(UnknownUser("alice"))


def test_what_cannot_be_done(users):
    users.add("alice", PASSWORD)
    before = users.path.read_bytes()
    for action, words in (
        (lambda: users.add("alice", PASSWORD), "exists already"),
        (lambda: users.remove("bob"), "no user 'bob'"),
        (lambda: users.passwd("bob", PASSWORD), "no user 'bob'"),
        (lambda: users.lock("b\nob"), r"no user 'b\\nob'"),
        (lambda: users.add("carol", Secret("")), "password is empty"),
        (lambda: users.add("carol", Secret("x" * 1025)), "at most 1024 octets"),
        (lambda: users.passwd("alice", Secret("a\0b")), "no NUL"),
    ):
        with pytest.raises(UserError, match=words):
            action()
    assert users.path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "a:b", "a\nb", "a\0", "\x1b[31m", " a", "a ", "#a", "x" * 65, "a\u202eb"])
def test_names_that_cannot_be(users, name):
    with pytest.raises(UserError):
        users.add(name, PASSWORD)
    assert not users.path.exists()


@pytest.mark.parametrize("name", ["alice", "alice@example.net", "Jürgen Ö", "a" * 64, "$(id)", "-rf", "a,b"])
def test_names_that_can_be(users, name):
    users.add(name, PASSWORD)
    assert login(users, name) == Accepted(name)


def test_no_file_is_a_list_without_users(users):
    assert users.list() == ()
    assert users.find("alice") is None
    assert login(users, "alice") == Refused(UnknownUser("alice"))


def test_a_file_of_no_text_lets_nobody_in(users):
    users.path.write_bytes(b"\xff:x:\n")
    users.path.chmod(0o600)
    for use in (users.list, lambda: users.add("bob", PASSWORD)):
        with pytest.raises(UserError, match="UTF-8"):
            use()
    assert "UTF-8" in login(users, "alice").reason.clause
    assert users.path.read_bytes() == b"\xff:x:\n"


def test_weak_permissions(users):
    users.add("alice", PASSWORD)
    users.path.chmod(0o640)
    assert "mode 0640" in login(users, "alice").reason.clause


@pytest.mark.parametrize(
    "stored",
    ["", "x", "correct horse", "$argon2id$v=19$m=64,t=1,p=1$AAAA", "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAA"],
)
def test_hashes_that_are_none(users, stored):
    users.path.write_text(f"alice:{stored}:\n")
    users.path.chmod(0o600)
    assert login(users, "alice") == Refused(WrongPassword("alice"))
    assert login(users, "alice", stored.encode()) == Refused(WrongPassword("alice"))


@pytest.mark.parametrize("password", [b"", b"\0", b"correct horse\0", b"x" * 1025, b"x" * 60000])
def test_passwords_that_nobody_has(users, password):
    users.add("alice", PASSWORD)
    assert login(users, "alice", password) == Refused(WrongPassword("alice"))


def test_the_password_of_the_imitated_user_opens_nothing(users):
    users.add("alice", PASSWORD)
    assert login(users, "nobody") == Refused(UnknownUser("nobody"))


@pytest.mark.parametrize("filled", [True, False])
def test_every_refusal_costs_one_hash(users, monkeypatch, filled):
    hashed = []

    def counting(password, phc):
        hashed.append(phc.split("$")[3])
        return check_password(password, phc)

    monkeypatch.setattr(module, "check_password", counting)
    if filled:
        users.add("alice", PASSWORD)
        users.add("locked", PASSWORD)
        users.lock("locked")
    for user in ("alice", "locked", "nobody", ""):
        login(users, user, b"wrong")
        login(users, user, b"x" * 5000)
    assert hashed == ["m=64,t=1,p=1"] * 8


def test_many_writers_lose_nothing(users):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: users.add(f"user{number}", PASSWORD), range(40)))
    assert len(users.list()) == 40


def test_a_missing_directory_is_made(tmp_path):
    users = UserFile(tmp_path / "etc" / "lotor" / "users", CHEAP)
    users.add("alice", PASSWORD)
    assert stat.S_IMODE((tmp_path / "etc" / "lotor").stat().st_mode) == 0o700


def test_phc_text_of_others_is_understood():
    """Made with the reference implementation: argon2 somesalt -id -t 2 -m 16 -p 1 (its own test vector)."""
    phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    assert check_password(Secret("password"), phc)
    assert not check_password(Secret("Password"), phc)


def test_f7_the_default_cost_is_of_owasps_list():
    assert hash_password(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
