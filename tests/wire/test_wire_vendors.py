"""Vendor ids: the prefix rule, fragmentation's capabilities, and the versions of NAT traversal."""

from __future__ import annotations

import hashlib

import pytest

import recordings
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.payloads import NatDiscovery, VendorId
from lotor.wire.v1.vendors import (
    Vendor,
    can_reassemble,
    choose_nat_traversal,
    fragmentation,
    recognise,
)


@pytest.mark.parametrize(
    ("vendor", "text"),
    [
        (Vendor.RFC3947, "RFC 3947"),
        (Vendor.DRAFT_02, "draft-ietf-ipsec-nat-t-ike-02"),
        (Vendor.DRAFT_02_N, "draft-ietf-ipsec-nat-t-ike-02\n"),
        *((Vendor[f"DRAFT_0{n}"], f"draft-ietf-ipsec-nat-t-ike-0{n}") for n in (0, 1, 3, 4, 5, 6, 7, 8)),
        (Vendor.IPSEC_TOOLS, "IPSec-Tools"),
        (Vendor.FRAGMENTATION, "FRAGMENTATION"),
    ],
)
def test_hashed_vendor_ids_are_the_md5_of_their_text(vendor, text):
    assert vendor.value == hashlib.md5(text.encode()).digest()


@pytest.mark.parametrize("vendor", Vendor)
def test_a_vendor_is_known_by_its_prefix(vendor):
    assert recognise(vendor.value) is vendor
    assert recognise(vendor.value + b"more") is vendor
    assert recognise(vendor.value[:-1]) is None
    assert recognise(b"x" + vendor.value) is None


def test_strangers_are_none():
    assert recognise(b"") is None
    assert recognise(b"?" * 70) is None


@pytest.mark.parametrize(
    ("capabilities", "able"),
    [("", True), ("80000000", True), ("c0000000", True), ("40000000", False), ("00000000", False)],
)
def test_fragmentation_is_promised_by_16_octets_or_by_the_bit(capabilities, able):
    assert can_reassemble(Vendor.FRAGMENTATION.value + bytes.fromhex(capabilities)) is able


def test_another_vendor_promises_no_fragmentation():
    assert not can_reassemble(Vendor.DPD.value)
    assert fragmentation().hex() == "4048b7d56ebce88525e7de7f00d6c2d380000000"


def test_the_best_version_of_nat_traversal_is_chosen():
    rfc = choose_nat_traversal([Vendor.DRAFT_02, Vendor.DPD, Vendor.RFC3947])
    assert (rfc.vendor, rfc.tunnel, rfc.transport) == (Vendor.RFC3947, 3, 4)
    assert rfc.discovery(b"hash") == NatDiscovery(b"hash")
    draft = choose_nat_traversal({Vendor.DRAFT_02, Vendor.DRAFT_02_N})
    assert (draft.vendor, draft.tunnel, draft.transport) == (Vendor.DRAFT_02_N, 61443, 61444)
    assert draft.discovery(b"hash").payload_type == 130
    assert choose_nat_traversal([Vendor.DRAFT_00, Vendor.DPD]) is None


def test_every_vendor_id_of_vpnc_is_known():
    first = next(m for m in recordings.messages() if m.recording == "hybrid-aggressive-vpnc")
    header, body = recordings.split(first.raw)
    known = [recognise(vendor.data) for vendor in parse_chain(header.next_payload, body).all(VendorId)]
    assert known == [
        Vendor.XAUTH,
        Vendor.UNITY,
        Vendor.RFC3947,
        Vendor.DRAFT_03,
        Vendor.DRAFT_02_N,
        Vendor.DRAFT_02,
        Vendor.DRAFT_01,
        Vendor.DRAFT_00,
        Vendor.DPD,
    ]
