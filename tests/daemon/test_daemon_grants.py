"""What a login is granted, from the back end to the client, the status and the journal, in one process and in two."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv4Network

import pytest

from lotor.auth import Throttle
from lotor.cli.details import sessions
from lotor.control.messages import Connected, Failed, Status
from lotor.ike.events import Ended, GrantUnkept
from lotor.model.grants import Grants
from lotor.model.login import Accepted
from lotor.model.reasons.ends import SessionIdle
from lotor.ports.esp import Capabilities
from lotor.runtime import idle
from lotor.warden import warden
from visiting import ROOT, play

MORE = """
    pool "staff" { network4 10.99.98.1; pool_size 9; }
    group "sales" { pool "staff"; dns4 10.0.12.9; default_domain "sales.example"; }
"""


class Scripted:
    """A back end that accepts everybody with these grants."""

    def __init__(self, grants: Grants) -> None:
        self.grants = grants

    async def judge(self, attempt):
        return Accepted(attempt.user, self.grants)

    async def abandon(self, conversation) -> None: ...


@pytest.fixture(params=[False, True], ids=["one process", "two processes"])
def granted(request, directory, monkeypatch):
    def run(grants, story, more=MORE, **options):
        back_end = Scripted(grants)
        monkeypatch.setattr(warden, "logins_of", lambda *_: Throttle(back_end, 0))
        return play(directory, story, ipv6=more, far=request.param, **options)

    return run


async def met(world):
    """What the client was told, what the gateway says of the session, and the routes of the gateway's host."""
    answer = await world.vc()
    await world.settle()
    (there,) = world.client.register.all()
    (session,) = (await world.gateway_admin.status(Status(), ROOT))["sessions"]
    return answer, there.configuration, session, world.wardens["gateway"]._hold.routes.led


def test_what_is_granted_reaches_the_client_and_the_status(granted):
    grants = Grants(
        groups=frozenset({"staff", "sales"}),
        routes=(IPv4Network("10.5.0.0/16"),),
        dns4=(IPv4Address("10.5.0.53"),),
        session_time=28800.0,
        idle_time=600.0,
        sessions=2,
        rate=125_000,
        message="your password is old",
    )
    answer, told, session, _ = granted(grants, met)
    assert isinstance(answer, Connected)
    assert answer.banner.startswith("your password is old\n")
    assert str(told.address) == "10.99.98.1"
    assert [str(each) for each in (*told.dns, *told.split_include)] == ["10.5.0.53", "10.5.0.0/16"]
    assert told.domain == b"sales.example"
    assert session["grants"] == {
        "group": "sales",
        "groups": ["sales", "staff"],
        "pool": "",
        "filter": "",
        "session_time": 28800.0,
        "idle_time": 600.0,
        "sessions": 2,
        "rate": 125_000,
        "unkept": [],
    }
    assert [child["rate"] for child in session["children"]] == [125_000]
    text = " ".join(sessions({"sessions": [session]}).split())
    assert "granted: groups sales, staff; of group sales in mode_cfg; for 8 h" in text
    assert "2 sessions at a time; at most 1 Mbit/s" in text


def test_a_rate_that_the_engine_does_not_keep_is_told(granted):
    async def story(world):
        world.gateway._engine.capabilities = Capabilities(rates=False, untold=frozenset({"limited", "lost"}))
        before = (await world.gateway_admin.status(Status(), ROOT))["remarks"]
        *_, session, _ = await met(world)
        view = await world.gateway_admin.status(Status(), ROOT)
        return before, view["remarks"], session

    before, after, session = granted(Grants(rate=125_000), story)
    assert [each for each in after if each not in before] == [
        "rate limits of sessions are not kept: the kernel carries ESP (docs/kernel.md)"
    ]
    assert [child["rate"] for child in session["children"]] == [None]
    assert session["grants"]["rate"] == 125_000, "it was granted"
    traffic = session["traffic"]
    assert (traffic["limited"], traffic["lost"], traffic["shed"]) == (None, None, 0), "nobody counts, or there was none"
    assert "0 packets" not in sessions({"sessions": [session]})


def test_an_address_from_elsewhere_is_given_with_its_mask_and_its_route(granted):
    grants = Grants(address=IPv4Address("192.0.2.77"), netmask=IPv4Address("255.255.255.0"))
    more = "granted_network 192.0.2.0/24;"
    _, told, _, led = granted(grants, met, more)
    assert (str(told.address), str(told.netmask)) == ("192.0.2.77", "255.255.255.0")
    assert "192.0.2.0/24" in led


@pytest.mark.parametrize(
    ("grants", "words"),
    [
        (Grants(address=IPv4Address("192.0.2.77")), "the granted address 192.0.2.77 is not in the pool"),
        (Grants(pool="nobody"), "the granted pool nobody is none of this gateway"),
        (Grants(filter="nobody"), "the granted filter nobody is none of this gateway"),
    ],
)
def test_what_cannot_be_kept_is_said_at_both_ends(granted, grants, words):
    refused = []

    async def story(world):
        world.gateway.listen(refused.append)
        return await world.vc()

    answer = granted(grants, story)
    assert isinstance(answer, Failed)
    assert words in answer.text
    assert any(words in each.text() for each in refused)


def test_what_cannot_be_kept_is_noted_where_the_configuration_says_so(granted):
    told = []

    async def story(world):
        world.gateway.listen(told.append)
        return await met(world)

    _, _, session, _ = granted(Grants(pool="nobody"), story, f"{MORE} unkept_grants note;")
    words = "the granted pool nobody is none of this gateway"
    assert session["grants"]["unkept"] == [words]
    assert [each.text() for each in told if isinstance(each, GrantUnkept)] == [
        f"alice is in without what was granted: {words}"
    ]
    assert f"not given: {words}" in " ".join(sessions({"sessions": [session]}).split())


def test_a_session_that_carries_nothing_ends_when_its_idle_time_is_over(granted, monkeypatch):
    monkeypatch.setattr(idle, "LOOK_S", 0.02)

    async def story(world):
        over = asyncio.Event()
        world.client.listen(lambda event: over.set() if isinstance(event, Ended) else None)
        ends = []
        world.gateway.listen(lambda event: ends.append(event.reason) if isinstance(event, Ended) else None)
        await world.vc()
        await asyncio.wait_for(over.wait(), 60)
        return ends

    assert granted(Grants(idle_time=0.1), story) == [SessionIdle(0)]
