"""A hostile corpus against the endpoint: nothing raises, nothing stays behind, nobody is answered more than asked; and
the legal traffic next to each attack works."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import permutations

import pytest

import recordings
from lotor.crypto import modp
from lotor.ike.events import PhaseOneUp, Up
from lotor.ike.intents import Connect
from lotor.ike.questions import AskPerson
from lotor.ike.v1.reassembly import HALF_OPEN_ROOM, MOST_OCTETS
from lotor.model.algorithms import Hash
from lotor.model.network import Path, Peer
from lotor.model.policy import ExchangeMode, Policy, ProposalCheck
from lotor.wire.header import Header
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.fragment import split
from lotor.wire.v1.numbers import ConfigType, ExchangeType, NotifyType, PayloadType, Protocol, XauthAttribute
from lotor.wire.v1.payloads import (
    Attributes,
    Delete,
    Fragment,
    HashPayload,
    Identification,
    KeyExchange,
    Nonce,
    Notification,
    Unknown,
    VendorId,
)
from lotor.wire.v1.proposals import ike_transform
from lotor.wire.v1.vendors import Vendor
from peers.counter import Counter
from peers.mutations import Mutator
from peers.rogue import PATH, Caller, Rogue
from peers.speaker import A, I, Manners, Q, Speaker, T
from peers.world import CHILD, CLIENT, GATEWAY, OPEN_DOOR, SUITE, CheapRandomness, Host

MUTATIONS = int(os.environ.get("LOTOR_MUTATIONS", "100000"))
BOTH = replace(GATEWAY, exchange_modes=(ExchangeMode.AGGRESSIVE, ExchangeMode.MAIN), proposal_check=ProposalCheck.OBEY)


def _counter(**changes) -> Counter:
    return Counter(Policy((BOTH,), CHILD, admission=OPEN_DOOR), **changes)


def _left_behind(counter: Counter) -> dict[str, int]:
    endpoint, sessions = counter.endpoint, counter.endpoint._sessions
    sizes = {
        "sessions": len(sessions.by_id),
        "cookies": len(sessions.by_cookie),
        "strangers": len(sessions.strangers),
        "questions": len(endpoint._context._open),
        "installed": len(counter.host.installed),
        "alarms": sum(timer.call is not None for _, _, timer in endpoint._context.timers._heap),
    }
    return {what: size for what, size in sizes.items() if size}


def _readable(counter: Counter) -> None:
    for line in counter.text:
        assert line.isprintable(), line
        assert len(line) < 3000, line
    counter.text.clear()
    counter.host.events.clear()
    counter.host.questions.clear()


# --- mutations -------------------------------------------------------------------------------------------------------


class Visit:
    """A client's login and traffic, message by message, each changed before the true one is sent."""

    def __init__(self, counter: Counter, seed: int) -> None:
        self.counter, self.speaker = counter, Speaker(seed)
        self.remote = Peer(IPv4Address(0xCB007100 + seed % 250), 1024 + seed % 60000)

    def messages(self) -> Iterator[bytes]:
        """Generator of true datagrams; what the gateway answers to each is sent in."""
        speaker = self.speaker
        heard = yield speaker.first()
        speaker.second(heard[-1])
        heard = yield speaker.third()
        speaker.hear(heard[-1])
        message_id = max(key[1] for key in speaker.threads)
        heard = yield speaker.say(T, message_id, Attributes(ConfigType.REPLY, 0, LOGIN))
        speaker.hear(heard[-1])
        status = Attributes(ConfigType.ACK, 0, (Attribute.tv(XauthAttribute.STATUS, 1),))
        yield speaker.say(T, Header.decode(heard[-1]).message_id, status)
        asked = tuple(Attribute.tlv(number, b"") for number in (1, 2, 3, 28672))
        heard = yield speaker.say(T, 41, Attributes(ConfigType.REQUEST, 5, asked))
        speaker.hear(heard[-1])
        heard = yield speaker.say(Q, 42, *QUICK)
        speaker.hear(heard[-1])
        yield speaker.say(Q, 42)
        yield speaker.say(I, 43, Notification(NotifyType.R_U_THERE, bytes([0, 0, 0, 9])))


LOGIN = (
    Attribute.tlv(XauthAttribute.USER_NAME, b"alice"),
    Attribute.tlv(XauthAttribute.USER_PASSWORD, b"wonderland"),
)
QUICK = (
    SecurityAssociation(
        (
            Proposal(
                1,
                Protocol.ESP,
                b"\x11\x22\x33\x44",
                (Transform(1, 12, (Attribute.tv(6, 128), Attribute.tv(5, 2), Attribute.tv(4, 3), Attribute.tv(1, 1))),),
            ),
        )
    ),
    Nonce(bytes(20)),
)


def test_changed_datagrams_raise_nothing_and_leave_nothing():
    """Messages are changed after the true ones came: IKEv1 covers neither phase 1 nor any padding as a whole, so who
    stands on the path can always be there first."""
    mutator, counter = Mutator(7), _counter()
    corpus = [message.raw for message in recordings.messages()]
    done = came_up = seed = 0
    while done < MUTATIONS:
        seed += 1
        visit = Visit(counter, seed)
        script, heard = visit.messages(), None
        said = []
        for _ in range(8):
            true = script.send(heard)
            for _ in range(40):
                victim = mutator.lots.choice(said if said and mutator.lots.random() < 0.8 else corpus)
                asked = mutator.datagram(victim)
                _one_small_answer(asked, counter.receive(asked, visit.remote))
                done += 1
            said.append(true)
            heard = counter.receive(true, visit.remote)
            if not heard and true[18] != ExchangeType.TRANSACTION:
                break
        came_up += bool(counter.host.of(Up))
        _readable(counter)
        counter.wait(1)
    assert came_up > seed * 0.8, "forgeries keep honest clients out"
    counter.wait(600)
    _readable(counter)
    assert not _left_behind(counter)


def _one_small_answer(asked: bytes, answers: list[bytes]) -> None:
    """Who is told that he is wrong is told once, and no more than he said; true messages have their true answers."""
    errors = [data for data in answers if data[16] == PayloadType.NOTIFICATION]
    assert len(errors) <= 1
    assert sum(map(len, errors)) <= max(len(asked), 84)


def test_changed_payloads_under_the_keys_raise_nothing():
    """A stranger, and then a client that is in, says chains of payloads that are broken inside: HASH and all hold."""
    mutator, counter = Mutator(11), _counter()
    for seed in range(1, max(2, MUTATIONS // 1000)):
        visit = Visit(counter, seed)
        script, heard = visit.messages(), None
        for step in range(8):
            heard = counter.receive(script.send(heard), visit.remote)
            if visit.speaker.keys is not None and step in (1, 4, 6, 7):
                for number in range(25):
                    _deep(mutator, counter, visit, 1000 * step + number + 100)
        _readable(counter)
        counter.wait(1)
    counter.wait(600)
    assert not _left_behind(counter)


def _deep(mutator: Mutator, counter: Counter, visit: Visit, message_id: int) -> None:
    kind, payloads = mutator.lots.choice(DEEP)
    first, octets = build_chain(payloads)
    changed = mutator.octets(octets)
    speaker = visit.speaker
    thread = speaker._thread(kind, message_id)
    digest = speaker._digest(thread, message_id, changed)
    length = (4 + len(digest)).to_bytes(2, "big")
    sealed, thread.iv = speaker._seal(bytes([first, 0]) + length + digest + changed, thread.iv)
    header = replace(speaker.header(kind, message_id), flags=1)
    counter.receive(build_message(header, PayloadType.HASH, sealed), visit.remote)


NAMES = (
    Identification(1, 0, 0, bytes([10, 99, 99, 1])),
    Identification(4, 0, 0, bytes(8)),
)
DEEP = (
    (T, (Attributes(ConfigType.REPLY, 0, LOGIN),)),
    (T, (Attributes(ConfigType.REQUEST, 5, (Attribute.tlv(1, b""), Attribute.tlv(28676, b""))),)),
    (Q, (*QUICK, *NAMES)),
    (Q, (*QUICK, KeyExchange(bytes(range(128))), *NAMES)),
    (I, (Notification(NotifyType.R_U_THERE, bytes(4), spi=bytes(16)), Delete(Protocol.ESP, (bytes(4), bytes(4))))),
    (I, (Delete(Protocol.ISAKMP, (bytes(16),), doi=0), Notification(NotifyType.INITIAL_CONTACT))),
)


def test_changed_answers_of_a_gateway_raise_nothing_at_a_client():
    mutator, done, asked = Mutator(13), 0, 0
    for seed in range(1, max(2, MUTATIONS // 2000)):
        client, first = _client(seed)
        answer = _counter(seed=seed).receive(first)[-1]
        for _ in range(50):
            effects = client.endpoint.receive(mutator.datagram(answer), _home(), 1000.0)
            _settle_client(client, effects)
            done += 1
        asked += any(isinstance(question, AskPerson) for question in client.questions)
        for event in client.events:
            assert event.text().isprintable()
    assert done
    assert not asked


def _client(seed: int) -> tuple[Host, bytes]:
    client = Host("client", IPv4Address("198.51.100.10"), Policy((CLIENT,), CHILD), CheapRandomness(seed))
    effects = client.endpoint.command(Connect(CLIENT.name, _home(), 1), 1000.0)
    return client, _settle_client(client, effects)[0]


def _home() -> Path:
    return Path(Peer(IPv4Address("198.51.100.10"), 500), Peer(IPv4Address("192.0.2.50"), 500))


def _settle_client(client: Host, effects) -> list[bytes]:
    counter = Counter.__new__(Counter)
    counter.host, counter.endpoint, counter.late, counter.now = client, client.endpoint, False, 1000.0
    counter.text, counter.pending, counter.yes = [], [], set()
    return counter.settle(effects)


def test_changed_payloads_of_a_proved_gateway_raise_nothing_at_a_client():
    """A gateway that was proved and went mad: HASH and all hold, and nothing inside."""
    mutator, seen = Mutator(17), set()
    for _ in range(max(2, MUTATIONS // 1000)):
        caller, rogue = Caller(), Rogue(77)
        rogue.listen(caller.first)
        (third,) = caller.receive(rogue.answer(), PATH.remote, floated=False)
        rogue.heard_third(third)
        for number in range(30):
            kind, payloads = mutator.lots.choice(MAD)
            first, octets = build_chain(payloads)
            changed = octets if mutator.lots.random() < 0.3 else mutator.octets(octets)
            thread = rogue._thread(kind, 100 + number)
            digest = rogue._digest(thread, 100 + number, changed)
            length = (4 + len(digest)).to_bytes(2, "big")
            sealed, thread.iv = rogue._seal(bytes([first, 0]) + length + digest + changed, thread.iv)
            header = replace(rogue.header(kind, 100 + number), flags=1)
            caller.receive(build_message(header, PayloadType.HASH, sealed), PATH.remote, floated=False)
        seen |= {type(event).__name__ for event in caller.host.events}
        caller.wait(300)
        _readable(caller)
        assert not _left_behind(caller)
    assert {"PhaseOneUp", "Configured", "Ended"} <= seen


WORD = b"\x1b]0;title\x07 \r\nSet \xff\xfe %n {0} $(id)"
ASK = (
    Attribute.tv(XauthAttribute.TYPE, 0),
    Attribute.tlv(XauthAttribute.MESSAGE, WORD),
    Attribute.tlv(XauthAttribute.USER_NAME, b""),
    Attribute.tlv(XauthAttribute.USER_PASSWORD, b""),
)
TOLD = (
    Attribute.tlv(1, bytes([10, 99, 99, 7])),
    Attribute.tlv(2, bytes([255, 255, 255, 0])),
    Attribute.tlv(3, bytes([10, 0, 12, 1])),
    Attribute.tlv(28672, WORD),
    Attribute.tlv(28674, WORD),
    Attribute.tlv(28675, b"a.example,b.example"),
    Attribute.tlv(28676, bytes([10, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
    Attribute.tv(28679, 2),
)
MAD = (
    (T, (Attributes(ConfigType.REQUEST, 0, ASK),)),
    (T, (Attributes(ConfigType.SET, 0, (Attribute.tv(XauthAttribute.STATUS, 1),)),)),
    (T, (Attributes(ConfigType.SET, 0, (*ASK[1:2], Attribute.tv(XauthAttribute.STATUS, 0))),)),
    (T, (Attributes(ConfigType.SET, 0, TOLD),)),
    (T, (Attributes(ConfigType.REPLY, 1, TOLD),)),
    (I, (Notification(NotifyType.R_U_THERE, bytes(4)), Notification(NotifyType.RESPONDER_LIFETIME, bytes(12)))),
    (I, (Notification(NotifyType.NO_PROPOSAL_CHOSEN, WORD), Delete(Protocol.ESP, (bytes(4),)))),
    (Q, (*QUICK, *NAMES)),
)


# --- duplicates and floods -------------------------------------------------------------------------------------------


def test_one_first_message_fifty_times_is_one_session():
    counter, speaker = _counter(), Speaker()
    answers = [counter.receive(speaker.first()) for _ in range(50)]
    assert counter.sessions == 1
    assert len({data for answer in answers for data in answer}) == len(answers[0]) == 1
    speaker.second(answers[0][0])
    assert counter.receive(speaker.third())
    assert counter.host.of(PhaseOneUp)


def test_dup_one_first_message_from_fifty_addresses_is_one_session_and_none_after_a_while():
    counter, speaker = _counter(), Speaker()
    for number in range(50):
        for _ in range(3):
            counter.receive(speaker.first(), Peer(IPv4Address(0xCB007100 + number), 500))
    assert counter.sessions == 1
    counter.wait(31)
    assert not _left_behind(counter)


def test_a_lone_first_message_has_two_answers_at_most():
    counter = _counter()
    answers = counter.receive(Speaker().first())
    assert len(answers + counter.wait(60)) == 2


def test_ten_thousand_refused_strangers_leave_nothing():
    counter = _counter()
    wrong = replace(SUITE, hash=Hash.MD5)
    for seed in range(MUTATIONS // 10):
        speaker = Speaker(seed, Manners(transforms=(ike_transform(1, wrong),)))
        answers = counter.receive(speaker.first(), Peer(IPv4Address(0xCB007100 + seed % 200), 500))
        assert len(answers) <= 1
        if not seed % 100:
            _readable(counter)
            assert counter.sessions == 0
    assert len(counter.endpoint._context.timers._heap) < 200, "alarms of sessions that are over pile up"


def test_strangers_who_come_and_go_leave_no_alarms():
    """In hybrid mode anybody gets as far as the end of phase 1, with a lifetime of years."""
    counter = _counter()
    for seed in range(300):
        speaker = Speaker(seed, Manners(transforms=(ike_transform(1, replace(SUITE, lifetime=2147483)),)))
        speaker.second(counter.receive(speaker.first())[0])
        counter.receive(speaker.third())
        cookies = speaker.cky_i + speaker.cky_r
        counter.receive(speaker.say(I, 5, Delete(Protocol.ISAKMP, (cookies,))))
    assert counter.sessions == 0
    counter.wait(21)
    assert len(counter.endpoint._context.timers._heap) < 150


# --- first messages that are odd -------------------------------------------------------------------------------------


def _first(*payloads) -> bytes:
    header = Header(bytes(range(1, 9)), bytes(8), 0, A, 0, 0)
    return build_message(header, *build_chain(payloads))


def _parts() -> tuple:
    speaker = Speaker()
    return speaker.sa, KeyExchange(speaker.pair.public), Nonce(bytes(16)), speaker.me


@pytest.mark.parametrize("missing", range(4))
def test_a_mandatory_payload_that_is_missing_or_double_is_nothing(missing):
    parts = list(_parts())
    without = [part for number, part in enumerate(parts) if number != missing]
    for payloads in (without, [*parts, parts[missing]], [parts[missing]]):
        counter = _counter()
        assert not counter.receive(_first(*payloads))
        assert not _left_behind(counter)


@pytest.mark.parametrize("value", [0, 1, 2**1024 - 1, "p", "p-1", "p+1"])
def test_public_values_outside_of_the_group_have_no_answer_but_a_refusal(value):
    prime = modp.prime(SUITE.group)
    number = {"p": prime, "p-1": prime - 1, "p+1": prime + 1}.get(value, value)
    sa, _, nonce, me = _parts()
    answers = _counter().receive(_first(sa, KeyExchange(number.to_bytes(128, "big")), nonce, me))
    assert [data[18] for data in answers] == [I]


@pytest.mark.parametrize("size", [0, 1, 127, 129, 4096, 7900])
def test_public_values_of_a_wrong_size_too(size):
    sa, _, nonce, me = _parts()
    counter = _counter()
    answers = counter.receive(_first(sa, KeyExchange(b"\x7f" * size), nonce, me))
    assert [data[18] for data in answers] == [I]
    assert not _left_behind(counter)


@pytest.mark.parametrize("kind", range(13))
@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 8, 16, 300, 12000])
def test_identities_of_every_kind_and_size(kind, size):
    sa, key, nonce, _ = _parts()
    for data in (bytes(size), b"\x30\x82\xff\xff" * (size // 4), b"\x1b[2J%n{child}\n" * (size // 14)):
        counter = _counter()
        speaker = Speaker()
        speaker.me = Identification(kind, 17, 500, data)
        answers = counter.receive(speaker.clear(A, sa, key, nonce, speaker.me, VendorId(Vendor.XAUTH.value)))
        del answers
        counter.wait(40)
        _readable(counter)
        assert not _left_behind(counter)


@pytest.mark.parametrize("count", [29, 30, 31, 59, 60, 61, 64, 200, 1000, 3000])
def test_payloads_by_the_thousand(count):
    counter = _counter()
    answers = counter.receive(_first(*_parts(), VendorId(Vendor.XAUTH.value), *([VendorId(b"x")] * count)))
    assert bool(answers) is (count <= 59)
    counter.wait(40)
    assert not _left_behind(counter)


@pytest.mark.parametrize("number", [17, 33, 53, 54, 127])
def test_p6_payloads_of_other_protocols_are_refused(number):
    counter = _counter()
    assert not counter.receive(_first(*_parts(), Unknown(number, b"?" * 9), VendorId(Vendor.XAUTH.value)))
    assert counter.sessions == 0


@pytest.mark.parametrize("number", [15, 128, 255])
def test_payloads_of_drafts_and_of_vendors_are_passed_over(number):
    counter = _counter()
    assert counter.receive(_first(*_parts(), Unknown(number, b"?" * 9), VendorId(Vendor.XAUTH.value)))


@pytest.mark.parametrize(("proposals", "transforms"), [(1, 256), (255, 1), (256, 1), (1, 300), (300, 1), (1200, 1)])
def test_proposals_by_the_thousand(proposals, transforms, monkeypatch):
    from lotor.wire.v1.proposals import IkeWords

    looked, honest = [], IkeWords.suite
    monkeypatch.setattr(IkeWords, "suite", lambda words, lifetime: looked.append(1) or honest(words, lifetime))
    wrong = ike_transform(1, replace(SUITE, hash=Hash.MD5)).attributes
    rows = tuple(Transform(number % 256, 1, wrong) for number in range(transforms))
    sa = SecurityAssociation(tuple(Proposal(n % 256, Protocol.ISAKMP, b"", _counted(rows)) for n in range(proposals)))
    _, key, nonce, me = _parts()
    message = _first(sa, key, nonce, me, VendorId(Vendor.XAUTH.value))
    many = replace(BOTH, proposals=(SUITE,) * 12)
    counter = Counter(Policy((many,), CHILD))
    answers = counter.receive(message)
    assert len(answers) <= 1
    assert len(looked) <= 1, f"{len(looked)} looks at {proposals * transforms} transforms of one kind"
    assert not _left_behind(counter)
    assert all(len(line) < 600 for line in counter.text)


def _counted(rows: tuple[Transform, ...]) -> tuple[Transform, ...]:
    return rows[:255]


@pytest.mark.parametrize("datagram", [b"", b"\xff", b"\xff" * 2, bytes(28), b"x" * 27, b"GET / HTTP/1.0\r\n\r\n" * 4])
def test_what_is_not_ike_has_no_answer(datagram):
    counter = _counter()
    assert not counter.receive(datagram)
    _readable(counter)
    assert not _left_behind(counter)


def test_refusals_and_deletes_of_nobody_have_no_answer():
    counter = _counter()
    for cookies in ((b"a" * 8, bytes(8)), (b"a" * 8, b"b" * 8), (bytes(8), b"b" * 8)):
        for payload in (Notification(NotifyType.NO_PROPOSAL_CHOSEN), Delete(Protocol.ISAKMP, (b"a" * 8 + b"b" * 8,))):
            for kind in (ExchangeType.INFORMATIONAL, ExchangeType.QUICK, T, A, ExchangeType.MAIN, 34, 99, 243):
                header = Header(*cookies, 0, kind, 0, 1)
                assert not counter.receive(build_message(header, *build_chain([payload])))
    assert not _left_behind(counter)
    _readable(counter)


# --- fragments -------------------------------------------------------------------------------------------------------


def _pieces(count: int = 3) -> list[bytes]:
    message = Speaker(manners=Manners(vendors=(Vendor.XAUTH.value, *(b"v" * 60,) * 8))).first()
    pieces = split(message, 1, 36 + 4 + -(-len(message) // count))
    assert len(pieces) == count
    return pieces


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_six_legal_orders_of_three_fragments(order):
    counter, pieces = _counter(), _pieces()
    answers = [counter.receive(pieces[number]) for number in order]
    assert [bool(answer) for answer in answers] == [False, False, True]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_fragments_that_are_repeated_or_sent_twice_fit(order):
    """The fix of CVE-2016-10396 once broke the last fragment sent again."""
    counter, pieces = _counter(), _pieces()
    counter.receive(pieces[order[0]])
    counter.receive(pieces[order[0]])
    counter.receive(pieces[order[1]])
    assert counter.sessions == 0
    for number in order:
        counter.receive(pieces[number])
    assert counter.sessions == 1


def test_descending_and_absurd_fragments_cost_nothing_and_the_true_ones_work():
    counter = _counter()
    header = Header(b"c" * 8, bytes(8), 0, A, 0, 0)
    for _ in range(4):
        for number in range(255, -1, -1):
            piece = Fragment(1, number, number == 128, bytes(200))
            counter.receive(build_message(header, *build_chain([piece])))
    assert _kept(counter) <= MOST_OCTETS
    for piece in _pieces():
        counter.receive(piece)
    assert counter.sessions == 1


def _kept(counter: Counter) -> int:
    return counter.endpoint._dialects[1].pieces.octets


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 0x7FFF, 0xFFFF])
def test_fragments_whose_length_lies(length):
    counter = _counter()
    piece = bytearray(_pieces()[0])
    piece[30:32] = length.to_bytes(2, "big")
    assert not counter.receive(bytes(piece))
    assert _kept(counter) <= 3


def test_fragments_that_never_end_are_bounded_and_gone_after_a_while():
    counter = _counter()
    for number in range(1500):
        header = Header(number.to_bytes(8, "big"), bytes(8), 0, A, 0, 0)
        for piece in range(2, 33):
            data = build_message(header, *build_chain([Fragment(1, piece, False, bytes(1900))]))
            counter.receive(data, Peer(IPv4Address(0xCB007100 + number % 250), 500))
    assert _kept(counter) <= 4 << 20
    counter.wait(30)
    counter.receive(_pieces()[0])
    assert _kept(counter) < 1000


def test_a_flood_of_fragments_breaks_no_message_of_a_known_client():
    counter, speaker = _counter(), Speaker()
    speaker.second(counter.receive(speaker.first())[0])
    third = split(speaker.third(VendorId(b"v" * 500)), 1, 300)
    for piece in third[:-1]:
        counter.receive(piece)
    for number in range(1000):
        header = Header(number.to_bytes(8, "big"), bytes(8), 0, A, 0, 0)
        data = build_message(header, *build_chain([Fragment(1, 2, False, bytes(1900))]))
        counter.receive(data, Peer(IPv4Address(0xCB007100 + number % 250), 500))
    counter.receive(third[-1])
    assert counter.host.of(PhaseOneUp)


@pytest.mark.parametrize("which", ["initiator", "responder"])
def test_f2_fragments_have_the_cookies_of_the_message_inside(which):
    """By its cookies a piece is sorted before anything of the message is known."""
    counter = _counter()
    other = [replace(Header.decode(piece), **{which: b"elsewher"}) for piece in _pieces()]
    for header, piece in zip(other, _pieces(), strict=True):
        assert not counter.receive(header.encode(len(piece) - Header.SIZE) + piece[Header.SIZE :])
    assert counter.sessions == 0
    assert any("cookies of the pieces" in line for line in counter.text)


@pytest.mark.parametrize("forged", [False, True])
def test_f15_pieces_of_a_session_are_out_of_the_reach_of_all_others(forged):
    """Beside three hundred small pieces of another half-open session, or as many strangers' in its own name."""
    counter, speaker, other = _counter(), Speaker(), Speaker(2)
    speaker.second(counter.receive(speaker.first())[0])
    other.second(counter.receive(other.first(), Peer(IPv4Address("203.0.113.2"), 500))[0])
    third = split(speaker.third(VendorId(b"v" * 500)), 1, 300)
    for piece in third[:-1]:
        counter.receive(piece)
    header = Header(speaker.cky_i, bytes(8), 0, A, 0, 0) if forged else replace(other.header(A), flags=0)
    for number in range(2000):
        data = build_message(header, *build_chain([Fragment(number % 65536, 2, False, b"x")]))
        counter.receive(data, Peer(IPv4Address(0xCB007100 + number % 250), 500))
    counter.receive(third[-1])
    assert counter.host.of(PhaseOneUp)


def test_f15_a_half_open_session_has_room_for_two_messages_and_its_pieces_go_after_a_while():
    counter, speaker = _counter(), Speaker()
    speaker.second(counter.receive(speaker.first())[0])
    for number in range(300):
        data = build_message(speaker.header(A), *build_chain([Fragment(number, 2, False, bytes(1900))]))
        counter.receive(data)
    assert 1900 <= _kept(counter) <= HALF_OPEN_ROOM.octets
    (place,) = counter.endpoint._dialects[1].pieces._owners.values()
    assert len(place) == HALF_OPEN_ROOM.messages
    counter.now += 11
    counter.receive(_pieces()[0], Peer(IPv4Address("203.0.113.2"), 500))
    assert not counter.endpoint._dialects[1].pieces._owners


# --- strictness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "value"), [(17, 0x11), (17, 0x1F), (19, 2), (19, 4), (19, 8), (19, 0x80)])
def test_h3_a_first_message_of_another_version_or_with_flags_has_no_answer(place, value):
    counter, message = _counter(), bytearray(Speaker().first())
    message[place] = value
    assert not counter.receive(bytes(message))
    assert counter.sessions == 0


@pytest.mark.parametrize("octets", [4, 5, 8])
def test_p2_a_last_payload_that_is_cut_is_no_padding(octets):
    """In clear nothing pads: only a cipher's blocks need filling."""
    message = bytearray(Speaker(manners=Manners(vendors=(Vendor.XAUTH.value, b"v" * 16))).first())
    at = len(message) - 16 - 2
    message[at : at + 2] = octets.to_bytes(2, "big")
    counter = _counter()
    assert not counter.receive(bytes(message))
    assert counter.sessions == 0


def test_p6_a_hash_has_no_place_in_a_first_message():
    counter = _counter()
    assert not counter.receive(_first(*_parts(), HashPayload(bytes(20)), VendorId(Vendor.XAUTH.value)))
    assert counter.sessions == 0


def test_fragments_in_fragments_end():
    counter = _counter()
    data = _pieces()[0]
    for _ in range(5):
        data = split(data, 1, len(data) + 100)[0]
    assert not counter.receive(data)
    assert counter.sessions == 0
