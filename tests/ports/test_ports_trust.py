"""What core and runtime rely on in every judge of certificates; and of the real one, that it fails closed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from keys import certificate_lab as lab
from lotor.model.algorithms import Curve
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Trusted, Untrusted
from lotor.trust import LocalTrust, RemoteTrust, TrustStore
from scripted import OpenTrust
from trust.conftest import prove

CA = lab.authority()
GATEWAY = lab.issue(CA, dns=("vpn.example.net",))
HOSTILE = {
    "no certificate": {"chain": ()},
    "an empty one": {"chain": (b"",)},
    "no certificate at all": {"chain": (b"\x30\x82\xff\xff" + bytes(100),)},
    "a cut one": {"chain": (GATEWAY.der[:-1],)},
    "more octets than are looked at": {"chain": (GATEWAY.der, bytes(1 << 20))},
    "more certificates than are looked at": {"chain": (GATEWAY.der,) * 10_000},
    "no signature": {"signature": b""},
    "a huge signature": {"signature": bytes(1 << 20)},
    "a huge hash": {"signed": bytes(1 << 20)},
    "a curve that is not the key's": {"curve": Curve.P256},
    "an identity of no kind": {"identity": Identity(255, b"\xff" * 10_000), "host": "elsewhere.example.net"},
    "an address of no size": {"identity": Identity(IdKind.IPV4_ADDR, b"123"), "client": True, "host": None},
    "another address": {"address": IPv6Address("2001:db8::1"), "host": None},
    "a host that is none": {"host": "\0" * 1000},
    "no such block": {"remote": "another"},
}


@contextlib.contextmanager
def local(directory):
    (directory / "ca.crt").write_bytes(CA.pem)
    store = TrustStore([RemoteTrust("gw", judges=True, ca=(directory / "ca.crt",))], clock=lambda: lab.NOW)
    with ThreadPoolExecutor(2) as executor:
        yield LocalTrust(store, executor)


JUDGES = {"local": local, "open": lambda _: contextlib.nullcontext(OpenTrust())}


@pytest.fixture(params=JUDGES)
def judge(request, tmp_path):
    with JUDGES[request.param](tmp_path) as engine:
        yield engine


def asked(verb):
    async def play():
        return await verb

    return asyncio.run(play())


def test_the_right_gateway_is_trusted_and_named(judge):
    found = asked(judge.judge(prove(GATEWAY)))
    assert isinstance(found, Trusted)
    assert found.subject.startswith("CN=")


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_peer_sends_there_is_a_verdict(judge, changes):
    found = asked(judge.judge(prove(GATEWAY, **changes)))
    assert isinstance(found, Trusted | Untrusted)
    assert isinstance(found, Trusted if isinstance(judge, OpenTrust) else Untrusted)
    if isinstance(found, Untrusted):
        assert found.reason.text
        assert len(found.reason.text) < 4096


def test_many_may_ask_at_once_and_each_gets_its_own_answer(judge):
    good = prove(GATEWAY)
    proofs = [good if number % 2 else replace(good, signature=bytes(256)) for number in range(20)]

    async def play():
        return await asyncio.gather(*(judge.judge(each) for each in proofs))

    assert asyncio.run(play()) == [asked(judge.judge(each)) for each in proofs]


def test_whoever_stops_waiting_disturbs_nobody(judge):
    async def play():
        gone = [asyncio.ensure_future(judge.judge(prove(GATEWAY))) for _ in range(20)]
        await asyncio.sleep(0)
        for each in gone:
            each.cancel()
        return await judge.judge(prove(GATEWAY)), await asyncio.gather(*gone, return_exceptions=True)

    found, ends = asyncio.run(play())
    assert isinstance(found, Trusted)
    assert all(isinstance(each, asyncio.CancelledError | Trusted) for each in ends)


# -- what holds for the engine alone ----------------------------------------------------------------------------------


def test_local_what_nobody_waits_for_any_more_is_not_begun():
    begun = []

    class Slow:
        def judge(self, proof):
            begun.append(proof.remote)
            busy.set()
            assert first.wait(60)
            return Trusted("")

    busy, first = threading.Event(), threading.Event()

    async def play():
        with ThreadPoolExecutor(1) as executor:
            judge = LocalTrust(Slow(), executor)
            proofs = [prove(GATEWAY, remote=str(number)) for number in range(5)]
            waiting = [asyncio.ensure_future(judge.judge(each)) for each in proofs]
            await asyncio.to_thread(busy.wait, 30)
            for each in waiting[1:4]:
                each.cancel()
            await asyncio.sleep(0)
            first.set()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(play())
    assert begun == ["0", "4"]
