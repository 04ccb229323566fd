"""TLS without I/O: both ends of it, beside OpenSSL, and what a broken or lying peer comes to."""

from __future__ import annotations

import contextlib
import ssl
from datetime import UTC, datetime
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from lotor.crypto.tls import TlsEnd, TlsIdentity, TlsKey
from lotor.model.tls import TlsMethod

NAME = "vpn.example.net"
HASHES = {0x04: hashes.SHA256(), 0x05: hashes.SHA384(), 0x06: hashes.SHA512()}
PSS = {0x0804: hashes.SHA256(), 0x0805: hashes.SHA384(), 0x0806: hashes.SHA512()}
ECDSA = {0x0403: hashes.SHA256(), 0x0503: hashes.SHA384(), 0x0603: hashes.SHA512()}


@cache
def certificate(private, name):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    digest = None if isinstance(private, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(private, digest)


def signs(private, asked=None):
    def sign(scheme, message):
        if asked is not None:
            asked.append(scheme)
        if scheme in PSS:
            digest = PSS[scheme]
            return private.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        if isinstance(private, rsa.RSAPrivateKey):
            return private.sign(message, padding.PKCS1v15(), HASHES[scheme >> 8])
        if scheme in ECDSA:
            return private.sign(message, ec.ECDSA(ECDSA[scheme]))
        return private.sign(message)

    return sign


MAKERS = {
    TlsKey.RSA: lambda: rsa.generate_private_key(65537, 2048),
    TlsKey.P256: lambda: ec.generate_private_key(ec.SECP256R1()),
    TlsKey.P384: lambda: ec.generate_private_key(ec.SECP384R1()),
    TlsKey.P521: lambda: ec.generate_private_key(ec.SECP521R1()),
    TlsKey.ED25519: ed25519.Ed25519PrivateKey.generate,
}


@pytest.fixture(scope="module")
def keys():
    return {kind: make() for kind, make in MAKERS.items()}


def identity(keys, kind=TlsKey.P256, name=NAME, sign=None):
    private = keys[kind]
    der = certificate(private, name).public_bytes(serialization.Encoding.DER)
    return TlsIdentity((der,), kind, sign or signs(private))


def talk(client, server, first=b""):
    """Both ends until nobody has anything to say; their last steps."""
    at_client = client.step(first)
    at_server = server.step(at_client.out)
    for _ in range(6):
        if not at_server.out and not at_client.out:
            break
        at_client = client.step(at_server.out)
        if not at_client.out and not at_client.fault:
            break
        at_server = server.step(at_client.out)
    return at_client, at_server


@pytest.mark.parametrize("kind", TlsKey)
def test_each_kind_of_key_proves_a_server_and_both_ends_have_the_same_keys(keys, kind):
    asked = []
    client, server = TlsEnd.client(NAME), TlsEnd.server(identity(keys, kind, sign=signs(keys[kind], asked)), asks=False)
    at_client, at_server = talk(client, server)
    assert (at_client.stands, at_server.stands) == (True, True)
    assert len(asked) == 1
    assert client.version == server.version == "TLS 1.3"
    for method in TlsMethod:
        assert client.msk(method).reveal() == server.msk(method).reveal()
        assert len(client.msk(method).reveal()) == 64
    assert len({client.msk(method).reveal() for method in TlsMethod}) == 3
    assert client.peer_chain == identity(keys, kind).chain
    assert server.peer_chain == ()


def test_a_client_that_is_asked_proves_itself(keys):
    client = TlsEnd.client(NAME, identity(keys, TlsKey.RSA, "alice"))
    server = TlsEnd.server(identity(keys), asks=True)
    at_client, at_server = talk(client, server)
    assert (at_client.stands, at_server.stands) == (True, True)
    assert server.peer_chain == identity(keys, TlsKey.RSA, "alice").chain


def test_a_client_without_a_certificate_does_not_get_in_where_one_is_asked_for(keys):
    client, server = TlsEnd.client(NAME), TlsEnd.server(identity(keys), asks=True)
    _, at_server = talk(client, server)
    assert not at_server.stands
    assert "certificate" in at_server.fault.lower()
    with pytest.raises(ValueError, match="no certificates"):
        server.msk(TlsMethod.TLS)


@pytest.mark.parametrize("asks", [False, True])
def test_somebody_elses_certificate_proves_nothing(keys, asks):
    """The thief has the certificate of another one and a key of his own."""
    stolen = identity(keys, TlsKey.P256, sign=signs(ec.generate_private_key(ec.SECP256R1())))
    own = identity(keys, TlsKey.P384)
    client = TlsEnd.client(NAME, stolen if asks else None)
    server = TlsEnd.server(own if asks else stolen, asks=asks)
    at_client, at_server = talk(client, server)
    assert not (at_server if asks else at_client).stands


@pytest.mark.parametrize("gives", [lambda *_: None, lambda *_: 1 / 0, lambda *_: "text"])
def test_a_key_that_gives_no_signature_is_the_end(keys, gives):
    client, server = TlsEnd.client(NAME), TlsEnd.server(identity(keys, sign=gives), asks=False)
    _, at_server = talk(client, server)
    assert at_server.fault
    assert server.step(b"").fault == at_server.fault


def test_what_is_said_inside_arrives_inside(keys):
    client, server = TlsEnd.client(NAME), TlsEnd.server(identity(keys), asks=False)
    talk(client, server)
    assert server.step(client.send(b"alice and her password")).inside == b"alice and her password"
    assert client.step(server.send(b"\0")).inside == b"\0"
    assert client.export(b"ttls challenge", 17) == server.export(b"ttls challenge", 17)


def test_nothing_is_said_before_the_tunnel_stands(keys):
    server = TlsEnd.server(identity(keys), asks=False)
    with pytest.raises(ValueError, match="the tunnel does not stand"):
        server.send(b"too early")


def test_a_flood_inside_ends_the_connection(keys):
    client, server = TlsEnd.client(NAME), TlsEnd.server(identity(keys), asks=False)
    talk(client, server)
    records = b"".join(client.send(bytes(16000)) for _ in range(8))
    assert "more than 65536 octets" in server.step(records).fault


@pytest.mark.parametrize(
    "octets", [b"\x16\x03\x01\x00\x05hello", bytes(64), b"\x17\x03\x03\xff\xff" + bytes(40), b"GET / HTTP/1.1\r\n\r\n"]
)
def test_octets_that_are_no_tls_end_it(keys, octets):
    server = TlsEnd.server(identity(keys), asks=False)
    assert server.step(octets).fault
    assert not server.step(octets).stands


def test_octets_one_by_one_are_the_same_to_it(keys):
    client, server = TlsEnd.client(NAME), TlsEnd.server(identity(keys), asks=False)
    out = b"".join(server.step(bytes([octet])).out for octet in client.step().out)
    assert client.step(out).stands


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", [TlsKey.RSA, TlsKey.P256])
def test_openssl_as_client(keys, kind, newest):
    server = TlsEnd.server(identity(keys, kind), asks=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.maximum_version = True, newest
    context.load_verify_locations(cadata=certificate(keys[kind], NAME).public_bytes(serialization.Encoding.DER))
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=NAME)
    for _ in range(5):
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        to_client.write(server.step(to_server.read()).out)
    assert server.step().stands
    assert client.version() == {"TLS 1.2": "TLSv1.2", "TLS 1.3": "TLSv1.3"}[server.version]
    assert server.tells_success is (newest is ssl.TLSVersion.TLSv1_3)
    client.write(b"inside")
    assert server.step(to_server.read()).inside == b"inside"
    assert len(server.msk(TlsMethod.TTLS).reveal()) == 64


@pytest.mark.parametrize("text", ["no name", "", "a" * 300])
def test_a_name_that_no_certificate_can_have(text):
    with pytest.raises(ValueError, match="is no name of a server"):
        TlsEnd.client(text)


def test_no_secret_is_shown(keys):
    client, server = TlsEnd.client(NAME), TlsEnd.server(identity(keys), asks=False)
    talk(client, server)
    step = server.step(client.send(b"my password"))
    assert "password" not in repr(step)
    assert "sign" not in repr(identity(keys))
