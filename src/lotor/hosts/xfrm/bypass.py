"""Datagrams of a socket go past the kernel's IPsec policies: those of IKE are in clear, whatever policies say of all
packets to their peers."""

from __future__ import annotations

import contextlib
import socket
import struct

from lotor.hosts.xfrm.entries import Direction

OPTIONS = {
    socket.AF_INET: (socket.IPPROTO_IP, 17),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 35),
}
"""IP_XFRM_POLICY and IPV6_XFRM_POLICY, each with its level."""
POLICY = struct.Struct("=40xH118xBBxx4x")
"""`struct xfrm_userpolicy_info`, as far as it is not 0: the family of a selector for all packets; direction, action."""
ALLOW = 0
"""XFRM_POLICY_ALLOW, in a policy without templates: in clear."""


def past_policies(udp: socket.socket) -> None:
    """Both ways. Nothing where the kernel has no XFRM, or where it is not loaded and so has no policies: whoever loads
    it for policies of his own does so before he opens sockets. Nothing without the right to, either."""
    level, option = OPTIONS[udp.family]
    with contextlib.suppress(OSError):
        for direction in (Direction.IN, Direction.OUT):
            udp.setsockopt(level, option, POLICY.pack(udp.family, direction, ALLOW))
