"""Mutated configurations: each parses or is refused with places in the text; nothing else ever comes out."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotor.config import ConfigError, check, loads, render
from lotor.config.directive import Block
from lotor.config.interpret import blocks_in
from lotor.config.tables.root import ROOT

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("racoon.conf"))
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\ud800-\udfff]")
MUTATIONS = int(os.environ.get("LOTOR_CONFIG_MUTATIONS", "3000"))
FULL = """
path include "conf.d"; log debug2; pfkey_buffer 5; gss_id_enc latin1; complex_bundle off;
padding { randomize off; maximum_length 9; } privsep { user "nobody"; group 65534; chroot "/x"; }
timer { counter 3; interval 5 sec; persend 2; phase1 1 min; phase2 1min; natt_keepalive 0 sec; }
listen { isakmp 192.0.2.1; isakmp_natt 2001:db8::1[4500]; strict_address; adminsock "/s.sock" "root" "root" 0660; }
radiuscfg { auth "h" 1812 "secret"; acct "h" "s"; timeout 3; retries 2; }
ldapcfg { version 3; uri "ldap://h"; bind_dn "cn=x"; bind_pw "p"; subtree on; tls on; }
remote "office" inherit "base" { remote_address 203.0.113.1[500]; xauth_login "me"; ph1id 3; }
remote "base" {
    exchange_mode main, aggressive base; my_identifier keyid tag "x"; peers_identifier asn1dn "CN=*";
    peers_identifier user_fqdn "a@b"; verify_identifier on; peers_certfile x509 "p.pem"; nonce_size 20;
    proposal { encryption_algorithm aes 256; hash_algorithm sha256; authentication_method hybrid_rsa_client;
        dh_group modp2048; lifetime time 3 hours; } }
sainfo address 10.0.0.0/8[any] any subnet 10.1.0.0-10.1.0.9 [5] tcp from fqdn "x" { remoteid 3;
    encryption_algorithm aes 256, blowfish 448; authentication_algorithm hmac_sha256, hmac_sha1;
    compression_algorithm deflate; lifetime time 1 hour; }
mode_cfg { network4 10.99.99.1; netmask4 255.255.255.0; pool_size 9; auth_source local; users "users";
    auth_groups "a", "b"; dns4 10.0.0.1, 10.0.0.2; nbns4 10.0.0.3; split_network include 10.0.0.0/8, 10.1.0.0 /16;
    split_dns "a.example", "b.example"; default_domain "example.net"; save_passwd on; auth_throttle 0; }
"""
WRITTEN = sorted((Path(__file__).parent / "corpus").glob("*.conf"))
WHOLE = [path.read_text() for path in EXAMPLES] + [FULL]
CORPUS = WHOLE + [path.read_text() for path in WRITTEN]


def words_of(block: Block) -> list[str]:
    found = []
    for _, inner in blocks_in(block):
        for row in inner.rows:
            found.append(row.name)
            if not isinstance(row, Block):
                found += [word for word, _ in row.argument.remarks()]
    return found


PIECES = [
    *words_of(ROOT),
    *';{}",#[]/-.:%~\n\t\0',
    "0",
    "-1",
    "99999999999999999999",
    "²",
    "\ud800",
    '""',
    "on",
    "anonymous",
]


def judge(text: str) -> None:
    """The property: settings, or problems that stand within the text."""
    try:
        loaded = loads(text, "mutated", Path("/nonexistent"))
    except ConfigError as error:
        problems = error.problems
    else:
        problems = (*loaded.warnings, *check(loaded.settings).problems)
        assert loaded.settings.remotes or problems
    lines = text.split("\n")
    for problem in problems:
        if problem.path == "mutated":
            assert 1 <= problem.line <= len(lines)
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert not CONTROL.search(render(problem))


def mutate(text: str, dice: random.Random) -> str:
    for _ in range(dice.randint(1, 6)):
        at, end = sorted((dice.randrange(len(text) + 1), dice.randrange(len(text) + 1)))
        piece = dice.choice(PIECES)
        text = dice.choice(
            (
                lambda t, a, e, p: t[:a] + t[min(e, a + dice.randint(1, 8)) :],
                lambda t, a, e, p: t[:a] + p + t[a:],
                lambda t, a, e, p: t[:a] + p + t[a + len(p) :],
                lambda t, a, e, p: t[:a] + t[a:e] + t[a:],
                lambda t, a, e, p: t.replace(p, dice.choice(PIECES), 1),
                lambda t, a, e, p: t[:e],
            )
        )(text, at, end, piece)[:20000]
    return text


@pytest.mark.parametrize("part", range(4))
def test_mutated_files(part: int) -> None:
    dice = random.Random(part)
    for _ in range(MUTATIONS // 4):
        judge(mutate(dice.choice(CORPUS), dice))


def test_the_corpus_itself() -> None:
    for text in WHOLE:
        loads(text, directory=Path("/nonexistent"))


@given(st.lists(st.sampled_from([*PIECES, " ", ";", "{", "}"]), max_size=60))
@settings(max_examples=300, deadline=None)
def test_directives_in_any_order(pieces: list[str]) -> None:
    judge(" ".join(pieces))


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text(text: str) -> None:
    judge(text)


@pytest.mark.parametrize("text", ["{" * 100_000, "}" * 1000, ";" * 1000, "a" * 100_000, '"' * 1001, "remote { " * 5000])
def test_monsters(text: str) -> None:
    judge(text)
