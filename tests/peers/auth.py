"""IKE_AUTH between two sessions with keys, without a network: each message is written and read again."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import IPv4Address
from itertools import count

import recordings_v2
from lotor.crypto import prf
from lotor.crypto.certificates import read_certificates
from lotor.crypto.signatures import schemes_of
from lotor.ike.admission import Admission
from lotor.ike.context import CoreContext
from lotor.ike.effects import Ask, Tell
from lotor.ike.errors import Refusal
from lotor.ike.gates import ALL, Gates
from lotor.ike.questions import (
    AcquireConfiguration,
    AdmitConfiguration,
    AskPerson,
    CheckLogin,
    CheckMschap,
    Install,
    JudgePeer,
    KeyedAuth,
    MixPpk,
    Question,
    ReserveSpi,
    SignAuth,
)
from lotor.ike.session import Dialled, Spis
from lotor.ike.sessions import Sessions
from lotor.ike.v2 import auth
from lotor.ike.v2.denied import Denied
from lotor.ike.v2.message import Message
from lotor.ike.v2.sa import Abilities, IkeSa, SkKeys
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Put, Reply, Request, Wait
from lotor.keys.named import identities_of
from lotor.model.algorithms import Cipher, EapMethod, Group, Hash, Ike2Suite, Integrity, Proving, SignatureScheme
from lotor.model.judgement import Failure, MixedKeys, PpkRequest, Signature, Trusted, Untrusted
from lotor.model.login import Accepted, Credentials, Refused
from lotor.model.network import Path, Peer
from lotor.model.own_certificate import OwnCertificate
from lotor.model.policy import Policy, RemotePolicy, V2Policy
from lotor.model.prompt import Field
from lotor.model.reasons.certificates import WrongSignature
from lotor.model.reasons.local import NoPpk, PoolExhausted
from lotor.model.reasons.logins import WrongPassword
from lotor.model.secret import Secret
from lotor.wire.header import Header
from lotor.wire.v2.chain import build_chain, parse_chain
from lotor.wire.v2.numbers import VERSION, ExchangeType, Flag
from lotor.wire.v2.payloads import Notification
from peers.world import CHILD, CLIENT, CONFIGURATION, GATEWAY, SeededRandomness, judged_mschap

SUITE2 = Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256, Hash.SHA256, Group.CURVE25519)
TERMS = V2Policy((SUITE2,), eap=(EapMethod.MSCHAPV2, EapMethod.GTC))
PASSWORDS = {"alice": "wonderland", "bob": "builder"}


@cache
def certificate() -> bytes:
    """Of a gateway called gw.example.org, with an RSA key."""
    proofs = recordings_v2.load("eap-mschapv2")["auths"]
    return next(base64.b64decode(each["certificate"]) for each in proofs if each.get("certificate"))


@cache
def own() -> dict:
    """What a block has of the certificate."""
    leaf = read_certificates(certificate())[0]
    shown = OwnCertificate((leaf.der,), schemes_of(leaf.public_key), identities_of(leaf))
    return {"certificates": (leaf.der,), "own": (shown,)}


def gateway_policy(**terms) -> RemotePolicy:
    """By MSCHAPv2 alone, unless `eap` says something else."""
    asked = {"eap": (EapMethod.MSCHAPV2,)} | terms
    return replace(GATEWAY, **own(), versions=(2,), v2=replace(TERMS, **asked))


def client_policy(**terms) -> RemotePolicy:
    """One that logs in by EAP, at a gateway that has a certificate."""
    return replace(
        CLIENT,
        versions=(2,),
        v2=replace(TERMS, **({"local": Proving.EAP, "peer": (Proving.CERTIFICATE,)} | terms)),
    )


def _sa() -> IkeSa:
    random = SeededRandomness(5)
    keys = SkKeys(*(random.nonce(32) for _ in range(7)))
    return IkeSa(SUITE2, keys, random.nonce(32), random.nonce(32), b"first message", b"second message")


SCHEMES = frozenset({SignatureScheme.RSA_SHA256})


@dataclass
class End:
    """A session with keys, its story, and what answers its questions. `answers` override by type of question."""

    session: V2Session
    answers: dict[type, Callable] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=lambda: dict(PASSWORDS))
    login: tuple[str, str] = ("alice", "wonderland")
    psk: bytes = b"a key of both"
    ppks: dict[bytes, bytes] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    events: list = field(default_factory=list)
    spis: count = field(default_factory=lambda: count(0x1000))
    story: object = None
    result: object = None
    failed: Exception | None = None

    def hear(self, message: Message) -> object:
        """The gateway's next word for a message of the client: the first one begins its story."""
        if self.story is not None:
            return self.step(message)
        self.story = auth.responder(self.session, message)
        return self.step(None)

    def step(self, value) -> object:
        """The next word for the peer; None once the story is over."""
        try:
            word = self.story.send(value)
            while isinstance(word, Put | Wait):
                word = self.story.send(self._answer(word))
        except StopIteration as end:
            self.result, word = end.value, None
        except Exception as fault:  # noqa: BLE001 - whatever it is, a test looks at it
            self.failed, word = fault, None
        self._hear()
        return word

    def _answer(self, word):
        if isinstance(word, Wait):
            raise NotImplementedError
        self.questions.append(word.question)
        override = self.answers.get(type(word.question))
        return override(word.question) if override is not None else self.answer(word.question)

    def _hear(self) -> None:
        for effect in self.session.context.drain():
            if isinstance(effect, Tell):
                self.events.append(effect.event)
            assert not isinstance(effect, Ask) or effect.question

    def answer(self, question):
        match question:
            case SignAuth():
                return Signature(b"signed:" + prf.covered(question.made_of))
            case JudgePeer(proof=proof):
                good = proof.signature == b"signed:" + proof.signed
                return Trusted("CN=gw.example.org") if good else Untrusted(WrongSignature("CN=gw.example.org"))
            case KeyedAuth():
                return Secret(prf.keyed(self.psk, question.request.octets))
            case MixPpk(request=request):
                return mixing(self.ppks)(request)
            case CheckMschap(attempt=attempt):
                return judged_mschap(attempt, self.passwords)
            case CheckLogin(attempt=attempt):
                given = attempt.answer(Field.PASSWORD).reveal().decode(errors="replace")
                good = self.passwords.get(attempt.user) == given
                return Accepted(attempt.user) if good else Refused(WrongPassword(attempt.user))
            case AskPerson():
                user, password = self.login
                return Credentials(((Field.USER_NAME, Secret(user)), (Field.PASSWORD, Secret(password))))
            case AcquireConfiguration():
                return CONFIGURATION
            case AdmitConfiguration() | Install():
                return None
            case ReserveSpi():
                return next(self.spis)
        raise TypeError(question)

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def asked(self, kind: type) -> list:
        return [question for question in self.questions if isinstance(question, kind)]


def mixing(ppks: dict[bytes, bytes]) -> Callable[[PpkRequest], MixedKeys | Failure]:
    """What a keyring with these PPKs says; of several a client takes the first."""

    def mix(request: PpkRequest) -> MixedKeys | Failure:
        wanted = request.ppk_id if request.ppk_id is not None else next(iter(ppks), None)
        if wanted not in ppks:
            return Failure(NoPpk("ppk.txt", "a PPK", "the peer"))
        return MixedKeys(wanted, prf.mixed(request.prf, Secret(ppks[wanted]), request.keys))

    return mix


def exhausted(question) -> Failure:
    return Failure(PoolExhausted(IPv4Address("10.99.99.1"), IPv4Address("10.99.99.1"), 1))


HERE, THERE = Peer(IPv4Address("198.51.100.10"), 4500), Peer(IPv4Address("192.0.2.50"), 4500)


def end(remote: RemotePolicy, *, initiator: bool, registry: Sessions | None = None, number: int = 1) -> End:
    """Either end, right after IKE_SA_INIT."""
    context = CoreContext(Policy((remote,), CHILD), SeededRandomness(7 + initiator + 100 * number))
    path = Path(HERE, THERE, floated=True) if initiator else Path(THERE, HERE, floated=True)
    registry = registry or Sessions(lambda: 1000.0, lambda *_: None, Admission(context), context.timers)
    spis = Spis(number.to_bytes(8, "big"), (number + 1000).to_bytes(8, "big"))
    session = V2Session(number, context, remote, initiator, spis, path, registry, Gates(list(ALL)))
    session.dialled = Dialled(THERE.address, "gw.example.org") if initiator else None
    session.sa, session.abilities = _sa(), Abilities(schemes=SCHEMES)
    registry.add(session)
    return End(session)


@dataclass
class Talk:
    """Both ends, and every message: who sent it and its payloads. `change` may put other payloads in their place."""

    client: End
    gateway: End
    said: list[tuple[str, tuple]] = field(default_factory=list)
    change: Callable[[str, int, tuple], tuple] = lambda _, __, payloads: payloads

    def run(self) -> Talk:
        self.client.story = auth.initiator(self.client.session)
        word = self.client.step(None)
        while isinstance(word, Request):
            answer = self._ask(self._carry("client", word.payloads))
            if answer is None:
                return self
            word = self.client.step(self._carry("gateway", answer))
        return self

    def _ask(self, message: Message) -> tuple | None:
        """The gateway's response; None where it has none any more."""
        if self.gateway.failed is not None or self.gateway.result is not None:
            return None
        word = self.gateway.hear(message)
        return word.payloads if isinstance(word, Reply) else self._last()

    def _last(self) -> tuple:
        fault = self.gateway.failed
        if isinstance(fault, Denied):
            return fault.payloads
        if fault is not None:
            number = fault.notify if isinstance(fault, Refusal) and fault.notify else 7
            return (Notification(int(number)),)
        return self.gateway.result

    def _carry(self, who: str, payloads: tuple) -> Message:
        payloads = self.change(who, sum(name == who for name, _ in self.said), payloads)
        self.said.append((who, payloads))
        chain = parse_chain(*build_chain(payloads))
        flags = Flag.INITIATOR if who == "client" else Flag.RESPONSE
        header = Header(bytes(8), bytes(8), 0, ExchangeType.IKE_AUTH, flags, len(self.said), version=VERSION)
        receiver = self.gateway if who == "client" else self.client
        return Message(header, chain, receiver.session.path, protected=True)


def talk(gateway: RemotePolicy | None = None, client: RemotePolicy | None = None) -> Talk:
    return Talk(
        end(client or client_policy(), initiator=True),
        end(gateway or gateway_policy(), initiator=False),
    )
