"""A site over HTTPS, and strangers who mean it badly: slow, long, many, and of another protocol."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

import pytest

from looped import looped
from lotor.crypto.private.keypair import KeyPair, generate_key
from lotor.crypto.tls import TlsIdentity
from lotor.keys.handshakes import signed_handshake, tls_key
from lotor.links import serving as module
from lotor.links.requests import MOST_HEAD
from lotor.links.serving import MOST_RECEIVED, Limits, Serving
from lotor.links.site import Site
from lotor.links.task import Document, Shows
from lotor.model.algorithms import Curve
from lotor.pki.authority import Making, create_ca, issue_gateway
from lotor.privsep.linking import What

TOKEN = "k3jvvrvvhh6tta74g5xqppf6yt3artyr"
HOST = "vpn.example.net"
BIG = bytes(range(256)) * 300  # more than one record of TLS, and than its buffer
GET = f"GET /{TOKEN} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
FETCH = GET.replace(TOKEN.encode(), f"{TOKEN}/ios/a.mobileconfig".encode())
POLICY = "default-src 'none'"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    from lotor.keys.own import read_certificate_file, read_key_file

    directory = tmp_path_factory.mktemp("keys")
    create_ca(directory, making=Making(90, curve=Curve.P256))
    issue_gateway(directory, [HOST], Making(90, curve=Curve.P256))
    chain = read_certificate_file(directory / "vpngw.crt", None).certificates
    return directory, chain, read_key_file(directory / "vpngw.key", None).key


@contextlib.asynccontextmanager
async def running(keys, **limits):
    """A server at a port of the loopback; `visits` of whom it told."""
    _, chain, key = keys
    visits = []
    documents = (
        Document("", Shows.PAGE, "", "", b"which device?"),
        Document("ios", Shows.PAGE, "ios", "", b"an iPhone"),
        Document("ios/a.mobileconfig", Shows.FILE, "ios", "application/x-apple-aspen-config", BIG, "a.mobileconfig"),
    )
    identity = TlsIdentity(
        tuple(each.der for each in chain), tls_key(key), lambda scheme, message: signed_handshake(key, scheme, message)
    )

    async def tell(visit):
        visits.append(visit)

    serving = Serving(Site(HOST, TOKEN, documents), identity, POLICY, tell, Limits(**limits))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with serving.at(listening):
            yield listening.getsockname()[1], visits


def context(keys, version=ssl.TLSVersion.TLSv1_3):
    made = ssl.create_default_context(cafile=keys[0] / "ca.crt")
    made.maximum_version = version
    return made


async def opened(keys, port, **more):
    return await asyncio.open_connection("127.0.0.1", port, ssl=context(keys, **more), server_hostname=HOST)


async def asked(keys, port, octets):
    """Everything that comes back."""
    reader, writer = await opened(keys, port)
    writer.write(octets)
    try:
        return await reader.read()
    finally:
        writer.transport.abort()


def status(answer):
    return int(answer.split(b" ", 2)[1])


@looped
async def test_a_page_and_a_file_come_whole_with_the_fields_that_keep_them(keys):
    async with running(keys) as (port, visits):
        head, body = (await asked(keys, port, GET)).split(b"\r\n\r\n", 1)
        assert body == b"which device?"
        for field in (b"Cache-Control: no-store", b"Referrer-Policy: no-referrer", b"Connection: close"):
            assert field in head.split(b"\r\n")
        assert f"Content-Security-Policy: {POLICY}".encode() in head
        assert (await asked(keys, port, FETCH)).endswith(b"\r\n\r\n" + BIG)
        assert [each.what for each in visits] == [What.LOOKED, What.FETCHED]
        assert visits[0].address == "127.0.0.1"


@looped
async def test_a_head_has_the_length_and_no_body(keys):
    async with running(keys) as (port, _):
        answer = await asked(keys, port, FETCH.replace(b"GET", b"HEAD"))
        assert f"Content-Length: {len(BIG)}".encode() in answer
        assert answer.endswith(b"\r\n\r\n")


@looped
async def test_requests_behind_the_first_get_nothing(keys):
    async with running(keys) as (port, visits):
        answer = await asked(keys, port, GET + FETCH + FETCH)
        assert answer.count(b"HTTP/1.1") == 1
        assert [each.what for each in visits] == [What.LOOKED]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (GET.replace(b"/" + TOKEN.encode(), b"/"), 404),
        (GET.replace(TOKEN.encode(), b"../../etc/passwd"), 404),
        (GET.replace(HOST.encode(), b"evil.example"), 404),
        (GET.replace(b"GET", b"POST"), 405),
        (GET.replace(b"GET", b"DELETE"), 405),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\n", 400),
        (GET[:-2] + b"X: " + b"y" * MOST_HEAD + b"\r\n\r\n", 431),
        (GET[:-2] + b"X: y\r\n" * 100 + b"\r\n", 431),
        (b"y" * (MOST_HEAD + 1000), 431),
    ],
)
@looped
async def test_what_a_stranger_asks(keys, octets, expected):
    async with running(keys) as (port, visits):
        assert status(await asked(keys, port, octets)) == expected
        assert visits == []


@looped
async def test_who_never_ends_a_request_is_let_go(keys):
    """Slow loris: a connection has so much time in all, however it trickles."""
    async with running(keys, asking=1.0) as (port, _):
        reader, writer = await opened(keys, port)
        writer.write(GET[:20])
        assert await reader.read() == b""
        bare, silent = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            assert await bare.read() == b""
        silent.close()
        writer.transport.abort()


@looped
async def test_who_never_hangs_up_is_let_go(keys):
    """With its answer in hand, and the only place of its address."""
    async with running(keys, of_one=1, whole=2.0) as (port, _):
        with socket.create_connection(("127.0.0.1", port)) as plain:
            held = await asyncio.to_thread(context(keys).wrap_socket, plain, server_hostname=HOST)
            held.send(GET)
            assert status(await asyncio.to_thread(held.recv, 4096)) == 200
            async with asyncio.timeout(60):
                answer = b""
                while not answer:
                    with contextlib.suppress(OSError):
                        answer = await asked(keys, port, GET)
            assert status(answer) == 200
            held.close()


@pytest.mark.parametrize("octets", [GET, b"\x16\x03\x01\xff\xff" + b"\1" * 3000, b"\0" * (MOST_RECEIVED + 4096)])
@looped
async def test_what_is_no_tls_gets_an_alert_or_nothing(keys, octets):
    async with running(keys) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(octets)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = await reader.read()
        assert len(answer) < 64
        assert b"HTTP" not in answer
        writer.close()
        assert status(await asked(keys, port, GET)) == 200


@looped
async def test_tls_1_2_gets_no_signature(keys):
    async with running(keys) as (port, _):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await opened(keys, port, version=ssl.TLSVersion.TLSv1_2)
        assert status(await asked(keys, port, GET)) == 200


@looped
async def test_one_address_has_so_many_connections(keys):
    async with running(keys, of_one=3) as (port, _):
        held = [await opened(keys, port) for _ in range(3)]
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await opened(keys, port)
        held[0][1].transport.abort()
        assert await held[0][0].read() == b""


@looped
async def test_whoever_was_shown_nothing_gives_way(keys, monkeypatch):
    """Strangers who hold all places keep nobody out, and those who have the link stay."""
    monkeypatch.setattr(module, "place", lambda address: str(object()))
    async with running(keys, connections=3) as (port, _):
        held = [await opened(keys, port) for _ in range(3)]
        held[0][1].write(GET)
        assert status(await held[0][0].read(4096)) == 200
        held[1][1].write(GET.replace(TOKEN.encode(), b"guessed"))
        assert status(await held[1][0].read(4096)) == 404
        assert status(await asked(keys, port, GET)) == 200
        held[2][1].write(GET)
        assert status(await held[2][0].read()) == 200
        for _, writer in held:
            writer.transport.abort()


@looped
async def test_a_flood_of_connections_has_an_end(keys):
    async with running(keys, new=4, pause=3600.0) as (port, _):
        answers = [await asked(keys, port, GET) for _ in range(4)]
        assert [status(each) for each in answers] == [200] * 4
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await opened(keys, port)


@looped
async def test_a_flood_of_one_address_takes_nothing_from_others(keys, monkeypatch):
    async with running(keys, new=6, pause=3600.0, new_of_one=4, pause_of_one=3600.0) as (port, _):
        for _ in range(4):
            await asked(keys, port, GET)
        for _ in range(4):
            with pytest.raises((ConnectionError, ssl.SSLError)):
                await opened(keys, port)
        monkeypatch.setattr(module, "place", lambda address: "another one")
        assert status(await asked(keys, port, GET)) == 200


@looped
async def test_addresses_that_are_counted_are_a_bounded_number(keys, monkeypatch):
    numbers = iter(range(100))
    monkeypatch.setattr(module, "place", lambda address: f"place {next(numbers)}")
    monkeypatch.setattr(module, "MOST_PLACES", 2)
    async with running(keys) as (port, _):
        assert [status(await asked(keys, port, GET)) for _ in range(4)] == [200] * 4


@looped
async def test_a_key_that_signs_nothing_costs_the_connection_only(keys):
    directory, chain, _ = keys
    async with running((directory, chain, KeyPair(generate_key(Curve.P384).handle))) as (port, visits):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await opened(keys, port)
        assert visits == []
