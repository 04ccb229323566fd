"""Who answers for the person: given ahead, saved, prompted; never twice what was refused."""

from __future__ import annotations

import asyncio

import pytest

from lotor.client.persons import ClientPersons, Files
from lotor.client.requests import ConnectRequest, Requests
from lotor.ike.effects import Tell
from lotor.ike.events import LoggedIn, Renewed
from lotor.ike.questions import AskPerson
from lotor.model.login import Credentials, Declined
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from scripted import FLOATED, SUITE, OpenSigner, ended, started

BOTH = (Field.USER_NAME, Field.PASSWORD)


class Typing:
    def __init__(self, answers):
        self.answers, self.prompts = answers, []

    async def prompt(self, wants, message):
        self.prompts.append((wants, message))
        return self.answers


class Stage:
    """One client session that asks."""

    def __init__(self, request=None, saved=None, login=None):
        self.requests = Requests()
        found = {"192.0.2.50": saved[login]} if saved and login in saved else {}
        files = Files(lambda remote: login, OpenSigner(found).saved_password)
        self.persons = ClientPersons(self.requests, files)
        number = self.requests.new(request) if request is not None else None
        self.tell(started(1, request=number))

    def tell(self, effect):
        self.requests.follow(effect.event)
        self.persons.follow(effect.event)

    def ask(self, wants=BOTH, message="", turn=1, session=1):
        return self.persons.ask(AskPerson(session, "192.0.2.50", wants, message, turn))


def known(**values):
    return {Field[name]: Secret(value) for name, value in values.items()}


def test_what_was_given_ahead_is_used_without_a_prompt():
    async def play():
        typing = Typing(None)
        stage = Stage(ConnectRequest(known(USER_NAME="alice", PASSWORD="pw"), typing))
        return await stage.ask(), typing.prompts

    answer, prompts = asyncio.run(play())
    assert answer == Credentials(((Field.USER_NAME, Secret("alice")), (Field.PASSWORD, Secret("pw"))))
    assert prompts == []


def test_a_saved_password_belongs_to_xauth_login():
    async def play():
        return await Stage(saved={"toto": "from psk.txt"}, login="toto").ask()

    assert asyncio.run(play()) == Credentials(
        ((Field.USER_NAME, Secret("toto")), (Field.PASSWORD, Secret("from psk.txt")))
    )


@pytest.mark.parametrize(("login", "named"), [("toto", "group"), (None, "group"), (None, "192.0.2.50")])
def test_n15_no_other_line_of_the_file_is_sent_to_a_gateway(login, named):
    """Whoever may start a connection names the login: also one that is a key of phase 1."""

    async def play():
        typing = Typing(None)
        saved = {"toto": "from psk.txt", "group": "the group's key", "192.0.2.50": "a gateway's key"}
        return await Stage(ConnectRequest(known(USER_NAME=named), typing), saved, login).ask(), typing.prompts

    answer, prompts = asyncio.run(play())
    assert isinstance(answer, Declined)
    assert prompts == [((Field.PASSWORD,), "")]


def test_a_second_round_prompts_with_the_gateways_message_and_does_not_repeat_the_password():
    async def play():
        typing = Typing(known(PASSCODE="123456"))
        stage = Stage(ConnectRequest(known(USER_NAME="alice", PASSWORD="pw"), typing))
        await stage.ask()
        return await stage.ask((Field.USER_NAME, Field.PASSCODE), "Enter the next code", 2), typing.prompts

    answer, prompts = asyncio.run(play())
    assert prompts == [((Field.PASSCODE,), "Enter the next code")]
    assert answer == Credentials(((Field.USER_NAME, Secret("alice")), (Field.PASSCODE, Secret("123456"))))


def test_nobody_there_declines_with_a_reason():
    async def play():
        return await Stage(login="toto", saved={}).ask()

    answer = asyncio.run(play())
    assert isinstance(answer, Declined)
    assert "password" in answer.reason.text


def test_a_saved_password_that_was_refused_is_not_sent_again():
    async def play():
        stage = Stage(saved={"toto": "old"}, login="toto")
        await stage.ask()
        return await stage.ask(turn=2)

    assert isinstance(asyncio.run(play()), Declined)


def test_a_later_phase_1_of_the_same_connection_gets_the_password_again_until_the_end():
    async def play():
        stage = Stage(ConnectRequest(known(USER_NAME="alice", PASSWORD="pw"), Typing(None)))
        await stage.ask()
        stage.tell(type(started())(LoggedIn(1, "alice")))
        stage.tell(started(2))
        stage.tell(ended(1))
        again = await stage.ask(session=2)
        stage.tell(ended(2))
        stage.tell(started(3))
        return again, await stage.ask(session=3)

    again, after = asyncio.run(play())
    assert again == Credentials(((Field.USER_NAME, Secret("alice")), (Field.PASSWORD, Secret("pw"))))
    assert isinstance(after, Declined)


def test_a_prompt_ends_with_its_session():
    async def play():
        class Slow:
            async def prompt(self, wants, message):
                await asyncio.Event().wait()

        stage = Stage(ConnectRequest({}, Slow()))
        asking = asyncio.create_task(stage.ask())
        await asyncio.sleep(0.05)
        stage.tell(ended(1))
        return await asyncio.wait_for(asking, 60)

    assert isinstance(asyncio.run(play()), Declined)


def test_a_renewal_keeps_the_password_for_the_next_one_and_forgets_one_time_codes():
    async def play():
        stage = Stage(ConnectRequest(known(USER_NAME="alice", PASSWORD="pw"), Typing(known(PASSCODE="123456"))))
        await stage.ask()
        stage.tell(Tell(LoggedIn(1, "alice")))
        stage.tell(started(2))
        first = await stage.ask(session=2)
        stage.tell(Tell(Renewed(1, 2, FLOATED, SUITE, "03:04")))
        stage.tell(started(3))
        second, code = await stage.ask(session=3), await stage.ask((Field.PASSCODE,), session=3)
        stage.tell(ended(3))
        stage.tell(ended(1))
        stage.tell(started(4))
        return first, second, code, await stage.ask(session=4)

    first, second, code, after = asyncio.run(play())
    assert first == second == Credentials(((Field.USER_NAME, Secret("alice")), (Field.PASSWORD, Secret("pw"))))
    assert isinstance(code, Declined)
    assert isinstance(after, Declined)


def test_a_renewal_that_failed_leaves_the_password_of_the_connection():
    async def play():
        stage = Stage(ConnectRequest(known(USER_NAME="alice", PASSWORD="pw"), Typing(None)))
        await stage.ask()
        stage.tell(Tell(LoggedIn(1, "alice")))
        stage.tell(started(2))
        stage.tell(ended(2))
        stage.tell(started(3))
        return await stage.ask(session=3)

    assert isinstance(asyncio.run(play()), Credentials)
