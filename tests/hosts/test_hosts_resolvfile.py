"""The guarded resolv.conf: in place, restored exactly, never through a link, never over someone else's."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from hosts.private_namespace import in_namespace
from lotor.hosts.resolvfile import HEADER, Place, alone, is_ours, join, leave, restore

LINES = ["search example.net", "nameserver 10.0.12.1"]
B_LINES = ["search lab.example", "nameserver 10.9.9.9", "nameserver 10.9.9.8"]
BEFORE = "nameserver 192.0.2.1\n# no newline at the end"


def names(directory):
    return sorted(file.name for file in Path(directory).iterdir())


@pytest.fixture
def place(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "run").mkdir()
    place = Place(tmp_path / "etc" / "resolv.conf", tmp_path / "run" / "0.resolv")
    place.path.write_text(BEFORE)
    place.path.chmod(0o640)
    return place


def test_ours_says_whose_it_is_and_where_the_other_is(place):
    join(place, "a", LINES, first=False)
    text = place.path.read_text()
    assert text.startswith(HEADER)
    assert str(place.beside) in text
    assert text.splitlines()[-2:] == LINES
    assert place.path.stat().st_mode & 0o777 == 0o644


def test_the_same_file_comes_back(place):
    before = place.path.stat()
    join(place, "a", LINES, first=False)
    assert leave(place, "a") is True
    after = place.path.stat()
    assert place.path.read_text() == BEFORE
    assert [before.st_ino, before.st_mode, before.st_mtime_ns] == [after.st_ino, after.st_mode, after.st_mtime_ns]
    assert names(place.path.parent) == ["resolv.conf"]


def test_a_link_is_replaced_not_followed_and_comes_back(place, tmp_path):
    target = tmp_path / "run" / "managed"
    target.write_text("nameserver 192.0.2.1\n")
    place.path.unlink()
    place.path.symlink_to("../run/managed")
    join(place, "a", LINES, first=False)
    assert target.read_text() == "nameserver 192.0.2.1\n"
    assert not place.path.is_symlink()
    leave(place, "a")
    assert str(place.path.readlink()) == "../run/managed"


def test_a_dangling_link_comes_back(place):
    place.path.unlink()
    place.path.symlink_to("nowhere")
    join(place, "a", LINES, first=False)
    leave(place, "a")
    assert str(place.path.readlink()) == "nowhere"


def test_where_there_was_no_file_there_is_none_afterwards(place):
    place.path.unlink()
    join(place, "a", LINES, first=False)
    assert is_ours(place.path)
    assert leave(place, "a") is True
    assert names(place.path.parent) == []


def test_someone_elses_later_file_stays_and_the_one_before_is_not_lost(place, caplog):
    join(place, "a", LINES, first=False)
    place.path.unlink()
    place.path.write_text("nameserver 198.51.100.1\n")
    assert leave(place, "a") is False
    assert place.path.read_text() == "nameserver 198.51.100.1\n"
    assert place.beside.read_text() == BEFORE
    assert str(place.beside) in caplog.text
    join(place, "a", LINES, first=False)
    leave(place, "a")
    assert place.path.read_text() == "nameserver 198.51.100.1\n"
    assert names(place.path.parent) == ["resolv.conf"]


def test_a_deleted_file_comes_back(place):
    join(place, "a", LINES, first=False)
    place.path.unlink()
    assert leave(place, "a") is True
    assert place.path.read_text() == BEFORE


def test_restoring_asks_no_connection(place):
    join(place, "a", LINES, first=False)
    join(place, "b", B_LINES, first=False)
    assert restore(place) is True
    assert place.path.read_text() == BEFORE


def test_restoring_twice_is_restoring_once(place):
    join(place, "a", LINES, first=False)
    leave(place, "a")
    assert leave(place, "a") is False
    assert place.path.read_text() == BEFORE


def asked(place):
    return [line for line in place.path.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_two_connections_share_the_file_and_leave_it_in_any_order(place, order):
    before = place.path.stat()
    alone_is = {"a": LINES, "b": B_LINES}
    join(place, "a", LINES, first=False)
    join(place, "b", B_LINES, first=False)
    together = ["search example.net lab.example", "nameserver 10.0.12.1", "nameserver 10.9.9.9", "nameserver 10.9.9.8"]
    assert asked(place) == together
    assert str(place.beside) in place.path.read_text()
    first, last = order
    assert leave(place, first) is True
    assert asked(place) == alone_is[last]
    assert leave(place, first) is False
    assert leave(place, last) is True
    after = place.path.stat()
    assert [before.st_ino, before.st_mode, before.st_mtime_ns] == [after.st_ino, after.st_mode, after.st_mtime_ns]
    assert names(place.path.parent) == ["resolv.conf"]


def test_a_full_tunnels_servers_are_asked_first_and_no_server_twice(place):
    join(place, "a", LINES, first=False)
    join(place, "b", ["nameserver 10.9.9.9", "nameserver 10.0.12.1"], first=True)
    join(place, "c", ["nameserver 10.7.7.7"], first=False)
    assert asked(place) == ["search example.net", "nameserver 10.9.9.9", "nameserver 10.0.12.1", "nameserver 10.7.7.7"]


def test_the_file_of_an_earlier_lotor_is_restored_at_once(place):
    os.link(place.path, place.beside)
    place.path.unlink()
    place.path.write_text(f"{HEADER}\n# The file from before comes back\nnameserver 10.0.12.1\n")
    assert leave(place, "") is True
    assert place.path.read_text() == BEFORE


def test_one_process_at_a_time_changes_the_file(place, monkeypatch):
    monkeypatch.setattr("lotor.hosts.resolvfile.PAUSE", 0)

    async def story() -> None:
        async with alone(place):
            with pytest.raises(TimeoutError, match="another lotor does not let go"):
                async with alone(place):
                    pass
        async with alone(place):
            pass

    asyncio.run(story())


def test_death_between_keeping_and_writing_leaves_the_file(place):
    os.link(place.path, place.beside)
    assert leave(place, "a") is False
    assert place.path.read_text() == BEFORE
    assert names(place.path.parent) == ["resolv.conf"]


def test_a_lost_original_is_told(place):
    join(place, "a", LINES, first=False)
    place.beside.unlink()
    with pytest.raises(FileNotFoundError, match="write it anew"):
        leave(place, "a")


def test_a_planted_link_at_the_new_name_is_not_followed(place, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (place.path.parent / ".resolv.conf.lotor").symlink_to(victim)
    join(place, "a", LINES, first=False)
    assert victim.read_text() == "precious"


@pytest.mark.root
def test_a_mount_point_is_written_in_place_and_restored(place, tmp_path):
    @in_namespace
    def body() -> None:
        mounted = tmp_path / "mounted"
        mounted.write_text("nameserver 203.0.113.1\n" * 20)
        mounted.chmod(0o600)
        subprocess.run(["mount", "--bind", mounted, place.path], check=True)
        before = place.path.stat()
        join(place, "a", LINES, first=False)
        assert place.path.read_text().splitlines()[-1] == LINES[-1]
        assert names(place.path.parent) == ["resolv.conf"]
        assert leave(place, "a") is True
        after = place.path.stat()
        assert place.path.read_text() == "nameserver 203.0.113.1\n" * 20
        assert [before.st_ino, before.st_mode, before.st_mtime_ns] == [after.st_ino, after.st_mode, after.st_mtime_ns]
        assert not place.elsewhere.exists()

    body()
    assert place.path.read_text() == BEFORE


@pytest.mark.root
def test_the_real_place_in_a_mount_namespace(tmp_path):
    before = Path("/etc/resolv.conf").read_bytes(), names("/etc")

    @in_namespace
    def body() -> None:
        mounted = tmp_path / "resolv.conf"
        mounted.write_text(BEFORE)
        subprocess.run(["mount", "--bind", mounted, "/etc/resolv.conf"], check=True)
        place = Place(Path("/etc/resolv.conf"), tmp_path / "0.resolv")
        join(place, "a", LINES, first=False)
        assert "nameserver 10.0.12.1" in Path("/etc/resolv.conf").read_text()
        leave(place, "a")
        assert Path("/etc/resolv.conf").read_text() == BEFORE

    body()
    assert (Path("/etc/resolv.conf").read_bytes(), names("/etc")) == before
