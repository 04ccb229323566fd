"""A host that a lotor which runs no more has left closed: what a person reads, and what opens it."""

from __future__ import annotations

import asyncio
import errno

import pytest
from click.testing import CliRunner

from lotor.cli import calling, closed
from lotor.cli.main import lotor
from lotor.daemon.exits import Exit, StartError
from scripted import RecordingHost


@pytest.fixture
def left(monkeypatch, tmp_path):
    """The host is closed for 192.0.2.50, and no daemon runs."""
    host = RecordingHost([])
    host.shut = {"192.0.2.50"}
    monkeypatch.setattr(closed, "gateways", lambda: sorted(host.shut))
    monkeypatch.setattr(closed, "_host", lambda: asyncio.sleep(0, result=host))
    monkeypatch.setattr(closed.os, "geteuid", lambda: 0)
    monkeypatch.setattr(calling, "answering", list)
    monkeypatch.setattr(calling.locate, "control_socket", lambda *_: tmp_path / "nothing.sock")
    return host


def ask(*words):
    return CliRunner().invoke(lotor, words)


def test_status_without_a_daemon_says_that_the_host_is_closed_and_what_opens_it(left):
    done = ask("status")
    assert isinstance(done.exception, StartError)
    assert done.exception.code is Exit.NO_DAEMON
    assert "192.0.2.50 is unreachable until it is up again, or `lotor vd 192.0.2.50`" in str(done.exception)
    left.shut.clear()
    assert "closed" not in str(ask("status").exception)


def test_vd_without_a_daemon_opens_what_was_meant_and_nothing_else(left):
    assert ask("vd", "192.0.2.51").exception.code is Exit.NO_DAEMON
    assert left.shut == {"192.0.2.50"}
    assert ask("vd", "192.0.2.50").output == "the host is open again\n"
    assert left.shut == set()


def test_vd_without_a_daemon_says_that_the_host_stays_closed(left, monkeypatch):
    async def stays(_):
        raise OSError(errno.EIO, "nftables keeps this host closed for 192.0.2.50")

    monkeypatch.setattr(left, "open", stays)
    done = ask("vd", "192.0.2.50")
    assert isinstance(done.exception, StartError)
    assert done.exception.code is Exit.LOCAL_FAULT
    assert "keeps this host closed" in str(done.exception)


def test_only_root_opens_a_host_without_a_daemon(left, monkeypatch):
    monkeypatch.setattr(closed.os, "geteuid", lambda: 1000)
    for words in (("vd", "192.0.2.50"), ("portal",)):
        assert ask(*words).exception.code is Exit.NOT_ROOT
    assert (left.shut, left.diary) == ({"192.0.2.50"}, [])


def test_a_login_page_is_reached_without_a_daemon(left):
    assert "for 30 s" in ask("portal", "--seconds", "30").output
    assert left.diary == [("portal", 30)]
    assert ask("portal", "--seconds", "601").exit_code == Exit.USAGE
    left.shut.clear()
    assert ask("portal").exception.code is Exit.NO_DAEMON
