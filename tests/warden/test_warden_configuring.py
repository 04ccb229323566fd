"""A configuration over a real line: given, read again, taken over, and asked for by a daemon that does nothing else."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass, field, replace

import pytest

from lotor.config import ConfigError, Problem, Settings
from lotor.config.provision import Provision, bare
from lotor.config.settings import Places
from lotor.model.judgement import Credential
from lotor.privsep.codec import Malformed, encode
from lotor.privsep.configuring import LONGEST_TEXT, PROVISION, TAKE_OVER, Which
from lotor.privsep.far_configurations import FarConfigurations
from lotor.privsep.frames import Frame, Kind, send
from lotor.privsep.sealed import seal, unseal
from lotor.warden import configuring
from lotor.warden.configuring import ANOTHER_AFTER, AT_ONCE, MOST_TOLD, pace, rows
from paired import line, settings

WRITTEN = settings("""
remote anonymous { exchange_mode main;
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14; }
}
""")


def provision(written: Settings = WRITTEN) -> Provision:
    return Provision(bare(written), {}, {"anonymous": Credential((b"DER",))}, b"Welcome", warnings=("mind the gap",))


@dataclass
class Source:
    """A warden's configuration. What is an exception is raised."""

    now: object = field(default_factory=provision)
    next: object = field(default_factory=provision)
    told: object = ()
    prepared: int = 0
    withdrawn: int = 0

    def present(self):
        return self.now

    async def prepare(self):
        self.prepared += 1
        return self._result(self.next)

    async def take_over(self):
        return self._result(self.told)

    async def withdraw(self):
        self.withdrawn += 1

    @staticmethod
    def _result(value):
        if isinstance(value, Exception):
            raise value
        return value


def play(story, source=None):
    async def run():
        async with asyncio.timeout(60), line(rows(source or Source())) as (asker, lost):
            return await story(FarConfigurations(asker), asker, lost)

    return asyncio.run(run())


def test_a_daemon_gets_the_configuration_that_it_asks_for():
    other = replace(provision(), banner=b"Goodbye")

    async def story(far, *_):
        return await far.present(), await far.prepare()

    assert play(story, Source(next=other)) == (provision(), other)


def test_a_daemon_that_cannot_obey_what_was_read_says_so():
    source = Source()

    async def story(far, *_):
        await far.prepare()
        await far.withdraw()

    play(story, source)
    assert (source.prepared, source.withdrawn) == (1, 1)


def test_a_large_configuration_crosses_whole():
    (remote,) = WRITTEN.remotes
    many = tuple(replace(remote, name=f"remote {number}", places=Places()) for number in range(1000))
    large = replace(WRITTEN, remotes=many)

    async def story(far, *_):
        return await far.present()

    assert play(story, Source(provision(large))) == provision(large)


def test_one_that_is_too_large_is_a_fault(monkeypatch):
    monkeypatch.setattr(configuring, "LARGEST_PROVISION", 100)

    async def story(far, *_):
        for verb in (far.present, far.prepare):
            with pytest.raises(OSError, match="make it smaller"):
                await verb()
        return True

    assert play(story)


PROBLEMS = [Problem("racoon.conf", number, 1, f"grüße {number}", "log loud;") for number in range(5000)]


def test_what_is_wrong_is_told():
    async def story(far, *_):
        with pytest.raises(ConfigError) as caught:
            await far.prepare()
        return caught.value, await far.present()

    found, good = play(story, Source(next=ConfigError(PROBLEMS[:50])))
    assert (found.problems, good) == (tuple(PROBLEMS[:50]), provision())
    assert str(found) == str(ConfigError(PROBLEMS[:50]))


@pytest.mark.parametrize(
    "problems",
    [
        PROBLEMS,
        [replace(each, text="ü" * 100_000, path="\udce9" * 9000) for each in PROBLEMS[:3]],
        [replace(each, text="x" * 1900, source_line="y" * 120) for each in PROBLEMS[:150]],
        [replace(each, source_line="z" * 1_000_000) for each in PROBLEMS[:150]],
    ],
    ids=["many", "long", "many long", "one line"],
)
def test_what_is_wrong_is_told_as_far_as_it_fits(problems):
    async def story(far, *_):
        with pytest.raises(ConfigError) as caught:
            await far.prepare()
        return caught.value.problems

    found = play(story, Source(next=ConfigError(problems)))
    missing = len(problems) - len(found)
    assert [each.line for each in found] == [each.line for each in problems[: len(found)]]
    assert found[-1].text.startswith(f"there are {missing + 1} more problems") is (missing > 0)
    assert len(found) >= 3
    assert found[0].text[:1] == problems[0].text[:1]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (("one", "two"), ("one", "two")),
        ((), ()),
        (("ü" * LONGEST_TEXT, "b"), ("ü" * ((LONGEST_TEXT // 2 - 3) // 2) + "…", "b")),
        (("\udce9",) * 300, ("?",) * MOST_TOLD),
        (("x" * 1000,) * 300, ("x" * (LONGEST_TEXT // MOST_TOLD - 3) + "…",) * MOST_TOLD),
    ],
    ids=["taken", "nothing", "long", "no text", "many"],
)
def test_it_is_taken_over_and_told(told, expected):
    async def story(far, *_):
        return await far.take_over()

    assert play(story, Source(told=told)) == expected


def test_why_it_is_not_taken_over_is_told():
    async def story(far, *_):
        with pytest.raises(OSError, match="no such device") as caught:
            await far.take_over()
        return caught.value.errno

    assert play(story, Source(told=OSError(errno.ENODEV, "no such device"))) == errno.ENODEV


@pytest.mark.parametrize("verb", [PROVISION, TAKE_OVER], ids=lambda verb: verb.name)
def test_one_question_at_a_time(verb):
    body, source = encode(verb.request, Which.READ_AGAIN if verb is PROVISION else None), Source()

    async def story(far, asker, lost):
        del far
        for ticket in (1, 2):
            send(asker._end, Frame(Kind.REQUEST, verb.number, ticket, body))
        return await lost

    assert "more questions at a time" in play(story, source)
    assert source.prepared <= 1


def test_a_warden_that_is_gone_gives_nothing():
    async def story(far, asker, _):
        asker._give_up("the warden is gone")
        for verb in (far.present, far.prepare, far.take_over):
            with pytest.raises(OSError, match="the warden is gone"):
                await verb()
        return True

    assert play(story)


class Slept:
    """A clock on which nothing else happens; `breaks` off whoever sleeps."""

    def __init__(self, *, breaks=False):
        self.time, self.waited, self.breaks = 100.0, [], breaks

    def now(self):
        return self.time

    async def sleep(self, seconds):
        self.waited.append(seconds)
        if self.breaks:
            raise asyncio.CancelledError
        self.time += seconds


def test_files_are_read_again_at_a_pace():
    """A person who reloads a few times waits for nothing; a daemon that does nothing else reads disks no more."""
    clock = Slept()

    async def story():
        reading = pace(clock)
        for _ in range(AT_ONCE + 5):
            await reading.take()
        flood = list(clock.waited)
        clock.time += AT_ONCE * ANOTHER_AFTER
        clock.waited.clear()
        for _ in range(AT_ONCE):
            await reading.take()
        return flood

    assert asyncio.run(story()) == [ANOTHER_AFTER] * 5
    assert clock.waited == []


def test_one_who_asks_and_withdraws_makes_nobody_wait_longer():
    clock = Slept(breaks=True)

    async def story():
        reading = pace(clock)
        for _ in range(AT_ONCE):
            await reading.take()
        for _ in range(50):
            with pytest.raises(asyncio.CancelledError):
                await reading.take()

    asyncio.run(story())
    assert clock.waited == [ANOTHER_AFTER] * 50


@pytest.mark.parametrize("which", Which)
def test_a_configuration_asked_for_and_withdrawn_again_and_again_is_written_at_a_pace(which, monkeypatch):
    """The one in force, too: nobody waits for the octets, and they are made all the same."""

    class Stopped(Slept):
        async def sleep(self, seconds):
            await asyncio.Event().wait()

    monkeypatch.setattr(configuring, "pace", lambda clock=None: pace(clock or Stopped()))
    written = []

    async def reply(provision):
        written.append(provision)
        await asyncio.Event().wait()

    monkeypatch.setattr(configuring, "_reply", reply)

    async def story(far, asker, lost):
        for _ in range(AT_ONCE + 40):
            asked = asyncio.ensure_future(asker.ask(PROVISION, which))
            for _ in range(10):
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            for _ in range(10):
                await asyncio.sleep(0)
        assert not lost.done()

    play(story)
    assert len(written) == AT_ONCE


def test_octets_that_are_sealed_are_read_by_whoever_has_them():
    octets = bytes(range(256)) * 1000
    assert unseal(seal(octets), len(octets)) == octets
    assert unseal(seal(b""), 0) == b""
    with pytest.raises(Malformed, match="256000 octets"):
        unseal(seal(octets), len(octets) - 1)
