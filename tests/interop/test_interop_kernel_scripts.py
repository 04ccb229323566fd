"""Policies of others beside the kernel's engine: racoon's scripts by `ip xfrm` and by PF_KEY, flushes, and a packet
that waits for an SA."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from halting import pythons
from lab import lotor
from lab.dialling import carries, ping, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.kernels import by_kernel, client_kernel
from lab.lotor import connect, sample_script
from lab.node import wait_until

pytestmark = pytest.mark.usefixtures("uml")
INNER = "10.99.99.1"
SETKEY = f"""#!/bin/sh
case $1 in
phase1_up) add=spdadd ;;
*) add=spddelete ;;
esac
here="$LOCAL_ADDR[$LOCAL_PORT]"
there="$REMOTE_ADDR[$REMOTE_PORT]"
printf '%s\\n' \\
	"$add $INTERNAL_ADDR4/32[any] 0.0.0.0/0[any] any -P out ipsec esp/tunnel/$here-$there/require;" \\
	"$add 0.0.0.0/0[any] $INTERNAL_ADDR4/32[any] any -P in ipsec esp/tunnel/$there-$here/require;" |
	{sys.executable} {Path(__file__).with_name("setkey_words.py")}
"""
"""As racoon's behind a NAT, where `setkey -c` reads the lines."""


def policies(kernel):
    """Of all programs; those of sockets are the machine's."""
    return kernel.shell("ip xfrm policy | grep -A1 '^src.*[0-9]/[1-9]'").stdout


def leaves_by(kernel):
    """The reqids of the SAs to the gateway."""
    return re.findall(rf"dst {re.escape(GATEWAY)}\s.*?reqid (\d+)", kernel.shell("ip xfrm state").stdout, re.DOTALL)


def write(program, up, down):
    for event, script in (("up", up), ("down", down)):
        program.node.write(f"/etc/racoon/phase1-{event}.sh", script, 0o755)


def one_packet_waits(kernel, gateway):
    """For an SA that the gateway, whose daemon stands still, cannot agree on yet. Whether it is answered in the end."""
    _, daemon = pythons(gateway.running)
    os.kill(daemon, signal.SIGSTOP)
    kernel.shell("ip xfrm state flush")
    asked = kernel.start("waits", "ping", "-c1", "-W30", INSIDE_HOST)
    waits = wait_until(lambda: "spi 0x00000000" in kernel.shell("ip xfrm state").stdout)
    os.kill(daemon, signal.SIGCONT)
    return waits and wait_until(lambda: not asked.alive) and ", 0% packet loss" in asked.text()


def test_the_howto_s_scripts(internet, certificates):
    """Their policies lead, others take everything away, one packet waits for an SA, and nothing is left in the end."""
    gateway = serve(internet, certificates)
    program, kernel = lotor.client(internet.client, certificates), client_kernel(internet)
    write(program, *(sample_script(f"policies-{event}.sh") for event in ("up", "down")))
    kernel.shell("sysctl -w net.core.xfrm_larval_drop=0")
    before = policies(kernel), kernel.shell("ip xfrm state").stdout
    program = by_kernel(program, kernel)
    assert connect(program, "alice", "alicepass").code == 0
    assert wait_until(lambda: leaves_by(kernel) == ["0"]), program.journal()
    assert "dir out priority 0" in policies(kernel)
    assert carries(internet, kernel, INNER)
    assert one_packet_waits(kernel, gateway), program.journal()
    assert "down: an SA of the pair was taken out of the kernel" in program.journal()
    assert leaves_by(kernel) == ["0"]
    kernel.shell("ip xfrm policy flush")
    assert wait_until(lambda: INNER in policies(kernel) and "0" not in leaves_by(kernel)), program.journal()
    assert ping(kernel, INSIDE_HOST)
    assert program.call("vd", GATEWAY).code == 0
    write(program, SETKEY, SETKEY)
    assert connect(program, "alice", "alicepass").code == 0
    assert wait_until(lambda: leaves_by(kernel) == ["0"]), program.journal()
    assert ping(kernel, INSIDE_HOST)
    assert program.call("vd", GATEWAY).code == 0
    assert program.stop() == 0
    assert (policies(kernel), kernel.shell("ip xfrm state").stdout) == before
    assert "another program took policies away" in program.journal()
