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


XFRM = 6
"""NETLINK_XFRM. The kernel loads its XFRM for whoever opens such a socket, also without rights."""


def past_policies(udp: socket.socket) -> None:
    """Both ways, also past policies that come later. Nothing where the kernel has no XFRM, or without the right to."""
    with contextlib.suppress(OSError):
        try:
            _allow(udp)
        except PermissionError:
            raise
        except OSError:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, XFRM):
                _allow(udp)


def _allow(udp: socket.socket) -> None:
    level, option = OPTIONS[udp.family]
    for direction in (Direction.IN, Direction.OUT):
        udp.setsockopt(level, option, POLICY.pack(udp.family, direction, ALLOW))
