"""`lotor history --all`: pages of a process of its own, as a table, CSV and JSON; that process dead or lying."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from lotor.backends import reading
from lotor.cli import fleet_past
from lotor.cli.main import lotor
from lotor.config.database import database_of
from lotor.daemon.exits import Exit
from lotor.ports.fleet import Page, Past, Present
from lotor.privsep.codec import decode
from lotor.privsep.frames import pair, receive

SETTINGS = database_of("postgresql://lotor:swordfish@192.0.2.9/lotor")


def past(number, *, ended=90.0, ike=0, suite="", resumed=0, machine="", **more):
    shown = {"gateway": "gw1", "id": f"a1-{number}", "user": "alice", "source": "198.51.100.7", **more}
    return Past(
        Present(**shown, inside="10.99.99.1", client="vpnc", since=60.0 + number),
        ended,
        30,
        1,
        2,
        "logged-out",
        ike,
        suite,
        resumed,
        machine,
    )


class Database:
    """Pages of two; `asked` is what was wanted."""

    def __init__(self, *sessions, fault=None):
        self.sessions, self.fault, self.asked, self.settings = sessions, fault, [], None

    def __call__(self, settings):
        self.settings = settings
        return self

    async def past(self, wanted):
        self.asked.append(wanted)
        if self.fault is not None:
            raise self.fault
        first = wanted.before or 0
        page = self.sessions[first : first + 2]
        return Page(page, first + 2 if first + 2 < len(self.sessions) else None)

    def close(self):
        pass


class Descending(Database):
    """Numbers of pages as a database has them: they go down."""

    async def past(self, wanted):
        self.asked.append(wanted)
        left = len(self.sessions) if wanted.before is None else wanted.before
        page = tuple(reversed(self.sessions[max(0, left - 2) : left]))
        return Page(page, left - 2 if left > 2 else None)


@pytest.fixture
def history(monkeypatch, tmp_path):
    """Runs the command against a reader in this very process."""

    def run(database, *words, answer=reading.answer, command=("history", "--all")):
        monkeypatch.setattr(reading, "FleetReader", database)

        class Program:
            def __init__(self, words):
                self.words = words

            def take(self):
                line, theirs = pair()

                async def read():
                    order = decode(reading.Reading, receive(theirs).body)
                    await answer(theirs, order.settings)

                task = []
                asyncio.get_running_loop().call_soon(lambda: task.append(asyncio.ensure_future(read())))

                def abandon():
                    line.close()
                    theirs.close()
                    for each in task:
                        each.cancel()

                return SimpleNamespace(line=line, abandon=abandon)

            def close(self):
                pass

        monkeypatch.setattr(fleet_past, "Program", Program)
        settings = SimpleNamespace(fleet=SETTINGS, privsep=None)
        monkeypatch.setattr(fleet_past, "_settings", lambda file: settings)
        return CliRunner().invoke(lotor, [*command, *words])

    return run


def test_the_table_has_the_gateway_and_the_newest_last(history):
    database = Descending(past(1), past(2, gateway="gw2", user="bob"), past(3))
    done = history(database)
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert lines[0].split()[:2] == ["gateway", "user"]
    assert [line.split()[:2] for line in lines[1:]] == [["gw1", "alice"], ["gw2", "bob"], ["gw1", "alice"]]
    assert database.settings == SETTINGS


def test_csv_and_json_have_every_page_the_newest_first(history):
    database = Descending(*map(past, range(5)))
    rows = [json.loads(line) for line in history(database, "--json").output.splitlines()]
    assert [each["id"] for each in rows] == [f"a1-{number}" for number in (4, 3, 2, 1, 0)]
    assert (rows[0]["gateway"], rows[0]["began"], rows[0]["why"]) == ("gw1", "1970-01-01T00:01:04Z", "logged-out")
    assert [each.before for each in database.asked] == [None, 3, 1]
    lines = history(Descending(past(0, user="=1+1")), "--csv", "--user", "=1+1").output.splitlines()
    assert lines[0].startswith("gateway,id,user,")
    assert lines[1].startswith("gw1,a1-0,'=1+1,")


def test_no_more_pages_are_asked_for_than_are_wanted(history):
    database = Descending(*map(past, range(9)))
    assert len(history(database, "--json", "--last", "3").output.splitlines()) == 3
    assert len(database.asked) == 2


def test_what_others_wrote_into_the_database_is_cleaned(history):
    done = history(Descending(past(1, user="\x1b[2Jroot", gateway="g\nw")), "--json")
    assert json.loads(done.output)["user"] == "?[2Jroot"
    assert len(done.output.splitlines()) == 1


def test_a_database_whose_pages_never_end_is_not_followed(history):
    endless = Database(*map(past, range(100)))  # its numbers go up
    assert len(history(endless, "--json").output.splitlines()) == 4


def test_a_database_that_is_away_is_a_sentence_and_an_exit_code(history):
    done = history(Database(fault=OSError(111, "database at 192.0.2.9 does not answer")), "--csv")
    assert done.exit_code != 0
    assert (done.exception.code, str(done.exception)) == (Exit.LOCAL_FAULT, "database at 192.0.2.9 does not answer")
    assert done.stdout == ""


def test_who_came_back_and_on_which_device_is_told(history):
    database = Descending(past(1, ike=2, resumed=1, machine="laptop-7\x1b[2J"))
    (row,) = [json.loads(line) for line in history(database, "--json").output.splitlines()]
    assert (row["resumed"], row["machine"]) == (True, "laptop-7?[2J")


def test_a_reader_that_dies_is_a_sentence(history):
    async def dies(line, settings):
        line.shutdown(socket.SHUT_RDWR)

    done = history(Database(), answer=dies)
    assert "ended" in str(done.exception)


def test_nobody_was_connected(history):
    assert history(Database()).output == "no session is known\n"


def test_one_version_of_ike_is_what_the_database_is_asked_for(history):
    database = Descending(past(1, ike=1, suite="3des"))
    (row,) = [json.loads(line) for line in history(database, "--json", "--ike", "1").output.splitlines()]
    assert (row["ike"], row["suite"]) == (1, "3des")
    assert [each.ike for each in database.asked] == [1]


def test_versions_of_all_gateways_come_from_the_database(history, tmp_path):
    """It knows who is there, too: no daemon is asked."""
    file = tmp_path / "racoon.conf"
    file.write_text("")
    there = past(3, gateway="gw2", ended=None, ike=1, suite="aes 256")
    database = Descending(past(1, ike=1, suite="aes 256"), past(2, ike=2, suite="aes_gcm_16 256", user="bob"), there)
    command = ("status", "--versions", "--all", "--json", "-f", str(file))
    done = history(database, command=command)
    assert done.exit_code == 0, done.output
    ways = json.loads(done.output)["ways"]
    assert [(each["ike"], each["user"], each["sessions"], each["up"]) for each in ways] == [
        (1, "alice", 2, 1),
        (2, "bob", 1, 0),
    ]
    assert [each.user for each in database.asked][:1] == [""]
    refused = history(database, "--socket", "/run/lotor.sock", command=command)
    assert refused.exit_code == 2
    assert "--socket has no meaning" in refused.output


@pytest.mark.parametrize("when", [1e30, -1e30])
def test_times_that_no_clock_has_are_shown_like_others(history, tmp_path, monkeypatch, when):
    """East of Greenwich the last second of the year 9999 is no date any more."""
    file = tmp_path / "racoon.conf"
    file.write_text("")
    odd = past(1, ended=when, ike=1)
    odd = replace(odd, present=replace(odd.present, since=when))
    commands = (("status", "--versions", "--all", "-f", str(file)), ("history", "--all"))
    with monkeypatch.context() as east:
        east.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        done = [history(Descending(odd), command=(*each, *more)) for each in commands for more in ((), ("--json",))]
    time.tzset()
    for each in done:
        assert each.exit_code == 0, each.output
        assert "alice" in each.output


def test_versions_of_all_gateways_are_not_nobody_where_the_database_is_away(history, tmp_path):
    file = tmp_path / "racoon.conf"
    file.write_text("")
    database = Database(fault=OSError(111, "database at 192.0.2.9 does not answer"))
    done = history(database, command=("status", "--versions", "--all", "-f", str(file)))
    assert done.exit_code != 0
    assert "no session is known" not in done.output
