"""`lotor user` and the sessions of a user who is locked or removed; a word about short passwords."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from lotor.auth import UserFile
from lotor.auth.nt_keys import NtKeys
from lotor.cli import calling, locate
from lotor.cli.main import lotor
from lotor.control.messages import NOT_LOGGED_IN, Disconnected, Everywhere, Failed, Logout, Report, Status
from lotor.crypto.mschap import nt_hash
from lotor.daemon.exits import Exit, StartError
from lotor.model.secret import Secret


def session(number, user, role="gateway"):
    return {"session": number, "user": user, "role": role}


class Daemon:
    """Stands in for the connection; `asked` is what was sent."""

    def __init__(self, *sessions, answer=None):
        self.sessions, self.asked, self.answer = list(sessions), [], answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def send(self, request):
        self.asked.append(request)

    def receive(self):
        if isinstance(self.asked[-1], Status):
            return Report({"sessions": list(self.sessions), "next": None})
        return self.answer or Disconnected(1)


@pytest.fixture
def connected(monkeypatch, tmp_path):
    """A user alice, and a daemon with these sessions."""
    users = tmp_path / "users"
    monkeypatch.setattr(locate, "control_socket", lambda given, file=None: tmp_path / "lotor.sock")

    def make(*sessions, answer=None):
        daemon = Daemon(*sessions, answer=answer)
        monkeypatch.setattr(calling, "Daemon", lambda path: daemon)
        return daemon

    def run(*words, text="a good password\n"):
        return CliRunner().invoke(lotor, ["user", "--users", str(users), *words], input=text)

    assert run("add", "--password-stdin", "alice").exit_code == 0
    return make, run


@pytest.mark.parametrize("word", ["lock", "del"])
def test_newcomer_19_who_is_still_connected_is_told(connected, word):
    make, run = connected
    daemon = make(session(1, "alice"), session(2, "bob"), session(3, "alice"), session(4, "alice", "client"))
    done = run(word, "alice")
    assert done.exit_code == 0
    assert "2 sessions of alice still up: lotor logout alice ends them\n" in done.output
    assert daemon.asked == [Status()]


@pytest.mark.parametrize("word", ["lock", "del"])
def test_newcomer_19_now_ends_the_sessions(connected, word):
    make, run = connected
    daemon = make(session(1, "alice"))
    assert "1 session of alice ended\n" in run(word, "--now", "alice").output
    assert daemon.asked == [Logout("alice", everywhere=True)]


def test_now_ends_the_sessions_at_every_gateway_of_a_fleet(connected):
    make, run = connected
    there = {"gateway": "gw2", "sessions": 2, "left": 0}
    report = {"schema": 1, "subject": "alice", "name": "gw1", "here": 0, "fault": "", "gateways": [there]}
    make(answer=Everywhere(report))
    done = run("lock", "--now", "alice")
    assert done.exit_code == 0
    assert done.output.endswith("gw1 (here): no session of alice\ngw2: 2 sessions of alice ended\n")


def test_now_says_with_its_exit_code_that_a_gateway_could_not_be_reached(connected):
    make, run = connected
    report = {"schema": 1, "subject": "alice", "name": "gw1", "here": 1, "fault": "no answer", "gateways": []}
    make(answer=Everywhere(report))
    done = run("lock", "--now", "alice")
    assert done.exit_code == Exit.LOCAL_FAULT
    assert "other gateways may have more: no answer" in done.output


def test_newcomer_19_who_is_not_connected_needs_no_word(connected):
    make, run = connected
    make(session(2, "bob"), answer=Failed("alice is not logged in", kind=NOT_LOGGED_IN))
    assert len(run("lock", "alice").output.splitlines()) == 1
    assert "alice was not connected" in run("lock", "--now", "alice").output


def test_newcomer_19_without_a_daemon_a_user_is_locked_and_now_says_what_it_does_not_know(connected):
    _, run = connected
    assert run("lock", "alice").exit_code == 0
    done = run("lock", "--now", "alice")
    assert isinstance(done.exception, StartError)
    assert done.exception.code is Exit.NO_DAEMON
    assert "cannot tell whether alice is still connected: cannot reach the daemon" in str(done.exception)
    assert run("list").output == "alice (locked)\n"


def test_newcomer_19_a_refusal_of_the_daemon_is_told(connected):
    make, run = connected
    make(session(1, "alice"), answer=Failed("only root may"))
    assert "only root may" in str(run("lock", "--now", "alice").exception)


@pytest.mark.parametrize(
    ("password", "warning"),
    [("x", "a password of 1 character is soon guessed"), ("schön", "a password of 5 characters"), ("12345678", "")],
)
@pytest.mark.parametrize("word", ["add", "passwd"])
def test_newcomer_19_a_short_password_is_taken_with_a_warning(connected, tmp_path, word, password, warning):
    _, run = connected
    done = run(word, "--password-stdin", "bob" if word == "add" else "alice", text=f"{password}\n")
    assert done.exit_code == 0
    assert (warning in done.output) if warning else ("warning" not in done.output)
    assert password not in done.stdout.replace(str(tmp_path), "")


def test_an_nt_hash_is_there_for_who_wants_it_and_is_told(connected, tmp_path):
    make, run = connected
    make()
    run("add", "--password-stdin", "--mschap", "bob")
    assert run("list", "--long").output.count(" mschap") == 1
    assert "state     mschap\n" in run("show", "bob").output
    shown = [each["mschap"] for each in json.loads(run("list", "--json").output)]
    assert shown == [False, True]
    assert (tmp_path / "users.key").stat().st_mode & 0o777 == 0o600
    assert "with an NT hash" in run("passwd", "--password-stdin", "bob").output
    assert "with an NT hash" not in run("passwd", "--password-stdin", "--no-mschap", "bob").output
    assert "with an NT hash" not in run("passwd", "--password-stdin", "bob").output
    assert "with an NT hash" in run("passwd", "--password-stdin", "--mschap", "alice").output


def test_the_key_of_the_fleet_seals_where_it_is(connected, monkeypatch, tmp_path):
    make, run = connected
    make()
    key, configuration = tmp_path / "fleet.key", tmp_path / "racoon.conf"
    key.write_text("ab" * 32)
    key.chmod(0o600)
    configuration.write_text(f'fleet_key "{key}";\n')
    monkeypatch.setattr(locate, "configuration", lambda given: configuration)
    assert run("add", "--password-stdin", "--mschap", "bob").exit_code == 0
    assert not (tmp_path / "users.key").exists()
    user = UserFile(tmp_path / "users").find("bob")
    keys = NtKeys(tmp_path / "none", key)
    assert keys.opened("bob", user.hash, user.facts.mschap) == nt_hash("a good password")


@pytest.mark.parametrize("options", [[], ["--hashes"]])
def test_what_is_exported_makes_the_same_users_again(connected, tmp_path, options):
    make, run = connected
    make()
    run("add", "--password-stdin", "--mschap", "bob")
    before = UserFile(tmp_path / "users").find("bob")
    table = run("export", *options).output
    assert (before.facts.mschap in table) is bool(options)
    assert run("import", "--update", "-", text=table).exit_code == 0
    assert UserFile(tmp_path / "users").find("bob") == before


def test_a_table_gives_an_nt_hash_with_a_password_and_no_stale_one_stays(connected, tmp_path):
    make, run = connected
    make()
    file, table = UserFile(tmp_path / "users"), "name,password,mschap\ncarl,a new password,yes\ndora,a new password,\n"
    assert run("import", "-", text=table).exit_code == 0
    carl, dora = file.find("carl"), file.find("dora")
    assert file.nt_keys.opened("carl", carl.hash, carl.facts.mschap) == nt_hash("a new password")
    assert not dora.facts.mschap
    assert "needs the password" in str(run("import", "--update", "-", text="name,mschap\ndora,yes\n").exception)
    for word in ((), ("--dry-run",)):
        for name, password, told in (("EX\\eve", "x", "for a domain"), ("eve", 257 * "x", "at most 256")):
            text = f"name,password,mschap\n{name},{password},yes\n"
            assert told in str(run("import", *word, "-", text=text).exception)
    assert run("import", "--update", "-", text="name,password\ncarl,another password\n").exit_code == 0
    carl = file.find("carl")
    assert file.nt_keys.opened("carl", carl.hash, carl.facts.mschap) == nt_hash("another password")
    assert run("import", "--update", "-", text=f'name,hash\ncarl,"{dora.hash}"\n').exit_code == 0
    assert not file.find("carl").facts.mschap
    assert run("import", "--update", "-", text="name,password,mschap\nbob,x,-\n").exit_code == 0
    file.passwd("dora", Secret("a new password"), mschap=True)
    file.change("dora", lambda user: replace(user, facts=replace(user.facts, totp=Secret(bytes(20)))))
    assert run("import", "--update", "-", text="name,totp,mschap\ndora,yes,-\n").exit_code == 0
    dora = file.find("dora")
    assert (dora.facts.totp, dora.facts.mschap) == (Secret(bytes(20)), ""), "one says nothing of the other"


def test_who_has_a_second_factor_and_an_nt_hash_is_warned_of(connected):
    make, run = connected
    make()
    told = "warning: bob has a second factor, and MSCHAPv2 no place for its code"
    assert told not in run("add", "--password-stdin", "--mschap", "bob").output
    assert told in run("totp", "on", "--no-qr", "bob").output
    assert told in run("passwd", "--password-stdin", "bob").output
    assert told not in run("passwd", "--password-stdin", "--no-mschap", "bob").output
    run("group", "staff", "totp=required")
    run("totp", "off", "bob")
    run("set", "bob", "groups=staff")
    assert told in run("passwd", "--password-stdin", "--mschap", "bob").output
