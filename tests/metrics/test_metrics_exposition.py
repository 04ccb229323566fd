"""What Prometheus reads: its own parser takes it, also over HTTP."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lotor.metrics import exposition
from lotor.metrics.document import document
from lotor.metrics.exposition import MOST_READERS, Figures, serving
from lotor.metrics.families import FAMILIES, Kind
from lotor.metrics.processes import usage
from lotor.metrics.view import SampleView, figure, labelled
from lotor.model.child import Counters

DOCS = Path(__file__).parents[2] / "docs"
HISTOGRAM = SampleView(labels=[], value=0.0, counts=[1, 2, *[0] * 8, 3], total=200.5)


def view(**families):
    return {"schema": 1, "version": "0.1.0", "processes": {"daemon": os.getpid()}, "families": families}


def read(text):
    families = list(text_string_to_metric_families(text))
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def test_prometheus_reads_figures_with_their_labels():
    told = view(lotor_logins_total=[figure(7, "accepted"), figure(2, "refused")], lotor_half_open=[figure(3)])
    found = read(Figures(lambda: told).text().decode())
    assert found["lotor_logins_total", ("result", "accepted")] == 7
    assert found["lotor_logins_total", ("result", "refused")] == 2
    assert found["lotor_half_open",] == 3
    assert found["lotor_up",] == 1
    assert found["lotor_info", ("version", "0.1.0")] == 1


def test_what_the_engine_does_not_count_has_no_series():
    """0 would say that there was none."""
    found = labelled("lotor_packets_dropped_total", Counters(forged=3), frozenset({"limited", "shed", "misdirected"}))
    assert {label: each["value"] for each in found for label in each["labels"]} == {"replayed": 0, "forged": 3}


def test_buckets_count_what_the_ones_before_count():
    found = read(Figures(lambda: view(lotor_handshake_seconds=[HISTOGRAM])).text().decode())
    buckets = [found["lotor_handshake_seconds_bucket", ("le", each)] for each in ("0.05", "0.1", "60.0", "+Inf")]
    assert buckets == [1, 3, 3, 6]
    assert found["lotor_handshake_seconds_sum",] == 200.5
    assert found["lotor_handshake_seconds_count",] == 6


def test_a_daemon_that_does_not_answer_is_down_and_nothing_else():
    assert read(Figures(lambda: None).text().decode()) == {("lotor_up",): 0}


def test_what_the_kernel_tells_of_a_process_stands_beside_it():
    found = read(Figures(view).text().decode())
    label = ("process", "daemon")
    assert found["lotor_process_resident_memory_bytes", label] > 1 << 20
    assert found["lotor_process_cpu_seconds_total", label] > 0
    assert found["lotor_process_start_time_seconds", label] > 1e9


def test_a_label_with_quotes_and_line_feeds_is_one_label():
    told = view(lotor_certificate_expiry_time_seconds=[figure(5, 'a "b\\"\nlotor_up 7')])
    found = read(Figures(lambda: told).text().decode())
    assert found["lotor_certificate_expiry_time_seconds", ("remote", 'a "b\\"\nlotor_up 7')] == 5
    assert found["lotor_up",] == 1


@pytest.mark.parametrize("stat", ["", "1 (a b) S", "1 (x) S " + "word " * 60])
def test_a_process_that_is_gone_or_hidden_has_no_figures(tmp_path, stat):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(stat)
    (tmp_path / "stat").write_text("cpu 1 2\nbtime 1700000000\n")
    assert usage(7, tmp_path) is None
    assert usage(8, tmp_path) is None


def test_a_program_with_a_bracket_in_its_name_is_read_right(tmp_path):
    fields = ["S", *map(str, range(4, 53))]
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(f"7 (a) b (c) {' '.join(fields)}\n")
    (tmp_path / "stat").write_text("btime 1700000000\n")
    found, ticks = usage(7, tmp_path), os.sysconf("SC_CLK_TCK")
    assert found.resident == 24 * os.sysconf("SC_PAGE_SIZE")
    assert found.processor == (14 + 15) / ticks
    assert found.started == 1700000000 + 22 / ticks


# --- over HTTP -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running(where, ask=view):
    with serving(Figures(ask), where) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def over(family, address, request=b"GET /metrics HTTP/1.0\r\n\r\n"):
    with socket.socket(family) as caller:
        caller.settimeout(60)
        caller.connect(address)
        caller.sendall(request)
        found = b""
        while more := caller.recv(65536):
            found += more
    return found.decode()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_http_at_an_address(address):
    with running((address, 0)) as server:
        port = server.server_address[1]
        host = f"[{address}]" if ":" in address else address
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=60) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert read(answer.read().decode())["lotor_up",] == 1


def test_http_at_a_path_whose_last_server_died(tmp_path):
    path = tmp_path / "metrics.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with running(path):
        assert "lotor_up 1.0" in over(socket.AF_UNIX, str(path))
    assert not path.exists()


def test_a_path_that_somebody_listens_at_stays_his(tmp_path):
    path = tmp_path / "metrics.sock"
    with running(path):
        with pytest.raises(OSError, match="in use"), serving(Figures(view), path):
            pass
        assert "lotor_up 1.0" in over(socket.AF_UNIX, str(path))


def test_a_file_at_that_path_stays(tmp_path):
    path = tmp_path / "metrics.sock"
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"), serving(Figures(view), path):
        pass
    assert path.read_text() == "mine"


def test_readers_that_say_nothing_keep_a_bounded_number_of_places(tmp_path):
    path = tmp_path / "metrics.sock"
    with running(path), contextlib.ExitStack() as held:
        silent = [held.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(MOST_READERS)]
        for each in silent:
            each.connect(str(path))
        with socket.socket(socket.AF_UNIX) as late:
            late.settimeout(60)
            late.connect(str(path))
            assert late.recv(1) == b""
        silent[0].close()
        found = ""
        while "lotor_up" not in found:  # until the place of the one that went is free
            with contextlib.suppress(ConnectionError):
                found = over(socket.AF_UNIX, str(path))
        assert "lotor_up 1.0" in found


def drip(slow):
    for _ in range(400):
        slow.sendall(b"G")
        with contextlib.suppress(TimeoutError):
            slow.recv(1)


def test_a_reader_that_drips_is_let_go(tmp_path, monkeypatch):
    """It is never silent for long: only a limit for the whole request frees its place."""
    monkeypatch.setattr(exposition, "READING_SECONDS", 0.2)
    path = tmp_path / "metrics.sock"
    with running(path), socket.socket(socket.AF_UNIX) as slow:
        slow.settimeout(0.05)
        slow.connect(str(path))
        with pytest.raises(ConnectionError):
            drip(slow)


@pytest.mark.parametrize(("umask", "mode"), [(0o000, 0o660), (0o022, 0o640), (0o077, 0o600)])
def test_nobody_but_owner_and_group_may_connect_to_a_path(tmp_path, umask, mode):
    path = tmp_path / "metrics.sock"
    before = os.umask(umask)
    try:
        with serving(Figures(view), path):
            assert stat.S_IMODE(path.stat().st_mode) == mode
    finally:
        os.umask(before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_exporter_that_is_ended_leaves_no_socket_behind(tmp_path, number):
    path = tmp_path / "metrics.sock"
    lotor = (sys.executable, "-m", "lotor.cli.main", "metrics", "--listen", str(path), "-s", str(tmp_path / "nobody"))
    heeding = ("env", "--default-signal", *lotor)  # a job in the background inherits that SIGINT is ignored
    with subprocess.Popen(heeding, stderr=subprocess.PIPE, text=True) as exporter:
        assert f"lotor metrics at {path}" in exporter.stderr.readline()
        exporter.send_signal(number)
        assert exporter.wait(60) == 0
    assert not path.exists()


@pytest.mark.parametrize("request_", [b"\x00" * 3000, b"BREW / HTTP/1.0\r\n\r\n", b"GET " + b"a" * 70000 + b"\r\n\r\n"])
def test_what_is_no_request_ends_no_server(tmp_path, monkeypatch, request_):
    monkeypatch.setattr(exposition, "READING_SECONDS", 0.5)
    path = tmp_path / "metrics.sock"
    with running(path):
        with contextlib.suppress(ConnectionError):
            over(socket.AF_UNIX, str(path), request_)
        monkeypatch.undo()
        assert "lotor_up 1.0" in over(socket.AF_UNIX, str(path))


# --- names -----------------------------------------------------------------------------------------------------------


def test_the_page_is_made_of_the_families():
    assert (DOCS / "metrics.md").read_text() == document(), "python -m lotor.metrics.document > docs/metrics.md"


def test_names_follow_the_rules_of_prometheus():
    """A counter ends in _total, nothing else does; units are those of the metric system."""
    totals = {name for name in FAMILIES if name.endswith("_total")}
    assert totals == {name for name, each in FAMILIES.items() if each.kind is Kind.COUNTER}
    assert [name for name in FAMILIES if not name.startswith("lotor_")] == []
