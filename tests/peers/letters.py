"""What a client of IKEv2 can say to a gateway, letter by letter, with true keys of the IKE SA, every sequence of it,
and what must have come before anything was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lotor.crypto import mschap
from lotor.ike.questions import AcquireConfiguration, CheckLogin, CheckMschap, Install, JudgePeer, RelayEap, SignAuth
from lotor.ike.v2 import auth, proofs
from lotor.ike.v2.denied import Denied
from lotor.ike.v2.story import Reply
from lotor.model.algorithms import EapMethod
from lotor.model.eap import EapAccepted, EapRefused, EapRequest
from lotor.model.judgement import Failure, Untrusted
from lotor.model.login import Challenge, Refused
from lotor.model.reasons.logins import WrongPassword
from lotor.model.secret import Secret
from lotor.wire.eap import mschapv2, packet
from lotor.wire.eap.packet import Code, Packet, Type
from lotor.wire.errors import Malformed
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import (
    Authentication,
    Certificate,
    Configuration,
    Eap,
    Identification,
    Notification,
    SecurityAssociation,
    TrafficSelectors,
    encode_payload,
)
from peers.auth import End, Talk, client_policy, end, gateway_policy

SERVER_MSK = Secret(b"\x5a" * 64)


def server(question: RelayEap):
    """A RADIUS server that wants one word and has one challenge."""
    said = Packet.decode(question.attempt.packet)
    if not question.attempt.conversation:
        return EapRequest(packet.request(7, 99, b"?").encode(), b"began")
    if said.type == 99 and said.data == b"right":
        return EapAccepted("alice", packet.success(7).encode(), SERVER_MSK)
    return EapRefused(packet.failure(7).encode(), Refused(WrongPassword("alice")))


@dataclass
class Case:
    """A gateway, and a client that may say anything at any time with true keys of the IKE SA. `msk`: what it has of the
    login. `said_yes`: what must come before anything is given, which is a yes to each of `needs`, or any."""

    gateway: End
    client: End
    opening: tuple
    asked: Packet | None = None
    challenge: bytes = b""
    msk: Secret = field(default_factory=lambda: Secret(b""))
    proof_made: str = ""
    over: bool = False
    needs: tuple[type, ...] = ()
    name: str = "alice"

    @property
    def said_yes(self) -> bool:
        return bool(self.gateway.yes) and set(self.needs) <= set(self.gateway.yes)

    def send(self, *payloads) -> None:
        word = self.gateway.hear(Talk(self.client, self.gateway)._carry("client", payloads))
        if isinstance(word, Reply):
            self._hear(word.payloads)
        else:
            self.over = True

    def _hear(self, payloads) -> None:
        found = next((each for each in payloads if isinstance(each, Eap)), None)
        self.asked = Packet.decode(found.packet) if found is not None else None
        if self.asked is not None and self.asked.type == Type.MSCHAPV2:
            request = mschapv2.decode_request(self.asked.data)
            self.challenge = getattr(request, "challenge", self.challenge)

    def _eap(self, type_: int, data: bytes = b"") -> None:
        number = self.asked.identifier if self.asked is not None else 1
        self.send(Eap(Packet(Code.RESPONSE, number, type_, data).encode()))

    def _mine(self) -> bytes:
        return encode_payload(self.opening[0])

    def _proof(self, key: Secret) -> Authentication:
        return proofs.by_eap(self.client.session, key, self._mine(), ours=True)

    # --- letters -----------------------------------------------------------------------------------------------------

    def first(self) -> None:
        self.send(*self.opening)

    def first_forged(self) -> None:
        self.send(*self.opening, Authentication(2, bytes(32)))

    def identity(self) -> None:
        self._eap(Type.IDENTITY, self.name.encode())

    def right(self) -> None:
        self._respond("wonderland")

    def wrong(self) -> None:
        self._respond("wrong")

    def _respond(self, password: str) -> None:
        known = mschap.nt_hash(password)
        hashed = mschap.challenge_hash(self.challenge or bytes(16), bytes(16), "alice")
        response = mschap.nt_response(known, hashed)
        self.msk = mschap.msk(known, response)
        number = self.asked.identifier if self.asked is not None else 1
        self._eap(Type.MSCHAPV2, mschapv2.encode(mschapv2.Response(number, bytes(16), response, b"alice")))

    def acknowledge(self) -> None:
        self._eap(Type.MSCHAPV2, b"\3")

    def refuse_method(self) -> None:
        self._eap(Type.NAK, bytes([Type.GTC]))

    def token(self) -> None:
        self._eap(Type.GTC, b"wonderland")

    def wrong_token(self) -> None:
        self._eap(Type.GTC, b"wrong")

    def method(self) -> None:
        """Of EAP-TLS, something."""
        self._eap(Type.TLS, b"\0")

    def server_word(self) -> None:
        self._eap(99, b"right")

    def prove(self) -> None:
        """With the key of the login that this client took part in."""
        self.proof_made = "right"
        self.send(self._proof(self.msk))

    def prove_server(self) -> None:
        self.proof_made = "right"
        self.send(self._proof(SERVER_MSK))

    def prove_wrongly(self) -> None:
        self.proof_made = "wrong"
        self.send(self._proof(Secret(b"another key")))

    def give_up(self) -> None:
        self.send(Notification(NotifyType.AUTHENTICATION_FAILED))


LETTERS = {
    EapMethod.MSCHAPV2: (
        *("first", "first_forged", "identity", "right", "wrong", "acknowledge", "refuse_method", "token"),
        *("prove", "prove_wrongly", "give_up"),
    ),
    EapMethod.GTC: ("first", "identity", "token", "wrong_token", "acknowledge", "prove", "prove_wrongly"),
    EapMethod.RADIUS: ("first", "identity", "server_word", "token", "prove", "prove_server", "prove_wrongly"),
}
"""What a client can say. The first message is always needed, so that the rest of a sequence is short."""


def opening(client: End | None = None) -> tuple:
    """The payloads of a client that asks for everything."""
    client = client or end(client_policy(), initiator=True)
    client.story = auth.initiator(client.session)
    kept = (Identification, Authentication, Certificate, Configuration, SecurityAssociation, TrafficSelectors)
    return tuple(each for each in client.step(None).payloads if isinstance(each, (*kept, Notification)))


OPENING = tuple(each for each in opening() if not isinstance(each, Notification))
NO = (Refused, EapRefused, EapRequest, Untrusted, Failure, Challenge)


def noting(gateway: End, **answers) -> None:
    """`gateway.yes` has the type of every question that a judge said yes to. `answers`: of a judge, by the name of the
    question."""
    gateway.yes = []

    def noted(kind, answer):
        def judged(question):
            verdict = answer(question)
            if not isinstance(verdict, NO):
                gateway.yes.append(kind)
            return verdict

        return judged

    for kind in (CheckMschap, CheckLogin, RelayEap, JudgePeer):
        gateway.answers[kind] = noted(kind, answers.get(kind.__name__) or gateway.answers.get(kind) or gateway.answer)


def case(*methods: EapMethod, server: Callable = server) -> Case:
    gateway = end(gateway_policy(eap=methods), initiator=False)
    noting(gateway, RelayEap=server)
    return Case(gateway, end(client_policy(), initiator=True), OPENING)


def walk(make: Callable[[], Case], letters: Iterable[str], length: int, *begins: tuple[str, ...]):
    """Every sequence up to a length that begins with one of those; one that is over is not walked on. Which of them
    gave something, and how many there were; all are checked at each letter."""
    alive, given, walked = list(begins or (("first",),)), [], 0
    while alive:
        said = alive.pop()
        one = make()
        for letter in said:
            getattr(one, letter)()
        check(one, said)
        walked += 1
        if one.gateway.asked(Install):
            given.append(said)
        if not one.over and len(said) < length:
            alive.extend((*said, letter) for letter in letters)
    return given, walked


def check(one: Case, said) -> None:
    session, gateway = one.gateway.session, one.gateway
    received = gateway.asked(AcquireConfiguration) or gateway.asked(Install) or session.children.ids()
    if received or session.gates.all_open() or session.user:
        assert one.said_yes, said
        assert one.proof_made == "right", said
    assert len(gateway.asked(SignAuth)) <= 1, said
    known = (
        gateway.failed is None or isinstance(gateway.failed, Denied | Malformed) or hasattr(gateway.failed, "reason")
    )
    assert known, (said, gateway.failed)
