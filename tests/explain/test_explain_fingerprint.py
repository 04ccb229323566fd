"""Programs told by their first message: recorded ones, and those that clients are known to send."""

from __future__ import annotations

import pytest

from lotor.explain.fingerprint import Trace, initiator, responder
from lotor.ike.v1 import trace
from lotor.wire.header import Header
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.payloads import VendorId
from recordings import NAMES, messages

DRAFTS = ("draft_08", "draft_07", "draft_06", "draft_05", "draft_04", "draft_03", "draft_02", "draft_02_n")
OTHERS = {
    "Apple (iOS, iPadOS, macOS)": ("rfc3947", "apple_nat_t", *DRAFTS, "xauth", "unity", "dpd"),
    "Android up to 11": ("rfc3947", "draft_02", "draft_02_n", "draft_00", "xauth", "unity", "fragmentation", "dpd"),
    "Cisco VPN client": ("xauth", "dpd", "fragmentation", "draft_02_n", "unity"),
    "racoon of ipsec-tools": ("fragmentation", "rfc3947", "draft_02", "draft_02_n", "xauth", "unity", "dpd"),
    "libreswan": ("fragmentation", "xauth", "dpd", "rfc3947", "draft_03", "draft_02_n", "draft_02"),
    "lotor": ("xauth", "unity", "dpd", "rfc3947", "draft_03", "draft_02_n", "draft_02", "fragmentation"),
    "Shrew Soft VPN client": (
        *("xauth", "draft_00", "draft_01", "draft_02", "draft_03", "rfc3947", "dpd"),
        *("3b9031dce4fcf88b489a923963dd0c49", "shrew", "unity"),
    ),
    "unknown": ("dpd",),
}


def first_vendors(name):
    raw = next(each.raw for each in messages() if each.recording == name)
    header = Header.decode(raw)
    chain = parse_chain(header.next_payload, raw[Header.SIZE :])
    return tuple(trace.vendor(each.data) for each in chain.all(VendorId))


@pytest.mark.parametrize("name", NAMES)
def test_recorded_clients_are_recognised(name):
    expected = "vpnc" if "vpnc" in name else "strongSwan"
    assert initiator(Trace(first_vendors(name))) == expected


@pytest.mark.parametrize("program", OTHERS)
def test_other_clients_are_recognised(program):
    assert initiator(Trace(OTHERS[program])) == program


@pytest.mark.parametrize(
    ("octets", "name"),
    [("f14b94b7bff1fef02773b8c49feded26", "shrew"), ("4df37928e9fc4fd1b3262170d515c662", "apple_nat_t")],
)
def test_f7_vendor_ids_of_shrew_and_apple_have_names(octets, name):
    assert trace.vendor(bytes.fromhex(octets)) == name


def test_a_responder_shows_little():
    assert responder(("xauth", "dpd", "unity", "fragmentation", "rfc3947")) == "strongSwan, probably"
    assert responder(("xauth", "unity", "dpd", "rfc3947")) == "lotor or racoon, probably"
    assert responder(()) == responder(("rfc3947",)) == "unknown"
