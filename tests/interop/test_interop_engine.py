"""A gateway whose configuration wants the kernel's engine, on a kernel that has no ESP or keeps it out."""

from __future__ import annotations

import asyncio
import json

import pytest

from lab import lotor
from lab.dialling import road_warrior
from lab.node import wait_until
from lotor.hosts.xfrm.probe import probe

FELL_BACK = "ESP is carried in user space"


@pytest.fixture(autouse=True)
def _without_esp():
    try:
        asyncio.run(probe())
    except OSError:
        return
    pytest.skip("this kernel has ESP: test_interop_kernel.py is for such")


def left(node):
    """Devices, tables and journals of lotor's."""
    asked = (("ip", "-br", "link"), ("nft", "list", "tables"), ("find", "/run/lotor", "-type", "f"))
    return [line for each in asked for line in node.run(*each, check=False).stdout.splitlines() if "lotor" in line]


def test_where_the_kernel_has_no_esp_the_directive_says_what_becomes_of_it(internet, certificates):
    gateway = lotor.gateway(internet.gateway, certificates)
    usual = gateway.node.path(lotor.CONFIGURATION).read_text()
    gateway.configure(f"engine kernel;\n{usual}")
    refused = gateway.launch()
    assert wait_until(lambda: not refused.alive)
    lines = refused.text().splitlines()
    assert [line for line in lines if "engine kernel: " in line] == lines[-1:], lines
    assert "esp4" in lines[-1], "it says what is missing"
    assert refused.stop() == 6
    assert not left(gateway.node), "nothing stays on the host"

    gateway.configure(f"engine prefer_kernel;\n{usual}")
    running = gateway.start()
    assert running.text().count(FELL_BACK) == 1
    view = json.loads(gateway.must("status", "--json").stdout)
    assert view["engine"]["name"] == "userspace"
    assert view["engine"]["why"].startswith("engine prefer_kernel: ")
    assert FELL_BACK in gateway.must("status").stdout
    lotor.add_user(gateway, "alice", "secret of alice")
    done = lotor.connect(road_warrior(internet.client, certificates), "alice", "secret of alice")
    assert done.code == 0, done

    gateway.configure(usual)
    told = gateway.must("reload")
    assert "engine: the change counts once lotor itself is restarted" in told.stdout + told.stderr
