"""A client's side of TTLS and PEAP: what it shows inside, to whom, and what it takes for the end of a login."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.errors import LocalFault
from lotor.ike.questions import CheckLogin, CheckMschap, StepTls
from lotor.ike.v2.eap import client
from lotor.ike.v2.eap import peap as at_gateway
from lotor.ike.v2.eap.talk import Proved
from lotor.model.algorithms import EapMethod, Within
from lotor.model.login import Challenge
from lotor.model.prompt import Field
from lotor.model.reason import Cause
from lotor.model.reasons.logins import OneRound, RefusedThere, RefusedWithWords, WrongPassword
from lotor.model.reasons.proofs import EapBroken, MethodNotAgreed, NoCommonMethod, ServerNotProved
from lotor.model.secret import Secret
from lotor.wire.eap import packet, peap
from lotor.wire.eap.packet import Code, Packet, Type
from lotor.wire.eap.ttls import Avp, AvpCode, encode_avps
from lotor.wire.v2.payloads import Eap
from peers.tls import ALICE, Steps, nothing, on_tls, shown_by, up

TTLS, TLS, PEAP = EapMethod.TTLS, EapMethod.TLS, EapMethod.PEAP
WAYS = {
    "TTLS with EAP": ((TTLS,), {}),
    "TTLS with PAP": ((TTLS,), {"within": Within.PAP}),
    "PEAP": ((PEAP,), {}),
}


def by(way, **options):
    methods, terms = WAYS[way]
    return on_tls(*methods, **terms, **options)


# --- whom it believes ------------------------------------------------------------------------------------------------


def another_server(said, name="evil.example.org"):
    """Whoever the gateway lets speak, with a certificate of its own."""
    other = replace(said.gateway.session.remote, own=(shown_by(name),))
    said.gateway.session.remote, said.gateway.answers[StepTls] = other, Steps(name)
    return said


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_is_not_the_gateway_hears_no_password(way):
    said = another_server(by(way)).run()
    reason = said.client.failed.reason
    assert isinstance(reason, ServerNotProved)
    assert reason.cause is Cause.CERTIFICATE
    assert "eap_server" in reason.text
    assert all(not asked.inside for asked in said.client.asked(StepTls))
    assert not said.gateway.asked(CheckLogin) + said.gateway.asked(CheckMschap)


def test_a_server_that_is_not_the_gateway_gets_nobody_in_by_a_certificate():
    assert isinstance(another_server(on_tls(TLS, shows=ALICE)).run().client.failed.reason, ServerNotProved)


@pytest.mark.parametrize("way", WAYS)
def test_after_a_failure_no_other_method_is_tried(way):
    """The gateway asks for a weaker one in the place of the flight that follows."""
    said = by(way)
    remote = said.client.session.remote
    said.client.session.remote = replace(remote, v2=replace(remote.v2, eap=(*remote.v2.eap, EapMethod.GTC)))

    def change(who, number, payloads):
        if who != "gateway" or number != 3:
            return payloads
        asked = Packet.decode(payloads[-1].packet)
        return (Eap(packet.request(asked.identifier, Type.GTC, b"Password: ").encode()),)

    said.change = change
    assert "another method than the one that has begun" in said.run().client.failed.reason.text


# --- PAP -------------------------------------------------------------------------------------------------------------


def test_a_password_as_it_is_inside_of_ttls():
    said = by("TTLS with PAP").run()
    assert up(said) == "alice"
    (asked,) = said.gateway.asked(CheckLogin)
    assert asked.attempt.answer(Field.PASSWORD) == Secret("wonderland")
    assert b"wonderland" not in b"".join(
        each.packet for _, parts in said.said for each in parts if isinstance(each, Eap)
    )


def test_a_wrong_password_as_it_is():
    said = by("TTLS with PAP", user="bob").run()
    assert isinstance(nothing(said), WrongPassword)
    assert isinstance(said.client.failed.reason, RefusedThere)


def test_a_question_after_the_password_is_told_to_the_person():
    said = by("TTLS with PAP")
    said.gateway.answers[CheckLogin] = lambda _: Challenge("Code: ", (Field.PASSCODE,), b"ticket")
    assert isinstance(nothing(said.run()), OneRound)
    assert "behind the password" in said.client.failed.reason.text


def test_a_gateway_that_wants_to_talk_after_the_password(monkeypatch):
    shown = client._show

    def talking(inner, heard):
        yield from shown(inner, heard)
        assert (yield from shown(inner, encode_avps((Avp(AvpCode.REPLY_MESSAGE, b"Welcome"),)))) == b""
        return (yield from shown(inner, encode_avps((Avp(AvpCode.EAP_MESSAGE, result(success=True)),))))

    monkeypatch.setattr(client, "_show", talking)
    assert isinstance(by("TTLS with PAP").run().client.failed.reason, EapBroken)


@pytest.mark.parametrize("password", ["x" * 1025, "ends with one that is zero\0"])
def test_a_password_that_cannot_be_shown_as_it_is(password):
    said = by("TTLS with PAP")
    said.client.login = ("alice", password)
    said.run()
    assert isinstance(said.client.failed, LocalFault)
    assert password[:20] not in said.client.failed.reason.text.replace("ends with one that is zero", "")
    assert not said.gateway.asked(CheckLogin)


def test_words_beside_a_packet_of_eap_inside_of_ttls(monkeypatch):
    """As FreeRADIUS sends its Reply-Message, mandatory; and alone they are acknowledged."""
    told = encode_avps((Avp(AvpCode.REPLY_MESSAGE, b"Welcome"),))
    speak, heard = client._speak, []

    def hearing(inner, octets):
        heard.append(octets)
        if octets and len(heard) == 2:
            assert (yield from speak(inner, told)) == b""
            octets = told + octets
        return (yield from speak(inner, octets))

    monkeypatch.setattr(client, "_speak", hearing)
    assert up(by("TTLS with EAP").run()) == "alice"
    assert len(heard) > 1


# --- PEAP ------------------------------------------------------------------------------------------------------------


def test_mschapv2_inside_of_peap():
    said = by("PEAP").run()
    assert up(said) == "alice"
    assert said.gateway.asked(CheckMschap)
    assert not said.gateway.asked(CheckLogin)


def test_another_method_inside_of_peap(monkeypatch):
    monkeypatch.setattr(client, "WITHIN", (EapMethod.GTC,))
    said = by("PEAP").run()
    assert up(said) == "alice"
    assert said.gateway.asked(CheckLogin)


def test_no_method_inside_of_peap_that_both_have(monkeypatch):
    monkeypatch.setattr(client, "WITHIN", (EapMethod.GTC,))
    monkeypatch.setattr(at_gateway, "INNER", {Type.MSCHAPV2: at_gateway.INNER[Type.MSCHAPV2]})
    said = by("PEAP").run()
    assert isinstance(nothing(said), NoCommonMethod)
    reason = said.client.failed.reason
    assert isinstance(reason, MethodNotAgreed)
    assert (reason.asked, reason.agreed) == ("mschapv2 inside of PEAP", "gtc")


def test_a_wrong_password_inside_of_peap_is_told_inside():
    said = by("PEAP", user="bob").run()
    assert isinstance(nothing(said), WrongPassword)
    assert isinstance(said.client.failed.reason, RefusedThere | RefusedWithWords)


def speaking(said, monkeypatch, *words):
    """A gateway that says these inside of PEAP, one after the other, in the place of a login; what it heard."""
    heard = []

    def gateway(within):
        for each in words:
            answer = yield from within.tunnel.say(each)
            heard.append(answer)
        return Proved("alice", Secret(b""), b"")

    monkeypatch.setattr(at_gateway, "_log_in", gateway)
    return said.run(), heard


def result(*, success, number=7):
    return packet.request(number, peap.EXTENSIONS, peap.encode_result(success=success)).encode()


def test_success_inside_of_peap_before_any_method(monkeypatch):
    said, _ = speaking(by("PEAP"), monkeypatch, result(success=True))
    assert "before any method" in said.client.failed.reason.text


def test_success_after_a_failure_that_was_told_inside(monkeypatch):
    """Both results, and then EAP-Success: the failure stands."""
    said, heard = speaking(by("PEAP"), monkeypatch, b"\1", b"\6Password: ", result(success=False), result(success=True))
    assert said.client.failed is not None
    assert heard[2] == b"\2" + result(success=False)[1:]
    assert not said.client.session.gates.all_open()


def test_the_question_for_the_name_with_its_header(monkeypatch):
    """As FreeRADIUS sends it; the answer has none."""
    said, heard = speaking(by("PEAP"), monkeypatch, packet.request(9, Type.IDENTITY).encode(), b"\6Password: ")
    assert up(said) == "alice"
    assert heard == [b"\1alice", b"\6wonderland"]


@pytest.mark.parametrize(
    "word",
    [
        packet.request(1, peap.EXTENSIONS, b"").encode(),
        packet.request(1, peap.EXTENSIONS, b"\x80\3\0").encode(),
        packet.request(1, peap.EXTENSIONS, b"\x80\3\0\4\0\1").encode(),
        packet.request(1, peap.EXTENSIONS, b"\x80\x63\0\0" + peap.encode_result(success=True)).encode(),
        packet.request(1, peap.EXTENSIONS, b"\0\x63\0\0" * 20 + peap.encode_result(success=True)).encode(),
        Packet(Code.RESPONSE, 1, peap.EXTENSIONS, peap.encode_result(success=True)).encode(),
        b"\1\1\0\x63\x21" + peap.encode_result(success=True),
        b"\x1a",
        b"\x1a\1\1\0\5",
        b"\x1a\3\1\0\x2bS=" + b"0" * 40,
        b"\6" + b"x" * 1001,
    ],
)
def test_what_is_broken_inside_of_peap(monkeypatch, word):
    said, _ = speaking(by("PEAP"), monkeypatch, word)
    assert said.client.failed is not None
    assert not said.client.session.gates.all_open()
