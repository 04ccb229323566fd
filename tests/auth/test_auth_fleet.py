"""What gateways of a fleet tell each other of logins: codes that were used, and who was proved."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address

import pytest

from fleet_double import Database, FakeFleet, member
from looped import looped
from lotor.auth import Checks, Clock, LocalLogins, Proofs, UserFile
from lotor.auth import fleet_bans as banning
from lotor.auth import fleet_codes as coding
from lotor.auth.bans import MemoryBans
from lotor.auth.codes import recovery_digest
from lotor.auth.fleet_bans import MOST_ASKED, REST, FleetBans
from lotor.auth.fleet_codes import FleetCodes
from lotor.auth.second import SecondFactors
from lotor.auth.spent import SpentCodes
from lotor.crypto.passwords import Cost
from lotor.crypto.totp import STEP, code_of
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import BackEndFault, WrongCode
from lotor.model.secret import Secret
from lotor.ports.bans import Outcome
from lotor.ports.fleet import News, Sign

CHEAP = Cost(memory=64, passes=1, lanes=1)
PASSWORD, KEY = Secret("correct horse"), Secret(b"12345678901234567890")
NOON = 1_800_000_000.0
RECOVERY = Secret("abcd-efgh-ijkl")
HOME = Peer(ip_address("198.51.100.7"), 4500)


@pytest.fixture
def users(tmp_path):
    """The same file at each gateway."""
    file = UserFile(tmp_path / "users", CHEAP)
    file.add("alice", PASSWORD)
    digest = recovery_digest("alice", RECOVERY)
    file.change("alice", lambda user: replace(user, facts=replace(user.facts, totp=KEY, recovery=(digest,))))
    return file


@pytest.fixture
def database():
    return Database()


class Gateway:
    def __init__(self, users, database, name, *, refuses=True):
        self.wall = NOON
        clock = Clock(lambda: 0.0, self._sleep, lambda: self.wall)
        spent = SpentCodes(users.path.with_name(f"spent-{name}"))
        self.fleet = FakeFleet(database, member(name, seat=name))
        self.codes = FleetCodes(self.fleet, lambda: refuses, spent)
        second = SecondFactors(spent, clock=clock, elsewhere=self.codes)
        self.logins = LocalLogins(users, Checks(None, Proofs(0.0, clock.now), clock), second=second)

    async def _sleep(self, seconds):
        pass

    async def login(self, code):
        """In two rounds."""
        first = await self.logins.judge(LoginAttempt("alice", ((Field.PASSWORD, PASSWORD),), HOME))
        assert isinstance(first, Challenge)
        answers = ((Field.PASSCODE, Secret(code)),)
        return await self.logins.judge(LoginAttempt("alice", answers, HOME, conversation=first.conversation))

    async def joined(self):
        self.codes.hear(News(Sign.JOINED))
        await asyncio.wait({self.codes._telling})


def code(step=0):
    return code_of(KEY, int(NOON // STEP) + step)


@looped
async def test_a_code_that_opened_at_one_gateway_opens_at_no_other(users, database):
    one, two = Gateway(users, database, "gw1"), Gateway(users, database, "gw2")
    assert await one.login(code()) == Accepted("alice")
    assert await two.login(code()) == Refused(WrongCode("alice"))
    assert await two.login(code(-1)) == Refused(WrongCode("alice")), "nor an older one"
    assert await two.login(code(1)) == Accepted("alice")
    assert await two.login(RECOVERY.reveal().decode()) == Accepted("alice")
    assert await one.login(RECOVERY.reveal().decode()) == Refused(WrongCode("alice"))


@looped
async def test_of_a_code_at_two_gateways_at_a_time_one_opens(users, database):
    gateways = [Gateway(users, database, f"gw{number}") for number in range(4)]
    verdicts = await asyncio.gather(*(each.login(code()) for each in gateways))
    assert sum(isinstance(each, Accepted) for each in verdicts) == 1


@looped
async def test_what_a_lying_fleet_can_do_with_codes_is_once_for_each_gateway(users, database):
    one, two = Gateway(users, database, "gw1"), Gateway(users, database, "gw2")

    async def unused(key, step):
        return True

    one.fleet.spend = two.fleet.spend = unused
    assert await one.login(code()) == Accepted("alice")
    assert await one.login(code()) == Refused(WrongCode("alice"))
    assert await two.login(code()) == Accepted("alice")
    assert await two.login(code()) == Refused(WrongCode("alice"))


@looped
async def test_the_fleet_hears_digests_alone(users, database):
    await Gateway(users, database, "gw1").login(code())
    (key,) = database.spent
    assert code() not in key
    assert KEY.reveal().decode() not in key
    assert "alice" not in key


@looped
async def test_nobody_with_a_code_gets_in_while_the_database_is_away_and_no_code_is_lost(users, database):
    one = Gateway(users, database, "gw1")
    database.go()
    fault = BackEndFault("alice", "no code can be taken: the database is away")
    assert await one.login(RECOVERY.reveal().decode()) == Refused(fault)
    assert await one.login(code()) == Refused(fault)
    database.come()
    assert await one.login(RECOVERY.reveal().decode()) == Accepted("alice")
    assert await one.login(code()) == Accepted("alice")


@looped
async def test_a_database_that_is_away_is_no_wrong_code(users, database):
    one = Gateway(users, database, "gw1")
    database.go()
    for _ in range(20):
        await one.login(code())
    database.come()
    assert await one.login(code()) == Accepted("alice")


@looped
async def test_a_database_that_does_not_answer_holds_a_login_up_for_a_while_only(users, database, monkeypatch):
    monkeypatch.setattr(coding, "PATIENCE", 0.0)
    database.holds = asyncio.Event()
    one = Gateway(users, database, "gw1")
    text = "no code can be taken: the database of the fleet does not answer"
    assert await one.login(code()) == Refused(BackEndFault("alice", text))


@looped
async def test_behind_one_who_waited_in_vain_nobody_waits_until_it_is_back(users, database, monkeypatch):
    monkeypatch.setattr(coding, "PATIENCE", 0.0)
    gateway = Gateway(users, database, "one")
    database.holds = asyncio.Event()
    assert isinstance(await gateway.login(code()), Refused)
    monkeypatch.setattr(coding, "PATIENCE", 3600.0)
    assert isinstance(await gateway.login(code()), Refused)
    assert gateway.fleet.asked.count("spend") == 1
    database.holds.set()
    gateway.codes.hear(News(Sign.JOINED))
    assert isinstance(await gateway.login(code()), Accepted)
    await gateway.codes.stop()


@looped
async def test_where_the_known_get_in_a_code_counts_once_here_and_elsewhere_when_it_is_back(users, database):
    one, two = (Gateway(users, database, name, refuses=False) for name in ("gw1", "gw2"))
    database.go()
    assert await one.login(code()) == Accepted("alice")
    assert await one.login(code()) == Refused(WrongCode("alice"))
    assert await one.login(RECOVERY.reveal().decode()) == Accepted("alice")
    await one.joined()
    assert database.spent == {}, "it is still away"
    database.come()
    await one.joined()
    assert await two.login(code()) == Refused(WrongCode("alice"))
    assert await two.login(RECOVERY.reveal().decode()) == Refused(WrongCode("alice"))
    await one.codes.stop()


@looped
async def test_codes_that_wait_for_the_database_are_bounded(users, database, monkeypatch):
    monkeypatch.setattr(coding, "MOST_LATER", 3)
    one = Gateway(users, database, "gw1", refuses=False)
    database.go()
    for number in range(9):
        assert await one.codes.spend(f"key{number}", 5)
    assert await one.codes.spend("key8", 4)
    assert dict(one.codes._later) == {"key6": 5, "key7": 5, "key8": 5}


@looped
async def test_a_file_of_used_codes_that_nobody_can_read_is_said(users, database, caplog):
    one = Gateway(users, database, "gw1")
    one.codes._spent.path.write_text("x")
    await one.joined()
    assert "the fleet does not hear of used recovery codes" in caplog.text


# --- who was proved --------------------------------------------------------------------------------------------------


class Turning:
    """The clock of a test; whoever sleeps waits for `passes`."""

    def __init__(self):
        self.now, self._woken = 100.0, asyncio.Event()

    @property
    def clock(self):
        return Clock(lambda: self.now, self._sleep, lambda: self.now)

    async def _sleep(self, seconds):
        until = self.now + seconds
        while self.now < until:
            await self._woken.wait()

    def passes(self, seconds):
        self.now += seconds
        self._woken.set()
        self._woken = asyncio.Event()


def bans(database, turning=None):
    clock = (turning or Turning()).clock
    return FleetBans(MemoryBans(1.0, clock), FakeFleet(database), clock)


async def told(guesses):
    if guesses._telling is not None:
        await asyncio.wait({guesses._telling})


async def guesses_of_others(guesses, count=30):
    """From the same address, each with another name."""
    for number in range(count):
        turn = await guesses.enter(f"stranger{number}", HOME)
        await guesses.leave(turn.ticket, Outcome.WRONG)


@looped
async def test_who_was_proved_at_another_gateway_does_not_wait_behind_guesses(database):
    one, two = bans(database), bans(database)
    turn = await one.enter("alice", HOME)
    assert not turn.known
    await one.leave(turn.ticket, Outcome.PROVED)
    await told(one)
    await guesses_of_others(two)
    turn = await two.enter("Alice", HOME)
    assert turn.known
    assert turn.wait == 0.0
    turn = await two.enter("bob", HOME)
    assert not turn.known
    assert turn.wait is None or turn.wait > 0
    assert not (await two.enter("alice", Peer(ip_address("198.51.100.8"), 1))).known


@looped
async def test_the_database_hears_no_name_that_somebody_typed(database):
    one = bans(database)
    await one.leave((await one.enter("password typed as a name", HOME)).ticket, Outcome.WRONG)
    await one.leave((await one.enter("alice", HOME)).ticket, Outcome.PROVED)
    await told(one)
    ((user, network),) = database.proved
    assert "alice" not in user
    assert network == "198.51.100.7/32"


@looped
async def test_who_is_proved_again_and_again_is_told_once(database):
    one = bans(database)
    for _ in range(5):
        await one.leave((await one.enter("alice", HOME)).ticket, Outcome.PROVED)
        await told(one)
    assert one._fleet.asked.count("vouch") == 1


@looped
async def test_a_dead_database_is_asked_by_one_and_then_by_nobody_for_a_while(database, monkeypatch):
    monkeypatch.setattr(banning, "MOMENT", 0.0)
    database.holds, turning = asyncio.Event(), Turning()
    one = bans(database, turning)
    for _ in range(9):
        assert not (await one.enter("alice", HOME)).known
    assert one._fleet.asked.count("vouched") <= 1
    turning.passes(REST)
    database.holds.set()
    monkeypatch.setattr(banning, "MOMENT", 60.0)
    database.proved[next(iter(one._open.values()))] = 0.0
    assert (await one.enter("alice", HOME)).known


@looped
async def test_a_crowd_of_strangers_asks_a_bounded_number_at_a_time(database, monkeypatch):
    monkeypatch.setattr(banning, "MOMENT", 60.0)
    database.holds = asyncio.Event()
    one = bans(database)
    entering = [asyncio.create_task(one.enter(f"stranger{number}", HOME)) for number in range(3 * MOST_ASKED)]
    await asyncio.wait(entering, timeout=None, return_when=asyncio.FIRST_COMPLETED)
    for _ in range(5):
        await asyncio.sleep(0)
    assert sum(each.done() for each in entering) == 2 * MOST_ASKED
    database.holds.set()
    await asyncio.gather(*entering)


@looped
async def test_what_the_database_did_not_hear_it_hears_later_a_bounded_number(database, monkeypatch):
    monkeypatch.setattr(banning, "MOST_PENDING", 3)
    turning = Turning()
    one = bans(database, turning)
    database.go()
    for number in range(9):
        await one.leave((await one.enter(f"user{number}", HOME)).ticket, Outcome.PROVED)
        await asyncio.sleep(0)
    assert len(one._pending) == 3
    database.come()
    for _ in range(3):
        turning.passes(REST)
        await asyncio.sleep(0)
    await told(one)
    assert len(database.proved) == 3
