"""The `network` block of a new gateway: its host forwards for the clients, and translates their addresses where the
inside knows no way back. The daemon does both while it runs, and takes both back at its end.

Earlier builds wrote a file of sysctl.d, a table of nftables and a unit of systemd instead: their records are taken back
by the steps that they noted.
"""

from __future__ import annotations

from lotor.daemon.exits import StartError
from lotor.init.host import Target

WITHOUT_NFT = (
    "translating the addresses of clients needs nft, which is not here: install nftables, or give --no-masquerade"
)
_BLOCK = """
network {{                                # what this host does for their packets
        forward on;                      # while lotor runs
        {masquerade}
        {clamp}
        # allow group "staff" to 192.168.1.0/24;   # with rules, all else is denied
}}
"""
_TRANSLATED = "masquerade on;                   # nobody inside needs a route to them"
_ROUTED = "masquerade off;                  # the inside has a route to them"
_CLAMPED = "mss_clamp on;                    # TCP segments fit through the tunnel"
_UNCLAMPED = "mss_clamp off;                   # on needs nft"


def block(*, masquerade: bool, nft: bool = True) -> str:
    """`nft`: the program is here."""
    return _BLOCK.format(masquerade=_TRANSLATED if masquerade else _ROUTED, clamp=_CLAMPED if nft else _UNCLAMPED)


def demand(target: Target, *, masquerade: bool) -> None:
    """Raises `StartError` where a program is missing."""
    if masquerade and not target.has("nft"):
        raise StartError(WITHOUT_NFT)


def remarks(*, masquerade: bool) -> list[str]:
    return [] if masquerade else ["hosts inside need a route to the clients' addresses by way of this gateway"]
