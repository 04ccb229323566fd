"""`lotor connect --ca`: which certificates the gateway that was typed may have."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from click.testing import CliRunner

from keys import certificate_lab as lab
from lotor import config
from lotor.cli import foreground
from lotor.cli.connect import connect
from lotor.client import targets
from lotor.daemon.active_config import equip
from lotor.model.judgement import Trusted, Untrusted
from trust.conftest import prove

VALID = {"start": datetime.now(UTC) - timedelta(days=1), "end": datetime.now(UTC) + timedelta(days=9)}
NAME, ADDRESS = "vpn.example.net", "192.0.2.50"


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """The verdict on the certificate of a gateway, when this was typed and a name server gave ADDRESS for it."""

    def answer(*_, **__):
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (ADDRESS, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    authority = lab.authority(**VALID)
    file = tmp_path / "ca.crt"
    file.write_bytes(authority.pem)

    def judge(typed: str, **wish):
        active = equip(foreground.loaded(typed, file, "alice", config.Typed()).provision)
        target = asyncio.run(targets.find(typed, active.policy.remotes))
        assert (target.address, target.remote.name) == (ip_address(ADDRESS), active.policy.remotes[0].name)
        proof = prove(lab.issue(authority, "foreground", **VALID, **wish))
        return active.trust.judge(replace(proof, remote=target.remote.name, host=target.host))

    return judge


def test_newcomer_4_an_address_of_a_name_server_never_stands_in_for_the_name(judged):
    refused = judged(NAME, subject="other", addresses=(ADDRESS,))
    assert isinstance(refused, Untrusted), "whoever forges DNS and has a certificate for an address is the gateway"
    assert NAME in refused.reason.text
    assert isinstance(judged(NAME, subject="other", dns=("other.example.net",), addresses=(ADDRESS,)), Untrusted)
    assert isinstance(judged(NAME, subject="other", dns=(NAME,)), Trusted)


def test_an_address_that_was_typed_is_in_the_certificate(judged):
    assert isinstance(judged(ADDRESS, subject="other", addresses=(ADDRESS,)), Trusted)
    assert isinstance(judged(ADDRESS, subject="other", dns=(NAME,)), Untrusted)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--eap-server", "radius.example.net"), "--eap-server goes with --ca"),
        (("--ca", "ca.crt", "--eap-server", "a b"), "neither an address nor the name of a host"),
    ],
)
def test_a_server_inside_of_eap_is_named_beside_an_authority(words, told):
    done = CliRunner().invoke(connect, [*words, NAME])
    assert done.exit_code == 2
    assert told in done.output


def test_what_is_typed_of_a_server_is_its_name(tmp_path):
    settings = config.roadwarrior(NAME, tmp_path / "ca.crt", "alice", config.Typed(server="radius.example.net"))
    assert {each.eap_server for each in settings.remotes} == {"radius.example.net"}
