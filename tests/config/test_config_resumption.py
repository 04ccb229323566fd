"""`resumption` of a remote block: what it means at either end, and where it means nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotor.config import check, loads, resolve
from lotor.config.advice import advice
from lotor.config.problem import ConfigError
from lotor.model.algorithms import EapMethod
from lotor.warden.ticketing import terms_of

HOURS = 3600
GATEWAY = 'certificate_type x509 "vpngw.crt" "vpngw.key"; passive on;'
CLIENT = 'ca_type x509 "ca.crt"; mode_cfg on;'
SAINFO = (
    "sainfo anonymous { encryption_algorithm aes 256; authentication_algorithm hmac_sha256; "
    "compression_algorithm deflate; }"
)


def settings(home: Path, lines: str, own: str = GATEWAY, source: str = "local"):
    pool = f"mode_cfg {{ network4 10.99.99.1; pool_size 5; auth_source {source}; }}" if own is GATEWAY else ""
    head = "anonymous" if own is GATEWAY else "192.0.2.1"
    return loads(f"remote {head} {{ ike_version 2; {own} {lines} }}\n{pool}\n{SAINFO}", directory=home).settings


def seconds(found) -> int:
    (remote,) = resolve(check(found), {}).remotes
    return remote.v2.resumption


@pytest.fixture(autouse=True)
def files(tmp_path):
    for name in ("vpngw.crt", "vpngw.key", "ca.crt"):
        (tmp_path / name).write_bytes(b"")


def told(found) -> str:
    return " ".join(each.text for each in advice(found))


def test_a_gateway_gives_none_unless_it_is_written_and_a_client_keeps_them(tmp_path):
    assert seconds(settings(tmp_path, "")) == 0
    assert seconds(settings(tmp_path, "", CLIENT)) == 24 * HOURS
    assert terms_of(settings(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("word", "expected"), [("off", 0), ("12 hour", 12 * HOURS), ("90 min", 5400), ("24hours", 24 * HOURS)]
)
def test_both_ends_have_the_word(tmp_path, word, expected):
    assert seconds(settings(tmp_path, f"resumption {word};")) == expected
    assert seconds(settings(tmp_path, f"resumption {word};", CLIENT)) == expected


@pytest.mark.parametrize("word", ["", "on", "25 hour", "30 sec", "0 hour", "12", "-1 hour"])
def test_what_is_no_such_time_is_refused(tmp_path, word):
    with pytest.raises(ConfigError):
        settings(tmp_path, f"resumption {word};")


def test_the_warden_has_the_terms_of_each_block(tmp_path):
    (name, terms), *_ = terms_of(settings(tmp_path, "eap gtc; resumption 2 hour;")).items()
    assert (name, terms.seconds, terms.methods) == ("anonymous", 2 * HOURS, frozenset({EapMethod.GTC}))


@pytest.mark.parametrize(
    ("lines", "source", "why"),
    [
        ("resumption 2 hour;", "pam", "auth_source pam knows no user without a password"),
        ("resumption 2 hour; peers_auth pubkey;", "local", "nobody logs in by EAP alone"),
        ("resumption 2 hour;", "local", None),
        ("resumption 2 hour;", "system", None),
        ("resumption off; peers_auth pubkey;", "local", None),
    ],
)
def test_where_nobody_gets_a_ticket_it_is_said(tmp_path, lines, source, why):
    text = told(settings(tmp_path, lines, source=source))
    assert why in text if why is not None else "resumption" not in text


def test_with_version_1_alone_it_has_no_effect(tmp_path):
    proposal = "proposal { encryption_algorithm aes 256; hash_algorithm sha256; dh_group 14; "
    proposal += "authentication_method rsasig; }"
    text = f"remote anonymous {{ ike_version 1; exchange_mode main; {GATEWAY} resumption 2 hour; {proposal} }}"
    assert "no effect with ike_version 1" in told(loads(text, directory=tmp_path).settings)
