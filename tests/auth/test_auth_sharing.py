"""Users of a fleet: the files of its gateways, and what crosses a database that may lie, forget, or go back in time."""

from __future__ import annotations

import fcntl
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotor.auth import UserFile
from lotor.auth.fleet_key import LONGEST_LINE, LONGEST_SEALED, FleetKey, FleetKeyError, Told, read
from lotor.auth.shared_state import SharedState
from lotor.auth.sharing import FEW, Sharing
from lotor.auth.userlines import LocalUser
from lotor.auth.users import UserError
from lotor.crypto.passwords import Cost
from lotor.crypto.sealing import seal, unseal
from lotor.files.private import FileError
from lotor.model.secret import Secret
from lotor.ports.fleet import MOST_AT_ONCE, UserLine

KEY, OTHER = Secret(bytes(range(32))), Secret(bytes(32))
CHEAP = Cost(memory=64, passes=1, lanes=1)


class Table:
    """The database's: rows by name, and the order of the changes."""

    def __init__(self) -> None:
        self.rows: dict[str, UserLine] = {}
        self.version = 0

    def users(self, after: int) -> list[UserLine]:
        found = sorted((each for each in self.rows.values() if each.version > after), key=lambda each: each.version)
        return found[:MOST_AT_ONCE]

    def write(self, name: str, sealed: bytes, version: int) -> int | None:
        present = self.rows.get(name)
        if (present.version if present is not None else 0) != version:
            return None
        self.version += 1
        self.rows[name] = UserLine(name, sealed, self.version)
        return self.version


class Gateway:
    def __init__(self, directory: Path, name: str, key: Secret = KEY) -> None:
        directory.mkdir(exist_ok=True)
        self.name, self.key, self.directory = name, key, directory
        self.file = UserFile(directory / "users", CHEAP)
        self.start()

    def start(self) -> None:
        key = FleetKey(self.key)
        self.sharing = Sharing(self.file, key, SharedState(key.name, self.directory / "fleet-users"), self.name)
        self.after, self.whole = 0, True

    def hear(self, table: Table) -> tuple:
        """What it would write now."""
        found, self.after = [], 0 if self.whole else self.after
        while page := table.users(self.after):
            found += page
            self.after = page[-1].version
        wishes = self.sharing.bring(found, whole=self.whole)
        assert wishes is not None
        self.whole = self.sharing.wants_whole
        return wishes

    def say(self, table: Table, wishes: tuple) -> bool:
        """Whether the database took all of it."""
        taken = []
        for each in wishes:
            version = table.write(each.told.name, each.sealed, each.version)
            taken.append(version is not None)
            if version is not None:
                self.sharing.took(each, version)
        self.sharing.settle()
        return all(taken)

    def round(self, table: Table) -> None:
        for _ in range(8):
            if self.say(table, self.hear(table)) and not self.whole:
                return
        raise AssertionError("it never ends")

    def add(self, name: str, hash_: str = "hash") -> None:
        self.file.put_all(lambda _: (LocalUser(name, hash_),))

    def set(self, name: str, hash_: str) -> None:
        self.file.change(name, lambda user: replace(user, hash=hash_))

    @property
    def users(self) -> dict[str, str]:
        return {each.name: each.hash + (" locked" if each.locked else "") for each in self.file.list()}

    @property
    def replaced(self) -> str:
        path = self.sharing.replaced
        return path.read_text() if path.exists() else ""


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def one(tmp_path) -> Gateway:
    return Gateway(tmp_path / "gw1", "gw1")


@pytest.fixture
def two(tmp_path) -> Gateway:
    return Gateway(tmp_path / "gw2", "gw2")


def agreed(table: Table, *gateways: Gateway) -> None:
    for each in (*gateways, *gateways):
        each.round(table)
    assert all(each.users == gateways[0].users for each in gateways)


# --- what crosses ----------------------------------------------------------------------------------------------------


def test_what_is_sealed_opens_with_the_same_key_and_name_only():
    sealed = seal(KEY, b"text", b"alice")
    assert unseal(KEY, sealed, b"alice") == b"text"
    assert unseal(KEY, sealed, b"bob") is None
    assert unseal(OTHER, sealed, b"alice") is None
    assert all(unseal(KEY, sealed[:length], b"alice") is None for length in range(len(sealed)))
    assert seal(KEY, b"text", b"alice") != sealed


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_what_no_gateway_sealed_is_nothing(octets):
    assert FleetKey(KEY).opened("alice", octets) is None
    assert FleetKey(KEY).opened("alice", seal(KEY, octets, b"lotor fleet user 1\0alice")) is None


def test_a_line_crosses_unseen_and_its_length_tells_no_second_factor():
    key = FleetKey(KEY)
    told = Told("alice", 3, "alice:$argon2id$hash:", "gw1")
    assert key.opened("alice", key.seal(told)) == told
    assert b"argon" not in key.seal(told)
    assert len(key.seal(told)) == len(key.seal(replace(told, line=told.line + "locked")))
    assert "argon" not in repr(told)
    assert key.name not in KEY.reveal().hex()


def test_the_longest_line_that_crosses_has_room_in_the_database():
    told = Told("é" * 64, 2**53 - 1, "é" * (LONGEST_LINE // 2), "g" * 63, "g" * 63)
    assert len(FleetKey(KEY).seal(told)) < LONGEST_SEALED
    assert FleetKey(KEY).opened(told.name, FleetKey(KEY).seal(told)) == told


def test_a_key_is_a_private_file_of_64_digits(tmp_path):
    path = tmp_path / "fleet.key"
    path.write_text(KEY.reveal().hex() + "\n")
    with pytest.raises(FileError, match="chmod 600"):
        read(path)
    path.chmod(0o600)
    assert read(path).name == FleetKey(KEY).name
    path.write_text("secret-of-mine")
    with pytest.raises(FleetKeyError, match="openssl rand -hex 32") as told:
        read(path)
    assert "secret-of-mine" not in str(told.value)


# --- the usual -------------------------------------------------------------------------------------------------------


def test_the_first_gateway_with_users_seeds_and_another_one_gets_them(table, one, two):
    one.add("alice")
    one.file.put_group("staff", lambda facts: replace(facts, sessions=2))
    agreed(table, one, two)
    assert two.users == {"alice": "hash"}
    assert two.file.read().groups() == one.file.read().groups()
    assert not two.replaced


def test_changes_cross_both_ways_and_comments_stay(table, one, two):
    one.add("alice")
    agreed(table, one, two)
    two.file.path.write_text("# of gw2\n" + two.file.path.read_text())
    two.file.path.chmod(0o600)
    two.set("alice", "new")
    two.add("bob")
    one.add("carol")
    agreed(table, two, one)
    assert one.users == {"alice": "new", "bob": "hash", "carol": "hash"}
    assert two.file.path.read_text().startswith("# of gw2\n")
    one.file.remove("alice")
    agreed(table, one, two)
    assert "alice" not in two.users
    two.add("alice", "again")
    agreed(table, two, one)
    assert one.users["alice"] == "again"
    assert not one.replaced
    assert not two.replaced


def test_what_changed_while_a_gateway_was_down_crosses_when_it_is_back(table, one, two):
    one.add("alice")
    one.add("bob")
    agreed(table, one, two)
    one.set("alice", "new")
    two.file.remove("bob")
    two.round(table)
    one.start()
    agreed(table, one, two)
    assert two.users == {"alice": "new"}


def test_a_wrong_line_stays_here_and_takes_nothing_away_elsewhere(table, one, two):
    one.add("alice")
    agreed(table, one, two)
    one.file.path.write_text(one.file.path.read_text().replace("alice:hash:", "alice:hash::sessions=many"))
    one.round(table)
    two.round(table)
    assert two.users == {"alice": "hash"}
    assert "sessions=many" in one.file.path.read_text()


def test_a_file_that_somebody_edits_is_left_alone(table, one):
    one.add("alice")
    lock = os.open(one.file.path.with_name(".users.lock"), os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert one.sharing.bring([], whole=True) is None
    os.close(lock)
    assert [each.told.name for each in one.sharing.bring([], whole=True) or ()] == ["alice"]


# --- at the same time ------------------------------------------------------------------------------------------------


def test_of_two_changes_at_a_time_the_later_one_counts_and_the_loser_says_so(table, one, two, caplog):
    one.add("alice")
    agreed(table, one, two)
    one.set("alice", "first")
    two.set("alice", "second")
    assert one.say(table, one.hear(table))
    two.round(table)
    assert two.users == {"alice": "second"}
    assert not two.replaced
    assert caplog.text == ""
    one.round(table)
    assert one.users == {"alice": "second"}
    assert "alice was changed at gw2 while it was changed here: that counts" in caplog.text
    assert "alice:first:" in one.replaced
    assert one.sharing.replaced.stat().st_mode & 0o077 == 0
    assert "first" not in caplog.text


def test_the_one_that_the_database_refused_reads_before_it_writes_again(table, one, two):
    one.add("alice")
    agreed(table, one, two)
    one.set("alice", "first")
    two.set("alice", "second")
    wishes = two.hear(table)
    one.round(table)
    assert not two.say(table, wishes)
    agreed(table, two, one)
    assert one.users == {"alice": "second"}


def test_a_lock_and_a_removal_win_over_a_change_at_the_same_time(table, one, two, caplog):
    for name in ("alice", "bob", "carol"):
        one.add(name)
    agreed(table, one, two)
    one.file.lock("alice")
    one.file.remove("bob")
    two.set("alice", "new")
    two.set("bob", "new")
    two.file.remove("carol")
    one.set("carol", "new")
    one.round(table)
    agreed(table, two, one)
    assert one.users == {"alice": "new locked"}
    assert "bob was removed at gw1" in caplog.text
    assert "carol was removed at gw2" in caplog.text
    assert "bob:new:" in two.replaced
    assert "carol:new:" in one.replaced


def test_an_answer_that_was_lost_is_no_other_change(table, one, two, caplog):
    one.add("alice")
    agreed(table, one, two)
    one.set("alice", "new")
    for wish in one.hear(table):
        table.write(wish.told.name, wish.sealed, wish.version)  # and the gateway never hears that it was written
    one.set("alice", "newer")
    agreed(table, one, two)
    assert two.users == {"alice": "newer"}
    one.start()
    agreed(table, one, two)
    assert caplog.text == ""


def test_what_the_fleet_told_is_remembered_while_the_database_does_not_take_the_answer(table, one, two, caplog):
    one.add("alice")
    agreed(table, one, two)
    one.set("alice", "first")
    two.set("alice", "second")
    one.round(table)
    two.hear(table)  # and then the database was away
    agreed(table, two, one)
    assert one.users == {"alice": "second"}
    assert "older" not in caplog.text


# --- who joins -------------------------------------------------------------------------------------------------------


def test_a_gateway_that_joins_with_a_file_of_its_own_loses_nothing_silently(table, one, two, caplog):
    one.add("alice", "fleet")
    one.add("gone")
    agreed(table, one)
    one.file.remove("gone")
    agreed(table, one)
    two.add("alice", "own")
    two.add("gone", "of old")
    two.add("dora", "own")
    agreed(table, two, one)
    assert two.users == {"alice": "fleet", "dora": "own"}
    assert "alice:own:" in two.replaced
    assert "gone:of old:" in two.replaced
    assert f"alice is another one in the fleet, as gw1 told: that one counts and is kept in {two.sharing.replaced}" in (
        caplog.text
    )


def test_nothing_is_overwritten_where_the_copy_cannot_be_kept(table, one, two):
    one.add("alice", "fleet")
    agreed(table, one)
    two.add("alice", "own")
    two.sharing.replaced.mkdir()
    with pytest.raises(FileError):
        two.round(table)
    assert two.users == {"alice": "own"}
    assert table.version == 1


def test_a_gateway_with_another_key_reads_and_writes_nothing_of_the_fleets(tmp_path, table, one, caplog):
    one.add("alice")
    agreed(table, one)
    stranger = Gateway(tmp_path / "gw3", "gw3", OTHER)
    stranger.add("alice", "own")
    stranger.round(table)
    assert stranger.users == {"alice": "own"}
    assert table.version == 1
    assert "what the database says of alice no gateway with this fleet key has written" in caplog.text


# --- a database that lies, or forgets --------------------------------------------------------------------------------


def test_an_older_line_is_refused_and_what_is_here_goes_there_again(table, one, two, caplog):
    one.add("alice", "first")
    agreed(table, one, two)
    old = table.rows["alice"].sealed
    one.file.lock("alice")
    agreed(table, one, two)
    table.write("alice", old, table.rows["alice"].version)
    two.round(table)
    assert two.users == {"alice": "first locked"}
    assert "what the database says of alice is older than what was there" in caplog.text
    agreed(table, one, two)
    assert FleetKey(KEY).opened("alice", table.rows["alice"].sealed).line == "alice:first:locked"


def test_an_older_line_is_refused_after_a_restart_and_a_removed_user_stays_so(table, one):
    one.add("alice")
    agreed(table, one)
    old = table.rows["alice"].sealed
    one.file.remove("alice")
    agreed(table, one)
    one.start()
    table.write("alice", old, table.rows["alice"].version)
    one.round(table)
    assert one.users == {}
    assert FleetKey(KEY).opened("alice", table.rows["alice"].sealed).line == ""


def test_lines_cannot_be_swapped_emptied_or_made(table, one, two, caplog):
    one.add("alice", "a")
    one.add("bob", "b")
    agreed(table, one, two)
    alice, bob = table.rows["alice"], table.rows["bob"]
    for sealed in (bob.sealed, b"", b"\0" * 200, alice.sealed[:-1] + b"\0", alice.sealed * 200):
        table.write("alice", sealed, table.rows["alice"].version)
        two.round(table)
        assert two.users == {"alice": "a", "bob": "b"}
    table.write("mallory", alice.sealed, 0)
    two.round(table)
    assert "mallory" not in two.users
    assert "what the database says of mallory no gateway" in caplog.text


@pytest.mark.parametrize(
    "line", ["bob:hash:", "alice:hash:\nbob:hash:", "alice:hash::sessions=many", "alice", "# alice"]
)
def test_what_an_owned_gateway_may_seal_is_one_line_of_that_name(table, one, line):
    one.add("alice")
    agreed(table, one)
    sealed = FleetKey(KEY).seal(Told("alice", 9, line, "gw2"))
    table.write("alice", sealed, table.rows["alice"].version)
    one.round(table)
    assert one.users == {"alice": "hash"}


def test_an_emptied_database_takes_nobody_away(table, one, two):
    one.add("alice")
    one.add("gone")
    agreed(table, one, two)
    one.file.remove("gone")
    agreed(table, one, two)
    table.rows.clear()
    one.whole = two.whole = True  # both hear that the database is there again
    agreed(table, one, two)
    assert one.users == {"alice": "hash"}
    assert set(table.rows) == {"alice", "gone"}
    fresh = Gateway(one.directory.with_name("gw3"), "gw3")
    agreed(table, fresh, one)
    assert fresh.users == {"alice": "hash"}


def test_a_database_restored_from_an_old_copy_is_brought_up_to_date(table, one, two):
    one.add("alice", "old")
    agreed(table, one, two)
    copy = dict(table.rows)
    two.set("alice", "new")
    one.add("bob")
    agreed(table, one, two)
    table.rows = copy
    one.whole = two.whole = True
    agreed(table, one, two)
    assert one.users == {"alice": "new", "bob": "hash"}


# --- a file that is lost ---------------------------------------------------------------------------------------------


def test_a_file_that_is_lost_comes_back_and_takes_nobody_away(table, one, two, caplog):
    one.add("alice")
    one.add("bob")
    agreed(table, one, two)
    one.file.path.unlink()
    agreed(table, one, two)
    assert one.users == {"alice": "hash", "bob": "hash"}
    assert "2 of 2 users of the fleet are gone at once: they are written again" in caplog.text


def test_more_than_half_gone_at_once_is_an_accident_and_a_few_are_not(table, one, two):
    for number in range(2 * FEW + 2):
        one.add(f"user{number}")
    agreed(table, one, two)
    for number in range(FEW):
        one.file.remove(f"user{number}")
    agreed(table, one, two)
    assert len(two.users) == FEW + 2
    for number in range(FEW, 2 * FEW + 2):
        one.file.remove(f"user{number}")
    agreed(table, one, two)
    assert len(two.users) == FEW + 2


def test_a_state_that_nobody_wrote_stops_the_sharing_with_a_word(table, one):
    one.add("alice")
    agreed(table, one)
    (one.directory / "fleet-users").write_text("what is this\n")
    one.start()
    with pytest.raises(FileError, match="line 1 is none that lotor wrote"):
        one.round(table)
    (one.directory / "fleet-users").unlink()
    agreed(table, one)
    assert one.users == {"alice": "hash"}


def test_a_full_disk_stops_a_round_and_not_the_next(table, one, two, monkeypatch):
    one.add("alice")
    agreed(table, one)
    monkeypatch.setattr("lotor.auth.users.LARGEST", 10)
    with pytest.raises(UserError, match="more than 10 octets"):
        two.round(table)
    monkeypatch.undo()
    agreed(table, two, one)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "set", "lock", "remove", "round", "lost", "restart", "empty", "restore"]),
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        max_size=25,
    )
)
def test_whatever_happens_all_gateways_agree_in_the_end(tmp_path_factory, steps):
    """And rows that come back, answers that are lost and restarts never leave them apart."""
    base, table = tmp_path_factory.mktemp("fleet"), Table()
    gateways = [Gateway(base / f"gw{number}", f"gw{number}") for number in range(3)]
    copy = dict(table.rows)
    for number, (step, at, which) in enumerate(steps):
        gateway, name = gateways[at], f"user{which}"
        try:
            match step:
                case "add":
                    gateway.add(name, f"{number}")
                case "set":
                    gateway.set(name, f"{number}")
                case "lock":
                    gateway.file.lock(name)
                case "remove":
                    gateway.file.remove(name)
                case "round":
                    gateway.round(table)
                case "lost":
                    for wish in gateway.hear(table):
                        table.write(wish.told.name, wish.sealed, wish.version)
                case "restart":
                    gateway.start()
                case "empty":
                    table.rows = {}
                case "restore":
                    table.rows, copy = copy, dict(table.rows)
        except UserError:
            pass
        if step in {"empty", "restore"}:
            for each in gateways:
                each.whole = True
    for _ in range(3):
        for each in gateways:
            each.round(table)
    assert gateways[0].users == gateways[1].users == gateways[2].users
