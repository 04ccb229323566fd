"""Round trips for every payload of IKEv2, drawn from the declarations themselves."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import codecs_compared
from lotor.wire.errors import Malformed
from lotor.wire.fields import Nested, Number, Reserved, Rest, Sized, SizeOf
from lotor.wire.v2 import payloads
from lotor.wire.v2.association import LONGEST_SPI, Attribute, Proposal, SecurityAssociation, Transform
from lotor.wire.v2.chain import SINGLE, build_chain, build_sealed, parse_chain
from lotor.wire.v2.payloads import Payload

octet, short = st.integers(0, 255), st.integers(0, 0xFFFF)
attributes = st.one_of(
    st.builds(Attribute, st.integers(0, 0x7FFF), st.binary(min_size=2, max_size=2)),
    st.builds(Attribute, st.integers(0, 0x7FFF), st.binary(max_size=40), st.just(False)),
)
transforms = st.builds(Transform, octet, short, st.lists(attributes, max_size=3).map(tuple))
proposals = st.builds(
    Proposal, octet, octet, st.binary(max_size=LONGEST_SPI), st.lists(transforms, max_size=3).map(tuple)
)
configured = st.builds(payloads.ConfigurationAttribute, st.integers(0, 0x7FFF), st.binary(max_size=40))


def ranges(addresses):
    return st.builds(payloads.TrafficSelector, addresses, addresses, octet, short, short)


selectors = st.one_of(
    ranges(st.ip_addresses(v=4)),
    ranges(st.ip_addresses(v=6)),
    st.builds(payloads.UnknownSelector, st.integers(9, 255) | st.integers(0, 6), st.binary(min_size=1, max_size=40)),
)
NESTED = {
    "proposals": st.lists(proposals, min_size=1, max_size=2).map(tuple),
    "selectors": st.lists(selectors, max_size=6).map(tuple),
    "attributes": st.lists(configured, max_size=8).map(tuple),
}
DELETES = st.one_of(
    st.builds(payloads.Delete, st.sampled_from([0, 1, 4, 255])),
    st.builds(
        payloads.Delete,
        st.sampled_from([2, 3]),
        st.lists(st.binary(min_size=4, max_size=4), max_size=payloads.MOST_SPIS).map(tuple),
    ),
)
SEALED = (payloads.Encrypted, payloads.EncryptedFragment)


def strategy_of(field):
    match field:
        case Number(octets=octets):
            return st.integers(0, 256**octets - 1)
        case Rest(least=least):
            return st.binary(min_size=least, max_size=200)
        case Sized():
            return st.binary(max_size=255)
        case Nested(name=name):
            return NESTED[name]
    raise AssertionError(f"no strategy for {field}")


def payload_strategy(kind):
    if kind is payloads.Delete:
        return DELETES
    fields = [field for field in kind.layout.fields if not isinstance(field, Reserved | SizeOf)]
    values = {field.name: strategy_of(field) for field in fields}
    if kind is payloads.Unknown:
        values["payload_type"] = st.sampled_from([1, 32, 49, 52, 54, 128, 255])
    if kind in (payloads.Identification, payloads.TrafficSelectors):
        values["initiator"] = st.booleans()
    return st.builds(kind, **values)


KINDS = [kind for kind in get_args(Payload) if kind not in SEALED]
anything = st.one_of([payload_strategy(kind) for kind in KINDS])


def unrepeated(chosen: list[Payload]) -> bool:
    numbers = [each.payload_type for each in chosen if each.payload_type in SINGLE]
    return len(numbers) == len(set(numbers))


messages = st.lists(anything, max_size=8).filter(unrepeated)


@pytest.mark.parametrize("kind", KINDS)
def test_every_declared_payload_reads_back(kind):
    @given(payload_strategy(kind))
    def reads_back(payload):
        first, octets = build_chain([payload])
        assert first == payload.payload_type
        assert parse_chain(first, octets).first(kind) == payload

    reads_back()


@given(messages)
def test_every_chain_reads_back(chosen):
    first, octets = codecs_compared.built(chosen)
    chain = codecs_compared.parsed(first, octets)
    assert [received.value for received in chain.payloads] == chosen
    assert build_chain(chain.payloads) == (first, octets)
    assert chain.sealed is None


@given(octet, st.one_of([payload_strategy(kind) for kind in SEALED]))
def test_what_is_sealed_ends_a_message(inside, sealed):
    octets = build_sealed(inside, sealed)
    found = parse_chain(sealed.payload_type, octets).sealed
    assert found is not None
    assert (found.value, found.first) == (sealed, inside)
    with pytest.raises(Malformed, match="octets too many"):
        parse_chain(sealed.payload_type, octets + b"\0")


@pytest.mark.parametrize("value", [payloads.Encrypted(b""), payloads.EncryptedFragment(1, 1, b"")])
def test_what_is_sealed_is_built_by_its_own_function(value):
    with pytest.raises(TypeError, match="build_sealed"):
        build_chain([value])


@given(octet, st.binary(max_size=200))
def test_any_octets_are_a_chain_or_malformed(first, octets):
    try:
        chain = parse_chain(first, octets)
    except Malformed:
        return
    if chain.sealed is None:
        again = parse_chain(*build_chain([received.value for received in chain.payloads]))
        assert again.types() == chain.types()
        assert build_chain(chain.payloads)[0] == first


@given(proposals.map(lambda proposal: SecurityAssociation((proposal,))))
def test_counts_and_sizes_are_computed(association):
    body = build_chain([association])[1][4:]
    [proposal] = association.proposals
    assert (body[6], body[7]) == (len(proposal.spi), len(proposal.transforms))
    assert int.from_bytes(body[2:4], "big") == len(body)


@pytest.mark.parametrize(
    "payload",
    [
        payloads.Nonce(bytes(0xFFFC)),
        payloads.KeyExchange(1 << 16, b""),
        payloads.Notification(1 << 16),
        payloads.Notification(1, spi=bytes(256)),
        payloads.Identification(256, b"", initiator=True),
        payloads.Authentication(-1, b""),
        payloads.Delete(3, (b"12345",)),
        payloads.Delete(1, (b"1234",)),
        payloads.TrafficSelectors((payloads.UnknownSelector(9, b"x"),) * 256, initiator=True),
    ],
)
def test_what_does_not_fit_is_not_written(payload):
    with pytest.raises(ValueError, match=r"longer|fit|octets|range"):
        build_chain([payload])


def test_secrets_do_not_print():
    for value in (payloads.Eap(b"sesame"), payloads.Authentication(2, b"sesame"), payloads.Encrypted(b"sesame")):
        chain = parse_chain(value.payload_type, b"\0\0\0\x0e" + b"\2\0\0\0sesame")
        assert "sesame" not in f"{value!r} {chain!r}"
