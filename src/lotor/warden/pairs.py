"""What an SA pair of a daemon may be: nothing by which it gains more than by a TUN device and sockets of its own.

Its numbers are those of ESP; its outer path leaves from this host, by a port that the daemon has. Inside it joins what
a session of this daemon was given, or what the configuration names. Where policies alone lead packets into the tunnel
they see all packets of the host, so that nothing else may be in them.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from typing import Final

from lotor.config.methods import admits_by_login_alone, follows_redirects, side_of
from lotor.config.settings import RemoteSettings, Settings
from lotor.hosts.xfrm.suites import AEADS, CIPHERS
from lotor.model.child import LOWEST_SPI, Child, DirectionKeys, Encapsulation, Lifetime
from lotor.model.network import Address, Network, Path, lies_in
from lotor.model.policy import Side
from lotor.ports.host_esp import Leading
from lotor.privsep.serving import Denied, Late

MOST_NETWORKS = 32
"""At each side of an SA pair: to how many traffic selectors are narrowed at most."""
WIDEST_WINDOW = 4_096
"""Packets of a replay window: that of the kernel."""
LONGEST_LIFE: Final = 10 * 365 * 86_400.0
"""Seconds."""
_SPIS = range(LOWEST_SPI, 2**32)
_CPIS = range(256, 2**16)
_PORTS = range(1, 2**16)
_OCTETS = range(1, 2**63)
_FRAGMENTS = range(552, 2**16)
"""Octets of `esp_frag`."""
_EVERYBODY = IPv4Address("255.255.255.255")


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a pair is judged by, as it is now: the configurations in force, whether a session of this daemon has an
    address of the pool, the addresses that gateways gave its clients, whether an address is this host's, and the ports
    of UDP sockets that the daemon was given."""

    settings: Callable[[], Iterable[Settings]]
    leased: Callable[[Address], bool]
    inside: Callable[[], Container[Address]]
    is_local: Callable[[Address], bool]
    ports: Callable[[], Container[int]]

    def blocks(self, side: Side) -> Iterator[RemoteSettings]:
        remotes = (remote for settings in self.settings() for remote in settings.remotes)
        return (each for each in remotes if side_of(each) is side)


def blocks_towards(settings: Iterable[Settings], gateway: Address) -> list[RemoteSettings]:
    """Those by which a client may have a connection to that gateway, which may be one that its own sent it to: what
    such a gateway has to prove, the core judges."""
    blocks = (remote for each in settings for remote in each.remotes if side_of(remote) is Side.CLIENT)
    return [each for each in blocks if each.address in (None, gateway) or follows_redirects(each)]


def bring_their_own(grounds: Grounds) -> Iterator[RemoteSettings]:
    """Blocks whose peers need no address of the pool."""
    return (each for each in grounds.blocks(Side.GATEWAY) if not admits_by_login_alone(each))


def demand_numbers(child: Child) -> None:
    """Raises `Denied` for what no engine of ESP makes anything of."""
    _demand(child.id > 0, "no SA pair has that number")
    _demand(all(map(_is_direction, (child.inbound, child.outbound))), "no SA has that SPI, or no key")
    suite = child.suite
    _demand(suite.cipher in AEADS or (suite.cipher in CIPHERS and suite.integrity is not None), "no ESP is sealed so")
    _demand(_is_lifetime(child.lifetime), "no SA pair lives that long, or that shortly")
    _demand(child.replay_window in range(WIDEST_WINDOW + 1), "no replay window is that wide")
    _demand(child.esp_frag is None or child.esp_frag in _FRAGMENTS, "no datagram is that long")
    comp = child.compression
    _demand(comp is None or (comp.cpi_in in _CPIS and comp.cpi_out in _CPIS), "IPComp has no such CPI")
    for networks in (child.local_networks, child.remote_networks):
        _demand(0 < len(networks) <= MOST_NETWORKS, f"an SA pair joins 1 to {MOST_NETWORKS} networks")
    formed = child.encapsulation is Encapsulation.along(child.path)
    _demand(formed, "ESP goes in UDP on the ports of NAT traversal, and nowhere else")


def demand_path(path: Path, grounds: Grounds) -> None:
    """Raises `Denied` for a path that goes nowhere, and `Late` for one that does not begin here (any more)."""
    local, remote = path.local, path.remote
    _demand(local.address.version == remote.address.version, "both ends of a path are of one version of IP")
    _demand(local.port in _PORTS and remote.port in _PORTS, "there is no such port")
    _demand(_is_somewhere(remote.address), f"no peer is at {remote.address}")
    if path.floated and local.port not in grounds.ports():
        raise Late(f"it has no socket of port {local.port}")
    if not grounds.is_local(local.address):
        raise Late(f"{local.address} is no address of this host")


def demand_gateway(path: Path, grounds: Grounds) -> None:
    """Of a client. Raises `Late`."""
    if not blocks_towards(grounds.settings(), path.remote.address):
        raise Late(f"no block is for a client of {path.remote.address}")


def side_of_pair(child: Child, grounds: Grounds, leading: Leading) -> Side:
    """Whose it is: a gateway's, with what its peer has inside, or a client's. Raises `Late` for networks that neither
    may have, and `OSError` for those that would take the host's own packets."""
    own, away = child.local_networks, child.remote_networks
    if all(_is_leased(each, grounds) or _is_of_peers(each, grounds, leading) for each in away):
        return Side.GATEWAY
    if all(_is_inside(each, grounds) for each in own):
        return Side.CLIENT
    here = ip_network(child.path.local.address)
    bare = any(not each.mode_cfg for each in blocks_towards(grounds.settings(), child.path.remote.address))
    if bare and all(each == here or _is_inside(each, grounds) for each in own):
        if leading is Leading.ROUTES or all(_is_named(each, grounds) for each in away):
            return Side.CLIENT
        raise _capturing(away)
    if leading is Leading.POLICIES and any(bring_their_own(grounds)):
        raise _capturing(away)
    raise Late(f"nobody has {_told(away)} inside, and no gateway gave {_told(own)}")


def is_lent(child: Child, grounds: Grounds) -> bool:
    """Whether its peer has an address of the pool inside, which is somebody else's tomorrow."""
    return any(_is_leased(each, grounds) for each in child.remote_networks)


def _demand(fits: bool, why: str) -> None:
    if not fits:
        raise Denied(why)


def _is_direction(keys: DirectionKeys) -> bool:
    return keys.spi in _SPIS and len(keys.encryption.reveal()) > 0


def _is_lifetime(life: Lifetime) -> bool:
    seconds = (each for each in (life.soft_seconds, life.hard_seconds) if each is not None)
    octets = (each for each in (life.soft_octets, life.hard_octets) if each is not None)
    return all(0 < each <= LONGEST_LIFE and math.isfinite(each) for each in seconds) and all(
        each in _OCTETS for each in octets
    )


def _is_somewhere(address: Address) -> bool:
    nowhere = address.is_multicast or address.is_unspecified or address.is_loopback or address == _EVERYBODY
    return not nowhere and getattr(address, "ipv4_mapped", None) is None


def _is_single(network: Network) -> bool:
    return network.prefixlen == network.max_prefixlen


def _is_leased(network: Network, grounds: Grounds) -> bool:
    return _is_single(network) and grounds.leased(network.network_address)


def _is_inside(network: Network, grounds: Grounds) -> bool:
    """Whether it is an address that a gateway gave."""
    return _is_single(network) and network.network_address in grounds.inside()


def _is_of_peers(network: Network, grounds: Grounds, leading: Leading) -> bool:
    """Whether a peer may bring it: one address of its own, or what a `sainfo` names. Where routes lead into the tunnel,
    the administrator leads nothing there that he does not know of."""
    if not any(bring_their_own(grounds)):
        return False
    address = network.network_address
    own = _is_single(network) and _is_somewhere(address) and not grounds.is_local(address)
    return _is_named(network, grounds) or (leading is Leading.ROUTES and own)


def _is_named(network: Network, grounds: Grounds) -> bool:
    ends = (sainfo.remote for settings in grounds.settings() for sainfo in settings.sainfos)
    return any(end is not None and end.network is not None and lies_in(network, end.network) for end in ends)


def _capturing(networks: Iterable[Network]) -> OSError:
    text = f"policies for {_told(networks)} would take the host's own packets: a sainfo must name these networks"
    return OSError(errno.EPERM, f"{text} as the peer's, since this kernel has no xfrm interface")


def _told(networks: Iterable[Network]) -> str:
    """A few of them."""
    return ", ".join(map(str, tuple(networks)[:4]))
