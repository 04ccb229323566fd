"""The port of the engines that give inner addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Interface
from typing import Protocol

from lotor.model.frozen import frozen
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.model.reason import Reason


@frozen
class Lease:
    """`netmask` None: the administrator's, or one derived from the pool. `address6` None: this pool has no IPv6.
    `group`: whose block of `mode_cfg` says what the client is told; empty: none. `groups`: those of the user
    that a `sainfo` names. `unkept`: grants that the login is let in without, as the configuration wants it."""

    address: IPv4Address
    netmask: IPv4Address | None = None
    address6: IPv6Interface | None = None
    group: str = ""
    groups: frozenset[str] = frozenset()
    unkept: tuple[Reason, ...] = ()

    @property
    def addresses(self) -> frozenset[Address]:
        return frozenset({self.address} if self.address6 is None else {self.address, self.address6.ip})


class Leases(Protocol):
    """A pool, maybe one of many gateways. The caller keeps the calls for one session in order."""

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        """The same `session` gets the same lease again; `Failure` when nothing is free, or when what was granted cannot
        be given: it is another's, or it is not of the pool."""
        ...

    async def release(self, session: int) -> None:
        """Unknown sessions are ignored."""
        ...
