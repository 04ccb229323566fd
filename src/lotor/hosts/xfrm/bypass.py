"""Datagrams of a socket go past the kernel's IPsec policies: those of IKE are in clear, whatever policies say of all
packets to their peers."""

from __future__ import annotations

import contextlib
import socket

from lotor.hosts.xfrm.entries import Direction
from lotor.hosts.xfrm.shapes import NETLINK_XFRM, POLICY, SELECTOR

OPTIONS = {
    socket.AF_INET: (socket.IPPROTO_IP, 17),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 35),
}
"""IP_XFRM_POLICY and IPV6_XFRM_POLICY, each with its level."""
ALLOW = 0
"""XFRM_POLICY_ALLOW, in a policy without templates: in clear."""


def past_policies(udp: socket.socket) -> None:
    """Both ways, also past policies that come later. Nothing where the kernel's XFRM is not there, or not loaded; nor
    without the right to."""
    level, option = OPTIONS[udp.family]
    everything = SELECTOR.write(family=udp.family)
    with contextlib.suppress(OSError):
        for direction in (Direction.IN, Direction.OUT):
            udp.setsockopt(level, option, POLICY.write(selector=everything, direction=direction, action=ALLOW))


def load() -> None:
    """The kernel loads its XFRM for whoever opens such a socket; nothing where it has none."""
    with contextlib.suppress(OSError):
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM).close()
