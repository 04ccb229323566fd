"""Networks of a configuration that get in each other's way, or in the way of the host's own."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from ipaddress import summarize_address_range

from lotor.config.giving import PoolSettings
from lotor.config.methods import side_of
from lotor.config.settings import Address, ModeCfg, RemoteSettings, Settings
from lotor.model.frozen import frozen
from lotor.model.network import Network
from lotor.model.policy import Side


@frozen
class Overlap:
    """`harms`: something is not reached because of it; otherwise it is good to know."""

    harms: bool
    text: str


def overlaps(settings: Settings, host: Mapping[Network, str]) -> Iterator[Overlap]:
    """`host`: the networks that the host is in, and the device of each."""
    if settings.mode_cfg is not None:
        answering = settings.network.proxy_arp if settings.network else ()
        yield from _pool(settings.mode_cfg, host, answering)
    yield from _peers(settings.remotes)


def _pool(mode_cfg: ModeCfg, host: Mapping[Network, str], answering: Container[str]) -> Iterator[Overlap]:
    """`answering`: the devices on which the host answers for the pool's addresses."""
    pool = [*pool_of(mode_cfg), *(network for each in mode_cfg.pools for network in pool_networks(each))]
    for network, device in host.items():
        if _any(pool, network):
            yield _beside("the pool", network, device, answers=device in answering)
        for each in mode_cfg.granted_networks:
            if _any([each], network):
                yield _beside(f"granted_network {each}", network, device, answers=device in answering)
    for split in mode_cfg.split_networks:
        for network in split.networks:
            if _any(pool, network):
                beside = "stays beside the tunnel: clients do not reach each other"
                text = beside if split.local else "goes through the tunnel: clients reach each other by the gateway"
                yield Overlap(split.local, f"the pool overlaps {network}, which {text}")


def _beside(what: str, network: Network, device: str, *, answers: bool) -> Overlap:
    """Clients have addresses of a network of the host's."""
    text = f"{what} overlaps {network} of {device}"
    if answers:
        beside = "where this host answers for it: no host there may have one of its addresses"
        return Overlap(harms=False, text=f"{text}, {beside}")
    move = "move the pool" if what == "the pool" else "name those that the back end grants from, and no others"
    return Overlap(harms=True, text=f"{text}: hosts there are not reached, or clients not; {move}")


def pool_of(mode_cfg: ModeCfg) -> list[Network]:
    """The addresses that clients get who are given no other pool."""
    return pool_networks(mode_cfg)


def pool_networks(pool: ModeCfg | PoolSettings) -> list[Network]:
    """The addresses of a pool, also of a block with errors: what goes beyond the last address is cut off."""
    return [each for first in (pool.network4, pool.network6) if first for each in _range(first, pool.pool_size)]


def _range(first: Address, size: int) -> list[Network]:
    last = type(first)(min(int(first) + size - 1, (1 << first.max_prefixlen) - 1))
    return list(summarize_address_range(first, last))


def _any(networks: Iterable[Network], other: Network) -> bool:
    return any(each.version == other.version and each.overlaps(other) for each in networks)


def _peers(remotes: Iterable[RemoteSettings]) -> Iterator[Overlap]:
    """A gateway's are told apart by what clients offer (`ambiguity`); for a client the first one counts."""
    first: dict[object, RemoteSettings] = {}
    for each in remotes:
        if side_of(each) is Side.CLIENT and each.address is not None:
            one = first.setdefault((each.address, each.port), each)
            if one is not each:
                text = f"remote {one.name} and remote {each.name} are for the same peer"
                yield Overlap(harms=False, text=f"{text}: call it by the name of one of them")
