"""RADIUS over TLS in radiuscfg: how it is written, the files that it names, and what `lotor check` says of them."""

from __future__ import annotations

import ssl

import pytest

from lab import pki
from lotor import config
from lotor.config import back_ends, radsec
from lotor.config.radsec import context_of
from lotor.config.servers import RadiusTls
from lotor.model.secret import Secret
from lotor.privsep.backing import CONFIGURE
from lotor.privsep.codec import decode, encode

from .test_config_radius import GATEWAY


@pytest.fixture(scope="module")
def authority():
    return pki.authority("RADIUS CA")


@pytest.fixture(scope="module")
def gateway(authority):
    return pki.gateway(authority, "vpngw.example.net")


@pytest.fixture
def place(tmp_path, authority, gateway):
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    gateway.save(tmp_path, "gw")
    for name in ("vpngw.crt", "vpngw.key"):
        (tmp_path / name).touch()
    return tmp_path


WHOLE = 'auth "radius.example.net" 2084 tls ca "ca.crt" certificate "gw.crt" "gw.key" name "r1.example.net"'


def checked(place, *lines):
    text = f"radiuscfg {{ {'; '.join(lines)}; }}" + GATEWAY
    return config.check(config.loads(text, directory=place).settings)


def read(place, line):
    found = checked(place, line)
    assert found.problems == ()
    (server,) = found.settings.radius.auth
    return server, found.settings.radius


def test_a_line_with_everything(place, authority, gateway):
    server, radius = read(place, WHOLE)
    assert (server.host, server.port, server.secret.reveal()) == ("radius.example.net", 2084, b"radsec")
    tls = server.tls
    assert [each.path.name for each in (tls.authority, tls.certificate, tls.key)] == ["ca.crt", "gw.crt", "gw.key"]
    assert tls.name == "r1.example.net"
    held = {path.name: content.reveal() for path, content in radius.files.items()}
    assert held == {"ca.crt": authority.certificate, "gw.crt": gateway.certificate, "gw.key": gateway.key}


def test_everything_but_the_word_may_be_left_out_and_the_order_is_free(place):
    server, radius = read(place, 'auth "192.0.2.1" tls')
    assert (server.port, server.tls, radius.files) == (None, RadiusTls(), {})
    server, _ = read(place, 'auth "192.0.2.1" tls name "r" secret "another" ca "ca.crt"')
    assert (server.tls.name, server.secret.reveal()) == ("r", b"another")
    server, _ = read(place, 'auth "tls" "tls"')
    assert (server.host, server.tls) == ("tls", None), "in quotes it is a secret"


def test_udp_and_tls_are_one_list_in_the_order_of_the_lines(place):
    found = checked(place, 'auth "a" "s"', 'auth "b" tls ca "ca.crt"', 'auth "c" 1645 "s"')
    assert [(each.host, each.tls is not None) for each in found.settings.radius.auth] == [
        ("a", False),
        ("b", True),
        ("c", False),
    ]


@pytest.mark.parametrize(
    "line",
    [
        'auth "h" tls cert "gw.crt" "gw.key"',
        'auth "h" tls ca',
        'auth "h" tls ca "../ca.crt"',
        'auth "h" tls certificate "gw.crt"',
        'auth "h" tls ca "ca.crt" ca "ca.crt"',
        'auth "h" tls "a secret"',
        'auth "h" tls name "a b"',
        'auth "h" ssl "a secret"',
        'auth "h" tls tls',
        'auth "h" tls 2083',
    ],
)
def test_a_line_that_cannot_be_read_is_told_with_what_to_write(place, line):
    """And without a word of it, since there may be a secret among them."""
    with pytest.raises(config.ConfigError) as caught:
        config.loads(f"radiuscfg {{ {line}; }}" + GATEWAY, directory=place)
    assert 'auth cannot be read: write "host" [N] ("secret"|tls [ca "file"]' in str(caught.value)
    assert "a secret" not in str(caught.value)


def problem(place, line):
    (found,) = checked(place, line).problems
    assert (found.line, found.column > 10) == (1, True)
    return found.text


def test_files_that_are_not_there_or_open_to_others_are_told(place):
    assert "nowhere.crt does not exist" in problem(place, 'auth "h" tls ca "nowhere.crt"')
    (place / "gw.key").chmod(0o644)
    assert "chmod 600" in problem(place, WHOLE)


def test_a_key_is_private_wherever_else_its_file_is_named(place, gateway):
    both = place / "both.pem"
    both.write_bytes(gateway.certificate + gateway.key)
    both.chmod(0o644)
    assert "chmod 600" in problem(place, 'auth "h" tls certificate "both.pem" "both.pem"')
    found = checked(
        place, 'auth "h" tls certificate "both.pem" "gw.key"', 'auth "h" tls certificate "gw.crt" "both.pem"'
    )
    assert ["chmod 600" in each.text for each in found.problems] == [True]
    both.chmod(0o600)
    read(place, 'auth "h" tls certificate "both.pem" "both.pem"')


def test_an_authority_that_others_could_replace_is_told(place):
    (place / "ca.crt").chmod(0o666)
    assert "is not trusted" in problem(place, 'auth "h" tls ca "ca.crt"')


def test_files_that_hold_something_else_are_told(place, authority):
    (place / "junk").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    (place / "empty").touch()
    for name in ("junk", "empty"):
        assert "holds no certificates in PEM" in problem(place, f'auth "h" tls ca "{name}"')
    pki.gateway(authority, "other").save(place, "other")
    assert "its own key" in problem(place, 'auth "h" tls certificate "gw.crt" "other.key"')
    (place / "other.key").write_text("nonsense")
    assert "without a passphrase" in problem(place, 'auth "h" tls certificate "gw.crt" "other.key"')


def test_a_key_with_a_passphrase_asks_nobody(place, gateway):
    from cryptography.hazmat.primitives import serialization

    key = gateway.signer[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pass")
    )
    (place / "gw.key").write_bytes(key)
    assert "without a passphrase" in problem(place, WHOLE)


def test_files_that_have_no_room_are_told(place, monkeypatch):
    monkeypatch.setattr(radsec, "MOST_OCTETS", 3_000)
    told = [each.text for each in checked(place, WHOLE).problems]
    assert told == ["the files of RADIUS over TLS have more than 3000 octets together: name smaller ones"]


def test_files_are_read_only_where_their_servers_are_asked(place):
    found = checked(place, 'acct "h" tls ca "nowhere.crt"', 'auth "h" tls')
    assert found.problems == ()


ACCT = WHOLE.replace("auth", "acct", 1)


def test_servers_of_accounts_that_nobody_asks_have_their_files_along(place):
    """After a reload away from `accounting radius` they hear the rest; also of a gateway that was started anew."""
    for lines in ((ACCT,), (ACCT, 'auth "h" "a secret"')):
        radius = checked(place, *lines).settings.radius
        (server,) = radius.acct
        assert context_of(server.tls, radius.files).verify_mode is ssl.CERT_REQUIRED
    (place / "gw.key").unlink()
    found = checked(place, ACCT, 'auth "h" "a secret"')
    assert found.problems == ()
    with pytest.raises(radsec.TlsFilesError, match=r"gw\.key, or a file beside it, was not read"):
        context_of(found.settings.radius.acct[0].tls, found.settings.radius.files)


def test_files_of_servers_that_are_owed_something_join_those_of_the_new_configuration(place, authority):
    accounts = GATEWAY.replace("conf_source", "accounting radius; conf_source")
    text = f'radiuscfg {{ {ACCT}; auth "h" "a secret"; }}'
    owed = config.check(config.loads(text + accounts, directory=place).settings).settings.radius
    (place / "other.crt").write_bytes(authority.certificate)
    for line in ('auth "h" "a secret"', 'auth "h" tls ca "other.crt"'):
        radius = back_ends.back_ends_of(checked(place, line).settings, owed=owed).radius
        for server in (*radius.auth, *radius.acct):
            if server.tls is not None:
                context_of(server.tls, radius.files)
        assert len(radius.acct) == 1


def test_ten_servers_with_the_same_files_have_room_on_the_line(place):
    """Each file crosses once; what comes out makes the same context."""
    lines = [WHOLE] * 5 + [WHOLE.replace("auth", "acct", 1)] * 5
    text = f"radiuscfg {{ {'; '.join(lines)}; }}" + GATEWAY.replace("conf_source", "accounting radius; conf_source")
    settings = config.check(config.loads(text, directory=place).settings).settings
    wanted = back_ends.back_ends_of(settings)
    octets = encode(CONFIGURE.request, wanted)
    assert len(octets) < CONFIGURE.most_request // 2
    there = decode(CONFIGURE.request, octets)
    assert there == wanted
    context = context_of(there.radius.auth[4].tls, there.radius.files)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_no_key_stands_in_a_text_of_the_settings(place, gateway):
    _, radius = read(place, WHOLE + ' secret "NotRadsec"')
    for told in (repr(radius), str(radius)):
        assert "PRIVATE" not in told
        assert "NotRadsec" not in told
    assert Secret(gateway.key) in radius.files.values()
