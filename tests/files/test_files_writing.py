"""Files are written whole, with their mode from the start, and never over others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lotor.files import writing
from lotor.files.private import FileError, read_private, read_public


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_modes_do_not_depend_on_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        writing.create(tmp_path / "key", b"secret")
        writing.replace(tmp_path / "list", b"public", writing.PUBLIC)
    finally:
        os.umask(before)
    assert (mode_of(tmp_path / "key"), mode_of(tmp_path / "list")) == (0o600, 0o644)
    assert read_private(tmp_path / "key") == b"secret"


def test_create_never_replaces(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    for taken in (path, link):
        with pytest.raises(FileError, match="exists already"):
            writing.create(taken, b"new")
    assert path.read_bytes() == b"old"
    assert not (tmp_path / "elsewhere").exists()


def test_replace_leaves_nothing_beside(tmp_path):
    path = tmp_path / "users"
    for octets in (b"one", b"two"):
        writing.replace(path, octets)
        assert path.read_bytes() == octets
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_replacement_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "users"
    writing.replace(path, b"old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left"):
        writing.replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_directory_is_told(tmp_path):
    with pytest.raises(FileError, match="No such file"):
        writing.create(tmp_path / "nowhere" / "key", b"")


def test_reading_is_bounded(tmp_path):
    path = tmp_path / "big"
    writing.create(path, bytes(101))
    assert len(read_public(path, largest=101)) == 101
    with pytest.raises(FileError, match="larger than 100"):
        read_public(path, largest=100)


def test_a_descriptor_is_never_left_open(tmp_path):
    writing.create(tmp_path / "key", b"secret")
    (tmp_path / "key").chmod(0o644)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with pytest.raises(FileError):
            read_private(tmp_path / "key")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
