"""EAP passed on to a real FreeRADIUS: several methods, what it grants, and the keys that both ends have in the end."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from eap_peer import Gtc, Mschapv2, TtlsPap, answer, identity
from lab import freeradius
from lotor.auth import Throttle
from lotor.config.servers import RadiusServer
from lotor.config.settings import Radius
from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge, EapPacket, LoginAttempt, Proved, Refused
from lotor.model.network import Peer
from lotor.model.reasons.logins import BackEndFault, ServerRefused
from lotor.model.secret import Secret
from lotor.radius import RadiusLogins

from .test_interop_radius import Running, settings

THERE = Peer(IPv4Address("192.0.2.9"), 500)
GRANTED = Grants(message="Welcome, alice")


class Speaking(Running):
    """One that speaks EAP."""

    def written(self):
        return freeradius.with_eap(super().written(), str(self.directory))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Speaking(tmp_path_factory.mktemp("radius") / "eap", signed=True)
    yield running
    running.stop()


async def spoken(logins, user, method, stop=lambda rounds: None):
    """The verdict in the end, and how many packets the server sent before it."""
    attempt, rounds = LoginAttempt(user, (), THERE, shown=EapPacket(identity(user))), 0
    while isinstance(verdict := await logins.judge(attempt), Challenge):
        rounds += 1
        stop(rounds)
        packet = EapPacket(answer(method, verdict.packet))
        attempt = LoginAttempt(user, (), THERE, verdict.conversation, shown=packet)
    return verdict, rounds


def judged(radius: Radius, user, method):
    async def run():
        logins = RadiusLogins(radius)
        try:
            return await spoken(logins, user, method)
        finally:
            await logins.close()

    return asyncio.run(run())


@pytest.mark.parametrize(("user", "grants"), [("alice", GRANTED), ("erin", Grants(address=IPv4Address("10.99.99.76")))])
def test_mschapv2_gives_both_ends_one_key_and_what_the_server_grants(server, user, grants):
    method = Mschapv2(user, f"{user}pass")
    verdict, rounds = judged(settings(server.port), user, method)
    assert verdict == Accepted(user, grants, Proved(Secret(method.msk), packet=verdict.proved.packet))
    assert verdict.proved.packet[0] == 3
    assert len(method.msk) == 64
    assert rounds == 2


def test_a_wrong_password_is_told_inside_of_mschapv2_and_is_a_no_then(server):
    method = Mschapv2("alice", "wrong")
    verdict, _ = judged(settings(server.port), "alice", method)
    assert isinstance(verdict.reason, ServerRefused)
    assert verdict.packet[0] == 4
    assert verdict.judged
    assert method.failed.startswith("E=691 R=1")


def test_another_try_in_the_same_conversation_is_the_server_s_to_allow(server):
    method = Mschapv2("alice", "wrong", "alicepass")
    verdict, _ = judged(settings(server.port), "alice", method)
    assert isinstance(verdict, Accepted)
    assert verdict.proved.msk == Secret(method.msk)


def test_a_user_whom_the_server_does_not_know_is_a_no(server):
    verdict, _ = judged(settings(server.port), "nobody", Mschapv2("nobody", "x"))
    assert isinstance(verdict.reason, ServerRefused)
    assert verdict.packet[0] == 4


def test_ttls_with_a_password_inside_comes_in_pieces_and_gives_both_ends_one_key(server):
    """The client wants it by a NAK, and says `anonymous` outside; the server tells the name for accounting."""
    method = TtlsPap(server.directory / "ca.crt", "alice", "alicepass")
    verdict, rounds = judged(settings(server.port), "alice", method)
    assert isinstance(verdict, Accepted)
    assert verdict.proved.msk == Secret(method.msk)
    assert rounds > 4


def test_a_wrong_password_inside_of_ttls_is_a_no(server):
    method = TtlsPap(server.directory / "ca.crt", "alice", "wrong")
    verdict, _ = judged(settings(server.port), "alice", method)
    assert isinstance(verdict.reason, ServerRefused)
    assert method.done


def test_a_method_without_keys_is_a_yes_without(server):
    verdict, _ = judged(settings(server.port), "alice", Gtc("alicepass"))
    assert verdict == Accepted("alice", GRANTED, Proved(Secret(b""), packet=verdict.proved.packet))


def test_keys_hidden_with_another_secret_never_come_that_far(server):
    """A server with another secret is silent, or its answers are none."""
    verdict, _ = judged(settings(server.port, secret=Secret("other")), "alice", Mschapv2("alice", "alicepass"))
    assert isinstance(verdict.reason, BackEndFault)


def test_a_login_behind_the_throttle_waits_once_a_guess(server):
    """Real time: nothing waits where nobody has failed."""

    async def run():
        logins = RadiusLogins(settings(server.port))
        slowed = Throttle(logins, 0.01)
        right, _ = await spoken(slowed, "alice", TtlsPap(server.directory / "ca.crt", "alice", "alicepass"))
        wrong, _ = await spoken(slowed, "alice", Mschapv2("alice", "wrong"))
        failures = sum(each.failures for each in slowed.bans.users.records.values())
        await logins.close()
        return right, wrong, failures, slowed._held

    right, wrong, failures, held = asyncio.run(run())
    assert isinstance(right, Accepted)
    assert isinstance(wrong, Refused)
    assert failures == pytest.approx(1, abs=0.5)
    assert not held


def test_a_server_that_goes_between_two_packets_ends_the_login_and_the_next_one_is_judged_elsewhere(
    server, tmp_path_factory
):
    other = Speaking(tmp_path_factory.mktemp("radius") / "other", signed=True)
    servers = tuple(RadiusServer("127.0.0.1", each, Secret(freeradius.SECRET)) for each in (other.port, server.port))
    radius = Radius(auth=servers, acct=(), timeout=3, retries=1)

    async def run():
        logins = RadiusLogins(radius)
        try:
            lost, _ = await spoken(logins, "alice", Mschapv2("alice", "alicepass"), lambda _: other.stop())
            again, _ = await spoken(logins, "alice", Mschapv2("alice", "alicepass"))
            return lost, again
        finally:
            await logins.close()

    lost, again = asyncio.run(run())
    assert isinstance(lost.reason, BackEndFault)
    assert not lost.judged
    assert isinstance(again, Accepted)
