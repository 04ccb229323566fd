"""Networks whose first messages get no answer: nothing of them is parsed, and nothing is computed for them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from lotor.model.network import Address, Network


class Shunned:
    """As many networks as there may be bans; each question costs one look for each length of a prefix among them."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = frozenset(networks)
        self._lengths = frozenset((each.version, each.prefixlen) for each in self._networks)

    def has(self, address: Address) -> bool:
        return any(
            ip_network((address, length), strict=False) in self._networks
            for version, length in self._lengths
            if version == address.version
        )
