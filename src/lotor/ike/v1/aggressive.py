"""Aggressive mode, both sides, every method (RFC 2409 §5.1, §5.4, draft-ietf-ipsec-isakmp-hybrid-auth-05)."""

from __future__ import annotations

from lotor.ike.v1 import authenticate, choose, identify, keymat, lifetimes, phase1, riders, select, trace, traversal
from lotor.ike.v1.authenticate import PROOF, Parties, PeerSecret
from lotor.ike.v1.choose import ChosenIke
from lotor.ike.v1.isakmp import PhaseOne
from lotor.ike.v1.ladder import Cover, Ladder, Rung
from lotor.ike.v1.phase1 import Ours
from lotor.ike.v1.seal import PhaseOneChannel
from lotor.ike.v1.session import V1Session
from lotor.ike.v1.story import Story, expect, send
from lotor.ike.v1.traversal import NAT_D
from lotor.model.frozen import frozen
from lotor.model.identity import Identity
from lotor.model.secret import Secret
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.numbers import PayloadType as P
from lotor.wire.v1.payloads import Identification
from lotor.wire.v1.vendors import NatTraversal, Vendor

AGGRESSIVE = Ladder(
    "aggressive mode",
    (
        Rung(
            from_initiator=True,
            must=(P.SA, P.KEY_EXCHANGE, P.NONCE, P.IDENTIFICATION),
            may=(P.CERTIFICATE_REQUEST,),
            cover=Cover.CLEAR,
        ),
        Rung(
            from_initiator=False,
            must=(P.SA, P.KEY_EXCHANGE, P.NONCE, P.IDENTIFICATION),
            may=(*PROOF, P.CERTIFICATE_REQUEST, *NAT_D),
            cover=Cover.CLEAR,
            order=(P.SA, P.KEY_EXCHANGE, P.NONCE, P.IDENTIFICATION, P.CERTIFICATE, P.VENDOR_ID, *NAT_D),
        ),
        Rung(
            from_initiator=True,
            must=(),
            may=(*PROOF, *NAT_D, P.CERTIFICATE_REQUEST, P.IDENTIFICATION),
            cover=Cover.EITHER,
            order=(P.CERTIFICATE, P.SIGNATURE, P.HASH, *NAT_D),
        ),
    ),
)
"""racoon sends the third message in clear, all others send it encrypted; so does this end."""


def initiator(session: V1Session, channel: PhaseOneChannel) -> Story[PhaseOne]:
    """When it ends, nothing secret has been sent, and the responder is proved."""
    remote, randomness = session.remote, session.context.randomness
    ours = Ours(randomness.key_pair(remote.proposals[0].group), randomness.nonce(remote.nonce_size))
    sa, me = phase1.offer(session), Identification.of(identify.mine(remote, session.path))
    requests, vendors = riders.requests(remote), riders.offered(remote)
    trace.offered(session, AGGRESSIVE.name, sa, ours.payloads()[1], me, *vendors)
    yield from send(sa, *ours.payloads(), me, *requests, *vendors)
    answer = yield from expect()

    suite = lifetimes.told_suite(answer, choose.ike_answer(remote, answer.only(SecurityAssociation)))
    trace.chosen(session, suite, answer)
    peer = answer.only(Identification).identity
    g_xy = yield from phase1.agree(session, ours.dh, answer)
    values = phase1.both_values(session, ours, answer, phase1.body(sa))
    skeyid = yield from authenticate.skeyid(session, suite, values, PeerSecret(g_xy, aggressive=True))
    keys = keymat.derive(suite, values, g_xy, skeyid)
    parties = Parties(session, suite, values, keys, Secret(g_xy), phase1.body(me), answer.body(Identification))
    authenticate.demand_proof(parties, answer, peer)
    channel.use(keys)
    trace.keyed(session, keys)
    yield from authenticate.judge(parties, answer, peer)

    heard = riders.heard(answer)
    found = traversal.settle(session, suite, heard, answer)
    proof = yield from authenticate.prove(parties, heard)
    yield from send(*proof, *traversal.shown(session, suite, found.version), *riders.initial_contact(session))
    return PhaseOne(suite, keys, channel.last_block(), peer, heard, found.version, found.here, found.there)


def responder(session: V1Session, channel: PhaseOneChannel) -> Story[PhaseOne]:
    """When it ends, the peer has proved that it holds its keys. After hybrid authentication it is still a stranger."""
    answered = yield from _answer(session, channel)
    parties, choice, peer = answered.parties, answered.choice, answered.peer
    third = yield from expect(authenticate.proof_of_peer(parties))

    yield from authenticate.judge(parties, third, peer)
    here, there = traversal.found(session, choice.suite, answered.version, third)
    heard = answered.heard
    if channel.covered:  # else anybody on the way may have put them beside the proof
        session.initial_contact = riders.says_initial_contact(third)
        heard |= riders.heard(third)
    kept = lifetimes.kept_suite(session, choice, heard)
    return PhaseOne(kept, parties.keys, channel.last_block(), peer, heard, answered.version, here, there)


@frozen
class Answered:
    """What is kept of the first message and its answer. It is little, since a stranger may never send a second
    message."""

    parties: Parties
    choice: ChosenIke
    peer: Identity
    heard: frozenset[Vendor]
    version: NatTraversal | None


def _answer(session: V1Session, channel: PhaseOneChannel) -> Story[Answered]:
    message1 = yield from expect()
    peer = identify.stranger(message1)
    trace.heard_offer(session, AGGRESSIVE.name, message1)
    choice = select.choose_remote(session, message1, peer)
    remote, randomness, suite = session.remote, session.context.randomness, choice.suite
    trace.chosen(session, suite)
    heard = riders.heard(message1)
    authenticate.demand_xauth(suite, heard)
    phase1.demand_public(session, suite.group, message1)
    ours = Ours(randomness.key_pair(suite.group), randomness.nonce(remote.nonce_size))
    g_xy = yield from phase1.agree(session, ours.dh, message1)
    values = phase1.both_values(session, ours, message1, message1.body(SecurityAssociation) or b"")
    skeyid = yield from authenticate.skeyid(session, suite, values, PeerSecret(g_xy, peer, aggressive=True))
    keys = keymat.derive(suite, values, g_xy, skeyid)
    me = Identification.of(identify.mine(remote, session.path))
    parties = Parties(session, suite, values, keys, Secret(g_xy), phase1.body(me), message1.body(Identification))
    proof = yield from authenticate.prove(parties, heard)

    channel.use(keys)
    trace.keyed(session, keys)
    session.fragment = phase1.may_fragment(session, heard)
    version = traversal.version(remote.nat_traversal, heard)
    vendors, shown = riders.echoed(remote, heard, version), traversal.shown(session, suite, version)
    requests = riders.requests_of_client(remote, suite)
    lifetime = lifetimes.responder_note(session, choice)
    yield from send(choice.answer(), *ours.payloads(), me, *requests, *vendors, *shown, *proof, *lifetime)
    authenticate.tell_nobody(session)
    return Answered(parties, choice, peer, heard, version)
