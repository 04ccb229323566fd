"""A gateway and a client of this process, datagram by datagram, without a network: for what one datagram costs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import count
from typing import Any

from lotor.crypto import hashes
from lotor.ike.effects import Ask, Effect, Transmit
from lotor.ike.endpoint import Endpoint
from lotor.ike.intents import Connect
from lotor.ike.questions import (
    AcquireConfiguration,
    AdmitConfiguration,
    Agree,
    Answer,
    AskPerson,
    CheckLogin,
    JudgePeer,
    Question,
    ReserveSpi,
    Sign,
)
from lotor.ike.v1.seal import QuickHashInput, phase_two
from lotor.ike.v1.session import V1Session
from lotor.model.algorithms import AuthMethod, Cipher, EspSuite, Group, Hash, IkeSuite, Integrity
from lotor.model.configuration import ModeConfiguration
from lotor.model.judgement import Failure, Signature, Trusted
from lotor.model.login import Accepted, Credentials
from lotor.model.network import Path, Peer
from lotor.model.policy import ChildPolicy, Dpd, ExchangeMode, Policy, ProposalCheck, RemotePolicy, Side, Switch
from lotor.model.prompt import Field
from lotor.model.reasons.local import EngineFault
from lotor.model.secret import Secret
from lotor.runtime.randomness import SystemRandomness
from lotor.wire.v1.numbers import ExchangeType
from lotor.wire.v1.payloads import Payload

SUITE = IkeSuite(Cipher.AES_CBC, 128, Hash.SHA1, Group.MODP1024, AuthMethod.HYBRID_RSA, 28800)
CHILD = ChildPolicy((EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1),), lifetime=3600)
HERE, THERE = Peer(IPv4Address("192.0.2.50"), 4500), Peer(IPv4Address("198.51.100.10"), 4500)
GATEWAY = RemotePolicy(
    name="anonymous",
    side=Side.GATEWAY,
    address=None,
    port=500,
    exchange_modes=(ExchangeMode.AGGRESSIVE, ExchangeMode.MAIN),
    proposals=(SUITE,),
    proposal_check=ProposalCheck.CLAIM,
    certificates=(bytes(1100),),
    nat_traversal=Switch.FORCE,
    dpd=Dpd(delay=20),
)
CLIENT = replace(
    GATEWAY,
    name="gateway",
    side=Side.CLIENT,
    address=HERE.address,
    exchange_modes=(ExchangeMode.AGGRESSIVE,),
    certificates=(),
    mode_cfg=True,
    send_cr=False,
)
NOW = 1000.0


_SPIS = count(0x1000)


def _agreed(asked: Agree) -> Answer:
    try:
        return Secret(asked.dh.agree(asked.public))
    except ValueError as fault:
        return Failure(EngineFault(str(fault)))


ANSWERS: dict[type[Question[Any]], Callable[[Any], Answer]] = {
    Sign: lambda asked: Signature(hashes.signed(asked.made_of)),
    JudgePeer: lambda _: Trusted("CN=gateway"),
    Agree: _agreed,
    CheckLogin: lambda _: Accepted("alice"),
    AskPerson: lambda _: Credentials(((Field.USER_NAME, Secret("alice")), (Field.PASSWORD, Secret("wonderland")))),
    AcquireConfiguration: lambda _: ModeConfiguration(IPv4Address("10.99.99.1"), IPv4Address("255.255.255.0")),
    AdmitConfiguration: lambda _: None,
    ReserveSpi: lambda _: next(_SPIS),
}
"""Every login is right; a question that is not here has no answer to speak of."""


class End:
    """One end, whose questions have their answers at once."""

    def __init__(self, here: Peer, there: Peer, policy: Policy) -> None:
        self.path = Path(here, there, floated=True)
        self.endpoint = Endpoint(policy, SystemRandomness())
        self.now = NOW

    def receive(self, datagram: bytes) -> list[bytes]:
        """The datagrams that leave for it."""
        return self.settle(self.endpoint.receive(datagram, self.path, self.now))

    def wait(self) -> list[bytes]:
        """Until something is due."""
        deadline = self.endpoint.deadline()
        self.now = max(self.now, deadline.at if deadline is not None else self.now)
        return self.settle(self.endpoint.tick(self.now))

    def settle(self, effects: list[Effect]) -> list[bytes]:
        sent, todo = list[bytes](), deque(effects)
        while todo:
            effect = todo.popleft()
            if isinstance(effect, Transmit):
                sent.append(effect.data)
            elif isinstance(effect, Ask):
                answer = ANSWERS.get(type(effect.question), lambda _: None)(effect.question)
                todo += self.endpoint.answer(effect.ticket, answer, self.now)
        return sent


class Both:
    """A client that is in. `say` writes under its keys whatever a caller likes."""

    def __init__(self, child: ChildPolicy = CHILD) -> None:
        self.gateway = End(HERE, THERE, Policy((GATEWAY,), child))
        self.client = End(THERE, HERE, Policy((CLIENT,), CHILD))
        self._talk(self.client.settle(self.client.endpoint.command(Connect("gateway", self.client.path, 1), NOW)))
        (session,) = self.client.endpoint._sessions.by_id.values()  # noqa: SLF001 - whose keys `say` borrows
        if not isinstance(session, V1Session):
            raise TypeError("only IKEv1 is spoken here")
        self.session = session
        while not len(self.session.children):
            self._talk(self.client.wait())

    def _talk(self, said: list[bytes]) -> None:
        ends = (self.gateway, self.client)
        while said:
            said = [answer for datagram in said for answer in ends[0].receive(datagram)]
            ends = ends[::-1]

    def say(self, kind: ExchangeType, message_id: int, *payloads: Payload) -> bytes:
        record = self.session.isakmp_sa
        hash_input = QuickHashInput() if kind is ExchangeType.QUICK else None
        channel = phase_two(record.keys, record.last_block, message_id, hash_input)
        return channel.wrap(self.session.header(kind, message_id), payloads, encrypt=True)
