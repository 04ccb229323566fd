"""psk.txt: its lines, and when it may not be trusted."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from lotor.keys import Keyring, RemoteKeys
from lotor.model.judgement import Failure
from lotor.model.secret import Secret

TEXT = b"""# comment
192.0.2.50 groupsecret
alice\tsesame, open you
bob   0x6f70656e
trail blank\x20
#carol hidden
* anybody
alice second
lonely
dora\t\t \tx y\t
zoe 0xnothex
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "psk.txt"
    path.write_bytes(TEXT)
    path.chmod(0o600)
    return path


def keyring(path: Path | None, login: str | None = "alice") -> Keyring:
    return Keyring([RemoteKeys("gw", login=login)], path)


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("alice", b"sesame, open you"),
        ("bob", b"open"),
        ("trail", b"blank "),
        ("dora", b"x y\t"),
        ("192.0.2.50", b"groupsecret"),
    ],
)
def test_lines(path, login, password):
    assert keyring(path, login).saved_password("gw") == Secret(password)


@pytest.mark.parametrize("login", ["carol", "#carol", "lonely", "nobody", "", "alice ", "ALICE", "anybody"])
def test_not_there(path, login):
    assert keyring(path, login).saved_password("gw") is None


def test_only_the_line_of_the_own_login_can_be_asked_for(path):
    """The file holds keys of gateways and passwords of others too: whoever asks names a block, and no line."""
    assert [keyring(path).saved_password(name) for name in ("bob", "alice", "192.0.2.50", "*", "")] == [None] * 5
    assert keyring(path, None).saved_password("gw") is None


def test_a_bad_hexadecimal_password_is_told_without_showing_it(path, caplog):
    with caplog.at_level(logging.DEBUG):
        assert keyring(path, "zoe").saved_password("gw") is None
    assert "line 11: what follows 0x is not hexadecimal" in caplog.text
    assert "nothex" not in caplog.text


def test_without_a_file():
    assert keyring(None).saved_password("gw") is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_weak_permissions(path, mode, caplog):
    path.chmod(mode)
    assert keyring(path).saved_password("gw") is None
    assert f"{path} has mode {mode:04o}" in caplog.text
    assert "sesame" not in caplog.text
    assert isinstance(keyring(path).find_password("gw"), Failure)


def test_kinds_of_files(tmp_path):
    for make, words in (
        (lambda path: path.mkdir(), "not a regular file"),
        (lambda path: os.mkfifo(path, 0o600), "not a regular file"),
        (lambda path: path.symlink_to(tmp_path / "psk.txt"), "symbolic link"),
    ):
        path = tmp_path / f"file{len(list(tmp_path.iterdir()))}"
        make(path)
        assert words in keyring(path).find_password("gw").reason.text


def test_no_file_is_no_password_and_nothing_to_warn_of(tmp_path, caplog):
    assert keyring(tmp_path / "psk.txt").saved_password("gw") is None
    assert not caplog.text


def test_the_file_is_read_at_every_use(path):
    ring = keyring(path)
    path.write_bytes(b"alice changed\n")
    assert ring.saved_password("gw") == Secret(b"changed")
