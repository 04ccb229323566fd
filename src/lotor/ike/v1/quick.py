"""Quick mode (RFC 2409 §5.5): an SA pair under the protection of phase 1, with nonces and, for PFS, keys of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

from lotor.crypto import ciphers, hashes
from lotor.ike.children import Pair
from lotor.ike.dice import KeyPair
from lotor.ike.errors import LocalFault, PeerFault, PolicyRefusal
from lotor.ike.events import Remark
from lotor.ike.gates import Gate
from lotor.ike.questions import Activate, Install, ReserveSpi
from lotor.ike.session import Session
from lotor.ike.story import Story, ask, expect, send
from lotor.ike.v1 import choose, phase1, riders
from lotor.ike.v1.keymat import QuickMaterial, keymat
from lotor.model.algorithms import EspSuite, Group
from lotor.model.child import Child, DirectionKeys, Encapsulation, Lifetime
from lotor.model.identity import Identity, IdKind
from lotor.model.policy import ChildPolicy
from lotor.model.reason import Cause, Reason
from lotor.model.secret import Secret
from lotor.wire.v1.association import Proposal, SecurityAssociation
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import EncapsulationMode, NotifyType, Protocol
from lotor.wire.v1.payloads import Identification, KeyExchange, Nonce, Notification
from lotor.wire.v1.proposals import esp_transform
from lotor.wire.v1.vendors import Vendor

EVERYWHERE = IPv4Network("0.0.0.0/0")
MOST_OCTETS = 1 << 63
"""Engines count in 64 bits; a peer may name any number."""

SOFT = 0.8
"""Part of a lifetime after which the initiator replaces an SA pair, as racoon does."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both sides settled, ready to become a `Child`. SPIs as octets."""

    chosen: choose.ChosenEsp
    spi_in: bytes
    spi_out: bytes
    material: QuickMaterial
    local: IPv4Network
    remote: IPv4Network


# --- initiator -------------------------------------------------------------------------------------------------------


def initiator(session: Session, replaces: Pair | None) -> Story[Pair]:
    """The client's side; with `replaces` a rekey of that pair."""
    policy, dice = _wishes(session), session.desk.dice
    spi = (yield from ask(ReserveSpi(session.id))).to_bytes(4, "big")
    pair = dice.key_pair(policy.pfs_group) if policy.pfs_group is not None else None
    nonce, here = dice.nonce(session.remote.nonce_size), IPv4Network(_own_address(session))
    keys = (KeyExchange(pair.public),) if pair is not None else ()
    yield from send(_offer(session, policy, spi), Nonce(nonce), *keys, _address(here), _network(EVERYWHERE))
    answer = yield from expect()
    chosen = choose.esp_answer(policy, answer.only(SecurityAssociation), udp=_udp(session))
    g_xy = _agree(session, pair, answer)
    material = QuickMaterial(Protocol.ESP, nonce, phase1.nonce_of(answer), g_xy)
    there = _answered_network(answer)
    agreed = Agreed(_shorter(chosen, answer), spi, chosen.spi, material, here, there)
    child = _child(session, agreed, replaces, initiated=True)
    yield from _install(child)
    pair_up = Pair(child, initiated=True)
    session.children.add(pair_up)
    yield from send()
    return pair_up


def _wishes(session: Session) -> ChildPolicy:
    """The configured `sainfo`; a PFS group that the gateway told (UNITY_PFS) stands in for one not configured."""
    policy, given = session.desk.policy.child, session.facts.configuration
    told = given.pfs_group if given is not None else None
    if policy.pfs_group is None and told in set(Group):
        return replace(policy, pfs_group=Group(told))
    return policy


def _offer(session: Session, policy: ChildPolicy, spi: bytes) -> SecurityAssociation:
    mode = _mode(session)
    transforms = tuple(
        esp_transform(number, suite, group=policy.pfs_group, encapsulation=mode, lifetime=policy.lifetime)
        for number, suite in enumerate(policy.suites, 1)
    )
    return SecurityAssociation((Proposal(1, Protocol.ESP, spi, transforms),))


def _shorter(chosen: choose.ChosenEsp, answer: Chain) -> choose.ChosenEsp:
    """As the responder told, if that is shorter."""
    told = riders.told_lifetime(answer.all(Notification), Protocol.ESP, chosen.lifetime)
    return replace(chosen, lifetime=told)


def _own_address(session: Session) -> IPv4Address:
    configuration = session.facts.configuration
    if configuration is not None:
        return configuration.address
    address = session.path.local.address
    if not isinstance(address, IPv4Address):
        raise LocalFault("without mode config the inner address is the outer one, which must be IPv4")
    return address


def _answered_network(answer: Chain) -> IPv4Network:
    """What the gateway lets us reach; gateways echo our wish and narrow inside, or narrow the answer itself."""
    identities = answer.all(Identification)
    if len(identities) != 2:
        return EVERYWHERE
    return network_of(identities[1].identity) or EVERYWHERE


# --- responder -------------------------------------------------------------------------------------------------------


def responder(session: Session, message_id: int) -> Story[Pair]:
    """The gateway's side. The SA pair receives before the second message leaves. The first of a session sends as early:
    the client's first packet may pass the third message. One that replaces another sends after the third came."""
    asked = yield from expect()
    session.gates.demand(Gate.ADDRESS, "quick mode")
    policy, check = session.desk.policy.child, session.remote.proposal_check
    client, wanted = _selectors(session, asked)
    choice = choose.esp_choice(check, policy, asked.only(SecurityAssociation), udp=_udp(session))
    chosen, dice = _for_as_long_as_the_peer_can(session, choice), session.desk.dice
    pair = dice.key_pair(chosen.group) if chosen.group is not None else None
    g_xy = _agree(session, pair, asked)
    spi = (yield from ask(ReserveSpi(session.id))).to_bytes(4, "big")
    nonce = dice.nonce(session.remote.nonce_size)
    material = QuickMaterial(Protocol.ESP, phase1.nonce_of(asked), nonce, g_xy)
    agreed = Agreed(chosen, spi, chosen.spi, material, wanted, client)
    old = session.children.current()
    child = replace(_child(session, agreed, old, initiated=False), sending=old is None)
    yield from _install(child)
    pair_up = Pair(child, initiated=False, exchange=message_id)
    session.children.add(pair_up)
    keys = (KeyExchange(pair.public),) if pair is not None else ()
    answer = replace(chosen.proposal, spi=spi, transforms=(chosen.transform,))
    yield from send(
        SecurityAssociation((answer,)),
        Nonce(nonce),
        *keys,
        *asked.all(Identification),
        *_responder_lifetime(chosen, spi),
    )
    yield from expect()
    yield from ask(Activate(child.id))
    return pair_up


def _for_as_long_as_the_peer_can(session: Session, chosen: choose.ChosenEsp) -> choose.ChosenEsp:
    """The peer vpnc never renews an SA pair, and after a new quick mode it goes on with the old keys: its pair lasts as
    long as it offered, or the tunnel would fall silent at our lifetime."""
    if Vendor.CISCO_VPNC not in phase1.of(session).vendors or not chosen.shortened:
        return chosen
    text = f"vpnc does not renew SA pairs: this one lasts as long as the session, not {chosen.lifetime} s"
    session.desk.tell(Remark(session.id, text))
    return replace(chosen, lifetime=chosen.offered, shortened=False)


def _selectors(session: Session, asked: Chain) -> tuple[IPv4Network, IPv4Network]:
    """The client's inside, which must be its lease, and what it wants to reach."""
    configuration = session.facts.configuration
    lease = IPv4Network(configuration.address) if configuration is not None else _outer_address(session)
    identities = [payload.identity for payload in asked.all(Identification)]
    if not identities:
        return lease, EVERYWHERE
    networks = [network_of(identity) for identity in identities]
    if len(networks) != 2 or networks[0] != lease or networks[1] is None:
        claimed = " and ".join(str(network or "an unknown kind of identity") for network in networks)
        text = f"quick mode for {claimed}; this client's address is {lease.network_address}"
        raise PolicyRefusal(Reason(Cause.PROTOCOL, text), NotifyType.INVALID_ID_INFORMATION)
    return lease, networks[1]


def _outer_address(session: Session) -> IPv4Network:
    """The inside of a peer that was given no address: its own, as it names itself, which a NAT may have hidden."""
    identity = phase1.of(session).peer
    named = network_of(identity) if identity.kind == IdKind.IPV4_ADDR else None
    address = session.path.remote.address
    if named is None and not isinstance(address, IPv4Address):
        raise PeerFault("quick mode without a configuration needs IPv4", NotifyType.INVALID_ID_INFORMATION)
    inside = named or IPv4Network(address)
    if session.registry.leased(session, inside):
        text = f"the client names itself {inside.network_address}, which was given to another session"
        raise PolicyRefusal(Reason(Cause.PROTOCOL, text), NotifyType.INVALID_ID_INFORMATION)
    return inside


def _responder_lifetime(chosen: choose.ChosenEsp, spi: bytes) -> tuple[Notification, ...]:
    return (riders.lifetime_note(Protocol.ESP, spi, chosen.lifetime),) if chosen.shortened else ()


# --- both ------------------------------------------------------------------------------------------------------------


def _udp(session: Session) -> bool:
    """ESP goes in UDP where ISAKMP goes by the NAT traversal ports."""
    return session.path.floated


def _mode(session: Session) -> int:
    traversal = phase1.of(session).traversal
    if not _udp(session) or traversal is None:
        return EncapsulationMode.UDP_TUNNEL if _udp(session) else EncapsulationMode.TUNNEL
    return traversal.tunnel


def _agree(session: Session, pair: KeyPair | None, chain: Chain) -> bytes:
    public = chain.first(KeyExchange)
    if pair is None:
        return b""
    if public is None:
        raise PeerFault("PFS was chosen, but there is no KE payload", NotifyType.NO_PROPOSAL_CHOSEN)
    return phase1.agree(pair, public.data, str(session.path.remote))


def _child(session: Session, agreed: Agreed, replaces: Pair | None, *, initiated: bool) -> Child:
    chosen = agreed.chosen
    return Child(
        id=session.desk.child_id(),
        session=session.id,
        path=session.path,
        encapsulation=Encapsulation.UDP if _udp(session) else Encapsulation.NONE,
        suite=chosen.suite,
        inbound=_direction(session, agreed, agreed.spi_in),
        outbound=_direction(session, agreed, agreed.spi_out),
        local_networks=(agreed.local,),
        remote_networks=(agreed.remote,),
        lifetime=_lifetime(chosen, initiated=initiated),
        esp_frag=session.remote.esp_frag,
        replaces=replaces.child.id if replaces is not None else None,
    )


def _lifetime(chosen: choose.ChosenEsp, *, initiated: bool) -> Lifetime:
    """The initiator replaces the pair at four fifths; the responder only ends it."""
    octets = min(chosen.kilobytes * 1024, MOST_OCTETS) if chosen.kilobytes else None
    return Lifetime(
        soft_seconds=chosen.lifetime * SOFT if initiated else None,
        hard_seconds=float(chosen.lifetime),
        soft_octets=int(octets * SOFT) if octets and initiated else None,
        hard_octets=octets,
    )


def _direction(session: Session, agreed: Agreed, spi: bytes) -> DirectionKeys:
    suite, keys = agreed.chosen.suite, phase1.of(session).keys
    cipher, integrity = key_sizes(suite)
    octets = keymat(keys, agreed.material, spi, cipher + integrity)
    return DirectionKeys(int.from_bytes(spi, "big"), Secret(octets[:cipher]), Secret(octets[cipher:]))


def key_sizes(suite: EspSuite) -> tuple[int, int]:
    """Octets of KEYMAT for the cipher, with its salt where it has one, and for integrity."""
    cipher = ciphers.key_octets(suite.cipher, suite.key_bits)
    return cipher, hashes.integrity_key_size(suite.integrity) if suite.integrity is not None else 0


def _install(child: Child) -> Story[None]:
    failure = yield from ask(Install(child))
    if failure is not None:
        raise LocalFault(failure.why, NotifyType.NO_PROPOSAL_CHOSEN)


def _address(network: IPv4Network) -> Identification:
    return Identification.of(Identity(IdKind.IPV4_ADDR, network.network_address.packed))


def _network(network: IPv4Network) -> Identification:
    octets = network.network_address.packed + network.netmask.packed
    return Identification.of(Identity(IdKind.IPV4_ADDR_SUBNET, octets))


def network_of(identity: Identity) -> IPv4Network | None:
    """What an identity of phase 2 selects; None for kinds and sizes that are not taken."""
    data = identity.data
    if identity.kind == IdKind.IPV4_ADDR and len(data) == 4:
        return IPv4Network(IPv4Address(data))
    if identity.kind == IdKind.IPV4_ADDR_SUBNET and len(data) == 8:
        try:
            return IPv4Network((data[:4], str(IPv4Address(data[4:]))), strict=False)
        except ValueError:
            return None
    return None
