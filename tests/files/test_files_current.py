"""A file that is taken apart when it has changed, and only then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lotor.files import current as module
from lotor.files.current import Current


class Reader:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self, path: Path) -> str:
        self.times += 1
        return path.read_text()


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_f7_what_did_not_change_is_read_once(tmp_path, reader, monkeypatch):
    monkeypatch.setattr(module, "TIMESTAMP_RESOLUTION", -1)
    path = tmp_path / "users"
    path.write_text("first")
    current = Current(path, reader)
    assert [current.get() for _ in range(5)] == ["first"] * 5
    assert reader.times == 1


@pytest.mark.parametrize("how", ["replaced", "written over", "touched by nobody but chmod"])
def test_f7_whatever_changes_is_seen(tmp_path, reader, monkeypatch, how):
    monkeypatch.setattr(module, "TIMESTAMP_RESOLUTION", -1)
    path = tmp_path / "users"
    path.write_text("first")
    os.utime(path, ns=(10**18, 10**18))
    current = Current(path, reader)
    current.get()
    if how == "replaced":
        (tmp_path / "new").write_text("other")
        os.utime(tmp_path / "new", ns=(10**18, 10**18))
        (tmp_path / "new").replace(path)
    elif how == "written over":
        path.write_text("other")
        os.utime(path, ns=(10**18, 10**18))
    else:
        path.chmod(0o640)
    assert current.get() == path.read_text()
    assert reader.times == 2


def test_f7_what_changed_just_now_is_read_again_each_time(tmp_path, reader):
    """It may change once more within the same tick of the file system's clock."""
    path = tmp_path / "users"
    path.write_text("first")
    current = Current(path, reader)
    assert [current.get() for _ in range(3)] == ["first"] * 3
    assert reader.times == 3


def test_f7_a_file_that_cannot_be_read_is_tried_again(tmp_path, reader, monkeypatch):
    monkeypatch.setattr(module, "TIMESTAMP_RESOLUTION", -1)
    current = Current(tmp_path / "users", reader)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            current.get()
    (tmp_path / "users").write_text("there")
    assert current.get() == "there"
    (tmp_path / "users").unlink()
    with pytest.raises(FileNotFoundError):
        current.get()
