"""Packets of RADIUS: the examples of RFC 2865 §7, second opinions, and what is no packet."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lotor.model.secret import Secret
from lotor.radius.numbers import Attribute, Code, Vendor
from lotor.radius.packets import NotProvedError, Reply, Request, UnsignedError, number, seal, text
from lotor.radius.structure import LARGEST, MalformedError, framed, pairs
from radius_double import ACCEPT, REJECT, Asked, answer, attribute, vendor

SECRET = Secret(b"xyzzy5461")
AUTHENTICATOR = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")


def test_the_request_of_rfc_2865_7_1():
    """Message-Authenticator goes before what the example has."""
    known = ((Attribute.NAS_IP_ADDRESS, bytes((192, 168, 1, 16))), number(Attribute.NAS_PORT, 3))
    request = Request(Code.ACCESS_REQUEST, (text(Attribute.USER_NAME, "nemo"), *known), Secret(b"arctangent"))
    sealed = seal(request, 0, SECRET, AUTHENTICATOR)
    hidden = bytes.fromhex("0dbe708d93d413ce3196e43f782a0aee")
    signature, *others = framed(sealed.octets).attributes
    assert signature[0] == 80
    assert sorted(others) == [(1, b"nemo"), (2, hidden), (4, bytes((192, 168, 1, 16))), (5, bytes((0, 0, 0, 3)))]
    assert (sealed.octets[:2], sealed.octets[4:20], len(sealed.octets)) == (b"\x01\x00", AUTHENTICATOR, 56 + 18)


def test_the_answer_of_rfc_2865_7_1():
    accept = bytes.fromhex("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103")
    sealed = seal(Request(Code.ACCESS_REQUEST, (), Secret(b"arctangent")), 0, SECRET, AUTHENTICATOR)
    reply = sealed.proved(accept, signed=False)
    assert reply == Reply(Code.ACCESS_ACCEPT, ((6, bytes((0, 0, 0, 1))), (15, bytes(4)), (14, bytes((192, 168, 1, 3)))))
    with pytest.raises(UnsignedError):
        sealed.proved(accept, signed=True)
    with pytest.raises(NotProvedError):
        seal(Request(Code.ACCESS_REQUEST, ()), 0, SECRET).proved(accept, signed=False)


def test_the_challenge_of_rfc_2865_7_3():
    authenticator = bytes.fromhex("f3a47a1f6a6d76710b947ab93041a039")
    request = Request(Code.ACCESS_REQUEST, (text(Attribute.USER_NAME, "mopsy"),), Secret(b"challenge"))
    sealed = seal(request, 2, SECRET, authenticator)
    assert framed(sealed.octets).attributes[2] == (2, bytes.fromhex("33657573778289b570885e15084825c5"))
    words = b"Challenge 32769430.  Enter response at prompt."
    head = bytes.fromhex("0b02004e36f3c8764ae8c71157403c0c71ff9c45")
    reply = sealed.proved(head + attribute(18, words) + attribute(24, b"32769430"), signed=False)
    assert reply == Reply(Code.ACCESS_CHALLENGE, ((18, words), (24, b"32769430")))


def test_an_accounting_request_is_authenticated_as_rfc_2866_says():
    sealed = seal(Request(Code.ACCOUNTING_REQUEST, (number(Attribute.ACCT_STATUS_TYPE, 1),)), 7, SECRET)
    zeroed = sealed.octets[:4] + bytes(16) + sealed.octets[20:]
    assert sealed.octets[4:20] == hashlib.md5(zeroed + SECRET.reveal()).digest()
    asked = Asked(sealed.octets, ("", 0), SECRET.reveal())
    assert sealed.proved(answer(asked, 5, signed=False), signed=True).code is Code.ACCOUNTING_RESPONSE
    with pytest.raises(NotProvedError):
        sealed.proved(answer(asked, ACCEPT, signed=False), signed=False)


@given(
    password=st.binary(min_size=1, max_size=128).filter(lambda each: b"\0" not in each), secret=st.binary(min_size=1)
)
@example(password=b"0x41", secret=b"0x41")
def test_passwords_come_out_as_they_went_in(password, secret):
    sealed = seal(Request(Code.ACCESS_REQUEST, (), Secret(password)), 1, Secret(secret))
    assert Asked(sealed.octets, ("", 0), secret).password == password
    assert Asked(sealed.octets, ("", 0), secret).signed


@given(value=st.binary(min_size=1, max_size=253))
@example(value=b"0x41")
@example(value=b"65")
def test_octets_stay_as_they_are(value):
    sealed = seal(Request(Code.ACCESS_REQUEST, ((Attribute.STATE, value),)), 1, SECRET)
    assert framed(sealed.octets).attributes[1:] == ((24, value),)


@pytest.mark.parametrize("value", [b"", b"x" * 254])
def test_what_has_no_room_in_an_attribute_is_an_error(value):
    with pytest.raises(ValueError, match="octets"):
        seal(Request(Code.ACCESS_REQUEST, ((Attribute.STATE, value),)), 1, SECRET)


def test_what_has_no_room_in_a_packet_is_an_error():
    with pytest.raises(ValueError, match="length"):
        seal(Request(Code.ACCESS_REQUEST, ((Attribute.STATE, b"x" * 253),) * 17), 1, SECRET)


SEALED = seal(Request(Code.ACCESS_REQUEST, (), Secret(b"wonderland")), 9, SECRET)
ASKED = Asked(SEALED.octets, ("", 0), SECRET.reveal())


def relength(packet: bytes, length: int) -> bytes:
    return packet[:2] + length.to_bytes(2) + packet[4:]


def resigned(body: bytes) -> bytes:
    """An answer whose Response Authenticator fits whatever its attributes are."""
    head = bytes((ACCEPT, 9)) + (20 + len(body)).to_bytes(2)
    return head + hashlib.md5(head + ASKED.authenticator + body + SECRET.reveal()).digest() + body


def signed_twice() -> bytes:
    body = attribute(80, bytes(16)) * 2
    head = bytes((ACCEPT, 9)) + (20 + len(body)).to_bytes(2)
    signature = attribute(80, hmac.digest(SECRET.reveal(), head + ASKED.authenticator + body, "md5"))
    return resigned(signature + attribute(80, bytes(16)))


HOSTILE = {
    "nothing": b"",
    "a header that is cut": b"\x02\x09\x00\x14" + bytes(15),
    "a length below a header": relength(answer(ASKED, ACCEPT), 19),
    "a length over 4096": relength(answer(ASKED, ACCEPT) + bytes(5000), 4097),
    "shorter than it says": answer(ASKED, ACCEPT)[:-1],
    "an attribute of length 0": resigned(attribute(80, bytes(16)) + b"\x12\x00"),
    "an attribute of length 1": resigned(attribute(80, bytes(16)) + b"\x12\x01"),
    "an attribute of one octet": resigned(attribute(80, bytes(16)) + b"\x12"),
    "an attribute beyond the end": resigned(attribute(80, bytes(16)) + b"\x12\x20hello"),
    "another identifier": answer(ASKED, ACCEPT, identifier=8),
    "another secret": answer(ASKED, ACCEPT, secret=b"guessed"),
    "no signature": answer(ASKED, ACCEPT, signed=False),
    "a wrong signature": answer(ASKED, ACCEPT, signature=bytes(16)),
    "a signature of the wrong length": resigned(attribute(80, bytes(15))),
    "two signatures": signed_twice(),
    "an answer to accounting": answer(ASKED, 5),
    "a request": SEALED.octets,
    "a Proxy-State that nobody sent": answer(ASKED, ACCEPT, attribute(33, b"collision")),
    "of attributes more than any": resigned(attribute(80, bytes(16)) + b"\x12\x02" * 600),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_no_server_sends_is_no_answer(case):
    with pytest.raises((MalformedError, NotProvedError)):
        SEALED.proved(HOSTILE[case], signed=True)


def test_the_hostile_answers_are_refused_for_what_they_are():
    """The same tools make one that is taken: also with padding, and without a signature where that is allowed."""
    assert SEALED.proved(answer(ASKED, REJECT), signed=True).code is Code.ACCESS_REJECT
    assert SEALED.proved(answer(ASKED, ACCEPT) + b"padding", signed=True).code is Code.ACCESS_ACCEPT
    assert SEALED.proved(answer(ASKED, ACCEPT, signed=False), signed=False).code is Code.ACCESS_ACCEPT
    with pytest.raises(NotProvedError):
        SEALED.proved(answer(ASKED, ACCEPT, signature=bytes(16)), signed=False)


@given(st.binary(max_size=LARGEST + 20))
def test_any_octets_are_a_packet_or_none(octets):
    try:
        frame = framed(octets)
    except MalformedError:
        return
    rebuilt = b"".join(attribute(*each) for each in frame.attributes)
    assert frame.octets == octets[: len(frame.octets)]
    assert frame.octets[20:] == rebuilt


@given(st.binary(max_size=300))
@example(b"\x01\x00")
def test_attributes_are_whole_or_none(octets):
    try:
        found = pairs(octets)
    except MalformedError:
        return
    assert b"".join(attribute(*each) for each in found) == octets


def test_attributes_of_vendors_are_read_where_they_keep_to_the_form():
    reply = Reply(
        Code.ACCESS_ACCEPT,
        tuple(
            each
            for octets in (
                vendor(311, 28, b"1234"),
                attribute(26, (311).to_bytes(4) + b"\x1d\x00"),
                attribute(26, b"\0\0\1"),
                vendor(9, 1, b"ipsec:x=y"),
            )
            for each in pairs(octets)
        ),
    )
    assert list(reply.of_vendor(Vendor.MICROSOFT)) == [(28, b"1234")]
    assert list(reply.of_vendor(Vendor.CISCO)) == [(1, b"ipsec:x=y")]


def test_secrets_and_passwords_are_not_shown():
    shown = repr(SEALED) + repr(Request(Code.ACCESS_REQUEST, (), Secret(b"wonderland")))
    assert "wonderland" not in shown
    assert "xyzzy" not in shown
