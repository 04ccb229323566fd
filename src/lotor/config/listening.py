"""The UDP sockets that `listen { }` asks for."""

from __future__ import annotations

from collections.abc import Iterable

from lotor.config.methods import is_gateway
from lotor.config.settings import Listen, ListenAddress, Settings
from lotor.model.network import ANYWHERE, ISAKMP_PORT, NAT_T_PORT, Peer


def isakmp(listen: Listen) -> tuple[ListenAddress, ...]:
    """The addresses of port 500."""
    return listen.isakmp or tuple(ListenAddress(address, ISAKMP_PORT) for address in ANYWHERE.values())


def nat_t(listen: Listen) -> tuple[ListenAddress, ...]:
    """The addresses of port 4500: one socket of each IP version carries the NAT traversal of all addresses."""
    each = (_nat_t(listen, version) for version in ANYWHERE)
    return tuple(one for one in each if one is not None)


def _nat_t(listen: Listen, version: int) -> ListenAddress | None:
    lines = listen.isakmp_natt or tuple(ListenAddress(each.address, NAT_T_PORT, each.at) for each in listen.isakmp)
    wanted = [each for each in lines if each.address.version == version]
    if not wanted:
        return None if lines else ListenAddress(ANYWHERE[version], NAT_T_PORT)
    if len({each.address for each in wanted}) == 1:
        return wanted[0]
    return ListenAddress(ANYWHERE[version], wanted[0].port, wanted[0].at)


def places(settings: Iterable[Settings]) -> frozenset[Peer]:
    """Where these configurations may have sockets. A host that is no gateway in any of them may take a free port, which
    is port 0 here: its gateway answers wherever it is asked from."""
    every = tuple(settings)
    named = [each for one in every for each in (*isakmp(one.listen), *nat_t(one.listen))]
    free = {Peer(each.address, 0) for each in named} if not any(map(is_gateway, every)) else set()
    return frozenset(Peer(each.address, each.port) for each in named) | free
