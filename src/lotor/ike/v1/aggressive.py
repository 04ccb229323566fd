"""Aggressive mode with hybrid authentication: the gateway signs, the client proves later who it is (RFC 2409 §5.1,
draft-ietf-ipsec-isakmp-hybrid-auth-05)."""

from __future__ import annotations

import hmac
from dataclasses import replace

from lotor.ike.errors import LocalFault, PolicyRefusal, Unproved
from lotor.ike.ladder import Cover, Ladder, Rung
from lotor.ike.questions import JudgePeer, Sign
from lotor.ike.session import Session
from lotor.ike.story import Proof, Story, ask, expect, send
from lotor.ike.v1 import choose, identify, keymat, riders, traversal
from lotor.ike.v1.keymat import Exchanged, PhaseOneKeys
from lotor.ike.v1.phase1 import PhaseOne, agree, body, may_fragment, offer
from lotor.ike.v1.seal import PhaseOneChannel
from lotor.model.algorithms import IkeSuite
from lotor.model.judgement import Failure, PeerProof, Untrusted
from lotor.model.reason import Cause, Reason
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import NotifyType
from lotor.wire.v1.numbers import PayloadType as P
from lotor.wire.v1.payloads import HashPayload, Identification, KeyExchange, NatDiscovery, Nonce, SignaturePayload
from lotor.wire.v1.vendors import NatTraversal, Vendor

NAT_D = (P.NAT_D, P.NAT_D_DRAFT)

HYBRID = Ladder(
    "aggressive mode",
    (
        Rung(
            from_initiator=True,
            must=(P.SA, P.KEY_EXCHANGE, P.NONCE, P.IDENTIFICATION),
            may=(P.CERTIFICATE_REQUEST, P.HASH),
            cover=Cover.CLEAR,
        ),
        Rung(
            from_initiator=False,
            must=(P.SA, P.KEY_EXCHANGE, P.NONCE, P.IDENTIFICATION, P.SIGNATURE),
            may=(P.CERTIFICATE, P.CERTIFICATE_REQUEST, P.HASH, *NAT_D),
            cover=Cover.CLEAR,
            order=(P.SA, P.KEY_EXCHANGE, P.NONCE, P.IDENTIFICATION, P.CERTIFICATE, P.VENDOR_ID, *NAT_D, P.SIGNATURE),
        ),
        Rung(
            from_initiator=True,
            must=(P.HASH,),
            may=(*NAT_D, P.CERTIFICATE, P.CERTIFICATE_REQUEST, P.IDENTIFICATION),
            cover=Cover.EITHER,
        ),
    ),
)
"""The third message is clear from racoon, encrypted from everybody else; ours is encrypted."""


def initiator(session: Session, channel: PhaseOneChannel) -> Story[PhaseOne]:
    """The client's side. Nothing secret has been sent when it ends, and the gateway is proved."""
    remote, dice = session.remote, session.desk.dice
    pair, nonce = dice.key_pair(remote.proposals[0].group), dice.nonce(remote.nonce_size)
    sa, me = offer(session), Identification.of(identify.mine(remote, session.path))
    requests, vendors = riders.requests(remote), riders.offered(remote)
    yield from send(sa, KeyExchange(pair.public), Nonce(nonce), me, *requests, *vendors)
    answer = yield from expect()

    suite = choose.ike_answer(remote, answer.only(SecurityAssociation))
    public = answer.only(KeyExchange).data
    said = Exchanged(
        cky_i=session.cookies.initiator,
        cky_r=session.cookies.responder,
        g_xi=pair.public,
        g_xr=public,
        ni_b=nonce,
        nr_b=answer.only(Nonce).data,
        sa_b=body(sa),
    )
    keys = keymat.derive(suite, said, agree(pair, public, str(session.path.remote)).reveal())
    yield from _judge(session, answer, keymat.hash_r(keys, said, answer.body(Identification) or b""))

    record = _record(session, answer, suite, keys)
    channel.use(keys)
    hash_i = HashPayload(keymat.hash_i(keys, said, body(me)))
    yield from send(hash_i, *_discovered(session, suite, record.traversal), *riders.initial_contact(session))
    return replace(record, last_block=channel.last_block())


def _judge(session: Session, answer: Chain, hash_r: bytes) -> Story[None]:
    proof = PeerProof(
        remote=session.remote.name,
        chain=riders.received_certificates(answer),
        identity=answer.only(Identification).identity,
        signed=hash_r,
        signature=answer.only(SignaturePayload).data,
        address=session.path.remote.address,
        host=session.facts.host,
    )
    verdict = yield from ask(JudgePeer(proof))
    if isinstance(verdict, Untrusted):
        raise PolicyRefusal(Reason(Cause.CERTIFICATE, verdict.why), NotifyType.AUTHENTICATION_FAILED)


def _record(session: Session, answer: Chain, suite: IkeSuite, keys: PhaseOneKeys) -> PhaseOne:
    """What is known after the second message. Where there is a NAT, the rest goes by the NAT traversal ports."""
    vendors = riders.heard(answer)
    session.facts.fragment = session.facts.fragment or may_fragment(session, vendors)
    version = traversal.version(session.remote.nat_traversal, vendors)
    here = there = False
    if version is not None:
        here, there = _discovery(session, suite).finds(answer, session.path)
    if here or there:
        session.path = traversal.floated(session.path)
    peer = answer.only(Identification).identity
    return PhaseOne(suite, keys, b"", peer, vendors, version, here, there)


def responder(session: Session, channel: PhaseOneChannel) -> Story[PhaseOne]:
    """The gateway's side. When it ends, the peer holds the keys that it claims to hold, and is still a stranger."""
    remote, dice = session.remote, session.desk.dice
    asked = yield from expect()
    choice = choose.ike_choice(remote, asked.only(SecurityAssociation))
    vendors = riders.heard(asked)
    _demand_xauth(vendors)
    pair, nonce = dice.key_pair(choice.suite.group), dice.nonce(remote.nonce_size)
    public = asked.only(KeyExchange).data
    g_xy = agree(pair, public, str(session.path.remote))
    said = Exchanged(
        cky_i=session.cookies.initiator,
        cky_r=session.cookies.responder,
        g_xi=public,
        g_xr=pair.public,
        ni_b=asked.only(Nonce).data,
        nr_b=nonce,
        sa_b=asked.body(SecurityAssociation) or b"",
    )
    keys = keymat.derive(choice.suite, said, g_xy.reveal())
    me = Identification.of(identify.mine(remote, session.path))
    signature = yield from ask(Sign(remote.name, keymat.hash_r(keys, said, body(me))))
    if isinstance(signature, Failure):
        raise LocalFault(signature.why)

    channel.use(keys)
    session.facts.fragment = may_fragment(session, vendors)
    version = traversal.version(remote.nat_traversal, vendors)
    yield from send(
        SecurityAssociation((replace(choice.proposal, transforms=(choice.transform,)),)),
        KeyExchange(pair.public),
        Nonce(nonce),
        me,
        *riders.certificates(session, vendors),
        *riders.echoed(remote, vendors, version),
        *_discovered(session, choice.suite, version),
        SignaturePayload(signature.octets),
    )
    idii_b = asked.body(Identification) or b""
    third = yield from expect(_proves(keymat.hash_i(keys, said, idii_b)))

    session.facts.initial_contact = riders.says_initial_contact(third)
    here, there = _discovery(session, choice.suite).finds(third, session.path) if version else (False, False)
    peer = asked.only(Identification).identity
    return PhaseOne(choice.suite, keys, channel.last_block(), peer, vendors, version, here, there)


def _demand_xauth(vendors: frozenset[Vendor]) -> None:
    if Vendor.XAUTH not in vendors:
        text = "the client does not announce XAUTH, without which hybrid authentication admits nobody"
        raise PolicyRefusal(Reason(Cause.PROTOCOL, text), NotifyType.SITUATION_NOT_SUPPORTED)


def _discovery(session: Session, suite: IkeSuite) -> traversal.Discovery:
    return traversal.Discovery(suite.hash, session.cookies, session.remote.nat_traversal)


def _discovered(session: Session, suite: IkeSuite, version: NatTraversal | None) -> tuple[NatDiscovery, ...]:
    return _discovery(session, suite).payloads(version, session.path) if version is not None else ()


def _proves(hash_i: bytes) -> Proof:
    """HASH_I over the full length; a third message without it came from somebody else."""

    def proof(chain: Chain) -> None:
        if not hmac.compare_digest(chain.only(HashPayload).data, hash_i):
            raise Unproved("HASH_I does not fit")

    return proof
