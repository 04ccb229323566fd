"""The sets of `network { }` under many logins, and under an nft that refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import pytest

from lotor.config import loads
from lotor.hosts import network as hosts_network
from lotor.hosts.changes import Machine, OwnTable
from lotor.hosts.netlink import Netlink
from lotor.hosts.network import NetworkHost, Whose
from lotor.hosts.network_table import Plan, difference, found, lines, replacing
from lotor.hosts.nftables import script

RULES = 'network { forward off; allow group "staff" to any; allow user "u7" to 10.0.0.1; }'


class Nft:
    """Keeps the sets as the kernel would, and refuses `refusals` times. Implements what changes use of `Commands`."""

    def __init__(self) -> None:
        self.runs: list[list[dict[str, object]]] = []
        self.sets: dict[str, set[str]] = {}
        self.refusals = 0
        self.asked = ""

    async def run(self, name: str, *arguments: str, given: str = "") -> str:
        assert (name, *arguments) == ("nft", "-j", "-f", "-")
        self.asked = given
        await asyncio.sleep(0.001)
        if self.refusals:
            self.refusals -= 1
            raise OSError(5, "`nft -j -f -` failed with status 1: No such file or directory")
        self.runs.append(json.loads(given)["nftables"])
        for command in self.runs[-1]:
            [(what, thing)] = command.items()
            self._do(what, *next(iter(thing.items())))
        return ""

    def _do(self, what, kind, about) -> None:
        if (what, kind) == ("delete", "table"):
            self.sets = {}
        elif (what, kind) == ("add", "set"):
            self.sets[about["name"]] = set(about.get("elem", ()))
        elif (what, kind) == ("add", "element"):
            self.sets[about["name"]] |= set(about["elem"])
        elif (what, kind) == ("delete", "element"):
            assert set(about["elem"]) <= self.sets[about["name"]], "the kernel would refuse all of it"
            self.sets[about["name"]] -= set(about["elem"])


def plan(text: str = RULES) -> Plan:
    network = loads(text).settings.network
    assert network is not None
    return Plan(network, (ip_network("10.99.0.0/16"),))


def host(tmp_path: Path, nft: Nft) -> NetworkHost:
    machine = Machine(Netlink(), nft)  # type: ignore[arg-type]
    return NetworkHost(tmp_path / "run" / "network", machine, lambda user: frozenset({"staff"} if user < "u5" else ()))


def address(number: int) -> frozenset[IPv4Address]:
    return frozenset({IPv4Address("10.99.0.0") + number})


async def until(reached: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if reached():
            return
        await asyncio.sleep(0)
    pytest.fail("it did not come to that")


def test_a_thousand_logins_are_a_handful_of_runs(tmp_path: Path) -> None:
    nft = Nft()
    network = host(tmp_path, nft)

    async def story() -> None:
        await network.use(plan())
        nft.runs.clear()
        await asyncio.gather(*(network.admit(each, Whose(f"u{each % 10}"), address(each)) for each in range(1000)))
        assert len(nft.runs) <= 3
        assert len(nft.sets["group1_4"]) == 500
        assert len(nft.sets["user2_4"]) == 100
        for each in range(1000):
            network.dismiss(each)
        await network.admit(1000, Whose("u0"), address(9))
        assert nft.sets["group1_4"] == {"10.99.0.9"}
        assert nft.sets["user2_4"] == set()
        assert len(nft.runs) <= 6
        await network.stop()

    asyncio.run(story())


def test_an_address_passes_from_one_to_another_in_one_transaction(tmp_path: Path) -> None:
    nft = Nft()
    network = host(tmp_path, nft)

    async def story() -> None:
        await network.use(plan())
        await network.admit(1, Whose("u1"), address(1))
        nft.runs.clear()
        network.dismiss(1)
        await network.admit(2, Whose("u7"), address(1))
        assert len(nft.runs) == 1
        assert (nft.sets["group1_4"], nft.sets["user2_4"]) == (set(), {"10.99.0.1"})
        await network.stop()

    asyncio.run(story())


def test_where_nft_refuses_nobody_gets_in_and_the_next_one_mends_it(tmp_path: Path) -> None:
    nft = Nft()
    network = host(tmp_path, nft)

    async def story() -> None:
        await network.use(plan())
        await network.admit(1, Whose("u1"), address(1))
        nft.refusals = 1
        await network.admit(2, Whose("u2"), address(2))  # the whole table in place of what was refused
        assert nft.sets["group1_4"] == {"10.99.0.1", "10.99.0.2"}
        nft.refusals = 99
        network.dismiss(1)
        for number in (3, 4):
            with pytest.raises(OSError, match="was not made"):
                await network.admit(number, Whose("u7"), address(1))
        nft.refusals = 0
        await network.admit(5, Whose("u7"), address(1))
        assert (nft.sets["group1_4"], nft.sets["user2_4"]) == ({"10.99.0.2"}, {"10.99.0.1"})
        await network.stop()

    asyncio.run(story())


def test_logins_in_the_middle_of_a_reload_count_by_the_new_rules(tmp_path: Path) -> None:
    nft = Nft()
    network = host(tmp_path, nft)
    other = plan('network { forward off; allow user "u7" to any; allow group "staff" to 10.0.0.1; }')

    async def story() -> None:
        await network.use(plan())
        await network.admit(1, Whose("u1"), address(1))
        reload = asyncio.ensure_future(network.use(other))
        await asyncio.sleep(0)
        await asyncio.gather(network.admit(2, Whose("u7"), address(2)), network.admit(3, Whose("u2"), address(3)))
        await reload
        await network.admit(4, Whose("u9"), address(4))
        assert nft.sets["user1_4"] == {"10.99.0.2"}
        assert nft.sets["group2_4"] == {"10.99.0.1", "10.99.0.3"}
        await network.stop()

    asyncio.run(story())


def test_groups_that_cannot_be_looked_up_keep_the_address(tmp_path: Path) -> None:
    def unreadable(user: str) -> frozenset[str]:
        raise OSError(13, f"the groups of {user} are not known")

    network = NetworkHost(tmp_path / "run" / "network", Machine(Netlink(), Nft()), unreadable)  # type: ignore[arg-type]

    async def story() -> None:
        await network.use(plan())
        with pytest.raises(OSError, match="are not known"):
            await network.admit(1, Whose("u1"), address(1))
        await network.use(plan('network { forward off; allow user "u1" to any; }'))
        await network.admit(1, Whose("u1"), address(1))
        with pytest.raises(OSError, match="are not known"):
            await network.use(plan())
        await network.stop()

    asyncio.run(story())


def test_a_plan_finds_itself_and_tells_what_is_different() -> None:
    wanted = plan('network { masquerade on; allow everyone to 10.0.0.0/8 tcp 22; deny user "bob" to any; }')
    rules = [each["add"]["rule"] for each in replacing(wanted, {}) if "rule" in each.get("add", {})]
    listed = json.dumps({"nftables": [{"rule": each} for each in rules]})
    assert difference(wanted, found(listed)) == []
    assert difference(wanted, None) == ["the table inet lotor_network is not there"]
    fewer = json.dumps({"nftables": [{"rule": each} for each in rules[:-1]]})
    assert "a rule is missing in leave" in difference(wanted, found(fewer))[0]
    swapped = [*rules[:6], rules[7], rules[6], *rules[8:]]
    told = difference(wanted, found(json.dumps({"nftables": [{"rule": each} for each in swapped]})))
    assert told == ["the rules have another order"]
    assert json.loads(script(replacing(wanted, {})))["nftables"][1] == {
        "delete": {"table": {"family": "inet", "name": "lotor_network"}}
    }


def test_names_that_could_break_a_line_stay_inside_of_it() -> None:
    odd = plan("""network { allow user "b'; add table inet x; #" to any; }""")
    rows = [line for line in lines(odd) if "comment" in line]
    assert all(line.count('"') == 2 for line in rows)


def test_an_address_goes_to_another_when_it_has_left_the_sets(tmp_path: Path) -> None:
    nft = Nft()
    network = host(tmp_path, nft)

    async def story() -> None:
        await network.use(plan())
        await network.admit(1, Whose("u1"), address(1))
        network.dismiss(1)
        await until(lambda: "delete" in nft.asked and "10.99.0.1" in nft.asked)
        await network.admit(2, Whose("u9"), address(1))
        assert nft.sets["group1_4"] == set()
        await network.stop()

    asyncio.run(story())


def test_who_comes_while_the_first_rules_are_made_waits_for_them(tmp_path: Path) -> None:
    nft = Nft()
    network = host(tmp_path, nft)

    async def story() -> None:
        making = asyncio.ensure_future(network.use(plan()))
        await until(lambda: "group1_4" in nft.asked)
        await asyncio.gather(network.admit(1, Whose("u1"), address(1)), network.lead("lotor7"))
        assert nft.sets["group1_4"] == {"10.99.0.1"}
        assert nft.sets["tunnels"] == {"lotor7"}
        await making
        await network.stop()

    asyncio.run(story())


def test_one_that_gives_up_takes_nobody_elses_change_along(tmp_path: Path) -> None:
    nft = Nft()
    network = host(tmp_path, nft)

    async def story() -> None:
        await network.use(plan())
        _, first, second = (asyncio.ensure_future(network.admit(each, Whose("u1"), address(each))) for each in range(3))
        await until(lambda: "10.99.0.1" in nft.asked and "10.99.0.2" in nft.asked)
        first.cancel()
        await second
        assert "10.99.0.2" in nft.sets["group1_4"]
        await network.stop()

    asyncio.run(story())


@pytest.mark.parametrize("what", ["leaving", "reload"])
def test_what_nft_refused_is_tried_again_without_a_login(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts_network, "AGAIN", 0.0)
    nft = Nft()
    network = host(tmp_path, nft)

    async def story() -> None:
        await network.use(plan())
        await network.admit(1, Whose("u1"), address(1))
        runs, nft.refusals = len(nft.runs), 4
        if what == "leaving":
            network.dismiss(1)
        else:
            with pytest.raises(OSError, match="was not made"):
                await network.use(plan('network { forward off; allow user "u7" to any; }'))
        await until(lambda: len(nft.runs) > runs)
        assert nft.sets["group1_4"] == (set() if what == "leaving" else {"10.99.0.1"})
        await network.stop()

    asyncio.run(story())


def test_what_could_not_be_undone_is_no_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload that takes the block out, while nft says no, and one that brings it back."""
    network = host(tmp_path, Nft())

    async def story() -> None:
        async def refuses(*_: object) -> bool:
            raise OSError(5, "nft says no")

        await network.use(plan())
        with monkeypatch.context() as patched:
            patched.setattr(OwnTable, "undo", refuses)
            await network.use(None)
        await network.use(plan())
        monkeypatch.setattr(OwnTable, "undo", gone)
        await network.stop()
        assert list((tmp_path / "run" / "network").iterdir()) == []

    async def gone(*_: object) -> bool:
        return True

    asyncio.run(story())


def test_comments_fit_into_what_nft_takes() -> None:
    """128 octets, whatever alphabet the names are written in."""
    rows = plan(f'network {{ allow group "{"ж" * 64}" to any; allow user "{"語" * 64}" to any; }}').rows()
    assert all(len(row.mark.encode()) < 128 for row in rows)


def test_groups_and_the_filter_that_came_with_a_login_put_an_address_into_their_sets(tmp_path: Path) -> None:
    nft = Nft()
    network = host(tmp_path, nft)
    rules = 'network { forward off; allow group "sales" to any; allow filter "web" to any tcp 443; }'

    async def story() -> None:
        await network.use(plan(rules))
        assert network.filters == {"web"}
        await network.admit(1, Whose("u9", frozenset({"sales"})), address(1))
        await network.admit(2, Whose("u9", filter="web"), address(2))
        await network.admit(3, Whose("u9"), address(3))
        assert (nft.sets["group1_4"], nft.sets["filter2_4"]) == ({"10.99.0.1"}, {"10.99.0.2"})
        await network.use(plan())  # a reload whose rules ask for other groups
        await network.use(plan(rules))
        assert (nft.sets["group1_4"], nft.sets["filter2_4"]) == ({"10.99.0.1"}, {"10.99.0.2"})
        await network.stop()

    asyncio.run(story())


def test_the_groups_of_the_host_count_only_where_the_configuration_says_so(tmp_path: Path) -> None:
    nft = Nft()
    network = host(tmp_path, nft)

    async def story() -> None:
        await network.use(replace(plan(), by_host=False))
        await network.admit(1, Whose("u1"), address(1))
        await network.admit(2, Whose("u1", frozenset({"staff"})), address(2))
        assert nft.sets["group1_4"] == {"10.99.0.2"}
        await network.stop()

    asyncio.run(story())


def test_an_address_from_elsewhere_leaves_with_the_hosts_address_as_others_do(tmp_path: Path) -> None:
    nft = Nft()
    network = host(tmp_path, nft)
    elsewhere = [frozenset({IPv4Address("192.0.2.1") + number}) for number in range(3)]

    async def story() -> None:
        await network.use(plan("network { forward off; masquerade on; }"))
        nft.runs.clear()
        await network.admit(1, Whose("u1"), address(1))
        assert nft.runs == []
        await asyncio.gather(*(network.admit(2 + number, Whose("u1"), each) for number, each in enumerate(elsewhere)))
        assert network.plan is not None
        assert {str(each) for each in network.plan.clients} == {
            *("10.99.0.0/16", "192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32")
        }
        network.dismiss(2)
        network.dismiss(3)
        await network.admit(9, Whose("u1"), frozenset({IPv4Address("192.0.2.9")}))
        assert [str(each) for each in network.plan.clients] == ["10.99.0.0/16", "192.0.2.3/32", "192.0.2.9/32"]
        await network.stop()

    asyncio.run(story())


def test_an_address_from_elsewhere_takes_no_reload_back(tmp_path: Path) -> None:
    """Whoever gets one in the middle of a reload is covered by the new rules, and the new rules stay."""
    nft = Nft()
    network = host(tmp_path, nft)
    other = plan('network { forward off; masquerade on; deny user "u1" to any; allow everyone to any; }')
    elsewhere = frozenset({IPv4Address("192.0.2.1")})

    async def story() -> None:
        await network.use(plan("network { forward off; masquerade on; }"))
        reload = asyncio.ensure_future(network.use(other))
        await asyncio.sleep(0)
        await network.admit(1, Whose("u1"), elsewhere)
        await reload
        assert network.plan is not None
        assert network.plan.network == other.network
        assert {str(each) for each in network.plan.clients} == {"10.99.0.0/16", "192.0.2.1/32"}
        assert nft.sets["user1_4"] == {"192.0.2.1"}
        await network.stop()

    asyncio.run(story())
