"""The numbers of RADIUS that lotor sends or understands."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Kinds of packets (RFC 2865 §3, RFC 2866 §3, RFC 5176 §3)."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45


class Attribute(IntEnum):
    """Attributes, each with the place that says what its value is."""

    USER_NAME = 1  # RFC 2865 §5.1
    USER_PASSWORD = 2
    NAS_IP_ADDRESS = 4
    NAS_PORT = 5
    SERVICE_TYPE = 6
    FRAMED_PROTOCOL = 7
    FRAMED_IP_ADDRESS = 8
    FRAMED_IP_NETMASK = 9
    FILTER_ID = 11
    FRAMED_MTU = 12
    REPLY_MESSAGE = 18
    FRAMED_ROUTE = 22
    STATE = 24
    CLASS = 25
    VENDOR_SPECIFIC = 26
    SESSION_TIMEOUT = 27
    IDLE_TIMEOUT = 28
    CALLED_STATION_ID = 30
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    PROXY_STATE = 33
    ACCT_STATUS_TYPE = 40  # RFC 2866 §5
    ACCT_DELAY_TIME = 41
    ACCT_INPUT_OCTETS = 42
    ACCT_OUTPUT_OCTETS = 43
    ACCT_SESSION_ID = 44
    ACCT_AUTHENTIC = 45
    ACCT_SESSION_TIME = 46
    ACCT_INPUT_PACKETS = 47
    ACCT_OUTPUT_PACKETS = 48
    ACCT_TERMINATE_CAUSE = 49
    ACCT_INPUT_GIGAWORDS = 52  # RFC 2869 §5
    ACCT_OUTPUT_GIGAWORDS = 53
    EVENT_TIMESTAMP = 55
    NAS_PORT_TYPE = 61
    PORT_LIMIT = 62
    PROMPT = 76
    CONNECT_INFO = 77
    EAP_MESSAGE = 79  # RFC 3579 §3
    MESSAGE_AUTHENTICATOR = 80
    ACCT_INTERIM_INTERVAL = 85
    FRAMED_POOL = 88
    NAS_IPV6_ADDRESS = 95  # RFC 3162 §2
    FRAMED_INTERFACE_ID = 96
    FRAMED_IPV6_PREFIX = 97
    FRAMED_IPV6_ROUTE = 99
    ERROR_CAUSE = 101  # RFC 5176 §3.5
    DELEGATED_IPV6_PREFIX = 123  # RFC 4818
    FRAMED_IPV6_ADDRESS = 168  # RFC 6911 §3
    DNS_SERVER_IPV6_ADDRESS = 169


class ErrorCause(IntEnum):
    """Why a Disconnect- or CoA-Request is refused (RFC 5176 §3.5)."""

    UNSUPPORTED_ATTRIBUTE = 401
    MISSING_ATTRIBUTE = 402
    NAS_IDENTIFICATION_MISMATCH = 403
    INVALID_REQUEST = 404
    UNSUPPORTED_SERVICE = 405
    INVALID_ATTRIBUTE_VALUE = 407
    SESSION_CONTEXT_NOT_FOUND = 503
    RESOURCES_UNAVAILABLE = 506


class Vendor(IntEnum):
    """Enterprise numbers of vendors whose attributes lotor reads (RFC 2865 §5.26)."""

    CISCO = 9
    MICROSOFT = 311
    CISCO_VPN3000 = 3076
    WISPR = 14122


class Microsoft(IntEnum):
    """RFC 2548 §2.4 and §2.7."""

    MPPE_SEND_KEY = 16
    MPPE_RECV_KEY = 17
    PRIMARY_DNS_SERVER = 28
    SECONDARY_DNS_SERVER = 29
    PRIMARY_NBNS_SERVER = 30
    SECONDARY_NBNS_SERVER = 31


class CiscoVpn3000(IntEnum):
    """What Cisco's remote access gateways take (Altiga's numbers): texts, but for the addresses of servers."""

    PRIMARY_DNS = 5
    SECONDARY_DNS = 6
    PRIMARY_WINS = 7
    SECONDARY_WINS = 8
    BANNER = 15
    DEFAULT_DOMAIN = 28
    SPLIT_DNS_NAMES = 29


class Wispr(IntEnum):
    """Rates in bits a second, of the Wi-Fi Alliance's vendor number; many gateways that are no hotspot take them."""

    BANDWIDTH_MAX_UP = 7
    BANDWIDTH_MAX_DOWN = 8


CISCO_AVPAIR = 1
"""Of `Vendor.CISCO`: the text `protocol:attribute=value`."""

SERVICE_FRAMED = 2
SERVICE_AUTHENTICATE_ONLY = 8
PROTOCOL_PPP = 1
PORT_VIRTUAL = 5
PROMPT_ECHO = 1
