"""`lotor status --versions`: ways in, whom a last day keeps out, and what cannot be known."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.test_config_ikev1_until import FILE
from lotor.cli import versions
from lotor.cli.main import lotor
from lotor.cli.versions import Seen, dated, ways
from lotor.daemon.exits import Exit, StartError
from lotor.store import migrations, sessions

OLD = (1, "alice", "vpnc", "aes 256, sha256")
NEW = (2, "bob", "Windows", "aes_gcm_16 256")


def test_sessions_of_one_way_are_one_row_and_ikev1_comes_first() -> None:
    seen = [Seen(NEW, 30.0, up=True), Seen(OLD, 10.0, up=False), Seen(OLD, 20.0, up=False)]
    first, second = ways(seen, [])
    assert (first.ike, first.user, first.sessions, first.up, first.last) == (1, "alice", 2, 0, 20.0)
    assert (second.ike, second.user, second.up) == (2, "bob", 1)


def test_the_last_day_of_who_comes_by_ikev1_is_named() -> None:
    found = ways([Seen(OLD, 10.0, up=False), Seen(NEW, 30.0, up=False)], [])
    told = list(dated(found, lambda _: date(2027, 3, 31), date(2027, 4, 1)))
    assert [(each.until, each.over) for each in told] == [("2027-03-31", True), ("", False)]


def prepared(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    connection = sqlite3.connect(store, isolation_level=None)
    migrations.migrate(connection, None)
    past = sessions.Session("a-1", "alice", "192.0.2.7", "10.99.99.1", "vpnc", 100.0, 200.0, ike=1, suite="aes 256")
    sessions.write(connection, [past])
    connection.close()
    (tmp_path / "users").write_text("# nobody\n")
    (tmp_path / "users").chmod(0o600)
    words = f'users "{tmp_path}/users"; ikev1_until "2020-03-31";'
    file = tmp_path / "racoon.conf"
    listen = f'listen {{ adminsock "{tmp_path}/none.sock"; }}'
    file.write_text(f'store "{store}";\n{listen}\n' + FILE.format(words))
    return file


def test_the_past_is_told_without_a_daemon_and_said_so(tmp_path: Path) -> None:
    file = prepared(tmp_path)
    told = CliRunner().invoke(lotor, ["status", "--versions", "--json", "-f", str(file)])
    assert told.exit_code == 0, told.output
    view = json.loads(told.output)
    (way,) = view["ways"]
    assert (way["ike"], way["user"], way["suite"], way["until"], way["over"]) == (
        *(1, "alice", "aes 256"),
        *("2020-03-31", True),
    )
    assert "present sessions are not known" in view["notes"][0]


def test_nobody_is_no_answer_where_nothing_can_be_asked(tmp_path: Path) -> None:
    """Who reads "no session is known" may take IKEv1 out of the file."""
    file = prepared(tmp_path)
    (tmp_path / "store").unlink()
    told = CliRunner().invoke(lotor, ["status", "--versions", "-f", str(file)])
    assert isinstance(told.exception, StartError)
    assert told.exception.code is Exit.NO_DAEMON
    assert "present sessions are not known" in str(told.exception)
    assert "past sessions are not known" in str(told.exception)


def test_a_configuration_that_cannot_be_read_is_a_gap_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = prepared(tmp_path)
    file.write_text("remote {")
    monkeypatch.setattr(versions, "_present", lambda *_: [Seen(NEW, 30.0, up=True)])
    told = CliRunner().invoke(lotor, ["status", "--versions", "--json", "-f", str(file)])
    assert told.exit_code == 0, told.output
    (note,) = json.loads(told.output)["notes"]
    assert note == f"past sessions and last days are not known: {file} cannot be used, lotor check tells why"


def test_what_a_daemon_without_anybody_says_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of the store that it does not have is none of its, but left by one that was killed."""
    file = prepared(tmp_path)
    connection = sqlite3.connect(tmp_path / "store", isolation_level=None)
    left = sessions.Session("a-2", "bob", "192.0.2.8", "10.99.99.2", "vpnc", 100.0, None, ike=1, suite="aes 256")
    sessions.write(connection, [left])
    connection.close()
    words = ["status", "--versions", "--json", "-f", str(file)]
    alone = json.loads(CliRunner().invoke(lotor, words).output)
    assert {each["user"] for each in alone["ways"]} == {"alice", "bob"}
    monkeypatch.setattr(versions, "_present", lambda *_: [])
    assert {each["user"] for each in json.loads(CliRunner().invoke(lotor, words).output)["ways"]} == {"alice"}


def test_a_table_fits_a_terminal_and_ends_with_a_count(tmp_path: Path) -> None:
    told = CliRunner().invoke(lotor, ["status", "--versions", "-f", str(prepared(tmp_path))], env={"COLUMNS": "80"})
    head, row, *rest = told.output.splitlines()
    assert head.split()[:2] == ["IKE", "user"]
    assert "2020-03-31 (over)" in row
    assert "by IKEv1: 1 users, 1 of them never by IKEv2; by IKEv2: 0" in rest


def test_the_history_is_filtered_by_version(tmp_path: Path) -> None:
    file = str(prepared(tmp_path))
    one = CliRunner().invoke(lotor, ["history", "--ike", "1", "--json", "-f", file])
    two = CliRunner().invoke(lotor, ["history", "--ike", "2", "--json", "-f", file])
    assert json.loads(one.output)["ike"] == 1
    assert two.output == ""
    alone = CliRunner().invoke(lotor, ["history", "--ike", "2", "--all", "-f", file])
    assert isinstance(alone.exception, StartError)
    assert "stands alone" in str(alone.exception)


def test_a_store_of_before_the_upgrade_wants_a_start_of_the_gateway(tmp_path: Path) -> None:
    """Which need not be running: `lotor history` is typed after an upgrade, too."""
    file = prepared(tmp_path)
    connection = sqlite3.connect(tmp_path / "store", isolation_level=None)
    connection.execute(f"PRAGMA user_version = {migrations.LATEST - 1}")
    connection.close()
    told = CliRunner().invoke(lotor, ["history", "-f", str(file)])
    assert "was written by an older lotor: start the gateway anew, which brings it up to date" in str(told.exception)


def test_other_views_do_not_go_with_it() -> None:
    assert CliRunner().invoke(lotor, ["status", "--versions", "--watch"]).exit_code == 2
