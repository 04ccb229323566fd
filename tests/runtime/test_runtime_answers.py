"""Each question has one row, and an answer even when its port breaks."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.crypto import hashes, prf
from lotor.ike import questions
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite, SignatureScheme
from lotor.model.child import LOWEST_SPI, Counters
from lotor.model.eap import EapAccepted, EapAttempt, EapRefused, EapRequest, MschapAccepted, MschapAttempt
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import (
    Failure,
    KeyedRequest,
    PeerProof,
    PpkRequest,
    PskRequest,
    Signature,
    SignedHash,
    SignedOctets,
    Untrusted,
)
from lotor.model.login import (
    Accepted,
    Challenge,
    Credentials,
    Declined,
    EapPacket,
    LoginAttempt,
    MschapResponse,
    Proved,
    Refused,
)
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reason import Cause
from lotor.model.reasons.local import EngineFault, HostUnfit, PoolFault
from lotor.model.reasons.logins import BackEndFault, WrongPassword
from lotor.model.secret import Secret
from lotor.model.ticket import Opened, Resumable, Resumption, Ticket
from lotor.runtime import answers as room
from lotor.runtime.answers import Answered, Answers, Sources
from lotor.runtime.associations import Associations
from lotor.runtime.tls import TlsTable
from scripted import CONFIGURATION, PATH, OpenSigner, OpenTrust, RecordingEngine, RecordingHost, child

PROOF = PeerProof("r", (), Identity(1, b""), b"", b"", IPv4Address("192.0.2.50"))
MADE_OF = SignedHash(
    Hash.SHA1,
    Hash.SHA1,
    bytes(32),
    Secret(bytes(128)),
    (bytes(128), bytes(128)),
    (bytes(8), bytes(8)),
    b"sa",
    bytes(4),
)
ATTEMPT = LoginAttempt("alice", (), Peer(IPv4Address("192.0.2.9"), 500))


PEER = ATTEMPT.source
MSCHAP = MschapAttempt("ACME\\alice", bytes(16), bytes(16), bytes(24), PEER)
EAP = EapAttempt("alice", b"\x02\x07\x00\x0a\x01alice", PEER, b"ticket")
MSK = Secret(bytes(64))
SUCCESS, FAILURE, REQUEST = b"\x03\x07\x00\x04", b"\x04\x07\x00\x04", b"\x01\x08\x00\x05\x06"


class Broken:
    def __getattr__(self, name):
        raise RuntimeError("secret detail")


INIT = bytes(17) + b"\x20\x22\x20" + bytes(7) + b"\x1c"
"""The header of a responder's IKE_SA_INIT."""
AUTH = SignedOctets(INIT, bytes(16), Hash.SHA1, Secret(bytes(20)), b"\2\0\0\0id")
SUITE = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.CURVE25519)
NAME = Identity(IdKind.KEY_ID, b"alice")
RESUMABLE = Resumable("r", SUITE, Secret(bytes(32)), NAME, NAME)
QUESTIONS = [
    questions.Sign("r", MADE_OF),
    questions.JudgePeer(PROOF),
    questions.CheckLogin(1, ATTEMPT, 1),
    questions.CheckMschap(1, MSCHAP, 2),
    questions.RelayEap(1, EAP, 2),
    questions.AskPerson(1, "r", (Field.PASSWORD,), "", 1),
    questions.AcquireConfiguration(1, "alice"),
    questions.AdmitConfiguration(1, PATH, CONFIGURATION),
    questions.ReserveSpi(1),
    questions.SealTicket(1, "alice", RESUMABLE),
    questions.OpenTicket(1, b"a ticket"),
    questions.KeepTicket(1, Resumption(b"a ticket", RESUMABLE), 60),
    questions.FindWay("gw2.example.net", 500),
    questions.Install(child()),
    questions.Activate(1),
    questions.LastInbound((1,)),
    questions.DeriveSkeyid(PskRequest("r", None, IPv4Address("192.0.2.50"), Hash.SHA1, b"nonces")),
    questions.Agree(Broken(), b"public"),
    questions.MixPpk(PpkRequest("r", None, IPv4Address("192.0.2.50"), Hash.SHA256, (Secret(bytes(32)),) * 3)),
    questions.StepTls(1, None, b"hello", Secret(b"")),
    questions.SignAuth("r", AUTH, SignatureScheme.RSA_SHA256),
    questions.KeyedAuth(KeyedRequest("r", None, IPv4Address("192.0.2.50"), AUTH)),
]


class Yes:
    async def judge(self, session, attempt, continues=None):
        return Accepted(attempt.user)

    async def ask(self, question):
        return Credentials(())

    async def acquire(self, session, user, grants):
        return CONFIGURATION

    def account(self, session):
        return f"id-{session}"

    async def seal(self, wanted):
        return Ticket(wanted.account.encode(), 60)

    async def open(self, ticket):
        return Opened("alice", RESUMABLE)

    async def keep(self, asked):
        self.kept = asked


@pytest.fixture
def sources():
    with ThreadPoolExecutor(1) as executor:
        engine = RecordingEngine()
        ports = (OpenSigner(), OpenTrust(), Yes(), Yes(), Yes(), Associations(engine), engine, RecordingHost([]))
        tls = TlsTable(OpenSigner(), lambda session: True)
        yield Sources(*ports, tls, Yes(), Yes(), executor, lambda session: True)
        tls.close()


def reply(sources, question):
    async def play():
        found = Answers(sources).reply(question)
        return found.answer if isinstance(found, Answered) else await found

    return asyncio.run(play())


def test_every_question_of_the_core_has_a_row(sources):
    declared = {
        each for each in vars(questions).values() if isinstance(each, type) and questions.Question in each.__mro__
    }
    assert {type(each) for each in QUESTIONS} == declared - {questions.Question}
    for question in QUESTIONS:
        reply(sources, question)


def test_the_way_to_another_gateway_is_found_or_it_is_said_why_not(sources):
    asked = questions.FindWay("gw2.example.net", 500)

    async def ways(gateway: str, port: int) -> str:
        return f"the way to {gateway}, port {port}"

    assert reply(replace(sources, ways=ways), asked) == "the way to gw2.example.net, port 500"
    assert "no way is known to gw2.example.net" in reply(sources, asked).reason.text


def test_good_ports_give_good_answers(sources):
    assert reply(sources, QUESTIONS[0]) == Signature(b"signed " + hashes.signed(MADE_OF))
    assert reply(sources, QUESTIONS[-2]) == Signature(b"rsa-sha256" + prf.covered(AUTH))
    assert reply(sources, QUESTIONS[-1]) == Secret(prf.keyed(b"a key for everybody", AUTH))
    assert reply(sources, QUESTIONS[2]) == Accepted("alice")
    assert reply(sources, questions.SealTicket(7, "alice", RESUMABLE)) == Ticket(b"id-7", 60)
    assert reply(sources, questions.OpenTicket(7, b"a ticket")) == Opened("alice", RESUMABLE)
    assert reply(sources, questions.ReserveSpi(1)) == 0x1000
    assert reply(sources, questions.Install(child())) is None
    assert sources.interface.installed == {1: child()}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: type(each).__name__)
def test_a_broken_port_gives_a_refusal_without_the_text_of_its_exception(sources, question):
    broken = Sources(
        *(Broken() for _ in range(5)),
        Associations(Broken()),
        *(Broken() for _ in range(5)),
        sources.executor,
        lambda session: True,
    )
    answer = reply(broken, question)
    assert isinstance(answer, Failure | Untrusted | Refused | EapRefused | Declined | int | None)
    assert "secret detail" not in str(answer)


class Says:
    """Logins that all end with one verdict; `asked` has each round."""

    def __init__(self, verdict):
        self.verdict, self.asked = verdict, []

    async def judge(self, session, attempt, continues=None):
        self.asked.append((session, attempt, continues))
        return self.verdict


WRONG = Refused(WrongPassword("alice"))


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        (Accepted("alice", proved=Proved(MSK, bytes(20))), MschapAccepted("alice", bytes(20), MSK)),
        (WRONG, WRONG),
        (Accepted("alice"), None),
        (Accepted("alice", proved=Proved(MSK, packet=SUCCESS)), None),
        (Challenge("code?", (Field.PASSCODE,), b"ticket"), None),
    ],
)
def test_a_response_of_mschapv2_is_a_round_of_a_login_without_the_domain(sources, verdict, answer):
    logins = Says(verdict)
    told = reply(replace(sources, logins=logins), questions.CheckMschap(1, MSCHAP, 2))
    shown = MschapResponse(bytes(16), bytes(16), bytes(24))
    assert logins.asked == [(1, LoginAttempt("alice", (), PEER, shown=shown, ike=2), 2)]
    assert told == answer or (answer is None and isinstance(told, Refused) and not told.judged)


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        (Accepted("anna", proved=Proved(MSK, packet=SUCCESS)), EapAccepted("anna", SUCCESS, MSK)),
        (Accepted("anna", proved=Proved(Secret(b""), packet=SUCCESS)), EapAccepted("anna", SUCCESS, Secret(b""))),
        (Challenge("", (), b"next", REQUEST), EapRequest(REQUEST, b"next")),
        (replace(WRONG, packet=FAILURE), EapRefused(FAILURE, WRONG)),
        (WRONG, EapRefused(b"", WRONG)),
        (Accepted("alice"), None),
        (Challenge("code?", (Field.PASSCODE,), b"ticket"), None),
    ],
)
def test_a_packet_of_eap_is_a_round_of_a_login(sources, verdict, answer):
    logins = Says(verdict)
    told = reply(replace(sources, logins=logins), questions.RelayEap(1, EAP, 2))
    assert logins.asked == [(1, LoginAttempt("alice", (), PEER, b"ticket", shown=EapPacket(EAP.packet), ike=2), 2)]
    assert told == answer or (answer is None and isinstance(told, EapRefused) and not told.refused.judged)


def test_a_pool_that_breaks_is_no_full_one_and_tells_the_client_no_place_in_our_code(sources):
    broken = replace(sources, configurations=Broken())
    reason = reply(broken, questions.AcquireConfiguration(1, "alice")).reason
    assert (type(reason), reason.cause) == (PoolFault, Cause.POOL_EXHAUSTED)
    assert ".py" in reason.text
    assert ".py" not in reason.message


class PairOfThreads:
    def __init__(self, group):
        self.group = group

    def agree(self, public):
        if public == b"1":
            raise ValueError("it is 1")
        return threading.current_thread().name.encode()


@pytest.mark.parametrize(("group", "beside"), [(Group.MODP2048, True), (Group.ECP521, True), (Group.ECP256, False)])
def test_a_dear_agreement_happens_beside_the_event_loop_and_says_what_is_wrong_with_a_value(sources, group, beside):
    thread = reply(sources, questions.Agree(PairOfThreads(group), b"2")).reveal()
    assert (thread != threading.current_thread().name.encode()) is beside
    assert reply(sources, questions.Agree(PairOfThreads(group), b"1")) == Failure(EngineFault("it is 1"))


def test_a_broken_reservation_still_gives_a_spi_that_is_allowed(sources):
    assert reply(replace(sources, associations=Associations(Broken())), questions.ReserveSpi(1)) >= LOWEST_SPI


def test_the_sentence_of_an_engine_that_refuses_reaches_the_core(sources):
    class Full(RecordingEngine):
        async def install(self, child):
            raise OSError(28, "no room for another SA")

    assert reply(replace(sources, associations=Associations(Full())), questions.Install(child())) == Failure(
        EngineFault("no room for another SA")
    )


def test_a_silent_back_end_has_refused(sources, monkeypatch):
    class Silent:
        async def judge(self, session, attempt, continues=None):
            await asyncio.Event().wait()

    monkeypatch.setattr(room, "LOGIN_SECONDS", 0.01)
    answer = reply(replace(sources, logins=Silent()), QUESTIONS[2])
    assert answer == Refused(BackEndFault("alice", "no answer within 0.01 s"))


def test_nothing_is_given_to_a_session_that_has_ended(sources):
    class Counting(Yes):
        async def acquire(self, session, user, grants):
            raise AssertionError("a lease that nobody will release")

    dead = replace(sources, alive=lambda session: False, configurations=Counting())
    assert isinstance(reply(dead, questions.AcquireConfiguration(1, "alice")), Failure)
    assert isinstance(reply(dead, questions.Install(child())), Failure)
    assert dead.interface.installed == {}


def test_last_inbound_is_the_latest_of_the_pairs(sources):
    sources.interface.figures = {1: Counters(last_inbound=3.0), 2: Counters(last_inbound=9.0), 3: Counters()}
    assert reply(sources, questions.LastInbound((1, 2, 3, 4))) == 9.0
    assert reply(sources, questions.LastInbound((3,))) is None


def test_g43_the_host_says_why_it_cannot_be_set_up(sources):
    assert reply(sources, questions.AdmitConfiguration(1, PATH, CONFIGURATION)) is None
    sources.host.unfit = OSError(22, "the gateway assigned its own address 192.0.2.50")
    answer = reply(sources, questions.AdmitConfiguration(1, PATH, CONFIGURATION))
    why = "the gateway assigned its own address 192.0.2.50"
    assert answer == Failure(HostUnfit(why))
