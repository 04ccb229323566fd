"""How ISAKMP messages are encrypted and proved: an IV chain for each message id, and the input of HASH for each
exchange.

An IV moves on only with a message that was proved and committed, so that forged messages change nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lotor.crypto import hashes
from lotor.ike.dialect import Incoming
from lotor.ike.errors import Unproved
from lotor.ike.v1.channel import OpenedMessage, ProvedMessage
from lotor.ike.v1.keymat import PhaseOneKeys
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.v1.association import generic_header
from lotor.wire.v1.chain import Chain, build_chain, parse_chain
from lotor.wire.v1.numbers import Flag, PayloadType
from lotor.wire.v1.payloads import HashPayload, Nonce, Payload


def iv_of(keys: PhaseOneKeys, last_block: bytes, message_id: int) -> bytes:
    """First IV of a message id (RFC 2409 Appendix B)."""
    return hashes.digest(keys.hash, last_block, message_id.to_bytes(4, "big"))[: len(last_block)]


_ENCRYPTION = int(Flag.ENCRYPTION)


def encrypted(header: Header) -> bool:
    return bool(header.flags & _ENCRYPTION)


@dataclass(slots=True)
class IvChain:
    """The IV chain of one message id."""

    keys: PhaseOneKeys
    iv: bytes

    def seal(self, plaintext: bytes) -> bytes:
        """Encrypts, padded with zeros to the block; the payload lengths say where the message ends."""
        padded = plaintext + bytes(-len(plaintext) % len(self.iv))
        octets = self.keys.cbc.encrypt(self.iv, padded)
        self.iv = octets[-len(self.iv) :]
        return octets

    def open(self, octets: bytes) -> tuple[bytes, bytes]:
        """The plaintext with its padding, and the next IV, to be used if the message is proved."""
        if not octets or len(octets) % len(self.iv):
            raise Unproved(f"encrypted body of {len(octets)} octets is not a whole number of cipher blocks")
        plaintext = self.keys.cbc.decrypt(self.iv, octets)
        return plaintext, octets[-len(self.iv) :]


def _message(header: Header, first: int, octets: bytes, flags: int) -> bytes:
    return header.before(first, flags).encode(len(octets)) + octets


@dataclass(slots=True)
class PhaseOneChannel:
    """Phase 1: in clear until there are keys. Its story checks HASH and SIG, which prove its messages. `covered`: the
    peer's last message was encrypted."""

    iv_chain: IvChain | None = None
    covered: bool = False

    def use(self, keys: PhaseOneKeys) -> None:
        self.iv_chain = IvChain(keys, keys.iv)

    def wrap(self, header: Header, payloads: Sequence[Payload], *, encrypt: bool) -> bytes:
        first, octets = build_chain(payloads)
        if not encrypt or self.iv_chain is None:
            return _message(header, first, octets, 0)
        return _message(header, first, self.iv_chain.seal(octets), _ENCRYPTION)

    def open(self, incoming: Incoming) -> OpenedMessage:
        if not encrypted(incoming.header):
            chain = parse_chain(incoming.header.next_payload, incoming.body, exact=True)
            return OpenedMessage(chain, encrypted=False, next_iv=None)
        if self.iv_chain is None:
            raise Unproved("encrypted before there are keys")
        plaintext, next_iv = self.iv_chain.open(incoming.body)
        return OpenedMessage(_chain(incoming.header, plaintext), encrypted=True, next_iv=next_iv)

    def prove(self, opened: OpenedMessage) -> ProvedMessage:
        return ProvedMessage(opened)

    def commit(self, proved: ProvedMessage) -> None:
        opened = proved.opened
        self.covered = opened.encrypted
        if self.iv_chain is not None and opened.next_iv is not None:
            self.iv_chain.iv = opened.next_iv

    def last_block(self) -> bytes:
        """Where the IVs of phase 2 begin."""
        return self.iv_chain.iv if self.iv_chain is not None else b""


class HashInput(Protocol):
    """The input of the HASH of each message of an exchange, besides the octets behind it (RFC 2409 §5.5, §5.7)."""

    def parts(self, position: int, message_id: bytes) -> tuple[bytes, ...]: ...

    def learn(self, position: int, nonce: bytes) -> None:
        """Called with the nonce of each message sent or proved, empty where it has none."""
        ...


class PlainHashInput:
    """HASH(1) of transaction and informational exchanges: M-ID and the rest."""

    def parts(self, position: int, message_id: bytes) -> tuple[bytes, ...]:  # noqa: ARG002 - the same at each position
        return (message_id,)

    def learn(self, position: int, nonce: bytes) -> None:
        pass


@dataclass(slots=True)
class QuickHashInput:
    """HASH(1), HASH(2) and HASH(3) of quick mode. Nonces are added as they become known."""

    ni_b: bytes = b""
    nr_b: bytes = b""

    def parts(self, position: int, message_id: bytes) -> tuple[bytes, ...]:
        if position == 0:
            return (message_id,)
        if position == 1:
            return (message_id, self.ni_b)
        return (b"\0", message_id, self.ni_b, self.nr_b)

    def learn(self, position: int, nonce: bytes) -> None:
        if position == 0:
            self.ni_b = nonce
        elif position == 1:
            self.nr_b = nonce


@dataclass(slots=True)
class PhaseTwoChannel:
    """Exchanges under the keys of phase 1: encrypted, and proved by a HASH payload that comes first."""

    iv_chain: IvChain
    message_id: int
    hash_input: HashInput = field(default_factory=PlainHashInput)
    position: int = 0

    def wrap(self, header: Header, payloads: Sequence[Payload], *, encrypt: bool) -> bytes:  # noqa: ARG002 - always
        first, rest = build_chain(payloads)
        proof = self._hash(rest)
        octets = generic_header(first, proof, PayloadType.HASH) + proof + rest
        self._learn(next((payload.data for payload in payloads if isinstance(payload, Nonce)), b""))
        return _message(header, PayloadType.HASH, self.iv_chain.seal(octets), _ENCRYPTION)

    def open(self, incoming: Incoming) -> OpenedMessage:
        if not encrypted(incoming.header):
            raise Unproved("not encrypted")
        plaintext, next_iv = self.iv_chain.open(incoming.body)
        return OpenedMessage(_chain(incoming.header, plaintext), encrypted=True, next_iv=next_iv)

    def prove(self, opened: OpenedMessage) -> ProvedMessage:
        chain = opened.chain
        if not chain.payloads or not isinstance(chain.payloads[0].value, HashPayload):
            raise Unproved("no HASH at the beginning of the message")
        if not hmac.compare_digest(chain.payloads[0].value.data, self._hash(chain.after(HashPayload))):
            raise Unproved("HASH does not fit")
        return ProvedMessage(opened)

    def commit(self, proved: ProvedMessage) -> None:
        opened = proved.opened
        if opened.next_iv is not None:
            self.iv_chain.iv = opened.next_iv
        self._learn(opened.chain.body(Nonce) or b"")

    def _hash(self, rest: bytes) -> bytes:
        keys = self.iv_chain.keys
        parts = self.hash_input.parts(self.position, self.message_id.to_bytes(4, "big"))
        return keys.prf(keys.skeyid_a, *parts, rest)

    def _learn(self, nonce: bytes) -> None:
        self.hash_input.learn(self.position, nonce)
        self.position += 1


def _chain(header: Header, plaintext: bytes) -> Chain:
    """The payloads of a decrypted body. One that does not parse was most likely encrypted with other keys."""
    try:
        return parse_chain(header.next_payload, plaintext)
    except Malformed as fault:
        raise Unproved(f"decrypts to no payloads: {fault}") from fault


def phase_two(
    keys: PhaseOneKeys, last_block: bytes, message_id: int, hash_input: HashInput | None = None
) -> PhaseTwoChannel:
    """A channel for a new message id."""
    iv_chain = IvChain(keys, iv_of(keys, last_block, message_id))
    return PhaseTwoChannel(iv_chain, message_id, hash_input or PlainHashInput())
