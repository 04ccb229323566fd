"""Logins of the host's accounts, against passwd and shadow of our own."""

from __future__ import annotations

import asyncio
import ctypes
from ipaddress import ip_address
from pathlib import Path

import pytest

from lotor.auth import Checks, Clock, Membership, SystemFiles, SystemLogins
from lotor.auth import system as module
from lotor.auth.accounts import STAND_IN, Accounts
from lotor.auth.libcrypt import hash_matches
from lotor.model.login import Accepted, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import (
    AccountExpired,
    Locked,
    PasswordDue,
    PasswordExpired,
    RootNever,
    UnknownUser,
    WrongPassword,
)
from lotor.model.secret import Secret

PASSWORD = "correct horse"
TODAY = 20000
AT_ONCE = Clock(sleep=lambda _: asyncio.sleep(0))
SETTINGS = {
    "yescrypt": "$y$j75$abcdefghijkl",
    "gost-yescrypt": "$gy$j75$abcdefghijkl",
    "scrypt": "$7$8/..../....abcdefgh",
    "bcrypt": "$2b$04$abcdefghijklmnopqrstuu",
    "sha512": "$6$rounds=1000$saltsalt",
    "sha256": "$5$rounds=1000$saltsalt",
    "md5": "$1$saltsalt",
    "des": "ab",
}


def crypt(password: str, setting: str) -> str:
    """The second opinion: libcrypt's other entry point."""
    function = ctypes.CDLL("libcrypt.so.1").crypt
    function.restype = ctypes.c_char_p
    return function(password.encode(), setting.encode()).decode()


QUICK = crypt(PASSWORD, SETTINGS["sha256"])


class Host:
    """A host with accounts of its own; `shadow` fields after the hash are last change, minimum, maximum and so on."""

    def __init__(self, directory: Path) -> None:
        self.files = SystemFiles(*(directory / name for name in ("passwd", "shadow", "group", "nologin")))
        self.files.passwd.write_text("# accounts\nroot:x:0:0::/root:/bin/sh\n")
        self.files.shadow.write_text(f"root:{QUICK}:19000:0:99999:7:::\n")
        self.files.group.write_text("users:x:100:alice,bob\nvpn:x:500:bob\nstaff:x:600:\n")

    def add(
        self, name: str, stored: str = QUICK, dates: str = "19000:0:99999:7:::", uid: str = "1000", gid: str = "600"
    ):
        with self.files.passwd.open("a") as passwd, self.files.shadow.open("a") as shadow:
            passwd.write(f"{name}:x:{uid}:{gid}:A Person,,,:/home/{name}:/usr/sbin/nologin\n")
            shadow.write(f"{name}:{stored}:{dates}\n")

    def login(self, user: str, password: str | bytes = PASSWORD):
        return asyncio.run(self.logins().judge(attempt(user, password)))

    def logins(self, **more):
        return SystemLogins(self.files, Checks(clock=AT_ONCE), day=lambda: TODAY, **more)


def attempt(user: str, password: str | bytes, source: str = "198.51.100.7") -> LoginAttempt:
    return LoginAttempt(user, ((Field.PASSWORD, Secret(password)),), Peer(ip_address(source), 4500))


def find(host: Host, name: str):
    return Accounts(host.files).find(name)


def stand_in(host: Host, name: str = "nobody") -> str:
    return Accounts(host.files).stand_ins(name)[0]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.mark.parametrize("scheme", SETTINGS)
def test_every_scheme(host, scheme):
    password = PASSWORD[:8] if scheme == "des" else PASSWORD
    host.add("alice", crypt(password, SETTINGS[scheme]))
    assert host.login("alice", password) == Accepted("alice")
    assert host.login("alice", "Correct horse") == Refused(WrongPassword("alice"))


@pytest.mark.parametrize("stored", [f"!{QUICK}", f"!!{QUICK}", f"*{QUICK}", "!", "*", "!!", "*LK*", "", "x"])
def test_locked_accounts(host, stored):
    host.add("alice", stored)
    verdict = host.login("alice")
    assert verdict == Refused(WrongPassword("alice") if stored == "x" else Locked("alice", "account"))
    for password in ("", stored, "!", "*", "x"):
        assert isinstance(host.login("alice", password), Refused)


def test_a_locked_account_is_told_in_the_log_also_with_the_right_password(host):
    host.add("alice", f"!{QUICK}")
    assert host.login("alice").reason.clause == "the account is locked"


@pytest.mark.parametrize(
    ("dates", "why"),
    [
        ("19000:0:99999:7:::", None),
        (":::::::", None),
        (f"19000:0:{TODAY - 19000}:7:::", None),
        (f"19000:0:{TODAY - 19001}:7:::", PasswordExpired),
        (f"19000:0:{TODAY - 19001}:7:30::", PasswordExpired),
        ("0:0:99999:7:::", PasswordDue),
        (f"19000:0:99999:7::{TODAY + 1}:", None),
        (f"19000:0:99999:7::{TODAY}:", AccountExpired),
        ("19000:0:99999:7::1:", AccountExpired),
        (f"{TODAY + 5}:0:1:7:::", None),
    ],
)
def test_dates(host, dates, why):
    host.add("alice", dates=dates)
    assert host.login("alice") == (Refused(why("alice")) if why else Accepted("alice"))
    assert host.login("alice", "wrong") == Refused(WrongPassword("alice"))


def test_root_never(host):
    assert host.login("root") == Refused(RootNever("root"))
    host.add("toor", uid="0")
    host.add("zero", uid="00")
    for user in ("toor", "zero"):
        assert host.login(user).reason.clause == "root never logs in here"


def test_nologin(host):
    host.add("alice")
    host.files.nologin.write_text("maintenance\n")
    assert "nologin exists" in host.login("alice").reason.clause


@pytest.mark.parametrize(
    "user", ["nobody", "", "ALICE", "alice\0", "alice:", "alice\n", "# accounts", "+", "ali*", "\udcff"]
)
def test_unknown_users(host, user):
    host.add("alice")
    assert host.login(user) == Refused(UnknownUser(user))


def test_an_unknown_user_is_refused_also_with_the_password_of_the_imitated_account(host):
    host.add("alice")
    assert stand_in(host) == QUICK
    assert host.login("nobody") == Refused(UnknownUser("nobody"))


@pytest.mark.parametrize("password", ["", "\0", PASSWORD + "\0", PASSWORD + "\0x", "x" * 1025, "x" * 60000])
def test_passwords_that_no_account_has(host, password):
    host.add("alice")
    assert host.login("alice", password) == Refused(WrongPassword("alice"))


def test_long_and_binary_passwords_work(host):
    host.add("alice", crypt("p" * 500, SETTINGS["sha512"]))
    assert host.login("alice", "p" * 500) == Accepted("alice")
    host.add("bob", crypt("pä\x7fss", SETTINGS["sha512"]))
    assert host.login("bob", "pä\x7fss".encode()) == Accepted("bob")


def test_every_refusal_costs_one_hash_of_the_usual_scheme(host, monkeypatch):
    """The time of an answer is the time of its hash: the same number, of the same kind, whatever is wrong."""
    hashed = []

    def counting(password, stored):
        hashed.append(stored.split("$")[1])
        return hash_matches(password, stored)

    monkeypatch.setattr(module, "hash_matches", counting)
    host.add("alice")
    host.add("locked", f"!{QUICK}")
    host.add("service", "*")
    host.add("old", dates="0:0:99999:7:::")
    users = ["alice", "locked", "service", "old", "root", "nobody", ""]
    for user in users:
        host.login(user, "wrong")
        host.login(user, "x" * 5000)
    assert hashed == ["5"] * 2 * len(users)


def test_the_stand_in_is_a_hash_that_libcrypt_computes(host):
    assert crypt("x", STAND_IN).startswith("$y$j9T$")
    host.files.shadow.write_text("root:*:19000:0:99999:7:::\n")
    assert stand_in(host) == STAND_IN


def test_only_whole_lines_of_exactly_that_name_are_accounts(host):
    lines = [
        "alice:cut off",
        "#alice:x:1001:100::/:/bin/sh",
        "xalice:x:1002:100::/:/bin/sh",
        "bob:x:1003:100:alice:/alice:/bin/sh",
        "alice:x:1004:100::/:/bin/sh",
        "alice:x:1005:100::/:/bin/sh",
    ]
    host.files.passwd.write_text("\n".join(lines))  # the last line has no end
    host.files.shadow.write_text(f"alice:{QUICK}:19000:0:99999:7:::")
    assert find(host, "alice").uid == 1004
    assert find(host, "bob").hash == "*"
    for name in ("", "al", "#alice", "alice:x", "alice\n", "nobody", "\udce4"):
        assert find(host, name) is None
    host.files.passwd.write_text("")
    assert find(host, "alice") is None


def test_files_that_cannot_be_read(host):
    host.add("alice")
    host.files.shadow.unlink()
    assert "shadow cannot be read (No such file or directory)" in host.login("alice").reason.clause


def test_hashes_in_passwd_itself_and_accounts_without_shadow(host):
    with host.files.passwd.open("a") as passwd:
        passwd.write(
            f"old:{QUICK}:1001:100::/:/bin/sh\nghost:x:1002:100::/:/bin/sh\nbroken:x\nodd:{QUICK}:ten:100::/:/bin/sh\n"
        )
    assert host.login("old") == Accepted("old")
    assert host.login("ghost").reason.clause in {"the account is locked", "wrong password"}
    for user in ("broken", "odd"):
        assert host.login(user).reason.clause == "unknown user"


@pytest.mark.parametrize(
    ("user", "groups", "accepted"),
    [
        ("bob", ("vpn",), True),
        ("alice", ("vpn",), False),
        ("alice", ("vpn", "users"), True),
        ("alice", ("staff",), True),
        ("alice", ("nosuch",), False),
        ("carol", ("users",), False),
    ],
)
def test_groups(host, user, groups, accepted):
    for name in ("alice", "bob", "carol"):
        host.add(name)
    backend = host.logins(member=Membership(groups, host.files))
    verdict = asyncio.run(backend.judge(attempt(user, PASSWORD)))
    assert isinstance(verdict, Accepted) is accepted
    assert asyncio.run(backend.judge(attempt(user, "wrong"))).reason.clause == "wrong password"


def test_the_password_is_in_no_verdict_and_no_log(host, caplog):
    host.add("alice")
    caplog.set_level(0)
    for user in ("alice", "nobody", "root"):
        assert PASSWORD not in repr(host.login(user))
        assert "hidden sesame" not in repr(host.login(user, "hidden sesame"))
    assert PASSWORD not in caplog.text
