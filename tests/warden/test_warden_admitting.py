"""An address is given when the rules hold for it: by whose login, and not where the host refuses."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv6Interface
from pathlib import Path

import pytest

from lotor.auth.accounts import Accounts, SystemFiles
from lotor.config import loads
from lotor.hosts.network import NetworkHost, Whose
from lotor.leases.pool import Pool
from lotor.leases.pool_history import PoolHistory
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.kinds import Kind
from lotor.model.reasons.local import PoolFault
from lotor.ports.leases import Lease
from lotor.warden.admitting import NOBODY, AdmittedLeases, Giving, LedNetwork, groups_of, plan_of
from lotor.warden.pool_routes import PoolRoutes

GATEWAY = """
remote anonymous { exchange_mode aggressive; certificate_type x509 "a" "b";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server;
        dh_group modp2048; } }
mode_cfg { network4 10.99.99.1; pool_size 2; }
"""


class Pools:
    """The pool alone."""

    def __init__(self) -> None:
        self._pools = PoolHistory(Pool(IPv4Address("10.99.99.1"), 2), {"staff": Pool(IPv4Address("10.99.98.1"), 2)})

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        return self._pools.acquire(session, user, grants)

    async def release(self, session: int) -> None:
        self._pools.release(session)

    def __len__(self) -> int:
        return len(self._pools)


class Rules(NetworkHost):
    """Remembers whom it let in; `fault` is what nft says."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"))
        self.told: list[object] = []
        self.fault: OSError | None = None
        self.last: Whose | None = None

    @property
    def filters(self) -> frozenset[str]:
        return frozenset({"web", "mail"})

    def groups_of(self, user: str) -> frozenset[str]:
        return frozenset({"wheel"}) if user == "bob" else frozenset()

    async def admit(self, session, who, addresses) -> None:
        if self.fault is not None:
            raise self.fault
        self.told.append((session, who.user, *map(str, addresses)))
        self.last = who

    def dismiss(self, session) -> None:
        self.told.append(session)


def test_only_a_proved_user_is_somebody() -> None:
    rules, pools = Rules(), Pools()
    leases = AdmittedLeases(pools, rules, proved=lambda user, _: user == "alice")

    async def story() -> None:
        assert isinstance(await leases.acquire(1, "alice", NO_GRANTS), Lease)
        lied = Grants(groups=frozenset({"admins"}))
        assert isinstance(await leases.acquire(2, "mallory", lied), Lease)
        await leases.release(1)

    asyncio.run(story())
    assert rules.told == [(1, "alice", "10.99.99.1"), (2, NOBODY, "10.99.99.2"), 1]


def test_an_address_for_which_the_rules_do_not_hold_is_not_given() -> None:
    rules, pools = Rules(), Pools()
    rules.fault = OSError(5, "nft says no")
    leases = AdmittedLeases(pools, rules, proved=lambda *_: True)
    refused = asyncio.run(leases.acquire(1, "alice", NO_GRANTS))
    assert isinstance(refused, Failure)
    assert "nft says no" in str(refused.reason)
    assert len(pools) == 0


def test_an_address_that_a_second_question_cost_is_in_no_set() -> None:
    """The host refuses a route that the second one needs, and the address is free: the next one is in its own sets."""

    class Fickle(Pools):
        async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
            if not len(self):
                return await super().acquire(session, user, grants)
            await self.release(session)
            return Failure(PoolFault("no route"))

    rules, pools = Rules(), Fickle()
    leases = AdmittedLeases(pools, rules, proved=lambda *_: True)

    async def story() -> None:
        assert isinstance(await leases.acquire(1, "alice", NO_GRANTS), Lease)
        assert isinstance(await leases.acquire(1, "alice", Grants(filter="web")), Failure)

    asyncio.run(story())
    assert rules.told == [(1, "alice", "10.99.99.1"), 1]


def test_an_address_that_is_taken_back_is_in_no_set() -> None:
    """A session asks again while the host cannot say which groups its user is in."""
    rules, pools = Rules(), Pools()
    leases = AdmittedLeases(pools, rules, proved=lambda *_: True)

    async def story() -> None:
        await leases.acquire(1, "alice", NO_GRANTS)
        rules.fault = OSError(13, "the groups of users are not known")
        assert isinstance(await leases.acquire(1, "alice", NO_GRANTS), Failure)

    asyncio.run(story())
    assert rules.told == [(1, "alice", "10.99.99.1"), 1]
    assert len(pools) == 0


BY_GROUP = """
    pool "staff" { network4 10.99.98.1; pool_size 2; }
    group "sales" { filter "web"; }
    group "staff" { pool "staff"; filter "mail"; }
    group "wheel" { dns4 10.0.0.53; }
"""


def granting(grants: Grants, user: str = "alice", more: str = "") -> tuple[Lease | Failure, Rules]:
    """What a login with these grants comes to at a gateway that gives by group."""
    mode_cfg = loads(GATEWAY.replace("pool_size 2;", f"pool_size 2; {BY_GROUP} {more}")).settings.mode_cfg
    rules = Rules()
    leases = AdmittedLeases(Pools(), rules, lambda *_: True, lambda: Giving(mode_cfg))
    return asyncio.run(leases.acquire(1, user, grants)), rules


@pytest.mark.parametrize(
    ("groups", "user", "group", "address", "filter_"),
    [
        ((), "alice", "", "10.99.99.1", ""),
        (("staff",), "alice", "staff", "10.99.98.1", "mail"),
        (("staff", "sales"), "alice", "sales", "10.99.99.1", "web"),
        ((), "bob", "wheel", "10.99.99.1", ""),
        (("staff",), "bob", "staff", "10.99.98.1", "mail"),
        (("others",), "alice", "", "10.99.99.1", ""),
    ],
)
def test_the_first_block_that_names_a_group_of_the_user_counts(groups, user, group, address, filter_) -> None:
    lease, rules = granting(Grants(groups=frozenset(groups)), user)
    assert isinstance(lease, Lease)
    assert (lease.group, str(lease.address)) == (group, address)
    assert rules.last == Whose(user, frozenset(groups), filter_)


def test_of_all_groups_a_daemon_hears_of_those_that_a_sainfo_names() -> None:
    leases = AdmittedLeases(Pools(), Rules(), lambda *_: True, lambda: Giving(None, frozenset({"wheel", "sales"})))

    async def story() -> list[Lease | Failure]:
        grants = Grants(groups=frozenset({"sales", "others"}))
        return [await leases.acquire(1, "bob", grants), await leases.acquire(2, "alice", NO_GRANTS)]

    bob, alice = asyncio.run(story())
    assert isinstance(bob, Lease)
    assert isinstance(alice, Lease)
    assert (bob.groups, alice.groups) == ({"wheel", "sales"}, frozenset())


def test_where_groups_come_with_the_login_those_of_the_host_do_not_count() -> None:
    lease, _ = granting(NO_GRANTS, "bob", "group_source radius;")
    assert isinstance(lease, Lease)
    assert lease.group == ""


def test_what_is_granted_goes_before_what_the_group_says() -> None:
    lease, rules = granting(Grants(groups=frozenset({"sales"}), pool="staff", filter="mail"))
    assert isinstance(lease, Lease)
    assert str(lease.address) == "10.99.98.1"
    assert rules.last == Whose("alice", frozenset({"sales"}), "mail")


UNKEPT = [
    (Grants(address=IPv4Address("192.0.2.1")), Kind.GRANT_OUTSIDE_POOL),
    (Grants(address6=IPv6Interface("fd00::1/64")), Kind.GRANT_OUTSIDE_POOL),
    (Grants(pool="nobody"), Kind.GRANT_POOL_UNKNOWN),
    (Grants(filter="nobody"), Kind.GRANT_FILTER_UNKNOWN),
]


@pytest.mark.parametrize(("grants", "kind"), UNKEPT)
def test_what_cannot_be_kept_is_a_refusal_that_says_so(grants, kind) -> None:
    refused, rules = granting(grants)
    assert isinstance(refused, Failure)
    assert refused.reason.kind is kind
    assert refused.reason.message
    assert rules.last is None


@pytest.mark.parametrize(("grants", "kind"), UNKEPT)
def test_what_cannot_be_kept_is_a_note_where_the_configuration_says_so(grants, kind) -> None:
    lease, rules = granting(grants, more="unkept_grants note;")
    assert isinstance(lease, Lease)
    assert str(lease.address) == "10.99.99.1"
    assert [each.kind for each in lease.unkept] == [kind]
    assert rules.last == Whose("alice")


def test_of_several_that_cannot_be_kept_each_is_noted_and_the_others_stay() -> None:
    both = Grants(address=IPv4Address("192.0.2.1"), address6=IPv6Interface("fd00::1/64"), pool="staff", filter="nobody")
    lease, _ = granting(both, more="unkept_grants note;")
    assert isinstance(lease, Lease)
    assert str(lease.address) == "10.99.98.1"
    assert sorted(each.kind.value for each in lease.unkept) == [
        *("grant-filter-unknown", "grant-outside-pool", "grant-outside-pool")
    ]


@pytest.mark.parametrize(("more", "limits"), [("", False), ("unkept_grants note;", False), ("", True)])
def test_a_rate_that_the_kernel_does_not_keep_is_no_exception(more, limits) -> None:
    mode_cfg = loads(GATEWAY.replace("pool_size 2;", f"pool_size 2; {more}")).settings.mode_cfg
    leases = AdmittedLeases(Pools(), Rules(), lambda *_: True, lambda: Giving(mode_cfg), limits=lambda: limits)
    given = asyncio.run(leases.acquire(1, "alice", Grants(rate=125_000)))
    told = [given.reason] if isinstance(given, Failure) else list(given.unkept)
    assert isinstance(given, Failure) is (not more and not limits)
    assert [each.kind for each in told] == ([] if limits else [Kind.GRANT_RATE_UNKEPT])
    assert all("1 Mbit/s is not kept" in each.text for each in told)


def test_a_pool_that_is_full_is_no_grant_that_one_comes_in_without() -> None:
    mode_cfg = loads(GATEWAY.replace("pool_size 2;", "pool_size 2; unkept_grants note;")).settings.mode_cfg
    leases = AdmittedLeases(Pools(), Rules(), lambda *_: True, lambda: Giving(mode_cfg))

    async def story() -> Lease | Failure:
        for session in (1, 2):
            await leases.acquire(session, f"u{session}", NO_GRANTS)
        return await leases.acquire(3, "late", NO_GRANTS)

    full = asyncio.run(story())
    assert isinstance(full, Failure)
    assert full.reason.kind is Kind.POOL_EXHAUSTED


def test_groups_are_those_of_the_host_and_nobody_has_none(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("alice:x:1000:100::/:/bin/sh\n")
    (tmp_path / "group").write_text("users:x:100:\nstaff:x:50:alice,bob\n")
    files = SystemFiles(tmp_path / "passwd", tmp_path / "shadow", tmp_path / "group", tmp_path / "nologin")
    groups = groups_of(Accounts(files))
    assert groups("alice") == {"users", "staff"}
    assert groups("bob") == {"staff"}
    assert groups(NOBODY) == groups("carol") == frozenset()
    (tmp_path / "group").unlink()
    with pytest.raises(OSError, match="groups of users are not known"):
        groups("alice")


def test_only_a_gateway_with_the_block_is_set_up() -> None:
    assert plan_of(loads(GATEWAY).settings) is None
    assert plan_of(loads("network { }").settings) is None
    plan = plan_of(loads(f"{GATEWAY} network {{ }}").settings)
    assert plan is not None
    assert [str(each) for each in plan.clients] == ["10.99.99.1/32", "10.99.99.2/32"]


@pytest.mark.parametrize("refuses", ["network", "pool"])
def test_a_reload_that_the_host_refuses_leaves_the_rules_that_were(refuses: str) -> None:
    used: list[object] = []

    class Network:
        plan = None

        async def use(self, plan) -> None:
            if refuses == "network" and used and plan is not None:
                raise OSError(5, "nft says no")
            self.plan = plan
            used.append(plan)

    class Routes(PoolRoutes):
        async def adapt(self, settings):
            if refuses == "pool" and len(used) > 1:
                raise OSError(5, "no route")
            return await super().adapt(settings)

    async def story() -> None:
        network, pool = Network(), Routes(None)
        led = LedNetwork(network, pool)
        await led.adapt(loads(GATEWAY + "network { }").settings)
        first = network.plan
        with pytest.raises(OSError, match="no"):
            await led.adapt(
                loads(GATEWAY.replace("pool_size 2", "pool_size 9") + "network { masquerade on; }").settings
            )
        assert network.plan is first
        assert pool.networks(loads(GATEWAY).settings) == list(first.clients)

    asyncio.run(story())


def test_addresses_of_earlier_pools_stay_clients() -> None:
    class Nothing:
        async def serve(self, networks, partners=()) -> None: ...

    async def story() -> list[str]:
        pool = PoolRoutes(Nothing())
        await pool.adapt(loads(GATEWAY).settings)
        await pool.acquire(1, "alice", NO_GRANTS)
        other = loads(GATEWAY.replace("10.99.99.1", "10.50.0.4") + "network { }").settings
        plan = plan_of(other, pool)
        assert plan is not None
        return [str(each) for each in plan.clients]

    assert asyncio.run(story()) == ["10.50.0.4/31", "10.99.99.1/32"]
