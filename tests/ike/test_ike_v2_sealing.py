"""Messages sealed and opened by the native codec are those of Python's: whole, in fragments, and refused alike."""

from __future__ import annotations

import random
from ipaddress import IPv4Address

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lotor.crypto.ike2 import Protection
from lotor.ike.dialect import Incoming
from lotor.ike.errors import Misplaced, Unproved
from lotor.ike.v2 import seal
from lotor.ike.v2.seal import BrokenInside, Content, Piece
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite, Integrity
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.v2.chain import GENERIC, Received
from lotor.wire.v2.numbers import ExchangeType, Flag, PayloadType
from lotor.wire.v2.payloads import Certificate, Delete, Eap, Encrypted, Nonce, TrafficSelector, TrafficSelectors

HEADER = Header(b"initiate", b"responds", 0, ExchangeType.IKE_AUTH, Flag.INITIATOR, 7, version=0x20)
GCM = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.CURVE25519)
CBC = Ike2Suite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256, Hash.SHA256, Group.CURVE25519)
SUITES = pytest.mark.parametrize("suite", [GCM, CBC], ids=str)
ANYWHERE = TrafficSelector(IPv4Address(0), IPv4Address("255.255.255.255"))
SAID = (
    Certificate(4, bytes(range(256)) * 5),
    TrafficSelectors((ANYWHERE,), initiator=True),
    Received(200, b"as it came", Nonce(b""), 0, critical=True),
    Eap(b"\1\2\0\4"),
    Delete(3, (b"spi!",)),
)


def protection(suite) -> Protection:
    return Protection(suite, bytes(range(36 if suite is GCM else 16)), b"" if suite is GCM else b"a" * 32)


def incoming(datagram: bytes) -> Incoming:
    return Incoming(Header.decode(datagram), datagram[Header.SIZE :])


def outcome(opening, suite, datagram: bytes):
    """What is inside, or what is wrong."""
    try:
        return opening(protection(suite), incoming(datagram))
    except (Malformed, Misplaced, Unproved) as fault:
        return type(fault), str(fault)


def opened(suite, datagram: bytes):
    """By both, which must agree."""
    found = outcome(seal.open_sealed, suite, datagram)
    assert found == outcome(seal.plainly_opened, suite, datagram)
    return found


@SUITES
@pytest.mark.parametrize("most", [None, 1200, 576, 200, 100])
@pytest.mark.parametrize("said", [(), SAID[3:4], SAID], ids=len)
def test_both_write_the_same_datagrams(suite, most, said):
    native, plain = protection(suite), protection(suite)
    for _ in range(3):
        datagrams = seal.sealed(native, HEADER, said, most)
        assert datagrams == seal.plainly_sealed(plain, HEADER, said, most)
        assert most is None or max(map(len, datagrams)) <= most
    whole = [opened(suite, each) for each in datagrams]
    contents = [each.content if isinstance(each, Piece) else each for each in whole]
    chain = Content(contents[0].first, b"".join(each.octets for each in contents)).chain()
    assert [each.type for each in chain.payloads] == [getattr(each, "type", None) or each.payload_type for each in said]


@SUITES
@pytest.mark.parametrize(
    ("said", "most", "what"),
    [
        ((Nonce(bytes(0xFFFF)),), None, "longer than 65535"),
        ((Nonce(bytes(200)),), 60, "no fragment is so short"),
        ((Delete(1, (b"spi!",)),), None, "without one"),
        ((TrafficSelectors((ANYWHERE,) * 256, initiator=True),), None, "range"),
    ],
)
def test_what_cannot_be_written_is_told_as_before(suite, said, most, what):
    for write in (seal.sealed, seal.plainly_sealed):
        with pytest.raises(ValueError, match=what):
            write(protection(suite), HEADER, said, most)


def test_a_sealed_payload_is_no_content():
    with pytest.raises(TypeError, match="build_sealed"):
        seal.sealed(protection(GCM), HEADER, (Encrypted(b""),), None)


@SUITES
def test_no_iv_comes_twice_whoever_seals(suite):
    """A message that Python seals, for what the table does not say, counts on where the native codec stopped."""
    own, datagrams = protection(suite), list[bytes]()
    for round_ in range(40):
        write = seal.plainly_sealed if round_ % 3 == 0 else seal.sealed
        datagrams += write(own, HEADER, SAID, 576)
    ivs = {datagram[36 : 44 if suite is GCM else 52] for datagram in datagrams}
    assert len(ivs) == len(datagrams) > 100


@SUITES
def test_whatever_is_changed_is_refused_alike(suite):
    dice, refused = random.Random(5996), set[type]()
    datagrams = [
        *seal.sealed(protection(suite), HEADER, SAID, None),
        *seal.sealed(protection(suite), HEADER, SAID, 576),
    ]
    for datagram in datagrams:
        for place in [*range(16, 18), *range(28, 44), *(dice.randrange(44, len(datagram)) for _ in range(20))]:
            changed = bytearray(datagram)
            changed[place] ^= 1 << dice.randrange(8)
            found = opened(suite, bytes(changed))
            assert not isinstance(found, Content | Piece), place
            refused.add(found[0])
    assert {Malformed, Unproved} <= refused


def resized(datagram: bytes) -> bytes:
    """With a length in its header that is right."""
    return datagram[:24] + len(datagram).to_bytes(4, "big") + datagram[28:]


@SUITES
def test_cut_long_and_clear_messages_are_refused_alike(suite):
    (datagram,) = seal.sealed(protection(suite), HEADER, SAID[3:], None)
    tries = [resized(datagram[:size]) for size in range(28, len(datagram))]
    tries.append(resized(datagram + b"\0"))
    tries.append(seal.clear(HEADER, SAID))
    tries.append(resized(seal.clear(HEADER, SAID[:1])[:-4] + datagram[28:]))
    assert len(tries) > 30
    for each in tries:
        assert isinstance(opened(suite, each), tuple)


@SUITES
@pytest.mark.parametrize(("number", "total"), [(0, 0), (0, 3), (4, 3), (1, 0)])
def test_impossible_fragments_are_refused_alike_though_their_keys_prove_them(suite, number, total):
    piece = Piece(number, total, Content(PayloadType.NONCE, b"some"))
    assert opened(suite, seal._skf(protection(suite), HEADER, piece)) == (Malformed, f"fragment {number} of {total}")


def test_padding_that_reaches_beyond_is_the_peers_own_fault():
    key, iv, text = bytes(range(36)), bytes(8), b"\1\2\3\4"
    length = GENERIC.size + protection(GCM).size(len(text) - 1)
    head = HEADER.before(PayloadType.ENCRYPTED, HEADER.flags).encode(length) + GENERIC.pack(40, 0, length)
    datagram = head + iv + AESGCM(key[:32]).encrypt(key[32:] + iv, text, head)
    assert opened(GCM, datagram) == (BrokenInside, "a pad length of 4 in 4 octets")


def test_keys_do_not_print():
    assert "\\x00\\x01" not in repr(protection(GCM)._keyed)
    assert not [name for name in dir(protection(GCM)._keyed) if "key" in name]
