"""Round trips for every payload, drawn from the declarations themselves."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import codecs_compared
from lotor.wire.fields import Expected, Nested, Number, Reserved, Rest, Sized, SizeOf
from lotor.wire.v1 import payloads
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import LONG, build_chain, parse_chain
from lotor.wire.v1.payloads import Payload

octet = st.integers(0, 255)
attributes = st.one_of(
    st.builds(Attribute.tv, st.integers(0, 0x7FFF), st.integers(0, 0xFFFF)),
    st.builds(Attribute.tlv, st.integers(0, 0x7FFF), st.binary(max_size=40)),
)
rows = st.lists(attributes, max_size=8).map(tuple)
transforms = st.builds(Transform, octet, octet, rows)
proposals = st.builds(
    Proposal, octet, octet, st.binary(max_size=16), st.lists(transforms, min_size=1, max_size=5).map(tuple)
)
NESTED = {"attributes": rows, "proposals": st.lists(proposals, min_size=1, max_size=4).map(tuple)}
DELETES = st.sampled_from([(1, 16), (2, 4), (3, 4), (4, 2), (4, 4)]).flatmap(
    lambda kind: st.builds(
        payloads.Delete,
        st.just(kind[0]),
        st.lists(st.binary(min_size=kind[1], max_size=kind[1]), max_size=64).map(tuple),
        st.integers(0, 2**32 - 1),
    )
)


def strategy_of(field):
    match field:
        case Number(kind=kind) if kind is not int:
            return st.booleans()
        case Number(octets=octets):
            return st.integers(0, 256**octets - 1)
        case Expected(number=number):
            return st.just(number)
        case Rest(least=least):
            return st.binary(min_size=least, max_size=300)
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
        values["payload_type"] = st.sampled_from([2, 3, 15, 16, 129, 133, 200, 255])
    if kind in (payloads.NatDiscovery, payloads.NatOriginalAddress):
        values["draft"] = st.booleans()
    return st.builds(kind, **values)


KINDS = get_args(Payload)
anything = st.one_of([payload_strategy(kind) for kind in KINDS])


@pytest.mark.parametrize("kind", KINDS)
def test_every_declared_payload_reads_back(kind):
    @given(payload_strategy(kind))
    def reads_back(payload):
        first, octets = build_chain([payload])
        assert first == payload.payload_type
        assert parse_chain(first, octets, exact=True).first(kind) == payload

    reads_back()


def messages(least: int, most: int):
    """Of proposals and of attributes a message has one list."""
    lists = st.lists(anything, min_size=least, max_size=most)
    return lists.filter(lambda chosen: all(sum(each.payload_type == kind for each in chosen) < 2 for kind in LONG))


@given(messages(0, 10), st.binary(max_size=20))
def test_every_chain_reads_back_whatever_pads_it(chosen, padding):
    first, octets = codecs_compared.built_v1(chosen)
    chain = codecs_compared.parsed_v1(first, octets + padding)
    assert [received.value for received in chain.payloads] == chosen
    assert chain.octets == octets
    assert build_chain(chain.payloads) == (first, octets)
    assert [received.end for received in chain.payloads][-1:] == [len(octets)][: len(chosen)]


@given(messages(1, 5))
def test_the_end_of_each_payload_is_where_the_next_begins(chosen):
    chain = parse_chain(*build_chain(chosen))
    start = 0
    for received in chain.payloads:
        assert chain.octets[start + 4 : received.end] == received.body
        start = received.end


@given(octet, st.binary(max_size=400))
def test_any_octets_are_a_chain_or_malformed(first, octets):
    try:
        chain = parse_chain(first, octets)
    except payloads.Malformed:
        return
    assert octets.startswith(chain.octets)
    assert parse_chain(*build_chain([received.value for received in chain.payloads])).types() == chain.types()


@given(proposals.map(lambda proposal: SecurityAssociation((proposal,))))
def test_counts_and_sizes_are_computed(association):
    body = build_chain([association])[1][4:]
    [proposal] = association.proposals
    assert body[8 + 6] == len(proposal.spi)
    assert body[8 + 7] == len(proposal.transforms)
    assert int.from_bytes(body[8 + 2 : 8 + 4], "big") == len(body) - 8
