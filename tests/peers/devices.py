"""The clients that devices bring along, each built from what is known of its wire: Windows, Apple's, and Android's from
11 on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from itertools import product

from lotor.model.algorithms import Cipher, EspSuite, Group, Hash, Ike2Suite, Integrity
from lotor.model.identity import Identity, IdKind
from lotor.wire.eap.packet import Type
from lotor.wire.v2.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v2.numbers import ConfigAttribute as C
from lotor.wire.v2.numbers import ConfigType, Protocol
from lotor.wire.v2.numbers import NotifyType as N
from lotor.wire.v2.payloads import (
    CertificateRequest,
    Configuration,
    ConfigurationAttribute,
    Identification,
    Notification,
    Payload,
    TrafficSelector,
    TrafficSelectors,
)
from lotor.wire.v2.proposals import ike_transforms
from peers.speaker_v2 import Manners

ENCR, PRF, INTEG, KE, ESN = 1, 2, 3, 4, 5
GATEWAY_NAME = "gw.example.org"


@dataclass(frozen=True)
class Device:
    """What a client is like. `opening`: its first IKE_AUTH but for SA and traffic selectors, which `child` makes of an
    SPI; the words `SA` and `TS` stand where those go. `methods`: what it wishes instead of an EAP method that it does
    not speak. `user`: how it says who logs in, from the name. `pfs`: groups of its proposals for a renewed SA pair,
    None for one without a group. `renewal`: the number of its proposal when it renews the IKE SA."""

    manners: Manners
    opening: tuple[Payload | str, ...]
    child: Callable[[bytes, Group | None], SecurityAssociation]
    methods: tuple[int, ...] = (Type.MSCHAPV2,)
    user: str = "{}"
    pfs: tuple[Group | None, ...] = (None,)
    renewal: int = 1

    @property
    def identification(self) -> Identification:
        (found,) = [each for each in self.opening if isinstance(each, Identification) and each.initiator]
        return found

    def first_request(self, spi: bytes) -> tuple[Payload, ...]:
        ranges = everything()
        both = (TrafficSelectors(ranges, initiator=True), TrafficSelectors(ranges, initiator=False))
        stands = {"SA": (self.child(spi, None),), "TS": both}
        return tuple(value for each in self.opening for value in (stands[each] if isinstance(each, str) else (each,)))


def everything() -> tuple[TrafficSelector, ...]:
    return (
        TrafficSelector(IPv4Address(0), IPv4Address("255.255.255.255")),
        TrafficSelector(IPv6Address(0), IPv6Address(2**128 - 1)),
    )


def asking(*numbers: int) -> Configuration:
    return Configuration(ConfigType.REQUEST, tuple(ConfigurationAttribute(number) for number in numbers))


def notes(*numbers: int) -> tuple[Notification, ...]:
    return tuple(Notification(number) for number in numbers)


def me(identity: Identity) -> Identification:
    return Identification.of(identity, initiator=True)


def you(name: str = GATEWAY_NAME) -> Identification:
    return Identification.of(Identity(IdKind.FQDN, name.encode()), initiator=False)


def one_by_one(protocol: int, spi: bytes, rows: list[tuple[Transform, ...]]) -> SecurityAssociation:
    """A proposal for each row."""
    return SecurityAssociation(tuple(Proposal(number, protocol, spi, row) for number, row in enumerate(rows, 1)))


def _private() -> Identity:
    return Identity(IdKind.IPV4_ADDR, bytes([192, 168, 1, 2]))


# --- Windows ---------------------------------------------------------------------------------------------------------

WINDOWS_VENDORS = (
    hashlib.md5(b"MS NT5 ISAKMPOAKLEY", usedforsecurity=False).digest() + b"\0\0\0\x09",
    hashlib.md5(b"MS-Negotiation Discovery Capable", usedforsecurity=False).digest(),
    hashlib.md5(b"Vid-Initial-Contact", usedforsecurity=False).digest(),
    bytes.fromhex("01528bbbc00696121849ab9a1c5b2a5100000002"),
)
_WINDOWS_CIPHERS = ((3, 0), (12, 128), (12, 192), (12, 256))
_WINDOWS_HASHES = ((2, 2), (12, 5), (13, 6))
"""Integrity and PRF go together."""
WINDOWS_ROOTS = 60
"""Hashes in its certificate request: one for each trusted root, more than a datagram holds."""


def _windows_rows(ciphers: tuple[tuple[int, int], ...], group: int) -> list[tuple[Transform, ...]]:
    return [
        (Transform.of(ENCR, *cipher), Transform(INTEG, integrity), Transform(PRF, prf), Transform(KE, group))
        for cipher, (integrity, prf) in product(ciphers, _WINDOWS_HASHES)
    ]


def _windows_child(spi: bytes, group: Group | None) -> SecurityAssociation:
    """AES-256, AES-128, 3DES, DES and nothing at all, with SHA-1."""
    ciphers = (
        Transform.of(ENCR, 12, 256),
        Transform.of(ENCR, 12, 128),
        *(Transform(ENCR, number) for number in (3, 2, 11)),
    )
    exchange = (Transform(KE, group),) if group else ()
    rows = [(cipher, Transform(INTEG, 2), *exchange, Transform(ESN, 0)) for cipher in ciphers]
    return one_by_one(Protocol.ESP, spi, rows)


def _windows(rows: list[tuple[Transform, ...]]) -> Device:
    roots = b"".join(hashlib.sha1(bytes([number]), usedforsecurity=False).digest() for number in range(WINDOWS_ROOTS))
    wanted = asking(
        *(C.INTERNAL_IP4_ADDRESS, C.INTERNAL_IP4_DNS, C.INTERNAL_IP4_NBNS, C.INTERNAL_IP4_SERVER),
        *(C.INTERNAL_IP6_ADDRESS, C.INTERNAL_IP6_DNS, C.INTERNAL_IP6_SERVER),
    )
    return Device(
        Manners(
            one_by_one(Protocol.IKE, b"", rows),
            order=(N.IKEV2_FRAGMENTATION_SUPPORTED, None),
            vendors=WINDOWS_VENDORS,
            nonce=48,
        ),
        (me(_private()), CertificateRequest(4, roots), *notes(N.MOBIKE_SUPPORTED), wanted, "SA", "TS"),
        _windows_child,
        methods=(Type.MSCHAPV2, Type.TLS, Type.PEAP, Type.TTLS),
        user="OFFICE\\{}",
    )


def windows() -> Device:
    """As it comes: MODP-1024 and nothing better."""
    return _windows(_windows_rows(_WINDOWS_CIPHERS, Group.MODP1024))


def windows_hardened() -> Device:
    """With `NegotiateDH2048_AES256` 1: AES-256 with MODP-2048 first, and all the old ones."""
    strong = _windows_rows(((12, 256),), Group.MODP2048)
    return _windows(strong + _windows_rows(_WINDOWS_CIPHERS, Group.MODP1024))


def windows_policy() -> Device:
    """With a policy of one's own, which is one proposal for each: AES-256-GCM, ECP-384, and PFS by the same."""
    suite = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA384, Group.ECP384)

    def child(spi: bytes, group: Group | None) -> SecurityAssociation:
        exchange = (Transform(KE, group),) if group else ()
        return one_by_one(Protocol.ESP, spi, [(Transform.of(ENCR, 20, 256), *exchange, Transform(ESN, 0))])

    return replace(_windows([ike_transforms(suite)]), child=child, pfs=(Group.ECP384,))


# --- Apple: iOS, iPadOS, macOS ---------------------------------------------------------------------------------------

_APPLE_GCM = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.ECP256)
_APPLE_CBC = Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256, Hash.SHA256, Group.ECP256)
_APPLE_ESP = (EspSuite(Cipher.AES_GCM_16, 256, None), EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256))
APPLE_SUITES = tuple(replace(suite, group=group) for suite in (_APPLE_GCM, _APPLE_CBC) for group in (19, 14))


def _apple_child(suites: tuple[EspSuite, ...]) -> Callable[[bytes, Group | None], SecurityAssociation]:
    def child(spi: bytes, group: Group | None) -> SecurityAssociation:
        exchange = (Transform(KE, group),) if group else ()
        protecting = {True: (Transform.of(ENCR, 20, 256),), False: (Transform.of(ENCR, 12, 256), Transform(INTEG, 12))}
        rows = [(*protecting[suite.integrity is None], *exchange, Transform(ESN, 0)) for suite in suites]
        return one_by_one(Protocol.ESP, spi, rows)

    return child


def apple(identity: str = "", *, eap_only: bool = False) -> Device:
    """Without a profile: ECP-256 and MODP-2048; what it wants of ESP it lists twice. It sends no certificate request.
    Without a local identifier it is its private address."""
    local = Identity(IdKind.FQDN, identity.encode()) if identity else _private()
    wanted = asking(
        *(C.INTERNAL_IP4_ADDRESS, C.INTERNAL_IP4_NETMASK, C.INTERNAL_IP4_DHCP, C.INTERNAL_IP4_DNS),
        *(C.INTERNAL_IP6_ADDRESS, C.INTERNAL_IP6_DHCP, C.INTERNAL_IP6_DNS, C.INTERNAL_DNS_DOMAIN),
    )
    rows = [ike_transforms(suite) for suite in APPLE_SUITES]
    return Device(
        Manners(
            one_by_one(Protocol.IKE, b"", rows),
            order=(N.REDIRECT_SUPPORTED, None, N.IKEV2_FRAGMENTATION_SUPPORTED),
            nonce=16,
        ),
        (
            *(me(local), *notes(N.INITIAL_CONTACT), you(), wanted),
            *notes(N.ESP_TFC_PADDING_NOT_SUPPORTED, N.NON_FIRST_FRAGMENTS_ALSO),
            *("SA", "TS", *notes(N.MOBIKE_SUPPORTED, *((N.EAP_ONLY_AUTHENTICATION,) if eap_only else ()))),
        ),
        _apple_child(_APPLE_ESP * 2),
        renewal=3,
    )


def apple_profile() -> Device:
    """By a profile that leaves everything at its default: one proposal each, of AES-256, SHA-256 and MODP-2048."""
    device = apple("client.example.org", eap_only=True)
    sa = one_by_one(Protocol.IKE, b"", [ike_transforms(replace(_APPLE_CBC, group=Group.MODP2048))])
    manners = replace(device.manners, sa=sa)
    return replace(device, manners=manners, child=_apple_child(_APPLE_ESP[1:]), pfs=(Group.MODP2048, None), renewal=1)


# --- Android from 11 on ----------------------------------------------------------------------------------------------

_SIZES = (256, 192, 128)
_ANDROID_PRFS = tuple(Transform(PRF, number) for number in (7, 6, 5, 4, 8, 2))
_ANDROID_GROUPS = tuple(Transform(KE, number) for number in (16, 31, 15, 14))
_ANDROID_HMACS = tuple(Transform(INTEG, number) for number in (14, 13, 12, 5, 8))
_ANDROID_BLOCKS = tuple(Transform.of(ENCR, number, bits) for bits in _SIZES for number in (13, 12))
_ANDROID_AEADS = (
    Transform(ENCR, 28),
    *(Transform.of(ENCR, number, bits) for number, bits in product((20, 19, 18), _SIZES)),
)


def _android_child(spi: bytes, group: Group | None) -> SecurityAssociation:
    exchange = (Transform(KE, group),) if group else ()
    rows = [(*_ANDROID_BLOCKS, *_ANDROID_HMACS, *exchange), (*_ANDROID_AEADS, *exchange)]
    return one_by_one(Protocol.ESP, spi, [(*row, Transform(ESN, 0)) for row in rows])


def android() -> Device:
    """MODP-4096 first, numbers beside it that few know, AEADs in a proposal of their own. What the person typed as
    identifier is a KEY_ID. The gateway must be called as it was typed."""
    wanted = asking(
        *(C.INTERNAL_IP4_ADDRESS, C.INTERNAL_IP6_ADDRESS, C.INTERNAL_IP4_DNS, C.INTERNAL_IP6_DNS),
        *(C.INTERNAL_IP4_NETMASK, C.APPLICATION_VERSION),
    )
    rows = [
        (*_ANDROID_BLOCKS, *_ANDROID_HMACS, *_ANDROID_PRFS, *_ANDROID_GROUPS),
        (*_ANDROID_AEADS, *_ANDROID_PRFS, *_ANDROID_GROUPS),
    ]
    return Device(
        Manners(one_by_one(Protocol.IKE, b"", rows), order=(None, N.IKEV2_FRAGMENTATION_SUPPORTED)),
        (me(Identity(IdKind.KEY_ID, b"alice's phone")), you(), "SA", "TS", wanted),
        _android_child,
    )
