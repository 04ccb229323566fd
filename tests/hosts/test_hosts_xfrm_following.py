"""Policies of other programs: SAs serve those of a script, and lotor's own that somebody took away are put back."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from kernel_tables import Devices, Engine, at, heard, pair, played
from lotor.hosts.xfrm import others
from lotor.hosts.xfrm.entries import OWN_INTERFACE, OWN_REQIDS, Direction, Overrun, Policy, SaId, Wanted
from lotor.hosts.xfrm.following import FOLLOWS_AGAIN, MOST_SAID
from lotor.hosts.xfrm.pair import MARGIN
from lotor.model.algorithms import Compression
from lotor.model.child import IpComp
from lotor.ports.esp import Ending, Expired
from lotor.ports.host_esp import Leading

INSIDE, CLIENT = "10.0.12.9", "10.99.99.1"
HERE, NAT = ip_address("192.0.2.1"), ip_address("198.51.100.7")
OUT = SaId(NAT, 2001)
EITHER = pytest.mark.parametrize("leading", list(Leading))
"""With an xfrm interface and without."""


def script(number=1, reqid=0, **more):
    """The policy that a script writes for the client of this number."""
    networks = ip_network("10.0.12.0/24"), ip_network(f"10.99.99.{number}/32")
    return replace(Policy(Direction.OUT, *networks, HERE, NAT, reqid, foreign=True), **more)


def sender(kernel, client=CLIENT):
    """The SPI of the SA that a packet leaves by."""
    left = kernel.leave(INSIDE, client)
    return None if left is None else left[0].keys.spi


def played_with(story, leading, **more):
    return played(story, Engine(devices=Devices(leading)), **more)


async def set_before(esp, *policies):
    for each in policies:
        esp.kernel.policies[each.selector] = each


@EITHER
@pytest.mark.parametrize("first", ["script", "pair"])
@pytest.mark.parametrize("reqid", [0, 7])
def test_a_policy_of_a_script_leads_packets_whoever_came_first(leading, first, reqid, caplog):
    caplog.set_level("INFO")

    async def story(esp):
        policy = script(reqid=reqid)
        if first == "pair":
            await esp.install(pair(1))
        esp.kernel.lead(policy)
        await heard(esp)
        if first == "script":
            await esp.install(pair(1))
        led = sender(esp.kernel), esp.kernel.sas[OUT].sa.reqid
        esp.kernel.unlead(policy)
        await heard(esp)
        return led, sender(esp.kernel), esp.kernel.sas[OUT].sa.reqid in OWN_REQIDS

    assert played_with(story, leading) == ((2001, reqid), 2001, True)
    assert [each.getMessage().partition(" (")[0] for each in caplog.records] == [
        "SA pair 1 serves a policy of another program",
        "SA pair 1 serves lotor's own policies again",
    ]


@EITHER
def test_what_a_script_set_before_lotor_began_is_found(leading):
    async def story(esp):
        await set_before(esp, script())
        await esp.install(pair(1))
        return sender(esp.kernel)

    assert played_with(story, leading, empty=False) == 2001


@pytest.mark.parametrize(
    ("leading", "interface", "rest"),
    [(Leading.POLICIES, 0, 2001), (Leading.ROUTES, OWN_INTERFACE, 2001), (Leading.ROUTES, 0, None)],
)
def test_the_rest_of_the_pair_goes_by_lotors_own_policies_where_they_are_of_one_interface(leading, interface, rest):
    """Otherwise it waits: policies of lotor's never see packets of the host where there is an xfrm interface."""
    wide, home = (ip_network("10.99.99.0/24"),), OWN_INTERFACE if leading is Leading.ROUTES else 0

    async def story(esp):
        await esp.install(pair(1, remote_networks=wide))
        policy = script(interface=interface)
        esp.kernel.lead(policy)
        await heard(esp)
        of = {each.interface for each in esp.kernel.policies.values() if not each.foreign}
        led = sender(esp.kernel), sender(esp.kernel, "10.99.99.2"), of
        esp.kernel.unlead(policy)
        await heard(esp)
        return led, sender(esp.kernel, "10.99.99.2")

    assert played_with(story, leading) == ((2001, rest, {home}), 2001)


def test_numbers_go_on_and_figures_stay():
    async def story(esp):
        await esp.install(pair(1))
        for _ in range(5):
            esp.kernel.leave(INSIDE, CLIENT)
        esp.kernel.lead(script())
        await heard(esp)
        _, number = esp.kernel.leave(INSIDE, CLIENT)
        return number, (await esp.counters([1]))[1].packets_out

    assert played(story, empty=False) == (5 + MARGIN + 1, 6)


def test_a_script_that_runs_twice_changes_nothing():
    async def story(esp):
        await esp.install(pair(1))
        for _ in range(2):
            esp.kernel.lead(script())
            await heard(esp)
            calls, esp.kernel.calls = esp.kernel.calls, []
        return [name for name, *_ in calls], sender(esp.kernel)

    assert played(story, empty=False) == ([], 2001)


def test_a_renewed_pair_serves_the_policy_when_it_sends():
    """Not before: the peer may not have its keys yet."""

    async def story(esp):
        esp.kernel.lead(script())
        await heard(esp)
        await esp.install(pair(1))
        await esp.install(pair(2, like=1, replaces=1, sending=False))
        before = sender(esp.kernel), esp.kernel.sas[SaId(NAT, 2002)].sa.reqid in OWN_REQIDS
        await esp.activate(2)
        after = sender(esp.kernel)
        await esp.remove(1)
        return before, after, sender(esp.kernel)

    assert played(story, empty=False) == ((2001, True), 2002, 2002)


FOREIGN = [
    script(tunnel_destination=ip_address("203.0.113.9")),
    script(tunnel_source=ip_address("192.0.2.99")),
    script(2),
    script(destination=ip_network("10.99.99.0/31")),
    script(source=ip_network("0.0.0.0/0")),
    script(reqid=OWN_REQIDS[9]),
]


@pytest.mark.parametrize("policy", FOREIGN)
def test_what_is_not_for_a_pair_is_not_served(policy):
    """Another peer's, another client's, more than the pair may carry, the number of another pair of lotor's."""

    async def story(esp):
        await esp.install(pair(1))
        there = dict(esp.kernel.sas)
        esp.kernel.lead(policy)
        await heard(esp)
        return {each: entry.sa for each, entry in esp.kernel.sas.items()} == {
            each: entry.sa for each, entry in there.items()
        }

    assert played(story, empty=False)


def test_packets_of_one_client_never_leave_by_the_sa_of_another():
    """Both are behind one NAT, and the policies of the scripts have one reqid: racoon's clients cut each other off."""

    async def story(esp):
        esp.kernel.lead(script(1))
        await heard(esp)
        await esp.install(pair(1))
        alone = sender(esp.kernel)
        await esp.install(pair(2))
        esp.kernel.lead(script(2))
        await heard(esp)
        both = sender(esp.kernel), sender(esp.kernel, "10.99.99.2")
        esp.kernel.unlead(script(2))
        esp.now += FOLLOWS_AGAIN
        await heard(esp)
        return alone, both, sender(esp.kernel), sender(esp.kernel, "10.99.99.2")

    assert played(story, empty=False) == (2001, (None, None), 2001, 2002)


def test_two_clients_behind_one_nat_have_policies_of_different_numbers():
    async def story(esp):
        for number in (1, 2):
            await esp.install(pair(number))
            esp.kernel.lead(script(number, reqid=number))
        await heard(esp)
        return sender(esp.kernel), sender(esp.kernel, "10.99.99.2")

    assert played(story, empty=False) == (2001, 2002)


def test_a_policy_without_ipcomp_gets_packets_without_it():
    deflated = IpComp(Compression.DEFLATE, 0x1001, 0x2001)

    async def story(esp):
        await esp.install(pair(1, compression=deflated))
        esp.kernel.lead(script())
        await heard(esp)
        sa, _ = esp.kernel.leave(INSIDE, CLIENT)
        return sa.keys.spi, sa.tunnel, len(esp.kernel.sas)

    assert played(story, empty=False) == (2001, True, 3)


def test_whoever_changes_policies_all_the_time_has_the_sa_made_anew_once_a_second():
    async def story(esp):
        await esp.install(pair(1))
        for reqid in range(1, 50):
            esp.kernel.lead(script(reqid=reqid))
            await heard(esp)
        often = [about[0].reqid for name, *about in esp.kernel.calls if name == "add"]
        esp.now += FOLLOWS_AGAIN
        await heard(esp)
        return len(often), sender(esp.kernel)

    assert played(story, empty=False) == (3, 2001)


def test_a_flood_of_policies_has_a_bound_and_none_of_them_is_served(monkeypatch, caplog):
    monkeypatch.setattr(others, "MOST", 4)

    async def story(esp):
        await esp.install(pair(1))
        esp.kernel.lead(script())
        await heard(esp)
        led = esp.kernel.sas[OUT].sa.reqid
        for number in range(10):
            esp.kernel.lead(script(number + 10, tunnel_destination=ip_address("203.0.113.9")))
            await heard(esp)
        return led, len(esp._opened.following.others._all), esp.kernel.sas[OUT].sa.reqid in OWN_REQIDS

    assert played(story, empty=False) == (0, 4, True)


def test_a_refusal_of_the_kernel_leaves_the_pair_as_it_was(caplog):
    async def story(esp):
        await esp.install(pair(1))

        def refuse(name, *about):
            if name == "add" and about[0].reqid == 0:
                raise OSError(12, "no memory")

        esp.kernel.before = refuse
        esp.kernel.lead(script())
        await heard(esp)
        esp.kernel.unlead(script())
        await heard(esp)
        return sender(esp.kernel)

    assert played(story) == 2001
    assert "does not serve a policy: no memory" in caplog.text


def own(kernel):
    return {each for each, policy in kernel.policies.items() if not policy.foreign}


@EITHER
@pytest.mark.parametrize("how", ["flush", "one", "unheard"])
def test_policies_that_somebody_took_away_are_put_back(leading, how, caplog):
    async def story(esp):
        await esp.install(pair(1))
        await esp.install(pair(2))
        before = own(esp.kernel)
        if how == "flush":
            esp.kernel.lose_policies()
        elif how == "one":
            esp.kernel.unlead(next(iter(esp.kernel.policies.values())))
        else:
            esp.kernel.policies.clear()
            esp.kernel.overrun()
        esp.now += FOLLOWS_AGAIN
        await heard(esp)
        return before == own(esp.kernel), sender(esp.kernel), sender(esp.kernel, "10.99.99.2")

    assert played_with(story, leading) == (True, 2001, 2002)
    assert caplog.text.count("another program took policies away") == 1


def test_whoever_takes_policies_away_all_the_time_has_them_put_back_once_a_second(caplog):
    async def story(esp):
        await esp.install(pair(1))
        esp.now += FOLLOWS_AGAIN
        for _ in range(20):
            esp.kernel.lose_policies()
            await heard(esp)
        looked = [name for name, *_ in esp.kernel.calls].count("list_policies")
        esp.now += FOLLOWS_AGAIN
        await heard(esp)
        return looked, sender(esp.kernel)

    assert played(story) == (2, 2001)
    assert caplog.text.count("another program took policies away") == 1


def test_the_last_change_counts_though_nobody_asks_any_more():
    """A script that takes its policy away and sets it again, and two flushes, all within a second."""

    async def story(esp):
        await esp.install(pair(1))
        esp.now += FOLLOWS_AGAIN
        for _ in range(2):
            esp.kernel.lose_policies()
            await heard(esp)
        for _ in range(2):
            esp.kernel.lead(script())
            await heard(esp)
            esp.kernel.unlead(script())
        esp.kernel.lead(script())
        await heard(esp)
        before, later = sender(esp.kernel), esp._opened.later
        esp.now += FOLLOWS_AGAIN
        later.cancel()
        esp._look_now(esp._opened)
        for _ in range(200):
            await asyncio.sleep(0)
        return before, sender(esp.kernel), len(own(esp.kernel))

    assert played(story, empty=False) == (None, 2001, 3)


def test_what_lotor_takes_away_itself_is_not_put_back():
    async def story(esp):
        await esp.install(pair(1))
        there = list(esp.kernel.policies.values())
        await esp.remove(1)
        esp.kernel.policies.update({each.selector: each for each in there})
        for each in there:
            esp.kernel.unlead(each)
        esp.now += FOLLOWS_AGAIN
        await heard(esp)
        return own(esp.kernel)

    assert played(story) == set()


def test_policies_that_cannot_be_put_back_are_later():
    async def story(esp):
        await esp.install(pair(1))

        def refuse(name, *_):
            if name == "set_policy":
                raise OSError(12, "no memory")

        esp.kernel.before = refuse
        esp.kernel.lose_policies()
        esp.now += FOLLOWS_AGAIN
        await heard(esp)
        before, esp.kernel.before = sender(esp.kernel), lambda *_: None
        await heard(esp)
        return before, sender(esp.kernel)

    assert played(story) == (None, 2001)


def test_a_packet_that_waits_by_lotors_own_policy_ends_the_pair_whose_sa_went():
    """So that the core makes another one at once."""

    async def story(esp):
        await esp.install(pair(1))
        policy = next(each for each in esp.kernel.policies.values() if each.direction is Direction.OUT)
        esp.kernel.heard.put_nowait(Wanted(policy))
        await heard(esp)
        del esp.kernel.sas[OUT]
        esp.now += 1
        esp.kernel.heard.put_nowait(Wanted(policy))
        await heard(esp)
        return await esp.notices()

    assert played(story) == (Expired(1, hard=True, ending=Ending.TAKEN_AWAY),)


@pytest.mark.parametrize(
    ("fault", "ending"),
    [("add", Ending.LEFT_BEHIND), ("remove", Ending.LEFT_BEHIND), ("gone", Ending.TAKEN_AWAY)],
)
def test_a_pair_that_could_not_serve_a_policy_ends_and_says_why(fault, ending, caplog):
    async def story(esp):
        await esp.install(pair(1))

        def refuse(name, *_):
            if name == fault:
                raise OSError(errno.ENOBUFS, "no buffer space")

        esp.kernel.before = refuse
        if fault == "gone":
            del esp.kernel.sas[OUT]
        policy = script()
        esp.kernel.lead(policy)
        await heard(esp)
        esp.kernel.before = lambda *_: None
        esp.kernel.unlead(policy)
        return await esp.notices()

    assert played(story) == (Expired(1, hard=True, ending=ending),)
    assert f"SA pair 1 ends: {ending.value}" in caplog.text
    assert ("SA pair 1 ends: it could not follow" in caplog.text) == (fault != "gone")
    assert (": no buffer space" in caplog.text) == (fault != "gone")


def test_a_policy_that_two_clients_would_have_to_serve_has_a_line(caplog):
    caplog.set_level("INFO")

    async def story(esp):
        for number in (1, 2):
            await esp.install(pair(number))
            esp.kernel.lead(script(number))
        await heard(esp)
        esp.now += FOLLOWS_AGAIN
        await heard(esp)
        esp.kernel.heard.put_nowait(Wanted(script(2)))
        await heard(esp)

    played(story, empty=False)
    assert "10.0.12.0/24 to 10.99.99.2/32 wait for ESP between 192.0.2.1 and 198.51.100.7" in caplog.text


def test_after_a_flush_of_sas_a_new_pair_serves_the_policy_from_the_first_moment():
    """Though policies were looked at just now."""

    async def story(esp):
        esp.kernel.lead(script())
        await heard(esp)
        found = []
        for number in (1, 2, 3):
            await esp.install(pair(number, like=1))
            found.append(sender(esp.kernel))
            esp.kernel.sas.clear()
            esp.kernel.overrun()
            await heard(esp)
        return found

    assert played(story, empty=False) == [2001, 2002, 2003]


def test_whoever_has_packets_wait_all_the_time_has_sas_looked_at_once_a_second():
    """A local user may send what he likes."""

    async def story(esp):
        await esp.install(pair(1))
        policy = next(each for each in esp.kernel.policies.values() if each.direction is Direction.OUT)
        await heard(esp)
        esp.kernel.calls.clear()
        for _ in range(100):
            esp.kernel.heard.put_nowait(Wanted(policy))
            esp.kernel.heard.put_nowait(Wanted(script(2)))
        await heard(esp)
        return [name for name, *_ in esp.kernel.calls]

    assert played(story) == ["states"]


def test_what_the_kernel_waits_for_by_the_policy_of_a_pair_goes_with_it():
    async def story(esp):
        await esp.install(pair(1))
        esp.kernel.expire(OUT, hard=True)
        await heard(esp)
        return [about for name, *about in esp.kernel.calls if name == "unwait"]

    assert played(story) == [[OUT]]


def test_a_packet_that_waits_by_a_policy_nobody_told_of_is_served():
    async def story(esp):
        await esp.install(pair(1))
        await set_before(esp, script())
        esp.kernel.heard.put_nowait(Wanted(script()))
        await heard(esp)
        return sender(esp.kernel)

    assert played(story, empty=False) == 2001


def test_packets_that_wait_for_nobody_have_a_line_for_each_peer_and_not_more(caplog):
    caplog.set_level("INFO")

    async def story(esp):
        await esp.install(pair(1))
        for number in [*range(MOST_SAID + 5), 0, 1]:
            away = ip_address(f"203.0.113.{number}")
            esp.kernel.heard.put_nowait(Wanted(script(tunnel_destination=away)))
        await heard(esp)

    played(story)
    assert caplog.text.count("wait for ESP between") == MOST_SAID


def test_a_killed_lotor_leaves_nothing_of_a_pair_that_serves_a_policy():
    """Its SA has the reqid of the other program, and its policies too; theirs stay."""

    async def story():
        killed = Engine()
        await killed.open()
        killed.kernel.lead(script())
        await heard(killed)
        await killed.install(pair(1))
        theirs = replace(killed.kernel.sas[OUT].sa, led=False, source=at("192.0.2.77"))
        theirs = replace(theirs, keys=pair(9).outbound)
        await killed.kernel.add(theirs)
        esp = Engine(killed.kernel)
        await esp.open()
        there = list(esp.kernel.sas), list(esp.kernel.policies.values())
        await esp.close()
        return there == ([theirs.id], [script()])

    assert asyncio.run(story())


def test_an_overrun_is_one_of_policies_too():
    async def story(esp):
        await esp.install(pair(1))
        await set_before(esp, script())
        esp.now += FOLLOWS_AGAIN
        esp.kernel.heard.put_nowait(Overrun())
        await heard(esp)
        return sender(esp.kernel)

    assert played(story, empty=False) == 2001
