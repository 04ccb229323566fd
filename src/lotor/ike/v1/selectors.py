"""The networks that an SA pair carries, as configured and as asked for, and the identities of quick mode that name
them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from lotor.ike.children import Selectors
from lotor.ike.errors import PolicyRefusal
from lotor.ike.v1.session import V1Session
from lotor.model.identity import Identity, IdKind
from lotor.model.network import Address, Network, lies_in
from lotor.model.reason import Reason
from lotor.model.reasons.protocol import ForeignNetworks, NetworksNotAsked
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import NotifyType
from lotor.wire.v1.payloads import Identification

EVERYWHERE: dict[int, Network] = {4: IPv4Network("0.0.0.0/0"), 6: IPv6Network("::/0")}


# --- the initiator's -------------------------------------------------------------------------------------------------


def wanted(session: V1Session) -> tuple[Selectors, ...]:
    """What a client asks for: an SA pair for each IP version that it has an inner address of."""
    return tuple(Selectors(inside, EVERYWHERE[inside.version]) for inside in _insides(session))


def missing(session: V1Session) -> Selectors | None:
    """The first wanted selectors that no SA pair carries, and that the gateway did not decline before."""
    carried = {pair.selectors.local for pair in session.children}
    open_ = (each for each in wanted(session) if each.local not in carried | session.inner.declined)
    return next(open_, None)


def narrowed(ours: Selectors, answer: Chain) -> Selectors:
    """The networks that the gateway lets us reach. It echoes our selectors and filters inside, or narrows its
    answer."""
    identities = answer.all(Identification)
    remote = network_of(identities[1].identity) if len(identities) == 2 else None
    return Selectors(ours.local, remote) if remote is not None and lies_in(remote, ours.remote) else ours


# --- the responder's -------------------------------------------------------------------------------------------------


def requested(session: V1Session, chain: Chain) -> Selectors:
    """The peer's selectors, as seen from here. Raises `PolicyRefusal` for networks that are not its own."""
    identities = [payload.identity for payload in chain.all(Identification)]
    networks = [network_of(identity) for identity in identities]
    if session.gateway:
        return _of_a_client(session, networks)
    there, here = networks if len(networks) == 2 else (None, None)
    known = {pair.selectors for pair in session.children}
    if there is None or here is None or Selectors(here, there) not in known:
        raise _foreign(NetworksNotAsked(_claimed(networks)))
    return Selectors(here, there)


def names(chain: Chain, inside: Address) -> bool:
    """Whether a client's quick mode names this address as its own."""
    identities = chain.all(Identification)
    return len(identities) == 2 and network_of(identities[0].identity) == _host(inside)


def _of_a_client(session: V1Session, networks: list[Network | None]) -> Selectors:
    """The selectors of a client, whose inner network must be its lease."""
    insides = _insides(session)
    if not networks:
        return Selectors(EVERYWHERE[insides[0].version], insides[0])
    if len(networks) != 2 or networks[0] not in insides or networks[1] is None:
        own = " and ".join(str(inside.network_address) for inside in insides)
        raise _foreign(ForeignNetworks(_claimed(networks), own))
    return Selectors(networks[1], networks[0])


def _claimed(networks: list[Network | None]) -> str:
    return " and ".join(str(network or "an unknown kind of identity") for network in networks) or "nothing"


def _foreign(reason: Reason) -> PolicyRefusal:
    return PolicyRefusal(reason, NotifyType.INVALID_ID_INFORMATION)


# --- both ------------------------------------------------------------------------------------------------------------


def _insides(session: V1Session) -> tuple[Network, ...]:
    """The client's inner addresses: those it was given, else the one it has."""
    configuration = session.inner.configuration
    if configuration is None:
        return (_given_by_nobody(session),)
    return tuple(map(_host, configuration.addresses))


def _given_by_nobody(session: V1Session) -> Network:
    """The inner network of a peer without a configuration: its own address as it names it, which a NAT may have
    hidden."""
    if not session.gateway:
        return _host(session.path.local.address)
    named = network_of(session.isakmp_sa.peer)
    return named if named is not None and named.num_addresses == 1 else _host(session.path.remote.address)


def _host(address: Address) -> Network:
    return IPv4Network(address) if isinstance(address, IPv4Address) else IPv6Network(address)


_ADDRESSES = {4: IdKind.IPV4_ADDR, 6: IdKind.IPV6_ADDR}
_SUBNETS = {4: IdKind.IPV4_ADDR_SUBNET, 6: IdKind.IPV6_ADDR_SUBNET}
_OCTETS = {IdKind.IPV4_ADDR: 4, IdKind.IPV6_ADDR: 16, IdKind.IPV4_ADDR_SUBNET: 8, IdKind.IPV6_ADDR_SUBNET: 32}


def identification(network: Network) -> Identification:
    """A single address as such, anything wider with its mask (RFC 2407 §4.6.2)."""
    octets = network.network_address.packed
    if network.prefixlen == network.max_prefixlen:
        return Identification.of(Identity(_ADDRESSES[network.version], octets))
    return Identification.of(Identity(_SUBNETS[network.version], octets + network.netmask.packed))


def network_of(identity: Identity) -> Network | None:
    """The network that an identity of phase 2 selects; None for unsupported kinds, sizes and masks."""
    data = identity.data
    if identity.kind not in _OCTETS or len(data) != _OCTETS[IdKind(identity.kind)]:
        return None
    if identity.kind in _ADDRESSES.values():
        return ip_network(data)
    half = len(data) // 2
    prefix = _prefix(data[half:])
    return ip_network((data[:half], prefix), strict=False) if prefix is not None else None


def _prefix(mask: bytes) -> int | None:
    """The length of a mask of ones before zeros; None for any other mask."""
    bits = len(mask) * 8
    ones = int.from_bytes(mask, "big").bit_count()
    whole = ((1 << ones) - 1) << (bits - ones)
    return ones if mask == whole.to_bytes(len(mask), "big") else None
