"""What follows the proof in IKE_AUTH, at either end: the client's address and the first SA pair (RFC 7296 §1.2).

Where one of them fails, the IKE SA stays: the peer is told by a notification beside AUTH.
"""

from __future__ import annotations

from functools import partial

from lotor.ike import insides
from lotor.ike.children import Pair, Selectors
from lotor.ike.errors import LocalFault, PeerFault, PolicyRefusal, Refusal
from lotor.ike.events import Dropped, GrantUnkept, PathChanged, Readdressed
from lotor.ike.gates import Gate
from lotor.ike.questions import AcquireConfiguration, AdmitConfiguration
from lotor.ike.session import Session, Voice
from lotor.ike.v2 import admitting, child, choose_esp, configuration, create_child, keys, redirects, selectors
from lotor.ike.v2.child import Agreed, Asked, Permitted
from lotor.ike.v2.denied import Denied
from lotor.ike.v2.eap.talk import told
from lotor.ike.v2.eap.verdicts import OF_CHILD, words
from lotor.ike.v2.selectors import EVERYWHERE, Networks
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, ask
from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.judgement import Failure
from lotor.model.network import Address, Instant
from lotor.model.reason import Reason
from lotor.model.reasons.ends import InsideTaken
from lotor.model.reasons.local import SessionOver
from lotor.model.reasons.logins import NoAddressThere
from lotor.model.reasons.proofs import ChildRefused, PairProposalRefused, SelectorsNotAsked
from lotor.model.reasons.protocol import InsideInUse, NoAddressAsked, UnusableConfiguration
from lotor.wire.errors import Malformed
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Configuration, Notification

# --- the gateway -----------------------------------------------------------------------------------------------------


@frozen
class Wish:
    """What the first request asks for beside the proof. `sa` None: no SA pair yet (RFC 6023)."""

    configuration: Configuration | None
    sa: SecurityAssociation | None
    asked: Asked | None

    @classmethod
    def of(cls, chain: Chain) -> Wish:
        """`Malformed`: proposals without traffic selectors."""
        sa = chain.first(SecurityAssociation)
        if sa is None:
            return cls(chain.first(Configuration), None, None)
        here, there = selectors.of(chain, initiator=False), selectors.of(chain, initiator=True)
        return cls(chain.first(Configuration), sa, Asked(here, there))


def answer(session: V2Session, wish: Wish) -> Story[Payloads]:
    """The payloads behind the gateway's AUTH. A refusal of the address or of the SA pair is one of them."""
    asked = wish.configuration
    session.abilities.unrouted = asked is not None and configuration.routes_by_itself(asked)
    try:
        given = yield from _address(session, wish)
    except Denied:
        raise
    except Refusal as refusal:
        return _refused(session, "request for an address", refusal)
    try:
        return (*given, *(yield from _pair(session, wish)))
    except Refusal as refusal:
        return (*given, *_refused(session, "request for an SA pair", refusal))


def _refused(session: V2Session, what: str, refusal: Refusal) -> Payloads:
    """The IKE SA stays for a while; a client that asks for nothing better is ended for this reason."""
    session.refused = refusal.reason
    session.context.tell(Dropped(session.id, session.path, what, refusal.reason))
    notify = refusal.notify if refusal.notify in OF_CHILD else NotifyType.NO_PROPOSAL_CHOSEN
    return (Notification(int(notify or NotifyType.NO_PROPOSAL_CHOSEN)), *told(refusal.reason))


def _address(session: V2Session, wish: Wish) -> Story[Payloads]:
    """CP. An address of the pool for a client whose login or proof was accepted, and for nobody else."""
    asked = wish.configuration
    if not configuration.asks_for_address(asked) or asked is None:
        if session.gates.next() is Gate.ADDRESS:
            raise PolicyRefusal(NoAddressAsked(), NotifyType.FAILED_CP_REQUIRED)
        return ()
    if session.gates.next() is Gate.ADDRESS:
        yield from _acquire(session, asked)
    session.gates.demand(Gate.ADDRESS, "an address")
    given = session.inner.configuration
    return (configuration.reply(given, asked),) if given is not None else ()


def _acquire(session: V2Session, asked: Configuration) -> Story[None]:
    session.gates.demand(Gate.LOGIN, "an address")
    given = yield from ask(AcquireConfiguration(session.id, session.user, session.grants))
    if isinstance(given, Failure):
        redirects.demand_room(session, given.reason)
        raise LocalFault(given.reason, NotifyType.INTERNAL_ADDRESS_FAILURE)
    insides.give(session, configuration.granted(given, asked))
    for reason in given.unkept:
        session.context.tell(GrantUnkept(session.id, session.user, reason))
    admitting.passed(session, Gate.ADDRESS)
    insides.tell(session, session.inner.configuration or given)


def _pair(session: V2Session, wish: Wish) -> Story[Payloads]:
    if wish.sa is None or wish.asked is None:
        return ()
    session.gates.demand(Gate.ADDRESS, "an SA pair")
    own = Networks(child.everything(session), child.addresses(session, _brought(session)))
    found = child.permitted(session, wish.asked, own)
    yield from _take(session, found.networks)
    chosen = choose_esp.chosen(child.wishes(session, found.policy), wish.sa)
    spi = yield from child.reserve_spi(session)
    made = keys.of_first_child(session.ike_sa, chosen.choice.suite)
    old = session.children.current(Selectors(found.networks.local[0], found.networks.remote[0]))
    yield from child.install(session, Agreed(chosen.choice, spi, made, found, initiated=False, replaces=old))
    return (
        chosen.answer(spi.to_bytes(4, "big")),
        selectors.payload(found.networks.remote, initiator=True),
        selectors.payload(found.networks.local, initiator=False),
    )


def _brought(session: V2Session) -> Address:
    """The inner address of a peer that was given none: its own as it names it, which a NAT may have hidden."""
    named = session.proved.identity.address if session.proved is not None else None
    return named if named is not None else session.path.remote.address


def _take(session: V2Session, networks: Networks) -> Story[None]:
    """A peer that brings its own inner network gets it, unless another session has it. A session whose peer has gone
    makes room. Raises `PolicyRefusal`."""
    if session.inner.configuration is not None:
        return
    inside = networks.remote[0]
    holder = session.registry.holder(session, inside)
    if holder is not None and insides.may_have_gone(holder, session) and (yield from admitting.dead(holder)):
        session.registry.replace((holder,), InsideTaken(session.user, str(session.path.remote)))
        holder = session.registry.holder(session, inside)
    if holder is not None:
        raise _in_use(networks, holder)
    session.inner.brought = inside
    session.registry.housed(session)


def _in_use(networks: Networks, holder: Session) -> PolicyRefusal:
    given = holder.inner.configuration is not None
    reason = InsideInUse(networks.remote[0].network_address, given, holder.user)
    return PolicyRefusal(reason, NotifyType.TS_UNACCEPTABLE)


# --- the client ------------------------------------------------------------------------------------------------------


OLD_LINGER_S = 0.25
"""Seconds that a client keeps the old IKE SA beside the new one: what it sent last by the old SA pairs arrives before
the delete, which ends them at some gateways at once."""


@frozen
class Offer:
    """What the client's first request asks for. `spi` is that of its first SA pair; None: it asks for one later (RFC
    6023)."""

    spi: int | None
    wanted: Networks
    permitted: Permitted

    def payloads(self, session: V2Session) -> Payloads:
        asked = (configuration.request(ipv6=session.remote.mode_cfg6),) if session.remote.mode_cfg else ()
        if self.spi is None:
            return asked
        wishes = child.wishes(session, self.permitted.policy)
        return (
            *asked,
            wishes.offer(self.spi.to_bytes(4, "big")),
            selectors.payload(self.wanted.local, initiator=True),
            selectors.payload(self.wanted.remote, initiator=False),
        )


def offer(session: V2Session) -> Story[Offer]:
    """A client that asks for an address does not know it yet, and offers everything."""
    later = session.terms.childless and session.abilities.childless
    spi = None if later else (yield from child.reserve_spi(session))
    local = EVERYWHERE if session.remote.mode_cfg else selectors.hosts((session.path.local.address,))
    wanted = Networks(local, EVERYWHERE if session.remote.mode_cfg6 else EVERYWHERE[:1]).of_both()
    return Offer(spi, wanted, Permitted(child.policy_for(session, wanted), wanted))


def take(session: V2Session, offered: Offer, chain: Chain) -> Story[Pair]:
    """The address and the first SA pair of the gateway's last answer. A client without one of them has nothing, and
    raises the refusal that ends its session."""
    error = _error(chain)
    if error is not None:
        raise PolicyRefusal(words(session, chain) or _refusal(session, offered, error))
    given = _given(session, chain) if session.gates.next() is Gate.ADDRESS else None
    if offered.spi is None:
        return (yield from _later(session, offered, given))
    yield from _admit(session, offered, given, chain)
    choice = choose_esp.accepted(child.wishes(session, offered.permitted.policy), chain.only(SecurityAssociation))
    networks = _answered(session, offered, chain)
    made = keys.of_first_child(session.ike_sa, choice.suite)
    permitted = Permitted(offered.permitted.policy, networks)
    old = session.children.current(Selectors(networks.local[0], networks.remote[0]))
    agreed = Agreed(choice, offered.spi, made, permitted, initiated=True, replaces=old)
    return (yield from child.install(session, agreed))


def _later(session: V2Session, offered: Offer, given: ModeConfiguration | None) -> Story[Pair]:
    """The first SA pair by an exchange of its own, for the addresses that the gateway gave. The host accepts them when
    the gateway has said where they lead: a client is never up without a pair."""
    own = given.addresses if given is not None else (session.path.local.address,)
    wanted = Networks(selectors.hosts(own), offered.wanted.remote).of_both()
    admit = partial(_admit, session, offered, given)
    return (yield from create_child.initiator(session, wanted, None, admit))


def _error(chain: Chain) -> int | None:
    """The one that stands in the place of an SA pair."""
    return next((each.type for each in chain.all(Notification) if each.type in OF_CHILD), None)


def _refusal(session: V2Session, offered: Offer, error: int) -> Reason:
    gateway = session.path.remote.address
    if error == NotifyType.NO_PROPOSAL_CHOSEN:
        wishes = child.wishes(session, offered.permitted.policy)
        return PairProposalRefused(gateway, ", ".join(wishes.texts()))
    if error == NotifyType.INTERNAL_ADDRESS_FAILURE:
        return NoAddressThere(gateway, "it has no address to give")
    return ChildRefused(gateway, NotifyType(error).name)


def _given(session: V2Session, chain: Chain) -> ModeConfiguration:
    """What the gateway gave, as far as it was asked for."""
    try:
        given = configuration.read(chain.only(Configuration))
    except Malformed as fault:
        raise PeerFault(UnusableConfiguration(session.path.remote.address, str(fault)), None) from None
    return given if session.remote.mode_cfg6 else given.without_ipv6()


def _admit(session: V2Session, offered: Offer, given: ModeConfiguration | None, chain: Chain) -> Story[None]:
    """The host accepts what the gateway gave, before there is an SA pair; else the session ends. `chain` has the
    selectors of the pair."""
    if given is None:
        _take_up(session, None)
        return
    there = selectors.of(chain, initiator=False)
    given = configuration.routed(given, selectors.narrowed(there, offered.wanted.remote))
    number = session.id if session.renews is None else session.renews
    failure = yield from ask(AdmitConfiguration(number, session.path, given))
    if failure is not None:
        raise LocalFault(failure.reason)
    _take_up(session, given)


def _take_up(session: V2Session, given: ModeConfiguration | None) -> None:
    """The session is up, or goes on in the place of the one that it renews."""
    before = _succeed(session) if session.renews is not None else None
    if given is None:
        return
    admitting.passed(session, Gate.ADDRESS)
    session.inner.configuration = given
    if before is not None and before.inside != given.inside:
        session.context.tell(Readdressed(session.id, before.inside, given.inside))
    if before is None or before.inside != given.inside:
        insides.tell(session, given)


def _succeed(session: V2Session) -> ModeConfiguration | None:
    """Takes the old session over, and deletes its IKE SA; returns its configuration. SA pairs go on for a moment."""
    old, attempt = session.registry.predecessor(session), session.id
    if old is None:
        raise PolicyRefusal(SessionOver())
    before, voice = old.inner.configuration, old.life.voice
    elsewhere, way = old.path.remote.address != session.path.remote.address, old.path
    session.registry.take_over(session, old)
    admitting.tell_renewed(session, attempt)
    if elsewhere:  # the old pairs still go where they went
        session.context.tell(PathChanged(session.id, way, session.path, ()))
    if voice is not None:
        session.context.timers.set(0.0, "old IKE SA", partial(_delete_old, session, voice))
    return before


def _delete_old(session: V2Session, voice: Voice, now: Instant) -> None:
    session.context.timers.set(now + OLD_LINGER_S, "old IKE SA", lambda _: voice.delete_ike_sa())


def _answered(session: V2Session, offered: Offer, chain: Chain) -> Networks:
    """What the gateway narrowed the selectors to, as far as it is ours. `PeerFault` where nothing is left."""
    here, there = selectors.of(chain, initiator=True), selectors.of(chain, initiator=False)
    own = child.addresses(session, session.path.local.address)
    found = Networks(selectors.narrowed(here, own), selectors.narrowed(there, offered.wanted.remote)).of_both()
    if not found:
        answered = f"{selectors.told(here)} and {selectors.told(there)}"
        raise PeerFault(SelectorsNotAsked(session.path.remote.address, answered), None)
    return found
