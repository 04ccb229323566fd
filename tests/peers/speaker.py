"""An IKEv1 initiator made of wire and hashes only, none of the core: it says what a test tells it, in any order, and
proves everything that it hears. The emulators of third-party clients, the model tests and the hostile corpus talk
through it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from lotor.crypto import ciphers, hashes
from lotor.model.algorithms import Group, Hash, IkeSuite
from lotor.model.identity import Identity, IdKind
from lotor.wire.header import Header
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.chain import Chain, build_chain, build_message, parse_chain
from lotor.wire.v1.numbers import ExchangeType, Flag, IkeAttribute, NotifyType, PayloadType, Protocol
from lotor.wire.v1.payloads import (
    Fragment,
    HashPayload,
    Identification,
    KeyExchange,
    NatDiscovery,
    Nonce,
    Notification,
    Payload,
    SignaturePayload,
    VendorId,
)
from lotor.wire.v1.proposals import ike_transform, read_ike
from lotor.wire.v1.vendors import Vendor
from peers.world import SUITE, CheapRandomness

A, I, Q, T = (  # noqa: E741 - the exchanges by one letter
    ExchangeType.AGGRESSIVE,
    ExchangeType.INFORMATIONAL,
    ExchangeType.QUICK,
    ExchangeType.TRANSACTION,
)


GROUP = Identity(IdKind.KEY_ID, b"group", 17, 500)


@dataclass(frozen=True)
class Manners:
    """What a client is like in phase 1. `discovery_port`: the port in its NAT-D hashes, None for the true ones. With
    `obeys` the answer may name another lifetime than the offer."""

    transforms: tuple[Transform, ...] = (ike_transform(1, SUITE),)
    proposal: int = 1
    vendors: tuple[bytes, ...] = (Vendor.XAUTH.value, Vendor.RFC3947.value, Vendor.DPD.value)
    nonce: int = 16
    identity: Identity = GROUP
    main: bool = False
    psk: bytes | None = None
    clear_third: bool = False
    third: tuple[Payload, ...] = ()
    discovery_port: int | None = None
    initial_contact: bool = False
    obeys: bool = False


@dataclass
class Keys:
    """What RFC 2409 §5 derives, computed here once more and with nothing of the core."""

    suite: IkeSuite
    skeyid: bytes
    d: bytes
    a: bytes
    e: bytes
    iv: bytes

    def prf(self, key: bytes, *parts: bytes) -> bytes:
        return hmac.digest(key, b"".join(parts), self.suite.hash.value)

    @property
    def cipher_key(self) -> bytes:
        size = ciphers.key_octets(self.suite.cipher, self.suite.key_bits)
        key = self.e
        if len(key) < size:
            block, key = b"\0", b""
            while len(key) < size:
                block = self.prf(self.e, block)
                key += block
        return key[:size]


@dataclass
class Chained:
    """The IV chain of one message id, and the nonces of its quick mode."""

    iv: bytes
    ni_b: bytes = b""
    nr_b: bytes = b""
    position: int = 0


@dataclass
class Speaker:
    seed: int = 1
    manners: Manners = field(default_factory=Manners)
    local: tuple[IPv4Address, int] = (IPv4Address("198.51.100.10"), 500)
    remote: tuple[IPv4Address, int] = (IPv4Address("192.0.2.50"), 500)
    randomness: CheapRandomness | None = None

    def __post_init__(self) -> None:
        self.randomness = self.randomness or CheapRandomness(self.seed)
        self.cky_i, self.cky_r = self.randomness.cookie(), bytes(8)
        self.keys: Keys | None = None
        self.last_block = b""
        self.threads: dict[tuple[int, int], Chained] = {}
        self.vendors: list[bytes] = []
        self._pieces: dict[int, Fragment] = {}
        self.ni_b = self.randomness.nonce(self.manners.nonce)
        proposal = Proposal(self.manners.proposal, Protocol.ISAKMP, b"", self.manners.transforms)
        self.sa = SecurityAssociation((proposal,))
        self.me = Identification.of(self.manners.identity)
        group = read_ike(self.manners.transforms[0]).words.group
        self.pair = self.randomness.key_pair(Group(group))
        self._first_pair, self._first_nonce = self.pair, self.ni_b

    # --- phase 1 -----------------------------------------------------------------------------------------------------

    def header(self, kind: int, message_id: int = 0) -> Header:
        return Header(self.cky_i, self.cky_r, 0, kind, 0, message_id)

    def clear(self, kind: int, *payloads: Payload, message_id: int = 0) -> bytes:
        return build_message(self.header(kind, message_id), *build_chain(payloads))

    def first(self) -> bytes:
        """The first message of the mode, always the same octets."""
        vendors = [VendorId(octets) for octets in self.manners.vendors]
        kind, values = ExchangeType.MAIN, ()
        if not self.manners.main:
            kind, values = A, (KeyExchange(self._first_pair.public), Nonce(self._first_nonce), self.me)
        header = replace(self.header(kind), responder=bytes(8))
        return build_message(header, *build_chain([self.sa, *values, *vendors]))

    def second(self, datagram: bytes) -> Chain:
        """Aggressive mode's answer: keys follow, and the gateway's proof is checked."""
        chain = self._answer(datagram)
        self._derive(chain)
        proof = chain.first(SignaturePayload) or chain.only(HashPayload)
        assert proof.data.removeprefix(b"signed:") == self.hash_r(chain.body(Identification))
        return chain

    def third(self, *payloads: Payload, proof: bytes | None = None) -> bytes:
        """Our proof, under the keys; `proof` another HASH than the true one."""
        told = HashPayload(self.hash_i() if proof is None else proof)
        first, octets = build_chain([told, *payloads, *self.manners.third, *self._contact(), *self.discovery()])
        if self.manners.clear_third:
            return build_message(self.header(A), first, octets)
        sealed, self.last_block = self._seal(octets, self.keys.iv)
        return build_message(replace(self.header(A), flags=Flag.ENCRYPTION), first, sealed)

    def main_third(self, datagram: bytes) -> bytes:
        self._answer(datagram)
        self.pair = self.randomness.key_pair(self.suite.group)
        self.ni_b = self.randomness.nonce(self.manners.nonce)
        return self.clear(ExchangeType.MAIN, KeyExchange(self.pair.public), Nonce(self.ni_b), *self.discovery())

    def main_fifth(self, datagram: bytes, proof: bytes | None = None) -> bytes:
        self._derive(self._chain(datagram))
        told = HashPayload(self.hash_i() if proof is None else proof)
        first, octets = build_chain([self.me, told, *self.manners.third, *self._contact()])
        sealed, self.last_block = self._seal(octets, self.keys.iv)
        return build_message(replace(self.header(ExchangeType.MAIN), flags=Flag.ENCRYPTION), first, sealed)

    def main_sixth(self, datagram: bytes) -> Chain:
        header, body = Header.decode(datagram), datagram[Header.SIZE :]
        plain = self._open(body, self.last_block)
        self.last_block = body[-len(self.last_block) :]
        chain = parse_chain(header.next_payload, plain)
        proof = chain.first(SignaturePayload) or chain.only(HashPayload)
        assert proof.data.removeprefix(b"signed:") == self.hash_r(chain.body(Identification))
        return chain

    def _chain(self, datagram: bytes) -> Chain:
        header = Header.decode(datagram)
        assert not header.flags
        assert header.initiator == self.cky_i
        return parse_chain(header.next_payload, datagram[Header.SIZE :])

    def _answer(self, datagram: bytes) -> Chain:
        chain = self._chain(datagram)
        self.cky_r = Header.decode(datagram).responder
        (proposal,) = chain.only(SecurityAssociation).proposals
        (transform,) = proposal.transforms
        offered = {octets.number: octets for octets in self.manners.transforms}
        changed = set(transform.attributes) ^ set(offered[transform.number].attributes)
        assert {each.type for each in changed} <= ({IkeAttribute.LIFE_DURATION} if self.manners.obeys else set())
        self.suite = read_ike(transform).suite()
        self.vendors += [vendor.data for vendor in chain.all(VendorId)]
        return chain

    def _derive(self, chain: Chain) -> None:
        g_xr, self.nr_b = chain.only(KeyExchange).data, chain.only(Nonce).data
        g_xy, suite = self.pair.agree(g_xr), self.suite
        nonces, cookies = self.ni_b + self.nr_b, self.cky_i + self.cky_r
        prf = lambda key, *parts: hmac.digest(key, b"".join(parts), suite.hash.value)  # noqa: E731
        skeyid = prf(nonces, g_xy) if self.manners.psk is None else prf(self.manners.psk, nonces)
        d = prf(skeyid, g_xy, cookies, b"\0")
        a = prf(skeyid, d, g_xy, cookies, b"\1")
        e = prf(skeyid, a, g_xy, cookies, b"\2")
        self.g_xr, self.size = g_xr, ciphers.block_size(suite.cipher)
        iv = hashlib.new(suite.hash.value, self.pair.public + g_xr).digest()[: self.size]
        self.keys = Keys(suite, skeyid, d, a, e, iv)
        self.last_block = iv

    def hash_i(self) -> bytes:
        _, body = build_chain([self.me])
        sa = build_chain([self.sa])[1][4:]
        values = self.pair.public, self.g_xr, self.cky_i, self.cky_r
        return self.keys.prf(self.keys.skeyid, *values, sa, body[4:])

    def hash_r(self, idir_b: bytes) -> bytes:
        sa = build_chain([self.sa])[1][4:]
        values = self.g_xr, self.pair.public, self.cky_r, self.cky_i
        return self.keys.prf(self.keys.skeyid, *values, sa, idir_b)

    def _contact(self) -> tuple[Payload, ...]:
        if not self.manners.initial_contact:
            return ()
        return (Notification(NotifyType.INITIAL_CONTACT, spi=self.cky_i + self.cky_r),)

    def discovery(self) -> tuple[NatDiscovery, ...]:
        draft = Vendor.DRAFT_02_N.value in self.vendors
        if not draft and Vendor.RFC3947.value not in self.vendors:
            return ()
        hashing: Hash = self.suite.hash
        cookies, port = self.cky_i + self.cky_r, self.manners.discovery_port
        return tuple(
            NatDiscovery(hashes.digest(hashing, cookies, address.packed, (port or own).to_bytes(2, "big")), draft)
            for address, own in (self.remote, self.local)
        )

    # --- what follows ------------------------------------------------------------------------------------------------

    def say(self, kind: int, message_id: int, *payloads: Payload, hashed: bytes | None = None) -> bytes:
        """A message under the keys; `hashed` another HASH than the true one."""
        thread = self._thread(kind, message_id)
        rest = build_chain(payloads)[1] if payloads else b""
        digest = self._digest(thread, message_id, rest) if hashed is None else hashed
        first, octets = build_chain([HashPayload(digest), *payloads])
        sealed, thread.iv = self._seal(octets, thread.iv)
        self._learn(thread, next((payload.data for payload in payloads if isinstance(payload, Nonce)), None))
        header = replace(self.header(kind, message_id), flags=Flag.ENCRYPTION)
        return build_message(header, first, sealed)

    def hear(self, datagram: bytes) -> Chain:
        """A message of the gateway, proved."""
        header, body = Header.decode(datagram), datagram[Header.SIZE :]
        assert header.flags & Flag.ENCRYPTION
        thread = self._thread(header.exchange, header.message_id)
        chain = parse_chain(header.next_payload, self._open(body, thread.iv))
        thread.iv = body[-self.size :]
        assert chain.only(HashPayload).data == self._digest(thread, header.message_id, chain.after(HashPayload))
        self._learn(thread, chain.body(Nonce))
        return chain

    def whole(self, datagram: bytes) -> bytes | None:
        """The datagram, or the message of the fragments up to this one."""
        header = Header.decode(datagram)
        if header.next_payload != PayloadType.FRAGMENT:
            return datagram
        piece = parse_chain(header.next_payload, datagram[Header.SIZE :]).only(Fragment)
        self._pieces[piece.number] = piece
        last = max(self._pieces)
        if not self._pieces[last].last or len(self._pieces) < last:
            return None
        message = b"".join(self._pieces[number].data for number in sorted(self._pieces))
        self._pieces.clear()
        return message

    def keymat(self, message_id: int, spi: bytes, size: int, g_xy: bytes = b"") -> bytes:
        thread, octets, block = self.threads[(Q, message_id)], b"", b""
        while len(octets) < size:
            seed = (block, g_xy, bytes([Protocol.ESP]), spi, thread.ni_b, thread.nr_b)
            block = self.keys.prf(self.keys.d, *seed)
            octets += block
        return octets[:size]

    def _thread(self, kind: int, message_id: int) -> Chained:
        key = (kind, message_id)
        if kind == I or key not in self.threads:
            mixed = hashlib.new(self.suite.hash.value, self.last_block + message_id.to_bytes(4, "big"))
            self.threads[key] = Chained(mixed.digest()[: self.size])
        return self.threads[key]

    def _digest(self, thread: Chained, message_id: int, rest: bytes) -> bytes:
        parts = {
            0: (message_id.to_bytes(4, "big"),),
            1: (message_id.to_bytes(4, "big"), thread.ni_b),
            2: (b"\0", message_id.to_bytes(4, "big"), thread.ni_b, thread.nr_b),
        }[thread.position]
        return self.keys.prf(self.keys.a, *parts, rest)

    def _learn(self, thread: Chained, nonce: bytes | None) -> None:
        if nonce is None:
            return
        if thread.position == 0:
            thread.ni_b = nonce
        else:
            thread.nr_b = nonce
        thread.position += 1

    def _seal(self, octets: bytes, iv: bytes) -> tuple[bytes, bytes]:
        padded = octets + bytes(-len(octets) % self.size)
        sealed = ciphers.cbc(self.suite.cipher, self.keys.cipher_key).encrypt(iv, padded)
        return sealed, sealed[-self.size :]

    def _open(self, body: bytes, iv: bytes) -> bytes:
        return ciphers.cbc(self.suite.cipher, self.keys.cipher_key).decrypt(iv, body)
