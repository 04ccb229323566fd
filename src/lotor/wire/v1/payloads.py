"""The payloads of IKEv1 as values, each declared once with its layout (RFC 2408 §3.7-3.16, RFC 3947, mode config)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from lotor.model.frozen import frozen
from lotor.model.identity import Identity
from lotor.wire.errors import Malformed
from lotor.wire.fields import Cursor, Layout, Nested, Number, Reserved, Rest, Sized, SizeOf, Sizes, Values
from lotor.wire.table import Kind
from lotor.wire.v1.association import IPSEC_DOI, SecurityAssociation
from lotor.wire.v1.attributes import Attribute, decode_attributes, encode_attributes
from lotor.wire.v1.numbers import PayloadType, Protocol

ALIGNMENT_SLACK = 3
"""Zero octets that some peers put behind the last attribute, and count into the payload."""


@frozen
class KeyExchange:
    """A Diffie-Hellman public value, which its sender pads on the left to the group's length."""

    payload_type: ClassVar[int] = PayloadType.KEY_EXCHANGE
    layout: ClassVar[Layout] = Layout(Rest("data"))

    data: bytes


@frozen
class Identification:
    """A phase-1 identity or a phase-2 selector (RFC 2407 §4.6.2)."""

    payload_type: ClassVar[int] = PayloadType.IDENTIFICATION
    layout: ClassVar[Layout] = Layout(Number("kind", 1), Number("protocol", 1), Number("port", 2), Rest("data"))

    kind: int
    protocol: int
    port: int
    data: bytes

    @classmethod
    def of(cls, identity: Identity) -> Identification:
        return cls(identity.kind, identity.protocol, identity.port, identity.data)

    @property
    def identity(self) -> Identity:
        return Identity(self.kind, self.data, self.protocol, self.port)


@frozen
class Certificate:
    payload_type: ClassVar[int] = PayloadType.CERTIFICATE
    layout: ClassVar[Layout] = Layout(Number("encoding", 1), Rest("data"))

    encoding: int
    data: bytes


@frozen
class CertificateRequest:
    """`data` is the DER name of an authority, empty for any."""

    payload_type: ClassVar[int] = PayloadType.CERTIFICATE_REQUEST
    layout: ClassVar[Layout] = Layout(Number("encoding", 1), Rest("data"))

    encoding: int
    data: bytes


@frozen
class HashPayload:
    payload_type: ClassVar[int] = PayloadType.HASH
    layout: ClassVar[Layout] = Layout(Rest("data"))

    data: bytes


@frozen
class SignaturePayload:
    payload_type: ClassVar[int] = PayloadType.SIGNATURE
    layout: ClassVar[Layout] = Layout(Rest("data"))

    data: bytes


@frozen
class Nonce:
    payload_type: ClassVar[int] = PayloadType.NONCE
    layout: ClassVar[Layout] = Layout(Rest("data"))

    data: bytes


@frozen
class Notification:
    """`doi` may be 0 (Cisco)."""

    payload_type: ClassVar[int] = PayloadType.NOTIFICATION
    layout: ClassVar[Layout] = Layout(
        Number("doi", 4), Number("protocol", 1), SizeOf("spi", 1), Number("type", 2), Sized("spi"), Rest("data")
    )

    type: int
    data: bytes = b""
    spi: bytes = b""
    protocol: int = Protocol.ISAKMP
    doi: int = IPSEC_DOI


MOST_SPIS = 64
"""In one delete: more than any session has pairs."""

SPI_SIZES = {Protocol.ISAKMP: (16,), Protocol.AH: (4,), Protocol.ESP: (4,), Protocol.IPCOMP: (2, 4)}
"""Octets (RFC 2408 §3.15, RFC 3173 §4.1)."""


@frozen
class _Spis:
    """SPI size, count and the SPIs themselves, which all have the length of their protocol."""

    name: str

    def read(self, cursor: Cursor, sizes: Sizes, values: Values) -> None:
        del sizes
        size, high, low = cursor.take(3, self.name)
        count = high << 8 | low
        if count and size not in SPI_SIZES.get(values["protocol"], ()):
            raise Malformed(f"{count} SPIs of {size} octets for protocol {values['protocol']}")
        if count > MOST_SPIS:
            raise Malformed(f"{count} SPIs, more than {MOST_SPIS}")
        octets = cursor.take(count * size, self.name)
        values[self.name] = tuple(octets[start : start + size] for start in range(0, len(octets), size or 1))

    def write(self, value: object) -> bytes:
        spis: tuple[bytes, ...] = getattr(value, self.name)
        sizes = {len(spi) for spi in spis} or {0}
        if len(sizes) > 1:
            raise ValueError("the SPIs of one delete have one length")
        return bytes([sizes.pop()]) + len(spis).to_bytes(2, "big") + b"".join(spis)


@frozen
class Delete:
    """SAs that the sender has dropped. `doi` may be 0 (Cisco)."""

    payload_type: ClassVar[int] = PayloadType.DELETE
    layout: ClassVar[Layout] = Layout(Number("doi", 4), Number("protocol", 1), _Spis("spis"))

    protocol: int
    spis: tuple[bytes, ...]
    doi: int = IPSEC_DOI


@frozen
class VendorId:
    payload_type: ClassVar[int] = PayloadType.VENDOR_ID
    layout: ClassVar[Layout] = Layout(Rest("data"))

    data: bytes


@frozen
class Attributes:
    """A message of XAUTH or mode config; `type` is a `ConfigType`. Reading ignores up to 3 zero octets behind the last
    attribute; writing never adds any (Apple clients refuse them)."""

    payload_type: ClassVar[int] = PayloadType.ATTRIBUTES
    layout: ClassVar[Layout] = Layout(
        Number("type", 1),
        Reserved(1),
        Number("identifier", 2),
        Nested("attributes", partial(decode_attributes, slack=ALIGNMENT_SLACK), encode_attributes),
    )

    type: int
    identifier: int
    attributes: tuple[Attribute, ...]

    def first(self, type: int) -> Attribute | None:  # noqa: A002 - the field's own name
        """The first attribute of that type."""
        return next((attribute for attribute in self.attributes if attribute.type == type), None)


@frozen
class NatDiscovery:
    """HASH(CKY-I | CKY-R | IP | port) (RFC 3947 §3.2). `draft`: with the payload number of drafts 02 and 03."""

    layout: ClassVar[Layout] = Layout(Rest("data"))

    data: bytes
    draft: bool = False

    @property
    def payload_type(self) -> int:
        return PayloadType.NAT_D_DRAFT if self.draft else PayloadType.NAT_D


@frozen
class NatOriginalAddress:
    """RFC 3947 §5.2; `kind` is that of an identity. `draft` as in `NatDiscovery`."""

    layout: ClassVar[Layout] = Layout(Number("kind", 1), Reserved(3), Rest("data"))

    kind: int
    data: bytes
    draft: bool = False

    @property
    def payload_type(self) -> int:
        return PayloadType.NAT_OA_DRAFT if self.draft else PayloadType.NAT_OA


@frozen
class Fragment:
    """A piece of an ISAKMP message (Cisco IKE fragmentation), numbered from 1. A piece without data is `Malformed`."""

    payload_type: ClassVar[int] = PayloadType.FRAGMENT
    layout: ClassVar[Layout] = Layout(
        Number("id", 2),
        Number("number", 1),
        Number("last", 1, kind=lambda flags: bool(flags & 1)),
        Rest("data", least=1),
    )

    id: int
    number: int
    last: bool
    data: bytes


@frozen
class Unknown:
    """A payload of an unknown type. It survives a round trip; policy decides what it is worth."""

    layout: ClassVar[Layout] = Layout(Rest("data"))

    payload_type: int
    data: bytes


Payload = (
    SecurityAssociation
    | KeyExchange
    | Identification
    | Certificate
    | CertificateRequest
    | HashPayload
    | SignaturePayload
    | Nonce
    | Notification
    | Delete
    | VendorId
    | Attributes
    | NatDiscovery
    | NatOriginalAddress
    | Fragment
    | Unknown
)

_KINDS = {
    kind.payload_type: kind
    for kind in (
        SecurityAssociation,
        KeyExchange,
        Identification,
        Certificate,
        CertificateRequest,
        HashPayload,
        SignaturePayload,
        Nonce,
        Notification,
        Delete,
        VendorId,
        Attributes,
        Fragment,
    )
}
_OF_DRAFTS: Mapping[type[NatDiscovery | NatOriginalAddress], tuple[int, int]] = {
    NatDiscovery: (PayloadType.NAT_D, PayloadType.NAT_D_DRAFT),
    NatOriginalAddress: (PayloadType.NAT_OA, PayloadType.NAT_OA_DRAFT),
}
"""Those that drafts had under another number, which is the second."""
KINDS = [
    *[Kind.of(kind, kind.layout, {number: {}}) for number, kind in _KINDS.items()],
    *[
        Kind.of(kind, kind.layout, {final: {"draft": False}, draft: {"draft": True}})
        for kind, (final, draft) in _OF_DRAFTS.items()
    ],
]
UNKNOWN = Kind.of(Unknown, Unknown.layout, {})
"""The declarations for the native codec."""


def decode_payload(number: int, body: bytes) -> Payload:
    """The value of a body without generic header; `Unknown` for a number that no declaration has."""
    kind = _KINDS.get(number)
    if kind is not None:
        return kind(**kind.layout.decode(body))
    for both, (final, draft) in _OF_DRAFTS.items():
        if number in {final, draft}:
            return both(**both.layout.decode(body), draft=number == draft)
    return Unknown(number, body)


def encode_payload(payload: Payload) -> bytes:
    """The body without generic header. `ValueError` when a value does not fit its field."""
    return payload.layout.encode(payload)
