"""Whether a gateway can give what `mode_cfg` says: pools that hang together, groups whose pools there are."""

from __future__ import annotations

import grp
from collections.abc import Iterable, Iterator
from datetime import date
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from lotor.config.day import day_of
from lotor.config.files import NamedFiles
from lotor.config.giving import GroupSettings, PoolSettings
from lotor.config.overlaps import pool_networks
from lotor.config.problem import Location, Problem
from lotor.config.settings import AuthSource, ConfSource, GroupSource, ModeCfg, Settings

ADDRESSES = 1 << 32
SOON = 30
"""Days before the last one of IKEv1, from which on there is a warning."""
LAST6 = (1 << 128) - 1
GROUPS_OF = {GroupSource.LOCAL: AuthSource.LOCAL, GroupSource.RADIUS: AuthSource.RADIUS}
"""Sources of groups that are known by the login alone."""
NOT_FOR_CLIENTS4 = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")))
NOT_FOR_CLIENTS6 = tuple(map(IPv6Network, ("::/127", "::ffff:0:0/96", "fe80::/10", "ff00::/8")))


def gives_addresses(mode_cfg: ModeCfg) -> bool:
    """Whether there is any, in a pool or by a back end."""
    others = bool(mode_cfg.pools or mode_cfg.granted_networks) or mode_cfg.conf_source is not ConfSource.LOCAL
    return mode_cfg.network4 is not None or others


def given_problems(mode_cfg: ModeCfg, files: NamedFiles) -> Iterator[Problem]:
    """What is wrong with pools, groups and sources, beside the pool of the block itself."""
    yield from _sources(mode_cfg)
    yield from _granted(mode_cfg)
    yield from _twice("pool", mode_cfg.pools)
    yield from _twice("group", mode_cfg.groups)
    for pool in mode_cfg.pools:
        yield from ends(pool)
    yield from _overlapping(mode_cfg)
    for group in mode_cfg.groups:
        yield from _group(group, mode_cfg, files)


def ends(pool: ModeCfg | PoolSettings) -> Iterator[Problem]:
    """A pool that goes too far."""
    at, first = pool.places.of("pool_size"), pool.network4
    if first is not None and int(first) + pool.pool_size > ADDRESSES:
        yield Problem.at(at, "the pool would go beyond 255.255.255.255: make it smaller")
    elif first is not None and IPv4Address(int(first) + pool.pool_size - 1).is_multicast:
        yield Problem.at(at, "the pool would reach into multicast: make it smaller")
    first6 = pool.network6
    if first6 is not None and IPv6Address(min(int(first6) + pool.pool_size - 1, LAST6)).is_multicast:
        yield Problem.at(at, "the IPv6 pool would reach into multicast: make it smaller")


def group_advice(settings: Settings) -> Iterator[Problem]:
    """Groups that nobody can be in: those of the host are known, of all others nothing is."""
    mode_cfg = settings.mode_cfg
    if mode_cfg is None or mode_cfg.auth_source is not AuthSource.SYSTEM:
        return
    if mode_cfg.group_source is not GroupSource.SYSTEM:
        return
    for group in mode_cfg.groups:
        try:
            grp.getgrnam(group.name)
        except KeyError:
            text = f'nobody is in the group "{group.name}": this host has none of that name, and group_source is system'
            yield Problem.at(group.places.head, text)


def ikev1_advice(settings: Settings, today: date | None = None) -> Iterator[Problem]:
    """Last days of IKEv1 that are near, or over."""
    mode_cfg, now = settings.mode_cfg, today or date.today()  # noqa: DTZ011 - days are those of the gateway
    if mode_cfg is None:
        return
    said = [(mode_cfg.ikev1_until, mode_cfg.places, "everybody")]
    said += [(each.ikev1_until or "", each.places, f'the group "{each.name}"') for each in mode_cfg.groups]
    for text, places, whom in said:
        day = day_of(text)
        if day is not None and (day - now).days <= SOON:
            when = f"ended for {whom} on {day}" if day < now else f"ends for {whom} with {day}"
            told = f"IKEv1 {when}: lotor status --versions names who would be kept out"
            yield Problem.at(places.of("ikev1_until"), told)


def _sources(mode_cfg: ModeCfg) -> Iterator[Problem]:
    """Groups that come with a login come from whoever judges it."""
    judge = GROUPS_OF.get(mode_cfg.group_source)
    if judge not in {None, mode_cfg.auth_source}:
        where = mode_cfg.group_source.value
        text = f"group_source {where} takes the groups that come with a login: write auth_source {where}; or system"
        yield Problem.at(mode_cfg.places.of("group_source"), text)


def _granted(mode_cfg: ModeCfg) -> Iterator[Problem]:
    for network in mode_cfg.granted_networks:
        never = NOT_FOR_CLIENTS4 if network.version == 4 else NOT_FOR_CLIENTS6
        if any(network.version == each.version and network.overlaps(each) for each in never):
            text = f"no client may have an address of {network}: name the networks that the back end grants from"
            yield Problem.at(mode_cfg.places.of("granted_networks"), text)


def _twice(what: str, named: Iterable[PoolSettings | GroupSettings]) -> Iterator[Problem]:
    first: dict[str, Location] = {}
    for each in named:
        head = first.setdefault(each.name, each.places.head)
        if head is not each.places.head:
            text = f'there is a {what} "{each.name}" already, at {head}: take one of them out'
            yield Problem.at(each.places.head, text)


def _overlapping(mode_cfg: ModeCfg) -> Iterator[Problem]:
    """An address of two pools would be given twice."""
    before: list[tuple[str, ModeCfg | PoolSettings]] = [("the pool of mode_cfg", mode_cfg)]
    for pool in mode_cfg.pools:
        own = pool_networks(pool)
        for name, other in before:
            theirs = pool_networks(other)
            if any(mine.version == each.version and mine.overlaps(each) for mine in own for each in theirs):
                text = f'the pool "{pool.name}" has addresses that {name} has as well: move it, or make one smaller'
                yield Problem.at(pool.places.head, text)
        before.append((f'the pool "{pool.name}"', pool))


def _group(group: GroupSettings, mode_cfg: ModeCfg, files: NamedFiles) -> Iterator[Problem]:
    pool = next((each for each in mode_cfg.pools if each.name == group.pool), None)
    if group.pool and pool is None:
        known = ", ".join(f'"{each.name}"' for each in mode_cfg.pools) or "none"
        text = f'there is no pool "{group.pool}": add pool "{group.pool}" {{ network4 …; }}; there are: {known}'
        yield Problem.at(group.places.of("pool"), text)
    elif (pool or mode_cfg).network6 is None and _of_ipv6(group):
        at = group.places.of("dns6" if group.dns6 else "split_networks")
        yield Problem.at(at, "only clients with an IPv6 address are told of IPv6: add network6 to their pool")
    if group.banner is not None and "banner" in group.places.fields:
        yield from files.readable(group.banner)


def _of_ipv6(group: GroupSettings) -> bool:
    networks = [network for each in group.split_networks or () for network in each.networks]
    return bool(group.dns6) or any(network.version == 6 for network in networks)
