"""`python -m bench.dearest`: processor time of the dearest datagram of each kind, by who sends it and who works on it.

What is measured is what the event loop does for one datagram of a stranger or of a peer whose login is proved, and what
another thread does for one question. The ends are of this process; there is no network.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from ipaddress import IPv4Address
from itertools import islice, product
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.x509.oid import NameOID

from bench.inmemory import CHILD, GATEWAY, HERE, SUITE, THERE, Both, End
from lab.node import LabError
from lotor.crypto import groups, modp
from lotor.crypto.rsa import verify_bare
from lotor.crypto.x509.chains import verify_chain
from lotor.crypto.x509.received import parse_certificate
from lotor.ike.endpoint import Endpoint
from lotor.model.algorithms import Cipher, EspSuite, Group, Hash, IkeSuite, Integrity
from lotor.model.identity import IdKind
from lotor.model.network import Path, Peer
from lotor.model.policy import Policy, ProposalCheck
from lotor.runtime.randomness import SystemRandomness
from lotor.wire.header import Header
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.fragment import split
from lotor.wire.v1.numbers import ConfigType, ExchangeType, NotifyType, Protocol
from lotor.wire.v1.payloads import (
    Attributes,
    CertificateRequest,
    Delete,
    Identification,
    KeyExchange,
    Nonce,
    Notification,
    Payload,
    VendorId,
)
from lotor.wire.v1.proposals import esp_transform, ike_transform
from lotor.wire.v1.vendors import Vendor

STRANGER, PROVED, THREAD = "stranger", "proved", "thread"
GOALS = {STRANGER: 5.0, PROVED: 20.0, THREAD: 100.0}
"""Milliseconds."""
DOOR_GOAL = 20.0
"""Microseconds."""
TRIES = 15
"""The quickest counts: what else the machine does at the same time is not what is measured."""

Work = Callable[[], object]

STRONG = tuple(
    replace(SUITE, key_bits=bits, hash=hashing)
    for bits, hashing in product((256, 192, 128), (Hash.SHA512, Hash.SHA384, Hash.SHA256, Hash.SHA1))
)
BLOCKS = tuple(
    replace(GATEWAY, name=name, proposals=(*STRONG, SUITE), proposal_check=ProposalCheck.STRICT)
    for name in ("one", "two", "three")
)
"""A long configuration: three blocks of twelve proposals each may take a stranger; a shorter lifetime fits none."""
SUITES = tuple(EspSuite(Cipher.AES_CBC, bits, Integrity.HMAC_SHA1) for bits in (256, 192, 128))
NAME = bytes.fromhex("308203f0") + bytes.fromhex("310a3008060355040a0c0161") * 84
"""1,012 octets of parts, more than are read."""
FEW = 180
"""Transforms of a client that offers every combination of what it has; 192 are read at most."""


class Cost(NamedTuple):
    """`who`: a stranger, a proved peer, or another thread."""

    kind: str
    who: str
    milliseconds: float


def measure() -> list[Cost]:
    """A row for each kind of datagram, and for each sum that another thread does for one."""
    kinds = [
        *((STRANGER, kind, partial(_arrives, message)) for kind, message in _of_strangers()),
        *((PROVED, kind, partial(_comes, exchange, payloads)) for kind, exchange, payloads in _of_proved()),
        *((THREAD, kind, partial(_as_it_is, work)) for kind, work in _of_threads()),
    ]
    return [Cost(kind, who, _quickest(prepare)) for who, kind, prepare in kinds]


def at_the_door(count: int = 5000) -> float:
    """Microseconds of processor time for a first message that is not answered under load: each from a site of its own,
    the rooms as full as strangers can make them."""
    gateway, template = Endpoint(Policy(BLOCKS, CHILD), SystemRandomness()), _first(_sa(ike_transform(1, SUITE)))
    strangers = (_stranger(number, template) for number in range(2 * count))
    for message, path in islice(strangers, count):
        gateway.receive(message, path, 1.0)
    rest = list(strangers)
    before, began = gateway.admissions().deferred, time.thread_time()
    for message, path in rest:
        gateway.standing(message, path)
        gateway.receive(message, path, 1.0)
    spent = time.thread_time() - began
    if gateway.admissions().deferred - before != count:
        raise LabError("first messages were answered that should have been deferred")
    return spent / count * 1e6


def _stranger(number: int, template: bytes) -> tuple[bytes, Path]:
    return number.to_bytes(8, "big") + template[8:], Path(HERE, Peer(IPv4Address(0x0A000000 + number), 500))


def _as_it_is(work: Work) -> Work:
    return work


def _quickest(prepare: Callable[[], Work]) -> float:
    """Milliseconds of processor time of this thread."""
    spent = []
    for _ in range(TRIES):
        work = prepare()
        began = time.thread_time()
        work()
        spent.append(time.thread_time() - began)
    return min(spent) * 1000


# --- strangers -------------------------------------------------------------------------------------------------------


def _arrives(message: bytes) -> Work:
    gateway = End(HERE, THERE, Policy(BLOCKS, CHILD))
    return lambda: gateway.receive(message)


def _of_strangers() -> Iterator[tuple[str, bytes]]:
    taken = ike_transform(1, SUITE)
    wrong = [replace(SUITE, cipher=Cipher.CAMELLIA_CBC, hash=each, group=Group.MODP2048) for each in Hash]
    extra = tuple(Attribute.tv(100 + number, number) for number in range(9))
    full = tuple(Transform(number, 1, (*taken.attributes, *extra)) for number in range(110))
    yield "first message that is taken", _first(_sa(taken))
    yield f"first message with {FEW} transforms, none of which fits", _first(_sa(*_rows(FEW, wrong)))
    yield (
        f"first message with {FEW} transforms that nearly fit",
        _first(_sa(*_rows(FEW, [replace(SUITE, key_bits=192)]))),
    )
    yield "first message with 1,760 attributes", _first(_sa(*full))
    yield "first message with 55 vendor ids", _first(_sa(taken), *[VendorId(bytes([n]) * 120) for n in range(55)])
    yield (
        "first message with 48 requests for certificates",
        _first(_sa(taken), *[CertificateRequest(4, NAME[:130] + bytes([n])) for n in range(48)]),
    )
    yield "first message with a name of 1 KiB", _first(_sa(taken), identity=NAME)
    yield "first message whose public value is none", _first(_sa(taken), public=bytes(128))
    yield "first message of 64 KB", _first(_sa(*_rows(FEW, wrong)), VendorId(bytes(56000)))
    yield "piece of 64 KB", split(_first(_sa(taken), VendorId(bytes(56000))), 1, 60000)[0]
    header = Header(b"c" * 8, bytes(8), 0, ExchangeType.INFORMATIONAL, 0, 7)
    yield "notify of nobody", build_message(header, *build_chain([Notification(NotifyType.NO_PROPOSAL_CHOSEN)]))
    yield "no ISAKMP at all", b"GET / HTTP/1.0\r\n\r\n" * 80


def _first(*payloads: Payload, identity: bytes = b"group", public: bytes = b"") -> bytes:
    kind = IdKind.DER_ASN1_DN if identity is NAME else IdKind.KEY_ID
    values = (KeyExchange(public or _public()), Nonce(bytes(16)), Identification(kind, 17, 500, identity))
    header = Header(b"initiate", bytes(8), 0, ExchangeType.AGGRESSIVE, 0, 0)
    return build_message(header, *build_chain([*payloads, *values, VendorId(Vendor.XAUTH.value)]))


@cache
def _public() -> bytes:
    return groups.key_pair(SUITE.group).public


def _sa(*transforms: Transform) -> SecurityAssociation:
    return SecurityAssociation((Proposal(1, Protocol.ISAKMP, b"", transforms),))


def _rows(count: int, suites: Sequence[IkeSuite]) -> Iterator[Transform]:
    """Each with a lifetime of its own: none is like another."""
    for number in range(count):
        yield ike_transform(number, replace(suites[number % len(suites)], lifetime=90000 + number))


# --- peers whose login is proved -------------------------------------------------------------------------------------


def _comes(kind: ExchangeType, payloads: Sequence[Payload]) -> Work:
    both = Both(replace(CHILD, suites=SUITES, pfs_group=None))
    message = both.say(kind, 77, *payloads)
    return lambda: both.gateway.receive(message)


def _of_proved() -> Iterator[tuple[str, ExchangeType, Sequence[Payload]]]:
    informational, quick, config = ExchangeType.INFORMATIONAL, ExchangeType.QUICK, ExchangeType.TRANSACTION
    wrong = EspSuite(Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_SHA1)
    yield "dead peer detection", informational, [Notification(NotifyType.R_U_THERE, bytes(4))]
    yield "delete of 64 SPIs", informational, [Delete(Protocol.ESP, (b"spi!",) * 64)]
    yield "60 deletes of 64 SPIs", informational, [Delete(Protocol.ESP, (b"spi!",) * 64)] * 60
    yield "60 notifies", informational, [Notification(kind) for kind in range(1, 31)] * 2
    yield "quick mode", quick, [_esp(1, SUITES[0]), Nonce(bytes(16))]
    yield (
        "quick mode with PFS over modp1024",
        quick,
        [
            _esp(1, SUITES[0], Group.MODP1024),
            Nonce(bytes(16)),
            KeyExchange(_public()),
        ],
    )
    yield f"quick mode with {FEW} transforms, none of which fits", quick, [_esp(FEW, wrong), Nonce(bytes(16))]
    asked = tuple(Attribute.tlv(number, b"") for number in range(1, 257))
    yield "request for 256 attributes", config, [Attributes(ConfigType.REQUEST, 5, asked)]
    yield "64 KB of vendor ids", informational, [VendorId(bytes(1000))] * 60


def _esp(count: int, suite: EspSuite, group: Group | None = None) -> SecurityAssociation:
    rows = tuple(
        esp_transform(number, suite, group=group, encapsulation=3, lifetime=3600 + number) for number in range(count)
    )
    return SecurityAssociation((Proposal(1, Protocol.ESP, b"spi!", rows),))


# --- other threads ---------------------------------------------------------------------------------------------------


def _of_threads() -> Iterator[tuple[str, Work]]:
    for group in (Group.MODP2048, Group.MODP4096, Group.MODP8192):
        pair, public = groups.key_pair(group), groups.key_pair(group).public
        yield f"agreement over {group.name.lower()}", partial(pair.agree, public)
    key = _large_key()
    signature = key.sign(bytes(20), padding.PKCS1v15(), utils.NoDigestInfo())
    yield "signature of RSA with 8192 bits", lambda: verify_bare(key.public_key(), bytes(20), signature)
    now = datetime.now(UTC)
    leaf, *twins, anchor = (parse_certificate(one) for one in _tangle(key, now))
    yield "5 certificates of 8192 bits that vouch for each other", lambda: verify_chain(leaf, twins, [anchor], now)


@cache
def _large_key() -> rsa.RSAPrivateKey:
    """8192 bits and the largest exponent that is computed with, of primes that everybody knows: it takes no minute."""
    p, q, e = modp.prime(Group.MODP6144), modp.prime(Group.MODP2048), (1 << 32) - 5
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _tangle(key: rsa.RSAPrivateKey, now: datetime) -> Iterator[bytes]:
    """A leaf, four authorities of one key that issued each other in a ring and back, and an authority of ours."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("leaf", "X", "Y", "Z", "ours")]
    leaf, one, other, third, ours = names
    pairs = ((leaf, one), (one, other), (one, third), (other, one), (third, one), (ours, ours))
    for subject, issuer in pairs:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(1))
        builder = builder.not_valid_after(now + timedelta(1))
        builder = builder.add_extension(x509.BasicConstraints(ca=subject is not leaf, path_length=None), critical=True)
        yield builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def main() -> int:
    """One line a kind; 1 where one is above its goal."""
    rows = measure()
    print(f"first message that is deferred: {at_the_door():.1f} us, at most {DOOR_GOAL:.0f} us")
    for who, goal in GOALS.items():
        print(f"{who}: at most {goal:.0f} ms")
        for row in sorted((row for row in rows if row.who == who), key=lambda row: -row.milliseconds):
            print(f"  {row.milliseconds:8.2f} ms{' !' if row.milliseconds > goal else '  '} {row.kind}")
    return int(any(row.milliseconds > GOALS[row.who] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
