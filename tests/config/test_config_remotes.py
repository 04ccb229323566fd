"""Forms of remote blocks, what they inherit, and the client without a file."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from lotor.config import ConfigError, Typed, check, loads, resolve, roadwarrior, side_of
from lotor.model.algorithms import Compression, EapMethod, EspSuite, Group, Hash, Integrity, Proving
from lotor.model.engines import Wanted
from lotor.model.policy import ExchangeMode, ProposalCheck, Side, Switch, Uniqueness

PROPOSAL = """proposal { encryption_algorithm aes 256; hash_algorithm sha256; authentication_method hybrid_rsa_client;
    dh_group 14; }"""


@pytest.mark.parametrize(
    ("head", "name", "address", "port"),
    [
        ("anonymous", "anonymous", None, 500),
        ("anonymous[4500]", "anonymous[4500]", None, 4500),
        ("192.0.2.50", "192.0.2.50", IPv4Address("192.0.2.50"), 500),
        ("192.0.2.50[4500]", "192.0.2.50[4500]", IPv4Address("192.0.2.50"), 4500),
        ("192.0.2.50 [4500]", "192.0.2.50[4500]", IPv4Address("192.0.2.50"), 4500),
        ("2001:db8::1[500]", "2001:db8::1", IPv6Address("2001:db8::1"), 500),
        ('"office"', "office", None, 500),
    ],
)
def test_heads(head: str, name: str, address: object, port: int) -> None:
    (remote,) = loads(f"remote {head} {{ exchange_mode aggressive; {PROPOSAL} }}").settings.remotes
    assert (remote.name, remote.address, remote.port) == (name, address, port)


FAMILY = f"""
remote "branch" inherit "office" {{ remote_address 203.0.113.9[4500]; dpd_delay 7; }}
remote "twin" inherit "branch";
remote "office" {{
    remote_address 203.0.113.1; exchange_mode main, aggressive; {PROPOSAL} dpd_delay 20; dpd_retry 9;
    peers_identifier fqdn "a"; peers_identifier fqdn "b"; nat_traversal force;
}}
remote "other" inherit "office" {{
    peers_identifier fqdn "c";
    proposal {{ encryption_algorithm aes; hash_algorithm sha512; dh_group 15;
        authentication_method hybrid_rsa_client; }}
}}
"""


def test_children_take_what_they_do_not_say() -> None:
    branch, twin, office, other = loads(FAMILY).settings.remotes
    assert (office.address, office.port, office.dpd_delay) == (IPv4Address("203.0.113.1"), 500, 20)
    assert (branch.address, branch.port) == (IPv4Address("203.0.113.9"), 4500)
    assert (branch.dpd_delay, branch.dpd_retry, branch.nat_traversal) == (7, 9, Switch.FORCE)
    assert branch.exchange_mode == (ExchangeMode.MAIN, ExchangeMode.AGGRESSIVE)
    assert branch.proposals == office.proposals
    assert (twin.dpd_delay, twin.address) == (7, None)
    assert [identifier.value for identifier in branch.peers_identifiers] == ["a", "b"]
    assert [identifier.value for identifier in other.peers_identifiers] == ["c"]
    assert [proposal.hash_algorithm.value for proposal in other.proposals] == [Hash.SHA512]


def test_a_grandparent_that_is_its_own_child() -> None:
    text = 'remote "a" inherit "b"; remote "b" inherit "c"; remote "c" inherit "a";'
    with pytest.raises(ConfigError, match=r'remote "[abc]" would inherit from itself'):
        loads(text)


def test_inheriting_does_not_hide_that_something_is_missing() -> None:
    with pytest.raises(ConfigError) as caught:
        loads(f'remote "a" inherit "b"; remote "b" {{ {PROPOSAL} }}')
    assert [(p.column, "misses exchange_mode" in p.text) for p in caught.value.problems] == [(1, True), (25, True)]


def test_old_names_can_be_parents() -> None:
    parent = f"remote anonymous {{ exchange_mode aggressive; {PROPOSAL} }}"
    first, _ = loads(f"remote 192.0.2.1 inherit anonymous {{ dpd_delay 3; }} {parent}").settings.remotes
    assert (first.address, first.dpd_delay, len(first.proposals)) == (IPv4Address("192.0.2.1"), 3, 1)


def test_a_client_without_a_file(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.crt"
    settings = roadwarrior("192.0.2.50", ca_file, login="alice")
    assert {"ca.crt is missing" in problem.text for problem in check(settings).problems} == {True}
    ca_file.write_text("")
    assert settings.engine == Wanted(), "no file asks for the kernel's"
    policy = resolve(check(settings), {})
    remote, other = policy.remotes
    assert (remote.name, remote.address, remote.port) == ("192.0.2.50", IPv4Address("192.0.2.50"), 500)
    assert (remote.versions, remote.v2.local, remote.v2.peer) == ((2, 1), Proving.EAP, (Proving.CERTIFICATE,))
    assert remote.v2.eap == (EapMethod.MSCHAPV2, EapMethod.GTC, EapMethod.TTLS)
    in_main_mode = {"name": "192.0.2.50 in main mode", "exchange_modes": (ExchangeMode.MAIN,)}
    assert other == replace(remote, **in_main_mode, versions=(1,), v2=None)
    assert (remote.side, remote.mode_cfg, remote.proposal_check) == (Side.CLIENT, True, ProposalCheck.OBEY)
    assert (remote.nat_traversal, remote.ike_frag, remote.dpd.delay) == (Switch.ON, Switch.ON, 20)
    assert [(suite.key_bits, suite.hash) for suite in remote.proposals] == [
        (256, Hash.SHA256),
        (128, Hash.SHA256),
        (256, Hash.SHA1),
        (128, Hash.SHA1),
    ]
    assert {suite.group for suite in remote.proposals} == {Group.MODP2048}
    assert remote.verify_identifier is None
    assert policy.child.compression == (Compression.DEFLATE,)
    assert [(suite.key_bits, suite.integrity) for suite in policy.child.suites] == [
        (256, Integrity.HMAC_SHA256),
        (256, Integrity.HMAC_SHA1),
        (128, Integrity.HMAC_SHA256),
        (128, Integrity.HMAC_SHA1),
        (256, None),
        (128, None),
    ]
    assert all(isinstance(suite, EspSuite) for suite in policy.child.suites)
    assert settings.remotes[0].xauth_login == "alice"


def test_a_client_of_a_named_gateway(tmp_path: Path) -> None:
    settings = roadwarrior("vpn.example.net", tmp_path / "x", typed=Typed(Group.MODP1024))
    remote, _ = settings.remotes
    assert (remote.name, remote.address) == ("vpn.example.net", None)
    assert {proposal.dh_group.value for proposal in remote.proposals} == {Group.MODP1024}
    assert side_of(remote) is Side.CLIENT


SHARED = """
remote anonymous { exchange_mode main; generate_policy unique;
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method pre_shared_key; dh_group 14; }
    # unique
}
sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }
"""


@pytest.mark.parametrize(("line", "meant"), [("", Uniqueness.KEEP), *((f"unique {e.value};", e) for e in Uniqueness)])
def test_what_becomes_of_a_second_session_of_a_person(tmp_path: Path, line: str, meant: Uniqueness) -> None:
    (tmp_path / "psk.txt").write_text("* a-long-and-secret-key\n")
    settings = loads(f'path pre_shared_key "{tmp_path}/psk.txt";' + SHARED.replace("# unique", line)).settings
    (remote,) = settings.remotes
    assert remote.uniqueness is meant
    assert resolve(check(settings), {}).remotes[0].uniqueness is meant


@pytest.mark.parametrize(("line", "meant"), [("", False), ("offer_lifetime on;", True)])
def test_a_longer_lifetime_is_offered_on_demand(tmp_path: Path, line: str, meant: bool) -> None:
    (tmp_path / "psk.txt").write_text("* a-long-and-secret-key\n")
    settings = loads(f'path pre_shared_key "{tmp_path}/psk.txt";' + SHARED.replace("# unique", line)).settings
    assert resolve(check(settings), {}).remotes[0].offer_lifetime is meant


@pytest.mark.parametrize(
    ("line", "pool", "meant"),
    [("", "", 16), ("", 253, 16), ("", 8, 4), ("", 1, 1), ("max_sessions 3;", 253, 3), ("max_sessions 100;", 8, 100)],
)
def test_f10_a14_one_account_has_at_most_half_of_a_pool_unless_it_is_said(
    tmp_path: Path, line: str, pool: int | str, meant: int
) -> None:
    (tmp_path / "psk.txt").write_text("* a-long-and-secret-key\n")
    gives = f"mode_cfg {{ network4 10.99.99.1; pool_size {pool}; auth_source local; }}" if pool else ""
    settings = loads(f'path pre_shared_key "{tmp_path}/psk.txt";' + SHARED.replace("# unique", line) + gives).settings
    assert resolve(check(settings), {}).remotes[0].max_sessions == meant


def test_a_word_that_unique_lacks() -> None:
    with pytest.raises(ConfigError, match="keep, replace or refuse"):
        loads(SHARED.replace("# unique", "unique never;"))
