"""The tables themselves: they fit the settings, and the reference is made from them."""

from __future__ import annotations

import dataclasses
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from lotor.config import ConfigError, loads, mode_configuration
from lotor.config import settings as settings_module
from lotor.config.arguments import AddressPort
from lotor.config.directive import MANDATORY, Block, Directive, Use
from lotor.config.interpret import blocks_in, secret_words
from lotor.config.names import to_der
from lotor.config.reference import reference
from lotor.config.tables.apple import APPLE
from lotor.config.tables.root import PATHS, ROOT

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"
BLOCKS = blocks_in(ROOT)
CLASSES = {
    "": settings_module.Settings,
    "remote": settings_module.RemoteSettings,
    "sainfo": settings_module.SainfoSettings,
    "remote proposal": settings_module.Proposal,
}
FROM_HEADERS = {"name", "address", "port", "local", "remote", "client_address", "only_from", "group"}
DERIVED = {
    "places",
    "paths",
    "offloads",
    "engine",
    "reservations",
    "remotes",
    "sainfos",
    "proposals",
    "authorities",
    "fleet",
}
DERIVED |= {"files"}


def class_of(path: str, block: Block) -> Any:
    return CLASSES.get(path, block.make)


@pytest.mark.parametrize(("path", "block"), BLOCKS)
def test_rows_and_fields_fit(path: str, block: Block) -> None:
    fields = {field.name for field in dataclasses.fields(class_of(path, block))}
    keys = {row.key for row in block.rows if row.use is not Use.REFUSED} - {"remote_address", "included", "local_store"}
    keys = {key for key in keys if not key.startswith(("path_", "offload_", "engine_"))} - {row.key for row in APPLE}
    assert keys - fields == set()
    assert fields - keys - FROM_HEADERS - DERIVED == set()


@pytest.mark.parametrize(("path", "block"), BLOCKS)
def test_defaults_have_the_type_of_their_field(path: str, block: Block) -> None:
    hints = get_type_hints(class_of(path, block))
    rows = [row for row in block.rows if row.key in hints and row.use is not Use.REFUSED]
    assert rows, path
    for row in rows:
        assert row.default is MANDATORY or fits(row.default, hints[row.key]), row.name


def fits(value: object, hint: Any) -> bool:
    if get_origin(hint) in {UnionType, Union}:
        return any(fits(value, each) for each in get_args(hint))
    if hint is type(None):
        return value is None
    kind = get_origin(hint) or hint
    return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))


@pytest.mark.parametrize(("path", "block"), BLOCKS)
def test_rows_tell_what_they_are(path: str, block: Block) -> None:
    assert block.rows, path
    for row in block.rows:
        assert row.meaning.endswith("."), (path, row.name)
        if row.use in {Use.NO_EFFECT, Use.LATER, Use.REFUSED}:
            assert row.note, (path, row.name)
        if isinstance(row, Directive) and row.default in (None, ()) and row.use is not Use.REFUSED:
            assert row.default_text, (path, row.name)


def test_the_reference_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == reference(), "run: python -m lotor.config.reference > docs/configuration.md"


def test_the_reference_is_complete_and_narrow() -> None:
    text = reference()
    assert all(len(line) <= 80 for line in text.splitlines())
    for path, block in BLOCKS:
        for row in block.rows:
            heading = f"### {row.name}\n" if isinstance(row, Directive) else f"## {row.name} {{ }}"
            assert heading in text, (path, row.name)


def test_every_line_of_a_large_file_arrives() -> None:
    settings = loads("""
        listen { isakmp 192.0.2.1; isakmp 192.0.2.2[501]; isakmp_natt 192.0.2.1; isakmp_natt 192.0.2.1[4501];
            strict_address; adminsock "/run/x.sock" "me" "us" 660; }
        padding { randomize off; randomize_length on; maximum_length 9; exclusive_tail off; strict_check on; }
        privsep { user 1000; group "nobody"; chroot "/jail"; }
        timer { counter 3; interval 5sec; persend 2; phase1 1 minute; phase2 2 mins; natt_keepalive 90 secs; }
        radiuscfg { auth "a" 1645 "s1"; auth "b" "s2"; acct "c" "s3"; timeout 9; retries 2; }
        ldapcfg { version 3; debug 1; timeout 5; uri "ldaps://x"; host "h"; port 636; base "dc=x"; subtree on; tls on;
            bind_dn "c=y"; bind_pw "pw"; attr_user "uid"; attr_addr "a"; attr_mask "m"; attr_group "g"; attr_member "e";
        }
        mode_cfg { network4 10.1.0.0; netmask4 255.255.0.0; pool_size 99; auth_groups "a", "b"; auth_groups "c";
            dns4 10.0.0.1; dns4 10.0.0.2, 10.0.0.3; nbns4 10.0.0.4; wins4 10.0.0.5; default_domain "example.net";
            split_network include 10.0.0.0/8, 10.9.8.7/24; split_network local_lan 192.168.0.0 /16;
            split_dns "a.example" , "b.example"; pfs_group 14; save_passwd on; auth_throttle 0; banner "b";
            auth_remember 10 min; }
        log debug2; pfkey_buffer 64; gss_id_enc latin1; complex_bundle off;
        path pidfile "/run/l.pid"; path backupsa "b";
    """).settings  # fmt: skip
    listen = settings.listen
    assert [(str(each.address), each.port) for each in listen.isakmp] == [("192.0.2.1", 500), ("192.0.2.2", 501)]
    assert [each.port for each in listen.isakmp_natt] == [4500, 4501]
    assert listen.strict_address
    assert listen.adminsock
    assert (listen.adminsock.owner, listen.adminsock.group, listen.adminsock.mode) == ("me", "us", 0o660)
    assert [getattr(settings.padding, name) for name in ("randomize", "maximum_length", "strict_check")] == [
        False,
        9,
        True,
    ]
    assert settings.privsep
    assert (settings.privsep.user, settings.privsep.group) == ("1000", "nobody")
    timer = settings.timer
    assert (timer.interval, timer.phase1, timer.phase2, timer.natt_keepalive) == (5, 60, 120, 90)
    assert settings.radius
    assert [(each.host, each.port, each.secret.reveal()) for each in settings.radius.auth] == [
        ("a", 1645, b"s1"),
        ("b", None, b"s2"),
    ]
    assert settings.ldap
    assert settings.ldap.bind_pw
    assert (settings.ldap.version, settings.ldap.tls, settings.ldap.bind_pw.reveal()) == (3, True, b"pw")
    mode_cfg = settings.mode_cfg
    assert mode_cfg
    assert mode_cfg.auth_groups == ("a", "b", "c")
    given = mode_configuration(mode_cfg)
    assert given.netmask == IPv4Address("255.255.0.0")
    assert [str(each) for each in given.dns] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert [str(each) for each in given.wins] == ["10.0.0.4", "10.0.0.5"]
    assert given.split_include == (IPv4Network("10.0.0.0/8"), IPv4Network("10.9.8.0/24"))
    assert given.split_local == (IPv4Network("192.168.0.0/16"),)
    assert (given.split_dns, given.domain) == ((b"a.example", b"b.example"), b"example.net")
    assert (given.pfs_group, given.save_password) == (14, True)
    assert (settings.log.value, settings.pfkey_buffer, settings.gss_id_enc) == ("debug2", 64, "latin1")
    assert settings.paths.pidfile
    assert settings.paths.pidfile.path == Path("/run/l.pid")


def test_an_empty_file_has_every_default() -> None:
    settings = loads("").settings
    assert settings.listen.adminsock
    assert str(settings.listen.adminsock.path) == "/run/lotor/lotor.sock"
    assert (settings.timer.counter, settings.timer.natt_keepalive) == (None, 20)
    assert settings.mode_cfg is None
    assert settings.remotes == settings.sainfos == ()
    assert set(PATHS) <= {field.name for field in dataclasses.fields(settings.paths)}


def test_sainfo_ends_are_kept_as_written() -> None:
    text = """sainfo address 10.0.0.0/8[any] any subnet 10.1.0.1-10.1.0.9 [5] 17 from asn1dn "CN=x" {
        encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; remoteid 3; }"""
    (sainfo,) = loads(text).settings.sainfos
    assert sainfo.local
    assert sainfo.remote
    assert sainfo.only_from
    assert sainfo.local.text == "address 10.0.0.0/8[any] any"
    assert sainfo.remote.text == "subnet 10.1.0.1-10.1.0.9[5] 17"
    assert sainfo.only_from.text == "asn1dn CN=x"
    assert sainfo.remoteid == 3


def test_sainfo_for_the_leased_address() -> None:
    text = """sainfo anonymous clientaddr {
        encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }"""
    (sainfo,) = loads(text).settings.sainfos
    assert (sainfo.local, sainfo.remote, sainfo.client_address) == (None, None, True)


def test_what_may_stand_beside_a_secret() -> None:
    assert secret_words(ROOT) == {
        "auth",
        "acct",
        "bind_pw",
        "dynamic_client",
        "radiuscfg",
        "ldapcfg",
        "shared_secret",
        "store",
    }


def test_ports_are_told_in_the_syntax() -> None:
    assert AddressPort().syntax() == "ADDR[[port]]"


@pytest.mark.parametrize(
    ("text", "der"),
    [
        ("CN=x", "300c310a300806035504030c0178"),
        ("cn = x", "300c310a300806035504030c0178"),
        (r"CN=a\,b", "300e310c300a06035504030c03612c62"),
        (r"CN=\C3\BC", "300d310b300906035504030c02c3bc"),
        ("C=DE, O=F", "3019310b3009060355040613024445310a3008060355040a0c0146"),
        ("DC=net", "301531133011060a0992268993f22c64011916036e6574"),
        ("emailAddress=a@b", "30143112301006092a864886f70d0109011603614062"),
        ("~300c310a300806035504030c0178", "300c310a300806035504030c0178"),
    ],
)  # fmt: skip
def test_names_to_der(text: str, der: str) -> None:
    assert to_der(text).hex() == der


@pytest.mark.parametrize("text", ["", "CN", "CN=", "XX=1", "=x", "CN=x,,O=y", "~", "~31", "~zz", "C=ü", r"CN=\FF"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_der(text)


def test_long_names() -> None:
    assert to_der("CN=" + "x" * 300).hex().startswith("3082013d318201393082013506035504030c82012c")


@pytest.mark.parametrize("directive", ["user", "group"])
def test_a_name_of_an_account_stands_in_quotes(directive):
    with pytest.raises(ConfigError, match=f'a name stands in quotes: {directive} "root"'):
        loads(f"privsep {{ {directive} root; }}")
