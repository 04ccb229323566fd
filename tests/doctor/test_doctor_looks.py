"""Looking without any right: certificates with a clock that is given, name servers, first messages, echo requests."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import socket
import struct
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address
from pathlib import Path

import pytest
from click.testing import CliRunner

import vacant
from lotor.cli.main import lotor
from lotor.config import roadwarrior
from lotor.doctor import certificate, daemon, echo, gateways, lookups, probe
from lotor.doctor.finding import Grade
from lotor.doctor.lookups import Reply
from lotor.doctor.probe import Answer, Kind
from lotor.doctor.subject import Wish, subject
from lotor.model.network import Peer
from lotor.wire.header import Header
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.payloads import KeyExchange

LOCAL = ip_address("127.0.0.1")
PROPOSAL = "encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14;"
CONFIGURATION = f"""
path certificate "PLACE";
listen {{ adminsock disabled; }}
remote anonymous {{
    exchange_mode aggressive; certificate_type x509 "vpngw.crt" "vpngw.key"; my_identifier fqdn "vpn.example.net";
    proposal {{ {PROPOSAL} }}
}}
mode_cfg {{ network4 10.99.99.1; pool_size 50; auth_source local; }}
sainfo anonymous {{ encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }}
"""


def said(*words):
    done = CliRunner().invoke(lotor, [str(word) for word in words])
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    directory = tmp_path_factory.mktemp("keys")
    said("pki", "ca", "-d", directory, "Lab CA")
    said("pki", "gateway", "-d", directory, "--bits", "2048", "vpn.example.net")
    (directory / "racoon.conf").write_text(CONFIGURATION.replace("PLACE", str(directory)))
    return directory


def judged(place, *names, days=0):
    now = datetime.now(UTC) + timedelta(days=days)
    return list(certificate.judge(certificate.look(subject(place / "racoon.conf", None, Wish(names), now))))


def test_a_certificate_is_judged_by_the_clock(place):
    assert [each.grade for each in judged(place)] == [Grade.OK]
    (soon,) = judged(place, days=810)
    assert (soon.grade, "expires on" in soon.text) == (Grade.WARN, True)
    (late,) = judged(place, days=900)
    assert (late.grade, "expired on" in late.text) == (Grade.WRONG, True)
    early = judged(place, days=-400)
    assert any("is the clock right?" in each.text for each in early)


def test_a_name_that_people_type_is_put_into_a_new_certificate(place):
    """By the command that is told."""
    (missing,) = judged(place, "gw.example.org")
    assert (
        missing.text
        == "Apple, Windows, strongSwan refuse it: gw.example.org is not in it, as which the gateway is known here"
    )
    assert missing.mends[1] == "lotor reload"
    said(*shlex.split(missing.mends[0])[1:])
    assert [each.grade for each in judged(place, "gw.example.org")] == [Grade.OK]


def test_a_daemon_without_a_control_socket_is_known_by_its_ports():
    for process, gateway, grade in ((7, True, "ok"), (None, True, "wrong"), (None, False, "warn")):
        (found,) = daemon.judge(daemon.Seen(None, process, gateway=gateway, start="lotor daemon"))
        assert found.grade.value == grade


@contextlib.contextmanager
def server(answer):
    """Answers each datagram on a free port of this host with what `answer` makes of it; None: stays silent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((str(LOCAL), 0))

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    octets, sender = udp.recvfrom(65535)
                    if octets == b"end":
                        return
                    reply = answer(octets)
                    if reply is not None:
                        udp.sendto(reply, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        yield udp.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", udp.getsockname())
        thread.join()


@pytest.fixture
def patience(monkeypatch):
    """Short where nobody answers, long where an answer has to be heard."""

    def of(*, answers):
        monkeypatch.setattr(lookups, "SERVER_PATIENCE", 60.0 if answers else 0.05)
        monkeypatch.setattr(probe, "PATIENCE", 60.0 if answers else 0.05)

    return of


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (lambda octets: octets[:2] + b"\x81\x85" + octets[4:], Reply.ANSWERS),
        (lambda octets: b"\0\0" + bytes(10) if octets[:2] != b"\0\0" else b"\1\1" + bytes(10), Reply.SILENT),
        (lambda _: b"", Reply.SILENT),
        (lambda _: None, Reply.SILENT),
    ],
    ids=["refuses, which is an answer", "another ticket", "nothing in it", "silent"],
)
def test_a_name_server_is_asked(monkeypatch, patience, answer, reply):
    patience(answers=reply is Reply.ANSWERS)
    with server(answer) as port:
        monkeypatch.setattr(lookups, "DNS_PORT", port)
        assert asyncio.run(lookups.ask(LOCAL)) is reply


def test_a_host_without_a_name_server(monkeypatch, patience):
    patience(answers=True)
    monkeypatch.setattr(lookups, "DNS_PORT", vacant.port())
    assert asyncio.run(lookups.ask(LOCAL)) is Reply.CLOSED


def test_a_lookup_that_takes_too_long_is_left_alone(monkeypatch):
    forever = threading.Event()
    monkeypatch.setattr(lookups, "PATIENCE", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: forever.wait())
    found = asyncio.run(lookups.lookup("vpn.example.net"))
    forever.set()
    assert found.fault == "no answer within 0.05 s"


CLIENT = roadwarrior("192.0.2.50", Path("ca.crt")).remotes


@pytest.mark.parametrize(("remote", "exchange"), [(CLIENT[0], 4), (CLIENT[1], 2)], ids=["aggressive", "main"])
def test_a_first_message_is_that_of_a_client(remote, exchange):
    octets = probe.first_message(remote)
    header = Header.decode(octets)
    chain = parse_chain(header.next_payload, octets[Header.SIZE :], exact=True)
    assert (header.exchange, header.responder) == (exchange, bytes(8))
    (proposal,) = chain.only(SecurityAssociation).proposals
    assert len(proposal.transforms) >= 2
    assert (chain.first(KeyExchange) is not None) is (exchange == 4)


def header_of(cookie, exchange, following=0, body=b""):
    return Header(cookie, b"r" * 8, following, exchange, 0, 0).encode(len(body)) + body


REFUSAL = struct.pack("!BxHIBBH", 0, 12, 1, 1, 0, 14)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda cookie: header_of(cookie, 4), Answer(Kind.AGREED)),
        (lambda cookie: header_of(cookie, 5, 11, REFUSAL), Answer(Kind.REFUSED, "NO_PROPOSAL_CHOSEN")),
        (
            lambda cookie: header_of(cookie, 5, 11, REFUSAL[:7]),
            Answer(Kind.REFUSED, "a notification that is cut short"),
        ),
        (lambda cookie: header_of(cookie, 6), Answer(Kind.REFUSED, "TRANSACTION")),
        (lambda _: header_of(b"another!", 4), Answer(Kind.SILENT)),
        (lambda _: b"nonsense", Answer(Kind.SILENT)),
        (lambda _: None, Answer(Kind.SILENT)),
    ],
)
def test_what_a_gateway_answers_is_read_by_its_header(patience, answer, told):
    patience(answers=told.kind is not Kind.SILENT)
    message = probe.first_message(CLIENT[1])
    with server(lambda octets: answer(octets[:8])) as port:
        assert asyncio.run(probe.ask(Peer(LOCAL, port), message)) == told


def test_a_port_that_is_closed(patience):
    patience(answers=True)
    assert asyncio.run(probe.ask(Peer(LOCAL, vacant.port()), probe.first_message(CLIENT[1]))).kind is Kind.CLOSED


def test_the_block_that_a_client_would_take(tmp_path):
    asked = subject(tmp_path / "none.conf", None, Wish(("192.0.2.50",)))
    assert gateways._block("192.0.2.50", ip_address("192.0.2.50"), asked).name == "192.0.2.50"


SOURCE, HOST = IPv4Address("10.99.99.253"), IPv4Address("203.0.113.10")


def answered(request, kind=0):
    """As a host answers: addresses exchanged."""
    return request[:12] + request[16:20] + request[12:16] + bytes([kind]) + request[21:]


def test_an_echo_request_and_its_answer():
    octets = echo.request(SOURCE, HOST, 4711)
    assert sum(struct.unpack("!4H", octets[20:28])) % 0xFFFF == 0
    assert echo.is_reply(answered(octets), (HOST, SOURCE), 4711)


def test_what_is_no_answer_to_an_echo_request():
    octets = echo.request(SOURCE, HOST, 4711)
    others = [octets, answered(octets, 3), answered(octets)[:22], b"", b"\x60" + answered(octets)[1:]]
    assert [echo.is_reply(each, (HOST, SOURCE), 4711) for each in others] == [False] * 5
    assert not echo.is_reply(answered(octets), (HOST, SOURCE), 4712)
