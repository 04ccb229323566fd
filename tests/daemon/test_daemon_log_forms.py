"""The forms of a line: JSON that any program reads, fields of systemd's journal, and a journal that stands still."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journald import heard, read_native
from lotor.config import loads
from lotor.config.settings import LogForm
from lotor.daemon import log_forms, logs
from lotor.daemon.log_forms import FIELD, RESERVED, fields, message_id
from lotor.daemon.options import Said
from lotor.ike.events import Dropped, Event, LoginRefused, PathChanged
from lotor.model.entry import RECORD_KEY, Entry
from lotor.model.reasons.logins import WrongPassword
from lotor.model.reasons.protocol import MalformedMessage
from lotor.runtime.fields import ROWS, names
from lotor.runtime.journal import Journal
from scripted import FLOATED, PATH, ended, established, started

SECONDS = datetime(2026, 11, 29, 11, 30, tzinfo=UTC).timestamp() + 0.25


def record(text="served", level=logging.INFO, entry=None):
    made = logging.LogRecord("lotor.x", level, __file__, 0, "%s", (text,), None)
    made.created, made.msecs = SECONDS, 250.0
    if entry is not None:
        vars(made)[RECORD_KEY] = lambda: entry
    return made


@pytest.fixture
def log():
    root, before = logging.getLogger(), list(logging.getLogger().handlers)
    yield logging.getLogger("lotor.something")
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:] = before
    logging.getLogger("lotor").setLevel(logging.NOTSET)


@pytest.fixture
def journald(tmp_path, monkeypatch):
    """The socket of a journal. Its room for datagrams that nobody read yet is the smallest one."""
    monkeypatch.setattr(logs, "JOURNAL", tmp_path / "journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "journal"))
        listening.setblocking(False)
        yield listening


def test_a_line_of_json_has_the_time_in_utc_and_the_fields_of_its_event():
    entry = Entry("Up", {"session": 3, "user": 'al"ice\n', "source": "198.51.100.7", "port": 4500})
    line = log_forms.Json().format(record("tunnel up\nand a second line", entry=entry))
    assert "\n" not in line
    told = json.loads(line)
    assert told.pop("pid") > 1
    assert told == {
        "time": "2026-11-29T11:30:00.250Z",
        "level": "info",
        "event": "Up",
        "message": "tunnel up\nand a second line",
        "session": 3,
        "user": 'al"ice\n',
        "source": "198.51.100.7",
        "port": 4500,
    }


def test_a_line_of_no_event_has_no_event():
    assert "event" not in json.loads(log_forms.Json().format(record()))


def test_the_journal_gets_fields_whatever_is_in_them():
    entry = Entry("LoginRefused", {"user": "eve\nLOTOR_USER=alice\nPRIORITY=0", "port": 4500})
    found = read_native(log_forms.journal(record("refused\nPRIORITY=0", logging.WARNING, entry), "refused\nPRIORITY=0"))
    assert found == {
        "MESSAGE": "refused\nPRIORITY=0",
        "PRIORITY": "4",
        "SYSLOG_FACILITY": "3",
        "SYSLOG_IDENTIFIER": "lotor",
        "MESSAGE_ID": message_id("LoginRefused"),
        "LOTOR_EVENT": "LoginRefused",
        "LOTOR_USER": "eve\nLOTOR_USER=alice\nPRIORITY=0",
        "LOTOR_PORT": "4500",
    }


@given(st.dictionaries(st.sampled_from(("MESSAGE", "LOTOR_USER", "A_1")), st.text()), st.text())
def test_whatever_a_peer_chose_ends_where_it_ends(values, message):
    assert read_native(fields(values)) == values
    entry = Entry("Up", {"user": message})
    line = log_forms.Json().format(record(message, entry=entry))
    assert "\n" not in line
    assert json.loads(line)["user"] == json.loads(line)["message"] == message


@pytest.mark.parametrize("name", ["_PID", "", "lower", "A" * 65, "A=B", "A\nB", "1A"])
def test_no_name_reaches_the_journal_that_it_would_not_take_of_anybody(name):
    with pytest.raises(ValueError, match="is no name of a field"):
        fields({name: "x"})


@pytest.mark.parametrize("kind", Event.__subclasses__())
def test_every_field_of_every_event_can_be_told(kind):
    assert {declared for name, declared in kind.declared.items() if name != "path"} <= ROWS.keys()
    assert not set(names(kind)) & set(RESERVED)
    assert all(FIELD.match(f"LOTOR_{name.upper()}") for name in names(kind))


@pytest.fixture
def told():
    """The entries of a journal's lines, each made when its line is written."""
    found, log = [], logging.getLogger("lotor")

    class Reading(logging.Handler):
        def emit(self, record):
            found.append(log_forms.entry_of(record))

    reading, before = Reading(), log.level
    log.addHandler(reading)
    log.setLevel(logging.DEBUG)
    yield found
    log.removeHandler(reading)
    log.setLevel(before)


def test_events_of_a_session_carry_who_and_where(told):
    journal = Journal(lambda seconds, call: None)
    for effect in [started(3), *established(3), ended(3)]:
        journal.follow(effect.event)
    last = told[-1]
    assert last.event == "Ended"
    assert (
        last.fields.items()
        >= {
            "session": 3,
            "user": "alice",
            "source": "192.0.2.50",
            "port": 4500,
            "reason": "administrator",
        }.items()
    )
    assert next(each.fields for each in told if each.event == "Configured")["inside"] == "10.99.99.3"
    assert next(each.fields for each in told if each.event == "ChildUp").keys() >= {
        "child",
        "spi_in",
        "spi_out",
        "suite",
    }
    assert not any(secret in str(each) for each in told for secret in ("eeee", "iiii"))


def test_events_of_strangers_carry_the_address_and_clean_text(told):
    journal = Journal(lambda seconds, call: None)
    journal.follow(Dropped(0, PATH, "datagram", MalformedMessage("too short")))
    journal.follow(LoginRefused(1, "al\x1b[31mice", WrongPassword("alice"), PATH.remote))
    journal.follow(PathChanged(1, PATH, FLOATED, (1, 2)))
    dropped, refused, moved = told
    assert dropped.event == "Turned"
    assert dropped.fields.items() >= {"source": "192.0.2.50", "port": 500, "reason": "message-malformed"}.items()
    assert "session" not in dropped.fields
    assert refused.fields["user"] == "al?[31mice"
    assert moved.fields.items() >= {"old": "192.0.2.50:500", "new": "192.0.2.50:4500", "children": "1,2"}.items()


def test_a_service_sends_fields_to_the_journal(log, journald, monkeypatch):
    monkeypatch.setattr(logs, "journal_reads", lambda _: True)
    logs.set_up(logs.Sink.STDERR, "info", debug=False)
    logging.getLogger("lotor").handle(record("up", entry=Entry("Up", {"user": "alice"})))
    (found,) = heard(journald)
    assert (found["MESSAGE"], found["LOTOR_USER"], found["PRIORITY"]) == ("up", "alice", "6")


def test_the_background_prefers_the_journal_to_syslog(log, journald, tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "SYSLOG", tmp_path / "none")
    assert not logs.goes_nowhere(logs.Sink.SYSLOG)
    logs.set_up(logs.Sink.SYSLOG, "info", debug=False, form=LogForm.JSON)
    log.info("up")
    (found,) = heard(journald)
    assert json.loads(found["MESSAGE"])["message"] == "up"


def test_a_terminal_gets_no_fields(log, journald, capfd):
    logs.set_up(logs.Sink.STDERR, "info", debug=False)
    log.info("up")
    assert heard(journald) == []
    assert capfd.readouterr().err.endswith("INFO up\n")


def test_without_a_journal_that_answers_a_service_writes_to_its_standard_error(log, tmp_path, monkeypatch, capfd):
    """Whose lines have priorities then."""
    monkeypatch.setattr(logs, "journal_reads", lambda _: True)
    monkeypatch.setattr(logs, "JOURNAL", tmp_path / "none")
    logs.set_up(logs.Sink.STDERR, "info", debug=False)
    log.warning("up")
    assert capfd.readouterr().err == "<4>up\n"


def flood(log, journald):
    """As many lines as nobody reads: the socket's room, those that wait, and three beyond."""
    before = logs.MOST_WAITING
    for number in range(100_000):
        log.info("line %d", number)
        (handler,) = logging.getLogger().handlers
        if handler._lost == 3:
            return number + 1 - 3
    raise AssertionError(f"{before} lines and more are kept")


def test_a_journal_that_stands_still_holds_nobody_up_and_lines_beyond_are_counted(log, journald, capfd):
    logs.set_up(logs.Sink.SYSLOG, "info", debug=False)
    kept = flood(log, journald)
    found = heard(journald)
    (handler,) = logging.getLogger().handlers
    while len(found) < kept:
        handler._look_again()
        found += heard(journald)
    assert [each["MESSAGE"] for each in found[:kept]] == [f"line {number}" for number in range(kept)]
    log.info("the end")
    found += heard(journald)
    (missing,) = [each for each in found if "missing" in each["MESSAGE"]]
    assert missing["PRIORITY"] == "4"
    assert missing["MESSAGE"].startswith("3 lines are missing here, the log could not be written: ")
    assert found[-1]["MESSAGE"] == "the end"
    assert capfd.readouterr() == ("", "")


def test_the_last_lines_of_a_burst_do_not_wait_for_the_next_line(log, journald, monkeypatch):
    monkeypatch.setattr(logs, "RETRY", 0.0)

    async def story():
        logs.set_up(logs.Sink.SYSLOG, "info", debug=False)
        (handler,) = logging.getLogger().handlers
        sent = 0
        while not handler._waiting:
            log.info("line %d", sent)
            sent += 1
        found = heard(journald)
        while len(found) < sent:
            await asyncio.sleep(0)
            found += heard(journald)
        return found[-1]["MESSAGE"], sent

    last, sent = asyncio.run(story())
    assert last == f"line {sent - 1}"


def test_a_journal_that_was_started_again_is_found(log, journald, tmp_path):
    logs.set_up(logs.Sink.SYSLOG, "info", debug=False)
    journald.close()
    log.info("lost")
    (tmp_path / "journal").unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as another:
        another.bind(str(tmp_path / "journal"))
        another.setblocking(False)
        log.info("written")
        found = [each["MESSAGE"] for each in heard(another)]
    assert found[0].startswith("1 line is missing here")
    assert found[1:] == ["written"]


def test_lines_that_waited_for_a_journal_that_went_away_are_counted(log, journald, tmp_path):
    logs.set_up(logs.Sink.SYSLOG, "info", debug=False)
    (handler,) = logging.getLogger().handlers
    while len(handler._waiting) < 5:
        log.info("line")
    journald.close()
    log.info("line")
    assert handler._lost == 6
    assert not handler._waiting


def test_a_message_that_no_datagram_holds_is_cut(log, journald):
    logs.set_up(logs.Sink.SYSLOG, "info", debug=False)
    log.info("x" * 1_000_000)
    (found,) = heard(journald)
    assert len(found["MESSAGE"]) == log_forms.LONGEST_MESSAGE


def test_the_last_words_of_a_program_are_tried_once_more(log, journald):
    logs.set_up(logs.Sink.SYSLOG, "info", debug=False)
    (handler,) = logging.getLogger().handlers
    sent = 0
    while len(handler._waiting) < 3:
        log.info("line %d", sent)
        sent += 1
    found = heard(journald)
    handler.close()
    found += heard(journald)
    assert found[-1]["MESSAGE"] == f"line {sent - 1}"
    assert len(found) == sent


def test_the_command_line_wins_over_the_configuration():
    for said, configured, form in (
        (Said(), LogForm.TEXT, LogForm.TEXT),
        (Said(), LogForm.JSON, LogForm.JSON),
        (Said(json=True), LogForm.TEXT, LogForm.JSON),
    ):
        assert logs.form_of(loads(f"log_format {configured.value};").settings, said) is form


def test_the_form_follows_the_configuration(log, tmp_path):
    logs.set_up(tmp_path / "log", "info", debug=False)
    log.info("words")
    logs.set_form(LogForm.JSON)
    log.info("values")
    words, values = (tmp_path / "log").read_text().splitlines()
    assert words.endswith("INFO words")
    assert json.loads(values)["message"] == "values"


def test_words_are_what_the_library_makes_of_that_form():
    """Its own way is longer; a traceback goes it."""
    library = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    words = log_forms.Words()
    fault = record("broken", logging.ERROR)
    fault.exc_info = (ValueError, ValueError("why"), None)
    later = record("a second later")
    later.created += 1.0
    for each in (record(), record("100 %", logging.WARNING), later, record(), fault):
        assert words.format(each) == library.format(each)
