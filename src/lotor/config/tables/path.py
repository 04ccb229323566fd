"""The directives of `remote` about how packets reach the peer and come back, and how a dead peer is detected."""

from __future__ import annotations

from typing import Any

from lotor.config.arguments import Number
from lotor.config.choices import SWITCH, Choice, Keyword
from lotor.config.directive import Directive
from lotor.model.policy import Switch

LONGEST_PACKET = 65535
SMALLEST_FRAGMENT = 256


def on_off(default: bool, name: str, meaning: str, **more: Any) -> Directive:
    return Directive(name, SWITCH, meaning, default=default, default_text="on" if default else "off", **more)


NAT_TRAVERSAL = Keyword(
    (
        Choice("on", Switch.ON, "when there is a NAT router on the way"),
        Choice("off", Switch.OFF, "never"),
        Choice("force", Switch.FORCE, "always: ESP travels in UDP even without a NAT router"),
    )
)
IKE_FRAG = Keyword(
    (
        Choice("on", Switch.ON, "when the peer can do it too"),
        Choice("off", Switch.OFF, "never sent; received all the same"),
        Choice("force", Switch.FORCE, "also before the peer said that it can"),
    )
)

PATH = (
    Directive(
        "nat_traversal",
        NAT_TRAVERSAL,
        "Whether ESP travels in UDP so that it passes a NAT router.",
        default=Switch.OFF,
        default_text="off; on in a block that speaks IKEv2",
    ),
    Directive(
        "ike_frag",
        IKE_FRAG,
        "Whether long IKE messages are cut to datagrams that any router lets pass.",
        default=Switch.OFF,
        default_text="off; on in a block that speaks IKEv2",
    ),
    Directive(
        "esp_frag",
        Number(SMALLEST_FRAGMENT, LONGEST_PACKET, "octets", clamps=True),
        "The largest ESP datagram, octets: longer packets are fragmented inside the tunnel. IPv6 packets of up to 1280 "
        "octets are not, but TCP keeps its segments small enough.",
        default_text="65535 (as the path allows)",
        differs="it works on every system; racoon needs NetBSD's kernel for it.",
    ),
    on_off(default=True, name="dpd", meaning="Tell the peer that this end answers dead peer detection."),
    Directive(
        "dpd_delay",
        Number(0, 86400, "seconds", clamps=True),
        "Silence after which the peer is probed; 0: never.",
        default=0,
        default_text="0; 30 in a block that speaks IKEv2",
    ),
    Directive(
        "dpd_retry", Number(1, 3600, "seconds", clamps=True), "Time between probes that nobody answers.", default=5
    ),
    Directive(
        "dpd_maxfail", Number(1, 100, clamps=True), "How many probes without an answer make a peer dead.", default=5
    ),
)
