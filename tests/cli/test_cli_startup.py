"""What people type starts at once: the rooms of the daemon, and the libraries that only they need, stay unread."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest

from lotor.control.messages import Connected, Disconnected, Report, encode

HEAVY = frozenset(
    {
        *("asyncio", "concurrent", "cryptography", "http", "logging", "pyroute2", "sqlite3", "ssl", "subprocess"),
        *("lotor._native", "lotor.auth", "lotor.config", "lotor.crypto", "lotor.dataplane", "lotor.hooks"),
        *("lotor.hosts", "lotor.ike", "lotor.keys", "lotor.leases", "lotor.pki", "lotor.runtime", "lotor.wire"),
    }
)
PROGRAM = """
import sys
from lotor.cli.main import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
NOBODY = {
    "schema": 1,
    "version": "0.1.0",
    "pid": 42,
    "configuration": "/etc/racoon/racoon.conf",
    "seconds": 1.0,
    "internal_errors": 0,
    "remarks": [],
    "offloads": {"tso": True, "uso": True, "udp_segment": True, "udp_gro": True},
    "sessions": [],
}


@pytest.fixture
def answering(tmp_path):
    """A daemon that gives one answer to the first request."""
    path, threads = tmp_path / "lotor.sock", []

    def make(response):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()

        def serve():
            connection, _ = listener.accept()
            with listener, connection:
                connection.recv(65536)
                connection.sendall(encode(response))

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return path

    yield make
    for thread in threads:
        thread.join(10)


@pytest.mark.parametrize(
    ("words", "response", "told"),
    [
        (["status"], Report(NOBODY), "no sessions"),
        (["vc", "-u", "alice", "192.0.2.50"], Connected("10.99.99.3", ""), "Bound to address 10.99.99.3"),
        (["vd", "192.0.2.50"], Disconnected(1), ""),
    ],
    ids=["status", "vc", "vd"],
)
def test_a_command_that_asks_the_daemon_reads_no_heavy_room(answering, words, response, told):
    argv = [sys.executable, "-c", PROGRAM, *words, "-s", str(answering(response))]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert told in done.stdout
    read = {".".join(name.split(".")[:depth]) for name in done.stderr.split() for depth in (1, 2)}
    assert "lotor.control" in read
    assert read & HEAVY == set()
