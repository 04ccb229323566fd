"""Old hashes made anew at a login: many in one rewrite, none in anybody's way."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lotor.auth import Checks, LocalLogins, Proofs, Throttle, UserFile
from lotor.auth import renewals as module
from lotor.auth.renewals import Renewals
from lotor.crypto.passwords import Cost, check_password
from lotor.files import writing
from lotor.files.private import FileError
from lotor.model.login import Accepted, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import AccountChanged
from lotor.model.secret import Secret

OLD, NEW = Cost(memory=128, passes=1, lanes=1), Cost(memory=64, passes=1, lanes=1)
PASSWORD = Secret("correct horse")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    users = UserFile(tmp_path / "users", OLD)
    for number in range(20):
        users.add(f"user{number}", PASSWORD)
    users.lock("user3")
    return users.path


def finish() -> None:
    for thread in threading.enumerate():
        if thread.name == "lotor-users":
            thread.join(60)


def costs(path: Path) -> set[str]:
    return {user.hash.split("$")[3] for user in UserFile(path).list()}


def lines(path: Path) -> dict[str, str]:
    return {user.name: user.line() for user in UserFile(path).list()}


def test_f7_an_old_hash_is_made_anew_and_the_rest_of_the_file_stays(path):
    path.write_text("# of the marketing department\n\n" + path.read_text())
    before = path.read_text().split("\n")
    renewals = Renewals(UserFile(path, NEW), pause=0)
    renewed = renewals.renewed(lines(path)["user7"], PASSWORD)
    finish()
    assert lines(path)["user7"] == renewed
    assert check_password(PASSWORD, renewed.split(":")[1])
    after = path.read_text().split("\n")
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [renewed.rstrip("\n")]
    assert path.stat().st_mode & 0o777 == 0o600


def test_f7_what_is_hashed_as_today_is_left_alone(path):
    renewals = Renewals(UserFile(path, OLD), pause=0)
    before = path.read_bytes(), path.stat().st_ino
    for line in lines(path).values():
        assert renewals.renewed(line, PASSWORD) == line
    finish()
    assert (path.read_bytes(), path.stat().st_ino) == before


def test_f7_many_logins_at_once_are_one_rewrite(path, monkeypatch):
    written = []
    monkeypatch.setattr(writing, "replace", lambda *octets: written.append(octets))
    renewals = Renewals(UserFile(path, NEW), pause=0.5)
    promised = [renewals.renewed(line, PASSWORD) for line in lines(path).values()]
    again = [renewals.renewed(line, PASSWORD) for line in lines(path).values()]
    assert again == promised, "a second login in between is not hashed again"
    finish()
    assert len(written) == 1
    assert all(line in written[0][1].decode() for line in promised)


def test_f7_a_change_by_the_administrator_meanwhile_stands(path):
    renewals = Renewals(UserFile(path, NEW), pause=0.2)
    for name in ("user1", "user2", "user4", "user5"):
        renewals.renewed(lines(path)[name], PASSWORD)
    admin = UserFile(path, OLD)
    admin.passwd("user1", Secret("another"))
    admin.lock("user2")
    admin.remove("user4")
    finish()
    after = {user.name: user for user in admin.list()}
    assert check_password(Secret("another"), after["user1"].hash)
    assert after["user2"].locked
    assert "user4" not in after
    assert after["user5"].hash.startswith(str(NEW))


@pytest.mark.parametrize("fault", ["disk", "lock"])
def test_f7_a_file_that_cannot_be_written_costs_nobody_his_login(path, monkeypatch, caplog, fault):
    if fault == "disk":
        monkeypatch.setattr(writing, "replace", _full)
    else:
        path.with_name(f".{path.name}.lock").unlink()
        path.with_name(f".{path.name}.lock").mkdir()
    caplog.set_level(logging.WARNING)
    now = [0.0]
    renewals = Renewals(UserFile(path, NEW), pause=0, now=lambda: now[0])
    entry = lines(path)["user1"]
    assert renewals.renewed(entry, PASSWORD) != entry
    finish()
    assert costs(path) == {"m=128,t=1,p=1"}
    assert len(caplog.records) == 1
    assert renewals.renewed(entry, PASSWORD) == entry, "no hash is made in vain for an hour"
    now[0] = module.REST
    assert renewals.renewed(entry, PASSWORD) != entry
    finish()


def _full(*_):
    raise FileError("the disk is full")


def test_f7_a_lock_that_somebody_holds_holds_no_login_up(path):
    holder = UserFile(path, NEW)
    with holder._locked():
        renewals = Renewals(UserFile(path, NEW), pause=0)
        renewed = renewals.renewed(lines(path)["user1"], PASSWORD)
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            assert lines(path)["user1"] != renewed
    finish()
    assert lines(path)["user1"] == renewed


def test_f7_what_waits_to_be_written_is_bounded(path, monkeypatch):
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    renewals = Renewals(UserFile(path, NEW), pause=0.3)
    changed = [line != renewals.renewed(line, PASSWORD) for line in lines(path).values()]
    assert changed.count(True) == 2
    finish()


def test_a_login_that_began_before_the_rewrite_is_promised_what_was_written(path):
    renewals, before = Renewals(UserFile(path, NEW), pause=0), lines(path)["user7"]
    promised = renewals.renewed(before, PASSWORD)
    finish()
    assert renewals.renewed(before, PASSWORD) == promised == lines(path)["user7"]


def test_a_rewrite_of_ours_while_a_password_is_checked_refuses_nobody(path):
    """Two logins of one user within a second: the first one has the hash made anew, and the second one's check lasts
    until it is written. One whom the administrator locked meanwhile is refused all the same."""
    users = UserFile(path, NEW)

    class Slow(LocalLogins):
        meanwhile = staticmethod(finish)

        def fits(self, password, stored):
            right = super().fits(password, stored)
            self.meanwhile()
            return right

    async def play():
        logins = Slow(users, Checks(proofs=Proofs(0)))
        logins._renewals = Renewals(users, pause=0)
        first = await logins.judge(attempt())
        logins.meanwhile = lambda: UserFile(path, NEW).lock("user7")
        return first, await logins.judge(attempt())

    first, locked = asyncio.run(play())
    assert first == Accepted("user7")
    assert isinstance(locked, Refused)
    assert isinstance(locked.reason, AccountChanged)


def test_a_reload_between_two_logins_within_the_second_of_the_rewrite_refuses_nobody(path):
    """The later configuration hears of the hash that the former one is about to write."""
    users = UserFile(path, NEW)

    class Slow(LocalLogins):
        def fits(self, password, stored):
            right = super().fits(password, stored)
            finish()
            return right

    async def play():
        former, later = (Throttle(kind(users, Checks()), 0) for kind in (LocalLogins, Slow))
        former.backend._renewals = Renewals(users, pause=0.3)
        first = await former.judge(attempt())
        later.take_over(former)
        return first, await later.judge(attempt())

    assert asyncio.run(play()) == (Accepted("user7"), Accepted("user7"))
    assert costs(path) == {"m=128,t=1,p=1", "m=64,t=1,p=1"}


def test_another_list_of_users_is_written_by_itself(path, tmp_path):
    other = UserFile(tmp_path / "others", NEW)
    former, later = LocalLogins(UserFile(path, NEW)), LocalLogins(other)
    own = later._renewals
    later.take_over(former)
    assert later._renewals is own


def test_two_logins_within_the_second_of_the_rewrite_are_both_right(path):
    users = UserFile(path, NEW)
    old = lines(path)["user7"]

    class Straddling(LocalLogins):
        """The second one looked at the file before the rewrite, and its password is checked after it."""

        def find(self, name):
            case = super().find(name)
            if looks and not isinstance(looks.pop(), str):
                return replace(case, entry=old, own=old.split(":")[1])
            return case

    looks = []

    async def play():
        logins = Straddling(users, Checks(proofs=Proofs(0)))
        logins._renewals = Renewals(users, pause=0)
        first = await logins.judge(attempt())
        await asyncio.to_thread(finish)
        looks.append(None)
        return first, await logins.judge(attempt())

    assert asyncio.run(play()) == (Accepted("user7"), Accepted("user7"))


def attempt():
    return LoginAttempt("user7", ((Field.PASSWORD, PASSWORD),), Peer(IPv4Address("192.0.2.7"), 500))
