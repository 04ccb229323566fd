"""An IKEv2 initiator made of wire and keys only, none of the exchanges of the core: it says what a test tells it, in
any order, and proves everything that it hears. The emulators of real devices talk through it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from lotor.crypto import prf
from lotor.ike.v2 import keys
from lotor.ike.v2.sa import IkeSa
from lotor.model.algorithms import Group
from lotor.wire.header import Header
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.chain import Chain, build_chain, build_message, build_sealed, parse_chain
from lotor.wire.v2.numbers import VERSION, ExchangeType, Flag, NotifyType, PayloadType
from lotor.wire.v2.payloads import (
    Encrypted,
    EncryptedFragment,
    Identification,
    KeyExchange,
    Nonce,
    Notification,
    Payload,
    VendorId,
    encode_payload,
)
from lotor.wire.v2.proposals import chosen_ike, read_ike
from peers.world import CheapRandomness

INIT = ExchangeType.IKE_SA_INIT
SEALED_HEAD = Header.SIZE + 4
FRAGMENT_HEAD = SEALED_HEAD + 4
CLASSIC = 1
"""The method of AUTH that is RSA with SHA-1."""


@dataclass(frozen=True)
class Manners:
    """What a device is like in IKE_SA_INIT. `order`: of the notifications behind the nonce, None for those of the NAT
    detection. `largest`: octets of IKE in a datagram, where fragments are announced."""

    sa: SecurityAssociation
    order: tuple[int | None, ...] = (None,)
    vendors: tuple[bytes, ...] = ()
    largest: int = 1236
    nonce: int = 32

    @property
    def groups(self) -> tuple[Group, ...]:
        offered = [group for proposal in self.sa.proposals for group in read_ike(proposal).groups]
        return tuple(dict.fromkeys(offered))


@dataclass
class Speaker:
    manners: Manners
    seed: int = 1
    local: tuple[IPv4Address, int] = (IPv4Address("198.51.100.10"), 500)
    remote: tuple[IPv4Address, int] = (IPv4Address("192.0.2.50"), 500)
    cookie: tuple[Notification, ...] = ()
    fragments: bool = False
    said: int = 0
    _pieces: dict[int, tuple[int, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.randomness = CheapRandomness(self.seed)
        self.spi_i, self.spi_r = self.randomness.cookie(), bytes(8)
        self.ni = self.randomness.nonce(self.manners.nonce)
        self.group = self.manners.groups[0]
        self.pair = self.randomness.key_pair(self.group)
        self.sa: IkeSa | None = None
        self.message_1 = b""

    # --- IKE_SA_INIT -------------------------------------------------------------------------------------------------

    def first(self) -> bytes:
        """The first message as it is to be sent now: again with a cookie, or with another group."""
        wanted = [note for number in self.manners.order for note in self._notes(number)]
        vendors = [VendorId(octets) for octets in self.manners.vendors]
        exchange = KeyExchange(self.group, self.pair.public)
        payloads = [*self.cookie, self.manners.sa, exchange, Nonce(self.ni), *wanted, *vendors]
        header = Header(self.spi_i, bytes(8), 0, INIT, Flag.INITIATOR, 0, version=VERSION)
        self.message_1 = build_message(header, *build_chain(payloads))
        return self.message_1

    def _notes(self, number: int | None) -> tuple[Notification, ...]:
        if number is not None:
            return (Notification(number),)
        return (
            Notification(NotifyType.NAT_DETECTION_SOURCE_IP, self._place(*self.local)),
            Notification(NotifyType.NAT_DETECTION_DESTINATION_IP, self._place(*self.remote)),
        )

    def _place(self, address: IPv4Address, port: int) -> bytes:
        octets = self.spi_i + bytes(8) + address.packed + port.to_bytes(2, "big")
        return hashlib.sha1(octets, usedforsecurity=False).digest()

    def second(self, datagram: bytes) -> bool:
        """Whether keys follow from an answer; else `first` is to be sent again, or the gateway refused."""
        header, body = Header.decode(datagram), datagram[Header.SIZE :]
        assert (header.initiator, header.exchange, header.flags) == (self.spi_i, INIT, Flag.RESPONSE)
        chain = parse_chain(header.next_payload, body)
        notes = {note.type: note for note in chain.all(Notification)}
        if NotifyType.COOKIE in notes:
            self.cookie = (notes[NotifyType.COOKIE],)
        elif NotifyType.INVALID_KE_PAYLOAD in notes:
            self._use(Group(int.from_bytes(notes[NotifyType.INVALID_KE_PAYLOAD].data, "big")))
        elif chain.first(SecurityAssociation):
            self._agree(header, chain, datagram)
            self.fragments = NotifyType.IKEV2_FRAGMENTATION_SUPPORTED in notes
            return True
        return False

    def _use(self, group: Group) -> None:
        assert group in self.manners.groups
        self.group, self.pair = group, self.randomness.key_pair(group)

    def _agree(self, header: Header, chain: Chain, datagram: bytes) -> None:
        (answered,) = chain.only(SecurityAssociation).proposals
        suite = chosen_ike(answered)
        offered = [each for each in self.manners.sa.proposals if each.number == answered.number]
        assert any(read_ike(each).has_ike(suite) for each in offered)
        exchange, nr = chain.only(KeyExchange), chain.only(Nonce).data
        assert exchange.group == suite.group == self.group
        self.spi_r = header.responder
        shared = self.pair.agree(exchange.data)
        made = keys.first(suite, keys.Parts(self.ni, nr, self.spi_i, self.spi_r, shared))
        self.sa = IkeSa(suite, made, self.ni, nr, self.message_1, datagram)
        self.sealing = keys.sealing(self.sa, initiator=True)
        self.opening = keys.sealing(self.sa, initiator=False)

    # --- under the keys ----------------------------------------------------------------------------------------------

    def request(self, exchange: int, *payloads: Payload) -> list[bytes]:
        """The datagrams of the next request."""
        self.said += 1
        return self.sealed(Header(self.spi_i, self.spi_r, 0, exchange, Flag.INITIATOR, self.said, 0, VERSION), payloads)

    def response(self, asked: Header, *payloads: Payload) -> list[bytes]:
        flags = Flag.INITIATOR | Flag.RESPONSE
        return self.sealed(
            Header(self.spi_i, self.spi_r, 0, asked.exchange, flags, asked.message_id, 0, VERSION), payloads
        )

    def sealed(self, header: Header, payloads: tuple[Payload, ...]) -> list[bytes]:
        """The datagrams of a message, in fragments where it is long and both ends can."""
        first, content = build_chain(payloads)
        size = self.sealing.size(len(content))
        if not self.fragments or SEALED_HEAD + size <= self.manners.largest:
            return [self._seal(header, first, content, Encrypted)]
        room = self.sealing.room(self.manners.largest - FRAGMENT_HEAD)
        cut = [content[start : start + room] for start in range(0, len(content), room)]
        return [self._piece(header, first, cut, number) for number in range(1, len(cut) + 1)]

    def _piece(self, header: Header, first: int, cut: list[bytes], number: int) -> bytes:
        make = lambda body: EncryptedFragment(number, len(cut), body)  # noqa: E731
        return self._seal(header, first if number == 1 else 0, cut[number - 1], make)

    def _seal(self, header: Header, first: int, content: bytes, make: Callable[[bytes], Payload]) -> bytes:
        empty = make(bytes(self.sealing.size(len(content))))
        whole = build_message(header, empty.payload_type, build_sealed(first, empty))
        head = whole[: FRAGMENT_HEAD if isinstance(empty, EncryptedFragment) else SEALED_HEAD]
        return head + self.sealing.seal(head, content)

    def hear(self, datagram: bytes) -> tuple[Header, Chain] | None:
        """A message of the gateway, proved; None for a fragment that is not the last missing one."""
        header = Header.decode(datagram)
        assert (header.initiator, header.responder) == (self.spi_i, self.spi_r)
        assert not header.flags & Flag.INITIATOR
        received = parse_chain(header.next_payload, datagram[Header.SIZE :]).sealed
        assert received is not None, "a message in the clear"
        head = datagram[: FRAGMENT_HEAD if received.type == PayloadType.ENCRYPTED_FRAGMENT else SEALED_HEAD]
        content = self.opening.open(head, datagram[len(head) :])
        if isinstance(received.value, Encrypted):
            return header, parse_chain(received.first, content)
        return self._joined(header, received.value, received.first, content)

    def _joined(
        self, header: Header, value: EncryptedFragment, first: int, content: bytes
    ) -> tuple[Header, Chain] | None:
        self._pieces[value.number] = (first, content)
        if len(self._pieces) < value.total:
            return None
        pieces = [self._pieces[number] for number in sorted(self._pieces)]
        self._pieces.clear()
        assert [first for first, _ in pieces[1:]] == [0] * (len(pieces) - 1)
        return header, parse_chain(pieces[0][0], b"".join(content for _, content in pieces))

    # --- proofs ------------------------------------------------------------------------------------------------------

    def covered(self, id_b: bytes, *, initiator: bool) -> bytes:
        return prf.covered(keys.signed_octets(self.sa, id_b, initiator=initiator))

    def keyed(self, secret: bytes, identification: Identification) -> bytes:
        """AUTH of either end by a secret."""
        made_of = keys.signed_octets(self.sa, encode_payload(identification), initiator=identification.initiator)
        return prf.keyed(secret, made_of)
