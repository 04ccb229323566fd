"""Quick mode (RFC 2409 §5.5): an SA pair under the keys of phase 1, with fresh nonces and, for PFS, fresh key pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lotor.crypto import ciphers, hashes
from lotor.ike.children import Pair, Selectors
from lotor.ike.errors import LocalFault, PeerFault
from lotor.ike.events import PathChanged, Remark
from lotor.ike.questions import Install, ReserveSpi
from lotor.ike.randomness import KeyPair
from lotor.ike.v1 import bundles, child_rekey, choose, insides, lifetimes, modecfg, phase1, sainfo, selectors
from lotor.ike.v1.keymat import QuickMaterial, demand_strength, keymat
from lotor.ike.v1.ladder import Ladder, Rung
from lotor.ike.v1.session import V1Session
from lotor.ike.v1.story import Story, ask, expect, send
from lotor.model.algorithms import EspSuite, Group
from lotor.model.child import Child, DirectionKeys, Encapsulation, IpComp, Lifetime
from lotor.model.frozen import frozen
from lotor.model.policy import ChildPolicy
from lotor.model.reasons.protocol import NoKeyExchange
from lotor.model.secret import Secret
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import EncapsulationMode, LifeType, NotifyType, Protocol
from lotor.wire.v1.numbers import PayloadType as P
from lotor.wire.v1.payloads import Identification, KeyExchange, Nonce, Notification
from lotor.wire.v1.vendors import Vendor

_QUICK_MAY = (P.KEY_EXCHANGE, P.IDENTIFICATION, P.NAT_OA, P.NAT_OA_DRAFT)

QUICK = Ladder(
    "quick mode",
    (
        Rung(from_initiator=True, must=(P.HASH, P.SA, P.NONCE), may=_QUICK_MAY),
        Rung(from_initiator=False, must=(P.HASH, P.SA, P.NONCE), may=_QUICK_MAY),
        Rung(from_initiator=True, must=(P.HASH,)),
    ),
)

MOST_OCTETS = 1 << 63
"""Engines count in 64 bits, but a peer may name any number."""

SOFT_LIFETIME = 0.8
"""The part of a lifetime after which the initiator rekeys an SA pair, as racoon does."""

RESPONDER_SOFT_LIFETIME = 0.9
"""The part of a lifetime after which the responder rekeys it, if the initiator did not."""


@frozen
class Agreed:
    """What both sides agreed on, ready to become a `Child`. SPIs as octets; `cpi` is ours, None where none was
    needed."""

    chosen: choose.ChosenEsp
    spi_in: bytes
    spi_out: bytes
    material: QuickMaterial
    selectors: Selectors
    cpi: int | None = None


# --- initiator -------------------------------------------------------------------------------------------------------


def initiator(session: V1Session, message_id: int, wanted_selectors: Selectors, replaces: Pair | None) -> Story[Pair]:
    """Begins an SA pair: a client its first ones, either end with `replaces` the successor of that pair. The old SA
    keeps sending at first, because some responders are not yet ready to receive on the new one."""
    policy, randomness = _wishes(session, wanted_selectors, replaces), session.context.randomness
    spi = (yield from ask(ReserveSpi(session.id))).to_bytes(4, "big")
    cpi = _cpi(session) if policy.ipcomp and policy.compression else None
    dh = randomness.key_pair(policy.pfs_group) if policy.pfs_group is not None else None
    nonce = randomness.nonce(session.remote.nonce_size)
    keys = (KeyExchange(dh.public),) if dh is not None else ()
    ends = (selectors.identification(wanted_selectors.local), selectors.identification(wanted_selectors.remote))
    yield from send(bundles.offer(policy, _mode(session), spi, cpi), Nonce(nonce), *keys, *ends)
    answer = yield from expect()
    check = session.remote.proposal_check
    chosen = choose.esp_answer(check, policy, answer.only(SecurityAssociation), udp=_udp(session))
    _demand_public(session, chosen.group, answer)
    g_xy = yield from _agree(session, dh, answer)
    material = QuickMaterial(Protocol.ESP, nonce, answer.only(Nonce).data, g_xy)
    chosen, narrowed = _shorter(chosen, answer), selectors.narrowed(wanted_selectors, answer)
    agreed = Agreed(chosen, spi, chosen.offer.spi, material, narrowed, cpi)
    child = replace(_child(session, agreed, replaces, soft=SOFT_LIFETIME), sending=replaces is None)
    yield from _install(child)
    pair = Pair(child, initiated=True, exchange=message_id, group=chosen.group, waits=replaces is not None)
    pair.theirs = replaces is not None and replaces.theirs
    _take_up(session, pair)
    yield from send()
    return pair


def _wishes(session: V1Session, networks: Selectors, replaces: Pair | None) -> ChildPolicy:
    """The configured `sainfo`. Where it has no PFS group, the gateway's UNITY_PFS names it. A pair that the peer began
    is renewed with what the peer asked for then."""
    policy, given = sainfo.wanted(session, networks), session.inner.configuration
    if replaces is not None and (replaces.theirs or not replaces.initiated):
        seconds = replaces.child.lifetime.hard_seconds or policy.lifetime
        octets, limit = replaces.child.lifetime.hard_octets, choose.safe_volume(replaces.child.suite, None)
        return replace(
            policy,
            suites=(replaces.child.suite,),
            pfs_group=replaces.group,
            lifetime=int(seconds),
            ipcomp=replaces.child.compression is not None,
            volume=octets // 1024 if octets and octets // 1024 != limit else None,
        )
    told = given.pfs_group if given is not None else None
    if policy.pfs_group is None and told in set(Group):
        return replace(policy, pfs_group=Group(told))
    return policy


def _shorter(chosen: choose.ChosenEsp, answer: Chain) -> choose.ChosenEsp:
    """The agreed lifetime, cut to what the responder announced."""
    notes = answer.all(Notification)
    seconds = lifetimes.told_seconds(notes, Protocol.ESP, chosen.lifetime)
    return replace(chosen, lifetime=seconds, kilobytes=lifetimes.told_volume(notes, chosen.kilobytes))


# --- responder -------------------------------------------------------------------------------------------------------


def responder(session: V1Session, message_id: int, heard: Callable[[V1Session, Chain], None]) -> Story[Pair]:
    """Answers a peer's quick mode. `heard` is called with the first message before it counts. The new SA receives
    before the second message leaves. The first pair of a session also sends that early, since the client's first packet
    may overtake the third message. A pair that replaces another one sends a moment after the third message
    (`child_rekey`)."""
    message1 = yield from expect()
    heard(session, message1)
    modecfg.demand(session)
    wish = selectors.requested(session, message1)
    policy, check = sainfo.demanded(session, wish), session.remote.proposal_check
    yield from insides.take(session, wish)
    child_rekey.make_room(session, wish)
    choice = choose.esp_choice(check, policy, message1.only(SecurityAssociation), udp=_udp(session))
    chosen, randomness = _for_as_long_as_the_peer_can(session, choice), session.context.randomness
    _demand_public(session, chosen.group, message1)
    dh = randomness.key_pair(chosen.group) if chosen.group is not None else None
    g_xy = yield from _agree(session, dh, message1)
    spi = (yield from ask(ReserveSpi(session.id))).to_bytes(4, "big")
    cpi = _cpi(session) if chosen.offer.compressing else None
    nonce = randomness.nonce(session.remote.nonce_size)
    material = QuickMaterial(Protocol.ESP, message1.only(Nonce).data, nonce, g_xy)
    old = session.children.current(wish)
    agreed = Agreed(chosen, spi, chosen.offer.spi, material, wish, cpi)
    child = replace(_child(session, agreed, old, soft=_late(session)), sending=old is None)
    yield from _install(child)
    pair = Pair(child, initiated=False, exchange=message_id, group=chosen.group, waits=old is not None)
    pair.theirs = old is None or old.theirs
    _take_up(session, pair)
    keys = (KeyExchange(dh.public),) if dh is not None else ()
    yield from send(
        chosen.offer.answer(spi, cpi),
        Nonce(nonce),
        *keys,
        *message1.all(Identification),
        *_responder_lifetime(chosen, spi),
    )
    yield from expect()
    return pair


def _never_renews(session: V1Session) -> bool:
    """Whether the peer is vpnc: it never renews an SA pair, and after a new quick mode it goes on with the old keys."""
    return Vendor.CISCO_VPNC in session.isakmp_sa.vendors


def _for_as_long_as_the_peer_can(session: V1Session, chosen: choose.ChosenEsp) -> choose.ChosenEsp:
    """A peer that never renews keeps its pair as long as it offered. With our shorter lifetime its tunnel would fall
    silent."""
    if not _never_renews(session) or not (chosen.shortened or chosen.limited):
        return chosen
    text = f"vpnc does not renew SA pairs: this one lasts as long as the session, not {chosen.lifetime} s"
    session.context.tell(Remark(session.id, text))
    volume = choose.safe_volume(chosen.suite, chosen.offer.esp.lifetime_kilobytes)
    return replace(chosen, lifetime=chosen.offered, shortened=False, kilobytes=volume, limited=False)


def _late(session: V1Session) -> float | None:
    return None if _never_renews(session) else RESPONDER_SOFT_LIFETIME


def _responder_lifetime(chosen: choose.ChosenEsp, spi: bytes) -> tuple[Notification, ...]:
    life = {LifeType.SECONDS: chosen.lifetime} if chosen.shortened else {}
    if chosen.limited and chosen.kilobytes is not None:
        life[LifeType.KILOBYTES] = chosen.kilobytes
    return (lifetimes.note(Protocol.ESP, spi, life),) if life else ()


# --- both ------------------------------------------------------------------------------------------------------------


def _udp(session: V1Session) -> bool:
    """Whether ESP goes in UDP: it does on the ports of NAT traversal."""
    return session.path.floated


def _mode(session: V1Session) -> int:
    traversal = session.isakmp_sa.traversal
    if not _udp(session) or traversal is None:
        return EncapsulationMode.UDP_TUNNEL if _udp(session) else EncapsulationMode.TUNNEL
    return traversal.tunnel


def _cpi(session: V1Session) -> int:
    """A CPI that no pair of the session has: a kernel distinguishes the associations with a peer by nothing else."""
    taken = {pair.child.compression.cpi_in for pair in session.children if pair.child.compression}
    while (cpi := session.context.randomness.cpi()) in taken:
        pass
    return cpi


def _demand_public(session: V1Session, group: Group | None, chain: Chain) -> None:
    """With PFS: checks the peer's public value before a key pair is made for it."""
    if group is None:
        return
    if chain.first(KeyExchange) is None:
        raise PeerFault(NoKeyExchange(), NotifyType.NO_PROPOSAL_CHOSEN)
    phase1.demand_public(session, group, chain)


def _agree(session: V1Session, dh: KeyPair | None, chain: Chain) -> Story[bytes]:
    if dh is None:
        return b""
    return (yield from phase1.agree(session, dh, chain))


def _child(session: V1Session, agreed: Agreed, replaces: Pair | None, *, soft: float | None) -> Child:
    chosen = agreed.chosen
    return Child(
        id=session.context.child_id(),
        session=session.id,
        path=session.path,
        encapsulation=Encapsulation.along(session.path),
        suite=chosen.suite,
        inbound=_direction(session, agreed, agreed.spi_in),
        outbound=_direction(session, agreed, agreed.spi_out),
        local_networks=(agreed.selectors.local,),
        remote_networks=(agreed.selectors.remote,),
        lifetime=_lifetime(chosen, soft),
        esp_frag=session.remote.esp_frag,
        compression=_compression(agreed),
        replaces=replaces.child.id if replaces is not None else None,
        rate=_rate(session, agreed),
    )


def _rate(session: V1Session, agreed: Agreed) -> int | None:
    """That of the block or that of the login, whichever is lower."""
    limits = (sainfo.wanted(session, agreed.selectors).rate, session.grants.rate)
    return min((each for each in limits if each is not None), default=None)


def _compression(agreed: Agreed) -> IpComp | None:
    found = agreed.chosen.offer.compressing
    return IpComp(found.algorithm, agreed.cpi, found.cpi) if found and agreed.cpi is not None else None


def _lifetime(chosen: choose.ChosenEsp, soft: float | None) -> Lifetime:
    """`soft`: the part of the lifetime after which this end rekeys the pair; None: it never does."""
    octets = min(chosen.kilobytes * 1024, MOST_OCTETS) if chosen.kilobytes else None
    return Lifetime(
        soft_seconds=chosen.lifetime * soft if soft else None,
        hard_seconds=float(chosen.lifetime),
        soft_octets=int(octets * soft) if octets and soft else None,
        hard_octets=octets,
    )


def _direction(session: V1Session, agreed: Agreed, spi: bytes) -> DirectionKeys:
    suite, keys = agreed.chosen.suite, session.isakmp_sa.keys
    cipher, integrity = key_sizes(suite)
    octets = keymat(keys, agreed.material, spi, cipher + integrity)
    demand_strength(suite.cipher, octets[:cipher])
    return DirectionKeys(int.from_bytes(spi, "big"), Secret(octets[:cipher]), Secret(octets[cipher:]))


def key_sizes(suite: EspSuite) -> tuple[int, int]:
    """Octets of KEYMAT for the cipher, with its salt where it has one, and for integrity."""
    cipher = ciphers.key_octets(suite.cipher, suite.key_bits)
    return cipher, hashes.integrity_key_size(suite.integrity) if suite.integrity is not None else 0


def _take_up(session: V1Session, pair: Pair) -> None:
    """Adds an installed pair. If the peer moved while the engine installed it, the pair is moved too."""
    session.children.add(session, pair)
    installed = pair.child.path
    if installed != session.path:
        session.children.move(session.path)
        session.context.tell(PathChanged(session.id, installed, session.path, (pair.child.id,)))


def _install(child: Child) -> Story[None]:
    failure = yield from ask(Install(child))
    if failure is not None:
        raise LocalFault(failure.reason, NotifyType.NO_PROPOSAL_CHOSEN)
