"""A packet's way through other programs' rules: dropped is told only where it surely is."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest

from lotor.hosts.ruleset import Listing, Packet, Ruleset, Stop

IKE = Packet("input", "eth0", protocol="udp", port=500)
POOL = ip_network("10.99.99.0/24")


def chain(name, hook="", policy="accept", kind="filter", family="inet", table="t"):
    base = {"type": kind, "hook": hook, "prio": 0, "policy": policy} if hook else {}
    return {"chain": {"family": family, "table": table, "name": name, **base}}


def rule(place, *expr, family="inet", table="t"):
    return {"rule": {"family": family, "table": table, "chain": place, "expr": list(expr)}}


def match(left, right, op="=="):
    return {"match": {"op": op, "left": left, "right": right}}


def ruleset(*entries):
    return Ruleset(Listing(json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *entries]})))


DPORT = {"payload": {"protocol": "udp", "field": "dport"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
STATE = {"ct": {"key": "state"}}
IIFNAME = {"meta": {"key": "iifname"}}
DROP, ACCEPT = {"drop": None}, {"accept": None}
COUNTER = {"counter": {"packets": 0, "bytes": 0}}


def test_no_rules_drop_nothing():
    assert ruleset().stops(IKE) == []


def test_a_policy_drops_what_no_rule_accepts():
    rules = ruleset(chain("in", "input", "drop"), rule("in", match(DPORT, 22), ACCEPT))
    assert rules.stops(IKE) == [Stop("inet", "t", "in", "in", policy=True)]


@pytest.mark.parametrize(
    "right", [500, {"set": [22, 500]}, {"set": [{"range": [400, 600]}]}, {"range": [500, 4500]}, "@ports"]
)
def test_a_rule_that_accepts_the_port_lets_it_in(right):
    rules = ruleset(chain("in", "input", "drop"), rule("in", match(DPORT, right), COUNTER, ACCEPT))
    assert rules.stops(IKE) == []


def test_a_drop_in_another_base_chain_counts_beside_an_accept():
    rules = ruleset(
        chain("in", "input", "drop"),
        rule("in", ACCEPT),
        chain("later", "input", table="u"),
        rule("later", match(IIFNAME, "eth*"), DROP, table="u"),
    )
    assert rules.stops(IKE) == [Stop("inet", "u", "later", "later", policy=False)]


@pytest.mark.parametrize(
    "expr",
    [
        [match(SADDR, {"prefix": {"addr": "192.168.0.0", "len": 16}}), DROP],
        [match(STATE, "invalid"), DROP],
        [match({"meta": {"key": "mark"}}, 7), DROP],
        [match(IIFNAME, "@outer"), DROP],
        [{"xt": {"type": "match", "name": "recent"}}, DROP],
        [{"limit": {"rate": 10, "per": "second"}}, DROP],
        [match({"payload": {"protocol": "tcp", "field": "dport"}}, 500), DROP],
        [match(DPORT, 500, "!="), DROP],
        [match(IIFNAME, ["lo"]), DROP],
        [{"log": {"prefix": "in"}}],
    ],
)
def test_what_does_not_surely_drop_it_is_not_told(expr):
    rules = ruleset(chain("in", "input"), rule("in", *expr))
    assert rules.stops(IKE) == []


def test_somebody_elses_network_that_is_let_in_does_not_help_everybody():
    home = match(SADDR, {"prefix": {"addr": "198.51.100.0", "len": 24}})
    rules = ruleset(chain("in", "input", "drop"), rule("in", home, ACCEPT))
    assert [each.policy for each in rules.stops(IKE)] == [True]
    rules = ruleset(chain("in", "input"), rule("in", match(SADDR, "198.51.100.7", "!="), DROP))
    assert [each.policy for each in rules.stops(IKE)] == [False]


def test_states_in_a_map_of_verdicts():
    vmap = {"vmap": {"key": STATE, "data": {"set": [["established", ACCEPT], ["invalid", DROP]]}}}
    rules = ruleset(chain("f", "forward", "drop"), rule("f", vmap))
    assert rules.stops(Packet("forward", "eth1", "lotor0", state="established")) == []
    assert len(rules.stops(Packet("forward", "lotor0", "eth1"))) == 1


def jumping(word, *last):
    return ruleset(
        chain("in", "input", "drop"),
        chain("zone"),
        chain("deeper"),
        rule("in", {word: {"target": "zone"}}),
        rule("in", *last),
        rule("zone", {"jump": {"target": "deeper"}}),
        rule("deeper", match(DPORT, 500), {"return": None}),
        rule("deeper", DROP),
    )


def test_a_jump_comes_back_and_a_goto_does_not():
    assert jumping("jump", ACCEPT).stops(IKE) == []
    assert [each.policy for each in jumping("goto", ACCEPT).stops(IKE)] == [True]
    other = Packet("input", "eth0", protocol="udp", port=4500)
    assert jumping("jump", ACCEPT).stops(other) == [Stop("inet", "t", "in", "deeper", policy=False)]


def test_chains_in_a_circle_end():
    rules = ruleset(
        chain("in", "input"), chain("a"), rule("in", {"jump": {"target": "a"}}), rule("a", {"jump": {"target": "a"}})
    )
    assert rules.stops(IKE) == []


def test_families_of_another_ip_version_do_not_count():
    rules = ruleset(chain("in", "input", "drop", family="ip6"), chain("in", "input", "drop", family="bridge"))
    assert rules.stops(IKE) == []
    assert len(rules.stops(Packet("input", "eth0", protocol="udp", port=500, version=6))) == 1


@pytest.mark.parametrize(
    ("expr", "answer"),
    [
        ([{"masquerade": None}], True),
        ([match(SADDR, {"prefix": {"addr": "10.99.0.0", "len": 16}}), {"masquerade": None}], True),
        ([match(SADDR, {"prefix": {"addr": "10.99.99.0", "len": 25}}), {"masquerade": None}], None),
        ([match(SADDR, {"prefix": {"addr": "172.17.0.0", "len": 16}}), {"masquerade": None}], False),
        ([match({"meta": {"key": "oifname"}}, "eth1"), {"snat": {"addr": "203.0.113.1"}}], True),
        ([match({"meta": {"key": "oifname"}}, "eth7"), {"masquerade": None}], False),
        ([{"xt": {"type": "target", "name": "MASQUERADE"}}], True),
        ([{"xt": {"type": "match", "name": "addrtype"}}, {"xt": {"type": "target", "name": "MASQUERADE"}}], None),
    ],
)
def test_whether_a_pool_is_translated(expr, answer):
    rules = ruleset(chain("post", "postrouting", kind="nat"), rule("post", *expr))
    assert rules.translates(Packet("postrouting", "lotor0", "eth1", source=POOL)) is answer


@pytest.mark.parametrize("text", ["[", "[]", "{}", '{"nftables": 7}', '{"nftables": [{"rule": {}}]}'])
def test_something_else_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        Ruleset(Listing(text))
