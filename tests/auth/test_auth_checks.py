"""What a login costs, and how long its answer takes: the same whatever is wrong, and little once it was right."""

from __future__ import annotations

import asyncio
import threading
from ipaddress import ip_address
from pathlib import Path

import pytest

from lotor.auth import Checks, Clock, LocalLogins, Proofs, SystemFiles, SystemLogins, Throttle, UserFile, proofs
from lotor.auth.beat import BEAT, LAST_LEG
from lotor.auth.checks import NoHashError
from lotor.auth.stand_ins import StandIns, crypt_kind
from lotor.auth.workers import Workers
from lotor.crypto.passwords import Cost, hash_password
from lotor.model.login import Accepted, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import AGAIN, NotInGroup, PasswordExpired, WrongPassword
from lotor.model.secret import Secret

CHEAP = Cost(memory=64, passes=1, lanes=1)
RIGHT, WRONG = "correct horse", "incorrect horse"
DES = "ab1GFbNS5ys0w"
"""Of no password below."""


def attempt(user: str, password: str = RIGHT) -> LoginAttempt:
    return LoginAttempt(user, ((Field.PASSWORD, Secret(password)),), Peer(ip_address("198.51.100.7"), 4500))


class Counted:
    """A back end whose files and hashes are counted, in virtual time: each hash takes `hashing` seconds."""

    def __init__(self, backend, hashing: float = 0.03, remember: float = 1000.0) -> None:
        self.now = 100.0
        self.hashing = hashing
        self.work: list[str] = []
        self.backend = backend
        self.checks = Checks(
            Workers(threads=1), Proofs(remember, lambda: self.now), Clock(lambda: self.now, self._sleep)
        )

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def find(self, name):
        self.work.append("look")
        return self.backend.find(name)

    def fits(self, password, stored):
        try:
            return self.backend.fits(password, stored)
        finally:
            if not self._broken(stored):
                self.now += self.hashing
                self.work.append("hash")

    def _broken(self, stored) -> bool:
        try:
            self.backend.fits(Secret("x"), stored)
        except NoHashError:
            return True
        return False

    def proved(self, case, password):
        return self.backend.proved(case, password)

    def judge(self, user: str, password: str = RIGHT):
        """The verdict, the work it took, and the seconds until it was told."""
        self.work.clear()
        began = self.now
        verdict = asyncio.run(self.checks.judge(attempt(user, password), self))
        return verdict, list(self.work), round(self.now - began, 6)


@pytest.fixture
def users(tmp_path: Path) -> UserFile:
    file = UserFile(tmp_path / "users", CHEAP)
    for name in ("alice", "bob", "locked"):
        file.add(name, Secret(RIGHT))
    file.lock("locked")
    return file


@pytest.fixture
def local(users) -> Counted:
    return Counted(LocalLogins(users))


@pytest.fixture
def system(tmp_path: Path) -> Counted:
    files = SystemFiles(*(tmp_path / name for name in ("passwd", "shadow", "group", "nologin")))
    shadow = {
        "alice": DES,
        "locked": f"!{DES}",
        "service": "*",
        "broken": "$zz$nothing",
        "odd": "*LK*",
        "junk": "x" * 20,
    }
    files.passwd.write_text("".join(f"{name}:x:1000:100::/:/bin/sh\n" for name in shadow))
    files.shadow.write_text("".join(f"{name}:{each}:19000:0:99999:7:::\n" for name, each in shadow.items()))
    files.group.write_text("")
    return Counted(SystemLogins(files, day=lambda: 20000))


def test_f7_what_was_proved_costs_no_hash_again(local):
    assert local.judge("alice")[:2] == (Accepted("alice"), ["look", "hash", "look"])
    assert local.judge("alice") == (Accepted("alice"), ["look"], 0)
    assert local.judge("bob")[1].count("hash") == 1


def test_f7_a_wrong_password_of_somebody_who_is_remembered_costs_what_it_costs_of_anybody(local):
    before = local.judge("alice", WRONG)
    local.judge("alice")
    assert local.judge("alice", WRONG) == before == (Refused(WrongPassword("alice")), ["look", "hash"], BEAT)
    assert local.judge("alice") == (Accepted("alice"), ["look"], 0)


@pytest.mark.parametrize("change", ["passwd", "lock", "remove and add"])
def test_f7_a_change_of_the_user_ends_what_is_remembered(local, users, change):
    local.judge("alice")
    if change == "passwd":
        users.passwd("alice", Secret("another"))
    elif change == "lock":
        users.lock("alice")
    else:
        users.remove("alice")
        users.add("alice", Secret("another"))
    verdict, work, seconds = local.judge("alice")
    assert isinstance(verdict, Refused)
    assert (work, seconds) == (["look", "hash"], BEAT), "not told sooner because the password was known once"


def test_f7_what_is_remembered_is_bounded_in_time(local):
    local.judge("alice")
    local.now += 999
    assert local.judge("alice")[1] == ["look"]
    local.now += 2
    assert local.judge("alice")[1] == ["look", "hash", "look"]


def test_f7_nothing_is_remembered_where_the_directive_says_so(users):
    gateway = Counted(LocalLogins(users), remember=0)
    assert [gateway.judge("alice")[1] for _ in range(2)] == [["look", "hash", "look"]] * 2


def test_f7_an_account_that_expired_meanwhile_is_refused_in_the_usual_time(system):
    system.backend.fits = lambda password, stored: stored == DES and password.reveal() == RIGHT.encode()
    assert system.judge("alice")[0] == Accepted("alice")
    assert system.judge("alice") == (Accepted("alice"), ["look"], 0)
    system.backend._day = lambda: 200000
    assert system.judge("alice") == (Refused(PasswordExpired("alice")), ["look", "hash"], BEAT)


def test_f7_who_left_the_group_is_refused_in_the_usual_time(users):
    members = {"alice"}
    gateway = Counted(LocalLogins(users, member=lambda name: None if name in members else NotInGroup(name, "vpn")))
    gateway.judge("alice")
    assert gateway.judge("alice")[1] == ["look"]
    members.clear()
    assert gateway.judge("alice") == (Refused(NotInGroup("alice", "vpn")), ["look", "hash"], BEAT)


def test_f7_an_account_that_changes_while_its_password_is_checked_is_not_judged(local, users):
    fits = local.backend.fits

    def fits_slowly(password, stored):
        users.lock("alice")
        return fits(password, stored)

    local.backend.fits = fits_slowly
    verdict = local.judge("alice")[0]
    assert isinstance(verdict, Refused)
    assert AGAIN in verdict.reason.message
    assert len(local.checks.proofs) == 0


def test_f7_a_reload_forgets_no_proof_and_no_thread(local):
    local.judge("alice")
    before, after = (Throttle(local, checks=checks) for checks in (local.checks, Checks(proofs=Proofs(5000))))
    after.take_over(before)
    local.checks = after.checks
    assert local.judge("alice")[1] == ["look"]
    assert local.checks.workers is before.checks.workers
    assert local.checks.proofs.seconds == 5000


def test_f7_the_memory_of_proofs_is_bounded_and_tells_nothing(monkeypatch):
    monkeypatch.setattr(proofs, "MOST_USERS", 10)
    memory, other = Proofs(), Proofs()
    for number in range(50):
        for each in (memory, other):
            each.note(f"user{number}", "entry", Secret(RIGHT))
    assert len(memory) == 10
    assert memory.holds("user49", "entry", Secret(RIGHT))
    assert not memory.holds("user0", "entry", Secret(RIGHT))
    assert not memory.holds("user49", "entry of another day", Secret(RIGHT))
    assert not memory.holds("user49", "entryc", Secret(RIGHT[1:])), "where the one ends and the other begins counts"
    kept = [{digest for digest, _ in each._kept.values()} for each in (memory, other)]
    assert not kept[0] & kept[1], "another start has another key"
    assert RIGHT.encode() not in b"".join(kept[0])


@pytest.mark.parametrize("hashing", [0.004, 0.03, 0.2])
def test_n5_a12_a_refusal_takes_the_same_time_and_work_whatever_is_wrong_with_a_local_user(users, hashing):
    users.path.write_text(users.path.read_text() + "broken:$argon2id$v=19$m=64,t=1,p=1$AAAA:\nempty::\n")
    gateway = Counted(LocalLogins(users), hashing)
    cases = [("alice", WRONG), ("locked", RIGHT), ("locked", WRONG), ("nobody", WRONG), ("", RIGHT)]
    cases += [("alice", ""), ("alice", "x" * 2000), ("broken", RIGHT), ("empty", RIGHT)]
    told = [gateway.judge(*case) for case in cases]
    assert [each[1:] for each in told] == [(["look", "hash"], BEAT)] * len(cases)
    assert not [each for each in told if not isinstance(each[0], Refused)]


def test_n5_a13_a_refusal_takes_the_same_time_and_work_whatever_is_wrong_with_an_account(system):
    names = ["alice", "locked", "service", "broken", "odd", "junk", "nobody", "root", ""]
    told = [system.judge(name) for name in names]
    assert [each[1:] for each in told] == [(["look", "hash"], BEAT)] * len(names)


def test_n5_a_slow_refusal_is_told_with_a_later_beat(local):
    local.hashing = 0.3
    assert local.judge("alice", WRONG)[2] == 2 * BEAT
    assert local.judge("nobody", WRONG)[2] == 2 * BEAT


def test_a13c_the_last_sleep_before_a_refusal_is_the_same_whatever_the_hash_took(local):
    legs = []
    sleep = local._sleep

    async def noted(seconds):
        legs.append(round(seconds, 6))
        await sleep(seconds)

    local.checks._beat._clock = Clock(lambda: local.now, noted)
    for local.hashing in (0.004, 0.035, 0.19):
        assert local.judge("alice", WRONG)[2] == BEAT
    assert legs[1::2] == [LAST_LEG] * 3
    assert len(set(legs[::2])) == 3


def test_a13b_files_that_did_not_change_are_not_read_again_for_anybody(tmp_path, monkeypatch):
    files = SystemFiles(*(tmp_path / name for name in ("passwd", "shadow", "group", "nologin")))
    files.passwd.write_text("".join(f"user{n}:x:{1000 + n}:100::/:/bin/sh\n" for n in range(500)))
    files.shadow.write_text("".join(f"user{n}:{DES}:19000:0:99999:7:::\n" for n in range(500)))
    monkeypatch.setattr("lotor.files.current.TIMESTAMP_RESOLUTION", -1)
    backend = SystemLogins(files)
    backend.find("user0")
    monkeypatch.setattr("lotor.auth.accounts._text", lambda path: pytest.fail(f"{path} was read again"))
    for name in ("user0", "user499", "nobody", "daemon"):
        backend.find(name)


def test_a13c_names_without_an_account_have_hashes_in_the_proportions_of_the_accounts():
    hashes = ["$y$j9T$salt$hash"] * 75 + ["$6$salt$hash"] * 25
    stand_ins = StandIns(hashes, crypt_kind, "none")
    drawn = [stand_ins.of(f"name{number}") for number in range(4000)]
    assert 0.72 < drawn.count("$y$j9T$salt$hash") / 4000 < 0.78
    assert set(drawn) == set(hashes)
    assert [stand_ins.of(f"name{number}") for number in range(4000)] == drawn
    others = StandIns(["$y$j9T$other$hash", *hashes], crypt_kind, "none")
    assert [crypt_kind(others.of(f"name{number}")) for number in range(4000)] != list(map(crypt_kind, drawn))


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        ("$y$j9T$salt$hash", "y$j9T"),
        ("$gy$j9T$salt$hash", "gy$j9T"),
        ("$2b$12$saltandhash", "2b$12"),
        ("$6$salt$hash", "6"),
        ("$6$rounds=9000$salt$hash", "6$rounds=9000"),
        ("$1$salt$hash", "1"),
        ("$7$CU..../....salt$hash", "7$CU..../...."),
        (DES, "des"),
        ("$", ""),
    ],
)
def test_kinds_of_hashes_are_told_apart_by_what_they_cost(stored, kind):
    assert crypt_kind(stored) == kind


def test_hashes_of_two_costs_are_imitated_both(users):
    users.path.write_text(users.path.read_text() + f"old:{hash_password(Secret('x'), Cost(128, 1, 1))}:\n")
    found = {users.current().stand_ins(f"name{number}")[0].split("$")[3] for number in range(100)}
    assert found == {"m=64,t=1,p=1", "m=128,t=1,p=1"}


def test_f7_the_event_loop_neither_reads_nor_hashes(local):
    threads = set()
    find, fits = local.backend.find, local.backend.fits
    local.backend.find = lambda name: (threads.add(threading.current_thread()), find(name))[1]
    local.backend.fits = lambda *both: (threads.add(threading.current_thread()), fits(*both))[1]
    local.judge("alice")
    assert len(threads) == 2
    assert threading.current_thread() not in threads
