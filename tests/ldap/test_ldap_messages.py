import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory import read
from lotor.ldap import ber, messages
from lotor.ldap.ber import BerError, Reader
from lotor.ldap.messages import Entry, Equal, Policy, Referred, Result, Scope, Search
from lotor.model.secret import Secret

CAPTURED_BIND = bytes.fromhex("30 0c 02 01 01 60 07 02 01 03 04 00 80 00".replace(" ", ""))
"""An anonymous simple bind, as RFC 4511 says it is written."""
TAGS = st.sampled_from([0x02, 0x04, 0x0A, 0x30, 0x31, 0x61, 0x64, 0xA0])


@given(st.integers(-(2**31), 2**31 - 1))
def test_numbers_come_back_in_as_few_octets_as_do(value):
    written = ber.integer(value)
    assert Reader(written).number() == value
    assert len(written) == 2 or written[2:4] != b"\0\0"
    first, second = written[2], written[3] if len(written) > 3 else None
    assert second is None or not (first in {0, 255} and (first >> 7) == (second >> 7))


@given(TAGS, st.binary(max_size=70_000))
def test_elements_come_back(tag, content):
    assert Reader(ber.element(tag, content)).any() == (tag, content)


@given(st.text(max_size=300), st.binary(max_size=2000))
def test_a_login_name_is_a_value_whatever_it_looks_like(name, base):
    """No name changes what is asked: a filter has no text that it could break out of (RFC 4515 §3 is for texts)."""
    value = name.encode("utf-8", "surrogatepass")
    wanted = Search(base, Scope.SUBTREE, Equal("uid", value), ("uid", "mail"), 2, 5)
    asked = read(messages.search(7, wanted))
    assert (asked.number, asked.op, asked.name, asked.scope, asked.size) == (7, messages.SEARCH, base, 2, 2)
    assert (asked.attribute, asked.value, asked.wanted) == ("uid", value, ("uid", "mail"))


@pytest.mark.parametrize(
    "name", ["*", "anna)(uid=*", ")(|(uid=*", "\\2a", "\0", "a*", "(&)", "анна", "\\", "cn=x,dc=y"]
)
def test_hostile_names_are_asked_for_as_they_are(name):
    asked = read(messages.search(1, Search(b"", Scope.ONE, Equal("uid", name.encode()), ("uid",), 2, 5)))
    assert asked.value == name.encode()


def test_a_bind_says_version_3_and_asks_for_words_on_the_password():
    written = messages.bind(300, b"cn=x", Secret(b"pw"))
    asked = read(written)
    assert (asked.number, asked.name, asked.value) == (300, b"cn=x", b"pw")
    assert messages.PASSWORD_POLICY in written


def test_a_bind_is_written_as_the_standard_has_it():
    bare = messages.bind(1, b"", Secret(b""))
    assert bare[2:14] == CAPTURED_BIND[2:]


@given(st.binary(max_size=400))
def test_whatever_a_server_sends_is_a_message_or_an_error(data):
    for octets in (data, ber.element(ber.SEQUENCE, ber.integer(1), data)):
        with contextlib.suppress(BerError):
            messages.parse(octets)


@given(st.data())
def test_a_message_that_was_tampered_with_is_a_message_or_an_error(data):
    good = ber.element(
        ber.SEQUENCE,
        ber.integer(2),
        ber.element(
            messages.ENTRY,
            ber.octets(b"uid=anna,dc=x"),
            ber.element(
                ber.SEQUENCE, ber.element(ber.SEQUENCE, ber.octets(b"uid"), ber.element(ber.SET, ber.octets(b"a")))
            ),
        ),
    )
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BerError):
        messages.parse(bytes(changed[: data.draw(st.integers(0, len(changed)))]))


@pytest.mark.parametrize(
    ("head", "wrong"),
    [
        (b"\x30\x80", "indefinite"),
        (b"\x30\x85\x01\x01\x01\x01\x01", "length of 5"),
        (b"\x1f\x01", "several octets"),
        (b"\x30\xff", "length of 127"),
    ],
)
def test_what_ldap_does_not_use_of_ber_is_refused(head, wrong):
    with pytest.raises(BerError, match=wrong):
        ber.span(head)


def answer(op, *content, controls=b""):
    return ber.element(ber.SEQUENCE, ber.integer(5), ber.element(op, *content), controls)


def bound(code, message=b"", controls=b""):
    parts = ber.integer(code, ber.ENUMERATED), ber.octets(b""), ber.octets(message)
    return answer(messages.BOUND, *parts, controls=controls)


def test_results_carry_a_code_and_a_message():
    assert messages.parse(bound(49, b"no")).what == Result(49, b"no")


def test_an_entry_has_values_by_name_in_lower_case_without_options():
    def attribute(name, *values):
        return ber.element(ber.SEQUENCE, ber.octets(name), ber.element(ber.SET, *map(ber.octets, values)))

    listed = ber.element(
        ber.SEQUENCE, attribute(b"memberOf", b"a", b"b"), attribute(b"CN;lang-de", b"c"), attribute(b"cn", b"d")
    )
    found = messages.parse(answer(messages.ENTRY, ber.octets(b"uid=x"), listed)).what
    assert found == Entry(b"uid=x", {"memberof": (b"a", b"b"), "cn": (b"c", b"d")})


def test_an_entry_of_very_many_attributes_is_none():
    """Putting together the values of one name that comes 30,000 times held every login up for seconds."""
    attribute = ber.element(ber.SEQUENCE, ber.octets(b"cn"), ber.element(ber.SET, ber.octets(b"")))
    with pytest.raises(BerError, match="more than 256 attributes"):
        messages.parse(answer(messages.ENTRY, ber.octets(b"cn=x"), ber.element(ber.SEQUENCE, *[attribute] * 257)))


def test_a_reference_is_known_and_other_answers_mean_nothing():
    assert messages.parse(answer(messages.REFERENCE, ber.octets(b"ldap://x/"))).what == Referred()
    assert messages.parse(answer(messages.INTERMEDIATE)).what is None


def words(*content):
    value = ber.octets(ber.element(ber.SEQUENCE, *content))
    control = ber.element(ber.SEQUENCE, ber.octets(messages.PASSWORD_POLICY), ber.boolean(value=True), value)
    other = ber.element(ber.SEQUENCE, ber.octets(b"1.2.3"))
    return ber.element(messages.CONTROLS, other, control)


@pytest.mark.parametrize(
    ("content", "policy"),
    [
        ((), Policy()),
        ((ber.element(0xA0, ber.integer(600, 0x80)),), Policy(expires=600)),
        ((ber.element(0xA0, ber.integer(3, 0x81)),), Policy(grace=3)),
        ((ber.integer(1, 0x81),), Policy(error=1)),
        ((ber.element(0xA0, ber.integer(0, 0x80)), ber.integer(2, 0x81)), Policy(expires=0, error=2)),
    ],
)
def test_the_words_of_a_password_policy(content, policy):
    assert messages.parse(bound(0, controls=words(*content))).what.policy == policy
