"""A network device that is to do the cryptography of the kernel's ESP, and whose driver refuses: a bond without a card
that can. Runs where the kernel has ESP and bonds: `make kernel` brings one. No device seals ESP without hardware."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

PROGRAM = str(Path(__file__).parent / "kernel_offload.py")
BOND = """set -e
modprobe -qa bonding esp4 esp4_offload xfrm_user
ip link add bond0 type bond mode active-backup
ip link add out0 type dummy
ip link set out0 master bond0
ip address add 192.0.2.1/24 dev bond0
ip link set bond0 up
ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 1 mode tunnel \
aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128
ip xfrm state flush
"""


def inside(line: str) -> subprocess.CompletedProcess[str]:
    """In a network namespace that has the bond."""
    words = ("unshare", "--net", "sh", "-c", BOND + line)
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", autouse=True)
def kernel() -> None:
    if inside("").returncode:
        pytest.skip("this kernel has no ESP, or no bonds: make kernel")


def test_what_a_driver_refuses_the_kernel_seals():
    done = inside(f"exec {sys.executable} {PROGRAM} bond0")
    assert done.returncode == 0, done
    told = json.loads(done.stdout)
    assert told["why"].startswith("bond0 "), told
    assert told["shown"].count("proto esp") == 2
    assert "offload" not in told["shown"]
    (said,) = told["said"]
    assert said.startswith("esp_offload bond0: the kernel seals aes_gcm_16-128 itself: ")
    assert "Device failed to offload" in said, "in the kernel's own words"
