"""What the process with rights has in its memory: nothing that parses what a peer sends."""

from __future__ import annotations

import subprocess
import sys

import pytest

ROOMS = ("client", "dataplane", "explain", "ike", "runtime", "trust", "wire", "crypto.x509")
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
