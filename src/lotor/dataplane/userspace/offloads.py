"""Which shortcuts through the kernel the packet engine takes; each is probed, and falls back alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offloads:
    """As a wish: what may be used. As an answer: what is used."""

    tun_tcp: bool = True
    """The TUN device gives and takes TCP packets of up to 64 KiB."""
    tun_udp: bool = True
    """The same for UDP (Linux 6.2)."""
    udp_segment: bool = True
    """Datagrams of one length leave by one call (Linux 4.18)."""
    udp_receive: bool = True
    """Datagrams of one length arrive by one call (Linux 5.0)."""


ALL_OFFLOADS = Offloads()
NO_OFFLOADS = Offloads(tun_tcp=False, tun_udp=False, udp_segment=False, udp_receive=False)
