"""The servers of a directory: which is asked first, and which is left alone because it failed lately."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lotor.config.directories import encrypted
from lotor.config.servers import Ldap
from lotor.ldap.connection import Way
from lotor.ldap.trust import Trust
from lotor.names.whereabouts import LookUp, Whereabouts, looked_up

log = logging.getLogger(__name__)

DEAD = 60.0
"""Seconds in which a server that failed is asked only when no other one answers."""


@dataclass(eq=False, slots=True)
class Server:
    """One of them. `back`: when its time as a dead one is over; 0 while it lives."""

    way: Way
    back: float = 0.0

    @property
    def name(self) -> str:
        return self.way.server.url

    def failed(self, fault: OSError, now: float) -> None:
        if self.back <= now:
            self.way.place.moved()
            log.warning("LDAP server %s: %s; it is left alone for %d seconds", self.name, fault, DEAD)
        self.back = now + DEAD

    def answered(self) -> None:
        if self.back:
            log.warning("LDAP server %s answers again", self.name)
        self.back = 0.0


class Servers:
    """All of one configuration, in its order."""

    def __init__(self, servers: Iterable[Server], now: Callable[[], float] = time.monotonic) -> None:
        self._servers = tuple(servers)
        self._now = now

    @classmethod
    def of(cls, settings: Ldap, now: Callable[[], float] = time.monotonic, look_up: LookUp = looked_up) -> Servers:
        trust = Trust(settings.authorities)
        ways = (
            Way(each, trust if encrypted(settings, each) else None, settings.timeout, Whereabouts(each.host, look_up))
            for each in settings.servers
        )
        return cls(map(Server, ways), now)

    def close(self) -> None:
        """No name is looked up any more."""
        for each in self._servers:
            each.way.place.close()

    def lives(self, server: Server) -> bool:
        return server.back <= self._now()

    def line(self) -> tuple[Server, ...]:
        """Whom to ask, one after the other: those that live, then the others, in the order of the configuration."""
        return tuple(sorted(self._servers, key=lambda server: not self.lives(server)))

    def failed(self, server: Server, fault: OSError) -> None:
        server.failed(fault, self._now())
