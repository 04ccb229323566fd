"""Logins judged by a RADIUS server that a test plays."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.model.grants import LONGEST_MESSAGE
from lotor.model.login import Accepted, Challenge, Refused
from lotor.model.prompt import Field
from lotor.model.reasons.logins import (
    AnswerLate,
    AnswerTooLong,
    BackEndFault,
    NoName,
    NoVerdict,
    OtherService,
    ServerRefused,
    WrongPassword,
)
from lotor.model.secret import Secret
from lotor.radius import RadiusLogins, conversations
from radius_double import ACCEPT, CHALLENGE, REJECT, Scripted, accepting, answer, attempt, attribute, settings, silent


def judged(leaping, script, *attempts, **changes):
    """The verdicts, and the requests of the server."""

    async def run():
        server = await Scripted(script).start()
        logins = RadiusLogins(settings(server.setting(), **changes))
        verdicts = [await logins.judge(each) for each in attempts]
        await logins.close()
        return verdicts, server.asked

    return leaping(run())


def test_a_yes_is_a_yes(leaping):
    (verdict,), (asked,) = judged(leaping, accepting(), attempt())
    assert verdict == Accepted("alice")
    assert asked.password == b"wonderland"
    assert asked.signed


def test_the_server_is_told_what_a_nas_knows(leaping):
    _, (asked, other) = judged(leaping, accepting(), attempt(gateway=IPv4Address("192.0.2.50")), attempt())
    told = dict(asked.attributes)
    assert told[30] == b"192.0.2.50"
    assert 30 not in dict(other.attributes), "what is not known is not sent"
    assert told[1] == b"alice"
    assert told[4] == bytes((127, 0, 0, 1))
    assert told[32] == b"gw"
    assert told[31] == b"192.0.2.9"
    assert (told[6], told[7], told[61]) == (bytes((0, 0, 0, 2)), bytes((0, 0, 0, 1)), bytes((0, 0, 0, 5)))
    assert told[77].startswith(b"lotor")
    assert not {5, 44} & set(told), "of no account there is no id"


@pytest.mark.parametrize("name", ["x" * 64, "\N{PILE OF POO}" * 64, "vpn.example.net"])
def test_a_name_of_the_gateway_of_any_length_has_room(leaping, name):
    _, (asked,) = judged(leaping, accepting(), attempt(), nas_identifier=name)
    told = asked.first(32).decode()
    assert name.startswith(told)
    assert len(told) == len(name) or len(told.encode()) > 249


def test_the_server_is_told_the_account_that_the_session_will_have(leaping):
    """RFC 2866 §5.5: accounting has the same id. In each round."""

    async def run():
        server = await Scripted(questioning).start()
        logins = RadiusLogins(settings(server.setting()))
        challenge = await logins.judge(attempt(account="5f3a09c1d2e4-17"))
        await logins.judge(attempt(b"123456", conversation=challenge.conversation, account="5f3a09c1d2e4-17"))
        return [(each.first(44), each.first(5)) for each in server.asked]

    assert leaping(run()) == [(b"5f3a09c1d2e4-17", (17).to_bytes(4))] * 2


def test_a_no_is_a_no_with_the_words_of_the_server_for_the_person(leaping):
    def no(asked):
        return [answer(asked, REJECT, attribute(18, b"Your account is closed.\x1b[2J"))]

    (verdict,), _ = judged(leaping, no, attempt())
    assert isinstance(verdict.reason, ServerRefused)
    assert verdict.judged
    assert verdict.reason.message == "Your account is closed.?[2J"
    assert verdict.reason.server.startswith("127.0.0.1:")


@pytest.mark.parametrize("length", [1, 15, 16, 17, 127, 128])
def test_passwords_up_to_128_octets_arrive_whole(leaping, length):
    password = bytes(1 + each % 255 for each in range(length))
    _, (asked,) = judged(leaping, accepting(), attempt(password))
    assert asked.password == password


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        (b"", WrongPassword("alice")),
        (b"won\0derland", WrongPassword("alice")),
        (b"x" * 129, AnswerTooLong("alice", 128)),
    ],
)
def test_no_server_is_asked_about_what_is_no_password(leaping, password, reason):
    (verdict,), asked = judged(leaping, accepting(), attempt(password))
    assert verdict == Refused(reason)
    assert verdict.judged
    assert asked == []


def test_no_server_is_asked_about_a_name_that_has_no_room(leaping):
    (verdict,), asked = judged(leaping, accepting(), attempt(user="é" * 127))
    assert isinstance(verdict.reason, NoName)
    assert asked == []


def test_silence_is_told_as_a_fault_and_not_as_a_wrong_password(leaping):
    (verdict,), asked = judged(leaping, silent, attempt())
    assert isinstance(verdict.reason, BackEndFault)
    assert not verdict.judged
    assert "does not answer" in verdict.reason.text
    assert len({each.octets for each in asked}) == 1, "the same octets each time"
    assert len(asked) == 3


def questioning(asked):
    """Wants a code after the password."""
    state = asked.first(24)
    if state is None:
        return [answer(asked, CHALLENGE, attribute(18, b"Code of your token?"), attribute(24, b"0x41\0state"))]
    right = state == b"0x41\0state" and asked.password == b"123456"
    return [answer(asked, ACCEPT if right else REJECT)]


@pytest.mark.parametrize("field", [Field.PASSCODE, Field.ANSWER, Field.PASSWORD])
@pytest.mark.parametrize(("code", "expected"), [(b"123456", Accepted), (b"654321", Refused)])
def test_a_challenge_is_another_round_whatever_field_the_client_answers_in(leaping, field, code, expected):
    async def run():
        server = await Scripted(questioning).start()
        logins = RadiusLogins(settings(server.setting()))
        challenge = await logins.judge(attempt())
        assert isinstance(challenge, Challenge)
        assert challenge.message == "Code of your token?"
        assert challenge.wants == (Field.PASSCODE,)
        again = attempt(answers=((field, Secret(code)),), conversation=challenge.conversation)
        return await logins.judge(again), await logins.judge(again)

    verdict, second = leaping(run())
    assert isinstance(verdict, expected)
    assert second == Refused(AnswerLate("alice")), "a ticket counts once"


def test_an_answer_is_shown_while_typed_only_where_the_server_says_so(leaping):
    def shown(asked):
        return [answer(asked, CHALLENGE, attribute(76, bytes((0, 0, 0, 1))))]

    (verdict,), _ = judged(leaping, shown, attempt())
    assert verdict.wants == (Field.ANSWER,)
    assert verdict.message


@pytest.mark.parametrize(
    ("states", "back"),
    [((), None), ((b"",), None), ((b"one", b"two"), b"one"), ((bytes(range(253)),), bytes(range(253)))],
)
def test_what_a_server_gives_as_state_goes_back_or_not_at_all(leaping, states, back):
    async def run():
        server = await Scripted(
            lambda asked: [answer(asked, CHALLENGE, *(attribute(24, each) for each in states))]
        ).start()
        logins = RadiusLogins(settings(server.setting()))
        challenge = await logins.judge(attempt())
        server.script = accepting()
        verdict = await logins.judge(attempt(b"123456", conversation=challenge.conversation))
        return verdict, [value for number, value in server.asked[1].attributes if number == 24]

    assert leaping(run()) == (Accepted("alice"), [back] if back is not None else [])


def test_a_message_of_any_length_is_a_message_for_a_person(leaping):
    words = [attribute(18, b"\xff\n\0" * 84) for _ in range(15)]
    (verdict,), _ = judged(leaping, lambda asked: [answer(asked, REJECT, *words)], attempt())
    assert len(verdict.reason.message) == LONGEST_MESSAGE + 1, "with an ellipsis"
    (verdict,), _ = judged(leaping, lambda asked: [answer(asked, CHALLENGE, *words)], attempt())
    assert len(verdict.message) == LONGEST_MESSAGE + 1


def test_a_server_that_asks_for_ever_is_not_obeyed(leaping):
    async def run():
        server = await Scripted(lambda asked: [answer(asked, CHALLENGE, attribute(24, b"s"))]).start()
        logins = RadiusLogins(settings(server.setting()))
        verdict, rounds = await logins.judge(attempt()), 0
        while isinstance(verdict, Challenge):
            rounds += 1
            verdict = await logins.judge(attempt(conversation=verdict.conversation))
        return verdict, rounds

    verdict, rounds = leaping(run())
    assert isinstance(verdict.reason, NoVerdict)
    assert rounds == conversations.MOST_ROUNDS


def test_the_oldest_conversation_of_as_many_as_may_be_has_its_next_round(leaping, monkeypatch):
    monkeypatch.setattr(conversations, "MOST", 2)

    async def run():
        server = await Scripted(questioning).start()
        logins = RadiusLogins(settings(server.setting()))
        first, _ = [await logins.judge(attempt()) for _ in range(2)]
        return await logins.judge(attempt(b"123456", conversation=first.conversation))

    assert isinstance(leaping(run()), Accepted)


def test_conversations_are_bounded_and_abandoned_ones_are_gone(leaping, monkeypatch):
    monkeypatch.setattr(conversations, "MOST", 3)

    async def run():
        server = await Scripted(questioning).start()
        logins = RadiusLogins(settings(server.setting()))
        tickets = [(await logins.judge(attempt())).conversation for _ in range(4)]
        assert len(logins._conversations) == 3
        await logins.abandon(tickets[1])
        await logins.abandon(b"unknown")
        assert len(logins._conversations) == 2
        await asyncio.sleep(conversations.LONGEST)
        return await logins.judge(attempt(b"123456", conversation=tickets[3]))

    assert leaping(run()) == Refused(AnswerLate("alice"))


def test_a_conversation_goes_on_with_the_server_that_began_it(leaping):
    async def run():
        first, second = await Scripted(questioning).start(), await Scripted(accepting()).start()
        logins = RadiusLogins(settings(first.setting(), second.setting()))
        challenge = await logins.judge(attempt())
        first.script = silent
        verdict = await logins.judge(attempt(b"123456", conversation=challenge.conversation))
        return verdict, second.asked

    verdict, others = leaping(run())
    assert isinstance(verdict.reason, BackEndFault)
    assert others == [], "a yes of a server that was asked nothing is none"


@pytest.mark.parametrize(("service", "taken"), [(2, True), (8, True), (1, False), (6, False)])
def test_another_service_than_a_tunnel_is_no_login(leaping, service, taken):
    (verdict,), _ = judged(leaping, accepting(attribute(6, service.to_bytes(4))), attempt())
    assert verdict == (Accepted("alice") if taken else verdict)
    assert taken or isinstance(verdict.reason, OtherService)


def test_the_name_that_the_server_has_for_the_user_counts(leaping):
    (verdict,), _ = judged(leaping, accepting(attribute(1, b"alice@example.org")), attempt())
    assert verdict == Accepted("alice@example.org")
    (verdict,), _ = judged(leaping, accepting(attribute(1, b"al\nice")), attempt())
    assert verdict == Accepted("alice")


def test_too_many_logins_at_once_are_told_to_come_back(leaping, monkeypatch):
    monkeypatch.setattr("lotor.radius.servers.MOST_UNDER_WAY", 2)

    async def run():
        server = await Scripted(silent).start()
        logins = RadiusLogins(settings(server.setting()))
        return await asyncio.gather(*(logins.judge(attempt()) for _ in range(3)))

    kinds = [type(each.reason).__name__ for each in leaping(run())]
    assert sorted(kinds) == ["BackEndFault", "BackEndFault", "Busy"]


def test_without_servers_nobody_logs_in(leaping):
    async def run():
        return await RadiusLogins(settings()).judge(attempt())

    assert "no RADIUS server" in leaping(run()).reason.text
