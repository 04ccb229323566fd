"""Methods of EAP on TLS between both ends, with TLS as it is: TTLS with a login inside, and certificates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.crypto import mschap
from lotor.ike.events import LoginRefused
from lotor.ike.questions import AskPerson, CheckLogin, CheckMschap, JudgePeer, StepTls
from lotor.ike.v2.eap import client, gateway
from lotor.ike.v2.eap.inside import Inside
from lotor.ike.v2.eap.talk import MOST_PACKETS
from lotor.model.algorithms import EapMethod
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.login import Accepted, Challenge, Credentials
from lotor.model.prompt import Field
from lotor.model.reasons.certificates import WrongSignature
from lotor.model.reasons.local import TlsUnavailable
from lotor.model.reasons.logins import OneRound, RefusedThere, WrongPassword
from lotor.model.reasons.proofs import EapBroken, MethodNotAgreed, NoCommonMethod, TlsFailed
from lotor.model.secret import Secret
from lotor.model.tls import TlsMethod
from lotor.wire.eap import packet
from lotor.wire.eap.packet import Packet, Type
from lotor.wire.eap.tls import Piece
from lotor.wire.eap.ttls import Avp, MschapLogin, PapLogin, encode_avps, login_avps
from lotor.wire.v2.payloads import Eap
from peers.tls import ALICE, GATEWAY, Steps, is_eap, nothing, on_tls, packets, replacing, shown_by, up

TTLS, TLS, PEAP = EapMethod.TTLS, EapMethod.TLS, EapMethod.PEAP
MSCHAPV2, GTC = EapMethod.MSCHAPV2, EapMethod.GTC


# --- TTLS ------------------------------------------------------------------------------------------------------------


def test_a_password_inside_of_tls():
    said = on_tls(TTLS).run()
    assert up(said) == "alice"
    (asked,) = said.gateway.asked(CheckLogin)
    assert asked.attempt.answer(Field.PASSWORD) == Secret("wonderland")
    seen = b"".join(each.packet for _, parts in said.said for each in parts if is_eap(each))
    assert b"wonderland" not in seen
    assert b"wonderland" not in repr(said.gateway.questions + said.client.questions).encode()
    assert not said.gateway.answers[StepTls].signed[0].startswith(b"\0" * 8), "TLS, and no AUTH"


def test_who_logs_in_is_said_inside():
    said = replacing(on_tls(TTLS), 0, lambda asked: asked.response(b"mallory").encode()).run()
    assert up(said) == "alice"


def test_a_wrong_password_inside():
    said = on_tls(TTLS, user="bob").run()
    assert isinstance(nothing(said), WrongPassword)
    assert isinstance(said.client.failed.reason, RefusedThere)


def test_a_second_question_inside():
    said = on_tls(TTLS)
    answers = [Challenge("Code: ", (Field.PASSCODE,), b"ticket"), Accepted("alice", Grants(message="hello"))]
    said.gateway.answers[CheckLogin] = lambda _: answers.pop(0)
    said.client.answers[AskPerson] = lambda asked: Credentials(
        tuple((each, Secret(each.value)) for each in asked.wants)
    )
    assert up(said.run()) == "alice"
    assert [asked.message for asked in said.client.asked(AskPerson)] == ["", "Code: "]
    assert said.gateway.asked(CheckLogin)[1].attempt.conversation == b"ticket"


def test_another_method_inside_where_the_client_wants_that(monkeypatch):
    monkeypatch.setattr(client, "WITHIN", (EapMethod.MSCHAPV2,))
    said = on_tls(TTLS).run()
    assert up(said) == "alice"
    assert said.gateway.asked(CheckMschap)
    assert not said.gateway.asked(CheckLogin)


def test_a_method_inside_that_neither_has(monkeypatch):
    monkeypatch.setattr(client, "WITHIN", ())
    said = on_tls(TTLS).run()
    assert isinstance(said.client.failed.reason, MethodNotAgreed)


def saying(said, monkeypatch, login):
    """A client that says `login()` inside, and nothing more."""

    def speak(inner, heard):
        yield from ()
        inner.msk = Secret(b"")
        return b"" if heard else login()

    monkeypatch.setattr(client, "_speak", speak)
    return said.run()


def pap(user="alice", password="wonderland"):
    return encode_avps(login_avps(PapLogin(user, Secret(password))))


def test_pap(monkeypatch):
    said = saying(on_tls(TTLS), monkeypatch, pap)
    assert up(said) == "alice"
    (asked,) = said.gateway.asked(CheckLogin)
    assert (asked.attempt.user, asked.attempt.ike) == ("alice", 2)


def test_pap_with_a_wrong_password(monkeypatch):
    assert isinstance(nothing(saying(on_tls(TTLS), monkeypatch, lambda: pap(password="no"))), WrongPassword)


def test_pap_has_no_second_question_and_the_person_is_told(monkeypatch):
    said = on_tls(TTLS)
    said.gateway.answers[CheckLogin] = lambda _: Challenge("Code: ", (Field.PASSCODE,), b"ticket")
    assert isinstance(nothing(saying(said, monkeypatch, pap)), OneRound)
    assert "behind the password" in said.client.failed.reason.text


def mschap_login(said, *, bound=True):
    """A response of MSCHAPv2 inside of TTLS, to what TLS makes, or to another challenge."""

    def made():
        both = said.client.answers[StepTls].connection.end.export(b"ttls challenge", 17) if bound else bytes(17)
        hashed = mschap.challenge_hash(both[:16], bytes(16), "alice")
        response = mschap.nt_response(mschap.nt_hash("wonderland"), hashed)
        return encode_avps(login_avps(MschapLogin("alice", both[16], both[:16], bytes(16), response)))

    return made


def test_mschapv2_inside_without_eap(monkeypatch):
    said = on_tls(TTLS)
    assert up(saying(said, monkeypatch, mschap_login(said))) == "alice"


def test_a_response_to_another_challenge_than_that_of_this_tls(monkeypatch):
    """It was heard elsewhere, by somebody in the middle."""
    said = on_tls(TTLS)
    assert isinstance(nothing(saying(said, monkeypatch, mschap_login(said, bound=False))), EapBroken)
    assert not said.gateway.asked(CheckMschap)


NONSENSE = {
    "no AVP": b"hello",
    "longer than it is": bytes.fromhex("0000000140ffffff"),
    "a mandatory one that nobody knows": encode_avps((Avp(999, b"x"),)),
    "a name alone": encode_avps((Avp(1, b"alice"),)),
    "two passwords": pap() + encode_avps((Avp(2, b"other"),)),
    "no packet of EAP": encode_avps((Avp(79, b"\2"),)),
    "a request": encode_avps((Avp(79, b"\1\1\0\x0a\1alice"),)),
    "success": encode_avps((Avp(79, b"\3\1\0\4"),)),
    "a name with a line feed": pap(user="ali\nce"),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_inside(monkeypatch, what):
    said = saying(on_tls(TTLS), monkeypatch, lambda: NONSENSE[what])
    assert isinstance(nothing(said), EapBroken)
    assert not said.gateway.asked(CheckLogin)


# --- PEAP ------------------------------------------------------------------------------------------------------------

RESULT = bytes.fromhex("80030002")


def speaking_peap(monkeypatch, **other):
    """A client that speaks PEAP with GTC inside, by hand; `other`: what it says in the place of that. What it heard."""
    heard = []

    def within(octets):
        yield from ()
        heard.append(octets)
        if octets[4:5] == b"\x21":
            return b"\2" + octets[1:5] + RESULT + other.get("result", octets[-2:])
        match octets[:1]:
            case b"\1":
                return other.get("name", b"\1alice")
            case b"\x1a":
                return other.get("refusal", b"\3\6")
            case b"\6":
                return other.get("password", b"\6wonderland")
        return b""

    def method(login_, asked):
        if login_.tunnel is None:
            login_.tunnel = Inside(login_.session, TlsMethod.PEAP, within)
        return asked.response((yield from login_.tunnel.answer(asked)))

    monkeypatch.setitem(client._NUMBERS, PEAP, Type.PEAP)
    monkeypatch.setitem(client._METHODS, PEAP, method)
    return on_tls(PEAP).run(), heard


def test_peap_with_another_method_inside(monkeypatch):
    said, heard = speaking_peap(monkeypatch)
    assert up(said) == "alice"
    assert [each[:1] for each in heard if each] == [b"\1", b"\x1a", b"\6", b"\1"]
    assert heard[-1][4:] == b"\x21" + RESULT + b"\0\1"


def test_peap_refuses_inside_before_it_refuses_outside(monkeypatch):
    said, heard = speaking_peap(monkeypatch, password=b"\6wrong")
    assert isinstance(nothing(said), WrongPassword)
    assert heard[-1][4:] == b"\x21" + RESULT + b"\0\2"
    assert packets(said, "gateway")[-1].identifier == packets(said, "client")[-1].identifier, "else it is not believed"


@pytest.mark.parametrize("result", [b"\0\1", b"", b"\0"])
def test_what_a_client_says_to_a_refusal_inside_of_peap_does_not_count(monkeypatch, result):
    said, _ = speaking_peap(monkeypatch, password=b"\6wrong", result=result)
    assert isinstance(nothing(said), WrongPassword)


def test_who_leaves_at_a_refusal_inside_is_refused_for_what_it_was(monkeypatch):
    mschapv2 = client._METHODS[EapMethod.MSCHAPV2]

    def leaving(login_, asked):
        answer = yield from mschapv2(login_, asked)
        return answer if login_.refused is None else replace(answer, identifier=answer.identifier ^ 1)

    monkeypatch.setattr(client, "WITHIN", (EapMethod.MSCHAPV2,))
    monkeypatch.setitem(client._METHODS, EapMethod.MSCHAPV2, leaving)
    assert isinstance(nothing(on_tls(TTLS, user="bob").run()), WrongPassword)


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ((MSCHAPV2, GTC), (GTC, MSCHAPV2)),
        ((TLS, MSCHAPV2, TTLS, GTC), (TLS, GTC, MSCHAPV2, TTLS)),
        ((GTC, TTLS, MSCHAPV2), (GTC, TTLS, MSCHAPV2)),
        ((TTLS, GTC), (TTLS, GTC)),
        ((TTLS, MSCHAPV2), (TTLS, MSCHAPV2)),
    ],
)
def test_gtc_goes_before_mschapv2_for_a_client_of_ours_and_before_nothing_else(line, asked):
    session = on_tls(*line).gateway.session
    assert gateway._methods(session) == list(line)
    session.abilities.hands_over = True
    assert gateway._methods(session) == list(asked)


def test_a_client_of_ours_with_a_certificate_is_asked_for_no_password():
    """Both ends name certificates first."""
    said = on_tls(TLS, MSCHAPV2, GTC, shows=ALICE).run()
    assert said.gateway.session.abilities.hands_over
    assert up(said) == ALICE
    assert said.client.asked(AskPerson) == []


@pytest.mark.parametrize(
    "other",
    [
        {"result": b"\0\2"},
        {"result": b""},
        {"name": b"\1"},
        {"name": b"\6alice"},
        {"name": b"\1\0\n"},
        {"password": b"\x1a"},
        {"refusal": b"\3"},
        {"password": b"\6" + bytes(2000)},
    ],
)
def test_what_is_broken_inside_of_peap(monkeypatch, other):
    said, _ = speaking_peap(monkeypatch, **other)
    assert isinstance(nothing(said), EapBroken)


def test_a_client_that_will_not_have_what_peap_has_inside(monkeypatch):
    said, heard = speaking_peap(monkeypatch, refusal=b"\3\4")
    assert isinstance(nothing(said), NoCommonMethod)
    assert heard[-1][-2:] == b"\0\2"


# --- certificates ----------------------------------------------------------------------------------------------------


def test_a_certificate_of_the_person():
    said = on_tls(TLS, shows=ALICE).run()
    assert up(said) == ALICE
    assert said.client.asked(AskPerson) == []
    assert said.gateway.asked(CheckLogin) == []


def test_who_gets_in_is_written_as_in_the_certificate():
    said = on_tls(TLS, shows=ALICE)
    said = replacing(said, 0, lambda asked: asked.response(ALICE.upper().encode()).encode()).run()
    assert up(said) == ALICE
    assert said.gateway.session.user == ALICE


def test_a_long_chain_comes_in_pieces_from_either_end():
    said = on_tls(TLS, shows=ALICE)
    for end, name in ((said.gateway, GATEWAY), (said.client, ALICE)):
        end.session.remote = replace(end.session.remote, own=(shown_by(name, 7),))
    assert up(said.run()) == ALICE
    assert sum(Piece.decode(each.data).more for each in packets(said, "gateway") if each.type == Type.TLS) >= 2
    assert sum(Piece.decode(each.data).more for each in packets(said, "client") if each.type == Type.TLS) >= 2


def test_a_certificate_counts_for_its_own_name_alone():
    said = replacing(on_tls(TLS, shows=ALICE), 0, lambda asked: asked.response(b"root@example.org").encode()).run()
    assert isinstance(nothing(said), WrongSignature)


def test_a_certificate_that_is_not_trusted():
    said = on_tls(TLS, shows="mallory@example.org").run()
    assert isinstance(nothing(said), WrongSignature)
    assert isinstance(said.client.failed.reason, RefusedThere)


def test_a_stolen_certificate_without_its_key():
    said = on_tls(TLS, shows=ALICE)
    said.client.answers[StepTls] = Steps(ALICE, stolen="mallory")
    assert isinstance(nothing(said.run()), TlsFailed)
    assert not any(each.proof.in_tls for each in said.gateway.asked(JudgePeer))


def test_no_certificate_at_all():
    said = on_tls(TLS, shows="")
    reason = nothing(said.run())
    assert isinstance(reason, TlsFailed)
    assert "certificate" in reason.text
    assert isinstance(said.client.failed.reason, TlsFailed)
    assert not any(each.proof.in_tls for each in said.gateway.asked(JudgePeer))


# --- what a client finds wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_success_comes_too_early(turn):
    said = on_tls(TTLS)

    def change(who, number, payloads):
        early = who == "gateway" and number == turn
        return (Eap(packet.success(1).encode()),) if early else payloads

    said.change = change
    said.run()
    assert "success before any method" in said.client.failed.reason.text


def test_a_client_that_agrees_to_ttls_takes_nothing_weaker():
    said = on_tls(EapMethod.GTC, agreed=(TTLS,)).run()
    assert isinstance(said.client.failed.reason, MethodNotAgreed)
    assert isinstance(said.gateway.of(LoginRefused)[0].reason, NoCommonMethod)


def test_a_client_that_wants_another_method_is_asked_for_it():
    assert up(on_tls(TLS, TTLS, EapMethod.GTC, agreed=(EapMethod.GTC,)).run()) == "alice"
    assert up(on_tls(TLS, TTLS, agreed=(TTLS,)).run()) == "alice"


# --- what a client breaks --------------------------------------------------------------------------------------------


def piece(**parts):
    return lambda asked: asked.response(Piece(**parts).encode()).encode()


BROKEN = {
    "nothing": (1, lambda asked: asked.response(b"").encode()),
    "another start": (1, piece(start=True)),
    "another version": (1, piece(data=b"\x16\3\1", version=1)),
    "less than said": (1, piece(data=b"abc", total=100)),
    "more than said": (1, lambda asked: asked.response(b"\x80\0\0\0\2abc").encode()),
    "a flight without end": (1, piece(data=b"a", total=1 << 17, more=True)),
    "a first piece without a length": (1, piece(data=b"a", more=True)),
    "no TLS": (1, piece(data=b"GET / HTTP/1.1")),
    "an alert": (1, piece(data=bytes.fromhex("15030300020228"))),
    "something of another method": (2, lambda asked: Packet(asked.code, asked.identifier, Type.GTC, b"x").encode()),
    "a refusal in the middle": (2, lambda asked: asked.refusal([Type.GTC]).encode()),
    "an old packet": (2, lambda asked: Packet(asked.code, asked.identifier - 1, asked.type, asked.data).encode()),
    "speaks in the middle": (2, piece(data=b"hello")),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_ends_the_login_and_nothing_else(what):
    turn, how = BROKEN[what]
    said = on_tls(TTLS)
    said.gateway.session.remote = replace(said.gateway.session.remote, own=(shown_by(GATEWAY, 7),))
    assert isinstance(nothing(replacing(said, turn, how).run()), EapBroken | TlsFailed)
    assert not said.gateway.asked(CheckLogin)


def test_what_a_client_says_to_an_alert_does_not_count():
    """Its login was refused before, and is not refused twice."""
    said = on_tls(TTLS)

    def change(who, number, payloads):
        if who != "client" or number < 2:
            return payloads
        asked = Packet.decode(payloads[0].packet)
        spoken = Piece(data=b"GET / HTTP/1.1\r\n").encode()
        return (Eap(Packet(asked.code, asked.identifier + (number > 2), asked.type, spoken).encode()),)

    said.change = change
    assert isinstance(nothing(said.run()), TlsFailed)
    assert len(packets(said, "client")) == 3, "its name, what is no TLS, and what it says to the alert"


def test_a_client_that_has_nothing_to_say_is_not_asked_for_ever(monkeypatch):
    monkeypatch.setattr(client, "MOST_PACKETS", 1000)
    said = saying(on_tls(TTLS), monkeypatch, lambda: b"")
    assert isinstance(nothing(said), EapBroken)
    assert len(packets(said, "client")) <= MOST_PACKETS + 3


def test_no_tls_is_to_be_had():
    said = on_tls(TTLS)
    said.gateway.answers[StepTls] = lambda _: Failure(TlsUnavailable("1000 logins with TLS are under way already"))
    assert isinstance(nothing(said.run()), TlsUnavailable)
