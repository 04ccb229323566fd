"""One first message of IKE to a gateway, and what came back: of an answer only the header is read, and the number of a
notification."""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum

from lotor.config.methods import begins_aggressive
from lotor.config.settings import RemoteSettings
from lotor.crypto.groups import key_pair
from lotor.hosts.routing import OUTER_MARK
from lotor.hosts.xfrm.bypass import past_policies
from lotor.model.algorithms import Curve, IkeSuite, KeyKind
from lotor.model.frozen import frozen
from lotor.model.identity import IdKind
from lotor.model.network import NAT_T_PORT, NON_ESP_MARKER, Peer
from lotor.names.aside import aside
from lotor.wire.errors import Malformed
from lotor.wire.header import COOKIE_SIZE, Header
from lotor.wire.v1.association import Proposal, SecurityAssociation
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.numbers import ExchangeType, NotifyType, PayloadType, Protocol, name_of
from lotor.wire.v1.payloads import Identification, KeyExchange, Nonce, Payload, VendorId
from lotor.wire.v1.proposals import ike_transform
from lotor.wire.v1.vendors import Vendor

TRIES, PATIENCE = 2, 1.5
"""Datagrams to a port, and seconds for an answer to each."""
LONGEST = 65535
NONCE_OCTETS = 32
NAMES = frozenset({IdKind.FQDN, IdKind.USER_FQDN, IdKind.KEY_ID})
NOTIFICATION = struct.Struct("!BxHIBBH")
"""Generic header, DOI, protocol, length of the SPI, type (RFC 2408 §3.14)."""


class Kind(Enum):
    AGREED = "agreed"
    REFUSED = "refused"
    SILENT = "silent"
    CLOSED = "closed"


@frozen
class Answer:
    """`told`: the name of the notification of a refusal, or of an exchange that was not expected."""

    kind: Kind
    told: str = ""


SILENCE = Answer(Kind.SILENT)


async def ask(gateway: Peer, message: bytes) -> Answer:
    return await aside(lambda: _ask(gateway, message))


def _ask(gateway: Peer, message: bytes) -> Answer:
    marker = NON_ESP_MARKER if gateway.port == NAT_T_PORT else b""
    family = socket.AF_INET6 if gateway.address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        with suppress(PermissionError):
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, OUTER_MARK)
        past_policies(asking)
        asking.settimeout(PATIENCE)
        asking.connect((str(gateway.address), gateway.port))
        try:
            for _ in range(TRIES):
                asking.send(marker + message)
                with suppress(TimeoutError):
                    return answer_of(asking.recv(LONGEST).removeprefix(marker), message[:COOKIE_SIZE])
        except ConnectionRefusedError:
            return Answer(Kind.CLOSED)
    return SILENCE


def answer_of(datagram: bytes, cookie: bytes) -> Answer:
    """What a datagram says to a first message with that cookie."""
    try:
        header = Header.decode(datagram)
    except Malformed:
        return SILENCE
    if header.initiator != cookie:
        return SILENCE
    if header.exchange in {ExchangeType.MAIN, ExchangeType.AGGRESSIVE}:
        return Answer(Kind.AGREED)
    if header.exchange == ExchangeType.INFORMATIONAL and header.next_payload == PayloadType.NOTIFICATION:
        return Answer(Kind.REFUSED, _notification(datagram[Header.SIZE :]))
    return Answer(Kind.REFUSED, name_of(ExchangeType, header.exchange))


def _notification(body: bytes) -> str:
    if len(body) < NOTIFICATION.size:
        return "a notification that is cut short"
    return name_of(NotifyType, NOTIFICATION.unpack_from(body)[-1])


def first_message(remote: RemoteSettings) -> bytes:
    """As a client with this block begins: the exchange of its first mode, its proposals. Aggressive mode has one
    Diffie-Hellman group. Raises `ValueError` for a block without a proposal that this version has."""
    suites = list(_suites(remote))
    if not suites:
        raise ValueError(f"remote {remote.name} has no proposal that can be offered")
    payloads: list[Payload] = []
    exchange = ExchangeType.MAIN
    if begins_aggressive(remote):
        exchange = ExchangeType.AGGRESSIVE
        suites = [each for each in suites if each.group is suites[0].group]
        public = key_pair(suites[0].group).public
        payloads = [KeyExchange(public), Nonce(secrets.token_bytes(NONCE_OCTETS)), _identity(remote)]
    transforms = tuple(ike_transform(number, suite) for number, suite in enumerate(suites, 1))
    association = SecurityAssociation((Proposal(1, Protocol.ISAKMP, b"", transforms),))
    vendors = (VendorId(each.value) for each in (Vendor.RFC3947, Vendor.XAUTH, Vendor.DPD))
    first, octets = build_chain([association, *payloads, *vendors])
    header = Header(secrets.token_bytes(COOKIE_SIZE), bytes(COOKIE_SIZE), first, exchange, 0, 0)
    return build_message(header, first, octets)


def _suites(remote: RemoteSettings) -> Iterator[IkeSuite]:
    for each in remote.proposals:
        cipher, digest = each.encryption_algorithm, each.hash_algorithm
        how, group = each.authentication_method.value, each.dh_group.value
        if cipher.value is not None and digest.value is not None and how is not None and group is not None:
            curve = Curve.P256 if how.method.certificate_key is KeyKind.ECDSA else None
            seconds = each.lifetime or remote.lifetime
            yield IkeSuite(cipher.value, cipher.key_bits, digest.value, group, how.method, seconds, curve)


def _identity(remote: RemoteSettings) -> Identification:
    """A name as the block has it, and no address: what the gateway says to it is enough."""
    mine = remote.my_identifier
    if mine.value and mine.kind in NAMES:
        return Identification(mine.kind, 0, 0, mine.value.encode())
    return Identification(IdKind.IPV4_ADDR, 0, 0, bytes(4))
