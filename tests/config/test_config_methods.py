"""What each authentication method makes of a remote block: its side, the files that it needs, and what is unwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotor.config import (
    ConfigError,
    Loaded,
    Problem,
    check,
    judges,
    key_methods,
    loads,
    resolve,
    side_of,
    signs,
    uses_ecdsa,
)
from lotor.config.methods import admits_by_login
from lotor.model.algorithms import AuthMethod, Curve, KeyKind
from lotor.model.judgement import Credential
from lotor.model.policy import ExchangeMode, Side

FILES = ("gw.crt", "gw.key", "ca.crt", "psk.txt")
KEY = 'path pre_shared_key "psk.txt";'
OWN = 'certificate_type x509 "gw.crt" "gw.key";'
TRUST = 'ca_type x509 "ca.crt";'
POOL = "mode_cfg { network4 10.99.99.1; pool_size 5; auth_source local; }"
SAINFO = (
    "sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha256; "
    "compression_algorithm deflate; }"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def proposal(method: str, cipher: str = "aes", group: str = "14") -> str:
    return (
        f"proposal {{ encryption_algorithm {cipher}; hash_algorithm sha256; "
        f"authentication_method {method}; dh_group {group}; }}"
    )


def remote(method: str, *lines: str, head: str = "anonymous", mode: str = "main") -> str:
    return f"remote {head} {{ exchange_mode {mode}; {' '.join(lines)} {proposal(method)} }}"


def found(home: Path, *blocks: str) -> list[Problem]:
    return list(check(loads("\n".join((*blocks, SAINFO)), directory=home).settings).problems)


@pytest.mark.parametrize(
    ("method", "lines", "head", "expected"),
    [
        ("rsasig", "", "anonymous", Side.GATEWAY),
        ("rsasig", "", '"office"', Side.GATEWAY),
        ("rsasig", "", "192.0.2.50", Side.CLIENT),
        ("pre_shared_key", "", "192.0.2.50", Side.CLIENT),
        ("pre_shared_key", "passive on;", "192.0.2.50", Side.GATEWAY),
        ("pre_shared_key", "generate_policy unique;", "192.0.2.50", Side.GATEWAY),
        ("pre_shared_key", "generate_policy off; passive off;", "192.0.2.50", Side.CLIENT),
        ("pre_shared_key", proposal("xauth_psk_client"), "anonymous", Side.CLIENT),
        ("rsasig", proposal("hybrid_rsa_server"), "192.0.2.50", Side.GATEWAY),
        ("xauth_psk_server", proposal("hybrid_rsa_client"), "anonymous", None),
    ],
)
def test_sides(method: str, lines: str, head: str, expected: Side | None) -> None:
    (block,) = loads(remote(method, lines, head=head)).settings.remotes
    assert side_of(block) is expected


MEANINGS = {
    # method: the gateway signs, the client signs, a login follows, the key of the certificates
    AuthMethod.ECDSA: (True, True, False, KeyKind.ECDSA),
    AuthMethod.HYBRID_RSA: (True, False, True, KeyKind.RSA),
    AuthMethod.PSK: (False, False, False, None),
    AuthMethod.RSA: (True, True, False, KeyKind.RSA),
    AuthMethod.XAUTH_PSK: (False, False, True, None),
    AuthMethod.XAUTH_RSA: (True, True, True, KeyKind.RSA),
}
GROUP_ONLY = frozenset({AuthMethod.PSK})


@pytest.mark.parametrize("method", list(AuthMethod))
@pytest.mark.parametrize("side", list(Side))
def test_a_method_means_the_same_in_a_block_as_in_the_core(method: AuthMethod, side: Side) -> None:
    gateway, client, login, key = MEANINGS[method]
    ours, theirs = (gateway, client) if side is Side.GATEWAY else (client, gateway)
    word = f"{method.value}_{'server' if side is Side.GATEWAY else 'client'}" if login else method.value
    head = "anonymous" if side is Side.GATEWAY else "192.0.2.50"
    (block,) = loads(remote(word, head=head)).settings.remotes
    assert (side_of(block), signs(block), judges(block)) == (side, ours, theirs)
    assert [each.name for each in key_methods(block)] == ([] if gateway or client else [word])
    assert admits_by_login(block) is (login and side is Side.GATEWAY)
    assert uses_ecdsa(block) is (key is KeyKind.ECDSA)
    assert (method.signs(initiator=False), method.signs(initiator=True)) == (gateway, client)
    assert (method.login, method.certificate_key) == (login, key)
    assert method.pre_shared_key is (key is None)
    assert method.hybrid is (gateway and not client)
    assert method.personal is (method not in GROUP_ONLY)


WHOLE = [
    ("hybrid_rsa_server", (OWN,), "anonymous", False, AuthMethod.HYBRID_RSA),
    ("hybrid_rsa_client", (TRUST,), "192.0.2.50", True, AuthMethod.HYBRID_RSA),
    ("xauth_rsa_server", (OWN, TRUST), "anonymous", True, AuthMethod.XAUTH_RSA),
    ("xauth_rsa_client", (OWN, TRUST), "192.0.2.50", True, AuthMethod.XAUTH_RSA),
    ("rsasig", (OWN, TRUST), "anonymous", True, AuthMethod.RSA),
    ("rsasig", (OWN, TRUST), "192.0.2.50", True, AuthMethod.RSA),
    ("xauth_psk_server", (KEY,), "anonymous", False, AuthMethod.XAUTH_PSK),
    ("xauth_psk_client", (KEY,), "192.0.2.50", False, AuthMethod.XAUTH_PSK),
    ("pre_shared_key", (KEY,), "anonymous", False, AuthMethod.PSK),
    ("pre_shared_key", (KEY,), "192.0.2.50", False, AuthMethod.PSK),
]
NEEDED = {OWN: "proves itself by a certificate", TRUST: "certificates to trust", KEY: "needs the file of keys"}


@pytest.mark.parametrize(("method", "needs", "head", "judging", "value"), WHOLE)
def test_each_method_needs_its_files_and_no_others(
    home: Path, method: str, needs: tuple[str, ...], head: str, judging: bool, value: AuthMethod
) -> None:
    outside, inside = [each for each in needs if each is KEY], [each for each in needs if each is not KEY]
    blocks = (*outside, remote(method, *inside, head=head), POOL)
    assert not found(home, *blocks)
    settings = loads("\n".join((*blocks, SAINFO)), directory=home).settings
    assert judges(settings.remotes[0]) is judging
    assert [suite.method for suite in resolve(check(settings), {}).remotes[0].proposals] == [value]
    for need in needs:
        less = tuple(each.replace(need, "") for each in blocks)
        assert [NEEDED[need] in problem.text for problem in found(home, *less)] == [True]


@pytest.mark.parametrize(("method", "needed"), [
    ("xauth_psk_server", True), ("xauth_rsa_server", True), ("hybrid_rsa_server", True),
    ("pre_shared_key", False), ("rsasig", False),
])  # fmt: skip
def test_only_clients_that_log_in_need_a_pool(home: Path, method: str, needed: bool) -> None:
    problems = found(home, KEY, remote(method, OWN, TRUST))
    assert ["there is no mode_cfg block" in problem.text for problem in problems] == [True] * needed


def test_the_file_of_keys_must_be_there(home: Path) -> None:
    (home / "psk.txt").unlink()
    (problem,) = found(home, KEY, remote("pre_shared_key"))
    assert (problem.line, problem.column) == (1, 21)
    assert "psk.txt is missing" in problem.text


@pytest.mark.parametrize(
    ("method", "head", "mode", "name", "right"),
    [
        ("pre_shared_key", "192.0.2.50", "main", "", False),
        ("pre_shared_key", "192.0.2.50", "aggressive", "", False),
        ("xauth_psk_client", "anonymous", "aggressive", "", False),
        ("xauth_psk_server", "anonymous", "main", "", False),
        ("xauth_psk_server", "anonymous", "aggressive, main", "", False),
        ("xauth_psk_server", "anonymous", "aggressive", "", True),
        ("pre_shared_key", "192.0.2.50", "main", 'peers_identifier fqdn "gw";', True),
        ("hybrid_rsa_client", "192.0.2.50", "main", "", True),
    ],
)
def test_f2_verify_identifier_is_never_without_an_effect(home: Path, method, head, mode, name, right) -> None:
    text = remote(method, OWN, TRUST, name, "verify_identifier on;", head=head, mode=mode)
    problems = found(home, KEY, text, POOL)
    assert not problems if right else len(problems) == 1, problems
    for problem in problems:
        assert (problem.line, problem.column) == (2, text.index("verify_identifier") + 1)
        assert f"with {method} there is nothing that verify_identifier on could compare" in problem.text
        assert "add peers_identifier" in problem.text


@pytest.mark.parametrize("mode", ["main", "aggressive", "main, aggressive"])
def test_modes_are_carried_out_in_their_order(home: Path, mode: str) -> None:
    settings = loads(remote("rsasig", OWN, TRUST, mode=mode) + SAINFO, directory=home).settings
    assert [each.value for each in resolve(check(settings), {}).remotes[0].exchange_modes] == mode.split(", ")


def test_a_key_in_aggressive_mode_can_be_guessed() -> None:
    loaded = loads(remote("pre_shared_key", proposal("pre_shared_key"), mode="main, aggressive"))
    (warning,) = warnings(loaded)
    assert "VU#886601" in warning.text
    assert warning.column == loaded.settings.remotes[0].proposals[0].authentication_method.at.column
    assert not warnings(loads(remote("pre_shared_key", mode="main")))
    assert not warnings(loads(remote("rsasig", mode="aggressive")))


def warnings(loaded: Loaded) -> list[Problem]:
    """Without that of the sainfo that these files lack."""
    return [each for each in loaded.warnings if "no sainfo" not in each.text]


@pytest.mark.parametrize("side", ["server", "client"])
def test_a_group_key_lets_its_holders_pose_as_the_gateway(side: str) -> None:
    (warning,) = warnings(loads(remote(f"xauth_psk_{side}")))
    assert f"pose as the gateway and collect passwords; use hybrid_rsa_{side}" in warning.text


def named(name: str, method: str = "rsasig", *lines: str, mode: str = "aggressive") -> str:
    return remote(method, OWN, TRUST, *lines, head=f'"{name}"', mode=mode)


def identifier(*names: str) -> str:
    return " ".join(f'peers_identifier fqdn "{name}";' for name in names) + " verify_identifier on;"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (named("a"), named("b")),
        (named("a", "rsasig", identifier("x", "y")), named("b", "rsasig", identifier("y"))),
        (named("a", "rsasig", identifier("x.example")), named("b", "rsasig", identifier("X.example."))),
        (named("a", "rsasig", 'peers_identifier fqdn "x";'), named("b", "rsasig", 'peers_identifier fqdn "y";')),
        (named("a", mode="main, aggressive"), named("b", mode="main")),
        (named("a", "rsasig", proposal("rsasig", "3des")), named("b", "hybrid_rsa_server", proposal("rsasig", "3des"))),
    ],
)
def test_blocks_that_nobody_can_tell_apart(home: Path, one: str, other: str) -> None:
    (problem,) = found(home, one, other, POOL)
    assert (problem.line, problem.column) == (2, 1)
    assert "no client can tell this block from remote a, at racoon.conf:1:1" in problem.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (named("a"), named("b", mode="main")),
        (named("a"), named("b", "hybrid_rsa_server")),
        (named("a"), named("b", "rsasig", "remote_address 192.0.2.7; passive on;")),
        (named("a"), named("b", "rsasig", "remote_address 192.0.2.7;")),
        (named("a"), named("b", "rsasig", identifier("x"))),
        (named("a", "rsasig", identifier("x")), named("b", "rsasig", identifier("y"))),
        (named("a", "rsasig", identifier("x"), mode="main"), named("b", "rsasig", identifier("y"), mode="main")),
        (named("a", mode="main, aggressive"), named("b", "rsasig", identifier("y"), mode="aggressive, main")),
        (named("a"), named("b").replace("gw.crt", "ca.crt")),
        (named("a", mode="main"), named("b", mode="main").replace("gw.crt", "ca.crt")),
    ],
)
def test_blocks_that_differ(home: Path, one: str, other: str) -> None:
    assert not found(home, one, other, POOL)


@pytest.mark.parametrize(("mode", "apart"), [("main", False), ("aggressive", True)])
def test_in_main_mode_a_shared_key_is_chosen_before_the_name_is_known(home: Path, mode: str, apart: bool) -> None:
    one, other = (named(name, "pre_shared_key", identifier(name), mode=mode) for name in ("a", "b"))
    problems = found(home, KEY, one, other.replace("gw.crt", "ca.crt"))
    assert [problem.line for problem in problems] == ([] if apart else [3])


def test_a_client_may_have_two_blocks_for_one_gateway(home: Path) -> None:
    blocks = [remote("rsasig", OWN, TRUST, "remote_address 192.0.2.7;", head=f'"{name}"') for name in ("a", "b")]
    assert not found(home, *blocks)
    settings = loads("\n".join((*blocks, SAINFO)), directory=home).settings
    assert {policy.exchange_modes for policy in resolve(check(settings), {}).remotes} == {(ExchangeMode.MAIN,)}


@pytest.mark.parametrize(("pool", "gives"), [(POOL, True), ("", False)])
def test_a_gateway_with_a_pool_gives_addresses_to_all(home: Path, pool: str, gives: bool) -> None:
    text = f"{remote('rsasig', OWN, TRUST, 'mode_cfg on;')} {pool} {SAINFO}"
    (policy,) = resolve(check(loads(text, directory=home).settings), {}).remotes
    assert (policy.side, policy.mode_cfg) == (Side.GATEWAY, gives)


@pytest.mark.parametrize(
    ("written", "renews"), [("", True), ("rekey on;", True), ("rekey force;", True), ("rekey off;", False)]
)
def test_whether_phase_1_is_renewed(home: Path, written: str, renews: bool) -> None:
    loaded = loads(remote("rsasig", OWN, TRUST, written) + SAINFO, directory=home)
    assert not loaded.warnings
    assert resolve(check(loaded.settings), {}).remotes[0].rekey is renews


# -- ECDSA ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", Curve)
@pytest.mark.parametrize(("head", "side"), [("anonymous", Side.GATEWAY), ("192.0.2.50", Side.CLIENT)])
def test_the_curve_of_ecdsasig_is_that_of_the_own_key(home: Path, curve: Curve, head: str, side: Side) -> None:
    text = "\n".join((remote("ecdsasig", OWN, TRUST, proposal("pre_shared_key"), head=head), KEY, SAINFO))
    settings = loads(text, directory=home).settings
    assert judges(settings.remotes[0])
    (block,) = resolve(check(settings), {settings.remotes[0].name: Credential(curve=curve)}).remotes
    assert block.side is side
    found = {suite.method: suite.curve for suite in block.proposals}
    assert found == {AuthMethod.PSK: None, AuthMethod.ECDSA: curve}


def test_ecdsasig_without_a_key_for_it(home: Path) -> None:
    settings = loads("\n".join((remote("ecdsasig", OWN, TRUST), SAINFO)), directory=home).settings
    for credentials in ({}, {"anonymous": Credential(chain=(b"an RSA one",))}):
        with pytest.raises(ConfigError, match="the own key is none of ECDSA"):
            resolve(check(settings), credentials)


@pytest.mark.parametrize("other", ["rsasig", "xauth_rsa_server", "hybrid_rsa_server"])
def test_one_block_has_certificates_of_one_kind(home: Path, other: str) -> None:
    (problem,) = found(home, remote("ecdsasig", OWN, TRUST, proposal(other, "3des")), POOL)
    assert problem.text == (
        f"ecdsasig and {other} cannot be in one remote: a certificate has one key, of ECDSA or of RSA"
    )


def test_ecdsasig_needs_a_certificate_and_an_authority(home: Path) -> None:
    texts = [problem.text for problem in found(home, remote("ecdsasig"))]
    assert any("add certificate_type x509" in text for text in texts)
    assert any("add ca_type x509" in text for text in texts)
