"""Values between two processes: there and back, and what is no value of the wanted type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Generic, Literal, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.config.settings import Algorithm, Places
from lotor.model import grants
from lotor.model.algorithms import Cipher, Curve, Group, Hash, SignatureScheme
from lotor.model.grants import Grants
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import (
    Failure,
    Feigned,
    KeyedRequest,
    PpkRequest,
    PskRequest,
    Signature,
    SignedHash,
    SignedOctets,
)
from lotor.model.login import Accepted, Challenge, Refused
from lotor.model.prompt import Field
from lotor.model.reason import Reason
from lotor.model.reasons.local import NoPrivateKey, NoSharedKey, PoolExhausted
from lotor.model.reasons.logins import Locked, LoginReason
from lotor.model.secret import Secret
from lotor.ports.signer import ID_HEAD, LONGEST_IDENTITY, LONGEST_INIT, LONGEST_NAME, LONGEST_PPK_ID
from lotor.ports.tls_signatures import LONGEST_TLS
from lotor.privsep.codec import MOST_ITEMS, Malformed, decode, encode, form_of
from lotor.privsep.frames import MOST_OCTETS
from lotor.privsep.leasing import ACQUIRE_LEASE, LONGEST_USER, Wish
from lotor.privsep.logging_in import CHECK_LOGIN
from lotor.privsep.signing import (
    DERIVE_SKEYID,
    KEYED_AUTH,
    MIX_PPK,
    SIGN,
    SIGN_AUTH,
    SIGN_TLS,
    AuthSigning,
    Signing,
    TlsSigning,
)
from lotor.privsep.verb import Verb
from lotor.privsep.verbs import VERBS

IDENTITY = Identity(IdKind.USER_FQDN, b"alice@example.net", 17, 500)
HASH = SignedHash(
    Hash.SHA1, Hash.SHA1, bytes(16), Secret(b"hidden"), (b"x" * 128, b"r" * 128), (bytes(8), bytes(8)), b"SA", b"ID"
)
EVERYTHING = Grants(
    address=IPv4Address("10.99.99.7"),
    netmask=IPv4Address("255.255.255.0"),
    address6=IPv6Interface("fd00:99::7/64"),
    pool="staff",
    routes=(IPv4Network("10.0.0.0/8"), IPv4Network("192.0.2.0/24")),
    routes6=(IPv6Network("fd00::/8"),),
    session_time=28800.0,
    idle_time=600.0,
    groups=frozenset({"staff", "Einkäufer"}),
    filter="contractors",
    message="welcome",
    dns4=(IPv4Address("10.0.0.53"),),
    dns6=(IPv6Address("fd00::53"),),
    wins4=(IPv4Address("10.0.0.137"),),
    default_domain="example.net",
    split_dns=("example.net", "example.org"),
    banner="be quiet",
    accounting_classes=(b"\0class", b"OU=staff;"),
    accounting_interval=600.0,
    sessions=3,
    rate=125_000,
)
T = TypeVar("T")


@dataclass(frozen=True)
class Pair(Generic[T]):
    """Of one type, in all the ways that a variable is used in."""

    first: T
    others: tuple[T, ...] = ()
    named: Mapping[str, T | None] = field(default_factory=dict)


INSIDE = IPv6Interface("2001:db8::5/64")
VALUES = [
    (float, -0.5),
    (Path, Path("/etc/lotor/../caf\udce9")),
    pytest.param(frozenset[str], frozenset({"b", "a", ""}), id="names"),
    (Mapping[str, tuple[int, ...]], {"b": (1,), "a": ()}),
    (Mapping[Hash, Path | None], {Hash.SHA1: None, Hash.MD5: Path("/")}),
    (IPv4Network | IPv6Network, IPv4Network("10.99.99.0/24")),
    (IPv4Network | IPv6Network, IPv6Network("::/0")),
    (IPv4Interface, IPv4Interface("10.99.99.5/24")),
    (IPv6Address | IPv6Interface | None, INSIDE),
    (Algorithm[Cipher], Algorithm("aes", Cipher.AES_CBC, 256)),
    (Algorithm[Group], Algorithm("modp9", None)),
    (Pair[IPv6Interface], Pair(INSIDE, (INSIDE,), {"a": None, "b": INSIDE})),
    (Pair[Pair[bool]], Pair(Pair(first=True))),
    (Places, Places()),
    (Failure, Failure(PoolExhausted(IPv4Address("10.99.99.1"), IPv4Address("10.99.99.2"), 2))),
    (Accepted | Refused | Challenge, Refused(Locked("alice", "account"))),
    (Accepted | Refused | Challenge, Challenge("code?", (Field.PASSCODE,), b"ticket")),
    (Accepted | Refused | Challenge, Accepted("alice", Grants(IPv4Address("10.99.99.3"), session_time=9.5))),
    (Accepted, Accepted("a", Grants(routes=(IPv4Network("10.0.0.0/8"),), groups=frozenset({"x"}), sessions=2))),
    (Grants, EVERYTHING),
    (Literal["user", "account"], "account"),
    (Curve, Curve.P384),
    (bool, True),
    (int, -5),
    (str, "grüße"),
    (tuple[int, ...], (1, 2, 3)),
    (Signing, Signing("r", HASH)),
    (tuple[int, str], (1, "two")),
    (PskRequest, PskRequest("r", IDENTITY, IPv4Address("192.0.2.1"), Hash.SHA1, b"n", aggressive=True)),
    (PskRequest, PskRequest("r", None, IPv6Address("2001:db8::1"), Hash.SHA512, b"n", host="vpn.example.net")),
    (Secret | Feigned | Failure, Secret(b"skeyid")),
    (Secret | Feigned | Failure, Feigned(Secret(b"skeyid"), NoSharedKey("psk.txt", "alice"))),
    (Signature | Failure, Failure(NoPrivateKey("r"))),
]


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_there_and_back(kind, value):
    assert decode(kind, encode(kind, value)) == value


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_no_part_and_nothing_longer_is_a_value(kind, value):
    octets = encode(kind, value)
    for length in range(len(octets)):
        with pytest.raises(Malformed):
            decode(kind, octets[:length])
    with pytest.raises(Malformed, match="1 octets too many"):
        decode(kind, octets + b"\0")


def test_of_grants_every_field_crosses():
    assert all(getattr(EVERYTHING, each.name) != each.default for each in fields(Grants))


def test_what_a_field_has_anyway_is_left_out():
    """Nearly all of what a back end may grant."""
    assert len(encode(Grants, Grants())) == 3
    assert encode(Grants, Grants(groups=frozenset([]), pool="".join([]))) == encode(Grants, Grants())
    assert decode(Grants, bytes(3)) == Grants()


def test_the_most_that_a_back_end_may_grant_crosses():
    """A login that its back end accepts must not fail between the processes."""
    wide = "\U0001f600"
    most = replace(
        EVERYTHING,
        pool=wide * grants.LONGEST_NAME,
        routes=tuple(IPv4Network((number, 32)) for number in range(grants.MOST_ROUTES)),
        routes6=tuple(IPv6Network((number, 128)) for number in range(grants.MOST_ROUTES)),
        groups=frozenset(wide * (grants.LONGEST_NAME - 3) + f"{number:03}" for number in range(grants.MOST_GROUPS)),
        filter=wide * grants.LONGEST_NAME,
        message=wide * grants.LONGEST_MESSAGE,
        dns4=EVERYTHING.dns4 * grants.MOST_SERVERS,
        dns6=EVERYTHING.dns6 * grants.MOST_SERVERS,
        wins4=EVERYTHING.wins4 * grants.MOST_SERVERS,
        default_domain="d" * grants.LONGEST_DOMAIN,
        split_dns=("d" * grants.LONGEST_DOMAIN,) * grants.MOST_DOMAINS,
        banner=wide * grants.LONGEST_MESSAGE,
        accounting_classes=(bytes(grants.LONGEST_CLASS),) * grants.MOST_CLASSES,
    )
    user = wide * (LONGEST_USER // 4)
    assert len(encode(CHECK_LOGIN.answer, Accepted(user, most))) <= CHECK_LOGIN.most_answer
    assert len(encode(ACQUIRE_LEASE.request, Wish(1, user, most))) <= ACQUIRE_LEASE.most_request


def test_what_every_verb_asks_and_answers_has_a_form():
    assert len(VERBS) > 20
    for verb in VERBS.values():
        assert form_of(verb.request)
        assert form_of(verb.answer)


@pytest.mark.parametrize("verb", VERBS.values(), ids=lambda verb: verb.name)
@given(octets=st.binary(max_size=200))
def test_any_octets_are_one_value_or_none(verb, octets):
    for kind in (verb.request, verb.answer):
        try:
            value = decode(kind, octets)
        except Malformed:
            continue
        assert encode(kind, value) == octets


@pytest.mark.parametrize(
    ("kind", "octets", "text"),
    [
        (bool, b"\2", "neither yes nor no"),
        (str, b"\0\0\0\1\xff", "no UTF-8"),
        (bytes, b"\xff\xff\xff\xff", "4294967295 octets are announced, 0 are there"),
        (Signature | Failure, b"\2", "there are 2 kinds"),
        (Hash, b"\x63", "there is no Hash number 99"),
        (Literal["user", "account"], b"\2", "there are 2 choices"),
        (LoginReason, encode(Reason, NoPrivateKey("r")), "no such kind of reason"),
        (tuple[bool, ...], b"\xff\xff\xff\xff", "4294967295 items"),
        (frozenset[bool], b"\xff\xff\xff\xff", "4294967295 items"),
        (frozenset[bool], b"\0\0\0\2\1\0", "out of order"),
        (frozenset[bool], b"\0\0\0\2\1\1", "twice"),
        (frozenset[bool | float], b"\0\0\0\2" + b"\0\0" + b"\1" + bytes(8), "twice"),
        (Mapping[bool, bool], b"\xff\xff\xff\xff", "4294967295 items"),
        (Mapping[bool, bool], b"\0\0\0\2\1\0\1\1", "a key twice"),
        (float, b"\x7f\xf8" + bytes(6), "no finite"),
        (float, b"\xff\xf0" + bytes(6), "no finite"),
        (IPv4Network, b"\x0a\0\0\1\x18", "prefix of 24 bits"),
        (IPv4Network, b"\x0a\0\0\0\x21", "prefix of 33 bits"),
        (IPv6Network, bytes(16) + b"\xff", "prefix of 255 bits"),
        (IPv4Interface, b"\x0a\0\0\1\x21", "prefix of 33 bits"),
        (IPv6Interface, bytes(16) + b"\x81", "prefix of 129 bits"),
        (Algorithm[Cipher], b"\0\0\0\0\1a\0\x63", "there is no Cipher number 99"),
        (Grants, b"\x20\0\0", "no such field"),
        (Grants, b"\0\0\x08" + bytes(4), "without saying"),
        (bool | int, b"\1" + bytes(7), "announced"),
        (Group | int, b"\1" + bytes(8) + b"\0", "too many"),
    ],
)
def test_what_is_wrong_is_told(kind, octets, text):
    with pytest.raises(Malformed, match=text):
        decode(kind, octets)


@pytest.mark.parametrize("name", [b"", b"etc", b"./etc", b"/etc/", b"/etc//passwd", b"/./etc", b"/etc\0", b"\0"])
def test_no_other_name_of_a_file_is_one(name):
    with pytest.raises(Malformed, match="no absolute name"):
        decode(Path, encode(bytes, name))


def test_a_value_says_its_own_kind():
    assert decode(Group | int, encode(Group | int, Group.MODP2048)) is Group.MODP2048
    with pytest.raises(Malformed, match="another kind than it says"):
        decode(tuple[int, ...] | tuple[str, ...], b"\1" + bytes(4))


def test_the_order_of_a_union_is_its_own():
    """Whichever declaration was read first in a process."""
    for value in (5, "five", None):
        assert encode(int | str | None, value) == encode(None | str | int, value)


def test_the_order_of_a_mapping_crosses():
    assert list(decode(Mapping[str, bool], encode(Mapping[str, bool], {"b": True, "a": False}))) == ["b", "a"]


def test_a_reader_that_trusts_more_takes_more():
    many, named = tuple(range(MOST_ITEMS + 1)), {str(each): (each,) for each in range(MOST_ITEMS + 1)}
    for kind, value in ((tuple[int, ...], many), (frozenset[int], frozenset(many)), (Mapping[str, Pair[int]], {})):
        assert decode(kind, encode(kind, value, MOST_ITEMS + 1), MOST_ITEMS + 1) == value
    kind = Mapping[str, tuple[int, ...]]
    octets = encode(kind, named, MOST_ITEMS + 1)
    assert decode(kind, octets, MOST_ITEMS + 1) == named
    with pytest.raises(Malformed, match="257 items"):
        decode(kind, octets)


def test_a_value_of_another_type_does_not_leave():
    for kind, value in [
        (int, True),
        (str, b""),
        (Signature | Failure, Secret(b"")),
        (bytes, bytearray()),
        (int, 2**63),
        (float, 1),
        (float, float("nan")),
        (float, float("inf")),
        (str, "caf\udce9"),
        (Path, Path("etc")),
        (Path, Path("/etc\0")),
        (Path, "/etc"),
        (frozenset[int], {1}),
        (frozenset[int], frozenset({"1"})),
        (frozenset[int], frozenset(range(MOST_ITEMS + 1))),
        (Mapping[str, int], {"a": "b"}),
        (Mapping[str, int], {1: 1}),
        (Mapping[str, int], dict.fromkeys(map(str, range(MOST_ITEMS + 1)), 1)),
        (IPv4Address, IPv4Interface("10.0.0.1/8")),
        (IPv4Interface, IPv4Address("10.0.0.1")),
        (IPv4Network, IPv6Network("::/0")),
        (IPv6Interface, IPv6Interface("fe80::1%eth0/64")),
        (Algorithm[Cipher], Algorithm("sha1", Hash.SHA1)),
        (Pair[int], Pair(1, (), {"a": "b"})),
    ]:
        with pytest.raises(TypeError):
            encode(kind, value)
    with pytest.raises(TypeError):
        encode(tuple[int, ...], tuple(range(MOST_ITEMS + 1)))


@pytest.mark.parametrize(
    "kind", [object, dict, list[int], set, frozenset, dict[str, int], Mapping, type, "str", Algorithm, Pair]
)
def test_a_type_without_a_form_cannot_be_declared(kind):
    with pytest.raises(TypeError):
        form_of(kind)

    @dataclass(frozen=True)
    class Holder:
        inside: object

    @dataclass(frozen=True)
    class Computed:
        inside: int = field(init=False, default=5)

    @dataclass(frozen=True)
    class Named:
        inside: int = field(kw_only=True)

    for each in (Holder, Computed, Named, Pair[object]):
        with pytest.raises(TypeError):
            form_of(each)


def test_a_verb_that_no_message_carries_cannot_be_declared():
    with pytest.raises(ValueError, match="nine"):
        Verb(9, "nine", bool, bool, MOST_OCTETS + 1, 10)


def test_the_largest_requests_of_phase_1_fit():
    made_of = SignedHash(
        Hash.SHA512,
        Hash.SHA512,
        bytes(512),
        Secret(bytes(1024)),
        (bytes(1024),) * 2,
        (bytes(8),) * 2,
        bytes(8192),
        bytes(1024),
    )
    largest = Signing("r" * 255, made_of)
    assert len(encode(Signing, largest)) <= SIGN.most_request
    identity = Identity(IdKind.KEY_ID, bytes(1024))
    asked = PskRequest("r" * 255, identity, IPv6Address("::1"), Hash.SHA1, bytes(512), host="h" * 255)
    assert len(encode(PskRequest, asked)) <= DERIVE_SKEYID.most_request


def test_the_largest_requests_of_ikev2_fit():
    octets = SignedOctets(
        bytes(LONGEST_INIT), bytes(256), Hash.SHA512, Secret(bytes(64)), bytes(ID_HEAD + LONGEST_IDENTITY), bytes(132)
    )
    largest = AuthSigning("r" * LONGEST_NAME, octets, SignatureScheme.RSA_PSS_SHA512)
    assert len(encode(AuthSigning, largest)) <= SIGN_AUTH.most_request
    of_tls = TlsSigning("r" * LONGEST_NAME, bytes(LONGEST_TLS), SignatureScheme.RSA_PSS_SHA512)
    assert len(encode(TlsSigning, of_tls)) <= SIGN_TLS.most_request
    identity = Identity(IdKind.KEY_ID, bytes(LONGEST_IDENTITY))
    asked = KeyedRequest("r" * LONGEST_NAME, identity, IPv6Address("::1"), octets, "h" * LONGEST_NAME, client=True)
    assert len(encode(KeyedRequest, asked)) <= KEYED_AUTH.most_request
    keys = (Secret(bytes(64)),) * 3
    mixing = PpkRequest(
        "r" * LONGEST_NAME, identity, IPv6Address("::1"), Hash.SHA512, keys, "h" * LONGEST_NAME, bytes(LONGEST_PPK_ID)
    )
    assert len(encode(PpkRequest, mixing)) <= MIX_PPK.most_request


def test_no_secret_is_in_what_goes_wrong():
    octets = encode(Signing, Signing("r", HASH))
    with pytest.raises(Malformed) as caught:
        decode(Signing, octets[:-1])
    assert "hidden" not in repr(caught.value.__context__) + str(caught.value)
