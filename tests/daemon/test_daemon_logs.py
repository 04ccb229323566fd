"""The log where it cannot be written: lines are lost and counted, nothing else happens."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys

import pytest

from lotor.config.settings import LogForm
from lotor.daemon import logs


@pytest.fixture
def log():
    root, before = logging.getLogger(), list(logging.getLogger().handlers)
    yield logging.getLogger("lotor.something")
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:] = before
    logging.getLogger("lotor").setLevel(logging.NOTSET)


def to_the_journal(monkeypatch, stream, *, inode=None):
    found = os.fstat(stream.fileno())
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino if inode is None else inode}")


def test_the_journal_gets_priorities_and_no_time(log, tmp_path, monkeypatch):
    with (tmp_path / "journal").open("w+") as stream:
        to_the_journal(monkeypatch, stream)
        logs.set_up(logs.Sink.STDERR, "debug", debug=True)
        log.debug("one")
        log.info("two")
        log.warning("three")
        log.error("four\nand its second line")
        log.critical("five")
        stream.seek(0)
        assert stream.read().splitlines() == [
            "<7>one",
            "<6>two",
            "<4>three",
            "<3>four",
            "<3>and its second line",
            "<2>five",
        ]


@pytest.mark.parametrize("stream", ["", "8:", "8:1:2", "nonsense"])
def test_a_terminal_or_a_file_gets_the_time(log, tmp_path, monkeypatch, stream):
    """Also where a shell in a service's terminal started it, which has the variable and another stream."""
    with (tmp_path / "errors").open("w+") as errors:
        to_the_journal(monkeypatch, errors, inode=0)
        if stream:
            monkeypatch.setenv("JOURNAL_STREAM", stream)
        logs.set_up(logs.Sink.STDERR, "info", debug=False)
        log.info("served")
        errors.seek(0)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8} INFO served\n", errors.read())


def test_a31_a_full_disk_costs_the_lines_that_it_did_not_take(log, tmp_path, capfd):
    file = tmp_path / "log"
    file.symlink_to("/dev/full")
    logs.set_up(file, "info", debug=False)
    for number in range(3):
        log.info("lost %d", number)
    (tmp_path / "disk").touch()
    file.unlink()
    file.symlink_to("disk")
    log.info("written")
    log.info("and the next")
    lines = [line.partition(" ")[2] for line in (tmp_path / "disk").read_text().splitlines()]
    assert lines == [
        "WARNING 3 lines are missing here, the log could not be written: No space left on device",
        "INFO written",
        "INFO and the next",
    ]
    assert capfd.readouterr() == ("", "")


def test_a31_a_log_that_was_opened_before_is_shared_and_loses_what_it_cannot_write(log, tmp_path, capfd):
    """Two processes append to it; on a full disk the lines are counted."""
    descriptor = logs.open_log(tmp_path / "log")
    other = logs.open_log(tmp_path / "log")
    logs.set_up(descriptor, "info", debug=False)
    log.info("first")
    os.write(other, b"the other process\n")
    os.close(other)
    full = os.open("/dev/full", os.O_WRONLY)
    kept = os.dup(descriptor)
    os.dup2(full, descriptor)
    os.close(full)
    log.info("lost")
    os.dup2(kept, descriptor)
    os.close(kept)
    log.info("written")
    lines = (tmp_path / "log").read_text().splitlines()
    os.close(descriptor)
    assert [line.partition("INFO ")[2] or line.partition("WARNING ")[2] or line for line in lines] == [
        "first",
        "the other process",
        "1 line is missing here, the log could not be written: No space left on device",
        "written",
    ]
    log.info("to nowhere")  # the descriptor is closed
    assert capfd.readouterr() == ("", "")


def test_a31_a_directory_that_went_away_is_no_fault_of_the_caller(log, tmp_path, capfd):
    directory = tmp_path / "logs"
    directory.mkdir()
    file = directory / "log"
    file.symlink_to("/dev/full")
    logs.set_up(file, "info", debug=False)
    log.info("lost")
    file.unlink()
    directory.rmdir()
    log.info("lost, too")
    directory.mkdir()
    log.info("written")
    assert "2 lines are missing here" in file.read_text()
    assert capfd.readouterr() == ("", "")


def test_a31_syslog_that_went_away_is_told_when_it_is_back(log, tmp_path, capfd, monkeypatch):
    path = tmp_path / "dev-log"
    monkeypatch.setattr(logs, "SYSLOG", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as first:
        first.bind(str(path))
        logs.set_up(logs.Sink.SYSLOG, "info", debug=False)
    path.unlink()
    log.info("lost")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as second:
        second.bind(str(path))
        log.info("written")
        heard = [second.recv(500) for _ in range(2)]
    assert b"1 line is missing here" in heard[0]
    assert b"INFO written" in heard[1]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("form", LogForm)
@pytest.mark.parametrize("opened", [True, False])
def test_the_name_of_a_file_that_is_no_utf8_loses_no_line(log, tmp_path, capfd, opened, form):
    """racoon.conf may be named, or may include, what only an old host could write."""
    descriptor = logs.open_log(tmp_path / "log")
    logs.set_up(descriptor if opened else tmp_path / "log", "info", debug=False, form=form)
    log.info("%s taken over", os.fsdecode(b"r\xe9seau.conf"))
    os.close(descriptor)
    assert "r\\udce9seau.conf taken over" in (tmp_path / "log").read_bytes().decode()
    assert capfd.readouterr() == ("", "")


def test_a_mistake_in_a_line_is_still_told(log, tmp_path, capfd):
    logs.set_up(tmp_path / "log", "info", debug=False)
    log.info("%d", "no number")
    assert "no number" in capfd.readouterr().err


def test_newcomer_25_a_background_without_syslog_is_known_to_log_for_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "SYSLOG", tmp_path / "none")
    assert logs.goes_nowhere(logs.Sink.SYSLOG)
    assert not logs.goes_nowhere(logs.Sink.STDERR)
    assert not logs.goes_nowhere(tmp_path / "log")
