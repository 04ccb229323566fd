"""Ports at the other end of the line, where that end refuses, breaks or is gone; and what its journal is told."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import IPv4Address

import pytest

from lotor.model.algorithms import Hash
from lotor.model.grants import NO_GRANTS
from lotor.model.judgement import Failure, PskRequest
from lotor.model.kinds import Kind
from lotor.model.login import LoginAttempt
from lotor.model.network import Peer
from lotor.model.reasons.local import PoolFault
from lotor.privsep import complaints
from lotor.privsep.asking import Asker
from lotor.privsep.complaints import AT_ONCE, SECONDS, Complaints
from lotor.privsep.far_configurations import FarConfigurations
from lotor.privsep.far_leases import FarLeases
from lotor.privsep.far_logins import FarLogins
from lotor.privsep.far_signer import FarSigner
from lotor.privsep.frames import Ended, pair
from lotor.privsep.serving import Server, answering
from lotor.privsep.verbs import VERBS
from trust.conftest import MADE_OF

REQUEST = PskRequest("gw", None, IPv4Address("192.0.2.7"), Hash.SHA256, bytes(40))
ATTEMPT = LoginAttempt("alice", (), Peer(IPv4Address("192.0.2.9"), 500))


async def broken(request):
    raise RuntimeError("secret detail")


def answers_of(warden):
    """What each port says; `warden(end)` is the other end."""

    async def play():
        daemon, there = pair()
        try:
            warden(there)
            asker = Asker(daemon, lambda why: None)
            signer, logins, leases = FarSigner(asker), FarLogins(asker), FarLeases(asker)
            said = {
                "sign": await signer.sign("gw", MADE_OF),
                "derive": await signer.derive_skeyid(REQUEST),
                "password": await signer.saved_password("gw"),
                "login": await logins.judge(ATTEMPT),
                "lease": await leases.acquire(1, "alice", NO_GRANTS),
            }
            await logins.abandon(b"ticket")
            with pytest.raises(OSError, match="warden"):
                await leases.release(1)
            with pytest.raises(OSError, match="warden"):
                await FarConfigurations(asker).withdraw()
            asker.close()
            return said
        finally:
            daemon.close()
            there.close()

    return asyncio.run(play())


def refusing(end):
    Server(end, dict(answering(broken, verb) for verb in VERBS.values()), lambda why: None)


@pytest.mark.parametrize(
    ("warden", "kind", "told"),
    [
        (refusing, Kind.WARDEN_REFUSED, "refused to"),
        (lambda end: end.close(), Kind.WARDEN_GONE, "the warden is gone"),
    ],
    ids=["refuses", "is gone"],
)
def test_a_warden_that_does_nothing_is_a_failure_with_its_kind(warden, kind, told):
    said = answers_of(warden)
    for each in (said["sign"], said["derive"]):
        assert isinstance(each, Failure)
        assert each.reason.kind is kind
        assert told in each.reason.text
    assert said["password"] is None
    assert said["login"].reason.kind is Kind.LOGIN_BACK_END_FAULT
    assert not said["login"].judged
    assert isinstance(said["lease"].reason, PoolFault)
    assert told in said["lease"].reason.text


def test_a_line_that_was_closed_here_says_so():
    async def play():
        daemon, there = pair()
        asker = Asker(daemon, lambda why: None)
        asker.close()
        daemon.close()
        there.close()
        return await FarSigner(asker).sign("gw", MADE_OF)

    assert asyncio.run(play()).reason.text == "nothing can be asked of the warden: the line is closed"
    assert not str(Ended())


def test_complaints_of_one_process_are_a_few_and_counted(caplog):
    now = [0.0]
    told = Complaints(logging.getLogger(complaints.__name__), lambda: now[0])
    for _ in range(1000):
        told.tell("%s again", "it")
    assert len(caplog.records) == AT_ONCE
    for _ in range(3):
        now[0] += SECONDS
        told.tell("%s again", "it")
    assert [each.getMessage() for each in caplog.records[AT_ONCE:]] == [
        f"it again ({1000 - AT_ONCE} more such lines were left out)",
        "it again",
        "it again",
    ]
