"""Tickets of a gateway: who gets one, who comes back by it, and everybody who does not; over a real list of users."""

from __future__ import annotations

import asyncio
import stat
import threading
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lotor.auth import Checks, LocalLogins, Throttle, UserFile
from lotor.auth import ticket_file as files
from lotor.auth.banning import Banning
from lotor.auth.clock import Clock
from lotor.auth.current import CurrentLogins
from lotor.auth.facts import Facts
from lotor.auth.grouped import GroupedLogins
from lotor.auth.ticket_file import TicketFile
from lotor.auth.tickets import Terms, TicketLogins
from lotor.crypto.passwords import Cost
from lotor.model.algorithms import Cipher, EapMethod, Group, Hash, Ike2Suite
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Failure
from lotor.model.login import Accepted, LoginAttempt, Refused, TicketShown
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.local import TicketRefused
from lotor.model.reasons.logins import BannedForNow, UnknownUser
from lotor.model.reasons.proofs import TicketVoid
from lotor.model.secret import Secret
from lotor.model.ticket import Opened, Resumable, Sealing, Ticket

CHEAP = Cost(memory=64, passes=1, lanes=1)
PASSWORD = Secret("correct horse")
THERE = Peer(ip_address("198.51.100.7"), 4500)
SUITE = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.CURVE25519, (Group.MLKEM768,))
ALICE, GATEWAY = Identity(IdKind.KEY_ID, b"alice"), Identity(IdKind.FQDN, b"vpn.example.net")
STATE = Resumable("anonymous", SUITE, Secret(b"d" * 32), ALICE, GATEWAY, "quantum")
HOUR = 3600
TERMS = {"anonymous": Terms(8 * HOUR, frozenset({EapMethod.GTC}))}


class Gateway:
    """A gateway with one user, alice, and a file of tickets; `wall` moves its clock. `groups` is `auth_groups`."""

    def __init__(self, directory, groups=()):
        self.wall = 1_800_000_000.0
        self.users = UserFile(directory / "users", CHEAP)
        self.clock = Clock(sleep=lambda _: asyncio.sleep(0), wall=lambda: self.wall)
        self.path, self.groups = directory / "tickets", groups
        self.users.add("alice", PASSWORD)
        self.start()

    def start(self):
        """Also anew: what is in memory is gone."""
        self.current = CurrentLogins()
        self.banning = Banning(self.current)
        local = LocalLogins(self.users, Checks(clock=self.clock))
        judge = GroupedLogins(local, self.groups) if self.groups else local
        self.current.use(Throttle(judge, 0.0, self.clock))
        self.file = TicketFile(self.path, self.clock)
        self.tickets = TicketLogins(self.banning, self.current, self.file, self.clock)
        self.tickets.terms = TERMS

    async def log_in(self, user="alice", account="a-1", password=PASSWORD):
        return await self.tickets.judge(
            LoginAttempt(user, ((Field.PASSWORD, password),), THERE, account=account, ike=2)
        )

    async def seal(self, user="alice", account="a-1", state=STATE):
        return await self.tickets.seal(Sealing(account, user, state))

    async def ticket(self):
        assert isinstance(await self.log_in(), Accepted)
        return await self.seal()

    async def come(self, ticket, user="alice", account="a-2"):
        shown = TicketShown(ticket.octets if isinstance(ticket, Ticket) else ticket)
        return await self.tickets.judge(LoginAttempt(user, (), THERE, account=account, shown=shown, ike=2))


@pytest.fixture
def gateway(tmp_path):
    return Gateway(tmp_path)


def why(verdict):
    assert isinstance(verdict, Refused), verdict
    assert not verdict.guess, "nobody guessed a password"
    return verdict.reason.clause


def test_a_ticket_shows_what_was_sealed_and_nothing_else_does(gateway):
    async def story():
        ticket = await gateway.ticket()
        assert ticket.seconds == 8 * HOUR
        assert await gateway.tickets.open(ticket.octets) == Opened("alice", STATE)
        for octets in (b"", b"x" * 100, ticket.octets[:-1], ticket.octets + b"x", bytes(len(ticket.octets))):
            assert isinstance(await gateway.tickets.open(octets), Failure)
        for place in range(0, len(ticket.octets), 7):
            garbled = bytearray(ticket.octets)
            garbled[place] ^= 1
            assert isinstance(await gateway.tickets.open(bytes(garbled)), Failure)
        assert b"alice" not in ticket.octets

    asyncio.run(story())


def test_it_brings_its_user_back_once(gateway):
    async def story():
        ticket = await gateway.ticket()
        assert await gateway.come(ticket) == Accepted("alice")
        assert "used already" in why(await gateway.come(ticket))
        assert isinstance(await gateway.tickets.open(ticket.octets), Failure)

    asyncio.run(story())


def test_also_where_it_comes_twice_at_the_same_moment(gateway):
    async def story():
        ticket = await gateway.ticket()
        return await asyncio.gather(*(gateway.come(ticket) for _ in range(5)))

    assert sum(isinstance(each, Accepted) for each in asyncio.run(story())) == 1


def test_a_restart_forgets_neither_keys_nor_what_was_used(gateway):
    async def story():
        used, fresh = await gateway.ticket(), await gateway.seal()
        assert isinstance(await gateway.come(used), Accepted)
        gateway.start()
        assert "used already" in why(await gateway.come(used))
        assert isinstance(await gateway.come(fresh), Accepted)

    asyncio.run(story())
    assert stat.S_IMODE(gateway.path.stat().st_mode) == 0o600


def test_another_gateway_takes_none_of_it(gateway, tmp_path):
    (tmp_path / "other").mkdir()
    other = Gateway(tmp_path / "other")

    async def story():
        ticket = await gateway.ticket()
        assert isinstance(await other.tickets.open(ticket.octets), Failure)
        assert "none of this gateway" in why(await other.come(ticket))

    asyncio.run(story())


CHANGES = {
    "locked": (lambda users: users.lock("alice"), "locked"),
    "another password": (lambda users: users.passwd("alice", Secret("new")), "changed since"),
    "the same password again": (lambda users: users.passwd("alice", PASSWORD), "changed since"),
    "removed": (lambda users: users.remove("alice"), "gone"),
    "removed and made again": (lambda users: (users.remove("alice"), users.add("alice", PASSWORD)), "changed since"),
    "another second factor": (
        lambda users: users.change("alice", lambda user: replace(user, facts=Facts(totp=Secret(b"k" * 20)))),
        "changed since",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_user_who_is_not_the_same_any_more_logs_in(gateway, change):
    changes, told = CHANGES[change]

    async def story():
        ticket = await gateway.ticket()
        changes(gateway.users)
        return await gateway.come(ticket)

    assert told in why(asyncio.run(story()))


def test_a_refusal_uses_nothing_up(gateway):
    async def story():
        ticket = await gateway.ticket()
        gateway.users.lock("alice")
        why(await gateway.come(ticket))
        gateway.users.lock("alice", locked=False)
        return await gateway.come(ticket)

    assert asyncio.run(story()) == Accepted("alice")


def test_who_is_banned_does_not_come_back(gateway):
    async def story():
        ticket = await gateway.ticket()
        gateway.banning.ban("alice", 60)
        assert (await gateway.come(ticket)).reason == BannedForNow("alice")
        gateway.banning.lift("alice")
        gateway.banning.ban("198.51.100.0/24", 60)
        return await gateway.come(ticket)

    assert asyncio.run(story()).reason == BannedForNow("alice")


def test_groups_count_as_they_are_now(tmp_path):
    gateway = Gateway(tmp_path, groups=("staff",))
    gateway.users.change("alice", lambda user: replace(user, facts=Facts(groups=("staff",))))

    async def story():
        ticket = await gateway.ticket()
        gateway.groups = ("board",)
        gateway.start()
        return await gateway.come(ticket)

    assert isinstance(asyncio.run(story()), Refused)


def test_a_chain_of_tickets_ends_when_the_login_is_too_old(gateway):
    """However often its user came back meanwhile."""

    async def story():
        ticket, hours = await gateway.ticket(), 0
        while True:
            gateway.wall += HOUR
            hours += 1
            verdict = await gateway.come(ticket, account=f"a-{hours}")
            if isinstance(verdict, Refused):
                return hours, why(verdict)
            ticket = await gateway.seal(account=f"a-{hours}")
            assert ticket.seconds == (8 - hours) * HOUR

    hours, told = asyncio.run(story())
    assert hours == 8
    assert "too old" in told


def test_what_the_login_was_granted_in_time_ends_its_ticket(gateway):
    async def story():
        gateway.wall = 1_799_971_200.0  # 2027-01-15T00:00:00Z
        gateway.users.change("alice", lambda user: replace(user, facts=Facts(expires=_day(gateway))))
        gateway.start()
        return await gateway.ticket()

    assert asyncio.run(story()).seconds <= 8 * HOUR


def _day(gateway):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(gateway.wall, UTC).date()


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"another": TERMS["anonymous"]},
        {"anonymous": Terms(60, frozenset({EapMethod.GTC}))},
        {"anonymous": Terms(8 * HOUR, frozenset({EapMethod.MSCHAPV2}))},
    ],
)
def test_a_configuration_that_wants_something_else_by_now_takes_none(gateway, terms):
    async def story():
        ticket = await gateway.ticket()
        gateway.wall += 120
        gateway.tickets.terms = terms
        assert isinstance(await gateway.tickets.open(ticket.octets), Failure)
        return await gateway.come(ticket)

    assert "too old, or the configuration" in why(asyncio.run(story()))


def test_nobody_gets_a_ticket_for_a_login_that_was_not_his(gateway):
    async def story():
        nobody = await gateway.seal()
        assert isinstance(await gateway.log_in(password=Secret("wrong")), Refused)
        wrong = await gateway.seal()
        await gateway.log_in()
        other = await gateway.seal(user="bob")
        elsewhere = await gateway.seal(account="a-7")
        return nobody, wrong, other, elsewhere

    assert [type(each.reason) for each in asyncio.run(story())] == [TicketRefused] * 4


def test_a_ticket_is_of_nobody_else(gateway):
    gateway.users.add("bob", PASSWORD)

    async def story():
        return await gateway.come(await gateway.ticket(), user="bob")

    assert asyncio.run(story()).reason == TicketVoid("bob", "it is of somebody else")


def test_names_that_are_too_long_give_none(gateway):
    async def story():
        await gateway.log_in()
        return await gateway.seal(state=replace(STATE, remote="anonymous", ppk="x" * 5000))

    assert isinstance(asyncio.run(story()), Failure)


def test_a_key_seals_for_an_hour_and_is_gone_when_its_tickets_are(gateway):
    async def story():
        names = set()
        for _ in range(40):
            ticket = await gateway.ticket()
            names.add(ticket.octets[: files.NAME_OCTETS])
            gateway.wall += HOUR
        return names

    assert len(asyncio.run(story())) == 40
    assert gateway.path.read_text().count("k ") <= 26


def test_of_very_many_used_tickets_none_comes_back(gateway, monkeypatch):
    """What is forgotten takes all that is as old with it."""
    monkeypatch.setattr(files, "MOST_SPENT", 8)

    async def story():
        tickets = []
        for number in range(20):
            await gateway.log_in(account=f"a-{number}")
            tickets.append(await gateway.seal(account=f"a-{number}"))
            gateway.wall += 1
        late = [await gateway.come(each) for each in tickets]
        again = [await gateway.come(each) for each in tickets]
        gateway.start()
        restarted = [await gateway.come(each) for each in tickets]
        return late, again, restarted

    late, again, restarted = asyncio.run(story())
    assert sum(isinstance(each, Accepted) for each in late) == 20
    assert all(isinstance(each, Refused) for each in (*again, *restarted))


def test_a_file_that_somebody_garbled_costs_a_login(gateway, caplog):
    async def story():
        ticket = await gateway.ticket()
        gateway.path.write_text("k zz\n")
        gateway.start()
        gone = await gateway.come(ticket)
        return gone, await gateway.ticket()

    gone, ticket = asyncio.run(story())
    assert "none of this gateway" in why(gone)
    assert isinstance(ticket, Ticket)
    assert "count no more" in caplog.text


def test_a_file_that_others_may_read_is_not_believed(gateway):
    async def story():
        ticket = await gateway.ticket()
        gateway.path.chmod(0o644)
        gateway.start()
        return await gateway.come(ticket)

    why(asyncio.run(story()))


def test_where_nothing_can_be_written_tickets_last_as_long_as_the_gateway(tmp_path, caplog):
    gateway = Gateway(tmp_path)
    gateway.path = tmp_path / "users" / "tickets"
    gateway.start()

    async def story():
        return await gateway.come(await gateway.ticket())

    assert isinstance(asyncio.run(story()), Accepted)
    assert "in memory alone" in caplog.text


def test_no_secret_is_in_what_a_log_could_show(gateway):
    async def story():
        ticket = await gateway.ticket()
        opened = await gateway.tickets.open(ticket.octets)
        return repr((ticket, opened, TicketShown(ticket.octets), Sealing("a-1", "alice", STATE)))

    shown = asyncio.run(story())
    assert "dddd" not in shown
    assert "6464" not in shown


def test_a_back_end_that_knows_nobody_without_a_password_gives_none(gateway):
    class Remote:
        async def judge(self, attempt):
            return Accepted(attempt.user) if not attempt.shown else Refused(UnknownUser(attempt.user))

        async def abandon(self, conversation):
            pass

    gateway.current.use(Throttle(Remote(), 0.0))

    async def story():
        await gateway.log_in()
        return await gateway.seal()

    assert isinstance(asyncio.run(story()), Failure)


def noting(touched, name):
    """Whether it is called in the thread of the event loop."""
    honest = getattr(TicketFile, name)

    def noted(file, *args):
        touched.setdefault(name, set()).add(threading.current_thread() is threading.main_thread())
        return honest(file, *args)

    return noted


def test_its_disk_is_touched_beside_the_event_loop(gateway, monkeypatch):
    """Else a slow one holds all logins up."""
    touched = {}
    for name in ("_recall", "_write", "_append"):
        monkeypatch.setattr(TicketFile, name, noting(touched, name))

    async def story():
        first, second = await gateway.ticket(), await gateway.seal()
        assert isinstance(await gateway.come(first), Accepted)
        gateway.start()
        assert "it was used already" in why(await gateway.come(first))
        assert isinstance(await gateway.come(second), Accepted)

    asyncio.run(story())
    assert touched == {"_recall": {False}, "_write": {False}, "_append": {False}}
