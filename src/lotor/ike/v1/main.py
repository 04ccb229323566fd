"""Main mode, both sides, every method: identities travel encrypted (RFC 2409 §5.1, §5.4)."""

from __future__ import annotations

from dataclasses import replace

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
from lotor.model.secret import Secret
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import PayloadType as P
from lotor.wire.v1.payloads import Identification
from lotor.wire.v1.vendors import NatTraversal, Vendor

_SA, _KE = (P.SA,), (P.KEY_EXCHANGE, P.NONCE)
_KE_MAY = (P.CERTIFICATE_REQUEST, *NAT_D)
_ID_MAY = (*PROOF, P.CERTIFICATE_REQUEST, *NAT_D)
_ID_ORDER = (P.IDENTIFICATION, P.CERTIFICATE, P.SIGNATURE, P.HASH)

MAIN = Ladder(
    "main mode",
    (
        Rung(from_initiator=True, must=_SA, cover=Cover.CLEAR),
        Rung(from_initiator=False, must=_SA, cover=Cover.CLEAR),
        Rung(from_initiator=True, must=_KE, may=_KE_MAY, cover=Cover.CLEAR),
        Rung(from_initiator=False, must=_KE, may=_KE_MAY, cover=Cover.CLEAR),
        Rung(from_initiator=True, must=(P.IDENTIFICATION,), may=_ID_MAY, order=_ID_ORDER),
        Rung(from_initiator=False, must=(P.IDENTIFICATION,), may=_ID_MAY, order=_ID_ORDER),
    ),
)


def initiator(session: V1Session, channel: PhaseOneChannel) -> Story[PhaseOne]:
    remote, randomness = session.remote, session.context.randomness
    sa = phase1.offer(session)
    vendors = riders.offered(remote)
    trace.offered(session, MAIN.name, sa, *vendors)
    yield from send(sa, *vendors)
    chosen = yield from expect()
    suite, heard = choose.ike_answer(remote, chosen.only(SecurityAssociation)), riders.heard(chosen)
    trace.chosen(session, suite, chosen)
    session.fragment = session.fragment or phase1.may_fragment(session, heard)
    version = traversal.version(remote.nat_traversal, heard)
    ours = Ours(randomness.key_pair(suite.group), randomness.nonce(remote.nonce_size))
    yield from send(*ours.payloads(), *traversal.shown(session, suite, version))
    answer = yield from expect()

    found = traversal.settle(session, suite, heard, answer)
    g_xy = yield from phase1.agree(session, ours.dh, answer)
    values = phase1.both_values(session, ours, answer, phase1.body(sa))
    skeyid = yield from authenticate.skeyid(session, suite, values, PeerSecret(g_xy))
    keys = keymat.derive(suite, values, g_xy, skeyid)
    me = Identification.of(identify.mine(remote, session.path))
    parties = Parties(session, suite, values, keys, Secret(g_xy), phase1.body(me))
    channel.use(keys)
    trace.keyed(session, keys)
    proof = yield from authenticate.prove(parties, heard)
    requests = riders.requests_of_gateway(remote, suite)
    yield from send(me, *proof, *requests, *riders.initial_contact(session))
    last = yield from expect(authenticate.proof_of_peer(parties))

    peer = last.only(Identification).identity
    yield from authenticate.judge(replace(parties, peers=last.body(Identification)), last, peer)
    suite = lifetimes.told_suite(last, suite)
    return PhaseOne(suite, keys, channel.last_block(), peer, heard, version, found.here, found.there)


def responder(session: V1Session, channel: PhaseOneChannel) -> Story[PhaseOne]:
    begun = yield from _answer(session)
    exchanged = yield from _exchange(session, channel, begun)
    choice, parties = begun.choice, exchanged.parties
    fifth = yield from expect(authenticate.proof_of_peer(parties))

    peer = fifth.only(Identification).identity
    choice = select.narrow(session, choice, peer, exchanged.third, fifth)
    me, suite = Identification.of(identify.mine(session.remote, session.path)), choice.suite
    parties = replace(parties, suite=suite, mine=phase1.body(me), peers=fifth.body(Identification))
    yield from authenticate.judge(parties, fifth, peer)
    session.initial_contact = riders.says_initial_contact(fifth)
    proof = yield from authenticate.prove(parties, begun.heard)
    yield from send(me, *proof, *lifetimes.responder_note(session, choice))
    last, here, there = channel.last_block(), exchanged.here, exchanged.there
    return PhaseOne(suite, parties.keys, last, peer, begun.heard, begun.version, here, there)


@frozen
class Begun:
    """What is kept of the first message and its answer. It is little, since a stranger may never send a second
    message."""

    sa_b: bytes
    choice: ChosenIke
    heard: frozenset[Vendor]
    version: NatTraversal | None


def _answer(session: V1Session) -> Story[Begun]:
    message1 = yield from expect()
    trace.heard_offer(session, MAIN.name, message1)
    choice = select.choose_remote(session, message1, None)
    trace.chosen(session, choice.suite)
    heard = riders.heard(message1)
    authenticate.demand_xauth(choice.suite, heard)
    session.fragment = phase1.may_fragment(session, heard)
    version = traversal.version(session.remote.nat_traversal, heard)
    yield from send(choice.answer(), *riders.echoed(session.remote, heard, version))
    return Begun(message1.body(SecurityAssociation) or b"", choice, heard, version)


@frozen
class KeysExchanged:
    """What is kept of the third message, whose certificate requests count later, and of the fourth."""

    parties: Parties
    third: Chain
    here: bool
    there: bool


def _exchange(session: V1Session, channel: PhaseOneChannel, begun: Begun) -> Story[KeysExchanged]:
    third = yield from expect()
    suite, remote, randomness = begun.choice.suite, session.remote, session.context.randomness
    phase1.demand_public(session, suite.group, third)
    ours = Ours(randomness.key_pair(suite.group), randomness.nonce(remote.nonce_size))
    g_xy = yield from phase1.agree(session, ours.dh, third)
    values = phase1.both_values(session, ours, third, begun.sa_b)
    skeyid = yield from authenticate.skeyid(session, suite, values, PeerSecret(g_xy))
    keys = keymat.derive(suite, values, g_xy, skeyid)
    here, there = traversal.found(session, suite, begun.version, third)
    requests = riders.requests_of_client(remote, suite)
    yield from send(*ours.payloads(), *requests, *traversal.shown(session, suite, begun.version))
    channel.use(keys)
    trace.keyed(session, keys)
    return KeysExchanged(Parties(session, suite, values, keys, Secret(g_xy), b""), third, here, there)
