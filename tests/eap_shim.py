"""A gateway's login by EAP (lotor.ike.v2.eap) behind RADIUS in place of IKE, for programs that speak EAP over RADIUS
alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count

from lotor.ike.questions import CheckLogin, CheckMschap, JudgePeer, Question, RelayEap, StepTls
from lotor.ike.v2.denied import Denied
from lotor.ike.v2.eap import gateway
from lotor.ike.v2.eap.talk import Proved
from lotor.ike.v2.message import Message
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Put, Reply
from lotor.model.algorithms import EapMethod
from lotor.model.eap import eap_verdict, login_of, mschap_verdict
from lotor.model.identity import Identity, IdKind
from lotor.ports.auth import LoginBackend
from lotor.wire.header import Header
from lotor.wire.v2.chain import Chain, Received
from lotor.wire.v2.payloads import Eap
from peers import devices
from peers.reception import USUAL, visit
from peers.tls import GATEWAY, Steps, judged, shown_by
from radius_double import ACCEPT, CHALLENGE, REJECT, Asked, Scripted, answer, attribute, hidden, message

STATE, EAP_MESSAGE = 24, 79
RECV, SEND = 17, 16


def session_of(methods: tuple[EapMethod, ...]) -> V2Session:
    """One that has its keys, at a gateway that asks for these methods, with a certificate of its own."""
    guest = visit(devices.android(), *USUAL, eap=methods)
    assert guest.begin()
    (session,) = guest.gateway.endpoint._sessions.by_id.values()
    session.own = shown_by(GATEWAY)
    return session


@dataclass
class Conversation:
    """One login. `outcome`: `Proved` or `Denied` when it is over."""

    session: V2Session
    logins: LoginBackend
    outcome: Proved | Denied | None = None
    steps: Steps = field(default_factory=lambda: Steps(GATEWAY))

    def __post_init__(self) -> None:
        claimed = Identity(IdKind.IPV4_ADDR, bytes([192, 168, 1, 2]))
        self.story = gateway.login(self.session, (), claimed)

    async def begin(self, identity: bytes) -> bytes:
        """A gateway asks for the identity; whoever speaks RADIUS has asked already."""
        asked = await self._go_on(None)
        return await self.hear(identity[:1] + asked[1:2] + identity[2:])

    async def hear(self, packet: bytes) -> bytes:
        """What is said to the client's packet."""
        payload = Eap(packet)
        chain = Chain((Received(Eap.payload_type, packet, payload, 0),))
        header = Header(bytes(8), bytes(8), 0, 35, 8, 1, version=0x20)
        return await self._go_on(Message(header, chain, self.session.path, protected=True))

    async def _go_on(self, answer: object) -> bytes:
        try:
            word = self.story.send(answer)
            while isinstance(word, Put):
                word = self.story.send(await self._answer(word.question))
        except StopIteration as end:
            self.outcome = end.value
            return end.value.packet
        except Denied as end:
            self.outcome = end
            return next(each.packet for each in end.payloads if isinstance(each, Eap))
        assert isinstance(word, Reply)
        return next(each.packet for each in word.payloads if isinstance(each, Eap))

    async def _answer(self, question: Question) -> object:
        """As lotor.runtime.answers does it."""
        match question:
            case CheckLogin():
                return await self.logins.judge(question.attempt)
            case CheckMschap():
                attempt = login_of(question.attempt)
                return mschap_verdict(attempt.user, await self.logins.judge(attempt))
            case StepTls():
                return self.steps(question)
            case JudgePeer():
                return judged(question)
            case RelayEap():
                attempt = login_of(question.attempt)
                return eap_verdict(attempt.user, await self.logins.judge(attempt))
        raise TypeError(question)


@dataclass
class Shim(Scripted):
    """A RADIUS server of one gateway. `conversations`: all that were begun, by the State of RADIUS. `broken`
    raises what went wrong here."""

    logins: LoginBackend | None = None
    methods: tuple[EapMethod, ...] = ()
    conversations: dict[bytes, Conversation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = count(1)
        self._tasks = set()
        self.broken: asyncio.Future = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, addr):
        asked = Asked(data, addr, self.secret)
        if data not in [each.octets for each in self.asked]:  # else it is heard already, and is being answered
            self.asked.append(asked)
            task = asyncio.ensure_future(self._serve(asked))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def _serve(self, asked: Asked) -> None:
        packet = b"".join(value for number, value in asked.attributes if number == EAP_MESSAGE)
        state = asked.first(STATE)
        if state is None:
            state = str(next(self._numbers)).encode()
            self.conversations[state] = Conversation(session_of(self.methods), self.logins)
            said = await self.conversations[state].begin(packet)
        else:
            said = await self.conversations[state].hear(packet)
        self.transport.sendto(self._answered(asked, state, said), asked.source)

    def _answered(self, asked: Asked, state: bytes, said: bytes) -> bytes:
        """As a server of RADIUS says it (RFC 3579), with the keys of a yes."""
        match self.conversations[state].outcome:
            case None:
                return answer(asked, CHALLENGE, message(said), attribute(STATE, state))
            case Proved(msk=msk) if msk.reveal():
                recv, send = msk.reveal()[:32], msk.reveal()[32:]
                keys = (recv[:16], recv[16:]) if not any(send) else (recv, send)
                both = hidden(asked, RECV, keys[0]), hidden(asked, SEND, keys[1])
                return answer(asked, ACCEPT, message(said), *both)
            case Proved():
                return answer(asked, ACCEPT, message(said))
        return answer(asked, REJECT, message(said))

    def _done(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if task.exception() is not None and not self.broken.done():
            self.broken.set_exception(task.exception())
