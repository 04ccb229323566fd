"""What is wrong, or unwise, with the `network` block beside the rest of the file."""

from __future__ import annotations

from collections.abc import Iterator

from lotor.config.methods import is_gateway
from lotor.config.problem import Problem
from lotor.config.settings import HostNetwork, ModeCfg, Settings, Who

MOST_PROXIED = 4096
"""Addresses: the kernel looks through them one by one."""


def problems(settings: Settings) -> Iterator[Problem]:
    network, mode_cfg = settings.network, settings.mode_cfg
    yield from _filters(settings)
    if network is None or not network.proxy_arp or not is_gateway(settings):
        return
    at = network.places.of("proxy_arp")
    size = _size(mode_cfg) if mode_cfg is not None else 0
    if not size:
        yield Problem.at(at, "there is no pool that this host could answer for: add network4 to mode_cfg")
    elif size > MOST_PROXIED:
        text = f"this host can answer for {MOST_PROXIED} addresses, the pool has {size}: make it smaller"
        yield Problem.at(at, f"{text}, or take proxy_arp out and give the inside a route to the pool")


def _filters(settings: Settings) -> Iterator[Problem]:
    """A group's filter that no rule is for would let nobody in."""
    rules = settings.network.rules if settings.network is not None else ()
    known = {rule.name for rule in rules if rule.who is Who.FILTER}
    for group in settings.mode_cfg.groups if settings.mode_cfg is not None else ():
        if group.filter and group.filter not in known:
            text = (
                f'no rule of network {{ }} is for the filter "{group.filter}": add allow filter "{group.filter}" to …;'
            )
            yield Problem.at(group.places.of("filter"), text)


def _size(mode_cfg: ModeCfg) -> int:
    """Addresses of all pools, and of networks from which addresses are granted."""
    own = mode_cfg.pool_size if mode_cfg.network4 is not None else 0
    granted = (network.num_addresses for network in mode_cfg.granted_networks)
    return own + sum(pool.pool_size for pool in mode_cfg.pools) + sum(granted)


def advice(settings: Settings) -> Iterator[Problem]:
    network = settings.network
    if network is None:
        return
    if settings.remotes and not is_gateway(settings):
        yield Problem.at(network.places.head, "network has no effect for a client: it is about a gateway's host")
    if network.rules and not any(rule.allow for rule in network.rules):
        text = "there are only deny rules, and what no rule allows is denied: add allow everyone to any; behind them"
        yield Problem.at(network.places.of("rules"), text)
    yield from _shadowed(network)


def _shadowed(network: HostNetwork) -> Iterator[Problem]:
    """Rules behind one that fits everything."""
    for number, rule in enumerate(network.rules):
        if rule.who is Who.EVERYONE and not rule.networks and not rule.protocol:
            for later in network.rules[number + 1 :]:
                yield Problem.at(later.at, f"this rule is never asked: the one at {rule.at} fits everything")
            return
