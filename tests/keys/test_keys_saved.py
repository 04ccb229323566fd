"""psk.txt: its lines, and when it may not be trusted."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from lotor.keys import Keyring
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
def keyring(tmp_path: Path) -> Keyring:
    path = tmp_path / "psk.txt"
    path.write_bytes(TEXT)
    path.chmod(0o600)
    return Keyring([], path)


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
def test_lines(keyring, login, password):
    assert keyring.saved_password(login) == Secret(password)


@pytest.mark.parametrize("login", ["carol", "#carol", "lonely", "nobody", "", "alice ", "ALICE", "anybody"])
def test_not_there(keyring, login):
    assert keyring.saved_password(login) is None


def test_a_bad_hexadecimal_password_is_told_without_showing_it(keyring, caplog):
    with caplog.at_level(logging.DEBUG):
        assert keyring.saved_password("zoe") is None
    assert "line 11: what follows 0x is not hexadecimal" in caplog.text
    assert "nothex" not in caplog.text


def test_without_a_file():
    assert Keyring([]).saved_password("alice") is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_weak_permissions(keyring, tmp_path, mode, caplog):
    (tmp_path / "psk.txt").chmod(mode)
    assert keyring.saved_password("alice") is None
    assert f"{tmp_path / 'psk.txt'} has mode {mode:04o}" in caplog.text
    assert "sesame" not in caplog.text
    assert isinstance(keyring.find_password("alice"), Failure)


def test_kinds_of_files(tmp_path):
    for make, words in (
        (lambda path: path.mkdir(), "not a regular file"),
        (lambda path: os.mkfifo(path, 0o600), "not a regular file"),
        (lambda path: path.symlink_to(tmp_path / "psk.txt"), "symbolic link"),
    ):
        path = tmp_path / f"file{len(list(tmp_path.iterdir()))}"
        make(path)
        assert words in Keyring([], path).find_password("alice").why


def test_no_file_is_no_password_and_nothing_to_warn_of(tmp_path, caplog):
    assert Keyring([], tmp_path / "psk.txt").saved_password("alice") is None
    assert not caplog.text


def test_the_file_is_read_at_every_use(keyring, tmp_path):
    (tmp_path / "psk.txt").write_bytes(b"alice changed\n")
    assert keyring.saved_password("alice") == Secret(b"changed")
