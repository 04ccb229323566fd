"""Third-party clients, each built from what is known of its wire: Apple's, Android's up to 11, Cisco's, and vpnc."""

from __future__ import annotations

from itertools import product

from lotor.model.identity import Identity, IdKind
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import ConfigAttribute as C
from lotor.wire.v1.numbers import EspAttribute, IkeAttribute, Protocol
from lotor.wire.v1.payloads import Notification, VendorId
from lotor.wire.v1.vendors import Vendor, fragmentation
from peers.speaker import Manners
from peers.visitor import Habits

HYBRID, PSK, XAUTH_PSK = 64221, 1, 65001
AES, TRIPLE_DES, DES = 7, 5, 1
MD5, SHA1, SHA256, SHA384, SHA512 = 1, 2, 4, 5, 6
LONG = 2147483
"""Seconds that Cisco's client and vpnc propose."""

GROUP = Identity(IdKind.KEY_ID, b"engineers", 17, 500)


def empty(*numbers: int) -> tuple[Attribute, ...]:
    return tuple(Attribute.tlv(number, b"") for number in numbers)


# --- Apple: macOS and iOS --------------------------------------------------------------------------------------------


RENEWS = 0.8
"""Part of the lifetime after which Apple's client begins phase 1 anew: 48 minutes of the hour that it offers."""


def _racoon(number: int, cipher: tuple[int, int], hashed: int, group: int, life: tuple[int, int]) -> Transform:
    """racoon's order of attributes; `life` is the duration and the method."""
    lifetime, method = life
    keys = (Attribute.tv(IkeAttribute.KEY_LENGTH, cipher[1]),) if cipher[1] else ()
    attributes = (
        Attribute.tv(IkeAttribute.LIFE_TYPE, 1),
        Attribute.integer(IkeAttribute.LIFE_DURATION, lifetime),
        Attribute.tv(IkeAttribute.ENCRYPTION, cipher[0]),
        *keys,
        Attribute.tv(IkeAttribute.AUTH_METHOD, method),
        Attribute.tv(IkeAttribute.HASH, hashed),
        Attribute.tv(IkeAttribute.GROUP, group),
    )
    return Transform(number, 1, attributes)


_STRONG = (((AES, 256), SHA256), ((AES, 256), SHA1), ((AES, 256), MD5), ((AES, 256), SHA512))
_OLD = tuple(product(((AES, 256), (AES, 128), (TRIPLE_DES, 0), (DES, 0)), (SHA1, MD5)))
APPLE_OFFERS = {
    14: _STRONG,
    5: _STRONG[:3],
    2: _OLD,
}


def apple_transforms(method: int, *dh_groups: int) -> tuple[Transform, ...]:
    rows = [(cipher, hashed, group) for group in dh_groups for cipher, hashed in APPLE_OFFERS[group]]
    return tuple(_racoon(number, *row, (3600, method)) for number, row in enumerate(rows, 1))


APPLE_VENDORS = (
    Vendor.RFC3947.value,
    *(vendor.value for vendor in (Vendor.DRAFT_08, Vendor.DRAFT_07, Vendor.DRAFT_06, Vendor.DRAFT_05, Vendor.DRAFT_04)),
    *(vendor.value for vendor in (Vendor.DRAFT_03, Vendor.DRAFT_02, Vendor.DRAFT_02_N)),
    fragmentation(),
    Vendor.XAUTH.value,
    Vendor.UNITY.value,
    Vendor.DPD.value,
)
APPLE_REQUEST = (
    *(Attribute.tlv(number, bytes(4)) for number in (1, 2, 3, 4, C.INTERNAL_ADDRESS_EXPIRY)),
    *empty(C.APPLICATION_VERSION, C.UNITY_BANNER, C.UNITY_DEF_DOMAIN, C.UNITY_SPLITDNS_NAME, C.UNITY_SPLIT_INCLUDE),
    *empty(C.UNITY_LOCAL_LAN),
)


def _esp_rows(rows: list[tuple[int, int, int]], mode: int, lifetime: int) -> tuple[Transform, ...]:
    """Transforms from cipher, key length and integrity."""
    return tuple(
        Transform(
            number,
            cipher,
            (
                Attribute.tv(EspAttribute.LIFE_TYPE, 1),
                Attribute.integer(EspAttribute.LIFE_DURATION, lifetime),
                Attribute.tv(EspAttribute.ENCAPSULATION, mode),
                *((Attribute.tv(EspAttribute.KEY_LENGTH, bits),) if bits else ()),
                Attribute.tv(EspAttribute.AUTH, integrity),
            ),
        )
        for number, (cipher, bits, integrity) in enumerate(rows, 1)
    )


def apple_child(spi: bytes) -> SecurityAssociation:
    """AES-256, AES-128 and 3DES with SHA-256, SHA-1 and MD5, for an hour, no PFS."""
    rows = [(*cipher, integrity) for cipher, integrity in product(((12, 256), (12, 128), (3, 0)), (5, 2, 1))]
    return SecurityAssociation((Proposal(1, Protocol.ESP, spi, _esp_rows(rows, 3, 3600)),))


def apple(method: int = HYBRID, *dh_groups: int, psk: bytes | None = None, main: bool = False) -> Habits:
    """With a group name and a hybrid method or a group key Apple goes by aggressive mode and one DH group: 14, and
    when that is refused, 2. Without a group name it goes by main mode and all of them."""
    identity = Identity(IdKind.IPV4_ADDR, bytes([198, 51, 100, 20]), 17, 500) if main else GROUP
    manners = Manners(
        transforms=apple_transforms(method, *(dh_groups or (14,))),
        vendors=APPLE_VENDORS,
        identity=identity,
        main=main,
        psk=psk,
        initial_contact=not main,
        obeys=True,
    )
    return Habits(manners, apple_child, APPLE_REQUEST, identifier=0x1234, xauth_type=True)


# --- Android up to 11 ------------------------------------------------------------------------------------------------


def _android_transforms(method: int) -> tuple[Transform, ...]:
    ciphers, hashes = ((AES, 256), (AES, 128), (TRIPLE_DES, 0), (DES, 0)), (SHA512, SHA384, SHA256, SHA1, MD5)
    rows = product(ciphers, hashes)
    return tuple(_racoon(number, *row, 2, (28800, method)) for number, row in enumerate(rows, 1))


def _android_child(spi: bytes) -> SecurityAssociation:
    rows = [
        (*cipher, integrity) for cipher, integrity in product(((12, 256), (12, 128), (3, 0), (2, 0)), (7, 6, 5, 2, 1))
    ]
    return SecurityAssociation((Proposal(1, Protocol.ESP, spi, _esp_rows(rows, 3, 28800)),))


def android(method: int = HYBRID, psk: bytes | None = None) -> Habits:
    """Its own racoon: modp1024 only, twenty transforms, and a NUL behind the password."""
    manners = Manners(
        transforms=_android_transforms(method),
        vendors=(Vendor.RFC3947.value, Vendor.DRAFT_02.value, Vendor.XAUTH.value, Vendor.UNITY.value, Vendor.DPD.value),
        identity=GROUP,
        psk=psk,
        clear_third=True,
    )
    request = empty(1, 2, 3, 4, C.UNITY_BANNER, C.UNITY_DEF_DOMAIN, C.UNITY_SPLITDNS_NAME, C.UNITY_SPLIT_INCLUDE)
    return Habits(manners, _android_child, request, identifier=7, xauth_type=True, end_of_password=b"\0")


# --- Cisco's VPN client ----------------------------------------------------------------------------------------------


def _cisco_transform(number: int, cipher: tuple[int, int], hashed: int, method: int) -> Transform:
    keys = (Attribute.tv(IkeAttribute.KEY_LENGTH, cipher[1]),) if cipher[1] else ()
    attributes = (
        Attribute.tv(IkeAttribute.ENCRYPTION, cipher[0]),
        Attribute.tv(IkeAttribute.HASH, hashed),
        Attribute.tv(IkeAttribute.GROUP, 2),
        Attribute.tv(IkeAttribute.AUTH_METHOD, method),
        Attribute.tv(IkeAttribute.LIFE_TYPE, 1),
        Attribute.tlv(IkeAttribute.LIFE_DURATION, LONG.to_bytes(4, "big")),
        *keys,
    )
    return Transform(number, 1, attributes)


def _cisco_transforms() -> tuple[Transform, ...]:
    rows = product(((AES, 256), (AES, 128), (TRIPLE_DES, 0)), (SHA1, MD5), (XAUTH_PSK, PSK))
    return tuple(_cisco_transform(number, *row) for number, row in enumerate(rows, 1))


def _cisco_child(spi: bytes) -> SecurityAssociation:
    """One proposal a suite, all with one SPI, the UDP tunnel of the drafts, 2147483 s in four octets; some with IPComp
    beside ESP under one number, as a bundle."""
    proposals, number = [], 0
    for cipher, bits, integrity in ((12, 256, 1), (12, 256, 2), (12, 128, 1), (12, 128, 2), (3, 0, 1), (3, 0, 2)):
        number += 1
        (transform,) = _esp_rows([(cipher, bits, integrity)], 61443, LONG)
        esp = Proposal(number, Protocol.ESP, spi, (transform,))
        proposals += [esp, Proposal(number, Protocol.IPCOMP, b"\x12\x34", (Transform(1, 3, transform.attributes[:2]),))]
        number += 1
        proposals.append(Proposal(number, Protocol.ESP, spi, (transform,)))
    return SecurityAssociation(tuple(proposals))


def cisco(psk: bytes) -> Habits:
    manners = Manners(
        transforms=_cisco_transforms(),
        vendors=(Vendor.XAUTH.value, Vendor.DPD.value, fragmentation(), Vendor.DRAFT_02_N.value, Vendor.UNITY.value),
        nonce=20,
        identity=GROUP,
        psk=psk,
        initial_contact=True,
        third=(Notification(40503, bytes(20)), VendorId(bytes.fromhex("09002689dfd6b712"))),
    )
    request = (
        *empty(1, 2, 3, 4, C.INTERNAL_ADDRESS_EXPIRY, C.UNITY_BANNER, C.UNITY_SAVE_PASSWD, C.UNITY_DEF_DOMAIN),
        *empty(C.UNITY_SPLIT_INCLUDE, C.UNITY_SPLITDNS_NAME, C.UNITY_PFS, C.UNITY_FW_TYPE, C.UNITY_BACKUP_SERVERS),
        Attribute.tlv(C.APPLICATION_VERSION, b"Cisco Systems VPN Client 4.8.01.0300:WinNT"),
        Attribute.tlv(C.UNITY_DDNS_HOSTNAME, b"laptop"),
        *empty(C.UNITY_NATT_PORT),
    )
    return Habits(manners, _cisco_child, request, identifier=0xBEEF, xauth_type=True, quick_nonce=20, doi=0)


# --- vpnc ------------------------------------------------------------------------------------------------------------

VPNC_CIPHERS = ((AES, 256), (AES, 192), (AES, 128), (TRIPLE_DES, 0), (DES, 0), (0, 0))


def _vpnc_transforms(*methods: int, group: int) -> tuple[Transform, ...]:
    rows = [(method, *row) for method in methods for row in product(VPNC_CIPHERS, (SHA1, MD5))]
    return tuple(
        Transform(
            number,
            1,
            (
                *((Attribute.tv(IkeAttribute.KEY_LENGTH, bits),) if bits else ()),
                Attribute.tv(IkeAttribute.ENCRYPTION, cipher),
                Attribute.tv(IkeAttribute.HASH, hashed),
                Attribute.tv(IkeAttribute.GROUP, group),
                Attribute.tv(IkeAttribute.AUTH_METHOD, method),
                Attribute.tv(IkeAttribute.LIFE_TYPE, 1),
                Attribute.tlv(IkeAttribute.LIFE_DURATION, LONG.to_bytes(4, "big")),
            ),
        )
        for number, (method, (cipher, bits), hashed) in enumerate(rows)
    )


def vpnc_child(spi: bytes) -> SecurityAssociation:
    """Twelve proposals from #0 with one SPI."""
    rows = product(((12, 256), (12, 192), (12, 128), (3, 0), (2, 0), (11, 0)), (2, 1))
    return SecurityAssociation(
        tuple(
            Proposal(
                number,
                Protocol.ESP,
                spi,
                (
                    Transform(
                        0,
                        cipher,
                        (
                            *((Attribute.tv(EspAttribute.KEY_LENGTH, bits),) if bits else ()),
                            Attribute.tv(EspAttribute.ENCAPSULATION, 3),
                            Attribute.tv(EspAttribute.AUTH, integrity),
                            Attribute.tv(EspAttribute.LIFE_TYPE, 1),
                            Attribute.tlv(EspAttribute.LIFE_DURATION, LONG.to_bytes(4, "big")),
                        ),
                    ),
                ),
            )
            for number, ((cipher, bits), integrity) in enumerate(rows)
        )
    )


_NAT_DRAFTS = (Vendor.DRAFT_03, Vendor.DRAFT_02_N, Vendor.DRAFT_02, Vendor.DRAFT_01, Vendor.DRAFT_00)


def vpnc(psk: bytes | None = None, group: int = 2) -> Habits:
    methods = (HYBRID,) if psk is None else (XAUTH_PSK, PSK)
    manners = Manners(
        transforms=_vpnc_transforms(*methods, group=group),
        proposal=0,
        vendors=(*(vendor.value for vendor in (Vendor.XAUTH, Vendor.UNITY, Vendor.RFC3947, *_NAT_DRAFTS, Vendor.DPD)),),
        nonce=20,
        identity=GROUP,
        psk=psk,
        initial_contact=True,
        third=(
            *((Notification(40503, bytes(20)),) if psk is None else ()),
            VendorId(Vendor.CISCO_VPNC.value),
            VendorId(Vendor.UNITY.value),
        ),
        discovery_port=500,
    )
    request = (
        *empty(1, 2, 3, 4, C.UNITY_DEF_DOMAIN),
        Attribute.tlv(C.UNITY_FW_TYPE, bytes.fromhex("800100018002000180030002")),
        *empty(C.UNITY_PFS, C.UNITY_BANNER, C.UNITY_SAVE_PASSWD, C.UNITY_SPLIT_INCLUDE, C.UNITY_SPLITDNS_NAME),
        Attribute.tlv(C.UNITY_DDNS_HOSTNAME, b"laptop"),
        Attribute.tlv(C.APPLICATION_VERSION, b"Cisco Systems VPN Client 0.5.3:Linux"),
    )
    return Habits(
        manners,
        vpnc_child,
        request,
        identifier=20,
        quick_nonce=20,
        deletes_both_spis=True,
        short_message_ids=True,
    )
