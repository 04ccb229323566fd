"""SA pairs whose peer, or whose own end, is at another address: nothing is lost, and no number comes twice."""

from __future__ import annotations

import asyncio
import errno
import itertools
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kernel_tables import Engine, at, heard, pair, played
from lotor.hosts.xfrm.entries import Direction, Sa, SaId, SaMapped
from lotor.hosts.xfrm.pair import MARGIN
from lotor.hosts.xfrm.pairs import FOLLOWS_AGAIN, STAYS
from lotor.model.algorithms import Compression
from lotor.model.child import Counters, Encapsulation, IpComp, Lifetime
from lotor.model.network import Path
from lotor.ports.esp import Ending, Expired, Moved
from scripted import ESP

INSIDE, CLIENT = "10.0.12.9", "10.99.99.1"
HERE, NAT = at("192.0.2.1"), at("198.51.100.7")
PATH = pair(1).path
NATIVE = replace(PATH, floated=False)
ELSEWHERE = at("203.0.113.9", 61000)
DEFLATED = IpComp(Compression.DEFLATE, 0x1001, 0x2001)


def leaves(kernel):
    """Where a packet to the client goes, and its number."""
    left = kernel.leave(INSIDE, CLIENT)
    return None if left is None else (left[0].source, left[0].destination, left[1])


def comes(kernel, number, outer=NAT, here=HERE, spi=1001):
    return kernel.arrive(spi, number, (CLIENT, INSIDE), (outer, here))


def test_other_ports_change_the_sas_that_are_there():
    async def story(esp):
        await esp.install(pair(1))
        leaves(esp.kernel)
        before = len(esp.kernel.calls)
        await esp.move(1, PATH.to(at("198.51.100.7", 61000)))
        return [name for name, *_ in esp.kernel.calls[before:]], leaves(esp.kernel), _sources(esp.kernel)

    calls, left, sources = played(story)
    assert calls == ["update", "update"]
    assert left == (HERE, at("198.51.100.7", 61000), 2)
    assert sources == [at("198.51.100.7", 61000)]


def _sources(kernel):
    return [entry.sa.source for entry in kernel.sas.values() if isinstance(entry.sa, Sa) and not entry.sa.outbound]


def test_a_path_that_is_the_same_changes_nothing():
    async def story(esp):
        await esp.install(pair(1))
        before = len(esp.kernel.calls)
        await esp.move(1, PATH)
        return esp.kernel.calls[before:]

    assert played(story) == []


def test_native_esp_has_no_ports():
    async def story(esp):
        await esp.install(pair(1, path=NATIVE, encapsulation=Encapsulation.NONE))
        before = len(esp.kernel.calls)
        await esp.move(1, NATIVE.to(at("198.51.100.7", 500)))
        return esp.kernel.calls[before:]

    assert played(story) == []


def test_a_peer_at_another_address_is_sent_to_without_a_gap():
    """Packets go on leaving between any two questions to the kernel."""
    numbers = []

    async def story(esp):
        await esp.install(pair(1))
        esp.kernel.before = esp.kernel.after = lambda *_: numbers.append(leaves(esp.kernel))
        await esp.move(1, PATH.to(ELSEWHERE))
        esp.kernel.before = esp.kernel.after = lambda *_: None
        numbers.append(leaves(esp.kernel))
        return comes(esp.kernel, 1, ELSEWHERE), set(esp.kernel.sas)

    came, there = played(story)
    assert None not in numbers
    sent = [number for *_, number in numbers]
    assert sent == sorted(set(sent))
    assert {where for _, where, _ in numbers} == {NAT, ELSEWHERE}
    assert numbers[-1][1] == ELSEWHERE
    assert came
    assert there == {SaId(HERE.address, 1001), SaId(ELSEWHERE.address, 2001)}


def test_numbers_go_on_behind_those_that_the_old_sa_may_still_use():
    async def story(esp):
        await esp.install(pair(1))
        leaves(esp.kernel)
        await esp.move(1, PATH.to(ELSEWHERE))
        return leaves(esp.kernel)

    assert played(story) == (HERE, ELSEWHERE, 1 + MARGIN + 1)


def test_more_packets_than_that_meanwhile_get_no_number_that_was_used():
    async def story(esp):
        await esp.install(pair(1))
        old = SaId(NAT.address, 2001)

        def rush(name, *about):
            if name == "set_policy" and old in esp.kernel.sas:
                esp.kernel.sas[old].sent = 3 * MARGIN

        esp.kernel.before = rush
        await esp.move(1, PATH.to(ELSEWHERE))
        return leaves(esp.kernel)

    assert played(story) == (HERE, ELSEWHERE, 4 * MARGIN + 1)


@pytest.mark.parametrize("path", [NATIVE, Path(at("192.0.2.77"), NAT, floated=True)], ids=["form", "own address"])
def test_packets_that_leave_after_the_figures_were_read_use_no_number_up_twice(path):
    """The kernel tells what an SA has sent first, and takes it away then: a network device makes nonces of numbers."""
    numbers = []

    async def story(esp):
        await esp.install(pair(1))
        numbers.append(leaves(esp.kernel)[-1])
        told = esp.kernel.remove

        async def late(sa):
            state = await esp.kernel.state(sa)
            if sa.spi == 2001:
                numbers.extend(leaves(esp.kernel)[-1] for _ in range(9))
            await told(sa)
            return state

        esp.kernel.remove = late
        await esp.move(1, path)
        numbers.append(leaves(esp.kernel)[-1])

    played(story)
    assert len(numbers) == 11
    assert numbers == sorted(set(numbers))


def test_the_last_number_of_32_bits_is_not_passed():
    async def story(esp):
        await esp.install(pair(1))
        esp.kernel.sas[SaId(NAT.address, 2001)].sent = (1 << 32) - 5
        await esp.move(1, PATH.to(ELSEWHERE))
        return esp.kernel.sas[SaId(ELSEWHERE.address, 2001)].sent

    assert played(story) == (1 << 32) - 1


def test_what_came_before_a_move_does_not_come_in_again():
    """Whoever recorded it has only to make the peer move."""

    async def story(esp):
        await esp.install(pair(1))
        first = [comes(esp.kernel, number) for number in (1, 2, 5)]
        await esp.move(1, PATH.to(ELSEWHERE))
        again = [comes(esp.kernel, number, ELSEWHERE) for number in (1, 2, 5)]
        return first, again, [comes(esp.kernel, number, ELSEWHERE) for number in (3, 6)]

    assert played(story) == ([True] * 3, [False] * 3, [True] * 2)


def test_another_address_here_takes_both_sas_along():
    here = at("192.0.2.77")

    async def story(esp):
        await esp.install(pair(1))
        leaves(esp.kernel)
        comes(esp.kernel, 4)
        await esp.move(1, Path(here, NAT, floated=True))
        left = leaves(esp.kernel)
        came = [comes(esp.kernel, number, here=here) for number in (4, 5)]
        figures = (await esp.counters([1]))[1]
        return left, came, set(esp.kernel.sas), (figures.packets_in, figures.packets_out, figures.replayed)

    left, came, there, figures = played(story)
    assert left == (here, NAT, 1 + MARGIN + 1)
    assert came == [False, True]
    assert there == {SaId(here.address, 1001), SaId(NAT.address, 2001)}
    assert figures == (2, 2, 1)


def test_what_leaves_from_another_address_does_not_wait_for_what_comes_in():
    async def story(esp):
        await esp.install(pair(1))
        before = len(esp.kernel.calls)
        await esp.move(1, Path(at("192.0.2.77"), NAT, floated=True))
        return [name for name, *_ in esp.kernel.calls[before:]]

    assert played(story) == ["remove", "add", "set_policy", "remove", "add"]


def test_a_path_of_the_other_ip_version():
    here, there = at("2001:db8::1"), at("2001:db8:7::7")

    async def story(esp):
        await esp.install(pair(1))
        await esp.move(1, Path(here, there, floated=True))
        ends = {(each.tunnel_source.version, each.tunnel_destination.version) for each in esp.kernel.policies.values()}
        return leaves(esp.kernel), comes(esp.kernel, 1, there, here), ends

    assert played(story) == ((here, there, MARGIN + 1), True, {(6, 6)})


def test_ipcomp_moves_along():
    async def story(esp):
        await esp.install(pair(1, compression=DEFLATED))
        await esp.move(1, PATH.to(ELSEWHERE))
        return leaves(esp.kernel)[:2], comes(esp.kernel, 1, ELSEWHERE), set(esp.kernel.sas)

    left, came, there = played(story)
    assert (left, came) == ((HERE, ELSEWHERE), True)
    assert {(str(each.destination), each.spi) for each in there} == {
        ("192.0.2.1", 1001),
        ("192.0.2.1", 0x1001),
        ("203.0.113.9", 2001),
        ("203.0.113.9", 0x2001),
    }


def test_behind_a_path_of_the_other_ip_version_nothing_is_compressed():
    here, there = at("2001:db8::1"), at("2001:db8:7::7")

    async def story(esp):
        await esp.install(pair(1, compression=DEFLATED))
        await esp.move(1, Path(here, there, floated=True))
        left = leaves(esp.kernel)
        return left and left[:2], comes(esp.kernel, 1, there, here)

    assert played(story) == ((here, there), True)


def test_figures_of_before_a_move_are_kept():
    async def story(esp):
        await esp.install(pair(1))
        for number in (1, 2):
            leaves(esp.kernel)
            comes(esp.kernel, number)
        await esp.move(1, PATH.to(ELSEWHERE))
        leaves(esp.kernel)
        comes(esp.kernel, 2, ELSEWHERE)
        comes(esp.kernel, 3, ELSEWHERE)
        during = (await esp.counters([1]))[1]
        return during == await esp.remove(1), during

    same, figures = played(story)
    assert same
    assert figures == Counters(300, 300, 3, 3, replayed=1, last_inbound=1000.0)


def test_lives_do_not_begin_anew():
    """Otherwise a peer that moves often enough keeps its keys for ever."""

    async def story(esp):
        await esp.install(pair(1, lifetime=Lifetime(80.0, 100.0, 800, 1000)))
        for number in (1, 2, 3):
            leaves(esp.kernel)
            comes(esp.kernel, number)
        esp.now += 30
        await esp.move(1, PATH.to(ELSEWHERE))
        first = [entry.sa.lifetime for entry in esp.kernel.sas.values()]
        esp.kernel.expire(SaId(HERE.address, 1001), hard=False)
        await heard(esp)
        esp.now += 90
        await esp.move(1, PATH)
        return first, [entry.sa.lifetime for entry in esp.kernel.sas.values()]

    first, second = played(story)
    assert first == [Lifetime(50.0, 70.0, 500, 700)] * 2
    assert second == [Lifetime(None, 1, None, 700)] * 2


def test_the_kernels_word_that_a_peer_moved_is_followed_and_told():
    async def story(esp):
        await esp.install(pair(1))
        for number in (1, 2, 3):
            comes(esp.kernel, number, ELSEWHERE)
        await heard(esp)
        return await esp.notices(), leaves(esp.kernel)[:2], _sources(esp.kernel)

    assert played(story) == ((Moved(1, ELSEWHERE),), (HERE, ELSEWHERE), [ELSEWHERE])


def test_a_peer_that_changes_with_each_packet_is_followed_ten_times_a_second():
    async def story(esp):
        await esp.install(pair(1))
        for number in range(1, 41):
            comes(esp.kernel, number, at(f"203.0.113.{number}"))
            await heard(esp)
            esp.now += STAYS * 0.3
        adds = [about for name, *about in esp.kernel.calls if name == "add"]
        return len(adds) - 2, len(await esp.notices())

    assert played(story) == (2 * 10, 1)


def test_nobody_follows_an_sa_that_is_not_there_any_more():
    old = SaId(HERE.address, 1001)

    async def story(esp):
        await esp.install(pair(1))
        await esp.remove(1)
        esp.kernel.heard.put_nowait(SaMapped(old, ELSEWHERE))
        await heard(esp)
        await esp.install(pair(2))
        await esp.move(2, Path(at("192.0.2.77"), NAT, floated=True))
        esp.kernel.heard.put_nowait(SaMapped(SaId(HERE.address, 1002), ELSEWHERE))
        esp.kernel.heard.put_nowait(SaMapped(SaId(NAT.address, 2002), ELSEWHERE))
        await heard(esp)
        return esp._notices._waiting, [entry.sa.destination for entry in esp.kernel.sas.values()]

    assert played(story) == ({}, [NAT, at("192.0.2.77")])


@pytest.mark.parametrize("remote", [at("2001:db8::9"), NAT])
def test_nobody_follows_to_another_ip_version_or_to_where_it_is(remote):
    async def story(esp):
        await esp.install(pair(1))
        before = len(esp.kernel.calls)
        esp.kernel.heard.put_nowait(SaMapped(SaId(HERE.address, 1001), remote))
        await heard(esp)
        return esp.kernel.calls[before:]

    assert played(story) == []


def test_native_esp_follows_nobody():
    async def story(esp):
        await esp.install(pair(1, path=NATIVE, encapsulation=Encapsulation.NONE))
        esp.kernel.heard.put_nowait(SaMapped(SaId(HERE.address, 1001), ELSEWHERE))
        await heard(esp)
        return esp._notices._waiting

    assert played(story) == {}


def test_between_udp_and_native_esp_both_sas_are_made_anew():
    """With the numbers that they had, and what came before does not come in again."""

    async def story(esp):
        await esp.install(pair(1))
        first = leaves(esp.kernel), comes(esp.kernel, 1), comes(esp.kernel, 2)
        found = []
        for path in (NATIVE, PATH):
            before = len(esp.kernel.calls)
            await esp.move(1, path)
            calls = [name for name, *_ in esp.kernel.calls[before:]]
            assert calls == ["remove", "add"] * 2
            found.append((leaves(esp.kernel), comes(esp.kernel, 2), comes(esp.kernel, 3 + len(found))))
        figures = (await esp.counters([1]))[1]
        return first, found, (figures.packets_in, figures.packets_out, figures.replayed)

    first, found, figures = played(story)
    assert first == ((HERE, NAT, 1), True, True)
    assert found == [((HERE, NAT, turn * (MARGIN + 1) + 1), False, True) for turn in (1, 2)]
    assert figures == (4, 3, 2)


def test_at_another_address_in_the_other_form_numbers_go_on_behind_the_margin():
    forms = []

    async def story(esp):
        await esp.install(pair(1))
        leaves(esp.kernel)
        comes(esp.kernel, 1)
        for turn, path in enumerate((replace(PATH.to(ELSEWHERE), floated=False), PATH), start=1):
            await esp.move(1, path)
            forms.append({entry.sa.encapsulation for entry in esp.kernel.sas.values()})
            assert leaves(esp.kernel) == (HERE, path.remote, turn * (MARGIN + 1) + 1)
            assert not comes(esp.kernel, 1, path.remote)

    played(story)
    assert forms == [{Encapsulation.NONE}, {Encapsulation.UDP}]


def test_who_moved_to_native_esp_follows_nobody_until_it_is_in_udp_again():
    word = SaMapped(SaId(HERE.address, 1001), ELSEWHERE)

    async def story(esp):
        await esp.install(pair(1))
        await esp.move(1, NATIVE)
        esp.kernel.heard.put_nowait(word)
        await heard(esp)
        stays = dict(esp._notices._waiting), leaves(esp.kernel)[1]
        await esp.move(1, PATH)
        esp.kernel.heard.put_nowait(word)
        await heard(esp)
        return stays, await esp.notices(), leaves(esp.kernel)[1]

    assert played(story) == (({}, NAT), (Moved(1, ELSEWHERE),), ELSEWHERE)


def test_ipcomp_stays_where_the_form_changes():
    async def story(esp):
        await esp.install(pair(1, compression=DEFLATED))
        before = set(esp.kernel.sas)
        await esp.move(1, NATIVE)
        return set(esp.kernel.sas) == before, leaves(esp.kernel)[:2], comes(esp.kernel, 1)

    assert played(story) == (True, (HERE, NAT), True)


def neighbour(address):
    """A client behind this address that chose the same SPI."""
    return Sa(HERE, at(address, 1), Encapsulation.UDP, ESP, pair(1).outbound, reqid=1)


def test_where_a_neighbour_has_the_spi_the_pair_stays_and_seldom_asks(caplog):
    """Its packets, each of which says that it moved, keep nobody busy."""

    async def story(esp):
        await esp.install(pair(1))
        await esp.kernel.add(neighbour("203.0.113.9"))
        for number in (1, 2, 3):
            comes(esp.kernel, number, ELSEWHERE)
            await heard(esp)
            esp.now += FOLLOWS_AGAIN / 3
        adds = sum(name == "add" for name, *_ in esp.kernel.calls)
        comes(esp.kernel, 4, ELSEWHERE)
        await heard(esp)
        later = sum(name == "add" for name, *_ in esp.kernel.calls)
        with pytest.raises(OSError, match=r"SPI 0x000007d1 at 203\.0\.113\.9 belongs to another SA"):
            await esp.move(1, PATH.to(ELSEWHERE))
        await esp.kernel.remove(SaId(ELSEWHERE.address, 2001))
        stays = leaves(esp.kernel)
        await esp.move(1, PATH.to(ELSEWHERE))
        return adds, later, stays, leaves(esp.kernel)[1], esp._notices._waiting

    assert played(story) == (2 + 1 + 1, 2 + 1 + 2, (HERE, NAT, 1), ELSEWHERE, {})
    assert caplog.text.count("does not follow its peer to 203.0.113.9:61000") == 1


OTHER_ENDS = {
    "there": PATH.to(ELSEWHERE),
    "here": Path(at("192.0.2.77"), NAT, floated=True),
    "both": Path(at("192.0.2.77"), ELSEWHERE, floated=True),
    "port": PATH.to(at("198.51.100.7", 61000)),
    "form": NATIVE,
    "form and there": NATIVE.to(ELSEWHERE),
    "form and here": replace(NATIVE, local=at("192.0.2.77")),
}


@pytest.mark.parametrize("path", OTHER_ENDS.values(), ids=OTHER_ENDS)
def test_a_move_that_fails_is_done_by_the_next_or_ends_the_pair(path):
    async def story(esp, when, lost):
        await esp.install(pair(1, compression=DEFLATED))
        before = leaves(esp.kernel)[2]
        count = itertools.count()

        def fail(*_):
            if next(count) == when:
                raise OSError(errno.ENOBUFS, "no buffer space")

        setattr(esp.kernel, "after" if lost else "before", fail)
        [refusal] = await asyncio.gather(esp.move(1, path), return_exceptions=True)
        esp.kernel.before = esp.kernel.after = lambda *_: None
        assert refusal is None or refusal.errno == errno.ENOBUFS
        await esp.move(1, path)
        if esp._notices._waiting:
            assert await esp.notices() == (Expired(1, hard=True, ending=Ending.LEFT_BEHIND),)
            await esp.install(pair(9))
            await esp.remove(9)
            return len(esp.kernel.sas), len(esp.kernel.policies)
        *ends, number = leaves(esp.kernel)
        assert (ends, number > before) == ([path.local, path.remote], True)
        assert comes(esp.kernel, 1, path.remote, path.local)
        await esp.remove(1)
        return len(esp.kernel.sas), len(esp.kernel.policies)

    faults = list(itertools.product(range(14), [False, True]))
    assert faults
    for when, lost in faults:
        assert played(lambda esp, when=when, lost=lost: story(esp, when, lost)) == (0, 0), (when, lost)


@pytest.mark.parametrize("path", OTHER_ENDS.values(), ids=OTHER_ENDS)
def test_who_comes_back_after_a_move_that_failed_is_there(path):
    """What leaves had gone already, and what comes in had not."""

    async def story(esp, when):
        await esp.install(pair(1))
        count = itertools.count()

        def fail(*_):
            if next(count) == when:
                raise OSError(errno.ENOBUFS, "no buffer space")

        esp.kernel.before = fail
        await asyncio.gather(esp.move(1, path), return_exceptions=True)
        esp.kernel.before = lambda *_: None
        await esp.move(1, PATH)
        if esp._notices._waiting:
            return [PATH.local, PATH.remote]
        return list(leaves(esp.kernel)[:2])

    for when in range(14):
        assert played(lambda esp, when=when: story(esp, when)) == [PATH.local, PATH.remote], when


@pytest.mark.parametrize("path", OTHER_ENDS.values(), ids=OTHER_ENDS)
def test_a_life_that_ends_during_a_move_is_told_once(path):
    async def story(esp, when, direction):
        await esp.install(pair(1))
        count = itertools.count()

        def end(*_):
            if next(count) == when:
                for each in [each for each in esp.kernel.sas if each.spi == direction]:
                    esp.kernel.expire(each, hard=True)

        esp.kernel.before = end
        await esp.move(1, path)
        esp.kernel.before = lambda *_: None
        await heard(esp)
        ended = esp.kernel.heard.empty() and bool(esp._notices._waiting)
        told = await esp.notices() if ended else None
        figures = await esp.counters([1])
        await esp.remove(1)
        return told, list(figures), dict(esp.kernel.sas), dict(esp.kernel.policies)

    ends = list(itertools.product(range(9), [1001, 2001]))
    assert ends
    for when, direction in ends:
        told, *rest = played(lambda esp, when=when, direction=direction: story(esp, when, direction))
        whole = (Expired(1, hard=True, ending=each) for each in (Ending.LIFETIME, Ending.TAKEN_AWAY))
        assert told is None or told[0] in whole, "the move found no SA before the kernel's word was heard"
        assert rest == [[1], {}, {}], (when, direction)


def test_a_move_that_finds_no_sa_after_a_lifetime_says_so():
    """The kernel's word of it is still on its way."""

    async def story(esp):
        await esp.install(pair(1, lifetime=Lifetime(60.0, 90.0)))
        esp.now += 90
        del esp.kernel.sas[SaId(NAT.address, 2001)]
        await esp.move(1, PATH.to(ELSEWHERE))
        return await esp.notices()

    assert played(story) == (Expired(1, hard=True),)


def test_a_pair_that_has_ended_is_not_moved():
    async def story(esp):
        await esp.install(pair(1))
        esp.kernel.expire(SaId(HERE.address, 1001), hard=True)
        await heard(esp)
        await esp.move(1, PATH.to(ELSEWHERE))
        await esp.activate(1)
        return dict(esp.kernel.sas), dict(esp.kernel.policies)

    assert played(story) == ({}, {})


def test_the_policy_of_a_pair_that_does_not_send_is_not_touched():
    async def story(esp):
        await esp.install(pair(1))
        await esp.install(replace(pair(2, like=1), replaces=1))
        await esp.move(1, PATH.to(ELSEWHERE))
        out = [each for each in esp.kernel.policies.values() if each.direction is Direction.OUT]
        await esp.remove(2)
        return [(each.spi, each.tunnel_destination) for each in out], leaves(esp.kernel)[1]

    assert played(story) == ([(2002, ip_address("198.51.100.7"))], ELSEWHERE)


def test_moves_and_ends_of_many_pairs_go_on_at_once():
    async def story(esp):
        numbers = range(1, 31)
        await asyncio.gather(*(esp.install(pair(number)) for number in numbers))
        moves = [esp.move(number, PATH.to(ELSEWHERE)) for number in numbers]
        await asyncio.gather(*moves, *(esp.remove(number) for number in numbers if number % 2))
        return sorted(each.spi for each in esp.kernel.sas if each.destination == ELSEWHERE.address)

    assert played(story, Engine()) == [2000 + number for number in range(2, 31, 2)]
