"""`lotor user` beyond names and passwords: facts, groups, second factors, tables in and out."""

from __future__ import annotations

import csv
import io
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from lotor.auth import UserFile
from lotor.auth.codes import recovery_digest
from lotor.auth.facts import key_text
from lotor.auth.sheet import Import, SheetError, exported, rows_of
from lotor.auth.userlines import Lines
from lotor.cli import locate, qr, user_file, user_second
from lotor.cli.columns import cells
from lotor.cli.main import lotor
from lotor.crypto.passwords import Cost, check_password, hash_password, is_phc
from lotor.daemon.exits import Exit, StartError
from lotor.model.secret import Secret

CHEAP = Cost(memory=64, passes=1, lanes=1)
HASH = hash_password(Secret("correct horse"), CHEAP)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command with a file of users of its own, cheap hashes, and no daemon."""
    monkeypatch.setattr(locate, "control_socket", lambda given, file=None: tmp_path / "no.sock")
    monkeypatch.setattr("lotor.auth.users.hash_password", lambda password, cost: hash_password(password, CHEAP))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))

    def call(*words, text="a good password\n"):
        return CliRunner().invoke(lotor, ["user", "--users", str(tmp_path / "users"), *words], input=text)

    call.path = tmp_path / "users"
    return call


def refused(done, *words) -> StartError:
    assert isinstance(done.exception, StartError), (done.output, done.exception)
    assert all(word in str(done.exception) for word in words), done.exception
    return done.exception


@pytest.fixture
def staff(run):
    """alice and bob; alice is in a group."""
    assert run("add", "--password-stdin", "alice", "groups=staff", "expires=2027-03-31").exit_code == 0
    assert run("add", "--password-stdin", "bob").exit_code == 0
    assert run("group", "staff", "rate=20mbit", "routes=10.1.0.0/16", "sessions=1").exit_code == 0
    return run


def test_facts_are_set_shown_and_taken_away(staff):
    assert staff("set", "alice", "address=10.99.99.7", "sessions=3").output == f"user alice changed in {staff.path}\n"
    assert staff("show", "alice").output.splitlines() == [
        "user      alice",
        "state     may log in",
        "groups    staff",
        "address   10.99.99.7",
        "routes    10.1.0.0/16  (group staff)",
        "rate      20mbit  (group staff)",
        "sessions  3",
        "expires   2027-03-31",
    ]
    told = json.loads(staff("show", "--json", "alice").output)
    assert told["facts"]["sessions"] == 3
    assert told["facts"]["groups"] == ["staff"]
    assert told["of_groups"] == {"routes": "staff", "rate": "staff"}
    staff("set", "alice", "address=", "sessions=", "expires=", "groups=")
    assert staff("show", "alice").output.splitlines() == ["user      alice", "state     may log in"]
    assert UserFile(staff.path).find("alice").line().count(":") == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["set", "alice", "rate=fast"], 2),
        (["set", "alice", "rate"], 2),
        (["set", "alice"], 2),
        (["set", "alice", "totp=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"], 2),
        (["add", "carol", "address=1"], 2),
        (["group", "staff", "address=10.99.99.7"], 2),
        (["set", "nobody", "sessions=1"], Exit.FAILED),
        (["show", "nobody"], Exit.FAILED),
        (["group", "nobody"], Exit.FAILED),
        (["group", "--del", "nobody"], Exit.FAILED),
        (["group", "a:b", "sessions=1"], Exit.FAILED),
        (["add", "alice"], Exit.FAILED),
        (["add", "@staff"], Exit.FAILED),
        (["totp", "on", "nobody"], Exit.FAILED),
        (["totp", "show", "alice"], Exit.FAILED),
        (["totp", "recovery", "alice"], Exit.FAILED),
    ],
)
def test_what_cannot_be_done_changes_nothing_and_has_its_code(staff, words, code):
    before = staff.path.read_bytes()
    done = staff(*words)
    got = done.exception.code if isinstance(done.exception, StartError) else done.exit_code
    assert got == code
    assert staff.path.read_bytes() == before


def test_a_line_that_is_wrong_is_told_by_number_and_by_code(staff):
    staff.path.write_text(staff.path.read_text() + f"carol:{HASH}::expires=soon\n")
    done = staff("list")
    assert done.output == "alice\nbob\n"
    assert refused(done, "line 5: expires: 'soon' is no date").code is Exit.CONFIGURATION
    refused(staff("show", "carol"), "line 5")


def test_the_lists_fit_a_terminal(staff, monkeypatch):
    for number in range(4):
        staff("add", "--password-stdin", f"a.long.name.{number}@example.net", "groups=staff,accounting,auditors-2027")
        staff(
            "set", f"a.long.name.{number}@example.net", f"address=10.99.99.{number + 1}", "routes=10.1.0.0/16,fd00::/64"
        )
    monkeypatch.setattr("lotor.cli.terminal.columns", lambda: 80)
    for words in (["list", "--long"], ["groups"]):
        lines = staff(*words).output.splitlines()
        assert len(lines) > 1
        assert all(cells(line) <= 80 for line in lines)
    assert "10.99.99.3" in staff("list", "-l").output
    assert [each["name"] for each in json.loads(staff("list", "--json").output)][-1] == "bob"
    assert json.loads(staff("groups", "--json").output)[0]["users"][0] == "a.long.name.0@example.net"


def test_a_long_key_moves_what_stands_behind_the_others(staff):
    staff("group", "staff", "ikev1_until=2027-06-30")
    for words in (("show", "alice"), ("group", "staff")):
        lines = staff(*words).output.splitlines()
        assert any(each.startswith("ikev1_until 2027-06-30") for each in lines)
        assert {each[11] for each in lines} == {" "}, lines
        assert " " not in {each[12] for each in lines}, lines


def test_groups_are_shown_and_removed(staff):
    assert staff("group", "staff").output.splitlines() == [
        "group     staff",
        "routes    10.1.0.0/16",
        "rate      20mbit",
        "sessions  1",
        "users     alice",
    ]
    assert json.loads(staff("group", "staff", "--json").output)["facts"]["sessions"] == 1
    assert staff("group", "--del", "staff").exit_code == 0
    assert "rate" not in staff("show", "alice").output


def test_a_generated_password_is_told_once_and_opens(run):
    made = run("add", "--generate", "alice").output.splitlines()[0].removeprefix("password: ")
    assert len(made) == user_file.GENERATED
    assert check_password(Secret(made), UserFile(run.path).find("alice").hash)
    assert made not in run.path.read_text()


# --- second factors --------------------------------------------------------------------------------------------------


def test_a_second_factor_comes_and_goes(staff):
    told = staff("totp", "on", "--issuer", "Flying pigs LTD", "alice").output
    user = UserFile(staff.path).find("alice")
    key = key_text(user.facts.totp)
    assert f"otpauth://totp/Flying%20pigs%20LTD:alice?secret={key}&issuer=Flying%20pigs%20LTD\n" in told
    codes = [line.strip() for line in told.splitlines() if line.startswith("  ")]
    assert [recovery_digest("alice", Secret(code)) for code in codes] == list(user.facts.recovery)
    assert len(set(codes)) == 10
    assert "recovery  10 of 10 codes left" in staff("show", "alice").output
    assert key in staff("totp", "show", "alice").output
    for line in staff("show", "alice", "--json"), staff("list", "-l"), staff("list", "--json"):
        assert key not in line.output
    again = staff("totp", "recovery", "alice").output
    assert not set(codes) & set(again.split())
    assert key_text(UserFile(staff.path).find("alice").facts.totp) == key
    staff("totp", "off", "alice")
    assert UserFile(staff.path).find("alice").facts.totp is None
    assert UserFile(staff.path).find("alice").facts.recovery == ()


def test_who_must_have_a_second_factor_is_told_of(staff):
    staff("totp", "on", "alice")
    staff("group", "staff", "totp=required")
    assert "warning: a group of alice requires one" in staff("totp", "off", "alice").output
    assert "no totp!" in staff("list", "-l").output


def test_a_qr_code_can_be_scanned(monkeypatch):
    """What is drawn is the matrix of the library, with its quiet zone."""
    segno = pytest.importorskip("segno")
    uri = "otpauth://totp/vpn.example.net:alice@example.net?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=vpn.example.net"
    drawn = qr.drawing(uri, "utf-8", 80).split("\n")
    assert all(line.startswith("\x1b[97;40m") and line.endswith("\x1b[0m") for line in drawn)
    texts = [line.removeprefix("\x1b[97;40m").removesuffix("\x1b[0m") for line in drawn]
    assert max(map(len, texts)) <= 80
    read = []
    for line in texts:
        read.append([sign in " ▄" for sign in line])
        read.append([sign in " ▀" for sign in line])
    made = [list(map(bool, row)) for row in segno.make(uri, error="l", micro=False).matrix_iter(border=4)]
    assert read[: len(made)] == made
    assert qr.drawing(uri, "utf-8", 40) == ""
    assert qr.drawing(uri, "ascii", 80) == ""


def test_the_uri_survives_any_name():
    user = Lines(f"Jürgen Ö?&=#/%:{HASH}::totp=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n").entry("Jürgen Ö?&=#/%")
    uri = user_second.otpauth(user, "a&b")
    assert uri.count("?") == 1
    assert uri.isascii()
    assert uri.endswith("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=a%26b")


# --- tables ----------------------------------------------------------------------------------------------------------


def test_an_export_has_no_secret_unless_it_is_asked_for(staff):
    staff("totp", "on", "alice")
    user = UserFile(staff.path).find("alice")
    plain, whole = staff("export").output, staff("export", "--hashes").output
    for secret in (user.hash, key_text(user.facts.totp), user.facts.recovery[0]):
        assert secret not in plain
        assert secret in whole
    rows = list(csv.DictReader(io.StringIO(plain)))
    assert [row["name"] for row in rows] == ["'@staff", "alice", "bob"]
    assert rows[1]["totp"] == "yes"


def test_an_export_is_imported_elsewhere_as_it_was(staff, tmp_path):
    staff("totp", "on", "alice")
    staff("lock", "bob")
    table = tmp_path / "users.csv"
    table.write_text(staff("export", "--hashes").output)
    table.chmod(0o600)
    before = UserFile(staff.path).read()
    staff.path.unlink()
    assert staff("import", str(table)).output == f"2 users and 1 group imported into {staff.path}\n"
    after = UserFile(staff.path).read()
    assert (after.all(), after.groups()) == (before.all(), before.groups())
    assert stat.S_IMODE(staff.path.stat().st_mode) == 0o600
    refused(staff("import", str(table)), "line 2", "line 3", "line 4", "exists already", "3 faults")
    table.write_text(staff("export").output)
    assert staff("import", "--update", str(table)).exit_code == 0
    assert UserFile(staff.path).read().all() == before.all(), "an export without secrets takes none away"


def test_no_import_takes_a_second_factor_away_in_silence(staff, tmp_path):
    """An export without secrets has no key: who comes by it to another gateway would need the password alone."""
    staff("totp", "on", "alice")
    table = tmp_path / "users.csv"
    table.write_text(staff("export").output)
    staff.path.unlink()
    refused(staff("import", "--generate", str(table)), "line 3", "'alice' is new", "--hashes", "1 fault")
    assert not staff.path.exists()


NAMES = ("=HYPERLINK(1)", "+1", "-1", "'=1", "'a", "''", "=", "a=1", "zoe")


def test_no_cell_of_an_export_is_a_formula(run, tmp_path):
    """A spreadsheet would compute a name, and store what came of it."""
    for name in NAMES:
        assert run("add", "--generate", "--", name).exit_code == 0
    UserFile(run.path).change(NAMES[-1], lambda user: replace(user, facts=replace(user.facts, recovery=("-" * 16,))))
    before, table = UserFile(run.path).read().all(), tmp_path / "users.csv"
    table.write_text(run("export", "--hashes").output)
    cells = [cell for row in csv.reader(io.StringIO(table.read_text())) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "'=HYPERLINK(1)" in cells
    run.path.unlink()
    assert run("import", str(table)).exit_code == 0
    assert UserFile(run.path).read().all() == before


def test_a_password_of_a_table_is_what_stands_there(run):
    run("import", "-", text="name,password\n'@staff2,\n'=carol,'=secret sauce\n")
    assert check_password(Secret("'=secret sauce"), UserFile(run.path).find("=carol").hash)


TABLE = """name,password,groups,rate,locked
carol,carol's password,"staff,vpn",2mbit,
dora,"a, ""quoted"" one ",,,yes
"""


def test_plain_passwords_are_hashed(run):
    assert run("import", "-", text=TABLE).output == f"2 users imported into {run.path}\n"
    carol, dora = UserFile(run.path).list()
    assert check_password(Secret("carol's password"), carol.hash)
    assert check_password(Secret('a, "quoted" one '), dora.hash)
    assert (carol.facts.groups, carol.facts.rate, dora.locked) == (("staff", "vpn"), 250_000, True)
    assert "password" not in run.path.read_text().split("\n", 1)[1]


def test_everything_is_checked_before_anything_is_written(staff):
    before = staff.path.read_bytes()
    text = (
        "name,password,hash,expires,address,locked\n"
        "carol,longenough,,2027-03-31,,\n"
        ",x,,,,\n"
        "alice,x,,,,\n"
        "dora,,,,,\n"
        "emil,x,,soon,,\n"
        "fred,x,$argon2id$v=19$m=64,,,\n"
        'gina,,"$argon2id$v=19$m=64,t=1,p=1$c2FsdA$x",,,\n'
        "@vpn,,,2027-03-31,10.99.99.7,\n"
        "hans,x,,,,maybe\n"
        "carol,x,,,,\n"
        "ines,x,,,,,more\n"
        "a:b,x,,,,\n"
    )
    fault = str(refused(staff("import", "-", text=text)))
    assert [line.split(":")[0] for line in fault.splitlines()[:-1]] == [
        f"standard input line {number}" for number in range(3, 14)
    ]
    assert fault.endswith("nothing was written: 11 faults")
    assert "longenough" not in fault
    assert staff.path.read_bytes() == before


def test_a_rehearsal_writes_nothing(run):
    assert run("import", "--dry-run", "-", text=TABLE).output == f"2 users would be imported into {run.path}\n"
    assert not run.path.exists()


def test_an_update_changes_what_has_a_cell(staff):
    before = UserFile(staff.path).find("alice")
    assert staff("import", "--update", "-", text="name,rate,expires,groups\nalice,1mbit,-,\n").exit_code == 0
    after = UserFile(staff.path).find("alice")
    assert (after.facts.rate, after.facts.expires, after.facts.groups) == (125_000, None, ("staff",))
    assert after.hash == before.hash


def test_passwords_are_made_for_those_without(run):
    lines = run("import", "--generate", "-", text="name\ncarol\ndora\n").output.splitlines()
    made = dict(line.split(": ") for line in lines[:-1])
    assert all(check_password(Secret(made[user.name]), user.hash) for user in UserFile(run.path).list())
    assert len(set(made.values())) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no column name"),
        ("password\nx\n", "no column name"),
        ("name,nmae\n", "is no column"),
        ("name,name\n", "twice"),
        ('name,password\n"alice,x\n', "line"),
        ("name\n" + "a\n" * 65_537, "more than 65536 rows"),
        ("name,password\nalice,\0\n", "line"),
    ],
)
def test_tables_that_are_none(run, text, told):
    refused(run("import", "-", text=text), told)
    assert not run.path.exists()


def test_a_table_that_others_may_read_is_warned_of(run, tmp_path):
    table = tmp_path / "users.csv"
    table.write_text(TABLE)
    table.chmod(0o644)
    done = run("import", str(table))
    assert "warning: others may read" in done.output
    refused(run("import", str(tmp_path / "none.csv")), "cannot be read")
    table.write_bytes(b"name\n\xff\n")
    refused(run("import", str(table)), "not UTF-8")


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_any_text_is_a_table_or_is_refused(text):
    faults = ()
    try:
        Import(rows_of("name," + text), update=True).entries(Lines(""), lambda *_: HASH)
    except SheetError as error:
        faults = error.faults
    assert all(fault.startswith(("line ", "more than")) for fault in faults)


def test_an_empty_list_is_exported_and_read():
    assert rows_of(exported(UserFile(Path("/nonexistent/users")).read(), secrets=True)) == ()
    assert is_phc(HASH)
    assert not is_phc("$argon2id$v=19$m=64,t=1,p=1$c2FsdA$x")
