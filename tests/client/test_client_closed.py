"""Gateways that a host is closed for without a connection: what a person is told, and what opens the host."""

from __future__ import annotations

import asyncio
import errno

import pytest

from lotor.client.closed import Closed
from scripted import RecordingHost


@pytest.fixture
def host():
    host = RecordingHost([])
    host.shut = {"192.0.2.50", "2001:db8::50"}
    return host


def closed(host, now=lambda: 0.0):
    return Closed(host, lambda: asyncio.sleep(0), now)


def test_an_address_opens_the_host_however_it_is_typed(host):
    assert asyncio.run(closed(host).open("192.0.2.51")) == 0
    assert asyncio.run(closed(host).open("2001:DB8:0::50")) == 1
    assert host.shut == {"192.0.2.50"}


def test_a_host_that_stays_closed_is_no_open_one(host, monkeypatch):
    async def stays(_):
        raise OSError(errno.EIO, "nftables keeps this host closed for 192.0.2.50")

    monkeypatch.setattr(host, "open", stays)
    with pytest.raises(OSError, match="keeps this host closed"):
        asyncio.run(closed(host).open("192.0.2.50"))


def test_the_status_names_each_gateway_and_the_time_of_a_login_page(host):
    now = 100.0
    one = closed(host, lambda: now)
    assert asyncio.run(one.portal(60)) == 2
    now = 130.0
    told = asyncio.run(one.remarks())
    assert [word in " ".join(told) for word in ("`lotor vd 192.0.2.50`", "`lotor vd 2001:db8::50`")] == [True, True]
    assert told[-1] == "DNS, HTTP and HTTPS leave in clear for 30 s more"
    now = 161.0
    assert len(asyncio.run(one.remarks())) == 2
