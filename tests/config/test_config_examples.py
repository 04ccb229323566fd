"""The pairs of files in examples/: both ends load, nothing in them is missing, and each end fits the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotor.config import Loaded, check, loads, resolve
from lotor.model.algorithms import AuthMethod
from lotor.model.judgement import Credential
from lotor.model.policy import ExchangeMode, RemotePolicy, Side

EXAMPLES = Path(__file__).parents[2] / "examples"
PAIRS = {
    "xauth-psk/main": (AuthMethod.XAUTH_PSK, {"pose as the gateway"}),
    "xauth-psk/aggressive": (AuthMethod.XAUTH_PSK, {"pose as the gateway", "VU#886601"}),
    "xauth-rsa": (AuthMethod.XAUTH_RSA, set()),
    "rsasig": (AuthMethod.RSA, set()),
}


def here(directory: str, root: Path) -> Loaded:
    """The example with its files below `root`."""
    for name in ("vpngw.crt", "vpngw.key", "user.crt", "user.key", "ca.crt", "psk.txt"):
        (root / name).write_text("")
    text = (EXAMPLES / directory / "racoon.conf").read_text()
    return loads(text.replace("/etc/lotor/certs", str(root)).replace("/etc/lotor", str(root)))


def policy(directory: str, root: Path) -> RemotePolicy:
    settings = here(directory, root).settings
    assert not check(settings).problems
    subject = bytes.fromhex("300d310b3009060355040613024445")
    (remote,) = resolve(check(settings), {each.name: Credential(subject=subject) for each in settings.remotes}).remotes
    return remote


@pytest.mark.parametrize("name", PAIRS)
def test_both_ends_of_an_example_fit(name: str, tmp_path: Path) -> None:
    method, _ = PAIRS[name]
    gateway, client = policy(f"{name}/gateway", tmp_path), policy(f"{name}/client", tmp_path)
    assert (gateway.side, client.side, client.mode_cfg) == (Side.GATEWAY, Side.CLIENT, True)
    assert gateway.proposals == client.proposals
    assert {suite.method for suite in client.proposals} == {method}
    assert client.exchange_modes[0] in gateway.exchange_modes
    if ExchangeMode.AGGRESSIVE in client.exchange_modes:
        (pattern,) = gateway.peers_identifiers
        assert client.my_identity is not None
        assert (pattern.kind, (pattern.value or "").encode()) == (client.my_identity.kind, client.my_identity.data)


@pytest.mark.parametrize("side", ["gateway", "client"])
@pytest.mark.parametrize("name", PAIRS)
def test_an_example_warns_of_nothing_but_its_method(name: str, side: str, tmp_path: Path) -> None:
    _, expected = PAIRS[name]
    told = [warning.text for warning in here(f"{name}/{side}", tmp_path).warnings]
    assert len(told) == len(expected)
    assert all(any(words in text for text in told) for words in expected)


def test_every_example_is_tested() -> None:
    found = {str(file.parents[1].relative_to(EXAMPLES)) for file in EXAMPLES.rglob("racoon.conf")}
    assert found == {*PAIRS, "howto"}
