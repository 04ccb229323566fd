"""What firewalls drop of a gateway's traffic, and what opens them: from what they really made of a host.

The files of `rules` are what `nft -j list ruleset` and `iptables-save` said on Debian 12 (without counters, handles and
IPv6): with ufw 0.36.2 and with firewalld 1.3.3, each before the commands that are told here and after them, with
Docker's chains, and with a few rules of iptables.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from lotor.config import loads
from lotor.doctor import firewall, way_back
from lotor.doctor.finding import Grade
from lotor.doctor.firewall import Firewall
from lotor.hosts import foreign_listing, network_state
from lotor.hosts.changes import Machine
from lotor.hosts.foreign_listing import Listing
from lotor.hosts.netlink import Netlink
from lotor.hosts.network_table import Plan, replacing

RULES = Path(__file__).parent / "rules"
POOL = (ip_network("10.99.99.0/24"),)
INSIDE = {ip_network("203.0.113.0/24"): "eth1"}
HOST = Firewall(Listing(), (500, 4500), ("eth0",), ("eth1",), POOL)


def listing(name, nft=""):
    saved = RULES / f"{name}.save"
    listed = RULES / f"{nft or name}.json"
    return Listing(listed.read_text(), {"ip": saved.read_text()} if saved.exists() else {})


def wrong(found, grade=Grade.WRONG):
    return [(each.text, each.mends) for each in found if each.grade is grade]


def told(name, nft=""):
    return wrong(firewall.judge(replace(HOST, listing=listing(name, nft))))


def test_no_rules_are_no_trouble():
    (found,) = firewall.judge(HOST)
    assert (found.grade, found.text) == (Grade.OK, "no rule drops UDP 500 and 4500, nor what lotor0 forwards")


def test_ufw_lets_in_and_through_what_it_is_told():
    assert told("ufw") == [
        ("ufw drops incoming UDP 500 and 4500", ("ufw allow 500/udp", "ufw allow 4500/udp")),
        (
            "ufw drops what goes from lotor0 to eth1",
            ("ufw route allow in on lotor0", "ufw route allow out on lotor0"),
        ),
    ]
    assert told("ufw-open", "ufw") == []


def test_firewalld_lets_in_and_through_what_it_is_told():
    assert told("firewalld") == [
        (
            "firewalld drops incoming UDP 500 and 4500",
            (
                "firewall-cmd --permanent --zone=public --add-port=500/udp --add-port=4500/udp",
                "firewall-cmd --reload",
            ),
        ),
        (
            "firewalld drops what goes from lotor0 to eth1",
            ("firewall-cmd --permanent --zone=trusted --add-interface=lotor0", "firewall-cmd --reload"),
        ),
    ]
    assert told("firewalld-open") == []


def test_docker_drops_what_it_does_not_forward_itself():
    assert told("docker") == [
        (
            "Docker drops what goes from lotor0 to eth1 and from eth1 to lotor0",
            ("iptables -I DOCKER-USER -i lotor0 -j ACCEPT", "iptables -I DOCKER-USER -o lotor0 -j ACCEPT"),
        )
    ]


def test_rules_of_iptables():
    mends = tuple(f"iptables -I INPUT -p udp --dport {port} -j ACCEPT" for port in (500, 4500))
    assert told("plain") == [("iptables drops incoming UDP 500 and 4500", mends)]


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("ufw", "ufw allow proto esp from any"),
        ("firewalld", "firewall-cmd --permanent --zone=public --add-protocol=esp"),
        ("plain", "iptables -I INPUT -p esp -j ACCEPT"),
    ],
)
def test_esp_itself_comes_in_where_clients_may_send_it(name, mend):
    found = list(firewall.judge(replace(HOST, listing=listing(name), esp=True)))
    ((text, mends),) = wrong(found, Grade.WARN)
    assert "drops incoming ESP: clients without a NAT on the way need it (or nat_traversal force)" in text
    assert mends[0] == mend


def test_what_nft_shows_of_iptables_alone_is_in_doubt():
    """It names the matches only: nothing is told as dropped that may be let in."""
    bare = Listing((RULES / "plain.json").read_text())
    found = list(firewall.judge(replace(HOST, listing=bare)))
    assert wrong(found) == []
    assert (
        wrong(found, Grade.WARN)[0][0] == "iptables may drop incoming UDP 500 and 4500: a rule before may let it pass"
    )


def test_the_older_firewall_is_judged_by_what_it_saved():
    legacy = Listing(saved={"ip": (RULES / "plain.save").read_text()}, legacy=True)
    ((_, mends),) = wrong(firewall.judge(replace(HOST, legacy=legacy)))
    assert all(each.startswith("iptables-legacy -I ") for each in mends)
    (found,) = firewall.judge(replace(HOST, legacy=None))
    assert found.grade is Grade.UNKNOWN


class Said:
    """What programs say of a host where `iptables-save` is that of the older firewall. Implements what listings use of
    `Commands`."""

    def __init__(self, listing):
        self._listing = listing

    def find(self, name):
        return name if name in {"nft", "iptables-nft-save", "iptables-save"} else None

    async def run(self, name, *arguments):
        if name == "nft":
            return self._listing.nft
        if name == "iptables-nft-save":
            return self._listing.saved["ip"]
        raise OSError(2, f"there is no {name}")


@pytest.mark.parametrize("name", ["ufw", "ufw-open", "plain", "docker"])
def test_lotor_network_says_the_same(name, monkeypatch):
    monkeypatch.setattr(foreign_listing, "LEGACY", {})
    network = loads("network { masquerade interface eth1; }").settings.network
    listed = listing(name, "ufw" if name == "ufw-open" else "")
    machine = Machine(Netlink(), Said(listed))
    found = asyncio.run(network_state.obstacles(Plan(network, POOL), "lotor0", machine))
    told = [each.text for each in firewall.judge(replace(HOST, listing=listed))]
    assert all(each.certain for each in found)
    assert len(found) == sum("what goes from lotor0" in each for each in told)


NFTABLES = """{"nftables": [
 {"chain": {"family": "inet", "table": "filter", "name": "input", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
 {"chain": {"family": "inet", "table": "filter", "name": "forward", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
 {"chain": {"family": "inet", "table": "lotor0-7-pool", "name": "f", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}}
]}"""  # noqa: E501 - as nft tells them


def test_plain_nftables_and_nothing_of_lotors_own():
    found = wrong(firewall.judge(replace(HOST, listing=Listing(NFTABLES))))
    assert [text for text, _ in found] == [
        "nftables (chain input of inet filter) drops incoming UDP 500 and 4500",
        "nftables (chain forward of inet filter) drops what goes from lotor0 to eth1 and from eth1 to lotor0",
    ]
    assert found[0][1] == ("nft 'insert rule inet filter input udp dport { 500, 4500 } accept'",)


@pytest.mark.parametrize(
    ("name", "pool", "answer"), [("plain", POOL, True), ("docker", POOL, False), ("ufw", POOL, False)]
)
def test_whether_the_pool_is_masqueraded(name, pool, answer):
    assert way_back.translated(listing(name), pool, INSIDE) is answer


def test_a_part_of_the_pool_that_is_not_masqueraded_has_no_way_back():
    pool = (*POOL, ip_network("10.99.100.0/24"))
    assert way_back.translated(listing("plain"), pool, INSIDE) is False


def test_the_pool_is_masqueraded_by_lotors_own_rule():
    """It leaves alone what goes from client to client: the question is for the networks of the inside."""
    plan = Plan(loads("network { masquerade on; }").settings.network, POOL)
    listed = Listing(json.dumps({"nftables": [each["add"] for each in replacing(plan, {}) if "add" in each]}))
    assert way_back.translated(listed, POOL, INSIDE) is True
