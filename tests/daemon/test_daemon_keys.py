"""From the lines of a configuration to the rules that its keys obey, for every method of either side."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from keys import certificate_lab as lab
from lotor.config import ConfigError
from lotor.daemon.active_config import ActiveConfig, load
from lotor.keys import Keyring, LocalSigner
from lotor.model.algorithms import Hash
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Failure, PskRequest, Trusted, Untrusted
from lotor.trust import LocalTrust
from lotor.warden import loading
from trust.conftest import MADE_OF, prove

FILE = """
path certificate "{directory}";
path pre_shared_key "{directory}/psk.txt";
listen {{ adminsock disabled; }}
remote {remote} {{
    exchange_mode main;
    {lines}
    proposal {{ encryption_algorithm aes 256; hash_algorithm sha256; authentication_method {method}; dh_group 14; }}
}}
mode_cfg {{ network4 10.99.99.1; pool_size 20; auth_source local; users "{directory}/users"; }}
sainfo anonymous {{
    lifetime time 1 hour; encryption_algorithm aes 256; authentication_algorithm hmac_sha256;
    compression_algorithm deflate;
}}
"""
OWN = 'certificate_type x509 "own.crt" "own.key";'
TRUST = 'ca_type x509 "ca.crt";'
GATEWAY, CLIENT = "anonymous", "192.0.2.50"
CA = lab.authority(start=lab.NOW - 30 * 365 * lab.timedelta(days=1))
LONG_AGO = {"start": lab.NOW - 20 * 365 * lab.timedelta(days=1)}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    gateway = lab.issue(CA, dns=("vpn.example.net",), **LONG_AGO)
    for name, octets in (
        ("ca.crt", CA.pem),
        ("own.crt", gateway.pem),
        ("own.key", lab.key_pem(gateway.private)),
        ("psk.txt", b"198.51.100.1 a key that is long enough\n"),
        ("users", b""),
    ):
        (tmp_path / name).write_bytes(octets)
        (tmp_path / name).chmod(0o600)
    return tmp_path


@dataclass
class Halves:
    """A configuration in the warden and in the daemon."""

    active: ActiveConfig
    keyring: Keyring

    policy = property(lambda self: self.active.policy)
    warnings = property(lambda self: self.active.warnings)


def loaded(directory: Path, remote: str, method: str, *lines: str) -> Halves:
    text = FILE.format(directory=directory, remote=remote, method=method, lines="\n".join(lines))
    path = directory / "racoon.conf"
    path.write_text(text)
    return Halves(load(path), loading.load(path).keyring)


def asked(halves: Halves, question):
    """What the ports of a configuration answer."""

    async def play():
        with ThreadPoolExecutor(1) as executor:
            return await question(LocalSigner(halves.keyring, executor), LocalTrust(halves.active.trust, executor))

    return asyncio.run(play())


def signed(active: Halves):
    return asked(active, lambda signer, _: signer.sign("anonymous", MADE_OF))


def judged(active: Halves, holder: lab.Holder, **changes):
    (remote,) = active.policy.remotes
    return asked(active, lambda _, trust: trust.judge(prove(holder, remote=remote.name, **changes)))


def as_client(holder: lab.Holder, **changes) -> dict:
    own = Identity(IdKind.DER_ASN1_DN, holder.subject)
    return {"client": True, "host": None, "address": ip_address("198.51.100.1"), "identity": own, **changes}


def alice(**wish) -> lab.Holder:
    return lab.issue(CA, "alice", **{"subject": "alice", **LONG_AGO, **wish})


@pytest.mark.parametrize("method", ["rsasig", "xauth_rsa_server"])
def test_a_gateway_judges_clients(directory, method):
    active = loaded(directory, GATEWAY, method, OWN, TRUST)
    assert judged(active, alice(), **as_client(alice())) == Trusted("CN=alice")
    claim = as_client(alice(), identity=Identity(IdKind.IPV4_ADDR, bytes([10, 0, 0, 5])))
    assert "does not vouch" in judged(active, alice(), **claim).reason.text
    server = alice(usages=lab.GATEWAY)
    assert "clientAuth" in judged(active, server, **as_client(server)).reason.text
    (remote,) = active.policy.remotes
    assert remote.authority_names == (CA.subject,)
    assert [len(each) for each in remote.authority_keys] == [20]


@pytest.mark.parametrize("method", ["rsasig", "xauth_rsa_client", "hybrid_rsa_client"])
def test_a_client_judges_the_gateway_by_its_name(directory, method):
    active = loaded(directory, CLIENT, method, *([OWN] if method != "hybrid_rsa_client" else []), TRUST)
    gateway = lab.issue(CA, dns=("vpn.example.net",), **LONG_AGO)
    assert isinstance(judged(active, gateway), Trusted)
    assert isinstance(judged(active, gateway, host="other.example.net"), Untrusted)


@pytest.mark.parametrize("method", ["rsasig", "xauth_rsa_server"])
def test_a_gateway_without_an_authority_does_not_start(directory, method):
    (directory / "ca.crt").rename(directory / "ca.old")
    with pytest.raises(ConfigError, match="there is no CA certificate to check the client with"):
        loaded(directory, GATEWAY, method, OWN)


@pytest.mark.parametrize("method", ["hybrid_rsa_server", "pre_shared_key", "xauth_psk_server"])
def test_a_gateway_that_judges_nobody_needs_no_authority(directory, method):
    active = loaded(directory, GATEWAY, method, OWN)
    assert isinstance(judged(active, alice(), **as_client(alice())), Untrusted)


@pytest.mark.parametrize(("remote", "method"), [(GATEWAY, "xauth_psk_server"), (CLIENT, "pre_shared_key")])
def test_pre_shared_keys(directory, remote, method):
    active = loaded(directory, remote, method)
    request = PskRequest(active.policy.remotes[0].name, None, ip_address("198.51.100.1"), Hash.SHA256, bytes(32))
    other = replace(request, address=ip_address("198.51.100.2"))
    found, none = (asked(active, lambda signer, _, one=one: signer.derive_skeyid(one)) for one in (request, other))
    assert not isinstance(found, Failure)
    assert isinstance(none, Failure)
    assert not any("psk.txt" in warning for warning in active.warnings)
    (directory / "psk.txt").write_bytes(b"198.51.100.1 short\n")
    (warning,) = [text for text in loaded(directory, remote, method).warnings if "psk.txt" in text]
    assert "psk.txt line 1: this key has 5 octets only" in warning


def test_a_saved_password_is_no_short_key(directory):
    (directory / "psk.txt").write_bytes(b"alice short\n198.51.100.1 a key that is long enough\n")
    active = loaded(directory, CLIENT, "xauth_psk_client", "mode_cfg on;", 'xauth_login "alice";')
    assert not any("psk.txt" in warning for warning in active.warnings)


def revoked(directory: Path, name: str, *holders: lab.Holder) -> None:
    start, end = lab.NOW - 20 * 365 * lab.timedelta(days=1), lab.NOW
    (directory / name).write_bytes(lab.list_pem(CA, *holders, start=start, end=end))


def test_lists_of_revoked_certificates(directory):
    bob = lab.issue(CA, "bob", subject="bob", **LONG_AGO)
    holder = alice()
    require = loaded(directory, GATEWAY, "rsasig", OWN, TRUST, "crl_policy require;")
    assert "no revocation list of CN=Lab CA" in judged(require, bob, **as_client(bob)).reason.text
    revoked(directory, "list.of-revoked", holder)
    named = loaded(directory, GATEWAY, "rsasig", OWN, TRUST, 'crl "list.of-revoked";', "crl_policy require;")
    assert "CN=alice was revoked" in judged(named, holder, **as_client(holder)).reason.text
    assert isinstance(judged(named, bob, **as_client(bob)), Trusted)
    without = loaded(directory, GATEWAY, "rsasig", OWN, TRUST)
    assert isinstance(judged(without, holder, **as_client(holder)), Trusted)
    revoked(directory, "0a1b2c3d.r0", holder)
    assert isinstance(judged(without, holder, **as_client(holder)), Untrusted)
    off = loaded(directory, GATEWAY, "rsasig", OWN, TRUST, "crl_policy off;")
    assert isinstance(judged(off, holder, **as_client(holder)), Trusted)


def test_a_list_that_is_not_there(directory):
    with pytest.raises(ConfigError, match=r"missing\.crl"):
        loaded(directory, GATEWAY, "rsasig", OWN, TRUST, 'crl "missing.crl";')


def test_own_keys_that_are_encrypted(directory):
    gateway = lab.issue(CA, dns=("vpn.example.net",), **LONG_AGO)
    protection = serialization.BestAvailableEncryption(b"sesame")
    both = pkcs12.serialize_key_and_certificates(
        b"gw", gateway.private, gateway.certificate, [CA.certificate], protection
    )
    pem = gateway.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    for name, octets in (("own.p12", both), ("own.key", pem), ("own.crt", gateway.pem), ("word", b"sesame\n")):
        (directory / name).write_bytes(octets)
        (directory / name).chmod(0o600)
    bundle = loaded(
        directory, GATEWAY, "hybrid_rsa_server", 'certificate_type pkcs12 "own.p12"; passphrase_file "word";'
    )
    assert bundle.policy.remotes[0].certificates == (gateway.der, CA.der)
    pair = loaded(directory, GATEWAY, "hybrid_rsa_server", OWN, 'passphrase_file "word";')
    assert signed(bundle) == signed(pair)
    with pytest.raises(ConfigError, match="name a file with its passphrase by passphrase_file"):
        loaded(directory, GATEWAY, "hybrid_rsa_server", OWN)


def test_a_reload_takes_new_keys_and_an_impossible_one_leaves_the_old(directory):
    old = loaded(directory, GATEWAY, "rsasig", OWN, TRUST)
    renewed = lab.issue(CA, "renewed", dns=("vpn.example.net",), **LONG_AGO)
    (directory / "own.crt").write_bytes(renewed.pem)
    with pytest.raises(ConfigError, match="does not belong to certificate"):
        loaded(directory, GATEWAY, "rsasig", OWN, TRUST)
    (directory / "own.key").write_bytes(lab.key_pem(renewed.private))
    new = loaded(directory, GATEWAY, "rsasig", OWN, TRUST)
    assert new.policy.remotes[0].certificates == (renewed.der,)
    assert signed(new) != signed(old)
    assert isinstance(judged(old, alice(), **as_client(alice())), Trusted)
