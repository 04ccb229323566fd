"""Which file a device gets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lotor.model.policy import Ppk
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


HAVE_PPK = frozenset({Device.STRONGSWAN, Device.LOTOR})
"""Those whose file can say that there is a PPK. Apple's have it in a profile alone, as a secret."""
PROVE_TWICE = frozenset({Device.ANDROID, Device.STRONGSWAN, Device.LOTOR})
"""Those that prove the device, and then its person."""


def made(facts: Facts, device: Device) -> File:
    """Raises `ValueError` for a device that has no IKEv1, where it is asked for, or lacks what the gateway demands."""
    if facts.protocol is Protocol.IKEV1 and device not in SPEAK_IKEV1:
        raise ValueError(f"{device.value} has no profile of IKEv1: leave --ikev1 out")
    if facts.protocol is Protocol.IKEV2:
        _demand_able(facts, device)
    return MAKERS[device](facts)


def _demand_able(facts: Facts, device: Device) -> None:
    if facts.twice and device not in PROVE_TWICE:
        text = f"{device.value} proves itself once, and the gateway wants the device's certificate and then a login"
        raise ValueError(f"{text}: write peers_auth pubkey then eap, eap; there to let it in by a login alone")
    if facts.ppk is Ppk.REQUIRED and device not in HAVE_PPK:
        apple = device in {Device.IOS, Device.MACOS}
        none = "has a PPK by PPK and PPKIdentifier of a profile, and lotor writes no secret" if apple else "has no PPK"
        raise ValueError(f"{device.value} {none}: write ppk on; there to let it in without one")
