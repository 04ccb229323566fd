"""The sample scripts run with whatever they are told, and change nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path as File

import pytest

from lotor.hooks.guard import remark, take
from lotor.hooks.scripts import ScriptHooks
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.ports.hooks import HookContext, HookEvent

SAMPLES = File(__file__).parents[2] / "share" / "hooks"
PATH = Path(Peer(IPv4Address("192.0.2.2"), 4500), Peer(IPv4Address("192.0.2.50"), 4500), floated=True)
CLIENT = HookContext(
    Side.CLIENT, PATH, "192.0.2.50", "00:11", ModeConfiguration(IPv4Address("10.99.99.3")), device="lotor0"
)
HOSTILE = "$(touch pwned) ;`touch pwned`\n-n %s * ' \""
OCCASIONS = {
    "up": CLIENT,
    "never up": replace(CLIENT, configuration=None, device=None),
    "gateway": replace(CLIENT, side=Side.GATEWAY, user="alice"),
    "hostile": HookContext(Side.GATEWAY, PATH, HOSTILE, HOSTILE, CLIENT.configuration, HOSTILE, HOSTILE),
}


@pytest.fixture
def installed(tmp_path):
    """As the HOW-TO has them copied."""

    def copy(name: str) -> File:
        return File(shutil.copy(SAMPLES / name, tmp_path / name))

    return copy


@pytest.mark.parametrize("event", [HookEvent.PHASE1_UP, HookEvent.PHASE1_DOWN])
@pytest.mark.parametrize("occasion", OCCASIONS)
def test_a_sample_ends_well(event, occasion, installed, caplog):
    caplog.set_level(logging.INFO, "lotor.hooks")
    file = installed(f"{event.value.replace('_', '-')}.sh")
    file.chmod(0o755)
    asyncio.run(ScriptHooks({("gw", event): file}).run("gw", event, OCCASIONS[occasion]))
    assert caplog.records
    assert {record.levelname for record in caplog.records} == {"INFO"}
    assert not File("/pwned").exists()


@pytest.mark.parametrize("name", ["phase1-up.sh", "phase1-down.sh", "policies-up.sh", "policies-down.sh"])
def test_a_sample_is_an_executable_posix_script(name, installed):
    file = installed(name)
    assert file.stat().st_mode & 0o111 == 0o111
    script = take(file)
    assert remark(file, script) is None
    os.close(script)
    assert file.read_text().startswith("#!/bin/sh\n")
    assert subprocess.run(["sh", "-n", file], check=False).returncode == 0


WAYS = [
    "out src 10.99.99.3/32 dst 10.0.0.0/8",
    "in src 10.0.0.0/8 dst 10.99.99.3/32",
    "fwd src 10.0.0.0/8 dst 10.99.99.3/32",
    "out src 2001:db8::3/128 dst ::/0",
    "in src ::/0 dst 2001:db8::3/128",
    "fwd src ::/0 dst 2001:db8::3/128",
]


@pytest.mark.parametrize("which", ["up", "down"])
def test_the_policies_of_a_sample_lead_what_the_tunnel_carries(which, installed, tmp_path):
    """`ip` notes what it is asked for, and says that it did nothing: neither sample minds."""
    (tmp_path / "ip").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\nexit 2\n')
    (tmp_path / "ip").chmod(0o755)
    inside = {"INTERNAL_ADDR4": "10.99.99.3", "SPLIT_INCLUDE_CIDR": "10.0.0.0/8", "INTERNAL_ADDR6": "2001:db8::3"}
    outside = {"LOCAL_ADDR": "192.0.2.2", "REMOTE_ADDR": "192.0.2.50", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run([installed(f"policies-{which}.sh")], env=inside | outside, capture_output=True, check=True)
    asked = [line.split() for line in (tmp_path / "asked").read_text().splitlines()]
    assert [f"{words[8]} src {words[4]} dst {words[6]}" for words in asked] == WAYS
    assert {tuple(words[:3]) for words in asked} == {("xfrm", "policy", "update" if which == "up" else "delete")}
    if which == "up":
        ends = {(words[8], words[11], words[13]) for words in asked}
        assert {way == (source == "192.0.2.2") for way, source, _ in {(e[0] == "out", *e[1:]) for e in ends}} == {True}
    assert done.stderr == b""
