"""Until a back end said yes, a client is a stranger with an encrypted channel: nothing is given, nothing moves."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.errors import Misplaced
from lotor.ike.events import ChildUp, Configured, Ended, LoggedIn, LoginRefused, PathChanged, PhaseOneUp
from lotor.ike.gates import Gate, Gates
from lotor.ike.intents import Shutdown
from lotor.ike.questions import AcquireConfiguration, AskPerson, CheckLogin, Install, JudgePeer
from lotor.ike.v1 import xauth
from lotor.model.algorithms import AuthMethod
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Untrusted
from lotor.model.login import Challenge, Credentials, Refused
from lotor.model.prompt import Field
from lotor.model.reason import Cause
from lotor.model.reasons.certificates import WrongName
from lotor.model.reasons.ends import ClosedHere
from lotor.model.reasons.logins import LATER, BackEndFault
from lotor.model.secret import Secret
from lotor.wire.v1.association import Proposal, SecurityAssociation
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.numbers import ConfigType, ExchangeType, NotifyType, Protocol, XauthAttribute
from lotor.wire.v1.payloads import Attributes, Delete, Identification, Nonce, Notification
from lotor.wire.v1.proposals import esp_transform
from peers.intruder import Intruder
from peers.world import CHILD, CLIENT, GATEWAY, NEVER, CheapRandomness, Host, connect, is_up, pair


def _stranger():
    """A gateway whose client finished phase 1, and whose person never answers."""
    world, gateway, client = pair()
    client.answers[AskPerson] = lambda _: NEVER
    connect(world, client, gateway)
    world.run(3, lambda: bool(gateway.of(PhaseOneUp)) and any(isinstance(q, AskPerson) for q in client.questions))
    return Intruder(world, client, gateway)


def _quick_mode(spi: bytes = b"\x11\x22\x33\x44"):
    transform = esp_transform(1, CHILD.suites[0], group=None, encapsulation=3, lifetime=3600)
    proposal = Proposal(1, Protocol.ESP, spi, (transform,))
    return SecurityAssociation((proposal,)), Nonce(bytes(16))


def _nothing_given(gateway) -> None:
    assert not [q for q in gateway.questions if isinstance(q, AcquireConfiguration | Install)]
    assert not gateway.of(Configured)
    assert not gateway.of(ChildUp)
    assert not gateway.installed
    assert len(gateway.pool) == 253


def test_gates_open_in_their_order_only():
    gates = Gates([Gate.AUTHENTICATED, Gate.LOGIN])
    with pytest.raises(Misplaced):
        gates.open(Gate.LOGIN)
    gates.open(Gate.AUTHENTICATED)
    gates.open(Gate.LOGIN)
    assert gates.all_open()


def test_quick_mode_before_the_login_is_not_answered():
    intruder = _stranger()
    answers = intruder.say(ExchangeType.QUICK, 77, *_quick_mode())
    assert not [data for data in answers if data[18] == ExchangeType.QUICK]
    _nothing_given(intruder.gateway)


def test_a_configuration_before_the_login_is_not_given():
    intruder = _stranger()
    request = Attributes(ConfigType.REQUEST, 1, (Attribute.tlv(1, b""), Attribute.tlv(28672, b"")))
    answers = intruder.say(ExchangeType.TRANSACTION, 78, request)
    assert not [data for data in answers if int.from_bytes(data[20:24], "big") == 78]
    _nothing_given(intruder.gateway)


def test_a_status_that_the_client_says_opens_nothing():
    intruder = _stranger()
    for kind in (ConfigType.SET, ConfigType.ACK, ConfigType.REPLY):
        status = Attributes(kind, 0, (Attribute.tv(XauthAttribute.STATUS, 1),))
        intruder.say(ExchangeType.TRANSACTION, 80 + kind, status)
    intruder.say(ExchangeType.QUICK, 79, *_quick_mode())
    _nothing_given(intruder.gateway)
    assert not intruder.gateway.of(LoggedIn)


def test_initial_contact_of_a_stranger_ends_nobody():
    world, gateway, client = pair()
    connect(world, client, gateway)
    world.run(5, lambda: is_up(gateway))
    stranger = _second(world, gateway, client, login=("alice", "guess"))
    world.run(5)
    assert any(event.reason.cause is Cause.LOGIN_REFUSED for event in stranger.of(Ended))
    assert [event.session for event in gateway.of(Ended)] == [2]


def _second(world, gateway, client, login):
    other = Host("second", IPv4Address("198.51.100.10"), client.policy, CheapRandomness(4711), login=login)
    world.hosts[other.address] = other
    world.rebind(other)
    connect(world, other, gateway)
    return other


def test_a_returning_device_replaces_its_old_session_only_after_its_login():
    world, gateway, client = pair()
    connect(world, client, gateway)
    world.run(5, lambda: is_up(gateway))
    again = _second(world, gateway, client, login=("alice", "wonderland"))
    world.run(5, lambda: is_up(again))
    assert [event.reason.cause for event in gateway.of(Ended)] == [Cause.REPLACED]
    assert again.of(Configured)[0].address == "10.99.99.1"


@pytest.mark.parametrize(
    "answers",
    [
        (),
        ((Field.USER_NAME, Secret(b"")), (Field.PASSWORD, Secret(b"wonderland"))),
        ((Field.PASSWORD, Secret(b"wonderland")),),
        ((Field.USER_NAME, Secret(b"ali\nce")), (Field.PASSWORD, Secret(b"wonderland"))),
        ((Field.USER_NAME, Secret(b"\xff\xfe")), (Field.PASSWORD, Secret(b"wonderland"))),
        ((Field.USER_NAME, Secret(b"alice")), (Field.PASSWORD, Secret(bytes(5000)))),
    ],
)
def test_odd_replies_are_refused_without_asking_the_back_end(answers):
    world, gateway, client = pair()
    client.answers = {AskPerson: lambda _: Credentials(answers)}
    connect(world, client, gateway)
    assert world.run(10, lambda: bool(client.of(Ended)) and bool(gateway.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.LOGIN_REFUSED
    assert not [q for q in gateway.questions if isinstance(q, CheckLogin)]
    _nothing_given(gateway)


def test_a_trailing_nul_of_the_password_is_not_part_of_it():
    world, gateway, client = pair()
    client.login = ("alice", "wonderland\0")
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client))


def test_a_late_verdict_for_a_session_that_is_gone_opens_nothing():
    world, gateway, client = pair()
    gateway.slow = 200.0
    connect(world, client, gateway)
    world.run(400)
    assert gateway.of(Ended)
    _nothing_given(gateway)


def test_f7_nobody_goes_on_checking_the_login_of_a_session_that_is_gone():
    world, gateway, client = pair()
    gateway.slow = 200.0
    connect(world, client, gateway)
    world.run(5, lambda: bool([q for q in gateway.questions if isinstance(q, CheckLogin)]))
    assert not gateway.withdrawn
    world.do(client, client.endpoint.command(Shutdown(ClosedHere()), world.now))
    world.run(5, lambda: bool(gateway.of(Ended)))
    assert [type(question) for question in gateway.withdrawn] == [CheckLogin]


def test_a_wrong_password_is_told_to_both_ends():
    world, gateway, client = pair()
    client.login = ("alice", "guess")
    connect(world, client, gateway)
    assert world.run(10, lambda: bool(client.of(Ended)) and bool(gateway.of(Ended)))
    assert client.of(Ended)[0].reason.text == "gateway 192.0.2.50 refused the login of alice"
    assert gateway.of(Ended)[0].reason.text == "login of alice refused: wrong password"
    _nothing_given(gateway)


def test_a6_a_login_that_was_not_judged_is_told_as_such_to_both_ends():
    world, gateway, client = pair()
    gateway.answers[CheckLogin] = lambda question: Refused(BackEndFault("alice", "2048 logins are waiting already"))
    connect(world, client, gateway)
    assert world.run(10, lambda: bool(client.of(Ended)) and bool(gateway.of(Ended)))
    there, here = client.of(Ended)[0].reason, gateway.of(Ended)[0].reason
    assert (there.cause, here.cause) == (Cause.NOT_JUDGED, Cause.NOT_JUDGED)
    assert LATER in there.text
    assert here.text == "login of alice refused: 2048 logins are waiting already"
    _nothing_given(gateway)


def test_n1_the_line_of_a_refused_login_says_from_where_before_anything_that_the_peer_chose():
    world, gateway, client = pair()
    client.login = ("x refused (from 192.0.2.1)", "guess")
    connect(world, client, gateway)
    assert world.run(10, lambda: bool(gateway.of(LoginRefused)))
    line = gateway.of(LoginRefused)[0].text()
    assert line.startswith(f"login from {gateway.of(PhaseOneUp)[0].path.remote} as x refused (from")


def test_a_full_pool_is_told_to_both_ends():
    world, gateway, client = pair()
    gateway.pool.clear()
    connect(world, client, gateway)
    assert world.run(10, lambda: bool(client.of(Ended)) and bool(gateway.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.POOL_EXHAUSTED
    assert "no free address: the only address, 10.99.99.1, is in use" in client.of(Ended)[0].reason.text
    assert gateway.of(Ended)[0].reason.text == "no free address: the only address, 10.99.99.1, is in use"


def test_a_login_may_take_several_rounds():
    world, gateway, client = pair()
    rounds = []

    def check(question):
        rounds.append(question.attempt)
        if len(rounds) == 1:
            return Challenge("Enter the code of your token", (Field.PASSCODE,), b"state-1")
        assert question.attempt.conversation == b"state-1"
        assert question.attempt.answer(Field.PASSCODE).reveal() == b"123456"
        return gateway._check(question.but(attempt=rounds[0]))

    def person(question):
        if Field.PASSCODE in question.wants:
            assert question.message == "Enter the code of your token"
            return Credentials(((Field.PASSCODE, Secret("123456")),))
        return Credentials(((Field.USER_NAME, Secret("alice")), (Field.PASSWORD, Secret("wonderland"))))

    gateway.answers[CheckLogin], client.answers[AskPerson] = check, person
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))


def test_a_gateway_that_asks_for_ever_is_left():
    world, gateway, client = pair()
    gateway.answers[CheckLogin] = lambda _: Challenge("again", (Field.PASSWORD, Field.USER_NAME), None)
    connect(world, client, gateway)
    assert world.run(60, lambda: bool(client.of(Ended)))
    assert len([q for q in client.questions if isinstance(q, AskPerson)]) <= 3


@pytest.mark.parametrize(("kind", "word"), [(1, "CHAP"), (2, "OTP"), (3, "S/KEY"), (9, "type 9")])
def test_a_login_by_anything_but_words_is_refused_with_its_name(monkeypatch, kind, word):
    """A challenge that only a program could answer: no person is asked."""
    asks = xauth._request

    def by_another_kind(wants, message):
        plain = asks(wants, message)
        kinds = (Attribute.tv(XauthAttribute.TYPE, kind), Attribute.tlv(XauthAttribute.CHALLENGE, b"x"))
        return replace(plain, attributes=(*kinds, *plain.attributes[1:]))

    monkeypatch.setattr(xauth, "_request", by_another_kind)
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(60, lambda: bool(client.of(Ended)))
    reason = client.of(Ended)[0].reason
    assert word in reason.text
    assert "passwords and passcodes" in reason.text
    assert not [q for q in client.questions if isinstance(q, AskPerson)]
    assert world.run(60, lambda: bool(gateway.of(Ended)))
    assert not gateway.installed


def test_the_client_says_nothing_secret_to_a_gateway_that_is_not_proved():
    world, gateway, client = pair()
    client.answers[JudgePeer] = lambda _: Untrusted(WrongName("mallory", "192.0.2.50", ""))
    connect(world, client, gateway)
    assert world.run(10, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.CERTIFICATE
    assert "mallory" in client.of(Ended)[0].reason.text
    assert not [q for q in client.questions if isinstance(q, AskPerson)]


def test_forgeries_in_the_middle_of_a_login_change_nothing():
    world, gateway, client = pair()
    gateway.slow = 2.0
    connect(world, client, gateway)
    world.run(1.0)
    intruder = Intruder(world, client, gateway)
    answers = []
    for size in range(66):
        header = intruder.session.header(ExchangeType.TRANSACTION, 9000 + size)
        answers += intruder.raw(replace(header, flags=1, next_payload=8).encode(16 * size) + bytes(16 * size), 0.01)
    assert not answers
    assert world.run(10, lambda: is_up(client) and is_up(gateway))


def test_deletes_that_are_not_proved_end_nothing():
    world, gateway, client = pair()
    connect(world, client, gateway)
    world.run(5, lambda: is_up(gateway) and is_up(client))
    intruder = Intruder(world, client, gateway)
    cookies = intruder.session.spis.initiator + intruder.session.spis.responder
    clear = build_message(
        intruder.session.header(ExchangeType.INFORMATIONAL, 5), *build_chain([Delete(Protocol.ISAKMP, (cookies,))])
    )
    assert not intruder.raw(clear)
    assert not gateway.of(Ended)
    intruder.say(ExchangeType.INFORMATIONAL, 6, Delete(Protocol.ISAKMP, (bytes(16),)))
    assert not gateway.of(Ended)
    intruder.say(ExchangeType.INFORMATIONAL, 7, Delete(Protocol.ISAKMP, (cookies,)))
    assert gateway.of(Ended)


def test_a_replayed_probe_from_elsewhere_moves_nobody():
    world, gateway, client = pair()
    connect(world, client, gateway)
    world.run(5, lambda: is_up(gateway) and is_up(client))
    intruder = Intruder(world, client, gateway)
    note = Notification(NotifyType.R_U_THERE, (2**31).to_bytes(4, "big"))
    before = len(world.wire)
    assert intruder.say(ExchangeType.INFORMATIONAL, 6, note)
    probe = next(data for _, source, _, data in world.wire[before:] if source.address == client.address)
    world.rebind(client)
    assert intruder.raw(probe)
    assert not gateway.of(PathChanged)
    note = Notification(NotifyType.R_U_THERE, (2**31 + 1).to_bytes(4, "big"))
    intruder.say(ExchangeType.INFORMATIONAL, 7, note)
    assert gateway.of(PathChanged)


def test_another_clients_address_is_not_given_away_in_quick_mode():
    world, gateway, client = pair()
    connect(world, client, gateway)
    world.run(5, lambda: is_up(gateway) and is_up(client))
    intruder = Intruder(world, client, gateway)
    installed = len(gateway.installed)
    foreign = Identification.of(Identity(IdKind.IPV4_ADDR, bytes([10, 99, 99, 200])))
    everywhere = Identification.of(Identity(IdKind.IPV4_ADDR_SUBNET, bytes(8)))
    answers = intruder.say(ExchangeType.QUICK, 99, *_quick_mode(), foreign, everywhere)
    assert [data[18] for data in answers] == [ExchangeType.INFORMATIONAL]
    assert len(gateway.installed) == installed


def test_methods_that_are_not_configured_are_refused_in_one_small_answer():
    method = replace(CLIENT.proposals[0], method=AuthMethod.PSK)
    world, gateway, client = pair(client=replace(CLIENT, proposals=(method,)))
    connect(world, client, gateway)
    assert world.run(20, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.NO_PROPOSAL
    assert "offered aes-128/sha1/modp1024/pre_shared_key; wanted" in gateway.of(Ended)[0].reason.text
    assert GATEWAY.proposals[0].group.name.lower() in gateway.of(Ended)[0].reason.text


@pytest.mark.parametrize("spi", [bytes(4), bytes([0, 0, 0, 255]), b"", b"\1\2\3", b"\1\2\3\4\5"])
def test_reserved_and_odd_spis_are_refused(spi):
    world, gateway, client = pair()
    connect(world, client, gateway)
    world.run(5, lambda: is_up(gateway) and is_up(client))
    installed = len(gateway.installed)
    answers = Intruder(world, client, gateway).say(ExchangeType.QUICK, 99, *_quick_mode(spi))
    assert [data[18] for data in answers] == [ExchangeType.INFORMATIONAL]
    assert len(gateway.installed) == installed
