"""F18: what a process with keys gives up, as the kernel tells it of programs, their threads and their children."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import lotor, pki
from lab.dialling import serve
from lab.internet import GATEWAY, Internet
from lab.node import Node, only_child, wait_until
from lotor.confinement.hardening import FOR_DAEMON, FOR_PAM, FOR_SCRIPTS, NEVER, OWN, Capability

pytestmark = pytest.mark.root

SYS_ADMIN, DAC_OVERRIDE = 21, 1
PROGRAM = """
import ctypes, resource, subprocess, sys, threading
from lotor.confinement import hardening
hardening.withhold_memory()
hardening.bound(scripts="scripts" in sys.argv[1], daemon="warden" in sys.argv[1], pam="pam" in sys.argv[1])
print("Dumpable:", ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
print("Core:", *resource.getrlimit(resource.RLIMIT_CORE))
thread = threading.Thread(target=lambda: print(open("/proc/thread-self/status").read()))
thread.start()
thread.join()
print("In the child", flush=True)
subprocess.run(["cat", "/proc/self/status"], check=True)
"""


ASKING = """
import asyncio
from lotor import config
from lotor.confinement import hardening
from lotor.hosts.xfrm.host import host_esp
hardening.withhold_memory()
hardening.bound(scripts=False, daemon=True)
esp = host_esp(config.loads("").settings)
try:
    print(asyncio.run(esp.open()))
except OSError as error:
    print(error.strerror)
"""


def rights(text: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines()) if value}


def held(status: dict[str, str], field: str) -> set[int]:
    return {number for number in range(64) if int(status[field], 16) >> number & 1}


@pytest.mark.parametrize("word", ["scripts", "none", "pam", "warden", "warden with scripts", "warden with pam"])
def test_f18_a_process_keeps_what_it_needs(word):
    done = subprocess.run([sys.executable, "-c", PROGRAM, word], capture_output=True, text=True, check=True, timeout=60)
    here, _, child = done.stdout.partition("In the child")
    own, theirs = rights(here), rights(child)
    everything = held(rights(Path("/proc/self/status").read_text()), "CapBnd")
    scripts = "scripts" in word
    needed = (FOR_SCRIPTS if scripts else OWN) | (FOR_DAEMON if "warden" in word else frozenset())
    needed |= FOR_PAM if "pam" in word else frozenset()
    assert (own["Dumpable"], own["Core"]) == ("0", "0 0")
    assert held(own, "CapPrm") == held(own, "CapEff") == everything & needed
    assert own["NoNewPrivs"] == theirs["NoNewPrivs"] == ("0" if scripts else "1")
    assert held(theirs, "CapEff") == held(own, "CapBnd") == everything & (everything - NEVER if scripts else needed)
    assert done.stderr == ""


def test_f18_a_warden_speaks_to_the_kernels_esp_with_what_it_keeps():
    """No other right is missing: the answer is the device, or what this kernel lacks."""
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", ASKING], capture_output=True, text=True, check=True, timeout=60
    )
    answers = ("KernelDevice(name='lotor0'", "the kernel carries no ESP: load its module esp4")
    assert any(each in done.stdout for each in answers), done.stdout
    assert done.stderr == ""


def test_f18_who_has_few_rights_already_is_told_nothing_new():
    few = ["setpriv", "--bounding-set", "-all,+net_admin,+net_bind_service", sys.executable, "-c", PROGRAM, "none"]
    done = subprocess.run(few, capture_output=True, text=True, check=True, timeout=60)
    own = rights(done.stdout.partition("In the child")[0])
    assert held(own, "CapPrm") == {Capability.NET_ADMIN, Capability.NET_BIND_SERVICE}
    assert own["NoNewPrivs"] == "1"
    assert done.stderr == ""


@pytest.fixture
def internet() -> Iterator[Internet]:
    with Internet() as net:
        yield net


def threads(process: int) -> list[dict[str, str]]:
    return [rights((task / "status").read_text()) for task in Path(f"/proc/{process}/task").iterdir()]


def limit(process: int) -> str:
    lines = Path(f"/proc/{process}/limits").read_text().splitlines()
    return next(" ".join(line.split()[4:6]) for line in lines if line.startswith("Max core file size"))


def in_scripts(node: Node) -> None:
    """A script that tells its own rights and uses what scripts use."""
    told = "#!/bin/sh\n(cat /proc/self/status; ip rule; nft list ruleset; mount -t tmpfs none /mnt; umount /mnt"
    node.write("/etc/racoon/phase1-up.sh", f"{told}; echo ended $?) >/run/told 2>&1\n", 0o755)


def test_f18_gateway_and_client_in_the_foreground_with_all_their_threads(internet, tmp_path):
    authority = pki.authority()
    authority.save(tmp_path, "ca")
    pki.gateway(authority, GATEWAY).save(tmp_path, "vpngw")
    gateway = serve(internet, tmp_path)
    client = lotor.client(internet.client, tmp_path)
    in_scripts(internet.client)
    client.start("-d")
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert wait_until(lambda: "ended" in internet.client.path("/run/told").read_text())
    for program, needed, kept in ((gateway, OWN, "1"), (client, FOR_SCRIPTS, "0")):
        assert program.running is not None
        warden = only_child(program.running.process.pid)
        daemon = only_child(warden)
        assert warden
        assert daemon
        told = threads(warden)
        assert {(status["CapPrm"], status["CapEff"], status["NoNewPrivs"]) for status in told} == {
            (told[0]["CapEff"], told[0]["CapEff"], kept)
        }
        assert {Capability.NET_ADMIN} <= held(told[0], "CapEff") <= needed | FOR_DAEMON
        without = threads(daemon)
        assert len(without) > 1
        assert {int(each[name], 16) for each in without for name in ("CapPrm", "CapEff")} == {0}
        assert {each["NoNewPrivs"] for each in without} == {"1"}
        assert limit(warden) == limit(daemon) == "0 0"
    script = internet.client.path("/run/told").read_text()
    assert {SYS_ADMIN, DAC_OVERRIDE} <= held(rights(script), "CapEff")
    assert held(rights(script), "CapEff") & NEVER == set()
    assert "table inet lotor0" in script
    assert "27759" in script
    assert script.endswith("ended 0\n")
    assert "CapEff" in script
    (_,) = gateway.sessions()
    client.stop()
    gateway.stop()
