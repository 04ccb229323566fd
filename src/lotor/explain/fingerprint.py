"""What a peer is, guessed from what its first message announces and offers; a guess, never an authorisation."""

from __future__ import annotations

from collections.abc import Callable

from lotor.model.frozen import frozen

_DETECTION = ("nat_detection_source_ip", "nat_detection_destination_ip")
"""Of a client of IKEv2 that looks for a NAT."""
APPLE, WINDOWS, ANDROID = "Apple (iOS, iPadOS, macOS)", "Windows", "Android from 11 on"
_WINDOWS_VENDOR = "1e2b516905991c7d7c96fcbfb587e46100000009"
_OPENIKED_VENDOR = b"OpenIKED".hex()
"""A version stands behind it."""
_AES_CTR = "1:13"
"""Android offers it, beside others that nobody else does."""
NAT_DRAFTS = frozenset(f"draft_0{number}" for number in (4, 5, 6, 7, 8))


@frozen
class Trace:
    """Names of vendor ids, and of what IKEv2 announces by notifications, in their order; offers as text; octets of the
    nonce (0: not seen)."""

    vendors: tuple[str, ...]
    offers: tuple[str, ...] = ()
    nonce: int = 0

    def has(self, *vendors: str) -> bool:
        return set(vendors) <= set(self.vendors)

    def lacks(self, *vendors: str) -> bool:
        return not set(vendors) & set(self.vendors)


Sign = Callable[[Trace], bool]

_SIGNS: tuple[tuple[str, Sign], ...] = (
    # Apple's racoon names every draft of NAT traversal from 04 to 08
    (APPLE, lambda trace: trace.has(*NAT_DRAFTS)),
    ("Shrew Soft VPN client", lambda trace: trace.has("shrew")),
    ("vpnc", lambda trace: trace.has("rfc3947", "draft_03", "draft_01", "draft_00") and trace.lacks("fragmentation")),
    ("Android up to 11", lambda trace: trace.has("rfc3947", "draft_00", "fragmentation") and trace.lacks("draft_03")),
    ("Cisco VPN client", lambda trace: trace.has("unity", "draft_02_n") and trace.lacks("rfc3947")),
    ("racoon of ipsec-tools", lambda trace: trace.has("ipsec_tools") or trace.has("kame_racoon")),
    (
        "strongSwan",
        lambda trace: (
            trace.vendors[:2] == ("xauth", "dpd") and trace.has("rfc3947") and trace.lacks("draft_03", "draft_02")
        ),
    ),
    ("lotor", lambda trace: trace.vendors[:3] == ("xauth", "unity", "dpd")),
    (
        "racoon of ipsec-tools",
        lambda trace: trace.has("rfc3947", "draft_02", "draft_02_n") and trace.lacks("draft_03", "draft_00"),
    ),
    ("libreswan", lambda trace: trace.has("rfc3947", "draft_03", "draft_02_n", "draft_02")),
    (WINDOWS, lambda trace: trace.has(_WINDOWS_VENDOR)),
    ("OpenIKED", lambda trace: any(each.startswith(_OPENIKED_VENDOR) for each in trace.vendors)),
    (APPLE, lambda trace: trace.vendors[:3] == ("redirect_supported", *_DETECTION)),
    (
        "libreswan",
        lambda trace: trace.vendors[:4] == ("ikev2_fragmentation_supported", "signature_hash_algorithms", *_DETECTION),
    ),
    ("strongSwan", lambda trace: _detects(trace) and trace.has("redirect_supported")),
    ("lotor", lambda trace: _detects(trace) and trace.has("signature_hash_algorithms")),
    (ANDROID, lambda trace: _detects(trace) and any(_AES_CTR in each for each in trace.offers)),
)
"""The first that fits."""


def _detects(trace: Trace) -> bool:
    return trace.vendors[:3] == (*_DETECTION, "ikev2_fragmentation_supported")


def initiator(trace: Trace) -> str:
    """The program that began, `unknown` where nothing fits."""
    return next((name for name, fits in _SIGNS if fits(trace)), "unknown")


def responder(vendors: tuple[str, ...]) -> str:
    """A gateway only echoes what it can do too, so that the order is all there is to see."""
    if not vendors:
        return "unknown"
    known = [each for each in vendors if each in ("xauth", "unity", "dpd")]
    if known[:2] == ["xauth", "dpd"]:
        return "strongSwan, probably"
    if known == ["xauth", "unity", "dpd"]:
        return "lotor or racoon, probably"
    return "unknown"
