"""A client that knows the protocol and none of its manners: it completes phase 1 and then says what it likes."""

from __future__ import annotations

from dataclasses import dataclass, field

from lotor.ike.dialect import Incoming
from lotor.ike.effects import Transmit
from lotor.ike.v1.seal import PhaseTwoChannel, PlainHashInput, QuickHashInput, phase_two
from lotor.ike.v1.session import V1Session
from lotor.wire.header import Header
from lotor.wire.v1.numbers import ExchangeType
from peers.world import Host, World


@dataclass
class Intruder:
    """Borrows the keys of an honest client's session and talks in its name."""

    world: World
    client: Host
    gateway: Host
    channels: dict[int, PhaseTwoChannel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session: V1Session = next(iter(self.client.endpoint._sessions.by_id.values()))

    def channel(self, message_id: int, *, quick: bool = False) -> PhaseTwoChannel:
        if message_id not in self.channels:
            record = self.session.isakmp_sa
            hash_input = QuickHashInput() if quick else PlainHashInput()
            self.channels[message_id] = phase_two(record.keys, record.last_block, message_id, hash_input)
        return self.channels[message_id]

    def say(self, kind: ExchangeType, message_id: int, *payloads) -> list[bytes]:
        """Send one message under the client's keys; the datagrams that the gateway answers with."""
        channel = self.channel(message_id, quick=kind is ExchangeType.QUICK)
        header = self.session.header(kind, message_id)
        return self.raw(channel.wrap(header, payloads, encrypt=True))

    def raw(self, datagram: bytes, seconds: float = 1.0) -> list[bytes]:
        """Send any octets over the client's path; what the gateway sends in the next moment."""
        before = len(self.world.wire)
        self.world.do(self.client, [Transmit(datagram, self.session.path)])
        self.world.run(seconds)
        return [data for _, source, _, data in self.world.wire[before:] if source.address == self.gateway.address]

    def read(self, datagram: bytes):
        """The payloads of an answer to one of our messages."""
        header = Header.decode(datagram)
        channel = self.channel(header.message_id, quick=header.exchange == ExchangeType.QUICK)
        proved = channel.prove(channel.open(Incoming(header, datagram[Header.SIZE :])))
        channel.commit(proved)
        return proved.chain
