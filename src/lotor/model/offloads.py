"""Kernel offloads of a packet engine. Each is probed, and falls back on its own."""

from __future__ import annotations

from lotor.model.frozen import frozen


@frozen
class Offloads:
    """Shortcuts of the kernel: those allowed (in a request) or those in use (in an answer)."""

    tso: bool = True
    """The TUN device gives and takes TCP packets of up to 64 KiB."""
    uso: bool = True
    """The same for UDP (Linux 6.2)."""
    udp_segment: bool = True
    """Datagrams of one length leave by one call (Linux 4.18)."""
    udp_gro: bool = True
    """Datagrams of one length arrive by one call (Linux 5.0)."""
    udp_segment_tail: bool = False
    """A keepalive ends what leaves by one call, where all would be of one length: some kernels garble that."""


ALL_OFFLOADS = Offloads()
NO_OFFLOADS = Offloads(tso=False, uso=False, udp_segment=False, udp_gro=False)
