"""N4: who could change a file, or put another one in its place, by a directory or a link on the way to it."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest

from lotor.config import examine
from lotor.files import places
from lotor.files.places import changeable, ourselves, ourselves_and_caller
from lotor.files.private import FileError, read_private, read_trusted

STRANGER = next(user.pw_uid for user in pwd.getpwall() if user.pw_name == "nobody")
root = pytest.mark.skipif(os.geteuid() != 0, reason="files of others are made by root")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    path.parent.mkdir(parents=True)
    path.touch(0o600)
    return path


def told(path: Path) -> str | None:
    return changeable(path, path.stat(), ourselves())


def test_n4_a_file_of_ours_in_directories_of_ours_and_a_sticky_one(file, tmp_path):
    (tmp_path / "a").chmod(0o1777)
    assert told(file) is None
    assert told(file.parent / ".." / "b" / "file") is None


@pytest.mark.parametrize("mode", [0o777, 0o757, 0o703])
@pytest.mark.parametrize("place", ["a/b/file", "a/b", "a"])
def test_n4_what_others_may_write_is_told_with_its_place(file, tmp_path, place, mode):
    (tmp_path / place).chmod(mode)
    assert str(told(file)).endswith(f"chmod go-w {tmp_path / place}")
    assert f"mode {mode:04o}" in str(told(file))


@root
@pytest.mark.parametrize("place", ["a/b/file", "a/b", "a"])
def test_n4_what_belongs_to_another_user_is_told(file, tmp_path, place):
    os.chown(tmp_path / place, STRANGER, -1)
    assert f"belongs to user {STRANGER}" in str(told(file))


@root
def test_n4_a_group_counts_by_its_members(file, monkeypatch):
    file.parent.chmod(0o775)
    monkeypatch.setattr(places, "_members", lambda group: {0})
    assert told(file) is None
    monkeypatch.setattr(places, "_members", lambda group: {0, STRANGER})
    assert "chmod go-w" in str(told(file))


@root
def test_n4_the_members_of_a_group_are_those_whose_own_group_it_is_too(monkeypatch):
    monkeypatch.undo()
    assert places._members(0) >= {0}
    assert STRANGER in places._members(pwd.getpwuid(STRANGER).pw_gid)
    assert places._members(2**31 - 7) == set()


@root
def test_n4_a_link_that_somebody_else_may_turn_is_told_and_its_target_is_judged(file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to("a/b")
    assert told(link / "file") is None
    os.chown(link, STRANGER, -1, follow_symlinks=False)
    assert f"{link} on the way to it belongs to user {STRANGER}" in str(told(link / "file"))
    os.chown(link, 0, -1, follow_symlinks=False)
    file.parent.chmod(0o777)
    assert f"chmod go-w {file.parent}" in str(told(link / "file"))


def test_n4_links_in_a_circle_end(tmp_path):
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert "too many symbolic links" in str(changeable(tmp_path / "one" / "x", tmp_path.stat(), ourselves()))


@root
def test_n4_who_called_by_sudo_may_use_his_own_authority_but_not_his_own_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("SUDO_UID", str(STRANGER))
    assert ourselves_and_caller() - ourselves() == {STRANGER}
    own = tmp_path / "ca.crt"
    own.write_bytes(b"certificate")
    os.chown(own, STRANGER, -1)
    assert read_trusted(own) == b"certificate"
    assert told(own) is not None
    monkeypatch.setenv("SUDO_UID", "anybody")
    with pytest.raises(FileError, match=f"{own} is not trusted: it belongs to user {STRANGER}"):
        read_trusted(own)


def test_n4_secrets_and_authorities_are_judged_with_every_directory(file, tmp_path):
    file.write_bytes(b"secret")
    (tmp_path / "a").chmod(0o777)
    for read in (read_private, read_trusted):
        with pytest.raises(FileError, match=f"is not trusted: it lies below {tmp_path / 'a'}"):
            read(file)


@pytest.mark.parametrize("spoiled", ["racoon.conf", "more/part.conf", "more"])
def test_n4_the_configuration_is_judged_with_what_it_includes(tmp_path, spoiled):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "part.conf").write_text("log info;\n")
    main = tmp_path / "racoon.conf"
    main.write_text('include "more/part.conf";\n')
    assert not [each for each in examine(main).problems if "cannot be read" in each.text]
    (tmp_path / spoiled).chmod(stat.S_IMODE((tmp_path / spoiled).stat().st_mode) | 0o002)
    (problem,) = [each for each in examine(main).problems if "cannot be read" in each.text]
    assert f"chmod go-w {tmp_path / spoiled}" in problem.text
