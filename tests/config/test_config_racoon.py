"""What racoon takes lotor takes: spellings, numbers, statements; and docs/compat.md, which tells what it does not."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lotor.config import ConfigError, Problem, check, examine, load, loads, resolve
from lotor.config.compat import compat
from lotor.config.directive import Block, Directive, Use
from lotor.config.interpret import blocks_in
from lotor.config.tables.root import ROOT
from lotor.model.algorithms import Cipher
from lotor.model.identity import IdKind
from lotor.model.policy import ChildRule

DOCUMENT = Path(__file__).parents[2] / "docs" / "compat.md"
STATEMENTS = {
    "": "path_include path_pre_shared_key path_certificate path_script path_backupsa path_pidfile include pfkey_buffer "
    "gss_id_enc log complex_bundle privsep padding listen ldapcfg radiuscfg mode_cfg timer sainfo remote",
    "privsep": "user group chroot",
    "padding": "randomize randomize_length maximum_length exclusive_tail strict_check",
    "listen": "isakmp isakmp_natt strict_address adminsock admin",
    "timer": "counter interval persend phase1 phase2 natt_keepalive auto_exit_delay",
    "mode_cfg": "network4 netmask4 pool_size auth_source auth_groups group_source conf_source accounting dns4 wins4 "
    "nbns4 split_network split_dns default_domain banner auth_throttle pfs_group save_passwd",
    "ldapcfg": "version debug timeout uri host port base subtree bind_dn bind_pw attr_user attr_addr attr_mask "
    "attr_group attr_member tls",
    "radiuscfg": "auth acct timeout retries",
    "remote": "remote_address exchange_mode doi situation my_identifier peers_identifier verify_identifier "
    "certificate_type ca_type peers_certfile verify_cert send_cert send_cr match_empty_cr dh_group nonce_size passive "
    "ike_frag esp_frag script mode_cfg weak_phase1_check xauth_login generate_policy support_proxy support_mip6 "
    "initial_contact nat_traversal dpd dpd_delay dpd_retry dpd_maxfail rekey ph1id lifetime_time lifetime_byte "
    "proposal_check proposal keepalive shared_secret dpd_algorithm local_address certificate_verification "
    "open_dir_auth_group",
    "remote proposal": "encryption_algorithm hash_algorithm authentication_method dh_group lifetime_time lifetime_byte "
    "gss_id gssapi_id",
    "sainfo": "encryption_algorithm authentication_algorithm compression_algorithm pfs_group lifetime_time "
    "lifetime_byte remoteid my_identifier",
}
WORDS = {
    ("remote", "exchange_mode"): "main aggressive base",
    ("remote", "my_identifier"): "address fqdn user_fqdn keyid asn1dn subnet keyid_use",
    ("remote", "certificate_type"): "x509 plain_rsa",
    ("remote", "peers_certfile"): "x509 plain_rsa dnssec",
    ("remote", "situation"): "identity_only secrecy integrity",
    ("remote", "script"): "phase1_up phase1_down phase1_dead",
    ("remote", "generate_policy"): "on off require unique",
    ("remote", "proposal_check"): "obey strict claim exact",
    ("remote proposal", "encryption_algorithm"): "des idea blowfish rc5 3des cast128 aes rijndael camellia",
    ("remote proposal", "hash_algorithm"): "md5 sha1 tiger sha256 sha2_256 sha384 sha512",
    ("remote proposal", "authentication_method"): "pre_shared_key dsssig rsasig rsaenc rsarev gssapi_krb "
    "hybrid_rsa_client hybrid_rsa_server hybrid_dss_client hybrid_dss_server xauth_psk_client xauth_psk_server "
    "xauth_rsa_client xauth_rsa_server",
    ("remote proposal", "dh_group"): "modp768 modp1024 ec2n155 ec2n185 modp1536 modp2048 modp3072 modp4096 modp6144 "
    "modp8192 1 2 5 14 15 16 17 18",
    (
        "sainfo",
        "encryption_algorithm",
    ): "des_iv64 des 3des rc5 idea cast128 blowfish 3idea des_iv32 rc4 null_enc null aes rijndael camellia twofish",
    (
        "sainfo",
        "authentication_algorithm",
    ): "hmac_md5 hmac_sha1 des_mac kpdk hmac_sha256 hmac_sha384 hmac_sha512 non_auth none",
    ("sainfo", "compression_algorithm"): "oui deflate lzs",
    ("mode_cfg", "auth_source"): "system radius pam ldap",
    ("mode_cfg", "accounting"): "none system radius pam",
}
BLOCKS = dict(blocks_in(ROOT))


def rows_of(block: Block) -> set[str]:
    found = {row.name for row in block.rows}
    return found.union(*(row.aliases for row in block.rows if isinstance(row, Directive)))


@pytest.mark.parametrize("path", STATEMENTS)
def test_every_statement_of_racoon_has_a_row(path: str) -> None:
    two = ("path_", "lifetime_")
    wanted = {each.replace("_", " ", 1) if each.startswith(two) else each for each in STATEMENTS[path].split()}
    assert wanted - rows_of(BLOCKS[path]) == set()
    assert all(f"`{name}`" in compat() or f"`{name} {{ }}`" in compat() for name in wanted)


@pytest.mark.parametrize(("path", "name"), WORDS)
def test_every_word_of_racoon_is_known(path: str, name: str) -> None:
    row = next(row for row in BLOCKS[path].rows if row.name == name)
    assert isinstance(row, Directive)
    told = row.argument.remarks()
    known = {word for word, _ in told} | {each for _, text in told for each in _aliases(text)}
    assert set(WORDS[path, name].split()) - known == set()


def _aliases(remark: str) -> list[str]:
    return [each for part in remark.split("; ") for each in part.removeprefix("also written ").split(", ")]


def test_the_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == compat(), "run: python -m lotor.config.compat > docs/compat.md"


def test_what_does_not_work_says_why() -> None:
    cells = [line.strip("| ").split(" | ") for line in compat().splitlines() if line.startswith("| `")]
    mute = {each[0] for each in cells if each[1] in {"no effect", "refused"} and len(each) < 3}
    assert {name for name in mute if not _in_a_block_without_effect(name)} == set()
    assert mute, "the statements of padding say it together"


def _in_a_block_without_effect(cell: str) -> bool:
    blocks = [block for block in BLOCKS.values() if block.use is not Use.WORKS]
    return any(row.name in cell for block in blocks for row in block.rows)


ALGORITHMS = "encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate;"
PROPOSAL = (
    "proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method pre_shared_key; dh_group 14; }"
)
SAINFO = f"sainfo anonymous {{ {ALGORITHMS} }}"


KEYS = f'path pre_shared_key "{__file__}";'


def remote(lines: str) -> str:
    return f"{KEYS} remote anonymous {{ exchange_mode main; {lines} {PROPOSAL} }}\n"


def warned(text: str) -> list[str]:
    """But for the one that is told of a text without any `remote` block."""
    return [each.text for each in loads(text).warnings if "there is no remote block" not in each.text]


@pytest.mark.parametrize(
    ("written", "cipher", "bits"),
    [
        ("aes128", Cipher.AES_CBC, 128),
        ("aes256", Cipher.AES_CBC, 256),
        ("rijndael256", Cipher.AES_CBC, 256),
        ("rijndael 192", Cipher.AES_CBC, 192),
        ("camellia256", Cipher.CAMELLIA_CBC, 256),
        ("cast128", Cipher.CAST_CBC, 128),
        ("3des", Cipher.TRIPLE_DES_CBC, 0),
    ],
)
def test_lengths_behind_the_name(written: str, cipher: Cipher, bits: int) -> None:
    (sainfo,) = loads(SAINFO.replace("aes", written)).settings.sainfos
    (found,) = sainfo.encryption_algorithm
    assert (found.value, found.key_bits) == (cipher, bits)


@pytest.mark.parametrize("written", ["aes512", "aes 256 128", "aes128 256", "3des168", "aes-256", "hmac_sha1256"])
def test_lengths_that_are_none(written: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(SAINFO.replace("aes", written))
    (problem,) = caught.value.problems
    assert problem.column >= SAINFO.index("aes") + 1


def test_a_glued_length_is_told_at_its_own_place() -> None:
    with pytest.raises(ConfigError) as caught:
        loads(SAINFO.replace("aes", "aes512"))
    assert caught.value.problems[0].column == SAINFO.index("aes") + 4
    assert '"512" is no key length of aes' in caught.value.problems[0].text


def test_numbers_with_a_sign() -> None:
    timer = loads("timer { counter +10; interval +5 sec; }").settings.timer
    assert (timer.counter, timer.interval) == (10, 5)


def test_equals_signs_are_read_over() -> None:
    (found,) = loads(remote("nat_traversal = on; dpd_delay = 10;")).settings.remotes
    assert (found.nat_traversal.value, found.dpd_delay) == ("on", 10)


def test_an_address_in_quotes() -> None:
    (found,) = loads(remote('my_identifier address "192.0.2.7";')).settings.remotes
    assert (found.my_identifier.kind, found.my_identifier.value) == (IdKind.IPV4_ADDR, "192.0.2.7")
    for wrong in ('"vpn.example.net"', '""'):
        with pytest.raises(ConfigError):
            loads(remote(f"my_identifier address {wrong};"))


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("esp_frag 100;", "esp_frag", 256),
        ("esp_frag 70000;", "esp_frag", 65535),
        ("nonce_size 300;", "nonce_size", 256),
        ("nonce_size 1;", "nonce_size", 8),
        ("dpd_maxfail 0;", "dpd_maxfail", 1),
        ("dpd_delay 99999999999999999999999;", "dpd_delay", 86400),
    ],
)
def test_numbers_out_of_range_count_as_the_nearest(line: str, field: str, value: int) -> None:
    (found,) = loads(remote(line)).settings.remotes
    assert getattr(found, field) == value
    (warning,) = warned(remote(line) + SAINFO)
    assert warning.startswith(f"{line[:-1]} counts as {value}: it takes a number")


def test_a_pool_of_no_size_has_racoons() -> None:
    loaded = loads("mode_cfg { network4 10.99.99.1; pool_size 0; }")
    assert loaded.settings.mode_cfg
    assert loaded.settings.mode_cfg.pool_size == 255
    told = warned("mode_cfg { network4 10.99.99.1; pool_size 0; }")
    assert [each.partition(":")[0] for each in told] == ["pool_size 0 counts as 255"]
    with pytest.raises(ConfigError, match="out of range"):
        loads("mode_cfg { pool_size 9999999; }")


def test_of_what_is_given_twice_the_last_counts() -> None:
    text = 'path certificate "/a";\npath certificate "/b";\ntimer { counter 3; }\ntimer { counter 4; }'
    loaded = loads(text, "racoon.conf")
    assert loaded.settings.timer.counter == 4
    assert loaded.settings.paths.certificate
    assert loaded.settings.paths.certificate.path == Path("/b")
    assert [(each.line, each.column, each.text) for each in loaded.warnings[1:]] == [
        (2, 1, "path certificate is given twice: this one counts, the one at racoon.conf:1:1 does not"),
        (4, 9, "counter is given twice: this one counts, the one at racoon.conf:3:9 does not"),
    ]


def test_the_last_path_is_put_before_names() -> None:
    text = 'path certificate "/a"; path certificate "/b";' + remote('certificate_type x509 "c" "k";')
    (found,) = loads(text).settings.remotes
    assert found.certificate
    assert found.certificate.key.path == Path("/b/k")


def test_apples_directives_have_no_effect() -> None:
    lines = (
        'shared_secret use "x"; shared_secret keychain "x"; dpd_algorithm dpd_blackhole_detect; '
        "local_address 192.0.2.1; nat_traversal_multi_user on; nat_traversal_keepalive on; support_mip6 on; "
        "disconnect_on_idle idle_timeout 120 idle_direction idle_outbound; "
        'certificate_verification sec_framework use_peers_identifier "x";'
    )
    text = f"timer {{ auto_exit_delay 3 sec; }} {remote(lines)} {SAINFO}"
    told = {each.split()[0] for each in warned(text)}
    wanted = {line.split()[0] for line in lines.split(";") if line.strip()} - {"support_mip6"}
    assert told == wanted | {"support_proxy", "auto_exit_delay"}


def test_apples_group_name() -> None:
    (found,) = loads(remote('my_identifier keyid_use "group";')).settings.remotes
    assert (found.my_identifier.kind, found.my_identifier.value) == (IdKind.KEY_ID, "group")
    with pytest.raises(ConfigError, match="keys are read from files"):
        loads(remote('certificate_type x509 in_keychain "label";'))
    with pytest.raises(ConfigError, match="make certificates for both ends with lotor pki"):
        loads(remote('certificate_type plain_rsa "own.key";'))
    with pytest.raises(ConfigError, match="it would admit everybody else as well; write auth_groups"):
        loads(remote('open_dir_auth_group "staff";'))


def test_what_is_weaker_than_a_list_needs_is_left_out(tmp_path: Path) -> None:
    text = SAINFO.replace("aes", "des, aes, null_enc").replace("hmac_sha256", "non_auth, hmac_sha256")
    policy = resolve(check(loads(remote("") + text).settings), {})
    assert [suite.cipher for suite in policy.child.suites] == [Cipher.AES_CBC]
    assert [each.partition(":")[0] for each in warned(text)] == [
        "encryption_algorithm des is refused and is left out",
        "encryption_algorithm null_enc is refused and is left out",
        "authentication_algorithm non_auth is refused and is left out",
    ]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("algorithm aes; hash", "algorithm des; hash", "encryption_algorithm des is refused: its 56-bit keys"),
        ("dh_group 14", "dh_group 1", "dh_group 1 is refused: 768-bit Diffie-Hellman is broken"),
        (
            "algorithm aes; auth",
            "algorithm des; auth",
            "can be used (des: its 56-bit keys are broken in hours; use aes)",
        ),
        ("algorithm aes; auth", "algorithm null; auth", "it would send everything in clear"),
        ("hmac_sha256", "none", "(non_auth: packets that nobody authenticates"),
        ("deflate;", "deflate; pfs_group 1;", "pfs_group 1 is refused: 768-bit"),
    ],
)
def test_what_is_broken_is_refused_and_the_rest_judged(tmp_path: Path, old: str, new: str, text: str) -> None:
    """Files that are missing are told beside it, also those of the same block."""
    whole = remote('certificate_type x509 "gw.crt" "gw.key";') + SAINFO
    assert old in whole
    told = examined(whole.replace(old, new), tmp_path)
    assert [each.text for each in told if text in each.text]
    assert [each.text for each in told if "gw.key is missing" in each.text]
    assert len(told) == 3


def examined(text: str, home: Path) -> list[Problem]:
    (home / "racoon.conf").write_text(text)
    return examine(home / "racoon.conf").sorted()


def test_two_remotes_with_a_broken_group_are_told_once_each(tmp_path: Path) -> None:
    text = f"{KEYS} remote 192.0.2.1 {{ exchange_mode aggressive; {PROPOSAL} {PROPOSAL} }} {SAINFO}"
    told = examined(text.replace("dh_group 14", "dh_group 1", 1), tmp_path)
    assert [each.text.partition(":")[0] for each in told if "group" in each.text] == ["dh_group 1 is refused"]


def test_a_client_needs_no_pool(tmp_path: Path) -> None:
    text = f"{KEYS} remote 192.0.2.1 {{ exchange_mode main; {PROPOSAL} }} mode_cfg {{ dns4 10.0.0.1; }} {SAINFO}"
    assert not any("network4" in each.text for each in examined(text, tmp_path))
    gateway = text.replace("pre_shared_key;", "hybrid_rsa_server;")
    assert any("network4" in each.text for each in examined(gateway, tmp_path))


def test_a_file_without_sainfo_gets_one(tmp_path: Path) -> None:
    loaded = loads(remote(""))
    (sainfo,) = loaded.settings.sainfos
    assert [(each.name, each.key_bits) for each in sainfo.encryption_algorithm][:2] == [("aes", 256), ("aes", 128)]
    assert any("there is no sainfo block: the tunnel carries" in each.text for each in loaded.warnings)
    (tmp_path / "racoon.conf").write_text("timer { counter 3; }")
    assert load(tmp_path / "racoon.conf").settings.sainfos == ()


def sainfo(head: str, lifetime: int, inside: str = "") -> str:
    return f"sainfo {head} {{ {ALGORITHMS} lifetime time {lifetime} sec; {inside} }}\n"


def rules(text: str, name: str = "anonymous") -> list[tuple[str, str, int]]:
    policy = resolve(check(loads(text).settings), {})
    found: tuple[ChildRule, ...] = next(each.children for each in policy.remotes if each.name == name)
    return [(str(each.local or "*"), str(each.remote or "*"), each.child.lifetime) for each in found]


def test_the_sainfo_that_says_most_is_looked_at_first() -> None:
    text = remote("ph1id 7; passive on;") + "".join(
        (
            sainfo("anonymous", 1),
            sainfo("subnet 10.1.0.0/16 any anonymous", 2),
            sainfo("subnet 10.1.0.0/16 any address 10.9.0.1 any", 3),
            sainfo("anonymous clientaddr", 4),
            sainfo("anonymous", 5, "remoteid 7;"),
            sainfo("anonymous", 6, "remoteid 8;"),
            sainfo("address 10.2.0.0-10.2.0.255 any anonymous", 7),
        )
    )
    assert rules(text) == [
        ("*", "*", 5),
        ("10.1.0.0/16", "10.9.0.1/32", 3),
        ("10.1.0.0/16", "*", 2),
        ("*", "*", 4),
        ("10.2.0.0/24", "*", 7),
        ("*", "*", 1),
    ]


def test_a_client_has_one_sainfo() -> None:
    client = remote("").replace("anonymous", "192.0.2.1")
    text = client + sainfo("subnet 10.1.0.0/16 any anonymous", 2) + sainfo("anonymous", 1)
    assert rules(text, "192.0.2.1") == [("*", "*", 1)]
    alone = client + sainfo("subnet 10.1.0.0/16 any anonymous", 2)
    assert rules(alone, "192.0.2.1") == [("*", "*", 2)]
    assert any("the ends of this sainfo have no effect" in each for each in warned(alone))


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("address 192.0.2.1[1701] udp anonymous", "a tunnel joins whole networks"),
        ("subnet 10.0.0.0/8 tcp anonymous", "a tunnel joins whole networks"),
        ("address 10.0.0.1-10.0.0.9 any anonymous", "a tunnel joins whole networks"),
        ('fqdn "a" anonymous', "and no names"),
        ('anonymous from fqdn "a"', "link both by ph1id"),
    ],
)
def test_a_sainfo_that_cannot_be_carried_out(head: str, why: str) -> None:
    """It is left out where another one is for the same remote, and refused where none is."""
    beside = remote("") + sainfo("anonymous", 1) + sainfo(head, 2)
    assert rules(beside) == [("*", "*", 1)]
    assert [each for each in warned(beside) if "this sainfo has no effect" in each and why in each]
    alone = check(loads(remote("") + sainfo(head, 2)).settings).problems
    assert ["this sainfo cannot be carried out" in each.text and why in each.text for each in alone] == [True]


def test_two_sainfos_for_the_same_traffic() -> None:
    text = remote("") + sainfo("subnet 10.0.0.0/8 any anonymous", 1) * 2
    (problem,) = check(loads(text, "racoon.conf").settings).problems
    assert (problem.line, problem.text.partition(",")[0]) == (3, "there is a sainfo for the same traffic already")


def test_a_sainfo_for_another_remote() -> None:
    (problem,) = check(loads(remote("ph1id 1;") + sainfo("anonymous", 1, "remoteid 2;")).settings).problems
    assert problem.text == "no sainfo is for this remote: add sainfo anonymous { … }"


def test_ends_are_compared_as_a_whole() -> None:
    rule = ChildRule(resolve(check(loads(remote("") + SAINFO).settings), {}).child, IPv4Network("10.0.0.0/8"))
    assert rule.fits(IPv4Network("10.0.0.0/8"), IPv4Network("10.99.99.1"))
    assert not rule.fits(IPv4Network("10.1.0.0/16"), IPv4Network("10.99.99.1"))
