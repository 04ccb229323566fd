"""A client comes back to an IKE SA that is gone, by a ticket of its gateway and without its login (RFC 5723).

The ticket shows a gateway which keys both ends had. AUTH under keys made of them proves that it is the client's own,
and only then a back end says whether the user may come in still, once for each ticket.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from functools import partial

from lotor.crypto import hashes, prf
from lotor.ike import identities
from lotor.ike.children import Pair
from lotor.ike.errors import Misplaced, PeerFault, PolicyRefusal
from lotor.ike.events import CameBack, LoginRefused
from lotor.ike.questions import CheckLogin, KeepTicket, OpenTicket, SealTicket
from lotor.ike.session import NO_SPI
from lotor.ike.v2 import admitting, announce, granting, keys, opening, ppk, proofs, redirects, seal, trace, traversal
from lotor.ike.v2.denied import Denied
from lotor.ike.v2.eap.talk import Proved, told
from lotor.ike.v2.init import Hinted
from lotor.ike.v2.message import Message
from lotor.ike.v2.opening import Wish
from lotor.ike.v2.proofs import Peer
from lotor.ike.v2.sa import IkeSa, Presented
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, ask, request
from lotor.model.algorithms import Proving
from lotor.model.identity import Identity
from lotor.model.judgement import Failure
from lotor.model.login import Accepted, LoginAttempt, Refused, TicketShown
from lotor.model.policy import Ppk, RemotePolicy, Switch
from lotor.model.reason import Reason
from lotor.model.reasons.local import TicketRefused
from lotor.model.reasons.logins import NoVerdict
from lotor.model.reasons.proofs import OtherTicketKey
from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.model.ticket import Resumable, Resumption
from lotor.wire.errors import Malformed
from lotor.wire.v2 import tickets
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import AuthMethodNumber, ExchangeType, NotifyType
from lotor.wire.v2.payloads import Authentication, Identification, Nonce, Notification, encode_payload

RESUME = ExchangeType.IKE_SESSION_RESUME
AUTH = ExchangeType.IKE_AUTH
NONCE_OCTETS, LEAST_NONCE, MOST_NONCE = 32, 16, 256
MOST_COOKIES, LONGEST_COOKIE = 3, 64
_FAILED = NotifyType.AUTHENTICATION_FAILED

# --- tickets ---------------------------------------------------------------------------------------------------------


def asked(session: V2Session) -> Payloads:
    """A client that logs in asks for a ticket."""
    wants = session.terms.resumption and session.terms.local is Proving.EAP
    return (Notification(NotifyType.TICKET_REQUEST),) if wants else ()


def ticket(session: V2Session, peer: Identity, mine: Identity, notes: frozenset[int]) -> Story[Payloads]:
    """Gateway: for a client that asked, and whose login, and nothing else, was proved in this session; else that there
    is none."""
    if NotifyType.TICKET_REQUEST not in notes:
        return ()
    proved = session.proved is not None and session.proved.login and bool(session.user)
    if not (session.terms.resumption and proved):
        return (Notification(NotifyType.TICKET_NACK),)
    sa = session.ike_sa
    state = Resumable(session.remote.name, sa.suite, Secret(sa.keys.d), peer, mine, session.ppk)
    made = yield from ask(SealTicket(session.id, session.user, state))
    return (Notification(NotifyType.TICKET_NACK),) if isinstance(made, Failure) else (tickets.given(made),)


def keep(session: V2Session, chain: Chain, peer: Identity, mine: Identity) -> Story[None]:
    """Client: the ticket of the gateway's last answer, if there is one."""
    longest = session.terms.resumption
    found = tickets.taken(chain) if longest else None
    if found is None or not found.seconds:
        return
    sa = session.ike_sa
    state = Resumable(session.remote.name, sa.suite, Secret(sa.keys.d), mine, peer, session.ppk)
    yield from ask(KeepTicket(session.id, Resumption(found.octets, state), min(found.seconds, longest)))


# --- keys ------------------------------------------------------------------------------------------------------------


def _sa(session: V2Session, state: Resumable, nonces: tuple[bytes, bytes], signed: tuple[bytes, bytes]) -> IkeSa:
    """`signed`: the datagrams of IKE_SESSION_RESUME, of initiator and responder."""
    (ni, nr), spis = nonces, session.spis
    made = keys.resumed(state.suite, state.d, keys.Parts(ni, nr, spis.initiator, spis.responder))
    return IkeSa(state.suite, made, ni, nr, *signed)


def _proof(session: V2Session, identity: Identification, *, ours: bool) -> Authentication:
    """AUTH of either end: by its SK_p itself (RFC 5723 §4.3.3)."""
    made_of = proofs.covered(session, encode_payload(identity), ours=ours)
    octets = hashes.hmac(made_of.prf, made_of.sk_p.reveal(), prf.covered(made_of))
    return Authentication(AuthMethodNumber.SHARED_KEY, octets)


def _demand_proof(session: V2Session, peer: Identification, chain: Chain) -> None:
    sent, expected = chain.only(Authentication), _proof(session, peer, ours=False)
    if sent.method != expected.method or not hmac.compare_digest(sent.data, expected.data):
        raise PolicyRefusal(OtherTicketKey(session.path.remote.address), _FAILED)


def _nonce(chain: Chain) -> bytes:
    nonce = chain.only(Nonce).data
    if not LEAST_NONCE <= len(nonce) <= MOST_NONCE:
        raise Malformed(f"a nonce of {len(nonce)} octets")
    return nonce


# --- the gateway -----------------------------------------------------------------------------------------------------


def responder(session: V2Session, message: Message) -> Story[Payloads]:
    """IKE_SESSION_RESUME. A ticket that is good for nothing ends it with TICKET_NACK: the client logs in. One that is
    good proves nothing yet, for it passed in clear."""
    chain, ni = message.chain, _nonce(message.chain)
    shown = tickets.shown(chain)
    redirects.demand_welcome(session, chain)
    if not any(each.v2 is not None and each.v2.resumption for each in session.candidates):
        raise _nack(TicketRefused("nobody gives any here"))
    found = yield from ask(OpenTicket(session.id, shown))
    if isinstance(found, Failure):
        raise _nack(found.reason)
    session.remote = _block(session, found.state)
    session.candidates = (session.remote,)
    trace.chosen(session, found.state.suite, exchange=RESUME.name)
    return _answer(session, message, (ni, session.context.randomness.nonce(NONCE_OCTETS)), Presented(shown, found))


def _nack(reason: Reason) -> Denied:
    return Denied(reason, Notification(NotifyType.TICKET_NACK))


def _block(session: V2Session, state: Resumable) -> RemotePolicy:
    """The block that the ticket names, as it is now: it may demand by now what the ticket does not show. Raises
    `Denied`."""
    block = next((each for each in session.candidates if each.name == state.remote), None)
    terms = block.v2 if block is not None else None
    if block is None or terms is None or not terms.resumption or Proving.EAP not in terms.peer:
        raise _nack(TicketRefused(f"remote {state.remote} takes none from there"))
    if state.suite not in terms.proposals:
        raise _nack(TicketRefused(f"remote {state.remote} does not take {state.suite} any more"))
    if terms.ppk is Ppk.REQUIRED and state.ppk is None:
        raise _nack(TicketRefused(f"remote {state.remote} demands a PPK, and none is in its keys"))
    if not identities.admitted(block, state.initiator):
        raise _nack(TicketRefused(f"remote {state.remote} does not admit {identities.text(state.initiator)}"))
    return block


def _answer(session: V2Session, message: Message, nonces: tuple[bytes, bytes], presented: Presented) -> Payloads:
    chain, switch, state = message.chain, session.remote.nat_traversal, presented.opened.state
    abilities = announce.theirs(session, chain)
    here, there = traversal.found(message.header, chain, message.path, switch)
    abilities.translated_here, abilities.translated_there = here, there
    payloads: Payloads = (
        Nonce(nonces[1]),
        *traversal.shown(session.spis, message.path, switch if traversal.speaks(chain) else Switch.OFF),
        *announce.ours(session, intermediate=False),
    )
    header = replace(session.header(RESUME, 0, response=True), responder=session.spis.responder)
    session.abilities, session.ppk = abilities, state.ppk
    made = _sa(session, state, nonces, (message.octets, seal.clear(header, payloads)))
    session.use(replace(made, resumed=presented))
    return payloads


def auth_responder(session: V2Session, message: Message) -> Story[Payloads]:
    """IKE_AUTH behind it: the client proves that the ticket is its own, and a back end that its user may come in."""
    presented, chain = session.ike_sa.resumed, message.chain
    if presented is None:
        raise Misplaced("no ticket was shown")
    state = presented.opened.state
    peer, notes = Peer.of(session, chain), frozenset(each.type for each in chain.all(Notification))
    if peer.identity != state.initiator or peer.chain:
        raise PolicyRefusal(OtherTicketKey(session.path.remote.address), _FAILED)
    _demand_proof(session, Identification.of(peer.identity, initiator=True), chain)
    wish = Wish.of(chain)
    session.initial_contact = NotifyType.INITIAL_CONTACT in notes
    session.abilities.mobike = session.terms.mobike and NotifyType.MOBIKE_SUPPORTED in notes
    admitting.settle(session, peer.identity, Proving.EAP)
    accepted = yield from _readmitted(session, presented)
    yield from admitting.logged_in(session, Proved(accepted.user, Secret(b""), b"", accepted.grants))
    session.context.tell(CameBack(session.id, session.path))
    ppk.settle(session)
    mine = Identification.of(state.responder, initiator=False)
    proof = (mine, _proof(session, mine, ours=True))
    rest = yield from redirects.unless_elsewhere(session, proof, opening.answer(session, wish))
    again = yield from ticket(session, peer.identity, state.responder, notes)
    return (*proof, *rest, *granting.notes(session), *again)


def _readmitted(session: V2Session, presented: Presented) -> Story[Accepted]:
    """Whether the user may come in as things are now; a ticket counts once. Raises `Denied`."""
    user, source, here = presented.opened.user, session.path.remote, session.path.local.address
    attempt = LoginAttempt(user, (), source, gateway=here, shown=TicketShown(presented.ticket), ike=2)
    verdict = yield from ask(CheckLogin(session.id, attempt, session.registry.continues(session, user).id))
    if isinstance(verdict, Accepted):
        return verdict
    reason = verdict.reason if isinstance(verdict, Refused) else NoVerdict(user, 1)
    session.refused = reason
    session.context.tell(LoginRefused(session.id, user, reason, source))
    raise Denied(reason, Notification(_FAILED), *told(reason))


# --- the client ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Attempt:
    nonce: bytes
    ticket: bytes
    cookie: bytes = b""
    turns: int = 0

    def payloads(self, session: V2Session) -> Payloads:
        spis = traversal.in_request(session.spis)
        return (
            *((Notification(NotifyType.COOKIE, self.cookie),) if self.cookie else ()),
            Nonce(self.nonce),
            Notification(NotifyType.TICKET_OPAQUE, self.ticket),
            *traversal.shown(spis, session.path, session.remote.nat_traversal),
            *announce.ours(session, intermediate=False),
            *announce.of_client(session),
        )


def usable(session: V2Session) -> bool:
    """Whether a client may come back by what it kept, as its configuration is now."""
    known = session.resumption
    return known is not None and (known.state.ppk is not None or session.terms.ppk is not Ppk.REQUIRED)


def initiator(session: V2Session) -> Story[None]:
    """Ends when there are keys. That the gateway does not take the ticket is a hint alone: a stranger could say it as
    well."""
    known = session.resumption
    if known is None:
        raise Misplaced("there is no ticket")
    attempt = _Attempt(session.context.randomness.nonce(NONCE_OCTETS), known.ticket)
    while True:
        payloads = attempt.payloads(session)
        response = yield from request(RESUME, *payloads, check=partial(_check, session, attempt))
        redirects.demand_stay(session, response.chain, proved=False)
        cookie = _cookie(response.chain)
        if cookie is None:
            break
        attempt.cookie, attempt.turns = cookie, attempt.turns + 1
    sent = seal.clear(session.header(RESUME, 0), payloads)
    _take(session, known, response, (attempt.nonce, sent))


def _take(session: V2Session, known: Resumption, response: Message, ours: tuple[bytes, bytes]) -> None:
    """`ours`: the nonce and the message of this end."""
    nonce, sent = ours
    session.learn(response.header)
    session.abilities = announce.theirs(session, response.chain)
    switch = session.remote.nat_traversal
    here, there = traversal.found(response.header, response.chain, response.path, switch)
    session.abilities.translated_here, session.abilities.translated_there = here, there
    session.ppk = known.state.ppk
    session.use(_sa(session, known.state, (nonce, _nonce(response.chain)), (sent, response.octets)))
    trace.chosen(session, known.state.suite, response.chain, RESUME.name)
    speaks = traversal.speaks(response.chain) and switch is not Switch.OFF
    if here or there or (session.terms.mobike and speaks):
        session.path = traversal.floated(session.path)


def _check(session: V2Session, attempt: _Attempt, message: Message) -> None:
    """Nothing proves a response: what anybody could have made up to keep this end from coming back does not count at
    once, and keys are good for nothing without the ticket's."""
    chain, cookie = message.chain, _cookie(message.chain)
    if redirects.wanted(session, chain, attempt.nonce):
        return
    if cookie is not None:
        if cookie == attempt.cookie or not 1 <= len(cookie) <= LONGEST_COOKIE or attempt.turns >= MOST_COOKIES:
            raise Misplaced("a cookie that this attempt has no use for")
    elif tickets.refused(chain) or chain.errors:
        raise Hinted(TicketRefused(f"{session.path.remote.address} wants a login"))
    else:
        _nonce(chain)
        if message.header.responder == NO_SPI:
            raise Misplaced("an answer without an SPI of the responder")


def _cookie(chain: Chain) -> bytes | None:
    return next((each.data for each in chain.all(Notification) if each.type == NotifyType.COOKIE), None)


def auth_initiator(session: V2Session) -> Story[Pair]:
    """Ends with the first SA pair: both ends have shown that they had the keys of the ticket."""
    known = session.resumption
    if known is None:
        raise Misplaced("there is no ticket")
    state, offered = known.state, (yield from opening.offer(session))
    mine = Identification.of(state.initiator, initiator=True)
    notes = (Notification(NotifyType.MOBIKE_SUPPORTED),) if session.terms.mobike else ()
    contact = (Notification(NotifyType.INITIAL_CONTACT),) if session.remote.initial_contact else ()
    proof = _proof(session, mine, ours=True)
    message = yield from request(AUTH, mine, proof, *offered.payloads(session), *contact, *notes, *asked(session))
    chain = message.chain
    if chain.first(Authentication) is None:
        raise PolicyRefusal(_refused(session, chain))
    peer = Peer.of(session, chain)
    if peer.identity != state.responder:
        raise PeerFault(OtherTicketKey(session.path.remote.address), _FAILED)
    _demand_proof(session, Identification.of(peer.identity, initiator=False), chain)
    proofs.tell(session, peer, f"it has the keys of the ticket of {identities.text(peer.identity)}")
    admitting.settle(session, peer.identity, Proving.CERTIFICATE)
    redirects.demand_stay(session, chain, proved=True)
    session.context.tell(CameBack(session.id, session.path))
    ppk.settle(session)
    granting.heard(session, chain)
    yield from keep(session, chain, peer.identity, state.initiator)
    return (yield from opening.take(session, offered, chain))


def _refused(session: V2Session, chain: Chain) -> TicketRefused:
    """Nobody else has the keys under which that came: its words may be told."""
    note = next((each.data for each in chain.all(Notification) if each.type == NotifyType.LOTOR_REASON), b"")
    said = clean(note.partition(b"\0")[2])
    return TicketRefused(f"{session.path.remote.address} wants a login{f' ({said})' if said else ''}")
