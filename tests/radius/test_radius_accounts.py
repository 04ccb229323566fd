"""Records as Accounting-Requests: every attribute, every reason, and servers that lie or are silent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest

from lotor.model.back_end import BackEnd
from lotor.model.kinds import Kind
from lotor.model.network import Peer
from lotor.model.reason import Cause
from lotor.model.reasons.catalogue import CLASSES
from lotor.ports.accounting import Account, Record, Status, Usage
from lotor.radius.accounts import Authentic, RadiusAccounts, authentic
from lotor.radius.causes import FAMILIES, KINDS, Terminate, terminate_cause
from radius_double import ACCOUNTED, SECRET, Scripted, answer, closed_port, settings, silent

ALICE = Account(
    "5f3a09c1d2e4-17",
    "alice",
    Peer(IPv4Address("198.51.100.7"), 4500),
    (IPv4Address("10.99.99.3"), IPv6Address("fd00:99::3"), IPv4Network("10.1.0.0/16")),
    1764415800.4,
    frozenset({"staff"}),
    (b"\x00gold", b"OU=staff;"),
    IPv4Address("192.0.2.1"),
)
BARE = replace(ALICE, accounting_classes=(), called=None, inside=())
USAGE = Usage(3600, 5 * 2**32 + 7, 2097152, 2**32 + 9, 1800)
STOP = Record(Status.STOP, 1764419400.9, ALICE, USAGE, Kind.PEER_DELETED, 30)
START = Record(Status.START, 1764415800.4, ALICE)


def keeping(asked):
    return [answer(asked, ACCOUNTED)]


def accounts(*scripted, **named):
    return RadiusAccounts(settings(acct=tuple(each.setting() for each in scripted)), **named)


def taken(leaping, *records, script=keeping, **named):
    """What a server is asked."""

    async def run():
        server = await Scripted(script).start()
        keeper = accounts(server, **named)
        for each in records:
            await keeper.take(each)
        await keeper.close()
        return server.asked

    return leaping(run())


def attributes(asked):
    return dict(asked.attributes)


def numbers(asked):
    return {number: int.from_bytes(value) for number, value in asked.attributes}


def test_a_stop_has_all_that_is_known(leaping):
    (asked,) = taken(leaping, STOP)
    assert asked.code == 4
    found, words = numbers(asked), attributes(asked)
    assert words[44] == b"5f3a09c1d2e4-17"
    assert [value for number, value in asked.attributes if number == 25] == [b"\x00gold", b"OU=staff;"]
    assert (words[1], words[32]) == (b"alice", b"gw")
    assert (words[31], words[30]) == (b"198.51.100.7", b"192.0.2.1")
    assert (words[8], words[168]) == (IPv4Address("10.99.99.3").packed, IPv6Address("fd00:99::3").packed)
    assert (found[40], found[41], found[55]) == (2, 30, 1764419400)
    assert (found[46], found[42], found[52], found[43], found[53]) == (3600, 7, 5, 2097152, 0)
    assert (found[47], found[48], found[49]) == (9, 1800, 1)
    assert (found[5], found[61], found[6], found[7], found[45]) == (17, 5, 2, 1, 1)
    assert words[4] == IPv4Address("127.0.0.1").packed
    assert [number for number, _ in asked.attributes].count(8) == 1


@pytest.mark.parametrize(
    ("record", "status", "there", "missing"),
    [
        (START, 1, {1, 8, 25, 44}, {42, 46, 49}),
        (replace(STOP, status=Status.INTERIM, why=None), 3, {1, 42, 46, 47}, {49}),
        (Record(Status.ON, 1764415800.0), 7, {44, 55, 32, 4}, {1, 25, 45, 46, 49}),
        (Record(Status.OFF, 1764415800.0), 8, {44, 55, 32, 4}, {1, 25, 45, 46, 49}),
        (
            replace(START, account=replace(ALICE, accounting_classes=(), called=None, inside=())),
            1,
            {1},
            {8, 25, 30, 168},
        ),
    ],
)
def test_each_kind_of_record_has_its_attributes(leaping, record, status, there, missing):
    (asked,) = taken(leaping, record)
    found = numbers(asked)
    assert found[40] == status
    assert there <= set(found)
    assert not missing & set(found)


def test_a_record_that_is_told_again_differs_in_its_delay_alone(leaping):
    first, again = taken(leaping, STOP, replace(STOP, delay=3600))
    before, after = attributes(first), attributes(again)
    assert before.pop(41) != after.pop(41)
    assert before == after


@pytest.mark.parametrize(
    "user", ["x" * 253, "x" * 300, "ü" * 200, "\N{PILE OF POO}" * 100, "a\nb", "\N{ZERO WIDTH SPACE}"]
)
def test_a_name_of_any_length_has_room(leaping, user):
    (asked,) = taken(leaping, replace(START, account=replace(ALICE, user=user)))
    name = attributes(asked)[1]
    assert 0 < len(name) <= 253
    assert user.startswith(name.decode())


@pytest.mark.parametrize(
    "usage", [Usage(2**40, 2**63 - 1, 2**63 - 1, 2**63 - 1, 2**63 - 1), Usage(0), Usage(2**32, 2**32, 2**32)]
)
def test_figures_of_any_size_have_room(leaping, usage):
    (asked,) = taken(leaping, replace(STOP, usage=usage, at=-5.0, delay=2**40))
    found = numbers(asked)
    assert found[52] * 2**32 + found[42] == usage.octets_in
    assert found[46] == min(usage.seconds, 2**32 - 1)


def test_who_judged_the_login_is_told(leaping):
    for logins, number in ((BackEnd.RADIUS, 1), (None, 2), (BackEnd.LDAP, 3)):
        (asked,) = taken(leaping, START, authentic=authentic(logins))
        assert numbers(asked)[45] == number == Authentic(number)


# --- reasons ---------------------------------------------------------------------------------------------------------


def test_every_kind_of_reason_has_its_cause():
    assert set(FAMILIES) == set(Cause)
    for kind in CLASSES:
        assert terminate_cause(kind) in Terminate


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (Kind.PEER_DELETED, Terminate.USER_REQUEST),
        (Kind.DEAD_PEER, Terminate.LOST_CARRIER),
        (Kind.DAEMON_DIED, Terminate.LOST_SERVICE),
        (Kind.GATEWAY_DIED, Terminate.NAS_REBOOT),
        (Kind.SESSION_IDLE, Terminate.IDLE_TIMEOUT),
        (Kind.SESSION_TIME_OVER, Terminate.SESSION_TIMEOUT),
        (Kind.PHASE1_EXPIRED, Terminate.SESSION_TIMEOUT),
        (Kind.LOGGED_OUT, Terminate.ADMIN_RESET),
        (Kind.ADMINISTRATOR, Terminate.ADMIN_RESET),
        (Kind.SHUT_DOWN, Terminate.ADMIN_REBOOT),
        (Kind.CONNECTED_AGAIN, Terminate.PORT_PREEMPTED),
        (Kind.ENGINE_FAULT, Terminate.NAS_ERROR),
    ],
)
def test_reasons_that_people_ask_for(kind, cause):
    assert terminate_cause(kind) is cause
    assert set(KINDS) <= set(Kind)


# --- servers ---------------------------------------------------------------------------------------------------------


LIES = {
    "with another secret": lambda asked: answer(asked, ACCOUNTED, secret=b"guessed"),
    "for another request": lambda asked: answer(asked, ACCOUNTED, identifier=asked.identifier ^ 1),
    "an accept": lambda asked: answer(asked, 2),
    "as it was asked": lambda asked: asked.octets,
    "cut": lambda asked: answer(asked, ACCOUNTED)[:-1],
    "nothing": lambda asked: b"",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_no_answer(leaping, lie):
    with pytest.raises(OSError, match="does not answer"):
        taken(leaping, START, script=lambda asked: [LIES[lie](asked)])
    assert len(taken(leaping, START, script=lambda asked: [LIES[lie](asked), answer(asked, ACCOUNTED)])) == 1


def test_the_second_server_takes_what_the_first_one_does_not(leaping):
    async def run():
        dead, alive = await Scripted(silent).start(), await Scripted(keeping).start()
        keeper = accounts(dead, alive)
        for _ in range(5):
            await keeper.take(START)
        return len(dead.asked), len(alive.asked)

    dead, alive = leaping(run())
    assert alive == 5
    assert 1 <= dead <= 5


def test_a_port_where_nobody_listens_is_said_at_once(leaping):
    async def run():
        nobody = replace((await Scripted(silent).start()).setting(), port=closed_port())
        keeper = RadiusAccounts(settings(acct=(nobody,)))
        with pytest.raises(OSError, match="does not answer"):
            await keeper.take(START)

    leaping(run())


def test_without_a_server_nothing_is_taken(leaping):
    with pytest.raises(OSError, match="no RADIUS server"):
        leaping(RadiusAccounts(settings()).take(START))


def test_no_secret_stands_in_an_error(leaping):
    with pytest.raises(OSError, match="answer") as caught:
        taken(leaping, START, script=silent)
    assert SECRET.decode() not in str(caught.value)


def test_a_hundred_records_side_by_side_reach_the_server_once_each(leaping):
    async def run():
        server = await Scripted(keeping).start()
        keeper = accounts(server)
        ids = [replace(START, account=replace(ALICE, id=f"5f3a-{number}")) for number in range(100)]
        await asyncio.gather(*map(keeper.take, ids))
        return sorted(attributes(each)[44] for each in server.asked)

    assert leaping(run()) == sorted(f"5f3a-{number}".encode() for number in range(100))
