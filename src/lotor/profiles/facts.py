"""What a device has to know to connect, whatever its own format."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from uuid import UUID, uuid5

from lotor.model.algorithms import Curve, EapMethod
from lotor.model.frozen import frozen
from lotor.model.network import Address, Network
from lotor.model.policy import Ppk
from lotor.profiles.pem import pem

NAMES = UUID("6f4b8e2a-7c4d-5b0e-9a51-2f6d0c7e1b3a")
"""The namespace of our identifiers: a profile that is made again replaces the one that a device has."""
UNUSUAL = re.compile(r"[^\w.-]", re.ASCII)


class Device(Enum):
    """What `lotor profile --for` names."""

    IOS = "ios"
    MACOS = "macos"
    WINDOWS = "windows"
    ANDROID = "android"
    STRONGSWAN = "strongswan"
    NETWORKMANAGER = "networkmanager"
    LOTOR = "lotor"


class Protocol(Enum):
    """The versions of IKE that a profile may be for."""

    IKEV2 = 2
    IKEV1 = 1


@frozen
class Proposal:
    """What the gateway takes, by the weakest that all devices of today can: `key_bits` of AES-GCM, `hash_bits` of the
    PRF's SHA-2, `group` by its number, for children, too."""

    key_bits: int = 256
    hash_bits: int = 384
    group: int = 20


@frozen
class OnDemand:
    """The device connects by itself, but in the networks of these names (SSID), where the person is at home."""

    trusted: tuple[str, ...] = ()


@frozen
class Facts:
    """`gateway` is the host name or address that is dialled, which its certificate names too. `authorities`: DER, what
    the device must trust; empty where it knows the authority already. `issuer`: the common name of the certificate's
    issuer; `curve`: that of its key, None for RSA. `networks`: what is reached through the tunnel, empty for
    everything. `domains`: whose names are asked inside, where not everything goes through. `eap`: by what the gateway
    lets people log in over IKEv2. `ppk`: whether a post-quantum key is mixed in (RFC 8784), and `twice`: whether the
    device proves itself by its certificate before its person logs in (RFC 4739). No profile has either secret."""

    gateway: str
    user: str
    title: str
    authorities: tuple[bytes, ...] = ()
    issuer: str = ""
    curve: Curve | None = None
    networks: tuple[Network, ...] = ()
    dns: tuple[Address, ...] = ()
    domains: tuple[str, ...] = ()
    protocol: Protocol = Protocol.IKEV2
    eap: tuple[EapMethod, ...] = ()
    ppk: Ppk = Ppk.OFF
    twice: bool = False
    proposal: Proposal = Proposal()
    on_demand: OnDemand | None = None

    @property
    def everything(self) -> bool:
        return not self.networks

    @property
    def stem(self) -> str:
        """Of the names of files: letters, digits, dots and hyphens, which every system and shell takes as they are."""
        return UNUSUAL.sub("-", self.gateway)

    def authority(self) -> File | None:
        """The authorities as PEM, for what cannot have them inside; None where the device knows them."""
        text = "".join(pem(each) for each in self.authorities)
        return File(f"{self.stem}-ca.pem", text.encode()) if text else None

    def identifier(self, part: str) -> UUID:
        """The same for each profile of this user at this gateway."""
        return uuid5(NAMES, f"{self.gateway}\0{self.user}\0{self.protocol.value}\0{part}")


@frozen
class File:
    """A file for the device. `steps`: what the person does with it, one sentence each. `beside`: a file that it needs
    beside it."""

    name: str
    content: bytes
    steps: tuple[str, ...] = ()
    beside: File | None = None


DEVICE_CERTIFICATE, DEVICE_KEY = "device.crt", "device.key"
"""What a profile calls the certificate of the device and its key, which it does not have."""


def steps_with(steps: Iterable[str], authority: str, **words: str) -> tuple[str, ...]:
    """With the words in their places. `authority` empty: there is none, and what is said of it is left out."""
    return tuple(step.format(authority=authority, **words) for step in steps if authority or "{authority}" not in step)
