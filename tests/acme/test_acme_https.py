"""Requests to an authority over HTTPS, on loopback."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager
from threading import Thread

import pytest

import vacant
from lab import pki
from lotor.acme.faults import AcmeFault
from lotor.acme.https import LONGEST_WAIT, MOST_OCTETS, Answer, Https, checked


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    directory = tmp_path_factory.mktemp("keys")
    authority = pki.authority()
    authority.save(directory, "ca")
    pki.gateway(authority, "127.0.0.1").save(directory, "own")
    return directory


@contextmanager
def server(keys, says):
    """Says so to each request; None: nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "own.crt", keys / "own.key")

    def serve():
        try:
            visitor, _ = listening.accept()
            with context.wrap_socket(visitor, server_side=True) as end:
                heard = end.recv(65536)
                if heard.startswith(b"POST") and b"body" not in heard:
                    end.recv(65536)
                if says is not None:
                    end.sendall(says)
                else:
                    end.recv(65536)
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/place?a=b"
    thread.join(60)


def client(keys, patience=60.0):
    return Https(ssl.create_default_context(cafile=keys / "ca.crt"), patience)


def test_an_answer(keys):
    with server(keys, b"HTTP/1.1 201 Created\r\nReplay-Nonce: x\r\nContent-Length: 2\r\n\r\n{}") as url:
        found = client(keys).ask("POST", url, b"body")
    assert (found.status, found.fields["replay-nonce"], found.document()) == (201, "x", {})


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (b"nonsense\r\n\r\n", "BadStatusLine"),
        (b"", "RemoteDisconnected"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n", "HTTPException"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(MOST_OCTETS + 1), "more than"),
    ],
)
def test_what_is_no_answer(keys, says, told):
    with server(keys, says) as url, pytest.raises(AcmeFault) as fault:
        client(keys).ask("GET", url)
    assert told in fault.value.text


def test_one_that_never_answers_is_left(keys):
    with server(keys, None) as url, pytest.raises(AcmeFault, match="did not answer within"):
        client(keys, 0.2).ask("GET", url)


def test_a_server_that_nobody_vouches_for(keys):
    with server(keys, b"") as url, pytest.raises(AcmeFault, match="does not trust") as fault:
        Https(ssl.create_default_context(), 60.0).ask("GET", url)
    assert "--root" in fault.value.fix


def test_nobody_there(keys):
    with pytest.raises(AcmeFault, match="Connection refused"):
        client(keys).ask("GET", f"https://127.0.0.1:{vacant.port()}/")


@pytest.mark.parametrize(
    "url", ["http://x/", "", None, 7, "https://ä/", "https://" + "a" * 3000, "file:///etc/shadow", "https://["]
)
def test_urls_that_are_not_asked(url):
    with pytest.raises(AcmeFault):
        checked(url)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("", None), ("soon", None), ("-5", None), ("9" * 30, LONGEST_WAIT)],
)
def test_how_long_to_wait(said, seconds):
    assert Answer(429, {"retry-after": said}, b"").after() == seconds


def test_a_date_to_wait_for():
    found = Answer(429, {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, b"").after()
    assert found == LONGEST_WAIT
    assert Answer(429, {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, b"").after() == 0.0
