"""What a peer is, guessed from the vendor ids and proposals of its first message; a guess, never an authorisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

NAT_DRAFTS = frozenset(f"draft_0{number}" for number in (4, 5, 6, 7, 8))


@dataclass(frozen=True, slots=True)
class Trace:
    """Names of vendor ids in their order, offers as text, octets of the nonce (0: not seen)."""

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
    ("Apple (iOS, iPadOS, macOS)", lambda trace: trace.has(*NAT_DRAFTS)),
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
)
"""The first that fits."""


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
