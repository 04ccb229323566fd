"""IKE_AUTH, in both roles (RFC 7296 §1.2, §2.15, §2.16): each end proves itself, by EAP in as many rounds as it takes.

A gateway proves itself before it asks for a login. A client says nothing secret to a gateway that has not.
"""

from __future__ import annotations

from lotor.ike import identities
from lotor.ike.children import Pair
from lotor.ike.errors import PeerFault, PolicyRefusal
from lotor.ike.gates import Gate
from lotor.ike.v2 import admitting, granting, opening, ppk, proofs, redirects, resume
from lotor.ike.v2.certified import asked_for, asking, shown
from lotor.ike.v2.eap import client, gateway
from lotor.ike.v2.eap.talk import broken
from lotor.ike.v2.eap.verdicts import refusal_of
from lotor.ike.v2.message import Message
from lotor.ike.v2.opening import Wish
from lotor.ike.v2.ppk import Mixture
from lotor.ike.v2.proofs import Peer
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, reply, request
from lotor.model.algorithms import EapMethod, Proving
from lotor.model.frozen import frozen
from lotor.model.identity import ADDRESS_KINDS, Identity, IdentityPattern, IdKind, parse_address
from lotor.model.policy import RemotePolicy
from lotor.model.reasons.proofs import LoginBeforeProof, WayNotAllowed
from lotor.model.reasons.protocol import IdentityNotAllowed
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import ExchangeType, NotifyType, PayloadType
from lotor.wire.v2.payloads import (
    Authentication,
    Eap,
    Identification,
    Notification,
    VendorId,
    encode_payload,
)
from lotor.wire.v2.vendors import HANDS_OVER

AUTH = ExchangeType.IKE_AUTH

# --- the responder ---------------------------------------------------------------------------------------------------


@frozen
class First:
    """The client's first request. `wished`: IDr, who it hopes to reach. `proof` None: it wants to log in by EAP.
    `asked`: for certificates of these authorities, of any where it is empty; None where it does not ask."""

    peer: Peer
    wished: Identity | None
    proof: Authentication | None
    wish: Wish
    notes: frozenset[int]
    vendors: frozenset[bytes]
    chain: Chain
    asked: frozenset[bytes] | None = None

    @classmethod
    def of(cls, session: V2Session, chain: Chain) -> First:
        hoped = chain.of_type(PayloadType.IDENTIFICATION_R)
        wished = hoped.identity if isinstance(hoped, Identification) else None
        notes = frozenset(each.type for each in chain.all(Notification))
        vendors = frozenset(each.data for each in chain.all(VendorId))
        peer, asked = Peer.of(session, chain), asked_for(chain)
        return cls(peer, wished, chain.first(Authentication), Wish.of(chain), notes, vendors, chain, asked)

    @property
    def way(self) -> Proving:
        """`PeerFault` for a method that is not known here."""
        if self.proof is None:
            return Proving.EAP
        found = proofs.way_of(self.proof)
        if found is None:
            raise PeerFault(WayNotAllowed(f"method {self.proof.method}", "here", "others"), _FAILED)
        return found.then_eap if NotifyType.ANOTHER_AUTH_FOLLOWS in self.notes else found


_FAILED = NotifyType.AUTHENTICATION_FAILED


def responder(session: V2Session, message: Message) -> Story[Payloads]:
    """Ends with the gateway's last answer, once the client is proved and let in."""
    first = First.of(session, message.chain)
    session.remote = _choose(session, first)
    ppk.demand(session)
    session.initial_contact = NotifyType.INITIAL_CONTACT in first.notes
    session.abilities.mobike = session.terms.mobike and NotifyType.MOBIKE_SUPPORTED in first.notes
    session.abilities.hands_over = HANDS_OVER in first.vendors
    proof = yield from (_by_eap if first.proof is None else _by_proof)(session, first)
    ppk.settle(session)
    rest = yield from redirects.unless_elsewhere(session, proof, opening.answer(session, first.wish))
    mine = proofs.mine(session, first.wished).identity
    asked = first.notes if first.proof is None else first.notes - {NotifyType.TICKET_REQUEST}
    ticket = yield from resume.ticket(session, first.peer.identity, mine, asked)
    return (*proof, *rest, *granting.notes(session), *ticket)


def _choose(session: V2Session, first: First) -> RemotePolicy:
    """The first block that admits the client and the way in which it proves itself; of several the one that has the
    name which the client hopes for. Raises the refusal that tells most."""
    way, blocks = first.way, session.candidates or (session.remote,)
    fitting = [each for each in blocks if each.v2 is not None and way in each.v2.peer]
    if not fitting:
        admitted = ", ".join(dict.fromkeys(each.value for one in blocks if one.v2 for each in one.v2.peer))
        raise proofs.refuse(session, first.peer, WayNotAllowed(way.value, session.remote.name, admitted))
    allowed = [each for each in fitting if identities.admitted(each, first.peer.identity)]
    if not allowed:
        name = identities.text(first.peer.identity)
        raise proofs.refuse(session, first.peer, IdentityNotAllowed(name, fitting[0].name))
    return next((each for each in allowed if _is(each, first.wished)), allowed[0])


def _is(remote: RemotePolicy, wished: Identity | None) -> bool:
    """Whether a gateway of this block is who the client hopes to reach."""
    mine = remote.v2.identity if remote.v2 else None
    if wished is None or mine is not None:
        return wished == mine
    return shown(remote.certified, wished) is not None


def _by_proof(session: V2Session, first: First) -> Story[Payloads]:
    """The client first: nothing is signed for one that proves nothing."""
    proof = yield from ppk.brought(session, first.peer.identity, first.chain)
    yield from proofs.judge(session, first.peer, proof)
    ours = (*(yield from _ours(session, first)), *ppk.answered(session))
    admitting.settle(session, first.peer.identity, first.way)
    if first.way.twice:
        return (yield from _person(session, first, ours))
    yield from admitting.proved(session, first.peer.identity)
    return ours


def _person(session: V2Session, first: First, ours: Payloads) -> Story[Payloads]:
    """The device is proved, and now the person logs in (RFC 4739). Whatever is granted is the person's."""
    redirects.demand_login_here(session, ours)
    message = yield from reply(*ours)
    if message.chain.first(Authentication) is not None:
        reason = WayNotAllowed("another proof than a login", session.remote.name, Proving.EAP.value)
        raise PolicyRefusal(reason, _FAILED)
    login = Asked((), Peer.of(session, message.chain), _named(ours), identities.text(first.peer.identity))
    return (yield from _login(session, login))


def _by_eap(session: V2Session, first: First) -> Story[Payloads]:
    """The gateway first. A yes of the back end counts once the client shows that it has the same key."""
    ours = yield from _ours(session, first)
    redirects.demand_login_here(session, ours)
    admitting.settle(session, first.peer.identity, Proving.EAP)
    return (yield from _login(session, Asked(ours, first.peer, _named(ours))))


def _named(ours: Payloads) -> bytes:
    """What the gateway called itself: the body of its ID payload."""
    return encode_payload(next(each for each in ours if isinstance(each, Identification)))


@frozen
class Asked:
    """Who is asked for a login: `opening` goes with the first packet, `mine` is the body of our ID payload, `machine`
    what the device of the person has proved to be."""

    opening: Payloads
    peer: Peer
    mine: bytes
    machine: str | None = None


def _login(session: V2Session, asked: Asked) -> Story[Payloads]:
    """A yes of the back end counts once the client shows that it has the same key."""
    proved = yield from gateway.login(session, asked.opening, asked.peer.identity)
    message = yield from reply(Eap(proved.packet))
    if _has(message.chain, NotifyType.ANOTHER_AUTH_FOLLOWS):
        raise PolicyRefusal(WayNotAllowed("another proof after a login", session.remote.name, "none"), _FAILED)
    person = Identity(IdKind.KEY_ID, proved.user.encode())
    proof = yield from ppk.brought(session, person, message.chain)
    proofs.judge_eap(session, asked.peer, proof, proved.msk)
    yield from admitting.logged_in(session, proved, asked.machine)
    return (proofs.by_eap(session, proved.msk, asked.mine, ours=True), *ppk.answered(session))


def _ours(session: V2Session, first: First) -> Story[Payloads]:
    """IDr, certificates and AUTH. To a client with a shared key alone the gateway proves itself by that key as well; a
    person who logs in must not have to believe everybody who knows it."""
    keyed = Proving.SHARED_KEY in {first.way, session.terms.local}
    proofs.choose(session, first.asked, first.wished)
    identity = proofs.mine(session, first.wished)
    if first.way is Proving.EAP and session.terms.eap_only and NotifyType.EAP_ONLY_AUTHENTICATION in first.notes:
        return (identity,)  # the method proves it (RFC 5998)
    way = Proving.SHARED_KEY if keyed else Proving.CERTIFICATE
    proof = yield from proofs.prove(session, way, identity, first.peer)
    return (identity, *(() if keyed else proofs.certificates(session)), proof)


# --- the initiator ---------------------------------------------------------------------------------------------------


def initiator(session: V2Session) -> Story[Pair]:
    """Ends with the first SA pair, once both ends are proved and the host has taken the configuration."""
    proofs.choose(session)
    identity, offered = proofs.mine(session), (yield from opening.offer(session))
    found = yield from ppk.mine(session)
    first = yield from _request(session, identity, found)
    message = yield from request(AUTH, *first, *offered.payloads(session), *_announced(session), *resume.asked(session))
    _demand_no_refusal(session, message)
    peer = yield from _judge(session, message.chain, found)
    if session.established:  # else nothing proves yet who says that
        redirects.demand_stay(session, message.chain, proved=True)
    if session.terms.local.twice:
        message = yield from request(AUTH, identity)
        _demand_no_refusal(session, message)
    if session.terms.local.login:
        own = None if session.terms.local.twice else found  # else it is in the keys by now, or left out
        message = yield from _log_in(session, Login(identity, peer, own), message)
    elif message.chain.first(Eap) is not None:
        raise broken("a login was asked for, and this end has proved itself already")
    redirects.demand_stay(session, message.chain, proved=True)
    ppk.settle(session)
    granting.heard(session, message.chain)
    yield from resume.keep(session, message.chain, peer.identity, identity.identity)
    return (yield from opening.take(session, offered, message.chain))


@frozen
class Login:
    """What AUTH after a login is made of, and judged by."""

    identity: Identification
    peer: Peer
    ppk: Mixture | None


def _request(session: V2Session, identity: Identification, found: Mixture | None) -> Story[Payloads]:
    """IDi, what asks for certificates, whom this end hopes to reach, and AUTH unless EAP follows."""
    hoped = _hoped(session)
    parts: Payloads = (asking([session.remote]),) if session.remote.send_cr else ()
    if hoped is not None:
        parts = (*parts, Identification.of(hoped, initiator=False))
    if session.terms.local is Proving.EAP:
        only = (Notification(NotifyType.EAP_ONLY_AUTHENTICATION),) if session.terms.eap_only else ()
        return (identity, *parts, *only, *_hands_over(session))
    way = session.terms.local.first
    proof = yield from ppk.prove(session, found, lambda: proofs.prove(session, way, identity, None))
    chain = proofs.certificates(session) if way is Proving.CERTIFICATE else ()
    more = (*_TWICE, *_hands_over(session)) if session.terms.local.twice else ()
    return (identity, *chain, *parts, *proof, *more)


_TWICE = (Notification(NotifyType.MULTIPLE_AUTH_SUPPORTED), Notification(NotifyType.ANOTHER_AUTH_FOLLOWS))
"""Beside the proof of the device: a login follows (RFC 4739 §3)."""


def _hands_over(session: V2Session) -> Payloads:
    return (VendorId(HANDS_OVER),) if EapMethod.GTC in session.terms.eap else ()


def _hoped(session: V2Session) -> Identity | None:
    """The gateway's identity, where the configuration names exactly one."""
    patterns = session.remote.peers_identifiers
    return _identity_of(patterns[0]) if len(patterns) == 1 else None


def _identity_of(pattern: IdentityPattern) -> Identity | None:
    if pattern.value is None or pattern.kind == IdKind.DER_ASN1_DN:
        return None
    if pattern.kind in ADDRESS_KINDS:
        address = parse_address(pattern.value)
        return Identity(pattern.kind, address.packed) if address is not None else None
    return Identity(pattern.kind, pattern.value.encode())


def _announced(session: V2Session) -> Payloads:
    """A session that renews another one must not end it."""
    contact = session.remote.initial_contact and session.renews is None
    return (
        *((Notification(NotifyType.INITIAL_CONTACT),) if contact else ()),
        *((Notification(NotifyType.MOBIKE_SUPPORTED),) if session.terms.mobike else ()),
    )


def _judge(session: V2Session, chain: Chain, found: Mixture | None) -> Story[Peer]:
    """The gateway, by a way that the configuration admits. Only then anything else of it counts."""
    proof = chain.first(Authentication)
    if proof is None:
        return _proves_later(session, chain)
    peer, way = Peer.of(session, chain), proofs.way_of(proof)
    way = way.then_eap if way is not None and _has(chain, NotifyType.ANOTHER_AUTH_FOLLOWS) else way
    if way is None or way not in session.terms.peer:
        admitted = ", ".join(each.value for each in session.terms.peer)
        named = way.value if way is not None else f"method {proof.method}"
        raise proofs.refuse(session, peer, WayNotAllowed(named, session.remote.name, admitted))
    if session.terms.local is not Proving.EAP:  # whose PPK comes with the login
        ppk.heard(session, found, chain)
    yield from proofs.judge(session, peer, proof)
    admitting.settle(session, peer.identity, session.terms.local)
    return peer


def _proves_later(session: V2Session, chain: Chain) -> Peer:
    """A gateway that proves itself inside of EAP, where that is agreed to (RFC 5998): the method judges the name that
    it gives itself, and until then nothing that it says counts."""
    if not (session.terms.eap_only and session.terms.local is Proving.EAP and chain.first(Eap) is not None):
        raise PolicyRefusal(LoginBeforeProof(session.path.remote.address), _FAILED)
    peer = Peer.of(session, chain)
    if not identities.admitted(session.remote, peer.identity):
        reason = IdentityNotAllowed(identities.text(peer.identity), session.remote.name)
        raise proofs.refuse(session, peer, reason)
    session.claimed = peer.identity
    return peer


def _log_in(session: V2Session, login: Login, message: Message) -> Story[Message]:
    """The login, then AUTH of both ends with its key. Returns the gateway's last answer."""
    if message.chain.first(Eap) is None:
        raise broken("this end was let in without a login")
    msk = yield from client.login(session, message)
    mine = encode_payload(login.identity)
    proof = ppk.prove(session, login.ppk, lambda: proofs.by_eap(session, msk, mine, ours=True))
    last = yield from request(AUTH, *(yield from proof))
    _demand_no_refusal(session, last)
    ppk.heard(session, login.ppk, last.chain)
    proofs.judge_eap(session, login.peer, last.chain.only(Authentication), msk)
    if not session.established:
        proofs.tell(session, login.peer, "it proved itself inside of EAP")
        admitting.settle(session, login.peer.identity, session.terms.local)
    admitting.passed(session, Gate.LOGIN)
    return last


def _demand_no_refusal(session: V2Session, message: Message) -> None:
    refused = refusal_of(session, message)
    if refused is not None:
        raise PolicyRefusal(refused)


def _has(chain: Chain, number: int) -> bool:
    return any(each.type == number for each in chain.all(Notification))
