"""SA pairs as SAs and policies: who sends, who receives, and what is left where the kernel refuses."""

from __future__ import annotations

import asyncio
import errno
import itertools
import random
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from kernel_tables import Devices, Engine, KernelTables, at, compresses, pair, played
from lotor.hosts.routing import OUTER_MARK
from lotor.hosts.xfrm.entries import OWN_INTERFACE, OWN_REQIDS, CompSa, Direction, Policy, Protocol, Sa, SaId
from lotor.hosts.xfrm.pairs import MOST_ENDS
from lotor.hosts.xfrm.reqids import Reqids
from lotor.model.algorithms import Compression
from lotor.model.child import Encapsulation, IpComp
from lotor.ports.host_esp import Leading
from scripted import ESP

INSIDE = "10.0.12.9"
DEFLATED = IpComp(Compression.DEFLATE, 0x1001, 0x2001)


def sender(kernel, number, inside=INSIDE):
    """The SPI of the pair that packets to the client of this number leave by."""
    left = kernel.leave(inside, f"10.99.99.{number}")
    return None if left is None else left[0].keys.spi


def comes_in(kernel, spi, number=None, *, source="10.99.99.1"):
    """Whether a new packet of the client comes in by this SPI."""
    entry = kernel.sas[SaId(ip_address("192.0.2.1"), spi)]
    number = number or max(entry.came, default=0) + 1
    return kernel.arrive(spi, number, (source, INSIDE), (entry.sa.source, entry.sa.destination))


def test_a_pair_is_two_sas_and_three_policies():
    async def story(esp):
        await esp.install(pair(1))
        return list(esp.kernel.sas.values()), list(esp.kernel.policies.values())

    (into, out), policies = played(story)
    assert (into.sa.source, into.sa.destination) == (at("198.51.100.7"), at("192.0.2.1"))
    assert (out.sa.source, out.sa.destination) == (at("192.0.2.1"), at("198.51.100.7"))
    assert (into.sa.keys.spi, out.sa.keys.spi) == (1001, 2001)
    assert (into.sa.outbound, out.sa.outbound) == (False, True)
    assert {each.direction for each in policies} == set(Direction)
    assert {each.reqid for each in policies} <= set(OWN_REQIDS)
    assert all(each.interface == OWN_INTERFACE for each in (into.sa, out.sa, *policies))


@pytest.mark.parametrize("compression", [None, DEFLATED])
def test_only_what_leaves_is_marked_for_the_routes(compression):
    """What comes in is inner packets, whose routes lead into the tunnels. Of IPComp around ESP the kernel asks the
    outer one of the two for the way to the peer: without a mark a tunnel for everything would lead into itself."""

    async def story(esp):
        await esp.install(pair(1, compression=compression))
        return [entry.sa.mark for entry in esp.kernel.sas.values()]

    once = 1 if compression is None else 2
    assert played(story) == [0] * once + [OUTER_MARK] * once


def test_without_an_xfrm_interface_nothing_belongs_to_one():
    async def story(esp):
        await esp.install(pair(1, compression=DEFLATED))
        entries = [entry.sa for entry in esp.kernel.sas.values()]
        return {each.interface for each in (*entries, *esp.kernel.policies.values())}

    assert played(story, Engine(devices=Devices(Leading.POLICIES))) == {0}


def test_packets_leave_and_come_in_until_the_pair_is_removed():
    async def story(esp):
        await esp.install(pair(1))
        before = sender(esp.kernel, 1), comes_in(esp.kernel, 1001), sender(esp.kernel, 2)
        await esp.remove(1)
        return before, sender(esp.kernel, 1), esp.kernel.sas, esp.kernel.policies

    assert played(story) == ((2001, True, None), None, {}, {})


def test_a_new_pair_takes_over_and_gives_back():
    async def story(esp):
        await esp.install(pair(1))
        await esp.install(replace(pair(2, like=1), replaces=1))
        both = sender(esp.kernel, 1), comes_in(esp.kernel, 1001), comes_in(esp.kernel, 1002)
        await esp.activate(1)
        still = sender(esp.kernel, 1)
        await esp.remove(2)
        return both, still, sender(esp.kernel, 1), comes_in(esp.kernel, 1001)

    assert played(story) == ((2002, True, True), 2002, 2001, True)


def test_a_pair_that_does_not_send_yet_receives():
    async def story(esp):
        await esp.install(pair(1))
        await esp.install(replace(pair(2, like=1), replaces=1, sending=False))
        before = sender(esp.kernel, 1), comes_in(esp.kernel, 1001), comes_in(esp.kernel, 1002)
        await esp.activate(2)
        after = sender(esp.kernel, 1)
        await esp.remove(1)
        return before, after, sender(esp.kernel, 1), comes_in(esp.kernel, 1002)

    assert played(story) == ((2001, True, True), 2002, 2002, True)


def test_two_sessions_with_the_same_networks_both_receive_and_the_newest_sends():
    """As when a client comes back before its old session has ended."""

    async def story(esp):
        await esp.install(pair(1))
        await esp.install(pair(2, like=1, remote="203.0.113.5"))
        both = sender(esp.kernel, 1), comes_in(esp.kernel, 1001), comes_in(esp.kernel, 1002)
        await esp.activate(1)
        active = sender(esp.kernel, 1)
        await esp.remove(1)
        return both, active, sender(esp.kernel, 1), comes_in(esp.kernel, 1002)

    assert played(story) == ((2002, True, True), 2001, 2002, True)


def test_one_network_in_common_lets_nobody_in_for_the_others():
    """A pair must not send what only another one may, because their policies had a reqid in common."""
    mine = (ip_network("10.99.99.1/32"), ip_network("10.99.99.2/32"))
    hers = (ip_network("10.99.99.2/32"), ip_network("10.99.99.3/32"))

    async def story(esp):
        await esp.install(replace(pair(1), remote_networks=mine))
        await esp.install(replace(pair(2), remote_networks=hers))
        foreign = comes_in(esp.kernel, 1001, source="10.99.99.3"), comes_in(esp.kernel, 1002, source="10.99.99.1")
        own = comes_in(esp.kernel, 1001, source="10.99.99.1"), comes_in(esp.kernel, 1002, source="10.99.99.3")
        newest = comes_in(esp.kernel, 1001, source="10.99.99.2"), comes_in(esp.kernel, 1002, source="10.99.99.2")
        await esp.remove(2)
        return foreign, own, newest, comes_in(esp.kernel, 1001, source="10.99.99.2")

    assert played(story) == ((False, False), (True, True), (False, True), True)


def test_what_replaces_a_pair_that_another_session_is_like_has_policies_of_its_own():
    """The other session would get in with the networks of the new one."""

    async def story(esp):
        await esp.install(pair(1))
        await esp.install(pair(2, like=1, session=2))
        both = (*pair(2, like=1).remote_networks, ip_network("10.99.99.3/32"))
        await esp.install(replace(pair(3, session=2), remote_networks=both, replaces=2))
        await esp.install(replace(pair(4, session=3), remote_networks=both))
        return [comes_in(esp.kernel, spi, source="10.99.99.3") for spi in (1001, 1002, 1003, 1004)]

    assert played(story) == [False, False, True, True]


def test_what_replaces_a_pair_of_its_session_shares_with_it():
    both = (ip_network("10.99.99.1/32"), ip_network("10.99.99.2/32"))

    async def story(esp):
        await esp.install(pair(1))
        await esp.install(replace(pair(2), remote_networks=both, replaces=1, sending=False))
        return [comes_in(esp.kernel, spi, source="10.99.99.1") for spi in (1001, 1002)]

    assert played(story) == [True, True]


def test_the_longest_prefix_of_the_peers_side_decides():
    wide, narrow = (ip_network("10.0.0.0/8"),), (ip_network("10.99.0.0/16"),)

    async def story(esp):
        await esp.install(replace(pair(1), remote_networks=narrow))
        await esp.install(replace(pair(2), remote_networks=wide))
        return sender(esp.kernel, 1), esp.kernel.leave(INSIDE, "10.1.1.1")[0].keys.spi

    assert played(story) == (2001, 2002)


def test_networks_of_both_ip_versions_do_not_mix():
    both = (ip_network("0.0.0.0/0"), ip_network("::/0"))

    async def story(esp):
        await esp.install(replace(pair(1), local_networks=both, remote_networks=both))
        left = esp.kernel.leave("2001:db8::1", "2001:db8:2::2"), esp.kernel.leave(INSIDE, "10.99.99.1")
        return len(esp.kernel.policies), [sa.keys.spi for sa, _ in left]

    assert played(story) == (6, [2001, 2001])


def test_a_network_that_is_named_twice_counts_once():
    async def story(esp):
        child = pair(1)
        await esp.install(replace(child, local_networks=child.local_networks * 2))
        there = len(esp.kernel.policies)
        await esp.remove(1)
        return there

    assert played(story) == 3


def test_more_networks_than_it_takes_are_refused():
    many = tuple(ip_network(f"10.{high}.{low}.0/24") for high in range(5) for low in range(256))[: MOST_ENDS + 1]

    async def story(esp):
        with pytest.raises(OSError, match="more than 1024 pairs of networks"):
            await esp.install(replace(pair(1), local_networks=many))
        return esp.kernel.sas

    assert played(story) == {}


def test_ipcomp_goes_around_what_esp_carries():
    async def story(esp):
        await esp.install(pair(1, compression=DEFLATED))
        sas = {entry.sa.id: entry.sa for entry in esp.kernel.sas.values()}
        left, came = sender(esp.kernel, 1), comes_in(esp.kernel, 1001)
        return sas, {each.comp for each in esp.kernel.policies.values()}, left, came

    sas, comp, *carried = played(story)
    assert {each.spi for each in sas if each.protocol is Protocol.IPCOMP} == {0x1001, 0x2001}
    assert [each.tunnel for each in sas.values() if isinstance(each, Sa)] == [False, False]
    assert (comp, carried) == ({True}, [2001, True])
    for each in sas.values():
        if isinstance(each, CompSa):
            twin = next(sa for sa in sas.values() if isinstance(sa, Sa) and sa.destination.address == each.destination)
            assert (each.reqid, each.source) == (twin.reqid, twin.source.address)


def test_where_a_neighbour_has_the_cpi_packets_leave_as_they_are():
    """Two clients behind one NAT choose their CPIs, of 16 bits, without knowing of each other."""

    async def story(esp):
        await esp.install(pair(1, compression=DEFLATED))
        await esp.install(pair(2, compression=replace(DEFLATED, cpi_in=0x1002)))
        left = [esp.kernel.leave(INSIDE, f"10.99.99.{number}")[0] for number in (1, 2)]
        await esp.remove(1)
        return [(sa.keys.spi, sa.tunnel) for sa in left], comes_in(esp.kernel, 1002, source="10.99.99.2")

    assert played(story) == ([(2001, False), (2002, True)], True)


def test_a_cpi_of_ours_that_another_pair_has_is_refused():
    async def story(esp):
        await esp.install(pair(1, compression=DEFLATED))
        there = set(esp.kernel.sas)
        with pytest.raises(OSError, match=r"CPI 0x00001001 at 192\.0\.2\.1 belongs to another SA"):
            await esp.install(pair(2, compression=replace(DEFLATED, cpi_out=0x2002)))
        return there == set(esp.kernel.sas)

    assert played(story)


def test_a_renewal_with_ipcomp_sends_by_the_cpi_of_its_own_pair():
    """The kernel finds IPComp's SA by reqid: were it the same, it would take either."""

    async def story(esp):
        await esp.install(pair(1, compression=DEFLATED))
        new = pair(2, like=1, compression=IpComp(Compression.DEFLATE, 0x1002, 0x2002))
        await esp.install(replace(new, replaces=1, sending=False))
        out = next(each for each in esp.kernel.policies.values() if each.direction is Direction.OUT)
        return [each.id.spi for each in (entry.sa for entry in esp.kernel.sas.values()) if compresses(out, each)]

    assert played(story) == [0x2001]


@pytest.mark.parametrize(("networks", "sizes"), [(["10.0.0.0/8"], [False]), (["2001:db8:2::/64"], [True])])
def test_packets_of_the_other_ip_version_leave_uncompressed(networks, sizes):
    """The SA of ESP around IPComp's is in transport mode, and those have one IP version in this kernel."""
    networks = tuple(ip_network(each) for each in networks)

    async def story(esp):
        await esp.install(replace(pair(1, compression=DEFLATED), local_networks=networks, remote_networks=networks))
        left = [esp.kernel.leave(str(each[1]), str(each[2])) for each in networks]
        return [sa.tunnel for sa, _ in left]

    assert played(story) == sizes


def test_a_foreign_sa_of_the_same_number_is_left_alone():
    """Another program's, or of a client behind the same address that chose the same SPI."""
    foreign = Sa(at("192.0.2.1"), at("198.51.100.7", 1), Encapsulation.UDP, ESP, pair(1).outbound, reqid=1)

    async def story(esp):
        await esp.kernel.add(foreign)
        with pytest.raises(OSError, match=r"SPI 0x000007d1 at 198\.51\.100\.7 belongs to another SA"):
            await esp.install(pair(1))
        return [entry.sa for entry in esp.kernel.sas.values()], esp.kernel.policies

    assert played(story, empty=False) == ([foreign], {})


def broken(kernel, when, *, lost, code=errno.ENOBUFS):
    """The question of this number fails, or its answer is lost."""
    count = itertools.count()

    def fail(name, *_):
        if next(count) == when:
            raise OSError(code, f"no buffer space for {name}")

    setattr(kernel, "after" if lost else "before", fail)
    return count


def whole(kernel):
    kernel.before = kernel.after = lambda *_: None


EACH_FAULT = list(itertools.product(range(8), [False, True]))
"""Which question fails, and whether only its answer is lost."""


def test_an_install_that_fails_takes_everything_back():
    async def story(esp, when, lost):
        await esp.install(pair(1))
        there = set(esp.kernel.sas), dict(esp.kernel.policies)
        broken(esp.kernel, when, lost=lost)
        new = pair(2, like=1, compression=DEFLATED)
        [refusal] = await asyncio.gather(esp.install(replace(new, replaces=1)), return_exceptions=True)
        whole(esp.kernel)
        if refusal is not None:
            await esp.install(pair(9))  # what was refused once is done with the next change
            await esp.remove(9)
            assert (set(esp.kernel.sas), esp.kernel.policies) == there
            assert (sender(esp.kernel, 1), comes_in(esp.kernel, 1001)) == (2001, True)
        return getattr(refusal, "errno", None)

    assert EACH_FAULT
    for when, lost in EACH_FAULT:
        outcome = played(lambda esp, when=when, lost=lost: story(esp, when, lost))
        assert outcome == (errno.ENOBUFS if when < 7 else None), (when, lost)  # 2 SAs, 2 of IPComp, 3 policies


def test_a_removal_that_fails_tells_the_figures_and_ends_later():
    async def story(esp, when, lost):
        await esp.install(pair(1))
        await esp.install(pair(2))
        broken(esp.kernel, when, lost=lost)
        assert await esp.remove(1) is not None
        whole(esp.kernel)
        assert await esp.remove(1) is None
        await esp.remove(2)
        return esp.kernel.sas, esp.kernel.policies

    assert EACH_FAULT
    for when, lost in EACH_FAULT:
        assert played(lambda esp, when=when, lost=lost: story(esp, when, lost)) == ({}, {}), (when, lost)


def gives_up(kernel, when, caller):
    """At the question of this number."""
    count = itertools.count()
    kernel.before = lambda *_: caller.cancel() if next(count) == when else None


@pytest.mark.parametrize("calls", range(4))  # 2 SAs, and a policy: the others stay as they are
def test_an_install_whose_caller_gives_up_leaves_nothing(calls):
    async def story(esp):
        await esp.install(pair(1))
        there = set(esp.kernel.sas), dict(esp.kernel.policies)
        caller = asyncio.create_task(esp.install(replace(pair(2, like=1), replaces=1)))
        gives_up(esp.kernel, calls, caller)
        await asyncio.wait({caller})
        if calls < 3:
            assert caller.cancelled()
            assert await esp.remove(2) is None
            assert (set(esp.kernel.sas), esp.kernel.policies) == there
        else:
            assert await esp.remove(2) is not None

    played(story)


def test_giving_up_an_install_that_was_refused_does_not_remove_the_pair_before():
    async def story(esp):
        await esp.install(pair(1))
        caller = asyncio.create_task(esp.install(pair(1)))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait({caller})
        return sender(esp.kernel, 1)

    assert played(story) == 2001


def test_pairs_come_and_go_at_once():
    async def story(esp):
        numbers = range(1, 21)
        await asyncio.gather(*(esp.install(pair(number, like=1)) for number in numbers))
        newest = sender(esp.kernel, 1)
        await asyncio.gather(*(esp.remove(number) for number in numbers if number != 7))
        last = sender(esp.kernel, 1)
        await esp.remove(7)
        return newest, last, esp.kernel.sas, esp.kernel.policies

    assert played(story) == (2020, 2007, {}, {})


def test_everything_is_given_back_whatever_the_order():
    """Against a list of pairs, of which the last one sends that may."""
    chance = random.Random(14)

    async def story(esp):
        model: list[list] = []  # number, networks, replaces, sending
        for number in range(2, 200):
            match chance.choice(["install", "install", "remove", "activate"]):
                case "install":
                    networks = chance.sample([1, 2, 3], chance.randint(1, 2))
                    replaced = chance.choice([None, *(each[0] for each in model)])
                    sending = chance.random() < 0.7
                    remote = tuple(ip_network(f"10.99.99.{each}/32") for each in networks)
                    child = pair(number, remote=f"203.0.113.{number % 200}")
                    await esp.install(replace(child, remote_networks=remote, replaces=replaced, sending=sending))
                    model.append([number, networks, replaced, sending])
                case "remove" if model:
                    gone = model.pop(chance.randrange(len(model)))
                    await esp.remove(gone[0])
                case "activate" if model:
                    active = model.pop(chance.randrange(len(model)))
                    await esp.activate(active[0])
                    model.append([*active[:3], True])
            assert [sender(esp.kernel, each) for each in (1, 2, 3)] == [expected(model, each) for each in (1, 2, 3)]
        for each in model:
            await esp.remove(each[0])
        return esp.kernel.sas, esp.kernel.policies

    assert played(story) == ({}, {})


def expected(model, network):
    replaced = {each[2] for each in model if each[3]}
    may = [each[0] for each in model if network in each[1] and each[3] and each[0] not in replaced]
    return 2000 + may[-1] if may else None


def test_reqids_come_again_as_late_as_can_be_and_end():
    reqids = Reqids(range(10, 13))
    first = reqids.take()
    reqids.share(first)
    reqids.free(first)
    assert [reqids.take(), reqids.take()] == [11, 12]
    with pytest.raises(OSError, match="3 numbers"):
        reqids.take()
    reqids.free(first)
    assert (reqids.take(), len(reqids)) == (10, 3)


def test_no_reqid_stays_in_use():
    async def story(esp):
        for number in range(1, 30):
            await esp.install(replace(pair(number, like=1), replaces=number - 1 or None))
            await esp.remove(number - 1)
        with pytest.raises(FileExistsError):
            await esp.install(pair(30, like=1, inbound=pair(29).inbound))
        await esp.remove(29)
        return len(esp._opened.reqids)

    assert played(story) == 0


def test_what_a_killed_program_left_is_gone_and_nothing_else(caplog):
    kernel = KernelTables()
    ours = Sa(at("192.0.2.1"), at("198.51.100.7"), Encapsulation.UDP, ESP, pair(1).outbound, OWN_REQIDS[5])
    foreign = replace(ours, keys=pair(2).outbound, reqid=1)
    anywhere = ip_network("0.0.0.0/0")
    policy = Policy(Direction.OUT, anywhere, anywhere, ip_address("192.0.2.1"), ip_address("198.51.100.7"), 1)
    policy = replace(policy, foreign=True)

    async def story():
        for each in (ours, foreign):
            await kernel.add(each)
        await kernel.set_policy(policy)
        esp = Engine(kernel)
        await esp.open()
        there = set(kernel.sas)
        await esp.close()
        return there, set(kernel.sas), list(kernel.policies.values())

    assert asyncio.run(story()) == ({foreign.id}, {foreign.id}, [policy])
    assert "1 SAs and policies that a killed lotor left" in caplog.text


def test_opening_changes_nothing_where_it_fails():
    async def story(esp):
        for cause in ("missing", "device", "flush"):
            esp.missing = OSError(errno.EPROTONOSUPPORT, "no ESP") if cause == "missing" else None
            esp.devices.refusal = OSError(errno.EBUSY, "another lotor") if cause == "device" else None
            broken(esp.kernel, 0 if cause == "flush" else -1, lost=False)
            with pytest.raises(OSError, match=r"no ESP|another lotor|no buffer space"):
                await esp.open()
            assert (esp.devices.there, esp.kernel.closed) == ([], cause == "flush")
        whole(esp.kernel)
        await esp.open()
        with pytest.raises(OSError, match="is open already, with the device lotor0"):
            await esp.open()
        await esp.close()

    asyncio.run(story(Engine()))


def test_giving_up_an_opening_leaves_nothing():
    async def story(esp):
        caller = asyncio.create_task(esp.open())
        gives_up(esp.kernel, 0, caller)
        await asyncio.wait({caller})
        await esp.close()
        return caller.cancelled(), esp.devices.there, esp.kernel.closed

    assert asyncio.run(story(Engine())) == (True, [], 1)


@pytest.mark.parametrize("what", ["flush", "device"])
def test_an_end_that_failed_is_finished_by_the_next(what):
    async def story(esp):
        await esp.open()
        await esp.install(pair(1))
        if what == "flush":
            broken(esp.kernel, 0, lost=False)
        else:
            esp.devices.refusal = OSError(errno.EBUSY, "the device is busy")
        with pytest.raises(OSError, match=r"no buffer space|busy"):
            await esp.close()
        esp.devices.refusal = None
        whole(esp.kernel)
        with pytest.raises(OSError, match="not open"):
            await esp.install(pair(2))
        await esp.close()
        return esp.kernel.sas, esp.kernel.policies, esp.devices.there, esp.kernel.closed

    assert asyncio.run(story(Engine())) == ({}, {}, [], 1)


def test_the_end_waits_for_what_is_under_way_and_takes_it_away():
    async def story(esp):
        await esp.open()
        installs = [asyncio.create_task(esp.install(pair(number))) for number in range(1, 4)]
        await asyncio.sleep(0)
        await esp.close()
        await asyncio.gather(*installs, return_exceptions=True)
        with pytest.raises(OSError, match="not open"):
            await esp.install(pair(9))
        return esp.kernel.sas, esp.kernel.policies, await esp.counters([1]), await esp.remove(1)

    assert asyncio.run(story(Engine())) == ({}, {}, {}, None)
