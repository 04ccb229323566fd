"""What strangers see at the open port: the proof by its path or name, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from lotor.acme import showing
from lotor.acme.showing import AT_ONCE, PATH, PROTOCOL, Stand
from lotor.crypto.private.issuing import CHALLENGE, make_challenge
from lotor.crypto.private.keypair import generate_key
from lotor.model.algorithms import Curve

NAME, DIGEST = "vpn.example.net", hashlib.sha256(b"authorization").digest()


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def asked(listening, octets):
    with socket.create_connection(listening.getsockname(), 60) as visitor:
        visitor.sendall(octets)
        found = b""
        while more := visitor.recv(65536):
            found += more
    return found


def request(path, method="GET"):
    return f"{method} {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()


def test_a_text_is_at_its_path_while_it_stands(listening):
    stand = Stand(listening)
    stand.serve(tls=False)
    with stand.text("token", "token.thumb"):
        assert asked(listening, request(f"{PATH}token")).endswith(b"\r\n\r\ntoken.thumb")
        for other in (
            request("/"),
            request(f"{PATH}other"),
            request(f"{PATH}../token"),
            request(f"{PATH}token", "POST"),
            b"\r\n\r\n",
            b"GET\0\r\n\r\n",
            b"\xff" * 9000,
        ):
            assert asked(listening, other).startswith(b"HTTP/1.1 404 ")
    assert asked(listening, request(f"{PATH}token")).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("tls", [False, True])
def test_strangers_who_say_nothing_keep_no_authority_out(listening, monkeypatch, tls):
    """As many as there are places, and as many again: the one who came first gives way."""
    monkeypatch.setattr(showing, "SECONDS", 60.0)
    stand = Stand(listening)
    stand.serve(tls=tls)
    shows = stand.certificate(NAME, proof()) if tls else stand.text("token", "token.thumb")
    with shows, contextlib.ExitStack() as silent:
        for _ in range(2 * AT_ONCE + 1):
            silent.enter_context(socket.create_connection(listening.getsockname(), 60))
        if tls:
            assert seen(listening, NAME)[0] == PROTOCOL
        else:
            assert asked(listening, request(f"{PATH}token")).endswith(b"token.thumb")


def proof():
    key = generate_key(Curve.P256)
    return make_challenge(key, NAME, DIGEST, datetime.now(UTC), timedelta(days=1)) + key.pem().reveal()


def seen(listening, name, protocols=(PROTOCOL,)):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    with (
        socket.create_connection(listening.getsockname(), 60) as visitor,
        context.wrap_socket(visitor, server_hostname=name) as end,
    ):
        return end.selected_alpn_protocol(), x509.load_der_x509_certificate(end.getpeercert(binary_form=True))


def test_a_certificate_is_shown_for_its_name(listening):
    stand = Stand(listening)
    stand.serve(tls=True)
    with stand.certificate(NAME, proof()):
        protocol, certificate = seen(listening, NAME)
        assert protocol == PROTOCOL
        shown = certificate.extensions.get_extension_for_oid(CHALLENGE)
        assert shown.critical
        assert shown.value.value == b"\x04\x20" + DIGEST
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [NAME]
        with pytest.raises(ssl.SSLError):
            seen(listening, "other.example.net")
        assert seen(listening, NAME)
    with pytest.raises(OSError):  # noqa: PT011 - cut, or told
        seen(listening, NAME)
