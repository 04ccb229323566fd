"""The register, the requests that wait, and what a gateway gives."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.effects import Tell
from lotor.ike.events import ChildDown, PhaseOneUp, Renewed
from lotor.model.algorithms import Group
from lotor.model.child import Counters
from lotor.model.configuration import LONGEST_BANNER, ModeConfiguration
from lotor.model.judgement import Failure
from lotor.model.network import Peer
from lotor.model.reason import Cause, Reason
from lotor.ports.leases import Lease
from lotor.runtime.configurations import GatewayConfigurations, Template, read_banner
from lotor.runtime.requests import Established, Requests, Wish
from lotor.runtime.sessions import Register
from scripted import BYE, CONFIGURATION, FLOATED, SUITE, ended, established, started


@pytest.fixture
def register():
    return Register(lambda: 1000.0)


def test_a_session_collects_what_its_events_say(register):
    for effect in [started(), *established()]:
        register.follow(effect.event)
    session = register.get(1)
    assert (session.user, session.up, session.suite, session.since) == ("alice", True, SUITE, 1000.0)
    assert session.configuration == CONFIGURATION
    assert list(session.children) == [1]


def test_traffic_survives_a_rekey(register):
    figures = {1: Counters(octets_in=10, packets_out=2, forged=1)}
    for effect in [started(), *established(), Tell(ChildDown(1, 1, BYE))]:
        register.follow(effect.event)
    session = register.get(1)
    assert session.traffic(figures).octets_in == 10  # the engine still counts for it
    session.removed(1, figures.pop(1))
    traffic = session.traffic({})
    assert (traffic.octets_in, traffic.packets_out, traffic.forged) == (10, 2, 1)


def test_an_ended_session_is_recalled_until_the_next_event_and_lives_no_more(register):
    register.follow(started().event)
    register.follow(ended().event)
    assert register.recall(1) is not None
    assert (register.get(1), register.all()) == (None, ())
    register.follow(started(2).event)
    assert register.recall(1) is None


def test_events_of_unknown_sessions_are_nothing(register):
    register.follow(established()[0].event)
    assert register.all() == ()


def test_a_request_ends_once_up_or_with_the_reason():
    async def play():
        requests = Requests()
        good, bad, never = (requests.new(Wish()) for _ in range(3))
        requests.follow(started(1, request=good).event)
        requests.follow(started(2, request=bad).event)
        requests.ready(1)
        refused = Reason(Cause.LOGIN_REFUSED, "refused")
        requests.follow(ended(2, refused).event)
        requests.follow(ended(1).event)
        requests.fail(never, "no")
        return await requests.outcome(good), await requests.outcome(bad), await requests.outcome(never)

    good, bad, never = asyncio.run(play())
    assert good == Established(1)
    assert bad.cause is Cause.LOGIN_REFUSED
    assert never.cause is Cause.LOCAL_FAULT


class Pool:
    def __init__(self, *answers):
        self.answers = list(answers)

    def acquire(self, session, user):
        return self.answers.pop(0)


def test_a_gateway_gives_lease_values_and_the_banner_of_this_moment(tmp_path):
    banner = tmp_path / "motd"
    values = ModeConfiguration(IPv4Address(0), netmask=IPv4Address("255.255.255.0"), dns=(IPv4Address("10.0.12.1"),))
    pool = Pool(Lease(IPv4Address("10.99.99.1")), Lease(IPv4Address("10.99.99.2"), IPv4Address("255.255.0.0")))
    gateway = GatewayConfigurations(pool, lambda: Template(values, banner))
    banner.write_bytes(b"one")
    first = gateway.acquire(1, "alice")
    banner.write_bytes(b"two")
    second = gateway.acquire(2, "bob")
    assert (first.address, first.netmask, first.banner) == (IPv4Address("10.99.99.1"), values.netmask, b"one")
    assert (second.address, second.netmask, second.banner) == (
        IPv4Address("10.99.99.2"),
        IPv4Address("255.255.0.0"),
        b"two",
    )
    assert first.dns == values.dns


def test_a_full_pool_says_so():
    gateway = GatewayConfigurations(Pool(Failure("no free address")), Template)
    assert gateway.acquire(1, "alice") == Failure("no free address")


def test_a_missing_banner_is_a_warning_not_a_refusal(tmp_path, caplog):
    gateway = GatewayConfigurations(Pool(Lease(IPv4Address("10.99.99.1"))), lambda: Template(banner=tmp_path / "none"))
    assert gateway.acquire(1, "alice").banner == b""
    assert "none cannot be read: No such file or directory" in caplog.text


def test_a_banner_is_bounded_and_a_fifo_does_not_hold_the_gateway_up(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * (LONGEST_BANNER + 100))
    os.mkfifo(tmp_path / "fifo")
    assert len(read_banner(tmp_path / "big")) == LONGEST_BANNER
    assert read_banner(tmp_path / "fifo") == b""


def test_a_renewal_keeps_the_session_and_takes_what_the_attempt_learned(register):
    moved = replace(FLOATED, remote=Peer(IPv4Address("192.0.2.50"), 4501))
    better = replace(SUITE, group=Group.MODP2048)
    for effect in [started(), *established(), started(2)]:
        register.follow(effect.event)
    register.follow(PhaseOneUp(2, moved, better, "gw2.example.net", "no NAT", "03:04", "dpd"))
    register.follow(Renewed(1, 2, moved, better, "03:04"))
    session = register.get(1)
    assert (session.path, session.suite, session.cookies) == (moved, better, "03:04")
    assert (session.peer, session.nat, session.vendor) == ("gw2.example.net", "no NAT", "dpd")
    assert (session.user, session.up, list(session.children)) == ("alice", True, [1])
    assert register.get(2) is None


def test_a_renewal_of_an_unknown_session_or_attempt_is_nothing(register):
    register.follow(Renewed(1, 2, FLOATED, SUITE, "03:04"))
    assert register.all() == ()
    for effect in [started(), *established()]:
        register.follow(effect.event)
    register.follow(Renewed(1, 9, FLOATED, SUITE, "03:04"))
    assert register.get(1).cookies == "01:02"
