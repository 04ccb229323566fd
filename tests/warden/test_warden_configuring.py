"""A configuration over a real line: given, read again, taken over, and asked for by a daemon that does nothing else."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from lotor.config import ConfigError, Problem, Settings
from lotor.config.provision import Provision, bare
from lotor.config.settings import Places
from lotor.model.judgement import Credential
from lotor.privsep.codec import Malformed, encode
from lotor.privsep.configuring import (
    LONGEST_TEXT,
    PROVISION,
    TAKE_OVER,
    Faults,
    NotTaken,
    TakenOver,
    Which,
)
from lotor.privsep.far_configuration import FarConfiguration
from lotor.privsep.frames import Frame, Kind, send
from lotor.privsep.sealed import seal, unseal
from lotor.warden import configuring
from lotor.warden.configuring import ANOTHER_AFTER, AT_ONCE, Pace, rows
from paired import line, settings

WRITTEN = settings("""
remote anonymous { exchange_mode main;
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14; }
}
""")


NOTHING = TakenOver(())


def provision(written: Settings = WRITTEN) -> Provision:
    return Provision(bare(written), {}, {"anonymous": Credential((b"DER",))}, b"Welcome", warnings=("mind the gap",))


@asynccontextmanager
async def warden(*, provide=None, taken=NOTHING):
    async def given(which):
        asked.append(which)
        return provision() if provide is None else provide(which)

    async def take_over():
        return taken

    asked = []
    async with line(rows(given, take_over)) as (asker, lost):
        yield FarConfiguration(asker), asked, asker, lost


def play(story, **how):
    async def run():
        async with asyncio.timeout(60), warden(**how) as (far, asked, asker, lost):
            return await story(far, asked, asker, lost)

    return asyncio.run(run())


def test_a_daemon_gets_the_configuration_that_it_asks_for():
    async def story(far, asked, *_):
        return [await far.provision(which) for which in Which], asked

    assert play(story) == ([provision()] * 2, list(Which))


def test_a_large_configuration_crosses_whole():
    (remote,) = WRITTEN.remotes
    many = tuple(replace(remote, name=f"remote {number}", places=Places()) for number in range(1000))
    large = replace(WRITTEN, remotes=many)

    async def story(far, *_):
        return await far.provision(Which.IN_FORCE)

    found = play(story, provide=lambda _: provision(large))
    assert found == provision(large)


def test_one_that_is_too_large_is_a_fault(monkeypatch):
    monkeypatch.setattr(configuring, "LARGEST_PROVISION", 100)

    async def story(far, *_):
        return await far.provision(Which.IN_FORCE)

    assert "make it smaller" in play(story).text


@pytest.mark.parametrize("count", [1, 5000])
def test_what_is_wrong_is_told(count):
    problems = [Problem("racoon.conf", number, 1, "grüße \udce9") for number in range(count)]

    def provide(which):
        if which is Which.READ_AGAIN:
            raise ConfigError(problems)
        return provision()

    async def story(far, *_):
        return [await far.provision(which) for which in (Which.READ_AGAIN, Which.IN_FORCE)]

    wrong, good = play(story, provide=provide)
    assert isinstance(wrong, Faults)
    assert wrong.text.startswith("racoon.conf:0:1: grüße ?")
    assert len(wrong.text.encode()) <= LONGEST_TEXT
    assert wrong.text.endswith("…") is (count > 1)
    assert good == provision()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (TakenOver(("one", "two")), TakenOver(("one", "two"))),
        (NotTaken("no pool", "CONFIGURATION"), NotTaken("no pool", "CONFIGURATION")),
        (TakenOver(("ü" * LONGEST_TEXT, "b")), TakenOver(("ü" * ((LONGEST_TEXT // 2 - 3) // 2) + "…", "b"))),
        (NotTaken("x" * 2 * LONGEST_TEXT, "BUSY"), NotTaken("x" * (LONGEST_TEXT - 3) + "…", "BUSY")),
        (TakenOver(("\udce9",) * 256), TakenOver(("?",) * 256)),
        (TakenOver(("x" * 1000,) * 256), TakenOver(("x" * (LONGEST_TEXT // 256 - 3) + "…",) * 256)),
    ],
    ids=["taken", "not", "long", "long why", "no text", "many"],
)
def test_it_is_taken_over_or_told_why_not(answer, expected):
    async def story(far, *_):
        return await far.take_over()

    assert play(story, taken=answer) == expected


@pytest.mark.parametrize("verb", [PROVISION, TAKE_OVER], ids=lambda verb: verb.name)
def test_one_question_at_a_time(verb):
    body = encode(verb.request, Which.READ_AGAIN if verb is PROVISION else None)

    async def story(far, asked, asker, lost):
        del far
        for ticket in (1, 2):
            send(asker._end, Frame(Kind.REQUEST, verb.number, ticket, body))
        return await lost, asked

    why, asked = play(story)
    assert "more questions at a time" in why
    assert len(asked) <= 1


def test_files_are_read_again_at_a_pace(monkeypatch):
    """A person who reloads a few times waits for nothing; a daemon that does nothing else reads disks no more."""
    now, waited = [100.0], []

    async def sleep(seconds):
        waited.append(seconds)
        now[0] += seconds

    async def story():
        pace = Pace()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: now[0])
        monkeypatch.setattr(asyncio, "sleep", sleep)
        for _ in range(AT_ONCE + 5):
            await pace.wait(Which.READ_AGAIN)
            await pace.wait(Which.IN_FORCE)
        flood = list(waited)
        now[0] += AT_ONCE * ANOTHER_AFTER
        waited.clear()
        for _ in range(AT_ONCE):
            await pace.wait(Which.READ_AGAIN)
        return flood, waited

    flood, later = asyncio.run(story())
    assert flood == [ANOTHER_AFTER] * 5
    assert later == []


def test_one_who_asks_and_withdraws_makes_nobody_wait_longer(monkeypatch):
    async def story():
        pace, waited = Pace(), []
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: 100.0)

        async def withdrawn(seconds):
            waited.append(seconds)
            raise asyncio.CancelledError

        monkeypatch.setattr(asyncio, "sleep", withdrawn)
        for _ in range(AT_ONCE):
            await pace.wait(Which.READ_AGAIN)
        for _ in range(50):
            with pytest.raises(asyncio.CancelledError):
                await pace.wait(Which.READ_AGAIN)
        return waited

    assert asyncio.run(story()) == [ANOTHER_AFTER] * 50


def test_octets_that_are_sealed_are_read_by_whoever_has_them():
    octets = bytes(range(256)) * 1000
    assert unseal(seal(octets), len(octets)) == octets
    assert unseal(seal(b""), 0) == b""
    with pytest.raises(Malformed, match="256000 octets"):
        unseal(seal(octets), len(octets) - 1)
