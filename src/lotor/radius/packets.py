"""Requests as octets, and answers proved to be a server's. pyrad hides passwords and computes the authenticators; what
comes in goes through `structure` first."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import field
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from pyrad.packet import AcctPacket, AuthPacket, PacketError

from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.model.secret import Secret
from lotor.radius.numbers import Attribute, Code, Vendor
from lotor.radius.structure import LONGEST_VALUE, Frame, MalformedError, framed, pairs

LONGEST_PASSWORD = 128
"""Octets that User-Password has room for (RFC 2865 §5.2)."""
AUTHENTICATOR = 16
ANSWERS = {
    Code.ACCESS_REQUEST: frozenset({Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE}),
    Code.ACCOUNTING_REQUEST: frozenset({Code.ACCOUNTING_RESPONSE}),
}


class NotProvedError(Exception):
    """Nothing shows that the answer is the server's; the text says why."""


class UnsignedError(NotProvedError):
    """The answer has no Message-Authenticator: anybody on the way can forge such a one (CVE-2024-3596)."""


@frozen
class Request:
    """What a server is asked, the same for each server. Values are octets; see `text`, `number` and `address`."""

    code: Code
    attributes: tuple[tuple[int, bytes], ...]
    password: Secret | None = None


@frozen
class Veil:
    """What keys in an answer are hidden with: the secret, and the Request Authenticator (RFC 2548 §2.4.2)."""

    secret: Secret
    authenticator: bytes


@frozen
class Reply:
    """A server's answer, proved."""

    code: Code
    attributes: tuple[tuple[int, bytes], ...] = field(repr=False)
    veil: Veil | None = field(default=None, repr=False, compare=False)

    def all(self, number: int) -> tuple[bytes, ...]:
        return tuple(value for each, value in self.attributes if each == number)

    def first(self, number: int) -> bytes | None:
        return next((value for each, value in self.attributes if each == number), None)

    def of_vendor(self, vendor: Vendor) -> Iterator[tuple[int, bytes]]:
        """Those of a vendor that keeps to the form of RFC 2865 §5.26; what does not is left out."""
        head = vendor.to_bytes(4)
        for value in self.all(Attribute.VENDOR_SPECIFIC):
            if value.startswith(head):
                try:
                    yield from pairs(value[4:])
                except MalformedError:
                    continue


@frozen
class Sealed:
    """A request for one server: `octets` to send, as often as it takes."""

    octets: bytes = field(repr=False)
    code: Code
    packet: Any = field(repr=False)

    def proved(self, datagram: bytes, *, signed: bool) -> Reply:
        """The answer. Raises `NotProvedError`, and `MalformedError` for what is no packet. `signed`: an answer to an
        Access-Request without Message-Authenticator is none."""
        frame = framed(datagram)
        if frame.code not in ANSWERS[self.code] or frame.identifier != self.packet.id:
            raise NotProvedError(f"it answers something else (code {frame.code})")
        if not self._is_from_who_knows(frame):
            raise NotProvedError("its authenticators are wrong: is the secret the same at both ends?")
        if signed and self.code is Code.ACCESS_REQUEST and not _signatures(frame):
            raise UnsignedError("it has no Message-Authenticator")
        if _has_eap(frame, self.packet) and not _signatures(frame):
            raise NotProvedError("it is about EAP and has no Message-Authenticator (RFC 3579 §3.2)")
        return Reply(Code(frame.code), frame.attributes, Veil(Secret(self.packet.secret), self.packet.authenticator))

    def _is_from_who_knows(self, frame: Frame) -> bool:
        """The Response Authenticator, and the Message-Authenticator where there is one, were made with the secret."""
        signatures = _signatures(frame)
        if len(signatures) > 1 or any(len(each) != AUTHENTICATOR for each in signatures):
            return False
        try:
            reply = self.packet.CreateReply(packet=frame.octets)
            return bool(self.packet.VerifyReply(reply, frame.octets))
        except PacketError:
            return False


def seal(request: Request, identifier: int, secret: Secret, authenticator: bytes | None = None) -> Sealed:
    """Message-Authenticator goes first in an Access-Request. `authenticator` None: a random one. Raises `ValueError`
    for what has no room in a packet."""
    if request.code is Code.ACCESS_REQUEST:
        random = authenticator or secrets.token_bytes(AUTHENTICATOR)
        packet = AuthPacket(request.code, identifier, secret.reveal(), random)
        packet.add_message_authenticator()
    else:
        packet = AcctPacket(request.code, identifier, secret.reveal())
    for number, value in request.attributes:
        if not 0 < len(value) <= LONGEST_VALUE:
            raise ValueError(f"attribute {number} has {len(value)} octets")
        # by numbers: by names pyrad reads b"0x41" as hexadecimal
        packet.setdefault(number, []).append(value)
    if request.password is not None:
        packet[Attribute.USER_PASSWORD] = [packet.PwCrypt(request.password.reveal())]
    octets: bytes = packet.RequestPacket()
    framed(octets)
    return Sealed(octets, request.code, packet)


def text(number: Attribute, value: str) -> tuple[int, bytes]:
    return number, value.encode()


def number(attribute: Attribute, value: int) -> tuple[int, bytes]:
    """32 bits (RFC 2865 §5)."""
    return attribute, value.to_bytes(4)


def nas_address(address: Address) -> tuple[int, bytes]:
    """From where the server is asked."""
    match address:
        case IPv4Address():
            return Attribute.NAS_IP_ADDRESS, address.packed
        case IPv6Address():
            return Attribute.NAS_IPV6_ADDRESS, address.packed


def _has_eap(frame: Frame, asked: Any) -> bool:
    return Attribute.EAP_MESSAGE in asked or any(number == Attribute.EAP_MESSAGE for number, _ in frame.attributes)


def _signatures(frame: Frame) -> list[bytes]:
    return [value for number, value in frame.attributes if number == Attribute.MESSAGE_AUTHENTICATOR]
