"""What the process with rights has in its memory: nothing that parses what a peer sends."""

from __future__ import annotations

import subprocess
import sys

ROOMS = ("client", "dataplane", "explain", "ike", "runtime", "trust", "wire", "crypto.x509")
PROGRAM = "import sys, lotor.daemon.program, lotor.daemon.pair; print(*sys.modules)"


def test_a_warden_never_loads_what_parses_a_peers_octets():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "lotor.keys.keyring" in loaded
    assert [name for name in sorted(loaded) if name.startswith(tuple(f"lotor.{room}" for room in ROOMS))] == []
