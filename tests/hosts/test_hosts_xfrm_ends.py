"""Lives of SA pairs that end, their figures, and what the daemon hears of both."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kernel_tables import Engine, at, heard, pair, played
from lotor.hosts.xfrm.entries import SaExpired, SaId, SaMapped, SaTaken, State
from lotor.hosts.xfrm.pair import TELLS_WITHIN
from lotor.hosts.xfrm.pairs import AT_ONCE, FEW, LOOKS_AGAIN, OF_ALL
from lotor.model.algorithms import Compression
from lotor.model.child import Counters, IpComp, Lifetime
from lotor.ports.esp import Ending, Expired, Moved

INSIDE, CLIENT = "10.0.12.9", "10.99.99.1"
HERE, NAT = at("192.0.2.1"), at("198.51.100.7")
IN, OUT = SaId(HERE.address, 1001), SaId(NAT.address, 2001)
SOFT, HARD = Expired(1, hard=False), Expired(1, hard=True)
TAKEN = Expired(1, hard=True, ending=Ending.TAKEN_AWAY)


def carry(kernel, number, octets=100, spi=1001):
    """One packet each way."""
    return kernel.leave(INSIDE, CLIENT, octets), kernel.arrive(spi, number, (CLIENT, INSIDE), (NAT, HERE), octets)


async def told(esp):
    await heard(esp)
    return await esp.notices() if esp._notices._waiting else ()


def test_each_life_is_told_once_though_two_sas_have_one():
    async def story(esp):
        await esp.install(pair(1))
        for sa in (IN, OUT, IN):
            esp.kernel.expire(sa, hard=False)
        soft = await told(esp)
        for sa in (OUT, IN):
            esp.kernel.expire(sa, hard=True)
        return soft, await told(esp), await told(esp)

    assert played(story) == ((SOFT,), (HARD,), ())


@pytest.mark.parametrize("sa", [IN, OUT])
def test_a_pair_whose_life_is_over_carries_nothing_and_keeps_its_figures(sa):
    async def story(esp):
        await esp.install(pair(1))
        carry(esp.kernel, 1)
        esp.kernel.expire(sa, hard=True)
        await heard(esp)
        there = dict(esp.kernel.sas), dict(esp.kernel.policies)
        figures = await esp.counters([1])
        esp.now += 7
        return there, figures, await esp.counters([1]), await esp.remove(1), await esp.remove(1)

    there, figures, *later = played(story)
    assert there == ({}, {})
    assert figures == {1: Counters(100, 100, 1, 1, last_inbound=1000.0)}
    assert later == [figures, figures[1], None]


def test_the_end_of_the_one_that_sends_gives_the_policy_to_the_one_before():
    async def story(esp):
        await esp.install(pair(1))
        await esp.install(pair(2, like=1))
        esp.kernel.expire(SaId(NAT.address, 2002), hard=True)
        await heard(esp)
        (sa, _), came = carry(esp.kernel, 1)
        return sa.keys.spi, came

    assert played(story) == (2001, True)


def test_its_spi_is_free_when_a_life_is_over():
    async def story(esp):
        await esp.install(pair(1))
        esp.kernel.expire(IN, hard=True)
        await heard(esp)
        await esp.install(replace(pair(1), id=2))
        await esp.remove(1)
        return carry(esp.kernel, 1)[1]

    assert played(story)


@pytest.mark.parametrize("hard", [False, True])
def test_the_end_of_an_sa_that_was_there_before_is_not_that_of_the_one_that_is(hard):
    """The kernel's word may wait while a pair is removed and another one gets its SPI."""

    async def story(esp):
        await esp.install(pair(1))
        before = esp.kernel.sas[IN].state()
        await esp.remove(1)
        await esp.install(pair(1))
        esp.kernel.heard.put_nowait(SaExpired(before, hard))
        return await told(esp), carry(esp.kernel, 1)[1]

    assert played(story) == ((), True)


def test_the_end_of_an_sa_that_was_made_anew_meanwhile_is_none():
    async def story(esp):
        await esp.install(pair(1))
        before = esp.kernel.sas[IN].state()
        await esp.move(1, pair(1).path.to(at("203.0.113.9")))
        esp.kernel.heard.put_nowait(SaExpired(before, hard=True))
        return await told(esp), len(esp.kernel.sas)

    assert played(story) == ((), 2)


def test_what_is_told_of_strangers_is_nobodys():
    async def story(esp):
        await esp.install(pair(1))
        unknown = SaId(ip_address("192.0.2.1"), 4711)
        esp.kernel.heard.put_nowait(SaExpired(State(unknown, 1), hard=True))
        esp.kernel.heard.put_nowait(SaMapped(unknown, NAT))
        return await told(esp), len(esp.kernel.sas)

    assert played(story) == ((), 2)


def test_after_an_overrun_the_sas_are_looked_at():
    async def story(esp):
        for number in range(1, 5):
            await esp.install(pair(number, lifetime=Lifetime(60.0, 90.0, 1000, 2000)))
        del esp.kernel.sas[SaId(HERE.address, 1001)]
        esp.kernel.leave(INSIDE, "10.99.99.2", 1000)
        esp.kernel.overrun()
        first = await told(esp)
        esp.now += 60
        esp.kernel.overrun()
        return first, await told(esp), sorted(each.spi for each in esp.kernel.sas)

    first, second, there = played(story)
    assert first == (TAKEN, Expired(2, hard=False))
    assert second == (Expired(3, hard=False), Expired(4, hard=False))
    assert there == [1002, 1003, 1004, 2002, 2003, 2004]


def test_an_overrun_that_cannot_be_looked_at_is_with_the_next_figures():
    async def story(esp):
        await esp.install(pair(1))
        del esp.kernel.sas[IN]

        def refuse(name, *_):
            if name == "states":
                raise OSError(errno.ENOBUFS, "no buffer space")

        esp.kernel.before = refuse
        esp.kernel.overrun()
        first = await told(esp)
        esp.kernel.before = lambda *_: None
        esp.now += LOOKS_AGAIN
        return first, await told(esp)

    assert played(story) == ((), (TAKEN,))


def test_who_has_the_kernel_tell_too_much_has_the_sas_looked_at_once_a_second():
    async def story(esp):
        await esp.install(pair(1))
        for _ in range(5):
            esp.kernel.overrun()
            await heard(esp)
        first = [name for name, *_ in esp.kernel.calls].count("states")
        del esp.kernel.sas[IN]
        esp.now += LOOKS_AGAIN
        return first, await told(esp)

    assert played(story) == (1, (TAKEN,))


def test_a_kernel_that_has_always_something_to_tell_leaves_others_their_turn():
    async def story(esp):
        await esp.install(pair(1))
        before, turns = len(esp.kernel.calls), 0
        for number in range(10 * AT_ONCE):
            esp.kernel.heard.put_nowait(SaMapped(SaId(HERE.address, number), NAT))
        while not esp.kernel.heard.empty():
            await asyncio.sleep(0)
            turns += 1
        return turns >= 10, esp.kernel.calls[before:]

    assert played(story) == (True, [])


def test_an_sa_that_somebody_took_away_is_missed(caplog):
    """As by `ip xfrm state flush`. The word that its life was over may be on its way: it has the last figures."""

    async def story(esp):
        await esp.install(pair(1))
        carry(esp.kernel, 1)
        await esp.counters([1])
        del esp.kernel.sas[OUT]
        first = await told(esp), await esp.counters([1]), await told(esp)
        esp.now += TELLS_WITHIN
        figures = await esp.counters([1])
        return first, await told(esp), figures, dict(esp.kernel.sas)

    figures = {1: Counters(100, 100, 1, 1, last_inbound=1000.0)}
    assert played(story) == (((), figures, ()), (TAKEN,), figures, {})
    assert "SA pair 1 ends: an SA of it was taken out of the kernel" in caplog.text


def test_an_sa_that_another_program_took_away_is_told_as_such(caplog):
    """As by `ip xfrm state delete`, of which the kernel tells."""

    async def story(esp):
        await esp.install(pair(1))
        carry(esp.kernel, 1)
        esp.kernel.take(OUT)
        return await told(esp), await esp.counters([1]), dict(esp.kernel.sas)

    assert played(story) == ((TAKEN,), {1: Counters(100, 100, 1, 1, last_inbound=1000.0)}, {})
    assert "SA pair 1 ends: an SA of it was taken out of the kernel" in caplog.text


def test_that_an_sa_was_taken_away_is_nothing_to_the_one_that_has_its_spi_now():
    async def story(esp):
        await esp.install(pair(1))
        esp.kernel.heard.put_nowait(SaTaken(esp.kernel.sas[IN].state()))
        return await told(esp), carry(esp.kernel, 1)[1]

    assert played(story) == ((), True)


@pytest.mark.parametrize(
    ("lifetime", "seconds", "octets", "ending"),
    [
        (Lifetime(60.0, 90.0), 90, 0, Ending.LIFETIME),
        (Lifetime(60.0, 90.0), 88, 0, Ending.TAKEN_AWAY),
        (Lifetime(None, None, 1000, 2000), 90, 2000, Ending.LIFETIME),
        (Lifetime(None, None, 1000, 2000), 90, 1999, Ending.TAKEN_AWAY),
        (Lifetime(), 1_000_000, 1_000_000, Ending.TAKEN_AWAY),
    ],
)
def test_a_life_whose_end_nobody_heard_is_over_all_the_same(lifetime, seconds, octets, ending):
    """The kernel had too much to tell."""

    async def story(esp):
        await esp.install(pair(1, lifetime=lifetime))
        esp.kernel.leave(INSIDE, CLIENT, octets)
        await esp.counters([1])
        esp.now += seconds
        del esp.kernel.sas[OUT]
        esp.kernel.overrun()
        return (await told(esp))[-1]

    assert played(story) == Expired(1, hard=True, ending=ending)


def test_both_directions_are_counted_and_what_they_refused():
    async def story(esp):
        await esp.install(pair(1))
        for number in (1, 2, 2):
            carry(esp.kernel, number, 50)
        esp.kernel.sas[IN].forged = 4
        return (await esp.counters([1]))[1]

    assert played(story) == Counters(100, 150, 2, 3, replayed=1, forged=4, last_inbound=1000.0)


def test_when_a_packet_came_is_when_it_was_seen_first():
    async def story(esp):
        await esp.install(pair(1))
        seen = [(await esp.counters([1]))[1].last_inbound]
        for number in (1, 1, 2):
            carry(esp.kernel, number)
            for _ in range(2):
                esp.now += 1
                seen.append((await esp.counters([1]))[1].last_inbound)
        return seen

    assert played(story) == [None, 1001.0, 1001.0, 1001.0, 1001.0, 1005.0, 1005.0]


def test_what_was_compressed_counts_as_it_was_before():
    async def story(esp):
        await esp.install(pair(1, compression=IpComp(Compression.DEFLATE, 0x1001, 0x2001)))
        carry(esp.kernel, 1)
        esp.kernel.sas[SaId(NAT.address, 2001)].octets = 40
        return (await esp.counters([1]))[1].octets_out

    assert played(story) == 100


def test_figures_of_many_pairs_are_asked_for_at_once():
    async def story(esp):
        numbers = range(1, FEW + 3)
        for number in numbers:
            await esp.install(pair(number))
        carry(esp.kernel, 1)
        before = len(esp.kernel.calls)
        many = await esp.counters([*numbers, 77])
        asked = [name for name, *_ in esp.kernel.calls[before:]]
        return asked, list(many) == list(numbers), many[1], (await esp.counters([1]))[1]

    asked, every, one, alone = played(story)
    assert (asked, every, one) == (["states"], True, alone)


def test_figures_of_a_few_of_very_many_cost_no_look_at_all():
    """Sessions are looked at in parts: each part would cost as much as the whole."""

    async def story(esp):
        for number in range(1, OF_ALL * (FEW + 1) + 1):
            await esp.install(pair(number))
        before = len(esp.kernel.calls)
        found = await esp.counters(range(1, FEW + 2))
        return len(found), {name for name, *_ in esp.kernel.calls[before:]}

    assert played(story) == (FEW + 1, {"state"})


def test_of_many_moves_that_nobody_asks_for_the_last_is_told():
    async def story(esp):
        await esp.install(pair(1))
        esp.kernel.expire(IN, hard=False)
        for number in range(1, 20):
            esp.kernel.arrive(1001, number, (CLIENT, INSIDE), (at(f"203.0.113.{number}"), HERE))
            await heard(esp)
            esp.now += 1
        return await told(esp)

    assert played(story) == (SOFT, Moved(1, at("203.0.113.19")))


def test_nobody_hears_of_a_pair_that_was_removed():
    async def story(esp):
        await esp.install(pair(1))
        esp.kernel.expire(IN, hard=False)
        await heard(esp)
        await esp.remove(1)
        return await told(esp)

    assert played(story) == ()


def test_who_stops_waiting_for_notices_loses_none():
    async def story(esp):
        await esp.install(pair(1))
        waiting = asyncio.create_task(esp.notices())
        await asyncio.sleep(0)
        waiting.cancel()
        esp.kernel.expire(IN, hard=False)
        await asyncio.wait({waiting})
        return await told(esp)

    assert played(story) == (SOFT,)


def test_a_kernel_that_tells_nothing_any_more_is_no_secret():
    async def story(esp):
        await esp.install(pair(1))
        esp.kernel.expire(IN, hard=False)
        esp.kernel.heard.put_nowait(OSError(errno.EBADF, "the socket is gone"))
        first = await told(esp)
        with pytest.raises(OSError, match="the socket is gone"):
            await esp.notices()
        await esp.close()
        await esp.open()
        await esp.install(pair(1))
        esp.kernel.expire(IN, hard=False)
        return first, await told(esp)

    assert played(story, Engine()) == ((SOFT,), (SOFT,))


def test_keys_are_in_no_text_of_a_pair():
    """A fault's text may quote what it was about."""
    secret = b"\x17" * 16

    async def story(esp):
        child = pair(1)
        key = replace(child.inbound, encryption=type(child.inbound.encryption)(secret))
        await esp.install(replace(child, inbound=key, outbound=replace(key, spi=2001)))
        texts = [repr(esp._opened), *(repr(entry.sa) for entry in esp.kernel.sas.values())]
        return [text for text in texts if "\\x17\\x17" in text or "1717" in text]

    assert played(story) == []
