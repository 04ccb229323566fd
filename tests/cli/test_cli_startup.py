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
        *("asyncio", "concurrent", "cryptography", "http", "logging", "sqlite3", "ssl", "subprocess"),
        *("lotor._native", "lotor.auth", "lotor.config", "lotor.crypto", "lotor.dataplane", "lotor.hooks"),
        *("base64", "bz2", "hashlib", "hmac", "lzma", "shutil"),
        *("lotor.hosts", "lotor.ike", "lotor.keys", "lotor.leases", "lotor.pki", "lotor.runtime", "lotor.trust"),
        *("lotor.warden", "lotor.wire"),
        *("lotor.control.views", "lotor.model.login", "lotor.model.network"),
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
    "processes": [],
    "offloads": {"tso": True, "uso": True, "udp_segment": True, "udp_gro": True, "udp_segment_tail": False},
    "half_open": 0,
    "next": None,
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
        thread.join(60)


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
    told_by, read = run(*words, "-s", answering(response))
    assert told in told_by
    assert "lotor.control" in read
    assert read & HEAVY == set()


def test_a_configuration_that_names_its_socket_plainly_is_not_read_as_a_whole(answering, tmp_path):
    file = tmp_path / "racoon.conf"
    file.write_text(f'# adminsock "/else"; include\nlisten {{ adminsock "{answering(Report(NOBODY))}" "root"; }}\n')
    told, read = run("status", "-f", file)
    assert "no sessions" in told
    assert read & HEAVY == set()


def run(*words):
    """What a command printed, and the modules and rooms that were read for it."""
    argv = [sys.executable, "-c", PROGRAM, *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, {".".join(name.split(".")[:depth]) for name in done.stderr.split() for depth in (1, 2, 3)}
