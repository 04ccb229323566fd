"""A daemon in an attacker's hands asks for what no login was granted, at a real warden's end of a real socket pair."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv6Interface
from itertools import count
from pathlib import Path

import pytest

from far import besieged
from lotor.config import loads
from lotor.hosts.network import NetworkHost, Whose
from lotor.leases.pool import Pool
from lotor.leases.pool_history import PoolHistory
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.login import Accepted, LoginAttempt
from lotor.model.network import Peer
from lotor.ports.leases import Lease
from lotor.privsep.leasing import ACQUIRE_LEASE, Wish
from lotor.privsep.logging_in import CHECK_LOGIN
from lotor.warden import logins as warden_logins
from lotor.warden.admitting import NOBODY, AdmittedLeases, Giving
from lotor.warden.leases import HeldLeases
from lotor.warden.logins import HeldLogins

OWN = Grants(address=IPv4Address("10.99.99.3"), groups=frozenset({"sales"}), filter="web", accounting_classes=(b"1",))
FILE = """mode_cfg { network4 10.99.99.1; pool_size 9;
    pool "admins" { network4 10.99.98.1; pool_size 9; } group "admins" { pool "admins"; filter "all"; } }"""


class Generous:
    """A back end that accepts everybody, and grants each login the next of these."""

    def __init__(self, *grants: Grants) -> None:
        self._grants = list(grants)

    async def judge(self, attempt: LoginAttempt) -> Accepted:
        return Accepted(attempt.user, self._grants.pop(0) if len(self._grants) > 1 else self._grants[0])

    async def abandon(self, conversation: bytes) -> None: ...


class Pools:
    def __init__(self) -> None:
        pools = PoolHistory(Pool(IPv4Address("10.99.99.1"), 9), {"admins": Pool(IPv4Address("10.99.98.1"), 9)})
        self._pools = pools

    async def acquire(self, session, user, grants):
        return self._pools.acquire(session, user, grants)

    async def release(self, session) -> None:
        self._pools.release(session)


class Rules(NetworkHost):
    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"))
        self.told: list[Whose] = []

    @property
    def filters(self) -> frozenset[str]:
        return frozenset({"web", "all"})

    def groups_of(self, user: str) -> frozenset[str]:
        return frozenset()

    async def admit(self, session, who, addresses) -> None:
        self.told.append(who)


class Gateway:
    def __init__(self, *grants: Grants) -> None:
        self.rules, self.logins = Rules(), HeldLogins(Generous(*grants))
        mode_cfg = loads(FILE).settings.mode_cfg
        leases = AdmittedLeases(Pools(), self.rules, self.logins.granted, lambda: Giving(mode_cfg))
        self.leases = HeldLeases(leases, count(1))

    def rows(self):
        return {**self.logins.rows(), **self.leases.rows()}


def login(user: str = "alice") -> LoginAttempt:
    return LoginAttempt(user, (), Peer(IPv4Address("192.0.2.9"), 500))


LIES = [
    ("alice", Grants(address=IPv4Address("10.99.98.2"))),
    ("alice", Grants(address=IPv4Address("10.99.99.9"), groups=OWN.groups, filter="web", accounting_classes=(b"1",))),
    ("alice", Grants(address6=IPv6Interface("fd00::1/64"))),
    ("alice", Grants(pool="admins")),
    ("alice", Grants(groups=frozenset({"admins"}))),
    ("alice", Grants(filter="all")),
    ("alice", NO_GRANTS),
    ("boss", OWN),
]


@pytest.mark.parametrize(("user", "lie"), LIES, ids=str)
def test_an_owned_daemon_has_nothing_that_no_login_was_granted(user, lie):
    """It gets an address of the plain pool, as nobody: rules for everyone hold for it."""
    gateway = Gateway(OWN)

    async def story(intruder, _):
        await intruder.ask(CHECK_LOGIN, login())
        return await intruder.ask(ACQUIRE_LEASE, Wish(1, user, lie))

    lease = besieged(gateway.rows, story)
    assert lease == Lease(IPv4Address("10.99.99.1"), lease.netmask)
    assert gateway.rules.told == [Whose(NOBODY)]


def test_what_a_login_was_granted_is_given_also_where_its_user_logged_in_again_meanwhile():
    second = Grants(address=IPv4Address("10.99.99.4"))
    gateway = Gateway(OWN, second)

    async def story(intruder, _):
        for _number in range(2):
            await intruder.ask(CHECK_LOGIN, login())
        return [
            await intruder.ask(ACQUIRE_LEASE, Wish(number, "alice", each)) for number, each in enumerate((OWN, second))
        ]

    assert [str(each.address) for each in besieged(gateway.rows, story)] == ["10.99.99.3", "10.99.99.4"]
    assert gateway.rules.told == [Whose("alice", OWN.groups, "web"), Whose("alice")]


def test_of_one_user_a_bounded_number_of_grants_is_remembered(monkeypatch):
    monkeypatch.setattr(warden_logins, "MOST_GRANTS", 2)
    grants = [Grants(session_time=float(number)) for number in range(1, 5)]
    held = HeldLogins(Generous(*grants, grants[3]))

    async def story():
        for _ in range(5):
            await held._judge(login())

    asyncio.run(story())
    assert [held.granted("alice", each) for each in grants] == [False, False, True, True]
    assert not held.granted("bob", grants[3])
