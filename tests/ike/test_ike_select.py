"""`peers_identifier` as the core compares it: the same answers as those of the keys, which see the certificate too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from lotor.ike.errors import PolicyRefusal
from lotor.ike.v1.select import demand_identity
from lotor.model.identity import Identity, IdentityPattern, IdKind
from peers.world import GATEWAY

OIDS = {
    "C": NameOID.COUNTRY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "CN": NameOID.COMMON_NAME,
    "UID": NameOID.USER_ID,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "odd": ObjectIdentifier("1.3.6.1.4.1.99999.7"),
}
PLAIN = (("C", "DE"), ("O", "Lab"), ("CN", "vpn.example.net"))


def fits(pattern: str | None, identity: Identity) -> bool:
    """By the one gate of the core: `verify_identifier on` with this `peers_identifier asn1dn`."""
    return admits(IdentityPattern(IdKind.DER_ASN1_DN, pattern), identity)


def admits(pattern: IdentityPattern, identity: Identity) -> bool:
    try:
        demand_identity(replace(GATEWAY, verify_identifier=True, peers_identifiers=(pattern,)), identity)
    except PolicyRefusal:
        return False
    return True


def _name(*parts: tuple[str, str]) -> Identity:
    attributes = [x509.NameAttribute(OIDS[kind], value) for kind, value in parts]
    return Identity(IdKind.DER_ASN1_DN, x509.Name(attributes).public_bytes())


@pytest.mark.parametrize(
    ("pattern", "parts", "right"),
    [
        ("C=DE, O=Lab, CN=vpn.example.net", PLAIN, True),
        ("CN=vpn.example.net,O=Lab,C=DE", PLAIN, True),
        ("/C=DE/O=Lab/CN=vpn.example.net", PLAIN, True),
        ("c=de, o=lab, cn=VPN.example.net", PLAIN, True),
        ("C=*, O=Lab, CN=*", PLAIN, True),
        ("O=Lab, CN=*", PLAIN, False),
        ("C=DE, O=Lab, CN=vpn", PLAIN, False),
        ("O=Pigs\\, Ltd, CN=*", (("O", "Pigs, Ltd"), ("CN", "alice")), True),
        ("CN=*, O=Firm", (("CN", "x, O=Firm"),), False),
        ("O=Lab, CN=*", (("O", "Lab"), ("CN", "ftp/a.example.net")), True),
        ("O=Lab, CN=ftp/a.example.net", (("O", "Lab"), ("CN", "ftp/a.example.net")), True),
        ("O=Lab, UID=alice", (("O", "Lab"), ("UID", "alice")), True),
        ("O=Lab, serialNumber=7", (("O", "Lab"), ("SERIALNUMBER", "7")), True),
        ("O=Lab, E=a@example.net", (("O", "Lab"), ("emailAddress", "a@example.net")), True),
        ("O=Lab, 1.3.6.1.4.1.99999.7=x", (("O", "Lab"), ("odd", "x")), True),
    ],
)
def test_distinguished_names(pattern, parts, right):
    assert fits(pattern, _name(*parts)) is right


def test_a_name_in_hexadecimal():
    name = _name(*PLAIN)
    assert fits("~" + name.data.hex().upper(), name)
    assert not fits("~3000", name)


@pytest.mark.parametrize("octets", [b"", b"\x30", b"\x30\x80", b"\x31\x00"])
def test_what_is_no_name_fits_no_pattern(octets):
    assert not fits("CN=*", Identity(IdKind.DER_ASN1_DN, octets))
    assert fits(None, Identity(IdKind.DER_ASN1_DN, octets)), "any name, also one that nobody can read"


@pytest.mark.parametrize(
    ("kind", "pattern", "sent", "right"),
    [
        (IdKind.FQDN, "VPN.example.net", b"vpn.example.NET", True),
        (IdKind.FQDN, "vpn.example.net", b"vpn.example.net.", True),
        (IdKind.FQDN, "vpn.example.net", b"xvpn.example.net", False),
        (IdKind.USER_FQDN, "Alice@example.net", b"alice@example.net", True),
        (IdKind.KEY_ID, "engineers", b"engineers", True),
        (IdKind.KEY_ID, "engineers", b"Engineers", False),
        (IdKind.KEY_ID, "schlüssel", "schlüssel".encode(), True),
        (IdKind.KEY_ID, b"\x00\xff\x80".decode("latin-1"), b"\x00\xff\x80", True),
        (IdKind.KEY_ID, None, b"\x00\xff\x80", True),
        (IdKind.IPV4_ADDR, "192.0.2.1", bytes([192, 0, 2, 1]), True),
        (IdKind.IPV4_ADDR, "192.0.2.1", bytes([192, 0, 2, 2]), False),
        (IdKind.IPV4_ADDR, "192.0.2.1", b"", False),
        (IdKind.IPV4_ADDR, "::1", bytes(15) + b"\1", False),
        (IdKind.IPV6_ADDR, "2001:db8::1", bytes.fromhex("20010db8") + bytes(11) + b"\1", True),
    ],
)
def test_other_kinds(kind, pattern, sent, right):
    assert admits(IdentityPattern(kind, pattern), Identity(kind, sent)) is right


def test_a_kind_is_not_another():
    assert not admits(IdentityPattern(IdKind.FQDN, "a.example.net"), Identity(IdKind.KEY_ID, b"a.example.net"))
    six = Identity(IdKind.IPV6_ADDR, bytes(15) + b"\1")
    assert admits(IdentityPattern(IdKind.IPV4_ADDR, None), six), "any address is an address of either version"
