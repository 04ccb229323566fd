"""An emulated Windows behind a NAT asks lotor's gateway for its routes, through the tunnel."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lab.ikev2 import serve
from lab.internet import GATEWAY, INSIDE_HOST

TESTS = Path(__file__).parents[1]
SPLIT = 'split_network include 203.0.113.0/24, 10.0.0.0/8; default_domain "example.net";'
ROUTES = "18cb0071" + "00000000" + "080a" + "00000000"


def visit(internet):
    """What it got, of DHCP and else."""
    node = internet.client
    own = node.run("ip", "-4", "-o", "address", "show", "dev", "eth0").stdout.split()[3].partition("/")[0]
    python = ("env", f"PYTHONPATH={TESTS}", sys.executable, str(TESTS / "peers" / "windows_outside.py"))
    return json.loads(node.run(*python, own, GATEWAY, INSIDE_HOST, "alice", "alicepass").stdout)


def test_it_gets_the_networks_of_the_split_tunnel_by_dhcp(internet, certificates):
    gateway = serve(internet, certificates, inside=SPLIT)
    told = visit(internet)
    assert (told["inner"], told["from"]) == ("10.99.99.1", INSIDE_HOST)
    options = told["options"]
    assert options["249"] == options["121"] == ROUTES
    assert (options["53"], bytes.fromhex(options["15"])) == ("05", b"example.net")
    assert options["6"] == bytes((10, 0, 12, 1)).hex()
    assert len(gateway.sessions()) == 1


def test_switched_off_nobody_answers(internet, certificates):
    serve(internet, certificates, inside=f"{SPLIT} dhcp_inform off;")
    told = visit(internet)
    assert (told["options"], told["from"]) == ({}, INSIDE_HOST)
