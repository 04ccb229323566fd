"""`lotor status --all` and `lotor logout` at a gateway of a fleet, as a person and a script read them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from lotor.cli import calling, gateways, locate
from lotor.cli.main import lotor
from lotor.control.messages import Disconnected, Everywhere, Failed, Gateways, Logout
from lotor.daemon.exits import Exit

STATES = [
    {"name": "gw1", "here": True, "alive": True, "seen": 0.4, "sessions": 1},
    {"name": "gw2", "here": False, "alive": False, "seen": 130.0, "sessions": 1},
]
ALICE = {
    "gateway": "gw1",
    "id": "0011-1",
    "user": "alice",
    "source": "198.51.100.7",
    "address": "10.99.99.1,2001:db8::1",
    "client": "lotor",
    "since": "2020-05-01T12:03:44Z",
    "octets_in": 1_200_000,
    "octets_out": 12,
}
VIEW = {
    "schema": 1,
    "name": "gw1",
    "fault": "",
    "waiting": 0,
    "gateways": STATES,
    "sessions": [ALICE, {**ALICE, "gateway": "gw2", "user": "bob", "address": "10.99.99.2", "client": ""}],
    "left_out": 0,
}
LOGOUT = {"schema": 1, "subject": "alice", "name": "gw1", "here": 1, "fault": "", "gateways": []}


@pytest.fixture
def ask(monkeypatch, tmp_path):
    """Runs a command against a daemon that gives one answer; what it was asked."""
    asked = []

    class Daemon:
        def __init__(self, response):
            self.response = response

        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            pass

        def send(self, request):
            asked.append(request)

        def receive(self):
            return self.response

    monkeypatch.setattr(locate, "control_socket", lambda given, file=None: tmp_path / "lotor.sock")

    def run(response, *words):
        monkeypatch.setattr(calling, "Daemon", lambda path: Daemon(response))
        return CliRunner().invoke(lotor, list(words)), asked

    return run


def test_status_all_is_a_table_of_gateways_and_one_of_people(ask):
    done, asked = ask(Everywhere(VIEW), "status", "--all")
    assert (done.exit_code, asked) == (Exit.OK, [Gateways()])
    lines = done.output.splitlines()
    assert lines[0].split("  ")[0] == "gateway"
    assert lines[1].split() == ["gw1", "(here)", "alive", "just", "now", "1"]
    assert lines[2].split() == ["gw2", "not", "seen", "2", "min", "10", "s", "ago", "1"]
    assert lines[5].split() == ["alice", "gw1", "198.51.100.7", "10.99.99.1", "2020", "1.2M", "12", "lotor"]
    assert lines[-1] == "2 sessions"


def test_it_fits_into_80_columns(ask, monkeypatch):
    monkeypatch.setattr(gateways, "columns", lambda: 80)
    wide = {**ALICE, "user": "a" * 200, "client": "c" * 200, "gateway": "g" * 63, "address": "2001:db8::" + "1:" * 20}
    states = [{**STATES[0], "name": "g" * 63}]
    done, _ = ask(Everywhere({**VIEW, "sessions": [wide], "gateways": states}), "status", "--all")
    assert max(map(len, done.output.splitlines())) <= 80


def test_one_user_and_json(ask):
    done, asked = ask(Everywhere(VIEW), "status", "--all", "--json", "bob")
    assert (json.loads(done.output), asked) == (VIEW, [Gateways("bob")])


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_without_the_database_this_gateway_is_shown_and_the_exit_code_says_it(ask, words):
    view = {**VIEW, "fault": "database at 192.0.2.9 does not answer", "gateways": [{**STATES[0], "seen": None}]}
    done, _ = ask(Everywhere(view), "status", "--all", *words)
    assert done.exit_code == Exit.LOCAL_FAULT
    assert "database at 192.0.2.9 does not answer" in done.output
    assert "alice" in done.output


def test_what_waits_and_what_is_left_out_is_told(ask):
    done, _ = ask(Everywhere({**VIEW, "waiting": 3, "left_out": 40}), "status", "--all")
    assert "3 rows of this gateway wait for the database" in done.output
    assert "about 40 more are not shown" in done.output


def test_nobody_anywhere(ask):
    done, _ = ask(Everywhere({**VIEW, "sessions": []}), "status", "--all")
    assert done.output.splitlines()[-1] == "no sessions"


@pytest.mark.parametrize("other", ["--watch", "--verbose", "--sort=user"])
def test_what_does_not_go_with_all_is_refused(ask, other):
    assert ask(Everywhere(VIEW), "status", "--all", other)[0].exit_code == Exit.USAGE


def test_a_gateway_that_stands_alone_is_no_fleet(ask):
    done, _ = ask(Failed("this gateway stands alone", Exit.FAILED.name, "read docs/fleet.md"), "status", "--all")
    assert done.exit_code == Exit.FAILED


def logout(*gateways, **more):
    return Everywhere({**LOGOUT, "gateways": list(gateways), **more})


def test_a_logout_says_what_ended_where(ask):
    done, asked = ask(logout({"gateway": "gw2", "sessions": 2, "left": 0}), "logout", "alice")
    assert asked == [Logout("alice", everywhere=True)]
    assert (done.exit_code, done.output) == (
        0,
        "gw1 (here): 1 session of alice ended\ngw2: 2 sessions of alice ended\n",
    )


def test_a_session_that_is_there_still_is_a_failure(ask):
    done, _ = ask(logout({"gateway": "gw2", "sessions": 2, "left": 2}, here=0), "logout", "alice")
    assert done.exit_code == Exit.FAILED
    assert done.output.startswith("gw1 (here): no session of alice\ngw2: no session of alice")
    assert "gw2: 2 sessions are there still" in done.output


def test_gateways_that_were_not_reached_are_another(ask):
    done, _ = ask(logout(fault="the database is away"), "logout", "alice")
    assert done.exit_code == Exit.LOCAL_FAULT
    assert "gw1 (here): 1 session of alice ended" in done.output
    assert "other gateways may have more: the database is away" in done.output


def test_a_logout_as_json(ask):
    done, _ = ask(logout(), "logout", "--json", "alice")
    assert json.loads(done.output) == LOGOUT


@pytest.mark.parametrize(
    ("words", "subject"), [(("alice",), "alice"), (("--here", "alice"), "alice"), (("--session", "7"), "7")]
)
def test_json_is_json_also_where_no_other_gateway_was_asked(ask, words, subject):
    done, _ = ask(Disconnected(1), "logout", "--json", *words)
    assert (done.exit_code, json.loads(done.output)) == (0, {**LOGOUT, "subject": subject, "name": ""})


def test_here_asks_nobody_else(ask):
    _, asked = ask(Failed("alice is not logged in"), "logout", "--here", "alice")
    assert asked == [Logout("alice")]
