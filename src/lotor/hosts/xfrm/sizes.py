"""How large packets may be that the kernel seals. It cuts what is larger at the device, before it is sealed, so that
the device of all tunnels has one limit: that no outer datagram exceeds any `esp_frag`, whatever the suite."""

from __future__ import annotations

from lotor._native import device_mtu
from lotor.config.listening import nat_t
from lotor.config.settings import Settings
from lotor.model.network import OUTER_MTU

IPV6_MORE = 20
"""Octets of an outer header of IPv6 more than of one of IPv4."""


def inner_mtu(settings: Settings) -> int:
    """The MTU of the device, octets."""
    limits = (each.esp_frag for each in settings.remotes if each.esp_frag is not None)
    outer = min((OUTER_MTU, *limits))
    by_ipv6 = any(each.address.version == 6 for each in nat_t(settings.listen))
    return device_mtu(outer - IPV6_MORE if by_ipv6 else outer)
