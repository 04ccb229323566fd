"""What parses and still cannot be carried out: unavailable parts, incomplete blocks, files; and what only warns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lotor.config import ConfigError, Problem, check, identity_patterns, loads, resolve
from lotor.config.settings import AuthSource
from lotor.model.algorithms import KEMS, Cipher, Compression, EspSuite, Group, Integrity
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import Credential
from lotor.model.offloads import ALL_OFFLOADS, Offloads
from lotor.model.policy import ExchangeMode

GATEWAY = """\
remote anonymous {
    exchange_mode aggressive;
    certificate_type x509 "gw.crt" "gw.key";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14; }
}
mode_cfg { network4 10.99.99.1; pool_size 5; auth_source local; }
sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }
"""
CLIENT = """\
remote 192.0.2.50 {
    exchange_mode aggressive;
    ca_type x509 "ca.crt";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_client; dh_group 14; }
}
sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("gw.crt", "gw.key", "ca.crt", "other"):
        (tmp_path / name).write_bytes(b"\xffoctets")
    (tmp_path / "long").write_bytes(bytes(513))
    return tmp_path


def refused(text: str, home: Path) -> list[Problem]:
    settings = loads(text, "racoon.conf", home).settings
    problems = list(check(settings).problems)
    with pytest.raises(ConfigError) as caught:
        resolve(check(settings), {"anonymous": Credential(subject=b"0\0")})
    assert list(caught.value.problems) == problems
    return problems


def only(problems: list[Problem]) -> tuple[int, int, str]:
    (problem,) = problems
    return problem.line, problem.column, problem.text


def test_what_is_right(home: Path) -> None:
    for text in (GATEWAY, CLIENT, GATEWAY.replace("remote anon", "# x\nremote anon") + CLIENT.partition("sainfo")[0]):
        assert not check(loads(text, directory=home).settings).problems


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


HEAD = (1, 1)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "hybrid_rsa_server",
            "¦gssapi_krb",
            "gssapi_krb is refused: only old Windows and some BSDs spoke Kerberos in IKEv1; use hybrid_rsa_server",
        ),
        ("hybrid_rsa_server", "¦xauth_psk_server", "xauth_psk_server needs the file of keys: add path pre_shared_key"),
        ("hybrid_rsa_server", "¦pre_shared_key", "pre_shared_key needs the file of keys: add path pre_shared_key"),
        ("exchange_mode aggressive", "¦exchange_mode base", "no exchange mode of this list can be used"),
        (
            "algorithm aes; hash",
            "algorithm ¦rc5; hash",
            "encryption_algorithm rc5 is refused: no system's ESP and few builds of racoon have it",
        ),
        (
            "{ encryption_algorithm aes; auth",
            "{ ¦encryption_algorithm rc4; auth",
            "no encryption_algorithm of this list",
        ),
        ('certificate_type x509 "gw.crt" "gw.key";', "", "the gateway proves itself by a certificate"),
        ("mode_cfg { network4 10.99.99.1; ", "¦mode_cfg { ", "there are no addresses to give"),
        ("10.99.99.1; pool_size 5", "255.255.255.250; ¦pool_size 7", "beyond 255.255.255.255"),
        ("10.99.99.1; pool_size 5", "223.255.255.250; ¦pool_size 7", "reach into multicast"),
        ("auth_source local", "¦auth_source ldap", "auth_source ldap needs to know the directory: add ldapcfg"),
        ("mode_cfg { ", "mode_cfg { ¦dns6 fd00::53; ", "told of IPv6: add network6"),
        ("mode_cfg { ", "mode_cfg { ¦split_network include 10.0.0.0/8, fd00::/16; ", "told of IPv6: add network6"),
        ("pool_size 5", "network6 feff:ffff:ffff:ffff:ffff:ffff:ffff:fffc; ¦pool_size 5", "IPv6 pool would reach into"),
        ("mode_cfg {", "# {", "there is no mode_cfg block"),
        ("sainfo anonymous", "sainfo anonymous ¦address 10.0.0.0/8 tcp", "a tunnel joins whole networks"),
        ("sainfo anonymous", 'sainfo ¦fqdn "a" fqdn "b"', "and no names"),
        ("sainfo anonymous", 'sainfo anonymous from ¦fqdn "x"', "peers are told apart in phase 1 only"),
        ("{ encryption_algorithm aes; auth", "{ ¦encryption_algorithm des; auth", "be used (des: its 56-bit keys are"),
        ('"gw.key"', '¦"nothing.key"', "nothing.key is missing"),
        ('"gw.key"', '¦"."', "is not a regular file"),
        ("aggressive;", 'aggressive; script ¦"other" phase1_up;', "is not executable: chmod +x"),
        ("aggressive;", 'aggressive; my_identifier ¦asn1dn "XX=1";', "XX is no known part of a name"),
        ("aggressive;", 'aggressive; peers_identifier keyid ¦"no";', "no is missing"),
        ("aggressive;", 'aggressive; my_identifier keyid file ¦"/dev/zero";', "is not a regular file"),
        ("aggressive;", 'aggressive; peers_identifier keyid ¦"long";', "long has more than 512 octets, too many for"),
        ("auth_source local", 'auth_source local; banner ¦"no"', "no is missing"),
        (
            "mode_cfg {",
            "listen { isakmp_natt 192.0.2.1[4500]; isakmp_natt ¦192.0.2.2[4501]; isakmp_natt ::1[4502]; }\nmode_cfg {",
            "one port for all addresses of an IP version: 192.0.2.1 has 4500",
        ),
    ],
)
def test_what_a_gateway_may_not(home: Path, old: str, new: str, text: str) -> None:
    marked = replaced(GATEWAY, old, new)
    before = marked.partition("¦")[0]
    place = (before.count("\n") + 1, len(before) - before.rfind("\n")) if "¦" in marked else HEAD
    line, column, told = only(refused(marked.replace("¦", ""), home))
    assert text in told
    assert (line, column) == place


SECOND = """dh_group 14; }
    proposal { encryption_algorithm 3des; hash_algorithm sha384; authentication_method hybrid_rsa_%s; dh_group 15; }"""


def test_two_sides_in_one_remote(home: Path) -> None:
    text = replaced(GATEWAY, "dh_group 14; }", SECOND % "client")
    line, column, told = only(refused(text, home))
    assert (line, column, "are two sides" in told) == (5, 88, True)


def test_a_client_offers_one_group_in_aggressive_mode(home: Path) -> None:
    text = replaced(CLIENT, "dh_group 14; }", SECOND % "client")
    line, column, told = only(refused(text, home))
    assert (line, column) == (5, 116)
    assert "one group only: the first proposal has modp2048, this modp3072" in told
    assert only(refused(replaced(text, "mode aggressive", "mode aggressive, main"), home))[0] == 5
    for modes in ("main", "main, aggressive"):
        assert not check(loads(replaced(text, "mode aggressive", f"mode {modes}"), directory=home).settings).problems


def test_a_gateway_answers_in_any_group(home: Path) -> None:
    settings = loads(replaced(GATEWAY, "dh_group 14; }", SECOND % "server"), directory=home).settings
    assert [suite.group for suite in resolve(check(settings), {}).remotes[0].proposals] == [
        Group.MODP2048,
        Group.MODP3072,
    ]


def test_a_client_must_know_whom_to_trust(home: Path) -> None:
    text = replaced(CLIENT, '    ca_type x509 "ca.crt";\n', "")
    assert "add ca_type" in only(refused(text, home))[2]
    assert not check(loads(f'path certificate "{home}";\n{text}').settings).problems
    assert not check(
        loads(replaced(CLIENT, 'ca_type x509 "ca.crt"', 'peers_certfile "other"'), directory=home).settings
    ).problems


def test_own_subject_needs_a_certificate(home: Path) -> None:
    text = replaced(CLIENT, "exchange_mode aggressive;", "exchange_mode aggressive; my_identifier asn1dn;")
    line, column, told = only(refused(text, home))
    assert (line, column) == (2, 31)
    assert "add certificate_type x509" in told
    settings = loads(
        replaced(GATEWAY, "mode aggressive;", "mode aggressive; my_identifier asn1dn;"), directory=home
    ).settings
    assert not check(settings).problems
    with pytest.raises(ConfigError, match="the subject of the own certificate is not known"):
        resolve(check(settings), {})


def test_an_unreadable_key_and_an_unknown_group(home: Path) -> None:
    text = 'listen { adminsock "/s" "nobody-here" "no-group"; }\n' + GATEWAY
    assert [(p.line, p.column) for p in refused(text, home)] == [(1, 20), (1, 20)]
    if os.geteuid():
        (home / "gw.key").chmod(0)
        assert "cannot be read by this user" in only(refused(GATEWAY, home))[2]


def test_two_scripts_for_one_event(home: Path) -> None:
    (home / "other").chmod(0o700)
    text = replaced(GATEWAY, "mode aggressive;", 'mode aggressive; script "other" phase1_up; script "other" phase1_up;')
    loaded = loads(text, "racoon.conf", home)
    assert not check(loaded.settings).problems
    (warning,) = loaded.warnings
    assert warning.text == "phase1_up has another script, at racoon.conf:2:64: that one runs, this one does not"


def test_a_second_sainfo_and_no_remote(home: Path) -> None:
    sainfo = GATEWAY.splitlines()[-1]
    assert "already, at racoon.conf:7:1" in only(refused(f"{GATEWAY}{sainfo}\n", home))[2]
    loaded = loads(sainfo, "racoon.conf", home)
    assert not check(loaded.settings).problems
    assert [(each.line, each.text) for each in loaded.warnings] == [
        (1, "there is no remote block, so nobody can connect: add one")
    ]


def test_a_saved_login_needs_the_file_of_passwords(home: Path) -> None:
    text = f'path pre_shared_key "psk.txt";\n{replaced(CLIENT, "mode aggressive;", "mode aggressive; xauth_login {};")}'
    line, column, told = only(refused(text.replace("{};", '"me";'), home))
    assert (line, column) == (1, 21)
    assert "psk.txt is missing" in told
    assert not check(loads(text.replace("xauth_login {};", ""), directory=home).settings).problems


def test_a_client_does_not_care_for_the_gateways_blocks(home: Path) -> None:
    text = f"{CLIENT}mode_cfg {{ auth_source radius; conf_source ldap; }}"
    assert not check(loads(text, directory=home).settings).problems
    assert loads(text).settings.mode_cfg.auth_source is AuthSource.RADIUS  # type: ignore[union-attr]  # it is there


def test_algorithms_that_are_left_out_of_a_list(home: Path) -> None:
    text = replaced(GATEWAY, "algorithm aes; auth", "algorithm rc5 448, aes 256, aes, 3des; auth")
    text = replaced(text, "hmac_sha256; comp", "hmac_sha512, hmac_sha1; comp")
    text = replaced(text, "mode aggressive", "mode main, base, aggressive")
    loaded = loads(text, directory=home)
    told = [w.text.partition(":")[0] for w in loaded.warnings]
    assert told[:2] == [
        f"{word} is refused and is left out" for word in ("exchange_mode base", "encryption_algorithm rc5")
    ]
    assert told[2:] == ["encryption_algorithm 3des is weak", "authentication_algorithm hmac_sha1 is weak"]
    policy = resolve(check(loaded.settings), {})
    assert policy.remotes[0].exchange_modes == (ExchangeMode.MAIN, ExchangeMode.AGGRESSIVE)
    assert policy.child.suites == tuple(
        EspSuite(cipher, bits, integrity)
        for cipher, bits in ((Cipher.AES_CBC, 256), (Cipher.AES_CBC, 128), (Cipher.TRIPLE_DES_CBC, 0))
        for integrity in (Integrity.HMAC_SHA512, Integrity.HMAC_SHA1)
    )


def test_old_ciphers_work_where_they_are_written(home: Path) -> None:
    text = replaced(GATEWAY, "algorithm aes; hash", "algorithm camellia 192; hash")
    text = replaced(text, "algorithm aes; auth", "algorithm twofish, blowfish 448, cast128; auth")
    loaded = loads(text, directory=home)
    told = [w.text.partition(":")[0] for w in loaded.warnings]
    assert told == ["encryption_algorithm blowfish is weak", "encryption_algorithm cast128 is weak"]
    policy = resolve(check(loaded.settings), {})
    assert (policy.remotes[0].proposals[0].cipher, policy.remotes[0].proposals[0].key_bits) == (
        Cipher.CAMELLIA_CBC,
        192,
    )
    assert [(suite.cipher, suite.key_bits) for suite in policy.child.suites] == [
        (Cipher.TWOFISH_CBC, 128),
        (Cipher.BLOWFISH_CBC, 448),
        (Cipher.CAST_CBC, 128),
    ]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        *((name, group) for group in Group if group not in KEMS for name in (group.name.lower(), str(group.value))),
    ],
)
def test_groups_have_a_name_and_a_number(name: str, group: Group, home: Path) -> None:
    text = replaced(GATEWAY, "dh_group 14", f"dh_group {name}")
    text = replaced(text, "compression_", f"pfs_group {name}; compression_")
    policy = resolve(check(loads(text, directory=home).settings), {})
    assert (policy.remotes[0].proposals[0].group, policy.child.pfs_group) == (group, group)


def test_ciphers_that_authenticate_go_alone(home: Path) -> None:
    text = replaced(GATEWAY, "algorithm aes; auth", "algorithm aes_gcm_16 256, aes, chacha20_poly1305; auth")
    policy = resolve(check(loads(text, directory=home).settings), {})
    assert policy.child.suites == (
        EspSuite(Cipher.AES_GCM_16, 256, None),
        EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256),
        EspSuite(Cipher.CHACHA20_POLY1305, 0, None),
    )


def test_ciphers_that_authenticate_need_no_authentication_algorithm(home: Path) -> None:
    alone = replaced(GATEWAY, "authentication_algorithm hmac_sha256; ", "")
    text = replaced(alone, "algorithm aes; comp", "algorithm aes_gcm_16, chacha20_poly1305; comp")
    loaded = loads(text, directory=home)
    assert not loaded.warnings
    assert resolve(check(loaded.settings), {}).child.suites == (
        EspSuite(Cipher.AES_GCM_16, 128, None),
        EspSuite(Cipher.CHACHA20_POLY1305, 0, None),
    )
    mixed = replaced(alone, "algorithm aes; comp", "algorithm aes_gcm_16, aes; comp")
    told = "aes does not authenticate packets: add authentication_algorithm hmac_sha256;"
    assert only(refused(mixed, home)) == (7, 1, told)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("address", None),
        ("address 192.0.2.7", Identity(IdKind.IPV4_ADDR, bytes((192, 0, 2, 7)), 17, 500)),
        ('fqdn "gw.example.net"', Identity(IdKind.FQDN, b"gw.example.net")),
        ('user_fqdn "me@example.net"', Identity(IdKind.USER_FQDN, b"me@example.net")),
        ('keyid tag "group"', Identity(IdKind.KEY_ID, b"group")),
        ('keyid "other"', Identity(IdKind.KEY_ID, b"\xffoctets")),
        ('keyid file "other"', Identity(IdKind.KEY_ID, b"\xffoctets")),
        ('asn1dn "C=DE"', Identity(IdKind.DER_ASN1_DN, bytes.fromhex("300d310b3009060355040613024445"))),
        ('asn1dn "~300d310b3009060355040613024445"',
         Identity(IdKind.DER_ASN1_DN, bytes.fromhex("300d310b3009060355040613024445"))),
    ],
)  # fmt: skip
def test_my_identifier(home: Path, written: str, expected: Identity | None) -> None:
    text = replaced(GATEWAY, "mode aggressive;", f"mode aggressive; my_identifier {written};")
    assert resolve(check(loads(text, directory=home).settings), {}).remotes[0].my_identity == expected


def test_peers_identifiers(home: Path) -> None:
    lines = 'peers_identifier asn1dn "CN=*"; peers_identifier address; peers_identifier keyid "other";'
    settings = loads(
        replaced(CLIENT, "mode aggressive;", f"mode aggressive; {lines} verify_identifier on;"), directory=home
    ).settings
    expected = (
        IdentityPattern(IdKind.DER_ASN1_DN, "CN=*"),
        IdentityPattern(IdKind.IPV4_ADDR, None),
        IdentityPattern(IdKind.KEY_ID, "ÿoctets"),
    )
    assert identity_patterns(settings.remotes[0], check(settings)) == expected
    (remote,) = resolve(check(settings), {}).remotes
    assert (remote.peers_identifiers, remote.verify_identifier) == (expected, True)
    (home / "other").unlink()
    with pytest.raises(ConfigError, match=r"racoon.conf:2:112: .*other is missing"):
        resolve(check(settings), {})


def test_remotes_from_the_most_to_the_least_specific(home: Path) -> None:
    text = GATEWAY + CLIENT.partition("sainfo")[0]
    assert [remote.name for remote in resolve(check(loads(text, directory=home).settings), {}).remotes] == [
        "192.0.2.50",
        "anonymous",
    ]


def test_lifetimes_groups_and_timers(home: Path) -> None:
    text = replaced(GATEWAY, "dh_group 14; }", "dh_group modp4096; lifetime time 2 hours; }\nlifetime time 90 min;")
    text = replaced(text, "deflate; }", "deflate; pfs_group 15; lifetime time 10 min; }")
    text += "timer { counter 7; interval 3 sec; natt_keepalive 0 sec; phase1 20 sec; phase2 1 min; }"
    policy = resolve(check(loads(text, directory=home).settings), {})
    (suite,) = policy.remotes[0].proposals
    assert (suite.lifetime, suite.group) == (7200, Group.MODP4096)
    assert (policy.child.lifetime, policy.child.pfs_group) == (600, Group.MODP3072)
    timer = policy.retransmission
    assert (timer.counter, timer.interval, timer.natt_keepalive) == (7, 3.0, 0.0)


def test_what_has_no_effect_is_told_once(home: Path) -> None:
    text = "padding { randomize off; }\npadding { strict_check on; }\npfkey_buffer 7;\ncomplex_bundle on;\n"
    text += 'privsep { user "nobody"; chroot "/x"; }\ntimer { persend 1; }\n'
    loaded = loads(text + GATEWAY, directory=home)
    assert [(w.line, w.text.split(" has no effect")[0]) for w in loaded.warnings] == [
        (1, "padding"),
        (3, "pfkey_buffer"),
        (4, "complex_bundle"),
        (5, "chroot"),
    ]
    assert not check(loaded.settings).problems


@pytest.mark.parametrize(
    ("line", "octets"),
    [
        ("", None),
        ("rate_limit 20 Mbit;", 2_500_000),
        ("rate_limit 64kbit;", 8_000),
        ("rate_limit 1000 Gbit;", 125_000_000_000),
    ],
)
def test_rate_limit(home: Path, line: str, octets: int | None) -> None:
    text = replaced(GATEWAY, "compression_", f"{line} compression_")
    assert resolve(check(loads(text, directory=home).settings), {}).child.rate == octets


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("20", "rate_limit wants a unit: kbit, Mbit or Gbit"),
        ("20 mb", '"mb" is not a unit here: rate_limit takes kbit, Mbit or Gbit'),
        ("fast", "is not a number: rate_limit wants a number and a unit, like 20 Mbit"),
        ("63 kbit", "63 kbit is out of range: rate_limit takes 64 kbit to 1000 Gbit a second"),
        ("1001 Gbit", "out of range"),
    ],
)
def test_rates_that_are_none(home: Path, value: str, why: str) -> None:
    text = replaced(GATEWAY, "compression_", f"rate_limit {value}; compression_")
    with pytest.raises(ConfigError) as caught:
        loads(text, directory=home)
    assert why in str(caught.value.problems[0])


@pytest.mark.parametrize(
    ("line", "kilobytes"),
    [("", None), ("lifetime byte 10 MB;", 10240), ("lifetime byte 2GB;", 2097152), ("lifetime byte 1024 TB;", 2**40)],
)
def test_lifetime_by_volume(home: Path, line: str, kilobytes: int | None) -> None:
    text = replaced(GATEWAY, "compression_", f"{line} compression_")
    assert resolve(check(loads(text, directory=home).settings), {}).child.volume == kilobytes


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("20", "lifetime byte wants a unit: MB, GB or TB"),
        ("20 KB", '"KB" is not a unit here: lifetime byte takes MB, GB or TB'),
        ("0 MB", "0 MB is out of range: lifetime byte takes 1 MB to 1024 TB"),
        ("much", "is not a number: lifetime byte wants a number and a unit, like 10 GB"),
    ],
)
def test_volumes_that_are_none(home: Path, value: str, why: str) -> None:
    text = replaced(GATEWAY, "compression_", f"lifetime byte {value}; compression_")
    with pytest.raises(ConfigError) as caught:
        loads(text, directory=home)
    assert why in str(caught.value.problems[0])


def test_offloads_are_on_until_they_are_switched_off(home: Path) -> None:
    assert loads(GATEWAY, directory=home).settings.offloads == ALL_OFFLOADS
    text = "offload tso off;\noffload udp_gro off;\noffload uso on;\n" + GATEWAY
    assert loads(text, directory=home).settings.offloads == Offloads(tso=False, udp_gro=False)


@pytest.mark.parametrize(
    ("line", "accepted", "offered"),
    [
        ("", (Compression.DEFLATE,), False),
        ("ipcomp accept;", (Compression.DEFLATE,), False),
        ("ipcomp on;", (Compression.DEFLATE,), True),
        ("ipcomp off;", (), False),
    ],
)
def test_ipcomp(home: Path, line: str, accepted: tuple[Compression, ...], offered: bool) -> None:
    text = replaced(GATEWAY, "compression_", f"{line} compression_")
    child = resolve(check(loads(text, directory=home).settings), {}).child
    assert (child.compression, child.ipcomp) == (accepted, offered)


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ('user "nobody";', None),
        ('user "nobody"; group "daemon";', None),
        ("user 12345; group 23456;", None),
        ("", None),
        ('user "nobody_here";', 'there is no user "nobody_here" on this host'),
        ('user "nobody"; group "nobody_here";', 'there is no group "nobody_here" on this host'),
        ('user "root";', "the daemon would keep what root may do"),
        ("user 0;", "the daemon would keep what root may do"),
        ('user "nobody"; group "root";', "the daemon would keep what the group of root may do"),
        ("group 0;", "the daemon would keep what the group of root may do"),
    ],
)
def test_whom_the_daemon_becomes(home: Path, inside: str, told: str | None) -> None:
    problems = check(loads(GATEWAY + f"privsep {{ {inside} }}\n", directory=home).settings).problems
    assert [each.text.startswith(told or "?") for each in problems] == ([True] if told else [])
