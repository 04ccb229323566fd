"""Hosts that are broken for real: what `lotor doctor` sees there, and that the commands it gives mend them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from hosts.private_namespace import in_namespace, ip
from lab import lotor, pki
from lab.dialling import ping, road_warrior
from lab.internet import GATEWAY, GATEWAY_INSIDE, INSIDE_HOST, Internet
from lab.lotor import PROGRAM
from lab.node import wait_until
from lotor.doctor import probe
from lotor.doctor.checks import CHECKS
from lotor.doctor.examine import examine
from lotor.doctor.probe import Kind
from lotor.doctor.subject import Wish, subject
from lotor.model.network import Peer

pytestmark = pytest.mark.root

DROPPING = """
table inet filter {
    chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept
        iifname "lo" accept
        tcp dport 22 accept
    }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
    }
}
"""
CONFIGURATION = """
remote anonymous {
    exchange_mode aggressive; passive on; nat_traversal force;
    proposal { encryption_algorithm aes; hash_algorithm sha1; authentication_method xauth_psk_server; dh_group 14; }
}
path pre_shared_key "PLACE/psk.txt";
mode_cfg { network4 10.99.99.1; pool_size 5; auth_source local; dns4 127.0.0.9; }
sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1; compression_algorithm deflate; }
"""


def looked(place):
    results = asyncio.run(examine(subject(place / "racoon.conf", place / "lotor.sock", Wish()), CHECKS))
    return {
        result.check.name: [(each.grade.value, each.text, each.mends) for each in result.findings] for result in results
    }


@in_namespace
def test_a_probe_goes_past_policies_that_see_all_packets(monkeypatch):
    """Of a full tunnel of the kernel's ESP, or of another program."""
    monkeypatch.setattr(probe, "PATIENCE", 0.05)
    ip("link add eth0 type veth peer name there")
    for words in ("address add 192.0.2.50/24 dev eth0", "link set eth0 up", "link set there up"):
        ip(words)
    ip("xfrm policy add dir out src 0.0.0.0/0 dst 0.0.0.0/0 action block")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopped, pytest.raises(PermissionError):
        stopped.connect(("192.0.2.1", 500))
    assert asyncio.run(probe.ask(Peer(IPv4Address("192.0.2.1"), 500), bytes(28))).kind is Kind.SILENT


@in_namespace
def test_each_fault_is_seen_where_it_is(tmp_path):
    (tmp_path / "psk.txt").write_text("")
    (tmp_path / "psk.txt").chmod(0o600)
    (tmp_path / "racoon.conf").write_text(CONFIGURATION.replace("PLACE", str(tmp_path)))
    ip("link add eth0 type veth peer name there")
    for words in ("address add 192.0.2.50/24 dev eth0", "link set eth0 up mtu 1280", "link set there up"):
        ip(words)
    ip("route add default via 192.0.2.1")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("0")
    subprocess.run(["nft", "-f", "-"], input=DROPPING, text=True, check=True)
    holder, silent = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    holder.bind(("192.0.2.50", 500))
    silent.bind(("127.0.0.9", 53))
    found = looked(tmp_path)
    me = f"{Path('/proc/self/comm').read_text().strip()} (process {os.getpid()})"
    assert found["configuration"][0][0] == "ok", found["configuration"]
    assert found["daemon"][0][:1] == ("wrong",)
    assert found["ports"] == [("wrong", f"UDP 500 in use by {me}", found["ports"][0][2])]
    assert found["forwarding"][0][2][0] == "sysctl -w net.ipv4.ip_forward=1"
    assert [text for _, text, _ in found["firewall"]] == [
        "nftables (chain input of inet filter) drops incoming UDP 500 and 4500",
        "nftables (chain forward of inet filter) drops what goes from lotor0 to eth0",
    ]
    assert found["MTU"][0][2] == ("esp_frag 1280;   # in each remote block of racoon.conf",)
    assert found["name servers"][0][:2] == ("wrong", "127.0.0.9, which clients are given, does not answer")
    assert [grade for grade, _, _ in found["TUN"]] == ["ok"]
    mend(found["forwarding"][0][2][:1], found["firewall"][0][2], found["firewall"][1][2])
    holder.close()
    after = looked(tmp_path)
    assert [after[name][0][0] for name in ("ports", "forwarding", "firewall")] == ["ok", "ok", "ok"]
    as_a_user(tmp_path)


def mend(*commands):
    for each in (command for some in commands for command in some):
        subprocess.run(["sh", "-c", each], check=True)


def as_a_user(place):
    """Who says what he could not see; the others are as before."""
    place.chmod(0o755)
    os.setresuid(65534, 65534, 65534)
    found = looked(place)
    assert found["firewall"][0][0] == "?", found["firewall"]
    assert found["firewall"][0][2] == ("sudo lotor doctor",)
    assert found["TUN"][0][0] == "?"
    assert found["forwarding"][0][0] == "ok"


BREAKING = "echo 0 > /proc/sys/net/ipv4/ip_forward; ip route add default via 192.0.2.1"


def test_a_gateway_that_is_broken_works_after_what_the_doctor_says(tmp_path):
    """Ports, forwarding, firewall and the way back: each command is typed as it stands."""
    authority = pki.authority()
    authority.save(tmp_path, "ca")
    pki.gateway(authority, GATEWAY).save(tmp_path, "vpngw")
    with Internet() as internet:
        node = internet.gateway
        gateway = lotor.gateway(node, tmp_path, dns4=INSIDE_HOST)
        lotor.add_user(gateway, "alice", "alicepass")
        internet.inside.ip("route", "del", "default")
        node.run("sh", "-c", BREAKING)
        node.run("nft", "-f", "-", stdin=DROPPING)
        other = node.start("other", sys.executable, "-c", HOLD)
        other.expect("holding")
        assert "lotor doctor says how" in gateway.launch().expect("is in use by")
        found = doctor(gateway)
        assert {each["check"] for each in found if each["grade"] == "wrong"} >= {"ports", "forwarding", "firewall"}
        for each in (one for one in found if one["check"] in {"ports", "forwarding", "firewall"}):
            typed(node, each["mends"])
        assert wait_until(lambda: not other.alive)
        (back,) = (each for each in found if each["check"] == "way back")
        assert back["mends"] == [f"ip route add 10.99.99.0/24 via {GATEWAY_INSIDE}   # on the router of the inside"]
        typed(internet.inside, back["mends"])
        gateway.start()
        well = {each["check"]: each["grade"] for each in doctor(gateway)}
        assert [well[name] for name in ("daemon", "ports", "forwarding", "firewall", "way back")] == ["ok"] * 5
        client = road_warrior(internet.client, tmp_path)
        assert lotor.connect(client, "alice", "alicepass").code == 0
        assert ping(internet.client, INSIDE_HOST)
        heard = [each for each in doctor(client, "--probe") if each["check"] == "gateway"]
        assert [each["grade"] for each in heard] == ["ok", "ok", "ok"], heard


HOLD = """
import socket, time
udp = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
[each.bind(("", port)) for each, port in zip(udp, (500, 4500))]
print("holding", flush=True)
time.sleep(600)
"""


def doctor(installation, *words):
    done = installation.call("doctor", "--json", "-f", lotor.CONFIGURATION, *words)
    assert done.code in {0, 1}, done
    found = json.loads(done.stdout)["findings"]
    assert done.code == any(each["grade"] == "wrong" for each in found)
    return found


def typed(node, commands):
    for each in commands:
        node.run("sh", "-c", each.replace("lotor ", f"{' '.join(PROGRAM)} ") if each.startswith("lotor ") else each)
