"""An SA pair of IKEv2 from what both ends agreed on: which `sainfo` it is for, its keys, and how it is taken up."""

from __future__ import annotations

from ipaddress import IPv4Address

from lotor.ike import insides
from lotor.ike.children import Pair
from lotor.ike.errors import LocalFault, PolicyRefusal
from lotor.ike.events import ChildUp, Up
from lotor.ike.questions import Install, ReserveSpi
from lotor.ike.v2 import selectors
from lotor.ike.v2.choose_esp import Wishes
from lotor.ike.v2.keys import ChildKeys
from lotor.ike.v2.selectors import EVERYWHERE, Networks
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Story, ask
from lotor.model.algorithms import SHORT_BLOCK_VOLUME, SHORT_BLOCKS, EspSuite, Group
from lotor.model.child import Child, Encapsulation, Informed, Lifetime
from lotor.model.frozen import frozen
from lotor.model.network import Address, Instant, Network
from lotor.model.policy import ChildPolicy, ChildRule
from lotor.model.reasons.proofs import SelectorsUnacceptable
from lotor.wire import dhcp
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import TrafficSelectors
from lotor.wire.v2.proposals import EspChoice

SOFT_LIFETIME = 0.8
"""The part of a lifetime after which the end that began an SA pair rekeys it."""

LATE_SOFT_LIFETIME = 0.9
"""The part after which the other end does, if that did not."""

MOST_OCTETS = 1 << 63
"""Engines count in 64 bits, but a configuration may name any number."""

FIRST = 1
"""The message id in a `Pair` of IKE_AUTH; that of CREATE_CHILD_SA is always greater."""


# --- which networks, and by which rule -------------------------------------------------------------------------------


@frozen
class Permitted:
    """What this end lets an SA pair carry, and the `sainfo` that says how."""

    policy: ChildPolicy
    networks: Networks


@frozen
class Asked:
    """The selectors of a peer's request, as seen from here."""

    local: TrafficSelectors
    remote: TrafficSelectors

    def __str__(self) -> str:
        return f"{selectors.told(self.local)} and {selectors.told(self.remote)}"


def permitted(session: V2Session, asked: Asked, own: Networks) -> Permitted:
    """The first `sainfo` that has anything in common with what the peer asks for. `own`: what this end has to give, and
    what the peer has. Raises `PolicyRefusal` where nothing is left."""
    theirs = theirs_known(session, asked.remote)
    for rule in _rules(session):
        local = selectors.narrowed(asked.local, _allowed(own.local, rule.local))
        remote = selectors.narrowed(theirs, _allowed(own.remote, rule.remote))
        found = Networks(local, remote).of_both()
        if found:
            return Permitted(rule.child, found)
    raise PolicyRefusal(SelectorsUnacceptable(str(asked), str(own)), NotifyType.TS_UNACCEPTABLE)


def theirs_known(session: V2Session, theirs: TrafficSelectors) -> TrafficSelectors:
    """A peer's selectors for its own end, with the addresses that this gateway gave it in place of "my address"."""
    given = session.inner.configuration if session.gateway else None
    return theirs if given is None else selectors.known(theirs, given.addresses)


def policy_for(session: V2Session, networks: Networks) -> ChildPolicy:
    """For what this end begins: the first `sainfo` for a part of these networks, else the one for everything."""
    for rule in _rules(session):
        if _allowed(networks.local, rule.local) and _allowed(networks.remote, rule.remote):
            return rule.child
    return session.context.policy.child


def _rules(session: V2Session) -> tuple[ChildRule, ...]:
    rules = session.remote.children or (ChildRule(session.context.policy.child),)
    return tuple(rule for rule in rules if not rule.group or rule.group in insides.groups(session))


def _allowed(own: tuple[Network, ...], of_rule: Network | None) -> tuple[Network, ...]:
    """What both have."""
    if of_rule is None:
        return own
    return selectors.narrowed(selectors.payload((of_rule,), initiator=True), own)


def everything(session: V2Session) -> tuple[Network, ...]:
    """What a gateway lets its clients reach: the networks of a split tunnel, else all. A client that takes no routes
    from traffic selectors must get all."""
    given = session.inner.configuration
    if given is None or session.abilities.unrouted:
        return EVERYWHERE
    four: tuple[Network, ...] = given.split_include or EVERYWHERE[:1]
    return (*four, *(given.split_include6 or EVERYWHERE[1:]))


def addresses(session: V2Session, here: Address) -> tuple[Network, ...]:
    """The client's inner addresses: those it was given, else the one it has, `here`."""
    given = session.inner.configuration
    return selectors.hosts(given.addresses if given is not None else (here,))


# --- the pair itself -------------------------------------------------------------------------------------------------


@frozen
class Agreed:
    """What both ends agreed on. `choice` has the peer's SPI. `initiated`: this end began the exchange. `exchange`: its
    message id. `replaces`: the pair that this one succeeds."""

    choice: EspChoice
    spi_in: int
    keys: ChildKeys
    permitted: Permitted
    initiated: bool
    exchange: int = FIRST
    replaces: Pair | None = None

    @property
    def group(self) -> Group | None:
        return self.choice.group


def reserve_spi(session: V2Session) -> Story[int]:
    return (yield from ask(ReserveSpi(session.id)))


def wishes(session: V2Session, policy: ChildPolicy) -> Wishes:
    """What the pair of IKE_AUTH may have."""
    return Wishes(policy.suites, esn=numbers(session), first=True)


def numbers(session: V2Session) -> tuple[bool, ...]:
    """Extended sequence numbers before short ones, or short ones alone."""
    return (True, False) if session.terms.esn else (False,)


def make(session: V2Session, agreed: Agreed) -> Child:
    spi_out = int.from_bytes(agreed.choice.spi, "big")
    policy, networks, keys = agreed.permitted.policy, agreed.permitted.networks, agreed.keys
    old = agreed.replaces
    return Child(
        id=session.context.child_id(),
        session=session.id,
        path=session.carried,
        encapsulation=Encapsulation.along(session.carried),
        suite=agreed.choice.suite,
        inbound=keys.direction(agreed.spi_in, initiator=not agreed.initiated),
        outbound=keys.direction(spi_out, initiator=agreed.initiated),
        local_networks=networks.local,
        remote_networks=networks.remote,
        lifetime=_lifetime(policy, agreed.choice.suite, initiated=agreed.initiated),
        esp_frag=session.remote.esp_frag,
        replaces=old.child.id if old is not None else None,
        sending=old is None,
        rate=_rate(session, policy),
        esn=agreed.choice.esn,
        informed=_informed(session),
    )


def _informed(session: V2Session) -> Informed | None:
    """For a client that takes routes by DHCP alone, where not everything goes through the tunnel."""
    given, here = session.inner.configuration, session.path.local.address
    if given is None or not (session.gateway and session.abilities.unrouted and given.informs) or given.is_full:
        return None
    server = here if isinstance(here, IPv4Address) else dhcp.NOBODY
    return Informed(given.address, server, dhcp.told(given))


def _lifetime(policy: ChildPolicy, suite: EspSuite, *, initiated: bool) -> Lifetime:
    """Each end keeps its own (RFC 7296 §2.8)."""
    part = SOFT_LIFETIME if initiated else LATE_SOFT_LIFETIME
    limits = (policy.volume, SHORT_BLOCK_VOLUME if suite.cipher in SHORT_BLOCKS else None)
    kilobytes = min((each for each in limits if each is not None), default=None)
    octets = min(kilobytes * 1024, MOST_OCTETS) if kilobytes else None
    soft_octets = int(octets * part) if octets else None
    return Lifetime(policy.lifetime * part, float(policy.lifetime), soft_octets, octets)


def _rate(session: V2Session, policy: ChildPolicy) -> int | None:
    """That of the block or that of the login, whichever is lower."""
    limits = (policy.rate, session.grants.rate)
    return min((each for each in limits if each is not None), default=None)


def install(session: V2Session, agreed: Agreed) -> Story[Pair]:
    """The pair, in the engine and in the session. It receives from now on; it sends as well, unless it replaces one.
    Raises `LocalFault` where the engine cannot."""
    child = make(session, agreed)
    failure = yield from ask(Install(child))
    if failure is not None:
        raise LocalFault(failure.reason, NotifyType.NO_PROPOSAL_CHOSEN)
    old = agreed.replaces
    pair = Pair(child, agreed.initiated, agreed.exchange, agreed.group, waits=old is not None)
    pair.theirs = old.theirs if old is not None else not agreed.initiated
    _take_up(session, pair)
    return pair


def _take_up(session: V2Session, pair: Pair) -> None:
    """If the peer moved while the engine installed the pair, the pair is moved, too."""
    session.children.add(session, pair)
    session.carry()


def up(session: V2Session, pair: Pair, now: Instant) -> None:
    """The exchange that made the pair is done: it is told of, and with the first one of a session the tunnel is up."""
    if session.life.over or pair.up or session.children.get(pair.child.id) is not pair:
        return
    first, session.risen = not (session.risen or session.renewed), True
    pair.up = True
    soft = pair.child.lifetime.soft_seconds
    rekey_at = now + soft if soft is not None else None
    session.context.tell(ChildUp(session.id, pair.child, pair.child.suite, pair.initiated, rekey_at))
    session.unlimit()
    session.refused = None
    if first:
        session.context.tell(Up(session.id, session.path, session.user))
