"""The core hears which networks are banned: at the start, when that changes, and from nobody but the warden."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from types import SimpleNamespace

import pytest

from looped import looped
from lotor.daemon.shunning import Shunning
from lotor.ike.intents import Shun
from lotor.model.ban import Ban
from lotor.model.policy import Side


def ban(subject, network=True):
    return Ban(subject, network, 1.0, 2.0, "by hand")


class Warden:
    def __init__(self, *bans):
        self.found, self.fault, self.asked, self.told = bans, None, 0, []
        remotes = (SimpleNamespace(side=Side.GATEWAY),)
        self.present = SimpleNamespace(now=SimpleNamespace(policy=SimpleNamespace(remotes=remotes)))
        self.shunning = Shunning(self, self.present, self.told.append)

    async def bans(self):
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return self.found


@looped
async def test_networks_are_told_where_they_changed_and_logins_never():
    warden = Warden(ban("198.51.100.7"), ban("alice", network=False))
    await warden.shunning.look()
    await warden.shunning.look()
    warden.found = (*warden.found, ban("2001:db8::/32"))
    await warden.shunning.look()
    one, other = ip_network("198.51.100.7"), ip_network("2001:db8::/32")
    assert warden.told == [Shun((one,)), Shun((one, other))]


@pytest.mark.parametrize("fault", [OSError(5, "no answer"), LookupError("a secret")])
@looped
async def test_what_was_known_counts_while_the_warden_says_nothing(monkeypatch, caplog, fault):
    monkeypatch.setattr("lotor.daemon.shunning.LOOK_S", 0.0)
    warden = Warden(ban("198.51.100.7"))
    warden.fault = fault
    warden.shunning.start()
    async with asyncio.timeout(60):
        while warden.asked < 3:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        assert warden.told == []
        warden.fault = None
        while not warden.told:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
    warden.shunning.stop()
    assert "secret" not in caplog.text


@looped
async def test_a_client_asks_for_no_bans(monkeypatch):
    monkeypatch.setattr("lotor.daemon.shunning.LOOK_S", 0.0)
    warden = Warden()
    warden.present.now.policy.remotes[0].side = Side.CLIENT
    warden.shunning.start()
    for _ in range(20):
        await asyncio.sleep(0)
    warden.shunning.stop()
    assert warden.asked == 0
