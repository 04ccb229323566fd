"""A database that is dead, silent, full, read-only, restarted, or that lies: each call ends, with a sentence."""

from __future__ import annotations

import asyncio
import random
import signal
from dataclasses import replace

import pytest

from fleets import FIRST, pool
from lotor.config.servers import DatabaseTls
from lotor.fleet import FleetStore, RefusedError, connecting, connections, listening, migrations
from lotor.fleet.faults import UnfitAnswerError
from lotor.fleet.schema import LATEST
from lotor.model.judgement import Failure
from lotor.model.secret import Secret
from lotor.ports.fleet import Claim, Member, News, Past, Present, Sign, Wanted

PASSWORD = "fleet password"


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Nobody waits as long as in earnest."""
    monkeypatch.setattr(connecting, "CONNECTS_WITHIN", 10.0)
    monkeypatch.setattr(listening, "PAUSES", (0.05, 0.1))
    monkeypatch.setattr(listening, "LOOKS", 0.3)
    monkeypatch.setattr(listening, "PATIENCE", 1.0)


async def refused(asked) -> str:
    """What the person is told."""
    with pytest.raises(OSError, match="fleet's database") as fault:
        await asked
    assert PASSWORD not in str(fault.value)
    assert fault.value.__cause__ is None
    return str(fault.value)


async def joined(gateway: FleetStore) -> None:
    """The connection that listens is there again."""
    while News(Sign.JOINED) not in await gateway.news():
        pass


async def back(asked):
    """What is answered once the database is there again."""
    while True:
        try:
            return await asked()
        except OSError:
            await asyncio.sleep(0.05)


@pytest.fixture
def mended(server):
    """A server that is as it was after the test."""
    yield server
    server.go_on()
    server.stop()
    server.start()


def test_a_server_that_is_not_there_and_comes(run, mended):
    async def play(fleet):
        mended.stop()
        one = fleet.make("one")
        assert "cannot be reached" in await refused(one.open())
        assert "cannot be reached" in await refused(one.beat())
        mended.start()
        await joined(one)
        await one.pools(pool())
        assert await one.claim(Claim(1, "u", "p")) == (FIRST,)

    run(play)


def test_a_server_that_hangs_is_noticed_and_forgotten(run, mended):
    async def play(fleet):
        one = await fleet.join("one")
        one._connections._patience = 1.0
        mended.halt()
        told = await asyncio.gather(*(refused(one.claim(Claim(n, f"u{n}", "p"))) for n in range(9)))
        assert all("does not answer" in each for each in told)
        assert "does not answer" in await refused(one.beat())
        mended.go_on()
        await joined(one)
        one._connections._patience = connections.PATIENCE
        assert await back(lambda: one.claim(Claim(1, "u1", "p")))

    run(play)


def test_a_restart_costs_nobody_an_address(run, mended):
    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two")
        assert await one.claim(Claim(1, "u", "p")) == (FIRST,)
        mended.stop()
        mended.start()
        await asyncio.gather(joined(one), joined(two))
        assert await one.claim(Claim(1, "u", "p", (FIRST,), held=True)) == (FIRST,)
        assert await two.claim(Claim(1, "v", "p")) == (FIRST + 1,)

    run(play)


def test_connections_that_somebody_ends_are_made_anew(run, server):
    async def play(fleet):
        one = await fleet.join("one")
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lotor one'")
        assert await one.claim(Claim(1, "u", "p")) == (FIRST,)  # also where the end of the connection is not yet known
        await joined(one)

    run(play)


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL])
def test_what_was_told_holds_after_a_crash(run, mended, how):
    """Claims are under way when all of the server is killed: whatever was answered is so, and no address is had
    twice."""

    async def play(fleet):
        members = [await fleet.join(f"gw{n}", size=200) for n in range(2)]
        asked = [asyncio.create_task(members[n % 2].claim(Claim(n, f"u{n}", "p"))) for n in range(120)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(mended.stop, how)
        ended = await asyncio.gather(*asked, return_exceptions=True)
        told = {n: each for n, each in enumerate(ended) if not isinstance(each, BaseException)}
        assert [each for each in ended if isinstance(each, BaseException) and not isinstance(each, OSError)] == []
        assert 0 < len(told) < 120
        mended.start()
        again = {n: await back(lambda n=n: members[n % 2].claim(Claim(n, f"u{n}", "p"))) for n in range(120)}
        assert {n: again[n] for n in told} == told
        assert len(set(again.values())) == 120

    run(play)


def test_a_claim_whose_end_nobody_heard_is_given_back(run, server, monkeypatch):
    async def play(fleet):
        one = await fleet.join("one", size=1)
        asked = one._leasing._members.run

        async def unheard(work, **more):
            await asked(work, **more)
            raise OSError("the fleet's database does not answer")

        monkeypatch.setattr(one._leasing._members, "run", unheard)
        await refused(one.claim(Claim(1, "u", "p")))
        monkeypatch.undo()
        assert server.sql("SELECT count(*) FROM lotor.leases WHERE held") == "1"
        one._leasing._doubtful[1] -= 60
        await one.beat()
        assert server.sql("SELECT count(*) FROM lotor.leases WHERE held") == "0"

    run(play)


def test_a_full_table_of_connections(run, mended):
    async def play(fleet):
        mended.stop()
        mended.start(max_connections="5", superuser_reserved_connections="3")
        one = await fleet.join("one")
        assert "max_connections" in await refused(fleet.make("two").open())
        await one.beat()

    run(play)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER DATABASE lotor SET default_transaction_read_only = on", "read-only"),
        ("ALTER DATABASE lotor OWNER TO postgres", "OWNER TO lotor"),
        ("ALTER DATABASE lotor ALLOW_CONNECTIONS false", "says: database"),
    ],
)
def test_a_database_that_does_not_let_us(run, server, statement, told):
    async def play(fleet):
        server.sql(statement, database="postgres")
        assert told in await refused(fleet.make("one").open())

    run(play)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"password": Secret("another password")}, "refuses the user lotor or its password"),
        ({"password": None}, "refuses the user lotor or its password"),
        ({"user": "nobody"}, "refuses the user nobody"),
        ({"database": "nowhere"}, "createdb -O lotor nowhere"),
        ({"host": "/nowhere"}, "cannot be reached"),
        ({"tls": DatabaseTls.UNPROVED}, "set ssl = on"),
        ({"tls": DatabaseTls.FULL}, "set ssl = on"),
    ],
)
def test_settings_that_are_wrong(run, database, change, told):
    async def play(fleet):
        one = fleet.make("one", database=replace(database, **change))
        fault = await refused(one.open())
        assert told in fault
        assert "another password" not in fault

    run(play)


def test_nothing_of_the_environment_counts(run, monkeypatch):
    for name, value in {
        "PGHOST": "192.0.2.1",
        "PGPASSWORD": "x",
        "PGSSLMODE": "verify-full",
        "PGTARGETSESSIONATTRS": "standby",
        "PGSSLNEGOTIATION": "direct",
        "PGGSSLIB": "x",
        "PGSERVICE": "x",
    }.items():
        monkeypatch.setenv(name, value)

    async def play(fleet):
        await (await fleet.join("one")).beat()

    run(play)


def test_a_name_that_no_resolver_knows(run, database):
    async def play(fleet):
        async def unknown(name):
            raise OSError(None, "no such name")

        settings = replace(database, host="db.example.net")
        one = FleetStore(settings, Member("one", "0" * 32, "1" * 32, 600), look_up=unknown)
        fleet.made.append(one)
        assert "db.example.net is not known" in await refused(one.open())

    run(play)


def test_without_the_driver_it_is_said(run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "asyncpg", None)

    async def play(fleet):
        assert "lotor-postgresql" in await refused(fleet.make("one").open())

    run(play)


def test_gateways_that_start_at_once_make_the_tables_once(run, server):
    async def play(fleet):
        members = [fleet.make(f"gw{n}") for n in range(8)]
        await asyncio.gather(*(each.open() for each in members))
        assert [each.name for each in await members[0].gateways()] == [f"gw{n}" for n in range(8)]
        assert server.sql("SELECT count(*), max(number) FROM lotor.version") == f"{LATEST}|{LATEST}"

    run(play)


def test_tables_of_an_older_lotor_are_brought_on_and_keep_what_they_have(run, server, monkeypatch):
    """Of sessions before nobody wrote the version of IKE down; the gateways of that lotor go on beside the new one."""
    old = "gateway, run, id, username, source, inside, client, began, seconds, octets_in, octets_out, packets_in"

    async def play(fleet):
        with monkeypatch.context() as older:
            older.setattr(migrations, "LATEST", 1)
            await fleet.join("gw1")
        row = "'gw1', 'r', '{}', 'alice', '192.0.2.9', '10.99.99.1', 'vpnc', 60, 5, 1, 2, 1, 2, ''"
        server.sql(f"INSERT INTO lotor.sessions ({old}, packets_out, why) VALUES ({row.format('before')})")
        two = await fleet.join("gw2")
        server.sql(f"INSERT INTO lotor.sessions ({old}, packets_out, why) VALUES ({row.format('beside')})")
        present = Present("", "new", "bob", "192.0.2.8", "10.99.99.2", "Windows", 70.0)
        new = Past(present, None, 5, 1, 2, "", 2, "aes_gcm_16 256", 1, "laptop-7")
        await two.keep((new,))
        past = (await two.past(Wanted())).sessions
        found = {each.present.id: (each.ike, each.suite, each.resumed, each.machine) for each in past}
        assert found == {
            "before": (0, "", 0, ""),
            "beside": (0, "", 0, ""),
            "new": (2, "aes_gcm_16 256", 1, "laptop-7"),
        }
        assert [each.present.id for each in (await two.past(Wanted(ike=2))).sessions] == ["new"]

    run(play)


def test_tables_of_a_newer_lotor_are_left_alone(run, server):
    async def play(fleet):
        await fleet.join("one")
        server.sql(f"INSERT INTO lotor.version VALUES ({LATEST + 1})")
        with pytest.raises(RefusedError, match=f"version {LATEST + 1}"):
            await fleet.make("two").open()

    run(play)


def test_tables_that_are_gone_are_made_again(run, server):
    async def play(fleet):
        one = await fleet.join("one")
        await one.claim(Claim(1, "u", "p"))
        server.sql("DROP SCHEMA lotor CASCADE")
        await refused(one.claim(Claim(2, "v", "p")))
        assert await one.claim(Claim(1, "u", "p", (FIRST,), held=True)) == (FIRST,)

    run(play)


LIES = {
    "another address": "'had', ARRAY['192.0.2.1'::inet]",
    "a network": "'had', ARRAY['10.99.99.0/24'::inet]",
    "another kind": "'had', ARRAY['fd00::1'::inet]",
    "no address": "'had', ARRAY[]::inet[]",
    "no list": "'had', NULL::inet[]",
    "nothing inside": "'had', ARRAY[NULL]::inet[]",
    "too many": "'had', array_fill('10.99.99.1'::inet, ARRAY[500])",
    "in use": "'used', ARRAY['10.99.99.1'::inet]",
    "a word": "'what', NULL::inet[]",
    "no word": "NULL, NULL::inet[]",
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_cannot_be_is_not_believed(run, server, lie):
    async def play(fleet):
        one = await fleet.join("one")
        await one.claim(Claim(9, "w", "p"))
        server.sql(
            "ALTER FUNCTION lotor.claim RENAME TO honest",
            f"""CREATE FUNCTION lotor.claim(text, text, bigint, text, inet[], integer, text, inet, bigint, inet[],
            boolean) RETURNS TABLE (state text, had inet[]) LANGUAGE sql AS $$ SELECT {LIES[lie]} $$""",
        )
        with pytest.raises(UnfitAnswerError):
            await one.claim(Claim(1, "u", "p"))

    run(play)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("53100", "no room on its disk"),
        ("53200", "out of memory"),
        ("53300", "max_connections"),
        ("57014", "not carry it out in time"),
        ("55P03", "somebody holds a lock"),
        ("57P03", "is starting or stopping"),
        ("42501", "does not let lotor do that"),
        ("40P01", "says: a text"),
        ("XX000", "says: a text of its own?[2J"),
    ],
)
def test_what_the_server_says_of_itself(run, server, state, told):
    """Cleaned, cut, and said anew in words that help."""

    async def play(fleet):
        one = await fleet.join("one")
        await one.beat()
        server.sql(
            "ALTER FUNCTION lotor.claim RENAME TO honest",
            f"""CREATE FUNCTION lotor.claim(text, text, bigint, text, inet[], integer, text, inet, bigint, inet[],
            boolean) RETURNS TABLE (state text, had inet[]) LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = E'a text of its own\\x1b[2J' || repeat('x', 5000);
            END $$""",
        )
        fault = await refused(one.claim(Claim(1, "u", "p")))
        assert told in fault
        assert len(fault) < 400
        await one.beat()

    run(play)


def test_a_claim_that_nobody_waits_for_any_more_harms_no_other(run, mended):
    async def play(fleet):
        one = await fleet.join("one")
        mended.halt()
        asked = [asyncio.create_task(one.claim(Claim(n, f"u{n}", "p"))) for n in range(3)]
        await asyncio.sleep(0)
        for each in asked:
            each.cancel()
        await asyncio.wait(asked)
        mended.go_on()
        assert await back(lambda: one.claim(Claim(5, "u5", "p")))

    run(play)


class Proxy:
    """Between a gateway and its server; `spoil` changes what comes from there, None: cuts it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.spoil = lambda octets: octets
        self.carried = 0
        self.tasks: set[asyncio.Task] = set()

    async def start(self) -> int:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        there, to = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            await asyncio.gather(self.pump(reader, to, lambda octets: octets), self.pump(there, writer, self.changed))
        except OSError:
            pass
        finally:
            to.close()
            writer.close()

    async def pump(self, reader, writer, change):
        while octets := await reader.read(65536):
            if (changed := change(octets)) is None:
                raise ConnectionResetError
            writer.write(changed)
        raise ConnectionResetError

    def changed(self, octets):
        self.carried += 1
        return self.spoil(octets)

    def close(self):
        self.server.close()
        for each in self.tasks:
            each.cancel()


def garbled(dice, octets):
    if dice.random() < 0.5:
        return octets
    changed = bytearray(octets)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed) if dice.random() < 0.8 else bytes(changed[: dice.randrange(len(changed))])


def cut(dice, octets):
    return None if dice.random() < 0.4 else octets


@pytest.mark.parametrize("spoil", [garbled, cut])
def test_a_line_that_spoils_answers_ends_in_no_other_error(run, server, monkeypatch, spoil):
    monkeypatch.setattr(connecting, "CONNECTS_WITHIN", 0.3)
    dice = random.Random(5)

    async def play(fleet):
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # asyncpg's own lines
        proxy = Proxy(server.port)
        port = await proxy.start()
        one = fleet.make("one", database=server.settings(port=port))
        await back(one.open)
        one._connections._patience = 0.5
        await one.pools(pool(100))
        proxy.spoil = lambda octets: spoil(dice, octets)
        ended = []
        for n in range(20):
            asked = (one.claim(Claim(n, f"u{n}", "p")), one.beat(), one.present(), one.past(Wanted()))
            ended += await asyncio.gather(*asked, return_exceptions=True)
        faults = [each for each in ended if isinstance(each, BaseException)]
        assert [each for each in faults if not isinstance(each, OSError)] == []
        assert [each for each in faults if PASSWORD in str(each)] == []
        assert len(faults) > 4
        assert proxy.carried > 20
        proxy.spoil = lambda octets: octets
        one._connections._patience = 5.0
        monkeypatch.setattr(connecting, "CONNECTS_WITHIN", 10.0)
        had = {n: await back(lambda n=n: one.claim(Claim(n, f"u{n}", "p"))) for n in range(20)}
        assert len({each for each in had.values() if not isinstance(each, Failure)}) == 20
        await one.close()
        proxy.close()

    run(play)


def test_a_server_that_says_the_password_is_not_quoted(run, database, monkeypatch):
    async def telling(reader, writer):
        await reader.read(4096)
        fields = b"SFATAL\0C28000\0" + b"M" + PASSWORD.encode() + b"\0\0"
        odd = fields.replace(b"28000", b"XX000")
        writer.write(b"E" + (len(odd) + 4).to_bytes(4, "big") + odd)
        await writer.drain()
        writer.close()

    async def play(fleet):
        liar = await asyncio.start_server(telling, "127.0.0.1", 0)
        one = fleet.make("one", database=replace(database, port=liar.sockets[0].getsockname()[1]))
        assert "says: …" in await refused(one.open())
        liar.close()

    run(play)


def test_after_the_end_nothing_is_left(run, server):
    async def play(fleet):
        before = asyncio.all_tasks()
        one = await fleet.join("one")
        await asyncio.gather(*(one.claim(Claim(n, f"u{n}", "p")) for n in range(8)))
        await one.close()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        with pytest.raises(OSError, match="this gateway ends"):
            await one.beat()
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lotor one'"
        while server.sql(count) != "0":  # noqa: ASYNC110 - the server's own time
            await asyncio.sleep(0.05)

    run(play)


def test_a_gateway_has_a_few_connections_however_much_it_asks(run, server):
    async def play(fleet):
        one = await fleet.join("one", size=200)
        await asyncio.gather(*(one.claim(Claim(n, f"u{n}", "p")) for n in range(150)))
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lotor one'"
        assert int(server.sql(count)) <= connections.MOST + 1
        asked = [one.beat() for _ in range(connections.MOST_WAITING + 50)]
        ended = await asyncio.gather(*asked, return_exceptions=True)
        busy = [each for each in ended if each is not None]
        assert len(busy) == 50
        assert all("no more are asked now" in str(each) for each in busy)

    run(play)
