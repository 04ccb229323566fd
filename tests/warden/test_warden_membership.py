"""What a gateway is in its fleet: the same seat for as long as its disk lasts, and a run of its own."""

from __future__ import annotations

import socket

import pytest

from lotor.warden.membership import member_of, own_name, seat_file
from paired import gateway, settings

POOL = "mode_cfg { network4 10.99.99.1; pool_size 4; auth_source system; }"


def fleet(directory, more=""):
    store = f'store "postgresql://lotor:p@127.0.0.1/vpn"; local_store "{directory}/lotor.db"; '
    return settings(store + more + gateway() + POOL)


def test_a_gateway_alone_is_of_no_fleet():
    assert member_of(settings(gateway() + POOL)) is None


def test_the_seat_stays_and_the_run_does_not(tmp_path):
    first, second = (member_of(fleet(tmp_path, 'fleet_name "gw1"; lease_time 60; ')) for _ in range(2))
    assert first.seat == second.seat
    assert len(first.seat) == len(first.run) == 32
    assert first.run != second.run
    assert (first.name, first.lease) == ("gw1", 60)
    assert seat_file(tmp_path / "lotor.db").stat().st_mode & 0o777 == 0o600


def test_another_disk_is_another_seat(tmp_path):
    (tmp_path / "other").mkdir()
    assert member_of(fleet(tmp_path)).seat != member_of(fleet(tmp_path / "other")).seat


@pytest.mark.parametrize(
    ("host", "name"), [("gw-1", "gw-1"), ("a b/ü", "a-b--"), ("..", "gateway"), ("x" * 70, "x" * 63)]
)
def test_without_a_name_it_is_called_as_its_host(host, name, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert own_name() == name


def test_a_seat_that_a_killed_program_had_begun_is_made_anew(tmp_path):
    seat_file(tmp_path / "lotor.db").with_name("lotor.db.seat.new").write_text("5ea")
    assert len(member_of(fleet(tmp_path)).seat) == 32


@pytest.mark.parametrize("text", ["", "5ea7", "z" * 32, "5ea7" * 9])
def test_a_file_that_holds_no_seat_is_told(tmp_path, text):
    seat_file(tmp_path / "lotor.db").write_text(text)
    with pytest.raises(OSError, match=r"lotor\.db\.seat.*holds no seat: remove it"):
        member_of(fleet(tmp_path))


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(OSError, match=r"lotor\.db\.seat, by which a fleet knows this gateway"):
        member_of(fleet(tmp_path / "missing"))
