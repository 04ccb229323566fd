"""Lines of iptables-save in the form in which nft lists rules."""

from __future__ import annotations

import pytest

from lotor.hosts import foreign_rules, iptables
from lotor.hosts.foreign_rules import Packet

HEAD = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:mine - [0:0]\n"
IKE = Packet("input", 4, "eth0", protocol="udp", port=500)


def stopped(*lines, head=HEAD):
    saved = head + "".join(f"-A {line}\n" for line in lines) + "COMMIT\n"
    rules = iptables.whole({"nftables": []}, {"ip": saved})
    return [each.certain for each in foreign_rules.obstacles(rules, IKE)]


@pytest.mark.parametrize(
    "line",
    [
        "INPUT -p udp -m udp --dport 500 -j ACCEPT",
        "INPUT -p udp -m multiport --dports 53,400:600 -j ACCEPT",
        "INPUT -p udp -m udp --dport 500: -j ACCEPT",
        "INPUT ! -i lo -j ACCEPT",
        'INPUT -i eth+ -m conntrack --ctstate NEW -m comment --comment "let it in" -j ACCEPT',
        "INPUT ! -p tcp -j ACCEPT",
        "INPUT -m addrtype --dst-type LOCAL -j ACCEPT",
    ],
)
def test_what_accepts_it_lets_it_in(line):
    assert stopped(line) == []


@pytest.mark.parametrize(
    "line",
    [
        "INPUT -p tcp -m tcp --dport 500 -j ACCEPT",
        "INPUT -p udp -m udp --dport 501:600 -j ACCEPT",
        "INPUT -i lo -j ACCEPT",
        "INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT",
        'INPUT -j LOG --log-prefix "what?"',
        "INPUT -j nowhere",
        'INPUT -m comment --comment "not closed',
        "FORWARD -j ACCEPT",
        "INPUT",
    ],
)
def test_what_does_not_fit_leaves_it_to_the_policy(line):
    assert stopped(line) == [True]


def test_a_match_that_is_not_known_leaves_a_doubt():
    assert stopped("INPUT -m recent --name x --rcheck -j ACCEPT") == [False]


def test_jumps_and_gotos():
    assert stopped("INPUT -j mine", "mine -p udp -j ACCEPT") == []
    assert stopped("INPUT -g mine", "mine -p tcp -j ACCEPT", "INPUT -j ACCEPT") == [True]


def test_tables_that_nft_shows_whole_stay():
    """One that iptables made is replaced, since nft lists no more of its matches than names."""
    head = {"family": "ip", "table": "filter"}
    base = {"chain": {**head, "name": "INPUT", "type": "filter", "hook": "input", "policy": "drop"}}
    veiled = {"rule": {**head, "chain": "INPUT", "expr": [{"xt": {"type": "match", "name": "x"}}, {"accept": None}]}}
    clear = {"rule": {**head, "chain": "INPUT", "expr": [{"accept": None}]}}
    for rule, number in ((veiled, 1), (clear, 0)):
        rules = iptables.whole({"nftables": [base, rule]}, {"ip": HEAD})
        assert len(foreign_rules.obstacles(rules, IKE)) == number
