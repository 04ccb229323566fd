"""What a gateway can say to a client of IKEv2, letter by letter, whoever it is: proved or not, with TLS of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lotor.ike.questions import JudgePeer, StepTls
from lotor.ike.v2 import auth, proofs
from lotor.ike.v2.story import Request
from lotor.model.algorithms import EapMethod, SignatureScheme
from lotor.model.policy import Side
from lotor.model.secret import Secret
from lotor.model.tls import NOTHING, TlsMethod, TlsTerms
from lotor.wire.eap import mschapv2, packet, peap
from lotor.wire.eap.packet import Packet, Type
from lotor.wire.eap.tls import Assembly, Piece, cut
from lotor.wire.eap.ttls import Avp, AvpCode, encode_avps
from lotor.wire.v2.payloads import Authentication, Eap, Identification, encode_payload
from peers.auth import End, Talk, client_policy, end, gateway_policy
from peers.tls import GATEWAY, SCHEME, Steps, certificate, judged

PASSWORD = b"wonderland"
ON_TLS = {Type.TTLS: TlsMethod.TTLS, Type.PEAP: TlsMethod.PEAP}


@dataclass
class Rogue:
    """`name`: whose certificate it shows in TLS. `word`: what the client said last; `method`: the last one on TLS."""

    name: str
    client: End
    honest: End
    opening: tuple = ()
    word: object = None
    number: int = 1
    method: int = Type.TTLS
    msk: Secret = field(default_factory=lambda: NOTHING)
    server: Steps | None = None
    assembly: Assembly = field(default_factory=Assembly)
    said: list[Packet] = field(default_factory=list)
    proved_itself: bool = False

    @property
    def over(self) -> bool:
        return not isinstance(self.word, Request)

    def say(self, *payloads) -> None:
        self.word = self.client.step(Talk(self.client, self.honest)._carry("gateway", payloads))
        if isinstance(self.word, Request):
            self.said.extend(Packet.decode(each.packet) for each in self.word.payloads if isinstance(each, Eap))

    def ask(self, type_: int, data: bytes = b"") -> None:
        self.number = self.number % 255 + 1
        self.say(Eap(packet.request(self.number, type_, data).encode()))

    # --- who it is ---------------------------------------------------------------------------------------------------

    def proved(self) -> None:
        self.proved_itself = True
        self.say(*self.opening)

    def forged(self) -> None:
        self.say(*map(_forged, self.opening))

    def unproved(self) -> None:
        self.say(*(each for each in self.opening if not isinstance(each, Authentication)))

    def only_asks(self) -> None:
        self.ask(Type.GTC, b"Password: ")

    # --- methods -----------------------------------------------------------------------------------------------------

    def token(self) -> None:
        self.ask(Type.GTC, b"Password: ")

    def challenge(self) -> None:
        self.ask(Type.MSCHAPV2, mschapv2.encode(mschapv2.Challenge(1, bytes(16), b"rogue")))

    def believed(self) -> None:
        """As if it knew the password."""
        self.ask(Type.MSCHAPV2, mschapv2.encode(mschapv2.Success(1, bytes(20), "welcome")))

    def ttls(self) -> None:
        self._tls(Type.TTLS)

    def peap(self) -> None:
        self._tls(Type.PEAP)

    def _tls(self, method: int) -> None:
        """The handshake, as far as the client goes."""
        self.method, self.server = method, Steps(self.name)
        self.ask(method, Piece(start=True).encode())
        scheme: SignatureScheme = SCHEME
        terms = TlsTerms(ON_TLS[Type(method)], Side.GATEWAY, "gw", (certificate(self.name),), scheme)
        for _ in range(4):
            flight = self._flight()
            if flight is None:
                return
            progress = self.server(StepTls(1, terms, flight, NOTHING))
            terms = None
            if progress.stands:
                self.msk = progress.msk
                return
            self._send(progress.out)

    def _flight(self) -> bytes | None:
        """The client's, whole; None where it says nothing of TLS."""
        while not self.over and self.said and self.said[-1].type == self.method:
            whole = self.assembly.add(Piece.decode(self.said[-1].data))
            if whole is not None:
                return whole
            self.ask(self.method, Piece().encode())
        return None

    def _send(self, out: bytes) -> None:
        for piece in cut(out):
            if self.over:
                return
            self.ask(self.method, piece.encode())

    def _within(self, octets: bytes) -> None:
        if self.server is None or self.server.connection is None or not self.msk:
            return self.ask(self.method, Piece(octets).encode())
        return self._send(self.server(StepTls(1, None, b"", Secret(octets))).out)

    def token_within(self) -> None:
        asked = packet.request(9, Type.GTC, b"Password: ").encode()
        bare = self.method == Type.PEAP
        self._within(peap.bare(asked) if bare else encode_avps((Avp(AvpCode.EAP_MESSAGE, asked),)))

    def result(self) -> None:
        self._within(packet.request(9, peap.EXTENSIONS, peap.encode_result(success=True)).encode())

    # --- ends --------------------------------------------------------------------------------------------------------

    def success(self) -> None:
        self.say(Eap(packet.success(self.number).encode()))

    def failure(self) -> None:
        self.say(Eap(packet.failure(self.number).encode()))

    def let_in(self) -> None:
        """AUTH with what it has of the login."""
        named = next(each for each in self.opening if isinstance(each, Identification))
        self.say(proofs.by_eap(self.honest.session, self.msk, encode_payload(named), ours=True))


def _forged(payload):
    return replace(payload, data=b"?" + payload.data) if isinstance(payload, Authentication) else payload


def rogue(name: str = GATEWAY, **terms) -> Rogue:
    """Before its first answer. `terms`: more of the client's policy."""
    methods = (EapMethod.MSCHAPV2, EapMethod.GTC, EapMethod.TTLS, EapMethod.PEAP)
    client = end(client_policy(eap=methods, **terms), initiator=True)
    honest = end(gateway_policy(eap=(EapMethod.GTC,)), initiator=False)
    client.answers |= {StepTls: Steps("nobody"), JudgePeer: judged}
    client.story = auth.initiator(client.session)
    first = client.step(None)
    answered = honest.hear(Talk(client, honest)._carry("client", first.payloads))
    return Rogue(name, client, honest, answered.payloads, first)
