"""What a person answers or gives by options, checked: names, networks, addresses, kinds of clients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from ipaddress import IPv4Network, ip_address, ip_interface

from lotor.daemon.exits import Exit, StartError
from lotor.hosts.resolvfile import servers
from lotor.hosts.tun import OWN
from lotor.model.frozen import frozen
from lotor.model.network import Address, Network
from lotor.model.secret import Secret

POOLS = ("10.99.99.0/24", "10.98.98.0/24", "172.29.99.0/24", "192.168.199.0/24")
"""Proposed in this order: the first that no route of this host leads to."""
LARGEST_POOL, SMALLEST_POOL = 12, 30
"""Lengths of prefixes."""
MOST_SERVERS = 3
EVERYTHING = (["all"], ["0.0.0.0/0"])


class Client(Enum):
    """Who shall connect, by what he needs besides the modern algorithms that lotor and strongSwan take."""

    LOTOR = "lotor"
    STRONGSWAN = "strongswan"
    APPLE = "apple"
    ANDROID = "android"
    WINDOWS = "windows"
    VPNC = "vpnc"


DEVICES = frozenset({Client.APPLE, Client.ANDROID, Client.WINDOWS})
"""They come with a client of IKEv2, which logs in by MSCHAPv2."""


@frozen
class GatewayWishes:
    """What a gateway shall be. `reach` empty: everything; `user` empty: nobody yet; `shared_key`: clients that have no
    certificate of the authority may come with a key that all share."""

    names: tuple[str, ...]
    pool: IPv4Network
    reach: tuple[Network, ...] = ()
    servers: tuple[Address, ...] = ()
    user: str = ""
    password: Secret | None = None
    clients: frozenset[Client] = frozenset({Client.LOTOR, Client.STRONGSWAN})
    shared_key: bool = False
    masquerade: bool = True

    def what(self) -> str:
        """In words that name it again."""
        return f"gateway {' '.join(self.names)}"


@frozen
class ClientWishes:
    """What a client shall be. `authority` is PEM; `group` may use the daemon; `password` empty: it is asked for at each
    connection."""

    gateway: str
    authority: bytes
    user: str = ""
    group: str = "root"
    password: Secret | None = None

    def what(self) -> str:
        return f"client {self.gateway}"


def pool_of(text: str) -> IPv4Network:
    """Raises `StartError`, as all of these."""
    network = _network(text)
    if not isinstance(network, IPv4Network) or not LARGEST_POOL <= network.prefixlen <= SMALLEST_POOL:
        raise _refusal(f"{text} is no network for clients: give one of IPv4, from /12 to /30, like {POOLS[0]}")
    return network


def reach_of(text: str) -> tuple[Network, ...]:
    """Empty for `all`, and for all of IPv4."""
    words = words_of(text)
    return () if words in EVERYTHING else tuple(_network(word) for word in words)


def servers_of(text: str) -> tuple[Address, ...]:
    """Empty for `none`."""
    words = words_of(text)
    if words in ([], ["none"]):
        return ()
    try:
        found = tuple(ip_address(word) for word in words)
    except ValueError:
        raise _refusal(f"'{text}' is no list of DNS servers: give addresses, or none") from None
    if max(sum(each.version == version for each in found) for version in (4, 6)) > MOST_SERVERS:
        raise _refusal(f"clients take {MOST_SERVERS} DNS servers of a version")
    return found


def clients_of(text: str) -> frozenset[Client]:
    known = {each.value: each for each in Client}
    words = words_of(text.lower())
    unknown = [word for word in words if word not in known]
    if unknown or not words:
        wrong = f"'{unknown[0]}' is no kind of client" if unknown else "no clients were named"
        raise _refusal(f"{wrong}: give some of {', '.join(known)}")
    return frozenset(known[word] for word in words)


def proposed_pool(routes: str) -> str:
    """The first pool that no route leads to. `routes` is /proc/net/route."""
    taken = list(_routed(routes))
    free = [pool for pool in POOLS if not any(each.overlaps(IPv4Network(pool)) for each in taken)]
    return next(iter(free), POOLS[0])


def overlapping(pool: IPv4Network, routes: str, reach: Iterable[Network]) -> str | None:
    """The network that a pool shares addresses with; None: none."""
    others = [*_routed(routes), *(each for each in reach if isinstance(each, IPv4Network))]
    return next((str(each) for each in others if each.overlaps(pool)), None)


def proposed_servers(resolvers: str, reach: tuple[Network, ...]) -> str:
    """The servers of this host that clients can ask through the tunnel, as resolv.conf names them."""
    usable = [each for each in servers(resolvers) if not each.is_loopback and _reached(each, reach)]
    return ", ".join(map(str, usable[:MOST_SERVERS])) or "none"


def _reached(address: Address, reach: tuple[Network, ...]) -> bool:
    if address.version != 4:
        return False
    return not reach or any(address in network for network in reach)


def _routed(routes: str) -> Iterator[IPv4Network]:
    """Destinations of /proc/net/route (proc(5)): octets in the order of the processor. The default route is left out,
    and those of a lotor that runs here: its pool stays free for it."""
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if fields[0].startswith(OWN):
            continue
        address, mask = (int(fields[place], 16).to_bytes(4, "little") for place in (1, 7))
        if any(mask):
            yield IPv4Network((address, ".".join(map(str, mask))))


def _network(text: str) -> Network:
    try:
        whole = ip_interface(text).network
    except ValueError:
        raise _refusal(f"'{text}' is no network: give it like 192.168.1.0/24") from None
    if str(whole.network_address) != text.partition("/")[0].lower():
        raise _refusal(f"'{text}' is an address of a network: did you mean {whole}?")
    return whole


def words_of(text: str) -> list[str]:
    """A list, with commas or without."""
    return text.replace(",", " ").split()


def _refusal(text: str) -> StartError:
    return StartError(text, Exit.USAGE)
