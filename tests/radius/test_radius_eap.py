"""EAP passed on to a RADIUS server that a test plays, honest or not: what goes in, what may come out, and the keys."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge, EapPacket, MschapResponse, Proved, Refused
from lotor.model.reasons.logins import (
    AnswerLate,
    AnswerTooLong,
    BackEndFault,
    NoName,
    NotShownThere,
    NoVerdict,
    OtherService,
    ServerRefused,
)
from lotor.model.secret import Secret
from lotor.radius import Code, RadiusLogins, Reply
from lotor.radius.conversations import MOST_EAP_ROUNDS
from lotor.radius.eap import UnfitError, request, success
from lotor.radius.mppe import msk as msk_of
from lotor.radius.packets import Veil
from lotor.radius.structure import pairs
from radius_double import (
    ACCEPT,
    CHALLENGE,
    REJECT,
    Asked,
    Scripted,
    answer,
    attempt,
    attribute,
    hidden,
    message,
    settings,
    silent,
    vendor,
)

RECV, SEND = 17, 16
HALF = bytes(range(1, 33)), bytes(range(33, 65))
MSK = Secret(HALF[0] + HALF[1])
FIRST = b"\x02\x07\x00\x0a\x01alice"
SUCCESS, FAILURE = b"\x03\x07\x00\x04", b"\x04\x07\x00\x04"


def eap(code: int, number: int, data: bytes = b"") -> bytes:
    return bytes((code, number)) + (4 + len(data)).to_bytes(2) + data


def keys(asked: Asked, recv: bytes = HALF[0], send: bytes = HALF[1]) -> tuple[bytes, ...]:
    return hidden(asked, RECV, recv), hidden(asked, SEND, send)


def yes(asked: Asked) -> list[bytes]:
    return [answer(asked, ACCEPT, message(SUCCESS), *keys(asked))]


def shown(packet: bytes = FIRST, **changes):
    return attempt(answers=(), shown=EapPacket(packet), **changes)


def asking(*packets: bytes, state: bytes = b"state"):
    """Challenges with these packets, then a yes."""
    left = list(packets)

    def script(asked: Asked) -> list[bytes]:
        if not left:
            return yes(asked)
        return [answer(asked, CHALLENGE, message(left.pop(0)), attribute(24, state + bytes((len(left),))))]

    return script


def judged(leaping, script, *attempts, **changes):
    async def run():
        server = await Scripted(script).start()
        logins = RadiusLogins(settings(server.setting(), **changes))
        verdicts, ticket = [], b""
        for each in attempts:
            verdicts.append(await logins.judge(replace(each, conversation=ticket)))
            ticket = getattr(verdicts[-1], "conversation", b"")
        await logins.close()
        return verdicts, server.asked

    return leaping(run())


def test_packets_go_both_ways_untouched_until_the_server_says_yes(leaping):
    large = eap(1, 8, b"\x15" + bytes(each % 251 for each in range(1000)))
    reply = eap(2, 8, b"\x15" + bytes(each % 249 for each in range(1021)))
    (first, second), asked = judged(leaping, asking(large), shown(), shown(reply))
    assert first == Challenge("", (), first.conversation, large)
    assert second == Accepted("alice", proved=Proved(MSK, packet=b"\x03\x08\x00\x04"))
    carried = [b"".join(value for number, value in each.attributes if number == 79) for each in asked]
    assert carried == [FIRST, reply]
    assert [each.first(24) for each in asked] == [None, b"state\0"]
    assert all(each.signed and each.first(2) is None and each.first(1) == b"alice" for each in asked)


def test_a_server_is_told_what_it_is_told_of_other_logins_and_how_large_a_piece_may_be(leaping):
    _, (asked,) = judged(leaping, yes, replace(shown(account="5f3a09c1d2e4-17"), ike=2))
    told = dict(asked.attributes)
    assert (told[31], told[32], told[44], told[5]) == (b"192.0.2.9", b"gw", b"5f3a09c1d2e4-17", (17).to_bytes(4))
    assert (told[77], told[12]) == (b"lotor IKEv2 EAP", (1100).to_bytes(4))


def test_with_a_yes_come_the_name_and_the_grants_of_the_server(leaping):
    def script(asked):
        return [answer(asked, ACCEPT, message(SUCCESS), *keys(asked), attribute(1, b"anna"), attribute(11, b"guests"))]

    (verdict,), _ = judged(leaping, script, shown(user="anonymous"))
    assert verdict == Accepted("anna", Grants(filter="guests"), Proved(MSK, packet=SUCCESS))


@pytest.mark.parametrize(("octets", "msk"), [(16, HALF[0][:16] + HALF[1][:16] + bytes(32)), (32, MSK.reveal())])
def test_keys_of_mschapv2_are_filled_up_with_zeros(leaping, octets, msk):
    def script(asked):
        return [answer(asked, ACCEPT, message(SUCCESS), *keys(asked, HALF[0][:octets], HALF[1][:octets]))]

    (verdict,), _ = judged(leaping, script, shown())
    assert verdict.proved.msk == Secret(msk)


def test_a_method_without_keys_has_an_empty_one(leaping):
    (verdict,), _ = judged(leaping, lambda asked: [answer(asked, ACCEPT, message(SUCCESS))], shown())
    assert verdict == Accepted("alice", proved=Proved(Secret(b""), packet=SUCCESS))


@pytest.mark.parametrize("end", [SUCCESS, b"", b"\x03\x99\x00\x04", b"\x03\x07\x00\x09"])
def test_a_yes_has_an_eap_success_with_the_number_of_the_response_whatever_the_server_put_in(leaping, end):
    (verdict,), _ = judged(leaping, lambda asked: [answer(asked, ACCEPT, message(end), *keys(asked))], shown())
    assert verdict.proved.packet == SUCCESS


@pytest.mark.parametrize("end", [FAILURE, b"", SUCCESS, eap(1, 8, b"\x1a")])
def test_a_no_is_a_no_whatever_packet_is_in_it(leaping, end):
    def no(asked):
        return [answer(asked, REJECT, message(end), attribute(18, b"Not today."), *keys(asked))]

    (verdict,), _ = judged(leaping, no, shown())
    assert verdict.packet == FAILURE
    assert isinstance(verdict.reason, ServerRefused)
    assert verdict.reason.said == "Not today."
    assert verdict.judged


LIES = {
    "a yes with a failure": lambda asked: (ACCEPT, message(FAILURE), *keys(asked)),
    "a yes with a request": lambda asked: (ACCEPT, message(eap(1, 8, b"\x1a")), *keys(asked)),
    "one key": lambda asked: (ACCEPT, message(SUCCESS), hidden(asked, RECV, HALF[0])),
    "a key twice": lambda asked: (ACCEPT, message(SUCCESS), *keys(asked), hidden(asked, SEND, HALF[0])),
    "keys of two lengths": lambda asked: (ACCEPT, message(SUCCESS), *keys(asked, HALF[0][:16], HALF[1])),
    "short keys": lambda asked: (ACCEPT, message(SUCCESS), *keys(asked, b"short", b"short")),
    "empty keys": lambda asked: (ACCEPT, message(SUCCESS), *keys(asked, b"", b"")),
    "long keys": lambda asked: (ACCEPT, message(SUCCESS), *keys(asked, bytes(48), bytes(48))),
    "a length beyond": lambda asked: (
        ACCEPT,
        message(SUCCESS),
        hidden(asked, RECV, HALF[0], length=200),
        hidden(asked, SEND, HALF[1]),
    ),
    "another secret": lambda asked: (
        ACCEPT,
        message(SUCCESS),
        hidden(asked, RECV, HALF[0], secret=b"other"),
        hidden(asked, SEND, HALF[1], secret=b"other"),
    ),
    "no salt": lambda asked: (
        ACCEPT,
        message(SUCCESS),
        hidden(asked, RECV, HALF[0], salt=b"\x01\x01"),
        hidden(asked, SEND, HALF[1]),
    ),
    "half a block": lambda asked: (
        ACCEPT,
        message(SUCCESS),
        vendor(311, RECV, b"\x80\x01" + bytes(17)),
        hidden(asked, SEND, HALF[1]),
    ),
    "nothing hidden": lambda asked: (
        ACCEPT,
        message(SUCCESS),
        vendor(311, RECV, b"\x80"),
        hidden(asked, SEND, HALF[1]),
    ),
    "filler that is none": lambda asked: (
        ACCEPT,
        message(SUCCESS),
        hidden(asked, RECV, HALF[0], filler=b"x"),
        hidden(asked, SEND, HALF[1]),
    ),
    "a challenge without EAP": lambda asked: (CHALLENGE, attribute(18, b"code?"), attribute(24, b"s")),
    "a challenge with a success": lambda asked: (CHALLENGE, message(SUCCESS), attribute(24, b"s")),
    "a challenge with a response": lambda asked: (CHALLENGE, message(eap(2, 8, b"\x1a")), attribute(24, b"s")),
    "a request that is longer than it says": lambda asked: (CHALLENGE, message(eap(1, 8, b"\x1a") + b"more")),
    "a request that says more than there is": lambda asked: (CHALLENGE, message(b"\x01\x08\x00\xff\x1a")),
    "half a request": lambda asked: (CHALLENGE, message(b"\x01\x08\x00")),
    "a request without a type": lambda asked: (CHALLENGE, message(eap(1, 8))),
    "a request under the last number": lambda asked: (CHALLENGE, message(eap(1, 7, b"\x1a"))),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_server_that_lies_is_a_fault_and_no_wrong_password(leaping, lie):
    (verdict,), _ = judged(leaping, lambda asked: [answer(asked, *LIES[lie](asked))], shown())
    assert isinstance(verdict, Refused)
    assert isinstance(verdict.reason, BackEndFault)
    assert verdict.packet == FAILURE
    assert "127.0.0.1" in verdict.reason.text
    assert not verdict.judged


@pytest.mark.parametrize("code", [ACCEPT, REJECT, CHALLENGE])
@pytest.mark.parametrize("packets", [message(SUCCESS), b""])
def test_an_answer_without_message_authenticator_is_none_even_where_that_is_optional(leaping, code, packets):
    """RFC 3579 §3.2; with the answer's authenticator alone anybody on the way can make a yes of a no."""

    def script(asked):
        return [answer(asked, code, packets, signed=False)]

    (verdict,), _ = judged(leaping, script, shown(), message_authenticator=False)
    assert isinstance(verdict.reason, BackEndFault)
    assert "Message-Authenticator" in verdict.reason.text


def test_a_service_that_is_no_tunnel_is_refused_with_a_failure(leaping):
    def script(asked):
        return [answer(asked, ACCEPT, message(SUCCESS), *keys(asked), attribute(6, (6).to_bytes(4)))]

    (verdict,), _ = judged(leaping, script, shown())
    assert (type(verdict.reason), verdict.packet) == (OtherService, FAILURE)


def test_a_server_that_asks_without_end_is_asked_no_more(leaping):
    numbers = iter(range(10**6))

    def script(asked):
        return [answer(asked, CHALLENGE, message(eap(1, 8 + next(numbers) % 200, b"\x15")))]

    verdicts, asked = judged(leaping, script, *[shown()] * (MOST_EAP_ROUNDS + 1))
    assert all(isinstance(each, Challenge) for each in verdicts[:-1])
    assert isinstance(verdicts[-1].reason, NoVerdict)
    assert verdicts[-1].packet == FAILURE
    assert len(asked) == MOST_EAP_ROUNDS + 1


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", BackEndFault),
        (eap(1, 7, b"\x01alice"), BackEndFault),
        (eap(2, 7), BackEndFault),
        (FIRST + b"more", BackEndFault),
        (eap(2, 7, b"\x15" + bytes(4090)), AnswerTooLong),
        (eap(2, 7, b"\x15" + bytes(4091)), AnswerTooLong),
        (eap(2, 7, b"\x15" + bytes(4092)), BackEndFault),
    ],
)
def test_no_server_is_asked_about_what_is_no_response(leaping, packet, reason):
    (verdict,), asked = judged(leaping, yes, shown(packet))
    assert isinstance(verdict.reason, reason)
    assert not asked


@pytest.mark.parametrize("user", ["", "é" * 127])
def test_nor_about_a_name_that_has_no_room(leaping, user):
    (verdict,), asked = judged(leaping, yes, shown(user=user))
    assert isinstance(verdict.reason, NoName)
    assert not asked


def test_a_conversation_stays_with_its_server_and_ends_with_it(leaping):
    """Another server knows nothing of it. The next login goes to the one that answers."""

    async def run():
        first, second = await Scripted(asking(eap(1, 8, b"\x15"))).start(), await Scripted(yes).start()
        logins = RadiusLogins(settings(first.setting(), second.setting(), retries=1))
        begun = await logins.judge(shown())
        first.script = silent
        lost = await logins.judge(shown(eap(2, 8, b"\x15"), conversation=begun.conversation))
        again = await logins.judge(shown())
        await logins.close()
        return lost, again, len(second.asked)

    lost, again, asked = leaping(run())
    assert isinstance(lost.reason, BackEndFault)
    assert not lost.judged
    assert isinstance(again, Accepted)
    assert asked == 1


def test_a_conversation_goes_on_once_and_not_by_a_password(leaping):
    async def run():
        server = await Scripted(asking(eap(1, 8, b"\x15"), eap(1, 9, b"\x15"))).start()
        logins = RadiusLogins(settings(server.setting()))
        begun = await logins.judge(shown())
        asked = len(server.asked)
        password = await logins.judge(attempt(b"x", conversation=begun.conversation))
        again = await logins.judge(shown(conversation=begun.conversation))
        await logins.close()
        return password, again, len(server.asked) - asked

    password, again, asked = leaping(run())
    assert [type(each.reason) for each in (password, again)] == [AnswerLate, AnswerLate]
    assert not asked


def test_a_conversation_that_is_given_up_is_forgotten(leaping):
    async def run():
        server = await Scripted(asking(eap(1, 8, b"\x15"))).start()
        logins = RadiusLogins(settings(server.setting()))
        begun = await logins.judge(shown())
        await logins.abandon(begun.conversation)
        late = await logins.judge(shown(conversation=begun.conversation))
        await logins.close()
        return late

    assert isinstance(leaping(run()).reason, AnswerLate)


def test_a_response_of_mschapv2_that_the_gateway_asked_for_is_none_for_a_server(leaping):
    response = MschapResponse(bytes(16), bytes(16), bytes(24))
    (verdict,), asked = judged(leaping, yes, attempt(answers=(), shown=response))
    assert verdict == Refused(NotShownThere("alice", "radius", "MSCHAPv2"))
    assert not asked


def test_no_key_shows_in_what_is_printed(leaping):
    (verdict,), _ = judged(leaping, yes, shown())
    assert repr(HALF[0])[2:-1] not in repr(verdict)


@given(st.lists(st.tuples(st.sampled_from((26, 79, 24, 1, 6)), st.binary(max_size=80)), max_size=12), st.booleans())
def test_whatever_a_server_sends_is_read_or_refused_and_no_key_has_another_length(found, of_microsoft):
    head = (311).to_bytes(4) if of_microsoft else b""
    values = tuple((number, head + value if number == 26 else value) for number, value in found)
    reply = Reply(Code.ACCESS_ACCEPT, values, Veil(Secret(b"secret"), bytes(16)))
    for read in (lambda: request(reply, FIRST), lambda: success(reply, FIRST), lambda: msk_of(reply).reveal()):
        with contextlib.suppress(UnfitError):
            assert len(read()) in {0, 4, 64} or read()[0] == 1


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.binary(max_size=200))
def test_a_key_of_any_octets_is_whole_or_refused(one, other, garbage):
    """What is hidden with the right secret is shown as it was; garbage in the place of one is refused, or is a key by
    chance: of a right length, and never an error of another kind."""
    asked = Asked(bytes(4) + one, ("127.0.0.1", 1), b"secret")
    veil = Veil(Secret(b"secret"), one)

    def told(*attributes: bytes) -> Reply:
        return Reply(Code.ACCESS_ACCEPT, pairs(b"".join(attributes)), veil)

    both = hidden(asked, RECV, one), hidden(asked, SEND, other)
    assert msk_of(told(*both)).reveal() == one + other + bytes(32)
    with contextlib.suppress(UnfitError):
        assert len(msk_of(told(both[0], vendor(311, SEND, garbage)))) == 64
