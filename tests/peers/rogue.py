"""A responder made of wire and hashes only, which proves itself as a test wants: rightly, wrongly or not at all.

And the client that calls it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from lotor.crypto import ciphers
from lotor.ike.intents import Connect
from lotor.ike.questions import JudgePeer
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Trusted, Untrusted
from lotor.model.network import Path, Peer
from lotor.model.policy import Policy
from lotor.model.reasons.certificates import WrongName
from lotor.wire.header import Header
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.payloads import (
    Certificate,
    HashPayload,
    Identification,
    KeyExchange,
    Nonce,
    SignaturePayload,
    VendorId,
)
from lotor.wire.v1.proposals import read_ike
from lotor.wire.v1.vendors import Vendor
from peers.counter import HERE, Counter
from peers.speaker import A, Keys, Speaker
from peers.visitor import HOME
from peers.world import CHILD, CLIENT, CheapRandomness, Host

NAME = Identity(IdKind.FQDN, b"vpn.example.net")
OTHER = Identity(IdKind.FQDN, b"colleague.example.net")
VENDORS = (Vendor.XAUTH.value, Vendor.UNITY.value, Vendor.DPD.value)


PATH = Path(Peer(HOME, 500), Peer(HERE, 500))


class Caller(Counter):
    """The client's side of a counter; `late`: the verdict on a certificate waits until `verdict()`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.trusted = self.accepted = False
        self.host = Host("client", HOME, Policy((CLIENT,), CHILD), CheapRandomness(8), answers={JudgePeer: self._judge})
        self.endpoint = self.host.endpoint
        self.first = self.settle(self.endpoint.command(Connect(CLIENT.name, PATH, 1), self.now))[0]

    def _judge(self, question: JudgePeer):
        proof = question.proof
        right = proof.signature == b"signed:" + proof.signed
        return (
            Trusted("vpn.example.net")
            if right and proof.identity == NAME
            else Untrusted(WrongName("another", "the one I meant", ""))
        )

    def _waits(self, question: object) -> bool:
        return isinstance(question, JudgePeer)

    def _deliver(self, ticket: int, question: object, answer: object):
        self.trusted |= isinstance(answer, Trusted)
        return super()._deliver(ticket, question, answer)


class Rogue(Speaker):
    """What comes after phase 1 is said and heard as by any `Speaker`."""

    def listen(self, datagram: bytes) -> None:
        """The client's first message of aggressive mode: keys follow from it."""
        header = Header.decode(datagram)
        asked = parse_chain(header.next_payload, datagram[Header.SIZE :])
        self.cky_i, self.cky_r = header.initiator, self.randomness.cookie()
        self.offered = asked.only(SecurityAssociation).proposals[0]
        self.suite = read_ike(self.offered.transforms[0]).suite()
        self.pair = self.randomness.key_pair(self.suite.group)
        self.g_xi, self.nr_b = asked.only(KeyExchange).data, self.randomness.nonce(16)
        self._keys(asked.body(Nonce))
        self.bodies = asked.body(SecurityAssociation), asked.body(Identification)

    def _keys(self, ni_b: bytes) -> None:
        hashed = self.suite.hash.value
        prf = lambda key, *parts: hmac.digest(key, b"".join(parts), hashed)  # noqa: E731
        g_xy, cookies = self.pair.agree(self.g_xi), self.cky_i + self.cky_r
        skeyid = prf(ni_b + self.nr_b, g_xy)
        d = prf(skeyid, g_xy, cookies, b"\0")
        a = prf(skeyid, d, g_xy, cookies, b"\1")
        e = prf(skeyid, a, g_xy, cookies, b"\2")
        self.size = ciphers.block_size(self.suite.cipher)
        iv = hashlib.new(hashed, self.g_xi + self.pair.public).digest()[: self.size]
        self.keys, self.last_block = Keys(self.suite, skeyid, d, a, e, iv), iv

    def proof(self, identity: Identity) -> bytes:
        body = Identification.of(identity)
        octets = bytes([body.kind, body.protocol]) + body.port.to_bytes(2, "big") + body.data
        values = self.pair.public, self.g_xi, self.cky_r, self.cky_i, self.bodies[0], octets
        return self.keys.prf(self.keys.skeyid, *values)

    def answer(self, identity: Identity = NAME, proof: bytes | None = None, *, hashed: bool = False) -> bytes:
        """The second message; `proof` in place of the right signature, empty for none at all."""
        told = b"signed:" + self.proof(identity) if proof is None else proof
        proofs = (HashPayload(told),) if hashed else (Certificate(4, b"\x30\x03any"), SignaturePayload(told))
        chosen = replace(self.offered, transforms=self.offered.transforms[:1])
        return self.clear(
            A,
            SecurityAssociation((chosen,)),
            KeyExchange(self.pair.public),
            Nonce(self.nr_b),
            Identification.of(identity),
            *(VendorId(octets) for octets in VENDORS),
            *(proofs if told else ()),
        )

    def heard_third(self, datagram: bytes) -> None:
        """Where the IVs of what follows begin."""
        self.last_block = datagram[-self.size :]
