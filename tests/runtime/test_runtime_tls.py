"""The table of TLS connections: one a session, signed for by a signer that may be far away, gone when not needed."""

from __future__ import annotations

import asyncio

from lotor.crypto.signatures import sign
from lotor.ike.events import Ended, LoggedIn
from lotor.ike.questions import StepTls
from lotor.model.judgement import Failure, Signature
from lotor.model.policy import Side
from lotor.model.reasons.ends import ShutDown
from lotor.model.secret import Secret
from lotor.model.tls import NOTHING, TlsMethod, TlsTerms
from lotor.runtime import tls
from lotor.runtime.tls import TlsTable
from peers.tls import SCHEME, certificate, key

NAME = "gw.example.org"
SERVER = TlsTerms(TlsMethod.TTLS, Side.GATEWAY, "gw", (certificate(NAME),), SCHEME)
CLIENT = TlsTerms(TlsMethod.TTLS, Side.CLIENT, "gw", host=NAME)


class Signs:
    """`silent`: it never answers."""

    def __init__(self, *, silent=False):
        self.silent, self.asked = silent, []

    async def sign_tls(self, remote, message, scheme):
        self.asked.append(remote)
        if self.silent:
            await asyncio.get_running_loop().create_future()
        return Signature(sign(key(NAME), scheme, message))


async def spoken(table, server=1, client=2):
    """A handshake of two connections of one table."""
    there = await table.step(StepTls(client, CLIENT, b"", NOTHING))
    here = await table.step(StepTls(server, SERVER, there.out, NOTHING))
    there = await table.step(StepTls(client, None, here.out, NOTHING))
    return await table.step(StepTls(server, None, there.out, NOTHING)), there


def played(story, signer=None, alive=lambda _: True):
    async def play():
        table = TlsTable(signer or Signs(), alive)
        try:
            return await story(table)
        finally:
            table.close()

    return asyncio.run(play())


def test_both_ends_have_the_same_keys_and_speak_within():
    async def story(table):
        here, there = await spoken(table)
        assert here.stands
        assert here.msk == there.msk
        assert here.challenge == there.challenge
        assert (len(here.msk), len(here.challenge), here.newer) == (64, 17, True)
        assert (here.chain, there.chain) == ((), SERVER.chain)
        said = await table.step(StepTls(2, None, b"", Secret("a password")))
        assert b"a password" not in said.out
        return (await table.step(StepTls(1, None, said.out, NOTHING))).inside

    assert played(story) == Secret("a password")


def test_a_connection_ends_with_its_login_or_its_session():
    async def story(table):
        await spoken(table)
        table.follow(LoggedIn(1, "alice"))
        table.follow(Ended(2, ShutDown(), established=True))
        assert len(table) == 0
        return await table.step(StepTls(1, None, b"more", NOTHING))

    assert isinstance(played(story), Failure)


def test_a_connection_that_failed_is_gone():
    async def story(table):
        progress = await table.step(StepTls(1, SERVER, b"GET / HTTP/1.1\r\n\r\n", NOTHING))
        return progress, len(table)

    progress, left = played(story)
    assert progress.fault
    assert left == 0


def test_there_are_so_many_and_no_more(monkeypatch):
    monkeypatch.setattr(tls, "MOST_CONNECTIONS", 2)

    async def story(table):
        answers = [await table.step(StepTls(session, SERVER, b"", NOTHING)) for session in (1, 2, 3, 1)]
        return [isinstance(each, Failure) for each in answers], len(table)

    assert played(story) == ([False, False, True, False], 2)


def test_nothing_begins_for_a_session_that_has_ended():
    async def story(table):
        return await table.step(StepTls(1, SERVER, b"", NOTHING)), len(table)

    answer, left = played(story, alive=lambda _: False)
    assert isinstance(answer, Failure)
    assert left == 0


def test_a_name_that_is_none_and_a_gateway_without_a_certificate():
    async def story(table):
        nameless = TlsTerms(TlsMethod.TTLS, Side.CLIENT, "gw", host="no name")
        bare = TlsTerms(TlsMethod.TTLS, Side.GATEWAY, "gw")
        return [await table.step(StepTls(1, terms, b"", NOTHING)) for terms in (nameless, bare)]

    assert all(isinstance(each, Failure) for each in played(story))


def test_a_signer_that_says_nothing_costs_its_own_login_alone(monkeypatch):
    """The others go on meanwhile, and the event loop does."""
    monkeypatch.setattr(tls, "SIGN_SECONDS", 0.05)

    async def story(table):
        hello = (await table.step(StepTls(2, CLIENT, b"", NOTHING))).out
        waiting = asyncio.ensure_future(table.step(StepTls(1, SERVER, hello, NOTHING)))
        other = await table.step(StepTls(3, CLIENT, b"", NOTHING))
        return other, await waiting

    other, silent = played(story, Signs(silent=True))
    assert other.out
    assert silent.fault
