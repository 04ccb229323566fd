"""Connections that stay, beside a scripted driver: what is asked of the core and of the host, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter as Count
from dataclasses import replace
from types import SimpleNamespace

import pytest

from far import until
from lotor.client import keeping
from lotor.client.addresses import MOST_TRIED
from lotor.client.calls import Ground
from lotor.client.comeback import JUDGING, Now
from lotor.client.keeping import Keeping, Senses, Wishes
from lotor.client.staying import MOST_LINES
from lotor.client.targets import Target
from lotor.client.wallet import Wallet
from lotor.ike.events import Doubted, Ended, LoginRound, Names
from lotor.ike.intents import Check, Disconnect
from lotor.ike.questions import KeepTicket
from lotor.model.child import Counters
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.model.prompt import Field
from lotor.model.reasons.ends import ClosedHere, DeadPeer, NoAnswer, Relocated, ShutDown
from lotor.model.reasons.logins import NobodyAnswers, NoLoginGiven, RefusedThere
from lotor.model.secret import Secret
from lotor.model.ticket import Resumption
from lotor.ports.host import Leaving
from lotor.runtime.sessions import Register
from peers.world import CLIENT
from scripted import FLOATED, established, started

GATEWAY = FLOATED.remote.address
REMOTE = replace(CLIENT, address=GATEWAY)
ANYWHERE = replace(CLIENT, name="anonymous", address=None)
TARGET = Target(REMOTE, GATEWAY, None)
DEAD = DeadPeer(GATEWAY, 2)
GIVEN = {Field.USER_NAME: Secret("alice"), Field.PASSWORD: Secret("alicepass")}


class Deaf:
    """Instead of news."""


class Stage:
    """A client whose calls end as `answers` says: with a session, or with a reason."""

    def __init__(self, *, wanted=True, shuts=False, remotes=(ANYWHERE,)):
        self.now, self.slept = 100.0, 0.0
        self.commands, self.calls, self.given_up, self.answers = [], [], [], []
        self.leaving, self.unheard = [], []
        self.figures = Counters()
        self.news = asyncio.Queue()
        self.register = Register(lambda: 1.0)
        self.source = FLOATED.local.address
        self.wanted = wanted
        parts = SimpleNamespace(
            driver=SimpleNamespace(command=self.commands.append),
            register=self.register,
            persons=SimpleNamespace(kept=lambda session: dict(GIVEN)),
            follower=SimpleNamespace(give_up=self._give_up),
            wallet=Wallet(lambda: self.now + self.slept),
        )
        self.remotes, self.questions = remotes, 0
        ground = Ground(lambda: self.remotes, lambda remote: None, self._way, lambda: 50.0)
        self.names, self.asked, self.called, self.shown = [], [], [], []
        senses = Senses(self._clocks, self._changed, self._counters, lambda: 0.0, self._resolve)
        self.keeping = Keeping(parts, ground, senses, Wishes(lambda _: self.wanted, lambda _: shuts, self._unheard))

    def up(self, number=1, path=FLOATED):
        begun = started(number).event.but(side=Side.CLIENT, remote=REMOTE.name, path=path)
        for event in (begun, *(effect.event for effect in established())):
            self.register.follow(event.but(session=number))
        session = self.register.get(number)
        session.path = path
        return session

    def end(self, reason, number=1):
        event = Ended(number, reason, established=True)
        self.register.follow(event)
        self.keeping.follow(event)

    async def pass_by(self, seconds=0.0):
        """Time goes by, and what is due happens."""
        self.now += seconds
        for staying in tuple(self.keeping._staying.values()):
            self.keeping._go_on(staying)
        for _ in range(8):
            await asyncio.sleep(0)

    async def move(self, source):
        self.source = source
        await self.news.put(None)
        await self.pass_by()

    async def _resolve(self, host):
        self.asked.append(host)
        found = self.names.pop(0) if self.names else OSError(None, "no name server")
        if isinstance(found, OSError):
            raise found
        return found if isinstance(found, list) else await found.wait()

    async def again(self, target, given, patience, prompter, resumption=None):
        self.shown.append(resumption)
        self.called.append((target.address, *target.others))
        self.calls.append((self.now, dict(given)))
        answer = self.answers.pop(0)() if self.answers else NoAnswer(GATEWAY)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def _unheard(self, remote):
        self.unheard.append(remote)

    async def _give_up(self, place, leaving):
        self.given_up.append(place)
        self.leaving.append(leaving)
        return True

    async def _way(self, remote):
        if self.source is None:
            raise OSError("no route")
        return Path(Peer(self.source, 500), remote)

    def _clocks(self):
        return Now(self.now, self.now + self.slept)

    async def _changed(self, seen):
        self.questions += 1
        if await self.news.get() is Deaf:
            raise OSError("nobody tells")
        return seen + 1

    async def _counters(self, children):
        return dict.fromkeys(children, self.figures)


def play(story, **named):
    async def run():
        stage = Stage(**named)
        stage.keeping.start(stage.again)
        stage.keeping.begin()
        result = await story(stage)
        await stage.keeping.stop(ShutDown())
        assert stage.keeping._staying == {}
        assert not asyncio.all_tasks() - {asyncio.current_task()} or await asyncio.sleep(0.01) is None
        return result

    return asyncio.run(run())


def test_a_lost_connection_is_dialled_with_what_opened_it():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.now += 60
        stage.answers = [lambda: stage.up(2)]
        stage.end(DEAD)
        assert "connecting again" in stage.keeping.remarks()[0]
        await stage.pass_by()
        assert [given for _, given in stage.calls] == [GIVEN]
        assert stage.keeping.remarks() == []
        assert stage.keeping.place(stage.register.get(2)) == 1, "the same connection, so that the host stays as it is"

    play(story)


def test_nobody_brings_back_what_is_not_to_stay():
    async def story(stage):
        session = stage.up()
        stage.keeping.came_up(TARGET, session)
        assert stage.keeping.place(session) is None
        assert not stage.keeping.comes_back(session, DEAD)
        stage.end(DEAD)
        await stage.pass_by(100)
        assert stage.calls == []

    play(story, wanted=False)


def test_what_a_person_ends_stays_ended():
    async def story(stage):
        session = stage.up()
        stage.keeping.came_up(TARGET, session)
        assert not stage.keeping.comes_back(session, ClosedHere())
        stage.end(ClosedHere())
        await stage.pass_by(100)
        assert stage.calls == []
        assert stage.keeping.remarks() == []

    play(story)


def test_a_person_ends_what_is_on_its_way_back():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.end(DEAD)
        await stage.pass_by()
        assert await stage.keeping.let_go(lambda target: target == TARGET) == 1
        assert stage.given_up == [1]
        calls = len(stage.calls)
        await stage.pass_by(1000)
        assert len(stage.calls) == calls

    play(story)


@pytest.mark.parametrize("reason", [RefusedThere(GATEWAY, "alice"), NoLoginGiven()])
def test_a_refused_password_is_sent_once(reason, caplog):
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.answers = [lambda: reason]
        stage.end(DEAD)
        await stage.pass_by(5)
        await stage.pass_by(1000)
        assert len(stage.calls) == 1
        assert stage.given_up == [1], "the host is as it was"

    play(story)
    assert "does not come back" in caplog.text


def test_a_network_that_changes_at_the_moment_of_a_refusal_sends_no_password_again():
    """The call has not noticed yet what the core has said."""

    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.answers = [asyncio.Event().wait]
        stage.end(DEAD)
        await stage.pass_by(5)
        stage.up(2)
        stage.end(RefusedThere(GATEWAY, "alice"), 2)
        await stage.move(FLOATED.local.address + 9)
        await stage.pass_by(5)
        assert len(stage.calls) == 1
        assert stage.given_up == [1]

    play(story)


def test_a_network_that_changes_while_a_login_is_judged_sends_no_password_again():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.answers = [asyncio.Event().wait]
        stage.end(DEAD)
        await stage.pass_by(5)
        stage.up(2)
        stage.keeping.follow(LoginRound(2, 1, Names(("password",))))
        for each in range(5):
            await stage.move(FLOATED.local.address + each)
            await stage.pass_by(1)
        assert len(stage.calls) == 1
        await stage.pass_by(JUDGING)
        assert len(stage.calls) == 2, "no verdict came"

    play(story)


def test_another_address_moves_the_session_and_asks_the_gateway():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        await stage.move(FLOATED.local.address + 5)
        (check,) = stage.commands
        assert check == Check(1, replace(FLOATED, local=Peer(FLOATED.local.address + 5, FLOATED.local.port)))
        stage.now += 1
        await stage.move(None)
        assert len(stage.commands) == 1, "without a way nothing is torn"
        await stage.move(FLOATED.local.address + 5)
        assert len(stage.commands) == 2, "the way is back"

    play(story)


def test_who_could_not_hear_for_a_while_hears_again(monkeypatch):
    monkeypatch.setattr(keeping, "DEAF", 0)

    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        await stage.pass_by()
        for _ in range(3):
            await stage.news.put(Deaf)
            await stage.pass_by()
        await stage.move(FLOATED.local.address + 5)
        assert [type(each) for each in stage.commands] == [Check]

    play(story)


def test_nobody_asks_for_news_while_no_block_is_for_a_client(monkeypatch):
    """A daemon that asks again and again for what it may not have is ended. A later reload brings a block back."""
    monkeypatch.setattr(keeping, "DEAF", 0)

    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        await stage.pass_by()
        stage.remotes = ()
        await stage.move(FLOATED.local.address + 5)
        for _ in range(9):
            await stage.pass_by()
        assert stage.questions == 1
        stage.remotes = (ANYWHERE,)
        stage.now += 10
        await stage.move(FLOATED.local.address + 6)
        assert [type(each) for each in stage.commands] == [Check, Check]

    play(story)


def test_esp_without_udp_says_goodbye_from_the_new_address_and_begins_anew():
    async def story(stage):
        native = replace(FLOATED, floated=False)
        stage.keeping.came_up(TARGET, stage.up(path=native))
        await stage.move(FLOATED.local.address + 5)
        assert [type(each) for each in stage.commands] == [Check, Disconnect]
        assert stage.commands[1].reason == Relocated()
        stage.end(stage.commands[1].reason)
        await stage.pass_by()
        assert len(stage.calls) == 1

    play(story)


@pytest.mark.parametrize("floated", [True, False])
def test_addresses_that_change_without_end_cost_a_question_a_second_from_the_last_of_them(floated):
    """Whoever hands out addresses or routes here, a thousand a second."""

    async def story(stage):
        path = replace(FLOATED, floated=floated)
        stage.keeping.came_up(TARGET, stage.up(path=path))
        for tick in range(200):
            await stage.move(FLOATED.local.address + 5 + tick % 2)
            stage.now += 0.01
        await stage.pass_by(1)
        checks = [each for each in stage.commands if isinstance(each, Check)]
        assert len(checks) <= 3
        assert checks[-1].path.local.address == stage.source

    play(story)


def test_news_about_another_link_are_a_question_now_and_then():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        for _ in range(50):
            await stage.move(FLOATED.local.address)
            stage.now += 0.1
        assert Count(type(each) for each in stage.commands) == {Check: 1}

    play(story)


def test_a_new_network_ends_the_wait():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.source = None
        stage.end(DEAD)
        await stage.pass_by()
        await stage.move(None)
        calls = len(stage.calls)
        stage.now += 1
        await stage.move(FLOATED.local.address + 9)
        assert len(stage.calls) == calls + 1

    play(story)


def test_a_gateway_that_does_not_answer_in_another_network_may_be_behind_a_login_page_once():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.end(DEAD)
        await stage.pass_by(5)
        assert stage.unheard == [], "the same network as before"
        for host in (9, 10):
            await stage.move(FLOATED.local.address + host)
            for _ in range(5):
                await stage.pass_by(5)
        assert stage.unheard == [REMOTE.name] * 2
        stage.answers = [lambda: RefusedThere(GATEWAY, "alice")]
        await stage.move(FLOATED.local.address + 11)
        await stage.pass_by(5)
        assert len(stage.unheard) == 2, "it answered"

    play(story, shuts=True)


def test_what_is_down_steps_aside_for_a_login_page_and_leaves_the_host_closed():
    async def story(stage):
        session = stage.up()
        stage.keeping.came_up(TARGET, session)
        await stage.keeping.step_aside()
        assert stage.given_up == [], "it is up"
        stage.end(DEAD)
        await stage.keeping.step_aside()
        assert (stage.given_up, stage.leaving) == ([1], [Leaving.CLOSED])
        assert stage.keeping.place(session) == 1, "it still comes back"

    play(story, shuts=True)


def test_a_host_that_slept_asks_the_gateway():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        look = asyncio.ensure_future(stage.keeping._look())
        await asyncio.sleep(0.6)
        assert stage.commands == []
        stage.slept = 3600.0
        await until(lambda: stage.commands)
        look.cancel()
        assert [type(each) for each in stage.commands] == [Check]

    play(story)


def test_a_hint_is_a_question():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        for _ in range(20):
            stage.keeping.follow(Doubted(1, FLOATED))
        assert [type(each) for each in stage.commands] == [Check]

    play(story)


def test_blocks_that_stay_are_called_at_the_start():
    async def story(stage):
        await stage.pass_by()
        assert [given for _, given in stage.calls] == [{}]
        await stage.pass_by(30)
        assert len(stage.calls) == 2, "and again, when nobody answers"

    play(story, remotes=(REMOTE, ANYWHERE))


def test_a_session_that_ended_before_it_was_noticed_is_dialled_again():
    async def story(stage):
        session = stage.up()
        stage.register.follow(Ended(1, DEAD, established=True))
        stage.keeping.came_up(TARGET, session)
        await stage.pass_by(2)
        assert len(stage.calls) == 1

    play(story)


def test_a_kill_switch_keeps_the_place_until_a_person_ends_it(caplog):
    async def story(stage):
        session = stage.up()
        stage.keeping.came_up(TARGET, session)
        assert stage.keeping.comes_back(session, DEAD), "its place on the host stays"
        stage.end(DEAD)
        await stage.pass_by(1000)
        assert stage.calls == [], "nothing is dialled"
        assert "unreachable until" in stage.keeping.remarks()[0]
        assert stage.given_up == []
        assert await stage.keeping.let_go(lambda _: True) == 1
        assert stage.given_up == [1]

    play(story, wanted=False, shuts=True)
    assert "kill_switch" in caplog.text


def test_a_program_that_stops_leaves_the_host_closed():
    """Whoever stops it on purpose opens the host behind it."""

    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.end(DEAD)
        await stage.keeping.stop(ShutDown())
        assert stage.leaving == [Leaving.CLOSED]

    play(story, wanted=False, shuts=True)


def test_a_kill_switch_is_not_in_the_way_of_who_connects_or_ends():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.end(DEAD)
        again = stage.up(2)
        assert stage.keeping.place(again) == 1
        stage.keeping.came_up(TARGET, again)
        assert stage.keeping.remarks() == []
        assert not stage.keeping.comes_back(again, ClosedHere())
        stage.end(ClosedHere(), 2)
        assert stage.keeping._staying == {}

    play(story, wanted=False, shuts=True)


def test_a_kill_switch_holds_when_the_password_is_refused():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.answers = [lambda: RefusedThere(GATEWAY, "alice")]
        stage.end(DEAD)
        await stage.pass_by(5)
        await stage.pass_by(1000)
        assert len(stage.calls) == 1
        assert stage.given_up == []
        assert "unreachable until" in stage.keeping.remarks()[0]

    play(story, shuts=True)


async def heard(news):
    """What somebody heard who waited from the beginning: the lines, and the reason at the end."""
    lines = []
    while isinstance(said := await news.next(), str):
        lines.append(said)
    return lines, said


def follow(stage, session=1):
    """Whoever waits at the connection of a session hears it all from now on."""

    async def listen():
        with stage.keeping.news(session) as news:
            return await heard(news) if news is not None else None

    return asyncio.ensure_future(listen())


def test_who_waits_hears_once_of_a_loss_and_once_of_the_return_and_then_of_the_end():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        waits = follow(stage)
        await stage.pass_by(60)
        stage.answers = [lambda: NoAnswer(GATEWAY), lambda: NoAnswer(GATEWAY), lambda: stage.up(2)]
        stage.end(DEAD)
        for _ in range(4):
            await stage.pass_by(1)
        assert len(stage.calls) == 3
        late = follow(stage, 1)
        await stage.pass_by()
        stage.end(ClosedHere(), 2)
        lines, why = await waits
        assert (lines[0], why) == (f"connection lost: {DEAD.text}; connecting again", ClosedHere())
        assert lines[1].startswith("back after ")
        assert len(lines) == 2, "attempts between are no news"
        assert await late == ([], ClosedHere()), "also by the number of a session before"

    play(story)


@pytest.mark.parametrize("reason", [RefusedThere(GATEWAY, "alice"), NoLoginGiven()])
def test_who_waits_hears_why_a_connection_does_not_come_back_when_the_host_is_as_it_was(reason):
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        waits = follow(stage)
        stage.answers = [lambda: reason]
        stage.end(DEAD)
        await stage.pass_by(5)
        await stage.pass_by(5)
        _, why = await waits
        assert why == reason
        assert stage.given_up == [1]
        assert await follow(stage) is None, "it is over"

    play(story)


def test_who_waits_hears_of_a_person_who_ends_what_is_down_and_of_the_end_of_the_program():
    async def story(stage):
        for end in (lambda: stage.keeping.let_go(lambda _: True), lambda: stage.keeping.stop(ShutDown())):
            stage.keeping.came_up(TARGET, stage.up())
            waits = follow(stage)
            stage.end(DEAD)
            await stage.pass_by()
            late = follow(stage)
            await stage.pass_by()
            await end()
            (_, why), (said, _) = await waits, await late
            assert why in (ClosedHere(), ShutDown())
            assert "is lost" in said[0], "who comes late hears how it stands"

    play(story)


def test_who_waits_at_a_connection_that_stays_closed_hears_why_and_how_to_open_it():
    """The host stays closed without the command, too."""

    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        waits = follow(stage)
        refused = RefusedThere(GATEWAY, "alice")
        stage.answers = [lambda: refused]
        stage.end(DEAD)
        await stage.pass_by(5)
        lines, why = await waits
        assert "unreachable until" in lines[-1]
        assert why == refused
        assert stage.given_up == []

    play(story, shuts=True)


def test_who_does_not_listen_costs_a_bounded_number_of_lines():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        with stage.keeping.news(1) as news:
            for number in range(2, 200):
                stage.now += 60
                stage.answers = [lambda number=number: stage.up(number)]
                stage.end(DEAD, number - 1)
                await stage.pass_by(5)
            assert len(stage.calls) == 198
            await stage.keeping.stop(ShutDown())
            lines, _ = await heard(news)
            assert len(lines) == MOST_LINES

    play(story)


def test_the_block_and_the_address_that_worked_are_called_first():
    async def story(stage):
        main = replace(REMOTE, name="in main mode")
        stage.keeping.came_up(Target(REMOTE, GATEWAY + 1, "vpn", (GATEWAY,), (main,)), stage.up())
        stage.register.get(1).remote = main.name
        (staying,) = stage.keeping._staying.values()
        assert (staying.target.address, staying.target.others) == (GATEWAY, (GATEWAY + 1,))
        reached = staying.target.reached(main.name, 1, GATEWAY)
        assert (reached.remote, reached.also) == (main, (REMOTE,))

    play(story)


def test_nothing_is_dialled_before_somebody_says_so():
    """In the foreground the person who types the password is the one who begins."""

    async def story():
        stage = Stage(remotes=(REMOTE,))
        stage.keeping.start(stage.again)
        await stage.pass_by(100)
        assert stage.calls == []

    asyncio.run(story())


NAMED = Target(replace(REMOTE, address=None), GATEWAY, "vpn.example.net")
MOVED = GATEWAY + 7


def test_a_gateway_that_has_moved_is_called_where_its_name_leads_now():
    """As one with an address of a provider, behind a name that follows it."""

    async def story(stage):
        stage.names = [[MOVED]]
        stage.keeping.came_up(NAMED, stage.up())
        stage.end(DEAD)
        for _ in range(3):
            await stage.pass_by(1)
        assert stage.called[0] == (GATEWAY,), "the first call does not wait for a name server"
        assert stage.called[1] == (MOVED, GATEWAY), "and what was known stays, behind it"

    play(story)


def test_without_an_answer_of_a_name_server_the_addresses_known_before_are_called():
    """Its servers may be inside of the tunnel."""

    async def story(stage):
        stage.names = [OSError(None, "cannot resolve"), OSError(None, "cannot resolve")]
        stage.keeping.came_up(NAMED, stage.up())
        stage.end(DEAD)
        for _ in range(4):
            await stage.pass_by(1)
        assert set(stage.called) == {(GATEWAY,)}
        assert len(stage.asked) == len(stage.called) == 4

    play(story)


def test_a_name_server_that_never_answers_is_asked_once_and_delays_nothing():
    async def story(stage):
        stage.names = [asyncio.Event()]
        stage.keeping.came_up(NAMED, stage.up())
        stage.end(DEAD)
        for _ in range(20):
            await stage.pass_by(1)
        assert len(stage.called) == 20
        assert stage.asked == ["vpn.example.net"]

    play(story)


@pytest.mark.parametrize("target", [TARGET, replace(NAMED, remote=REMOTE), replace(NAMED, host=None)])
def test_no_name_is_looked_up_where_an_address_was_meant(target):
    async def story(stage):
        stage.keeping.came_up(target, stage.up())
        stage.end(DEAD)
        await stage.pass_by(1)
        assert len(stage.called) == 1
        assert stage.asked == []

    play(story)


def test_a_name_with_ever_other_addresses_costs_a_few_calls_and_keeps_the_last_that_worked():
    """A server that lies, or deals out."""

    async def story(stage):
        stage.names = [[GATEWAY + 16 * many + each for each in range(1, 9)] for many in range(1, 6)]
        stage.keeping.came_up(NAMED, stage.up())
        stage.end(DEAD)
        for _ in range(6):
            await stage.pass_by(1)
        assert max(map(len, stage.called)) <= MOST_TRIED
        assert stage.keeping.place(stage.register.recall(1)) == 1, "its place on the host stays its own"

    play(story)


def test_the_name_of_a_connection_that_stays_is_known_without_a_name_server():
    """What is said to help where the host is closed, and reaches no name server: `lotor vc NAME`."""

    async def story(stage):
        stage.keeping.came_up(NAMED, stage.up())
        stage.end(DEAD)
        assert stage.keeping.known("vpn.example.net") == stage.keeping._staying[1].target
        assert stage.keeping.known("another.example.net") is None
        assert await stage.keeping.let_go(lambda _: True) == 1
        assert stage.keeping.known("vpn.example.net") is None

    play(story, wanted=False, shuts=True)


def test_who_asks_for_the_end_of_what_is_closed_already_hears_it_at_once():
    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.end(DEAD)
        await stage.pass_by()
        lines, why = await asyncio.wait_for(follow(stage), 60)
        assert "unreachable until" in lines[-1]
        assert why == DEAD

    play(story, wanted=False, shuts=True)


@pytest.mark.parametrize("shuts", [False, True])
def test_a_reload_ends_the_comeback_of_what_is_not_to_stay_any_more(shuts, caplog):
    """Its block may be gone: no call would ever come to something."""

    async def story(stage):
        stage.keeping.came_up(TARGET, stage.up())
        stage.end(DEAD)
        await stage.pass_by(1)
        assert len(stage.calls) == 1
        stage.wanted = False
        await stage.pass_by(1000)
        assert len(stage.calls) == 1
        assert stage.given_up == ([] if shuts else [1]), "what is to be closed stays closed"

    play(story, shuts=shuts)
    assert "does not ask for it any more" in caplog.text


RESUMPTION = Resumption(b"a ticket", None)


def with_ticket(stage, seconds=3600):
    """A session that is up, and what its gateway gave to come back with."""
    stage.keeping.came_up(TARGET, stage.up())
    return stage.keeping._parts.wallet.keep(KeepTicket(1, RESUMPTION, seconds))


def test_a_lost_connection_is_dialled_with_its_ticket():
    async def story(stage):
        await with_ticket(stage)
        stage.answers.append(lambda: stage.up(2))
        stage.end(DEAD)
        await stage.pass_by(1)
        stage.end(DEAD, 2)
        await stage.pass_by(5)
        return stage.shown

    assert play(story)[:2] == [RESUMPTION, None]  # the second session left none


def test_a_gateway_that_is_silent_gets_the_ticket_again_and_each_eighth_time_none():
    async def story(stage):
        await with_ticket(stage)
        stage.end(DEAD)
        for _ in range(16):
            await stage.pass_by(100)
        return stage.shown

    assert play(story) == [*[RESUMPTION] * 7, None] * 2


def test_one_that_is_there_again_and_wants_a_code_gets_the_ticket_after_all():
    """It was silent for as long as it was away."""

    async def story(stage):
        await with_ticket(stage)
        silent = NoAnswer(GATEWAY)
        stage.answers += [*[lambda: silent] * 7, lambda: NobodyAnswers("passcode"), lambda: stage.up(2)]
        stage.end(DEAD)
        for _ in range(8):
            await stage.pass_by(100)
        return stage.shown, stage.keeping.remarks()

    assert play(story) == ([*[RESUMPTION] * 7, None, RESUMPTION], [])


def test_a_ticket_that_was_refused_is_not_shown_again():
    async def story(stage):
        await with_ticket(stage)
        stage.answers.append(Relocated)
        stage.end(DEAD)
        for _ in range(2):
            await stage.pass_by(100)
        return stage.shown

    assert play(story) == [RESUMPTION, None]


def test_a_ticket_is_over_when_its_time_is_also_where_the_host_slept():
    async def story(stage):
        await with_ticket(stage, seconds=600)
        stage.slept += 700
        stage.end(DEAD)
        await stage.pass_by(1)
        return stage.shown

    assert play(story) == [None]


def test_whoever_ends_a_connection_ends_its_ticket():
    async def story(stage):
        await with_ticket(stage)
        await stage.keeping.let_go(lambda _: True)
        stage.keeping._parts.wallet.follow(Ended(1, DEAD, established=True))
        return stage.keeping._parts.wallet._kept

    assert play(story) == {}
