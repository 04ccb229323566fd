"""Distinguished names through the carrier: what `lotor check` accepts is what a peer's certificate is compared with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.x509.oid import NameOID

from keys import certificate_lab as lab
from lotor.cli.main import lotor
from lotor.daemon.active_config import load
from lotor.ike.errors import PolicyRefusal
from lotor.ike.v1.select import demand_identity
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import PeerProof, Trusted, Untrusted

ADDRESS = "192.0.2.50"
SIGNED = b"what the gateway signs"
VALID = {"start": datetime.now(UTC) - timedelta(days=1), "end": datetime.now(UTC) + timedelta(days=9)}
PLAIN = ((NameOID.COUNTRY_NAME, "XX"), (NameOID.ORGANIZATION_NAME, "Lab"), (NameOID.COMMON_NAME, "vpn.example.net"))
ODD = x509.ObjectIdentifier("1.3.6.1.4.1.99999.7")
FILE = """\
remote {address} {{
    exchange_mode aggressive;
    ca_type x509 "ca.crt";
    peers_identifier asn1dn "{name}";
    verify_identifier on;
    proposal {{ encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_client; dh_group 14;
    }}
}}
sainfo anonymous {{ encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }}
"""

SPELLINGS = [
    ("C=XX, O=Lab, CN=vpn.example.net", PLAIN),
    ("CN=vpn.example.net,O=Lab,C=XX", PLAIN),
    ("/C=XX/O=Lab/CN=vpn.example.net", PLAIN),
    ("/C=XX/O=Lab/CN=*", PLAIN),
    ("c = xx, o=LAB, commonName=*", PLAIN),
    ("2.5.4.6=XX, 2.5.4.10=Lab, 2.5.4.3=vpn.example.net", PLAIN),
    ("C=XX, O=Lab, CN=*,", PLAIN),
    (r"O=Pigs\, Ltd, CN=*", ((NameOID.ORGANIZATION_NAME, "Pigs, Ltd"), (NameOID.COMMON_NAME, "vpn"))),
    (r"/O=Lab/CN=ftp\/vpn", ((NameOID.ORGANIZATION_NAME, "Lab"), (NameOID.COMMON_NAME, "ftp/vpn"))),
    (r"CN=b\C3\BCcher", ((NameOID.COMMON_NAME, "bücher"),)),
    ("CN=BÜCHER", ((NameOID.COMMON_NAME, "bücher"),)),
    ("userid=alice, CN=*", ((NameOID.USER_ID, "alice"), (NameOID.COMMON_NAME, "vpn"))),
    ("T=Head, CN=*", ((NameOID.TITLE, "Head"), (NameOID.COMMON_NAME, "vpn"))),
    (
        "surname=Doe, givenName=Jo, CN=*",
        ((NameOID.SURNAME, "Doe"), (NameOID.GIVEN_NAME, "Jo"), (NameOID.COMMON_NAME, "vpn")),
    ),
    ("S=North, L=Town, street=Lane", ((NameOID.STATE_OR_PROVINCE_NAME, "North"), (NameOID.LOCALITY_NAME, "Town"),
                                      (NameOID.STREET_ADDRESS, "Lane"))),
    ("E=a@example.net, serialNumber=7", ((NameOID.EMAIL_ADDRESS, "a@example.net"), (NameOID.SERIAL_NUMBER, "7"))),
    ("email=a@example.net, OU=x, DC=net", ((NameOID.EMAIL_ADDRESS, "a@example.net"),
                                           (NameOID.ORGANIZATIONAL_UNIT_NAME, "x"), (NameOID.DOMAIN_COMPONENT, "net"))),
    ("1.3.6.1.4.1.99999.7=x, CN=*", ((ODD, "x"), (NameOID.COMMON_NAME, "vpn"))),
    ("C=*, CN=*", ((NameOID.COUNTRY_NAME, "XX"), (NameOID.COMMON_NAME, "ü"))),
    ("C=Ü, CN=*", None),
    ("~" + x509.Name([x509.NameAttribute(*one) for one in PLAIN]).public_bytes().hex().upper(), PLAIN),
]  # fmt: skip


@pytest.fixture(scope="module")
def authority() -> lab.Holder:
    return lab.authority(**VALID)


def write(place: Path, name: str, authority: lab.Holder) -> Path:
    (place / "ca.crt").write_bytes(authority.pem)
    file = place / "racoon.conf"
    file.write_text(FILE.format(address=ADDRESS, name=name))
    return file


@pytest.mark.parametrize(("name", "subject"), SPELLINGS)
def test_a_checked_name_matches_the_peers_certificate(tmp_path, authority, name, subject):
    file = write(tmp_path, name, authority)
    said = CliRunner().invoke(lotor, ["check", str(file)])
    assert (said.exit_code, said.stderr) == (0, "")
    assert accepted(file, authority, subject or PLAIN) is (subject is not None)
    assert not accepted(file, authority, ((NameOID.COMMON_NAME, "other"),))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("vpn.example.net", "'vpn.example.net' is not of the form TYPE=VALUE"),
        ("/C=XX/CN=ftp/vpn", "'vpn' is not of the form TYPE=VALUE"),
        ("XX=1", "XX is no known part of a name: use one of CN, SN"),
        ("2.5.4.03=x", "2.5.4.03 is no known part of a name"),
        ("3.5.4=x", "3.5.4 is no known part of a name"),
        ("CN=, O=Lab", "CN has no value"),
        ("/", "the name is empty"),
        ("~31", "begins with 30"),
        (r"CN=\FF", "is no UTF-8"),
    ],
)
def test_what_is_no_name_is_refused_at_its_place(tmp_path, authority, name, fault):
    file = write(tmp_path, name, authority)
    said = CliRunner().invoke(lotor, ["check", str(file)])
    assert said.exit_code != 0
    assert f"{file}:4:22: this name cannot be read: " in said.stderr
    assert fault in said.stderr


def accepted(file: Path, authority: lab.Holder, subject: tuple) -> bool:
    """What the settings of a file say to a gateway of this name: the core and the judge of certificates agree."""
    active = load(file)
    name = x509.Name([x509.NameAttribute(*one) for one in subject])
    gateway = lab.issue(authority, name=name, addresses=(ADDRESS,), **VALID)
    identity = Identity(IdKind.DER_ASN1_DN, name.public_bytes())
    proof = PeerProof(
        ADDRESS, (gateway.der,), identity, SIGNED, gateway.sign(SIGNED), ip_address(ADDRESS), host=ADDRESS
    )
    verdict = active.trust.judge(proof)
    assert isinstance(verdict, Trusted | Untrusted)
    try:
        demand_identity(active.policy.remotes[0], identity)
    except PolicyRefusal:
        assert isinstance(verdict, Untrusted)
        assert "no peers_identifier allows" in verdict.reason.text
        return False
    assert isinstance(verdict, Trusted), verdict
    return True
