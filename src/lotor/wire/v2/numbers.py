"""Registered numbers of IKEv2 (RFC 7296 §3 and the RFCs that each class names).

Values read from the wire stay plain integers: an unregistered number survives a round trip.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

VERSION = 0x20


class ExchangeType(IntEnum):
    """RFC 7296 §3.1, RFC 5723, RFC 9242, RFC 9370."""

    IKE_SA_INIT = 34
    IKE_AUTH = 35
    CREATE_CHILD_SA = 36
    INFORMATIONAL = 37
    IKE_SESSION_RESUME = 38
    IKE_INTERMEDIATE = 43
    IKE_FOLLOWUP_KE = 44


class Flag(IntFlag):
    """Flags of the header. INITIATOR: the sender began the IKE SA; RESPONSE: the message answers a request."""

    INITIATOR = 0x08
    VERSION = 0x10
    RESPONSE = 0x20


class PayloadType(IntEnum):
    """RFC 7296 §3.2; RFC 7383 §2.5."""

    NONE = 0
    SA = 33
    KEY_EXCHANGE = 34
    IDENTIFICATION_I = 35
    IDENTIFICATION_R = 36
    CERTIFICATE = 37
    CERTIFICATE_REQUEST = 38
    AUTHENTICATION = 39
    NONCE = 40
    NOTIFICATION = 41
    DELETE = 42
    VENDOR_ID = 43
    TRAFFIC_SELECTORS_I = 44
    TRAFFIC_SELECTORS_R = 45
    ENCRYPTED = 46
    CONFIGURATION = 47
    EAP = 48
    ENCRYPTED_FRAGMENT = 53


class Protocol(IntEnum):
    NONE = 0
    IKE = 1
    AH = 2
    ESP = 3


class TransformType(IntEnum):
    """RFC 7296 §3.3.2, RFC 9370 §2.2.1 (6 to 12)."""

    ENCRYPTION = 1
    PRF = 2
    INTEGRITY = 3
    KEY_EXCHANGE = 4
    SEQUENCE_NUMBERS = 5
    ADDITIONAL_KEY_EXCHANGE_1 = 6
    ADDITIONAL_KEY_EXCHANGE_2 = 7
    ADDITIONAL_KEY_EXCHANGE_3 = 8
    ADDITIONAL_KEY_EXCHANGE_4 = 9
    ADDITIONAL_KEY_EXCHANGE_5 = 10
    ADDITIONAL_KEY_EXCHANGE_6 = 11
    ADDITIONAL_KEY_EXCHANGE_7 = 12


class Encryption(IntEnum):
    TRIPLE_DES = 3
    CAST = 6
    BLOWFISH = 7
    NULL = 11
    AES_CBC = 12
    AES_CTR = 13
    AES_GCM_16 = 20
    CAMELLIA_CBC = 23
    CHACHA20_POLY1305 = 28


class PrfNumber(IntEnum):
    HMAC_MD5 = 1
    HMAC_SHA1 = 2
    AES128_XCBC = 4
    HMAC_SHA256 = 5
    HMAC_SHA384 = 6
    HMAC_SHA512 = 7
    AES128_CMAC = 8


class IntegrityNumber(IntEnum):
    NONE = 0
    HMAC_MD5_96 = 1
    HMAC_SHA1_96 = 2
    AES_XCBC_96 = 5
    AES_CMAC_96 = 8
    HMAC_SHA256_128 = 12
    HMAC_SHA384_192 = 13
    HMAC_SHA512_256 = 14


class AttributeType(IntEnum):
    """Of transforms."""

    KEY_LENGTH = 14


class AuthMethodNumber(IntEnum):
    """RFC 7296 §3.8, RFC 4754, RFC 7427, RFC 7619."""

    RSA = 1
    SHARED_KEY = 2
    ECDSA_256 = 9
    ECDSA_384 = 10
    ECDSA_521 = 11
    NULL = 13
    DIGITAL_SIGNATURE = 14


class HashAlgorithm(IntEnum):
    """RFC 7427 §7; RFC 8420 §2."""

    SHA1 = 1
    SHA2_256 = 2
    SHA2_384 = 3
    SHA2_512 = 4
    IDENTITY = 5


class CertificateEncoding(IntEnum):
    X509_SIGNATURE = 4
    HASH_AND_URL_X509 = 12
    HASH_AND_URL_BUNDLE = 13


class NotifyType(IntEnum):
    """Errors are below 16384. RFC 7296 §3.10.1, and the RFC of each extension; from 40960 on they are private, and
    LOTOR_REASON tells why a login was refused: its kind, a NUL, and words for the person."""

    UNSUPPORTED_CRITICAL_PAYLOAD = 1
    INVALID_IKE_SPI = 4
    INVALID_MAJOR_VERSION = 5
    INVALID_SYNTAX = 7
    INVALID_MESSAGE_ID = 9
    INVALID_SPI = 11
    NO_PROPOSAL_CHOSEN = 14
    INVALID_KE_PAYLOAD = 17
    AUTHENTICATION_FAILED = 24
    SINGLE_PAIR_REQUIRED = 34
    NO_ADDITIONAL_SAS = 35
    INTERNAL_ADDRESS_FAILURE = 36
    FAILED_CP_REQUIRED = 37
    TS_UNACCEPTABLE = 38
    INVALID_SELECTORS = 39
    UNACCEPTABLE_ADDRESSES = 40
    UNEXPECTED_NAT_DETECTED = 41
    TEMPORARY_FAILURE = 43
    CHILD_SA_NOT_FOUND = 44
    INVALID_GROUP_ID = 45
    STATE_NOT_FOUND = 47
    TS_MAX_QUEUE = 48
    INITIAL_CONTACT = 16384
    SET_WINDOW_SIZE = 16385
    ADDITIONAL_TS_POSSIBLE = 16386
    IPCOMP_SUPPORTED = 16387
    NAT_DETECTION_SOURCE_IP = 16388
    NAT_DETECTION_DESTINATION_IP = 16389
    COOKIE = 16390
    USE_TRANSPORT_MODE = 16391
    HTTP_CERT_LOOKUP_SUPPORTED = 16392
    REKEY_SA = 16393
    ESP_TFC_PADDING_NOT_SUPPORTED = 16394
    NON_FIRST_FRAGMENTS_ALSO = 16395
    MOBIKE_SUPPORTED = 16396
    ADDITIONAL_IP4_ADDRESS = 16397
    ADDITIONAL_IP6_ADDRESS = 16398
    NO_ADDITIONAL_ADDRESSES = 16399
    UPDATE_SA_ADDRESSES = 16400
    COOKIE2 = 16401
    NO_NATS_ALLOWED = 16402
    AUTH_LIFETIME = 16403
    MULTIPLE_AUTH_SUPPORTED = 16404
    ANOTHER_AUTH_FOLLOWS = 16405
    REDIRECT_SUPPORTED = 16406
    REDIRECT = 16407
    REDIRECTED_FROM = 16408
    TICKET_LT_OPAQUE = 16409
    TICKET_REQUEST = 16410
    TICKET_ACK = 16411
    TICKET_NACK = 16412
    TICKET_OPAQUE = 16413
    EAP_ONLY_AUTHENTICATION = 16417
    CHILDLESS_IKEV2_SUPPORTED = 16418
    QUICK_CRASH_DETECTION = 16419
    IKEV2_MESSAGE_ID_SYNC_SUPPORTED = 16420
    IKEV2_FRAGMENTATION_SUPPORTED = 16430
    SIGNATURE_HASH_ALGORITHMS = 16431
    USE_PPK = 16435
    PPK_IDENTITY = 16436
    NO_PPK_AUTH = 16437
    INTERMEDIATE_EXCHANGE_SUPPORTED = 16438
    ADDITIONAL_KEY_EXCHANGE = 16441
    SUPPORTED_AUTH_METHODS = 16443
    SA_RESOURCE_INFO = 16444
    LOTOR_REASON = 48653


FIRST_STATUS = 16384
"""Notifications from this number on are no errors."""


class ConfigType(IntEnum):
    REQUEST = 1
    REPLY = 2
    SET = 3
    ACK = 4


class ConfigAttribute(IntEnum):
    """RFC 7296 §3.15.1, RFC 8598; 23456 and 23457 are Microsoft's."""

    INTERNAL_IP4_ADDRESS = 1
    INTERNAL_IP4_NETMASK = 2
    INTERNAL_IP4_DNS = 3
    INTERNAL_IP4_NBNS = 4
    INTERNAL_IP4_DHCP = 6
    APPLICATION_VERSION = 7
    INTERNAL_IP6_ADDRESS = 8
    INTERNAL_IP6_DNS = 10
    INTERNAL_IP6_DHCP = 12
    INTERNAL_IP4_SUBNET = 13
    SUPPORTED_ATTRIBUTES = 14
    INTERNAL_IP6_SUBNET = 15
    INTERNAL_DNS_DOMAIN = 25
    INTERNAL_DNSSEC_TA = 26
    INTERNAL_IP4_SERVER = 23456
    INTERNAL_IP6_SERVER = 23457


class SelectorType(IntEnum):
    IPV4_RANGE = 7
    IPV6_RANGE = 8


_NOTIFIED = {each.value: each.name for each in NotifyType}
_EXCHANGED = {each.value: each.name for each in ExchangeType}


def error_name(number: int) -> str:
    """What a notification says, as it is registered, or by its number: for errors and logs."""
    return _NOTIFIED.get(number) or f"error {number}"


def exchange_name(number: int) -> str:
    """The same of an exchange."""
    return _EXCHANGED.get(number) or f"exchange {number}"
