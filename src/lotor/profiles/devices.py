"""Which file a device gets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lotor.profiles import apple, networkmanager, racoon_conf, strongswan, windows
from lotor.profiles.facts import Device, Facts, File, Protocol

MAKERS: dict[Device, Callable[[Facts], File]] = {
    Device.IOS: partial(apple.mobileconfig, device=Device.IOS),
    Device.MACOS: partial(apple.mobileconfig, device=Device.MACOS),
    Device.WINDOWS: windows.script,
    Device.ANDROID: strongswan.sswan,
    Device.STRONGSWAN: strongswan.swanctl,
    Device.NETWORKMANAGER: networkmanager.keyfile,
    Device.LOTOR: racoon_conf.configuration,
}
SPEAK_IKEV1 = frozenset({Device.IOS, Device.MACOS, Device.LOTOR})
"""Devices for which there is a profile of IKEv1."""
BUILT_IN = frozenset({Device.IOS, Device.MACOS, Device.WINDOWS})
"""Those whose client came with the device."""
TOLD_ALGORITHMS = BUILT_IN | {Device.STRONGSWAN}
"""Those whose file names algorithms of IKEv2; the others offer all that they have."""


def made(facts: Facts, device: Device) -> File:
    """Raises `ValueError` for a device that has no IKEv1, where it is asked for."""
    if facts.protocol is Protocol.IKEV1 and device not in SPEAK_IKEV1:
        raise ValueError(f"{device.value} has no profile of IKEv1: leave --ikev1 out")
    return MAKERS[device](facts)
