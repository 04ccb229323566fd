"""The engine of logins that a configuration names: what it learned survives a reload, and it hears of sessions."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lotor import config
from lotor.auth import UserFile
from lotor.auth.current import CurrentLogins
from lotor.auth.facts import Facts
from lotor.auth.housed import Housed
from lotor.auth.second import FREE
from lotor.crypto.totp import STEP, code_of
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.login import Accepted, Challenge, LoginAttempt
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.local import PoolFault
from lotor.model.reasons.logins import NotInGroup, TooManyCodes, WrongCode
from lotor.model.secret import Secret
from lotor.ports.leases import Lease
from lotor.warden.engines import logins_of
from lotor.warden.housing import HousedLeases

KEY = Secret(b"12345678901234567890")


@pytest.fixture
def logins(tmp_path: Path, monkeypatch):
    """`CurrentLogins` of a gateway whose alice has a second factor; `use` is a reload of its file."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    users = UserFile(tmp_path / "users")
    users.add("alice", Secret("correct horse"))
    users.change("alice", lambda user: replace(user, facts=replace(user.facts, totp=KEY)))
    file = tmp_path / "racoon.conf"
    file.write_text(f'mode_cfg {{ auth_source local; users "{users.path}"; network4 10.99.99.1; auth_throttle 0; }}')
    mode_cfg, current, housed = config.load(file).settings.mode_cfg, CurrentLogins(), Housed()
    current.reload = lambda: current.use(logins_of(mode_cfg, None, housed))
    current.housed = housed
    current.reload()
    return current


async def judge(logins, text, conversation=b"", field=Field.PASSWORD):
    attempt = LoginAttempt("alice", ((field, Secret(text)),), Peer(IPv4Address("192.0.2.7"), 500), conversation)
    return await logins.judge(attempt)


def now_code() -> str:
    return code_of(KEY, int(time.time() // STEP))


def test_a_reload_between_the_rounds_and_before_a_renewal(logins):
    async def play():
        asked = await judge(logins, "correct horse")
        logins.reload()
        accepted = await judge(logins, now_code(), asked.conversation, Field.PASSCODE)
        logins.housed.enter(1, "alice")
        logins.reload()
        return asked, accepted, await judge(logins, "correct horse")

    asked, accepted, renewed = asyncio.run(play())
    assert isinstance(asked, Challenge)
    assert accepted == renewed == Accepted("alice")


def test_a_reload_gives_a_guesser_of_codes_no_fresh_start(logins):
    async def play():
        told = [await judge(logins, "correct horse000000") for _ in range(FREE + 1)]
        logins.reload()
        return told, await judge(logins, f"correct horse{now_code()}")

    told, last = asyncio.run(play())
    assert {type(each.reason) for each in told} == {WrongCode}
    assert isinstance(last.reason, TooManyCodes)


def test_groups_of_own_users_are_those_of_auth_groups(tmp_path: Path):
    users = UserFile(tmp_path / "users")
    for name, groups in (("alice", ("staff",)), ("bob", ("guests",))):
        users.add(name, Secret("correct horse"), Facts(groups=groups))
    file = tmp_path / "racoon.conf"
    file.write_text(
        f'mode_cfg {{ auth_source local; users "{users.path}"; network4 10.99.99.1; auth_groups "staff"; '
        "group_source local; }"
    )
    logins = logins_of(config.load(file).settings.mode_cfg, None, Housed())

    async def play(user):
        given = ((Field.PASSWORD, Secret("correct horse")),)
        return await logins.judge(LoginAttempt(user, given, Peer(IPv4Address("192.0.2.7"), 500)))

    assert asyncio.run(play("alice")) == Accepted("alice", Grants(groups=frozenset({"staff"})))
    assert asyncio.run(play("bob")).reason == NotInGroup("bob", "staff")


def test_leases_tell_who_is_housed():
    class Leases:
        async def acquire(self, session, user, grants):
            full = Failure(PoolFault("full"))
            return Lease(IPv4Address("10.99.99.1"), IPv4Address("255.255.255.0")) if session < 3 else full

        async def release(self, session):
            pass

    async def play():
        housed = Housed()
        leases = HousedLeases(Leases(), housed)
        await leases.acquire(1, "alice", NO_GRANTS)
        await leases.acquire(2, "alice", NO_GRANTS)
        await leases.acquire(2, "bob", NO_GRANTS)
        await leases.acquire(3, "carol", NO_GRANTS)
        seen = [housed.has(user) for user in ("alice", "bob", "carol")]
        await leases.release(1)
        await leases.release(7)
        return seen, housed.has("alice"), housed.has("bob")

    assert asyncio.run(play()) == ([True, True, False], False, True)
