"""IKE_SA_INIT, in both roles: algorithms, key exchange and nonces, NAT detection, what each end can (RFC 7296 §1.2).

Nothing protects it. A refusal may be forged and ends nothing at once, and what a response brings is looked at before it
counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from lotor.crypto.groups import check_public
from lotor.ike.errors import Misplaced, PeerFault, Refusal
from lotor.ike.questions import Agree
from lotor.ike.randomness import KeyPair
from lotor.ike.session import NO_SPI
from lotor.ike.v2 import announce, choose, keys, redirects, seal, trace, traversal
from lotor.ike.v2.message import Message
from lotor.ike.v2.sa import Abilities, IkeSa
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, ask, reply, request
from lotor.model.algorithms import Group, Ike2Suite
from lotor.model.frozen import frozen
from lotor.model.judgement import Failure
from lotor.model.policy import Ppk, Switch
from lotor.model.reason import Reason
from lotor.model.reasons.proofs import PpkNotUsed, ProvedOnceThere
from lotor.model.reasons.proposals import ProposalRefused
from lotor.model.reasons.protocol import BrokenExchange, RefusedByGateway, UnusablePublic
from lotor.wire.errors import Malformed
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import ExchangeType, NotifyType, error_name
from lotor.wire.v2.payloads import KeyExchange, Nonce, Notification, Payload
from lotor.wire.v2.proposals import chosen_ike, ike_proposals

NONCE_OCTETS = 32
"""Half the key of every PRF at least (RFC 7296 §2.10)."""
LEAST_NONCE, MOST_NONCE = 16, 256
LONGEST_COOKIE = 64

MOST_TURNS = 5
"""Times that IKE_SA_INIT begins anew, with a cookie or another group. Responders have a reason for two or three."""

INIT = ExchangeType.IKE_SA_INIT


class Hinted(Misplaced):
    """A refusal in clear, which proves nothing: the true answer may still come."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"a refusal that nothing proves: {reason}")
        self.reason = reason


@frozen
class Values:
    """What one end sends for the keys."""

    group: int
    public: bytes
    nonce: bytes

    @classmethod
    def of(cls, chain: Chain) -> Values:
        """`Malformed` where something of it is missing, or the nonce has no length that it may have."""
        exchange, nonce = chain.only(KeyExchange), chain.only(Nonce).data
        if not LEAST_NONCE <= len(nonce) <= MOST_NONCE:
            raise Malformed(f"a nonce of {len(nonce)} octets")
        return cls(exchange.group, exchange.data, nonce)


# --- responder -------------------------------------------------------------------------------------------------------


def responder(session: V2Session, message: Message) -> Story[Payloads]:
    """Ends when the SA has keys. A peer whose KE is of another group than the proposal that is chosen is told which
    one is wanted."""
    trace.offered(session, [each.value for each in message.chain.payloads])
    redirects.demand_welcome(session, message.chain)
    for _ in range(MOST_TURNS):
        theirs = Values.of(message.chain)
        able = announce.theirs(session, message.chain).intermediate
        offered = choose.Offered(message.chain.only(SecurityAssociation), theirs.group, able)
        chosen = choose.for_stranger(session.candidates, offered)
        if chosen.suite.group == theirs.group:
            break
        wanted = chosen.suite.group.to_bytes(2, "big")
        message = yield from reply(Notification(NotifyType.INVALID_KE_PAYLOAD, wanted))
    else:
        raise PeerFault(BrokenExchange(INIT.name, "another group than the wanted one again and again"), None)
    session.remote, session.candidates = chosen.remotes[0], chosen.remotes
    trace.chosen(session, chosen.suite)
    return (yield from _accept(session, message, chosen, theirs))


def _accept(session: V2Session, message: Message, chosen: choose.Choice, theirs: Values) -> Story[Payloads]:
    suite, switch = chosen.suite, session.remote.nat_traversal
    demand_public(session, suite.group, theirs.public)
    abilities = announce.theirs(session, message.chain)
    pair, nonce = session.context.randomness.key_pair(suite.group), session.context.randomness.nonce(NONCE_OCTETS)
    shared = yield from agree(session, pair, theirs.public)
    here, there = traversal.found(message.header, message.chain, message.path, switch)
    abilities.translated_here, abilities.translated_there = here, there
    speaks = traversal.speaks(message.chain)
    payloads: tuple[Payload, ...] = (
        SecurityAssociation((chosen.proposal,)),
        KeyExchange(suite.group, pair.public),
        Nonce(nonce),
        *traversal.shown(session.spis, message.path, switch if speaks else Switch.OFF),
        *announce.ours(session, intermediate=bool(suite.more)),
        *announce.of_responder(session, abilities),
    )
    header = replace(session.header(INIT, 0, response=True), responder=session.spis.responder)
    signed = (message.octets, seal.clear(header, payloads))
    session.abilities = abilities
    session.use(_sa(session, suite, (theirs.nonce, nonce), shared, signed))
    return payloads


# --- initiator -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Attempt:
    """What the next request is made of. `nonce` stays; `cookie` is what the responder gave. `turns`: requests so
    far."""

    suites: tuple[Ike2Suite, ...]
    group: Group
    pair: KeyPair
    nonce: bytes
    cookie: bytes = b""
    turns: int = 1

    def payloads(self, session: V2Session) -> Payloads:
        """A cookie comes first, and everything else is the same again (RFC 7296 §2.6)."""
        spis = traversal.in_request(session.spis)
        return (
            *((Notification(NotifyType.COOKIE, self.cookie),) if self.cookie else ()),
            ike_proposals(self.suites),
            KeyExchange(self.group, self.pair.public),
            Nonce(self.nonce),
            *traversal.shown(spis, session.path, session.remote.nat_traversal),
            *announce.ours(session, intermediate=any(suite.more for suite in self.suites)),
            *announce.of_initiator(session),
            *announce.of_client(session),
        )


def initiator(session: V2Session) -> Story[None]:
    """Ends when the SA has keys, and the path is the one for what follows."""
    randomness, suites = session.context.randomness, session.terms.proposals
    group = suites[0].group
    attempt = Attempt(suites, group, randomness.key_pair(group), randomness.nonce(NONCE_OCTETS))
    trace.offered(session, attempt.payloads(session))
    while True:
        payloads = attempt.payloads(session)
        response = yield from request(INIT, *payloads, check=partial(_check, session, attempt))
        redirects.demand_stay(session, response.chain, proved=False)
        if not _begin_anew(session, attempt, response.chain):
            break
    sent = seal.clear(session.header(INIT, 0), payloads)
    yield from _take(session, attempt, response, sent)


def _begin_anew(session: V2Session, attempt: Attempt, chain: Chain) -> bool:
    """Whether the responder asks for another request, which is prepared."""
    cookie, group = _cookie(chain), _wanted_group(chain)
    if cookie is not None:
        attempt.cookie = cookie
    elif group is not None:
        attempt.group = Group(group)
        attempt.pair = session.context.randomness.key_pair(attempt.group)
    else:
        return False
    attempt.turns += 1
    return True


def _check(session: V2Session, attempt: Attempt, message: Message) -> None:
    """Whether a response counts. What anybody could have made up to end or to slow the attempt does not."""
    chain = message.chain
    cookie, group = _cookie(chain), _wanted_group(chain)
    if redirects.wanted(session, chain, attempt.nonce):
        return
    if cookie is not None:
        _demand_new(attempt, "a cookie", fits=cookie != attempt.cookie and 1 <= len(cookie) <= LONGEST_COOKIE)
    elif group is not None:
        offered = {suite.group for suite in attempt.suites}
        _demand_new(attempt, f"a wish for group {group}", fits=group in offered and group != attempt.group)
    else:
        _demand_no_refusal(session, attempt, chain)
        _demand_answer(session, attempt, message)


def _demand_new(attempt: Attempt, what: str, *, fits: bool) -> None:
    """A wish for another request, which proves nothing: too many end the attempt as a refusal does."""
    if not fits:
        raise Misplaced(f"{what} that this attempt has no use for")
    if attempt.turns >= MOST_TURNS:
        raise Hinted(BrokenExchange(INIT.name, "cookies and other groups again and again"))


def _demand_no_refusal(session: V2Session, attempt: Attempt, chain: Chain) -> None:
    if not chain.errors:
        return
    error = chain.errors[0].type
    gateway, offered = session.path.remote.address, ", ".join(map(str, attempt.suites))
    if error == NotifyType.NO_PROPOSAL_CHOSEN:
        raise Hinted(ProposalRefused(gateway, offered))
    raise Hinted(RefusedByGateway(gateway, error_name(error), offered))


def _demand_answer(session: V2Session, attempt: Attempt, message: Message) -> None:
    """A response that agrees on keys."""
    theirs, suite = Values.of(message.chain), _suite(message.chain)
    if suite not in attempt.suites or suite.group != attempt.group or theirs.group != attempt.group:
        raise Misplaced(f"{suite} was not offered with a key exchange of {attempt.group.name.lower()}")
    if message.header.responder == NO_SPI:
        raise Misplaced("an answer without an SPI of the responder")
    try:
        check_public(suite.group, theirs.public)
    except ValueError as fault:
        raise Malformed(str(fault)) from None
    if suite.more and not announce.theirs(session, message.chain).intermediate:
        raise Malformed("additional key exchanges were chosen, but no IKE_INTERMEDIATE")
    _demand_able(session, announce.theirs(session, message.chain))


def _demand_able(session: V2Session, peer: Abilities) -> None:
    """A gateway must have what this end cannot go without; but anybody could have taken that out of the answer."""
    if session.terms.ppk is Ppk.REQUIRED and not peer.ppk:
        raise Hinted(PpkNotUsed(session.path.remote.address, session.remote.name))
    if session.terms.local.twice and not peer.twice:
        raise Hinted(ProvedOnceThere(session.path.remote.address, session.terms.local.value))


def _suite(chain: Chain) -> Ike2Suite:
    proposals = chain.only(SecurityAssociation).proposals
    if len(proposals) != 1:
        raise Malformed(f"{len(proposals)} proposals chosen")
    return chosen_ike(proposals[0])


def _cookie(chain: Chain) -> bytes | None:
    return next((each.data for each in chain.all(Notification) if each.type == NotifyType.COOKIE), None)


def _wanted_group(chain: Chain) -> int | None:
    notes = [each.data for each in chain.all(Notification) if each.type == NotifyType.INVALID_KE_PAYLOAD]
    return int.from_bytes(notes[0], "big") if notes and len(notes[0]) == 2 else None


def _take(session: V2Session, attempt: Attempt, response: Message, sent: bytes) -> Story[None]:
    chain, switch = response.chain, session.remote.nat_traversal
    theirs, suite = Values.of(chain), _suite(chain)
    shared = yield from agree(session, attempt.pair, theirs.public)
    session.learn(response.header)
    session.abilities = announce.theirs(session, chain)
    here, there = traversal.found(response.header, chain, response.path, switch)
    session.abilities.translated_here, session.abilities.translated_there = here, there
    session.use(_sa(session, suite, (attempt.nonce, theirs.nonce), shared, (sent, response.octets)))
    trace.chosen(session, suite, chain)
    if here or there or (session.terms.mobike and traversal.speaks(chain) and switch is not Switch.OFF):
        session.path = traversal.floated(session.path)


# --- both ------------------------------------------------------------------------------------------------------------


def agree(session: V2Session, pair: KeyPair, public: bytes) -> Story[bytes]:
    """g^ir. `PeerFault` for a public value that is none of the group."""
    answer = yield from ask(Agree(pair, public))
    if isinstance(answer, Failure):
        raise _unusable(session, answer.reason.text)
    return answer.reveal()


def exchanged(chain: Chain, group: Group) -> bytes:
    """The public value of an additional key exchange, or the ciphertext that answers one of a KEM. `Malformed`."""
    sent = chain.only(KeyExchange)
    if sent.group != group:
        raise Malformed(f"a key exchange of group {sent.group}, where {group.name.lower()} is due")
    return sent.data


def demand_public(session: V2Session, group: Group, public: bytes) -> None:
    """Before a key pair of this end is made for it. `PeerFault` for a public value that is none of the group."""
    try:
        check_public(group, public)
    except ValueError as fault:
        raise _unusable(session, str(fault)) from None


def _unusable(session: V2Session, why: str) -> Refusal:
    return PeerFault(UnusablePublic(str(session.path.remote), why), int(NotifyType.INVALID_SYNTAX))


def _sa(
    session: V2Session, suite: Ike2Suite, nonces: tuple[bytes, bytes], shared: bytes, signed: tuple[bytes, bytes]
) -> IkeSa:
    """`signed`: the datagrams that AUTH covers, of initiator and responder."""
    (ni, nr), spis = nonces, session.spis
    made = keys.first(suite, keys.Parts(ni, nr, spis.initiator, spis.responder, shared))
    return IkeSa(suite, made, ni, nr, *signed)
