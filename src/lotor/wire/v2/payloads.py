"""The payloads of IKEv2 as values, each declared once with its layout (RFC 7296 §3.4-3.16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar

from lotor.model.frozen import frozen
from lotor.model.identity import Identity
from lotor.model.network import Address
from lotor.wire.errors import Malformed
from lotor.wire.fields import Cursor, Layout, Nested, Number, Reserved, Rest, Sized, SizeOf, Sizes, Values
from lotor.wire.table import Kind
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.numbers import PayloadType, Protocol, SelectorType


@frozen
class KeyExchange:
    """`group` is the number of a method of key exchange, `data` the public value or the ciphertext of a KEM."""

    payload_type: ClassVar[int] = PayloadType.KEY_EXCHANGE
    layout: ClassVar[Layout] = Layout(Number("group", 2), Reserved(2), Rest("data"))

    group: int
    data: bytes


@frozen
class Identification:
    """IDi where `initiator`, else IDr. What prf(SK_p, …) covers is its body as it came (`Chain.body`), or as
    `encode_payload` makes it."""

    layout: ClassVar[Layout] = Layout(Number("kind", 1), Reserved(3), Rest("data"))

    kind: int
    data: bytes
    initiator: bool

    @classmethod
    def of(cls, identity: Identity, *, initiator: bool) -> Identification:
        return cls(identity.kind, identity.data, initiator)

    @property
    def payload_type(self) -> int:
        return PayloadType.IDENTIFICATION_I if self.initiator else PayloadType.IDENTIFICATION_R

    @property
    def identity(self) -> Identity:
        return Identity(self.kind, self.data)


@frozen
class Certificate:
    payload_type: ClassVar[int] = PayloadType.CERTIFICATE
    layout: ClassVar[Layout] = Layout(Number("encoding", 1), Rest("data"))

    encoding: int
    data: bytes


@frozen
class CertificateRequest:
    """`data`: SHA-1 of the public keys of authorities, 20 octets each; a hint only."""

    payload_type: ClassVar[int] = PayloadType.CERTIFICATE_REQUEST
    layout: ClassVar[Layout] = Layout(Number("encoding", 1), Rest("data"))

    encoding: int
    data: bytes


@frozen
class Authentication:
    payload_type: ClassVar[int] = PayloadType.AUTHENTICATION
    layout: ClassVar[Layout] = Layout(Number("method", 1), Reserved(3), Rest("data"))

    method: int
    data: bytes = field(repr=False)


@frozen
class Nonce:
    payload_type: ClassVar[int] = PayloadType.NONCE
    layout: ClassVar[Layout] = Layout(Rest("data"))

    data: bytes


@frozen
class Notification:
    """`protocol` is 0 without an SPI."""

    payload_type: ClassVar[int] = PayloadType.NOTIFICATION
    layout: ClassVar[Layout] = Layout(
        Number("protocol", 1), SizeOf("spi", 1), Number("type", 2), Sized("spi"), Rest("data")
    )

    type: int
    data: bytes = b""
    spi: bytes = b""
    protocol: int = Protocol.NONE


MOST_SPIS = 64
"""In one delete: more than any session has pairs."""


@frozen
class _Spis:
    """SPI size, count and the SPIs themselves."""

    name: str

    def read(self, cursor: Cursor, sizes: Sizes, values: Values) -> None:
        del sizes
        size, high, low = cursor.take(3, self.name)
        count = high << 8 | low
        wanted = 4 if values["protocol"] in {Protocol.AH, Protocol.ESP} else 0
        if size != wanted or (count and not wanted):
            raise Malformed(f"{count} SPIs of {size} octets for protocol {values['protocol']}")
        if count > MOST_SPIS:
            raise Malformed(f"{count} SPIs, more than {MOST_SPIS}")
        octets = cursor.take(count * size, self.name)
        values[self.name] = tuple(octets[start : start + size] for start in range(0, len(octets), size or 1))

    def write(self, value: object) -> bytes:
        spis: tuple[bytes, ...] = getattr(value, self.name)
        size = 4 if getattr(value, "protocol", 0) in {Protocol.AH, Protocol.ESP} else 0
        if any(len(spi) != size for spi in spis):
            raise ValueError("an SPI of ESP has 4 octets; an IKE SA is deleted without one")
        return bytes([size]) + len(spis).to_bytes(2, "big") + b"".join(spis)


@frozen
class Delete:
    """SAs that the sender has dropped: the IKE SA without SPIs, or ESP SAs by the SPIs at which the sender received."""

    payload_type: ClassVar[int] = PayloadType.DELETE
    layout: ClassVar[Layout] = Layout(Number("protocol", 1), _Spis("spis"))

    protocol: int
    spis: tuple[bytes, ...] = ()


@frozen
class VendorId:
    payload_type: ClassVar[int] = PayloadType.VENDOR_ID
    layout: ClassVar[Layout] = Layout(Rest("data"))

    data: bytes


MOST_SELECTORS = 64


@frozen
class TrafficSelector:
    """Addresses from `first` to `last`, of one IP version, and ports; `protocol` 0: any."""

    first: Address
    last: Address
    protocol: int = 0
    first_port: int = 0
    last_port: int = 0xFFFF


@frozen
class UnknownSelector:
    """A selector of a type that nobody registered; narrowing leaves it out."""

    type: int
    data: bytes


Selector = TrafficSelector | UnknownSelector
_SELECTOR_SIZES: Mapping[int, int] = {SelectorType.IPV4_RANGE: 4, SelectorType.IPV6_RANGE: 16}


def _decode_selectors(octets: bytes) -> tuple[Selector, ...]:
    """The count, three reserved octets, and the selectors (RFC 7296 §3.13)."""
    cursor, found = Cursor(octets), list[Selector]()
    count = cursor.take(4, "a list of traffic selectors")[0]
    if count > MOST_SELECTORS:
        raise Malformed(f"{count} traffic selectors, more than {MOST_SELECTORS}")
    while cursor.left:
        kind, protocol, high, low = cursor.take(4, "a traffic selector")
        length = high << 8 | low
        if length < 4:
            raise Malformed(f"a traffic selector says length {length}, below its own header")
        found.append(_decode_selector(kind, protocol, cursor.take(length - 4, "a traffic selector")))
    if len(found) != count:
        raise Malformed(f"{count} traffic selectors announced, {len(found)} found")
    return tuple(found)


def _decode_selector(kind: int, protocol: int, body: bytes) -> Selector:
    size = _SELECTOR_SIZES.get(kind)
    if size is None:
        return UnknownSelector(kind, bytes([protocol]) + body)
    if len(body) != 4 + 2 * size:
        raise Malformed(f"a traffic selector of type {kind} has {len(body) + 4} octets, not {8 + 2 * size}")
    packed = IPv4Address if size == 4 else IPv6Address
    first, last = packed(body[4 : 4 + size]), packed(body[4 + size :])
    return TrafficSelector(first, last, protocol, int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big"))


def _encode_selector(selector: Selector) -> bytes:
    if isinstance(selector, UnknownSelector):
        length = (3 + len(selector.data)).to_bytes(2, "big")
        return bytes([selector.type, selector.data[0]]) + length + selector.data[1:]
    kind = SelectorType.IPV4_RANGE if selector.first.version == 4 else SelectorType.IPV6_RANGE
    ports = selector.first_port.to_bytes(2, "big") + selector.last_port.to_bytes(2, "big")
    body = ports + selector.first.packed + selector.last.packed
    return bytes([kind, selector.protocol]) + (4 + len(body)).to_bytes(2, "big") + body


def _encode_selectors(selectors: Sequence[Selector]) -> bytes:
    return bytes([len(selectors), 0, 0, 0]) + b"".join(map(_encode_selector, selectors))


@frozen
class TrafficSelectors:
    """TSi where `initiator`, else TSr."""

    layout: ClassVar[Layout] = Layout(Nested("selectors", _decode_selectors, _encode_selectors))

    selectors: tuple[Selector, ...]
    initiator: bool

    @property
    def payload_type(self) -> int:
        return PayloadType.TRAFFIC_SELECTORS_I if self.initiator else PayloadType.TRAFFIC_SELECTORS_R


MOST_ATTRIBUTES = 256


@frozen
class ConfigurationAttribute:
    """`type` has 15 bits; the length is always there, as 2 octets."""

    type: int
    data: bytes = b""


def _decode_configuration(octets: bytes) -> tuple[ConfigurationAttribute, ...]:
    cursor, found = Cursor(octets), list[ConfigurationAttribute]()
    while cursor.left:
        if len(found) == MOST_ATTRIBUTES:
            raise Malformed(f"more than {MOST_ATTRIBUTES} attributes of a configuration")
        kind = int.from_bytes(cursor.take(2, "type of an attribute"), "big") & 0x7FFF
        size = int.from_bytes(cursor.take(2, "length of an attribute"), "big")
        found.append(ConfigurationAttribute(kind, cursor.take(size, "attribute of a configuration")))
    return tuple(found)


def _encode_configuration(attributes: Sequence[ConfigurationAttribute]) -> bytes:
    return b"".join(
        [each.type.to_bytes(2, "big") + len(each.data).to_bytes(2, "big") + each.data for each in attributes]
    )


@frozen
class Configuration:
    """`type` is a `ConfigType`."""

    payload_type: ClassVar[int] = PayloadType.CONFIGURATION
    layout: ClassVar[Layout] = Layout(
        Number("type", 1), Reserved(3), Nested("attributes", _decode_configuration, _encode_configuration)
    )

    type: int
    attributes: tuple[ConfigurationAttribute, ...]

    def all(self, type: int) -> tuple[bytes, ...]:  # noqa: A002 - the field's own name
        """The values of each attribute of that type."""
        return tuple(each.data for each in self.attributes if each.type == type)


@frozen
class Eap:
    """One packet of EAP (RFC 3748 §4), read by `wire.eap`."""

    payload_type: ClassVar[int] = PayloadType.EAP
    layout: ClassVar[Layout] = Layout(Rest("packet"))

    packet: bytes = field(repr=False)


@frozen
class Encrypted:
    """SK: IV, ciphertext and ICV as they came. What is inside begins with a payload of type `first`."""

    payload_type: ClassVar[int] = PayloadType.ENCRYPTED
    layout: ClassVar[Layout] = Layout(Rest("data"))

    data: bytes = field(repr=False)


@frozen
class EncryptedFragment:
    """SKF (RFC 7383 §2.5): piece `number` of `total`, both counted from 1."""

    payload_type: ClassVar[int] = PayloadType.ENCRYPTED_FRAGMENT
    layout: ClassVar[Layout] = Layout(Number("number", 2), Number("total", 2), Rest("data"))

    number: int
    total: int
    data: bytes = field(repr=False)


@frozen
class Unknown:
    """A payload of a type that no declaration has."""

    layout: ClassVar[Layout] = Layout(Rest("data"))

    payload_type: int
    data: bytes


Payload = (
    SecurityAssociation
    | KeyExchange
    | Identification
    | Certificate
    | CertificateRequest
    | Authentication
    | Nonce
    | Notification
    | Delete
    | VendorId
    | TrafficSelectors
    | Configuration
    | Eap
    | Encrypted
    | EncryptedFragment
    | Unknown
)

_PLAIN = (
    SecurityAssociation,
    KeyExchange,
    Certificate,
    CertificateRequest,
    Authentication,
    Nonce,
    Notification,
    Delete,
    VendorId,
    Configuration,
    Eap,
    Encrypted,
    EncryptedFragment,
)
_BY_TYPE = {int(kind.payload_type): kind for kind in _PLAIN}
_OF_BOTH: Mapping[type[Identification | TrafficSelectors], tuple[int, int]] = {
    Identification: (PayloadType.IDENTIFICATION_I, PayloadType.IDENTIFICATION_R),
    TrafficSelectors: (PayloadType.TRAFFIC_SELECTORS_I, PayloadType.TRAFFIC_SELECTORS_R),
}
"""Those of which each end has a type of its own, the initiator's first."""
KINDS = [
    *[Kind.of(kind, kind.layout, {number: {}}) for number, kind in _BY_TYPE.items()],
    *[
        Kind.of(kind, kind.layout, {own: {"initiator": True}, other: {"initiator": False}})
        for kind, (own, other) in _OF_BOTH.items()
    ],
]
UNKNOWN = Kind.of(Unknown, Unknown.layout, {})
"""The declarations for the native codec."""


def decode_payload(number: int, body: bytes) -> Payload:
    """The value of a body without generic header; `Unknown` for a number that no declaration has."""
    kind = _BY_TYPE.get(number)
    if kind is not None:
        return kind(**kind.layout.decode(body))
    for both, (initiators, responders) in _OF_BOTH.items():
        if number in {initiators, responders}:
            return both(**both.layout.decode(body), initiator=number == initiators)
    return Unknown(number, body)


def encode_payload(payload: Payload) -> bytes:
    """The body without generic header. `ValueError` when a value does not fit its field."""
    return payload.layout.encode(payload)
