"""Rules of firewalld, ufw and Docker as the kernel holds them: who drops a client's packets, and what opens it."""

from __future__ import annotations

import subprocess
from ipaddress import ip_network

import pytest

from hosts.foreign_shapes import DOCKER, FIREWALLD, UFW
from hosts.private_namespace import in_namespace
from lotor.hosts import foreign_remedies, foreign_rules
from lotor.hosts.foreign_rules import Packet, Program

pytestmark = pytest.mark.root

POOL = ip_network("10.99.99.0/24")
PACKETS = foreign_rules.forwarded([POOL], "lotor0", ["inside0"])
OPENED = {
    Program.FIREWALLD: FIREWALLD % ('iifname "lotor0" goto filter_FWDI_trusted', "udp dport { 500, 4500 } accept"),
    Program.UFW: UFW % ("udp dport { 500, 4500 } counter accept", 'iifname "lotor0" counter accept'),
    Program.DOCKER: DOCKER % "ip saddr 10.99.99.0/24 counter accept\n ip daddr 10.99.99.0/24 counter accept",
}
SHUT = {Program.FIREWALLD: FIREWALLD % ("", ""), Program.UFW: UFW % ("", ""), Program.DOCKER: DOCKER % ""}


def listed(text: str) -> foreign_rules.Ruleset:
    words = f"flush ruleset\n{text}"
    done = subprocess.run(["nft", "-f", "-"], input=words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = subprocess.run(["nft", "-j", "-t", "list", "ruleset"], capture_output=True, text=True, check=True)
    return foreign_rules.ruleset(told.stdout)


def chain(rule: str, table: str = "inet mine", hook: str = "forward", policy: str = "accept") -> str:
    head = f"type filter hook {hook} priority 5; policy {policy};"
    return f"table {table} {{\nchain f {{\n{head}\n{rule}\n}}\n}}\n"


@in_namespace
def test_each_program_is_told_with_what_opens_it() -> None:
    expected = {
        Program.FIREWALLD: ("inet firewalld filter_FORWARD", "--zone=trusted --add-interface=lotor0"),
        Program.UFW: ("ip filter FORWARD", "ufw route allow in on lotor0"),
        Program.DOCKER: ("ip filter FORWARD", "iptables -I DOCKER-USER -i lotor0 -j ACCEPT"),
    }
    for program, text in SHUT.items():
        found = foreign_rules.in_the_way(listed(text), PACKETS)
        assert [(each.place, each.program, each.certain) for each in found] == [(expected[program][0], program, True)]
        assert any(expected[program][1] in line for line in foreign_remedies.remedy(found[0], [POOL], "lotor0"))


@in_namespace
def test_what_was_opened_is_in_nobodys_way() -> None:
    for text in OPENED.values():
        assert foreign_rules.in_the_way(listed(text), PACKETS) == []


@in_namespace
def test_what_comes_in_is_judged_by_its_port() -> None:
    ike = [Packet("input", 4, "wan0", protocol="udp", port=port) for port in (500, 4500)]
    for program in (Program.FIREWALLD, Program.UFW):
        assert foreign_rules.in_the_way(listed(SHUT[program]), ike)
        assert foreign_rules.in_the_way(listed(OPENED[program]), ike) == []


@in_namespace
def test_a_plain_chain_that_drops_is_told_with_its_rule() -> None:
    found = foreign_rules.in_the_way(listed(chain('iifname "lotor*" counter drop')), PACKETS)
    assert [(each.place, each.certain, each.why) for each in found] == [
        ("inet mine f", True, "a rule that says drop"),
    ]
    opening = foreign_remedies.remedy(found[0], [POOL], "lotor0")
    assert opening[0] == "nft insert rule inet mine f iifname lotor0 accept"
    for each in opening:
        subprocess.run(["sh", "-c", each], check=True)
    told = subprocess.run(["nft", "-j", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
    assert foreign_rules.in_the_way(foreign_rules.ruleset(told), PACKETS) == []
    for harmless in (
        'iifname "eth*" drop',
        "ip saddr 10.99.98.0/24 drop",
        "ct state invalid drop",
        "tcp dport 25 drop",
    ):
        assert foreign_rules.in_the_way(listed(chain(harmless)), PACKETS) == []
    assert foreign_rules.in_the_way(listed(chain("ip saddr { 10.99.0.0-10.99.255.255 } drop")), PACKETS)
    assert foreign_rules.in_the_way(listed(chain('iifname vmap { "eth0" : accept, "lotor0" : drop }')), PACKETS)


@in_namespace
def test_what_cannot_be_judged_is_told_as_such() -> None:
    text = chain("meta mark 7 accept", "ip mine", policy="drop")
    assert [each.certain for each in foreign_rules.in_the_way(listed(text), PACKETS)] == [False]


@in_namespace
def test_tables_of_lotor_and_other_hooks_do_not_count() -> None:
    places = (("inet lotor_network", "forward"), ("ip other", "output"), ("ip6 six", "forward"))
    text = "".join(chain("", table, hook, "drop") for table, hook in places)
    assert foreign_rules.in_the_way(listed(text), PACKETS) == []


def test_a_ruleset_without_end_ends() -> None:
    chain = {"family": "ip", "table": "t", "name": "a", "hook": "forward", "type": "filter", "policy": "drop"}
    jump = {"rule": {"family": "ip", "table": "t", "chain": "a", "expr": [{"jump": {"target": "a"}}]}}
    rules = {"nftables": [{"chain": chain}, *[jump] * 50]}
    found = foreign_rules.in_the_way(rules, PACKETS)
    assert [each.certain for each in found] == [False]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nftables": 1}', "nft: command not found"])
def test_what_is_no_ruleset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        foreign_rules.ruleset(text)


@in_namespace
def test_a_rule_about_another_protocol_fits_no_packet() -> None:
    """nft asks for the protocol first: what is not TCP is no TCP to another port."""
    ike = Packet("input", 4, "eth0", protocol="udp", port=500)
    six = Packet("input", 6, "eth0", source=ip_network("2001:db8::/64"), protocol="udp", port=500)
    for rule in ("tcp dport != 22 drop", "tcp dport != { 22, 80-90 } drop", "udp dport != 500 drop"):
        assert foreign_rules.obstacles(listed(chain(rule, hook="input")), ike) == []
    assert foreign_rules.obstacles(listed(chain("ip saddr != 10.0.0.0/8 drop", hook="input")), six) == []
    assert foreign_rules.obstacles(listed(chain("tcp dport != 4500 drop\nudp dport != 4500 drop", hook="input")), ike)


@in_namespace
def test_what_fits_a_part_of_the_packets_is_not_certain() -> None:
    """A brake for floods drops nobody, and one that lets some in does not let in all."""
    ike = Packet("input", 4, "eth0", protocol="udp", port=500)
    meter = "add @seen { ip saddr limit rate over 9/second } drop"
    brakes = ["udp dport 500 limit rate over 9/second drop", "quota over 9 mbytes drop", "ct count over 9 reject"]
    for rule in brakes:
        assert foreign_rules.obstacles(listed(chain(rule, hook="input")), ike) == []
    dynamic = "set seen { type ipv4_addr; size 9; flags dynamic; }\nchain f {"
    assert foreign_rules.obstacles(listed(chain(meter, hook="input").replace("chain f {", dynamic)), ike) == []
    (found,) = foreign_rules.obstacles(listed(chain("limit rate 9/second accept", hook="input", policy="drop")), ike)
    assert not found.certain


@in_namespace
def test_a_map_that_drops_is_told_as_one() -> None:
    (found,) = foreign_rules.in_the_way(listed(chain('iifname vmap { "lotor0" : drop }')), PACKETS)
    assert (found.why, found.certain) == ("a rule whose map says drop", True)
