"""Pre-shared keys: whose line of psk.txt counts for a peer, and what is told of keys that are no good."""

from __future__ import annotations

import hmac
import json
from ipaddress import ip_address
from pathlib import Path

import pytest

from keys import certificate_lab as lab
from lotor.files.problems import Severity
from lotor.keys import Keyring, RemoteKeys
from lotor.keys.shared import line_of
from lotor.model.algorithms import Hash
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import Failure, Feigned, PskRequest
from lotor.model.policy import Side
from lotor.model.secret import Secret

VECTORS = Path(__file__).parents[1] / "vectors"
NONCES = bytes(range(40))
TEXT = b"""# group keys
*                 everybody's key\x20
192.0.2.7         key of the address
2001:DB8:0::7     key of IPv6
vpn.example.net   key of a name
bob@example.net   key of a person
group             key of a group
0x00ff20          key of octets
0x3003020101      key of a subject
hex               0x6f70656e
192.0.2.8         0x
192.0.2.9         0xnothex
"""


def write(directory: Path, text: bytes, mode: int = 0o600) -> Path:
    path = directory / "psk.txt"
    path.write_bytes(text)
    path.chmod(mode)
    return path


def keyring(path: Path | None, side: Side = Side.GATEWAY, **rules) -> Keyring:
    return Keyring([RemoteKeys("gw", shared_key=True, side=side, **rules)], path)


def request(identity: Identity | None = None, address: str = "198.51.100.1", **changes) -> PskRequest:
    fields = {"remote": "gw", "identity": identity, "address": ip_address(address), "hash": Hash.SHA256}
    return PskRequest(**{**fields, "nonces": NONCES, **changes})


def skeyid(key: bytes, hashing: str = "sha256") -> Secret:
    return Secret(hmac.digest(key, NONCES, hashing))


@pytest.mark.parametrize(
    ("identity", "address", "key"),
    [
        (None, "192.0.2.7", b"key of the address"),
        (None, "2001:db8::7", b"key of IPv6"),
        (None, "198.51.100.1", b"everybody's key "),
        (Identity(IdKind.FQDN, b"vpn.example.net"), "192.0.2.7", b"key of a name"),
        (Identity(IdKind.USER_FQDN, b"bob@example.net"), "198.51.100.1", b"key of a person"),
        (Identity(IdKind.KEY_ID, b"group"), "198.51.100.1", b"key of a group"),
        (Identity(IdKind.KEY_ID, b"\0\xff "), "198.51.100.1", b"key of octets"),
        (Identity(IdKind.DER_ASN1_DN, b"\x30\3\2\1\1"), "198.51.100.1", b"key of a subject"),
        (Identity(IdKind.KEY_ID, b"hex"), "198.51.100.1", b"open"),
        (Identity(IdKind.IPV4_ADDR, bytes([192, 0, 2, 7]), 17, 500), "198.51.100.1", b"key of the address"),
        (Identity(IdKind.IPV6_ADDR, ip_address("2001:db8::7").packed), "198.51.100.1", b"key of IPv6"),
        (Identity(IdKind.IPV4_ADDR, bytes([10, 0, 0, 5])), "192.0.2.7", b"key of the address"),
        (Identity(IdKind.IPV4_ADDR, b"\1"), "192.0.2.7", b"key of the address"),
        (Identity(IdKind.FQDN, b"stranger"), "192.0.2.7", b"key of the address"),
        (Identity(IdKind.FQDN, b"stranger"), "198.51.100.1", b"everybody's key "),
        (Identity(99, b"group"), "198.51.100.1", b"everybody's key "),
        (Identity(IdKind.KEY_ID, b"GROUP"), "198.51.100.1", b"everybody's key "),
        (Identity(IdKind.KEY_ID, b"*"), "192.0.2.7", b"key of the address"),
        (Identity(IdKind.KEY_ID, b""), "192.0.2.7", b"key of the address"),
        (Identity(IdKind.KEY_ID, b"#"), "192.0.2.7", b"key of the address"),
        (Identity(IdKind.KEY_ID, b"group\0"), "192.0.2.7", b"key of the address"),
    ],
)
def test_whose_line_counts(tmp_path, identity, address, key):
    assert keyring(write(tmp_path, TEXT)).derive_skeyid(request(identity, address)) == skeyid(key)


@pytest.mark.parametrize("hashing", [Hash.MD5, Hash.SHA1, Hash.SHA512])
def test_the_prf_is_that_of_the_proposal(tmp_path, hashing):
    found = keyring(write(tmp_path, TEXT)).derive_skeyid(request(address="192.0.2.7", hash=hashing))
    assert found == skeyid(b"key of the address", hashing.value)


@pytest.mark.parametrize(
    ("capture", "name"),
    [
        ("psk-main-strongswan", b"198.51.100.1"),
        ("xauthpsk-main-strongswan", b"198.51.100.1"),
        ("xauthpsk-aggressive-vpnc", b"labgroup"),
    ],
)
def test_recorded_peers_derived_the_same(tmp_path, capture, name):
    """The client's key id of aggressive mode finds the key; main mode has its address alone."""
    vector = json.loads((VECTORS / capture / "vector.json").read_text())
    sa = vector["ike_sas"][0]
    body = bytes.fromhex(sa["id_i"]) if "aggressive" in capture else b""
    asked = request(
        Identity(body[0], body[4:]) if body else None,
        hash=Hash(sa["hash"]),
        nonces=bytes.fromhex(sa["nonce_i"] + sa["nonce_r"]),
    )
    path = write(tmp_path, name + b" " + vector["psk"].encode())
    assert keyring(path).derive_skeyid(asked) == Secret(bytes.fromhex(sa["SKEYID"]))


def test_the_first_line_of_a_name_counts(tmp_path):
    path = write(tmp_path, b"192.0.2.7 first\n192.0.2.7 second\n")
    assert keyring(path).derive_skeyid(request(address="192.0.2.7")) == skeyid(b"first")


def test_an_empty_key_id_is_nobodys(tmp_path):
    path = write(tmp_path, b"0x key of nothing\n")
    assert isinstance(keyring(path).derive_skeyid(request(Identity(IdKind.KEY_ID, b""))), Failure)


def test_nobodys_key(tmp_path):
    path = write(tmp_path, b"192.0.2.7 first\n")
    found = keyring(path).derive_skeyid(request(Identity(IdKind.FQDN, b"bob\n\x1b[2J"), "192.0.2.10"))
    assert found.reason.text == (
        f"{path} has no key for bob??[2J at 192.0.2.10: add a line with the name, a blank and the key"
    )


def test_with_verify_identifier_the_address_does_not_stand_in_for_the_identity(tmp_path):
    path = write(tmp_path, b"192.0.2.7 first\nbob second\n")
    strict = keyring(path, verify_identifier=True)
    assert isinstance(strict.derive_skeyid(request(Identity(IdKind.FQDN, b"eve"), "192.0.2.7")), Failure)
    assert strict.derive_skeyid(request(Identity(IdKind.FQDN, b"bob"), "192.0.2.7")) == skeyid(b"second")
    assert strict.derive_skeyid(request(None, "192.0.2.7")) == skeyid(b"first")  # main mode knows nothing else


CLIENTS_FILE = b"""*               everybody's key
192.0.2.50      key of the dialled address
vpn.example.net key of the name
gate            key of the tag
other           key of another gateway
203.0.113.66    key of another address
"""


@pytest.mark.parametrize(
    ("identifiers", "host", "address", "key"),
    [
        ((), None, "192.0.2.50", b"key of the dialled address"),
        ((), "VPN.example.net.", "192.0.2.50", b"key of the name"),
        ((), "nobody.example.net", "192.0.2.50", b"key of the dialled address"),
        ((), "nobody.example.net", "192.0.2.51", b"everybody's key"),
        ((), "*", "192.0.2.51", b"everybody's key"),
        (((IdKind.KEY_ID, "gate"),), "vpn.example.net", "192.0.2.50", b"key of the tag"),
        (((IdKind.FQDN, "VPN.example.net"),), None, "192.0.2.50", b"key of the name"),
        (((IdKind.IPV4_ADDR, "203.0.113.66"),), None, "192.0.2.50", b"key of another address"),
        (((IdKind.FQDN, None),), None, "192.0.2.50", b"key of the dialled address"),
        (((IdKind.DER_ASN1_DN, "CN=other"),), None, "192.0.2.50", b"key of the dialled address"),
    ],
)
@pytest.mark.parametrize("verify", [None, True])
@pytest.mark.parametrize("claimed", [None, Identity(IdKind.KEY_ID, b"other"), Identity(IdKind.FQDN, b"other")])
def test_f2_a_client_takes_the_key_of_the_gateway_that_it_meant(
    tmp_path, identifiers, host, address, key, verify, claimed
):
    """Whatever a responder claims: what the configuration or the person said chooses the line."""
    patterns = tuple(IdentityPattern(kind, value) for kind, value in identifiers)
    rules = {"side": Side.CLIENT, "peers_identifiers": patterns, "verify_identifier": verify}
    ring = keyring(write(tmp_path, CLIENTS_FILE), **rules)
    assert ring.derive_skeyid(request(claimed, address, host=host)) == skeyid(key)


@pytest.mark.parametrize(
    ("address", "words"), [("192.0.2.8", "line 11: there is nothing behind 0x"), ("192.0.2.9", "line 12: what follows")]
)
def test_bad_hexadecimal_is_told_and_not_shown(tmp_path, address, words):
    found = keyring(write(tmp_path, TEXT)).derive_skeyid(request(address=address))
    assert isinstance(found, Failure)
    assert words in found.reason.text
    assert "nothex" not in found.reason.text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_reach(tmp_path, mode):
    path = write(tmp_path, TEXT, mode)
    for ring in (keyring(path), keyring(path, verify_identifier=True)):
        found = ring.derive_skeyid(request(address="192.0.2.7"))
        assert isinstance(found, Failure)
        assert found.reason.text == (
            f"no pre-shared key for 192.0.2.7: {path} has mode {mode:04o}, so that others may reach its secrets: "
            f"chmod 600 {path}"
        )
    warning = keyring(path).problems[0]
    assert (warning.severity, warning.remote) == (Severity.WARNING, "gw")
    assert warning.text.startswith(f"no pre-shared key can be used: {path} has mode")


def test_a_symbolic_link_and_a_missing_file(tmp_path):
    real = write(tmp_path, TEXT)
    link = tmp_path / "link"
    link.symlink_to(real)
    assert "symbolic link" in keyring(link).derive_skeyid(request()).reason.text
    assert "does not exist" in keyring(tmp_path / "none").derive_skeyid(request()).reason.text
    assert not lab.errors(keyring(tmp_path / "none")), "the file may come later"


def test_without_a_file():
    ring = keyring(None)
    assert "path pre_shared_key" in ring.derive_skeyid(request()).reason.text
    assert lab.errors(ring) == [ring.derive_skeyid(request()).reason.text]


def test_for_an_unknown_remote(tmp_path):
    found = keyring(write(tmp_path, TEXT)).derive_skeyid(request(remote="other"))
    assert "no remote block named other" in found.reason.text


def test_short_keys_are_told_at_load_without_showing_them(tmp_path):
    path = write(tmp_path, b"192.0.2.7 sixteen octets..\n* fifteen octets\nalice short\n\nx 0x0102\ny 0x\n")
    texts = [problem.text for problem in keyring(path, login="alice").problems]
    assert [text.removeprefix(f"{path} ").split(",")[0] for text in texts] == [
        "line 2: this key has 14 octets only",
        "line 5: this key has 2 octets only",
        "line 6: there is nothing behind 0x",
    ]
    assert not any("fifteen" in text for text in texts)


def test_keys_are_not_looked_at_where_nobody_uses_them(tmp_path):
    assert Keyring([RemoteKeys("gw", login="alice")], write(tmp_path, b"alice short\n")).problems == ()


def test_the_file_is_read_at_every_use(tmp_path):
    ring = keyring(write(tmp_path, b"* long enough to be a key\n"))
    write(tmp_path, b"* another key, as long as that\n")
    assert ring.derive_skeyid(request()) == skeyid(b"another key, as long as that")


def test_f14_for_an_unknown_name_the_gateway_goes_on_with_a_key_of_chance(tmp_path):
    ring = keyring(write(tmp_path, b"192.0.2.7 a key for an address\n"))
    eve, bob = Identity(IdKind.KEY_ID, b"eve"), Identity(IdKind.KEY_ID, b"bob")
    found = ring.derive_skeyid(request(eve, aggressive=True))
    assert isinstance(found, Feigned)
    assert "has no key for eve at 198.51.100.1: add a line" in found.reason.text
    again, other = (ring.derive_skeyid(request(one, aggressive=True)) for one in (eve, bob))
    assert found.skeyid == again.skeyid != other.skeyid, "the same for one name, as a true key would be"
    assert keyring(tmp_path / "psk.txt").derive_skeyid(request(eve, aggressive=True)) == found, "also after a reload"
    assert isinstance(ring.derive_skeyid(request(eve)), Failure)
    assert isinstance(ring.derive_skeyid(request(None, aggressive=True)), Failure), "main mode and clients"


def test_f14_who_is_nobody_gets_a_key_of_chance_whatever_the_file_says(tmp_path):
    ring = keyring(write(tmp_path, b"* a key for everybody at all\n"))
    found = ring.derive_skeyid(request(Identity(IdKind.KEY_ID, b"eve"), aggressive=True, nobody=True))
    assert isinstance(found, Feigned)
    assert found.skeyid != skeyid(b"a key for everybody at all")


def test_f14_a_key_of_the_file_that_cannot_be_read_is_no_answer_either(tmp_path):
    ring = keyring(write(tmp_path, b"eve 0xnothex\n"))
    found = ring.derive_skeyid(request(Identity(IdKind.KEY_ID, b"eve"), aggressive=True))
    assert isinstance(found, Feigned)
    assert "line 1: what follows 0x is not hexadecimal" in found.reason.text


def test_f14_every_name_is_compared_with_every_line(tmp_path):
    """Else the time until the answer would tell whether a name is there, and where."""
    path = write(tmp_path, b"".join(b"name%d key number %d\n" % (number, number) for number in range(50)))
    counts = []
    for wanted in (b"name0", b"name49", b"nobody"):
        seen = []

        def means(name, wanted=wanted, seen=seen):
            seen.append(name)
            return name == wanted

        line_of(path, (means, means))
        counts.append(len(seen))
    assert counts == [100, 100, 100]


SHORT = b"* too short\n"


@pytest.mark.parametrize("side", list(Side))
def test_f14_a_short_key_in_aggressive_mode_needs_a_word(tmp_path, side):
    path, identity = write(tmp_path, SHORT), Identity(IdKind.KEY_ID, b"group") if side is Side.GATEWAY else None
    ring = keyring(path, side, aggressive=True)
    (error,) = lab.errors(ring)
    assert error.startswith(f"{path} line 1: this key has 9 octets only")
    assert "write allow_short_key on; into remote gw" in error
    found = ring.derive_skeyid(request(identity, aggressive=True))
    assert isinstance(found, Feigned if side is Side.GATEWAY else Failure)
    assert "has 9 octets only" in found.reason.text
    assert "too short" not in found.reason.text + error
    assert ring.derive_skeyid(request(None)) == skeyid(b"too short"), "main mode gives nothing away"
    allowed = keyring(path, side, aggressive=True, allow_short_key=True)
    assert not lab.errors(allowed)
    assert [problem.severity for problem in allowed.problems] == [Severity.WARNING]
    assert allowed.derive_skeyid(request(identity, aggressive=True)) == skeyid(b"too short")


def test_f14_main_mode_alone_warns_of_a_short_key(tmp_path):
    ring = keyring(write(tmp_path, SHORT))
    assert not lab.errors(ring)
    assert len(ring.problems) == 1
