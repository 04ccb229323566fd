"""What a fleet knows of people: sessions, bans, users, used codes, verified logins; and the news of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from lotor.config.servers import DatabaseTls, FleetSettings
from lotor.fleet import history, listening, people
from lotor.fleet.listening import MOST_KEPT, Queue, news_of
from lotor.model.ban import Ban
from lotor.ports.fleet import MOST_AT_ONCE, News, Past, Present, Sign, UserLine, Wanted


def session(name, user="u", *, since=1000.0, ended=None, **more):
    present = Present("", name, user, "192.0.2.1", "10.99.99.1", "a client", since, 10, 20)
    return Past(present, ended, 5, 1, 2, "closed" if ended else "", **more)


def shown(page):
    return [(each.present.id, each.ended, each.why) for each in page.sessions]


def test_who_is_connected_and_who_was(run):
    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two")
        await one.keep((session("a"), session("b", "v")))
        await two.keep((session("a", "w", since=5000.0),))
        assert [(each.gateway, each.id, each.user) for each in await one.present()] == [
            ("two", "a", "w"),
            ("one", "b", "v"),
            ("one", "a", "u"),
        ]
        assert [each.id for each in await two.present("v")] == ["b"]
        await one.keep((session("a", ended=2000.0),))
        await one.keep((session("a"),))  # a word that comes late ends nothing and begins nothing
        assert [each.id for each in await one.present()] == ["a", "b"]
        assert shown(await two.past(Wanted())) == [("a", None, ""), ("b", None, ""), ("a", 2000.0, "closed")]
        assert shown(await two.past(Wanted(user="u"))) == [("a", 2000.0, "closed")]
        assert shown(await two.past(Wanted(since=3000.0, until=4000.0))) == [("b", None, "")]
        whole = (await two.past(Wanted(user="u"))).sessions[0]
        assert whole == replace(session("a", ended=2000.0), present=replace(whole.present, gateway="one"))

    run(play)


def test_sessions_of_a_gateway_that_died_are_not_shown_as_lasting(run, server):
    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two")
        await one.keep((session("a"),))
        server.sql("UPDATE lotor.gateways SET heard = heard - interval '1 day' WHERE name = 'one'")
        assert await two.present() == ()
        assert shown(await two.past(Wanted())) == [("a", 1005.0, history.LOST)]
        await one.beat()
        assert shown(await two.past(Wanted())) == [("a", None, "")]

    run(play)


def test_the_past_comes_in_pages(run):
    async def play(fleet):
        one = await fleet.join("one")
        for first in range(0, 300, 100):
            await one.keep(tuple(session(f"{n}", ended=2000.0) for n in range(first, first + 100)))
        found, before, pages = [], None, 0
        while pages == 0 or before is not None:
            page = await one.past(Wanted(before=before))
            found += [int(each.present.id) for each in page.sessions]
            before, pages = page.before, pages + 1
        assert found == list(range(299, -1, -1))
        assert pages == -(-300 // MOST_AT_ONCE)

    run(play)


def test_the_past_is_bounded_by_number_and_age(run, server, monkeypatch):
    monkeypatch.setattr(history, "_CUT", history._CUT.replace(str(history.MOST), "5"))

    async def play(fleet):
        one = await fleet.join("one")
        for _ in range(10):  # no number is used for what is there
            await one.keep((session("a"), session("b", ended=2000.0)))
        assert len(shown(await one.past(Wanted()))) == 2
        await one.keep(tuple(session(f"{n}") for n in range(4)))
        assert [each for each, *_ in shown(await one.past(Wanted()))] == ["3", "2", "1", "0", "b"]
        server.sql("UPDATE lotor.sessions SET touched = touched - interval '9 days' WHERE id IN ('b', '3')")
        await one.forget(8)
        assert [each for each, *_ in shown(await one.past(Wanted()))] == ["3", "2", "1", "0"]  # 3 lasts
        server.sql("UPDATE lotor.gateways SET heard = heard - interval '1 day'")
        two = await fleet.join("two")
        await two.forget(8)
        assert [each for each, *_ in shown(await two.past(Wanted()))] == ["2", "1", "0"]

    run(play)


def test_bans_reach_every_gateway_and_end(run, server):
    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two")
        await one.ban(Ban("mallory", network=False, since=1.0, until=2.0, why="guessed"), 60)
        assert await two.news() == (News(Sign.BANS),)
        ((ban, left),) = await two.bans()
        assert (ban.subject, ban.network, ban.since, ban.why) == ("mallory", False, 1.0, "guessed")
        assert 0 < left <= 60
        await two.ban(ban, 0)
        assert await one.bans() == ()
        await one.ban(ban, 1e300)
        server.sql("UPDATE lotor.bans SET until = now() - interval '1 second'")
        assert await two.bans() == ()

    run(play)


def test_bans_are_bounded(run, monkeypatch):
    monkeypatch.setattr(people, "_CUT_BANS", people._CUT_BANS.replace(str(people.MOST_BANS), "3"))

    async def play(fleet):
        one = await fleet.join("one")
        for n in range(6):
            await one.ban(Ban(f"u{n}", network=False, since=1.0, until=2.0, why=""), 100 - n)
        assert {ban.subject for ban, _ in await one.bans()} == {"u0", "u1", "u2"}

    run(play)


def test_users_change_in_one_order_and_nobody_overwrites_what_he_did_not_see(run):
    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two")
        first = await one.write_user("u", b"1", 0)
        assert await two.write_user("u", b"x", 0) is None
        assert await two.write_user("v", b"x", 7) is None
        second = await two.write_user("u", b"2", first)
        assert await one.write_user("u", b"3", first) is None
        assert await one.users(0) == (UserLine("u", b"2", second),)
        gone = await one.write_user("u", b"", second)
        assert await two.users(second) == (UserLine("u", b"", gone),)
        assert await two.write_user("u", b"new", 0) > gone
        assert [each.sign for each in await one.news()] == [Sign.USERS]

    run(play)


def test_many_writers_leave_no_gap_for_a_reader(run):
    """Whoever has read up to a version has missed none before it."""

    async def play(fleet):
        members = [await fleet.join(f"gw{n}") for n in range(3)]
        known: dict[str, int] = {}

        async def write(n):
            for step in range(20):
                assert await members[n].write_user(f"u{n}-{step}", b"x", 0)

        writing = asyncio.gather(*map(write, range(3)))
        after = 0
        while not writing.done() or len(known) < 60:
            for line in await members[0].users(after):
                assert line.version > after
                known[line.name], after = line.version, line.version
        await writing
        assert len(known) == 60

    run(play)


def test_more_users_or_keys_than_there_may_be_are_refused(run, monkeypatch):
    monkeypatch.setattr(people, "MOST_USERS", 2)
    monkeypatch.setattr(people, "MOST_SPENT", 2)

    async def play(fleet):
        one = await fleet.join("one")
        for name in "ab":
            assert await one.write_user(name, b"x", 0)
            assert await one.spend(name, 1)
        with pytest.raises(OSError, match="2 users"):
            await one.write_user("c", b"x", 0)
        with pytest.raises(OSError, match="2 keys"):
            await one.spend("c", 1)
        assert await one.spend("a", 2)
        with pytest.raises(OSError, match="octets"):
            await one.write_user("a", b"x" * (people.LONGEST_SEALED + 1), 0)

    run(play)


def test_a_code_counts_once_in_the_whole_fleet(run):
    async def play(fleet):
        members = [await fleet.join(f"gw{n}") for n in range(4)]
        for key, step in (("k", 7), ("recovery", None)):
            counted = await asyncio.gather(*(members[n % 4].spend(key, step) for n in range(20)))
            assert counted.count(True) == 1
        assert not await members[0].spend("k", 6)
        assert await members[1].spend("k", 8)

    run(play)


def test_a_login_that_was_verified_counts_everywhere_for_30_days(run, server):
    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two")
        await one.vouch("u", "192.0.2.0/24")
        assert await two.vouched("u", "192.0.2.0/24")
        assert not await two.vouched("u", "198.51.100.0/24")
        assert not await two.vouched("v", "192.0.2.0/24")
        server.sql("UPDATE lotor.vouched SET proved = proved - interval '31 days'")
        assert not await two.vouched("u", "192.0.2.0/24")
        await one.forget(1)
        assert server.sql("SELECT count(*) FROM lotor.vouched") == "0"

    run(play)


def test_what_is_told_reaches_everybody_in_order(run):
    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two")
        for subject in ("u", "10.99.99.1"):
            await one.tell(News(Sign.LOGOUT, subject))
        for each in (one, two):
            found = []
            while len(found) < 2:
                found += await each.news()
            assert found == [News(Sign.LOGOUT, "u"), News(Sign.LOGOUT, "10.99.99.1")]

    run(play)


@pytest.mark.parametrize("user", ["a\0b", "\ud800", "x" * 100_000, "' OR 1=1 --", '"\\', "é" * 400])
def test_no_name_of_a_user_does_harm(run, user):
    async def play(fleet):
        one = await fleet.join("one")
        asked = (
            one.vouched(user, "n"),
            one.present(user),
            one.past(Wanted(user=user)),
            one.tell(News(Sign.LOGOUT, user)),
        )
        ended = await asyncio.gather(*asked, return_exceptions=True)
        assert [each for each in ended if isinstance(each, BaseException) and not isinstance(each, OSError)] == []
        await one.beat()

    run(play)


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "x" * 9000,
        "[" * 7000,
        "null",
        "[]",
        '"x"',
        '{"to": "one"}',
        '{"to": "one", "sign": "bans", "subject": 5}',
        '{"to": "two", "sign": "bans", "subject": ""}',
        '{"to": ["one"], "sign": "bans", "subject": ""}',
        '{"to": "one", "sign": "joined", "subject": ""}',
        '{"to": "one", "sign": "replaced", "subject": ""}',
        '{"to": "one", "sign": "other", "subject": ""}',
        '{"to": "one", "sign": [], "subject": ""}',
    ],
)
def test_what_is_no_news_is_not_heard(payload):
    assert news_of(payload, "one") is None


def test_a_server_that_takes_connections_and_no_listener_is_left_in_peace(monkeypatch):
    """A standby: each attempt is TCP, TLS and a login."""
    monkeypatch.setattr(listening, "PAUSES", (0.0, 0.0, 3600.0))
    settings = FleetSettings("db", 5432, "lotor", "lotor", None, DatabaseTls.OFF)

    class Standby:
        def __init__(self):
            self.settings, self.made = settings, 0

        async def connect(self):
            self.made += 1
            return self

        async def add_listener(self, *_):
            raise OSError("cannot execute LISTEN during recovery")

        def add_termination_listener(self, _):
            pass

        terminate = staticmethod(lambda: None)

    async def play():
        standby = Standby()
        listens = listening.Listening(standby, "one")
        listens.start()
        for _ in range(1000):
            await asyncio.sleep(0)
        await listens.close()
        return standby.made

    assert asyncio.run(play()) == 3


def test_news_are_cleaned():
    assert news_of('{"to": "", "sign": "logout", "subject": "a\\u001b[2J"}', "one") == News(Sign.LOGOUT, "a?[2J")


def test_more_news_than_are_kept_begin_anew():
    async def play():
        queue = Queue()
        for n in range(MOST_KEPT + 5):
            queue.put(News(Sign.LOGOUT, str(n)))
        found = await queue.get(1.0)
        assert found[0] == News(Sign.JOINED)
        assert found[-1] == News(Sign.LOGOUT, str(MOST_KEPT + 4))
        assert await queue.get(0.0) == ()
        for _ in range(5):
            queue.put(News(Sign.BANS))
        assert await queue.get(1.0) == (News(Sign.BANS),)

    asyncio.run(play())
