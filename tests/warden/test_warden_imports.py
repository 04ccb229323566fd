"""What the process with rights has in its memory: nothing that parses what a peer sends."""

from __future__ import annotations

import subprocess
import sys

import pytest

ROOMS = (
    "backends",
    "client",
    "dataplane",
    "explain",
    "ike",
    "ldap",
    "radius",
    "runtime",
    "trust",
    "wire",
    "crypto.x509",
)
"""The process of back ends has rooms of its own, which the daemon does not load either."""
PROGRAMS = (
    "lotor.daemon.program, lotor.daemon.pair",
    "lotor.cli.connect, lotor.cli.foreground, lotor.daemon.connecting",
)


@pytest.mark.parametrize("modules", PROGRAMS)
def test_a_warden_never_loads_what_parses_a_peers_octets(modules):
    program = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "lotor.keys.keyring" in loaded
    assert [name for name in sorted(loaded) if name.startswith(tuple(f"lotor.{room}" for room in ROOMS))] == []


def test_a_daemon_never_loads_what_speaks_to_login_servers():
    program = "import sys, lotor.daemon.attended, lotor.daemon.serving; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "lotor.ike.endpoint" in loaded
    assert [name for name in sorted(loaded) if name.startswith(("lotor.backends", "lotor.ldap", "lotor.radius"))] == []


def test_the_process_of_back_ends_never_loads_what_holds_keys_or_parses_peers():
    program = "import sys, lotor.daemon.back_end_process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "lotor.backends.present" in loaded
    stray = ("lotor.keys", "lotor.crypto.private", "lotor.ike", "lotor.wire", "lotor.hosts", "lotor.warden.warden")
    assert [name for name in sorted(loaded) if name.startswith(stray)] == []


def test_a_warden_that_does_not_start_parses_no_certificate_of_others(tmp_path):
    """Its own keys and settings tell what is wrong; authorities are the daemon's, and `lotor check` reads them, too."""
    (tmp_path / "bad.conf").write_text("nonsense;")
    program = (
        "import contextlib, sys, pathlib; from lotor.daemon import exits, program\n"
        "with contextlib.suppress(exits.StartError): program._load(pathlib.Path(sys.argv[1]))\nprint(*sys.modules)"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "bad.conf")]
    loaded = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert "lotor.warden.loading" in loaded
    assert not {"lotor.trust", "lotor.crypto.x509"} & set(loaded)
