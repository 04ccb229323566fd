"""ldapcfg: which servers, whether passwords are safe on the way, whose certificates count, and what is missing."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from lotor.config import ConfigError, directories, loads
from lotor.config.files import NamedFiles
from lotor.config.servers import Ldap, LdapServer
from lotor.config.settings import Settings

REMOTE = """
remote anonymous {
    exchange_mode aggressive; certificate_type x509 "gw.crt" "gw.key";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14; }
}
"""


def gateway(ldapcfg: str, sources: str = "auth_source ldap;") -> str:
    return f"{REMOTE} mode_cfg {{ network4 10.99.99.1; {sources} }} {ldapcfg}"


def found(text: str, home: Path | None = None) -> tuple[Settings, list[str]]:
    settings, problems = directories.filled(loads(text, directory=home).settings, NamedFiles())
    return settings, [each.text for each in problems]


def told(ldapcfg: str, sources: str = "auth_source ldap;") -> list[str]:
    return found(gateway(ldapcfg, sources))[1]


def read(ldapcfg: str) -> Ldap:
    ldap = loads(ldapcfg).settings.ldap
    assert ldap is not None
    return ldap


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("ldap://ldap.example.net", LdapServer("ldap.example.net", 389)),
        ("LDAPS://LDAP.example.net/", LdapServer("ldap.example.net", 636, secure=True)),
        ("ldaps://192.0.2.1:3269", LdapServer("192.0.2.1", 3269, secure=True)),
        ("ldap://[2001:db8::1]:390", LdapServer("2001:db8::1", 390)),
    ],
)
def test_servers_as_uris(text: str, server: LdapServer) -> None:
    assert read(f'ldapcfg {{ uri "{text}"; }}').servers == (server,)
    again = read(f'ldapcfg {{ uri "{server.url}"; }}')
    assert again.servers == (server,)


@pytest.mark.parametrize(
    "text",
    [
        "ldap.example.net",
        "ldapi:///var/run/ldapi",
        "http://ldap.example.net",
        "ldap://",
        "ldap://:389",
        "ldap://h:0",
        "ldap://h:65536",
        "ldap://h:x",
        "ldap://h/dc=example",
        "ldap://h?x",
        "ldap://user@h",
        "ldap://h h2",
        "ldap://[::1",
        "ldap://h\u00e4",
        "ldap://" + "h" * 400,
    ],
)
def test_what_is_no_server(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(f'ldapcfg {{ uri "{text}"; }}')
    (problem,) = caught.value.problems
    assert 'uri wants it like "ldaps://ldap.example.net"' in problem.text


def test_several_servers_keep_their_order_and_host_is_for_one() -> None:
    several = read('ldapcfg { uri "ldap://b"; uri "ldaps://a"; }')
    assert [each.host for each in several.servers] == ["b", "a"]
    assert read('ldapcfg { host "192.0.2.7"; port 390; }').servers == (LdapServer("192.0.2.7", 390),)
    with pytest.raises(ConfigError, match="uri takes at most 5"):
        loads("ldapcfg {" + 'uri "ldap://h"; ' * 6 + "}")


def test_version_2_is_refused_with_a_reason() -> None:
    settings = loads("ldapcfg { version 2; }").settings
    (reservation,) = settings.reservations
    assert "version 2 is refused: it has no TLS" in reservation.text


@pytest.mark.parametrize("name", ["uid)(uid=*", "a b", "", "1x", "*", "uid;lang-de"])
def test_an_attribute_is_a_name_of_one(name: str) -> None:
    with pytest.raises(ConfigError, match="the name of an attribute in quotes"):
        loads(f'ldapcfg {{ attr_user "{name}"; }}')
    assert read('ldapcfg { attr_user "0.9.2342.19200300.100.1.1"; }').attr_user == "0.9.2342.19200300.100.1.1"


@pytest.mark.parametrize(
    "server", ['uri "ldap://ldap.example.net";', 'host "192.0.2.7";', 'uri "ldaps://a"; uri "ldap://b";']
)
def test_passwords_in_clear_are_refused_unless_said(server: str) -> None:
    (problem,) = told(f"ldapcfg {{ {server} }}")
    assert "passwords would go to ldap://" in problem
    assert "in clear: add tls on; or take ldaps://; clear_text on; allows it" in problem
    assert not told(f"ldapcfg {{ {server} tls on; }}")
    loaded = loads(gateway(f"ldapcfg {{ {server} clear_text on; }}"))
    assert not directories.filled(loaded.settings, NamedFiles())[1]
    assert any("reads the users' passwords" in each.text for each in loaded.warnings)


@pytest.mark.parametrize("server", ["", 'host "127.0.0.1";', 'uri "ldap://[::1]";', 'uri "ldap://LOCALHOST";'])
def test_a_directory_of_this_host_needs_no_tls(server: str) -> None:
    assert not told(f"ldapcfg {{ {server} }}")


@pytest.mark.parametrize(
    ("ldapcfg", "sources", "problem"),
    [
        ("", "auth_source ldap;", "auth_source ldap needs to know the directory: add ldapcfg {"),
        ("", "group_source ldap;", "group_source ldap needs to know the directory"),
        ('ldapcfg { bind_dn "cn=x"; }', "auth_source ldap;", "bind_dn needs its password"),
        ("ldapcfg { }", "auth_source local; conf_source ldap;", "it needs auth_source ldap"),
    ],
)
def test_what_is_missing(ldapcfg: str, sources: str, problem: str) -> None:
    (text,) = told(ldapcfg, sources)
    assert problem in text


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (gateway('ldapcfg { host "ldap.example.net"; }', "auth_source local;"), "nothing asks this directory"),
        (gateway('ldapcfg { uri "ldap://localhost"; port 390; }'), "host and port have no effect beside uri"),
        (gateway('ldapcfg { bind_pw "x"; }'), "bind_pw has no effect without bind_dn"),
    ],
)
def test_what_is_unwise(text: str, warning: str) -> None:
    assert any(warning in each.text for each in loads(text).warnings)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=directory CA"]
    subprocess.run([*command, *files], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "ca.crt"


def with_authorities(file: Path, more: str = "tls on;") -> tuple[Settings, list[str]]:
    return found(gateway(f'ldapcfg {{ host "ldap.example.net"; {more} ca_file "{file}"; }}'))


def test_authorities_are_read_where_they_are_needed(authority: Path) -> None:
    settings, problems = with_authorities(authority)
    assert not problems
    assert settings.ldap is not None
    assert ssl.PEM_cert_to_DER_cert(settings.ldap.authorities)
    unused, problems = with_authorities(authority, "clear_text on;")
    assert not problems
    assert unused.ldap is not None
    assert not unused.ldap.authorities


@pytest.mark.parametrize(
    "content", [b"", b"no certificate", b"\xff\0" * 40, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END"]
)
def test_a_file_without_authorities_is_a_problem(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "ca.crt"
    file.write_bytes(content)
    (problem,) = with_authorities(file)[1]
    assert problem == f"{file} holds no certificates in PEM that could be read"


def test_a_file_that_is_not_there_or_too_long(tmp_path: Path) -> None:
    assert with_authorities(tmp_path / "none")[1] == [f"{tmp_path}/none is missing: create it or name another"]
    (tmp_path / "long").write_bytes(b" " * (directories.LONGEST_AUTHORITIES + 1))
    (problem,) = with_authorities(tmp_path / "long")[1]
    assert "has more than 32768 octets" in problem


def test_authorities_that_others_may_change_are_not_trusted(authority: Path) -> None:
    """Whoever can put another authority there reads every password on its way to the directory."""
    authority.chmod(0o666)
    (problem,) = with_authorities(authority)[1]
    assert problem.startswith(f"{authority} is not trusted: ")


def test_a_client_asks_no_directory() -> None:
    client = REMOTE.replace("hybrid_rsa_server", "hybrid_rsa_client").replace("anonymous", "192.0.2.1")
    text = f"{client} mode_cfg {{ auth_source ldap; }}"
    assert not found(text)[1]
