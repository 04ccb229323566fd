"""Vendor ids: well-known octets by which a peer announces what it supports, and what those of NAT traversal mean."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from functools import lru_cache

from lotor.model.frozen import frozen
from lotor.wire.v1.numbers import EncapsulationMode
from lotor.wire.v1.payloads import NatDiscovery

CAPABLE_MAIN_AND_AGGRESSIVE = 0x80000000


class Vendor(Enum):
    """The value is the content of the payload; a received one may be longer."""

    XAUTH = bytes.fromhex("09002689dfd6b712")
    UNITY = bytes.fromhex("12f5f28c457168a9702d9fe274cc0100")
    DPD = bytes.fromhex("afcad71368a1f1c96b8696fc77570100")
    FRAGMENTATION = bytes.fromhex("4048b7d56ebce88525e7de7f00d6c2d3")
    RFC3947 = bytes.fromhex("4a131c81070358455c5728f20e95452f")
    DRAFT_00 = bytes.fromhex("4485152d18b6bbcd0be8a8469579ddcc")
    DRAFT_01 = bytes.fromhex("16f6ca16e4a4066d83821a0f0aeaa862")
    DRAFT_02 = bytes.fromhex("cd60464335df21f87cfdb2fc68b6a448")
    DRAFT_02_N = bytes.fromhex("90cb80913ebb696e086381b5ec427b1f")
    DRAFT_03 = bytes.fromhex("7d9419a65310ca6f2c179d9215529d56")
    DRAFT_04 = bytes.fromhex("9909b64eed937c6573de52ace952fa6b")
    DRAFT_05 = bytes.fromhex("80d0bb3def54565ee84645d4c85ce3ee")
    DRAFT_06 = bytes.fromhex("4d1e0e136deafa34c4f3ea9f02ec7285")
    DRAFT_07 = bytes.fromhex("439b59f8ba676c4c7737ae22eab8f582")
    DRAFT_08 = bytes.fromhex("8f8d83826d246b6fc7a8a6a428c11de8")
    IPSEC_TOOLS = bytes.fromhex("20a3622c1cea7ce37bee3ca484425276")
    KAME_RACOON = bytes.fromhex("7003cbc1097dbe9c2600ba6983bc8b35")
    CISCO_VPNC = bytes.fromhex("126e1f577291153b20485f7f155b4bc8")
    SHREW = bytes.fromhex("f14b94b7bff1fef02773b8c49feded26")
    APPLE_NAT_T = bytes.fromhex("4df37928e9fc4fd1b3262170d515c662")


@frozen
class NatTraversal:
    """What one version of NAT traversal writes: the payload number of NAT-D and the modes of UDP encapsulation."""

    vendor: Vendor
    draft: bool
    tunnel: EncapsulationMode
    transport: EncapsulationMode

    def discovery(self, digest: bytes) -> NatDiscovery:
        return NatDiscovery(digest, draft=self.draft)


NAT_TRAVERSALS = (
    NatTraversal(
        Vendor.RFC3947, draft=False, tunnel=EncapsulationMode.UDP_TUNNEL, transport=EncapsulationMode.UDP_TRANSPORT
    ),
    *(
        NatTraversal(
            vendor,
            draft=True,
            tunnel=EncapsulationMode.DRAFT_UDP_TUNNEL,
            transport=EncapsulationMode.DRAFT_UDP_TRANSPORT,
        )
        for vendor in (Vendor.DRAFT_03, Vendor.DRAFT_02_N, Vendor.DRAFT_02)
    ),
)
"""The versions spoken here, best first: RFC 3947 and the drafts that changed only numbers."""

_BY_PREFIX = {(len(vendor.value), vendor.value): vendor for vendor in Vendor}
_LENGTHS = sorted({len(vendor.value) for vendor in Vendor}, reverse=True)


@lru_cache(128)
def recognise(data: bytes) -> Vendor | None:
    """The vendor whose octets `data` begins with."""
    matches = (_BY_PREFIX.get((length, data[:length])) for length in _LENGTHS)
    return next((vendor for vendor in matches if vendor), None)


def fragmentation(capabilities: int = CAPABLE_MAIN_AND_AGGRESSIVE) -> bytes:
    """The octets that announce IKE fragmentation."""
    return Vendor.FRAGMENTATION.value + capabilities.to_bytes(4, "big")


def can_reassemble(data: bytes) -> bool:
    """Whether a FRAGMENTATION vendor id promises it for main and aggressive mode. One of 16 octets, which names no
    capabilities, does (libreswan)."""
    if recognise(data) is not Vendor.FRAGMENTATION:
        return False
    capabilities = data[len(Vendor.FRAGMENTATION.value) :][:4]
    return len(capabilities) < 4 or bool(int.from_bytes(capabilities, "big") & CAPABLE_MAIN_AND_AGGRESSIVE)


def choose_nat_traversal(vendors: Collection[Vendor]) -> NatTraversal | None:
    """The best version that the peer announced, None when it announced none that is spoken here."""
    return next((version for version in NAT_TRAVERSALS if version.vendor in vendors), None)
