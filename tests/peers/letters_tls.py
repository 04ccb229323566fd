"""What a client can say to a gateway by methods of EAP on TLS, letter by letter, with TLS as it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lotor.crypto import mschap
from lotor.crypto.signatures import sign
from lotor.crypto.tls import KEYS, SCHEMES, TlsEnd, TlsIdentity
from lotor.ike.questions import CheckMschap, JudgePeer, StepTls
from lotor.model.algorithms import EapMethod
from lotor.model.secret import Secret
from lotor.model.tls import TlsMethod
from lotor.runtime.tls import Connection
from lotor.wire.eap import mschapv2, packet, peap
from lotor.wire.eap.packet import Code, Packet, Type
from lotor.wire.eap.tls import Assembly, Piece, cut
from lotor.wire.eap.ttls import Avp, AvpCode, MschapLogin, PapLogin, asked_within, encode_avps, login_avps
from lotor.wire.errors import Malformed
from lotor.wire.v2.payloads import Eap
from peers.auth import client_policy, end, gateway_policy
from peers.letters import OPENING, Case, noting
from peers.tls import GATEWAY, SCHEME, Steps, certificate, judged, key, shown_by


@dataclass
class OnTls(Case):
    """`heard`: what the gateway said within, last; `out`: what of this end waits for the next letter. `shows`: the name
    of this end's certificate."""

    method: TlsMethod = TlsMethod.TTLS
    shows: str = ""
    connection: Connection | None = None
    heard: bytes = b""
    out: bytes = b""
    stands: bool = False
    assembly: Assembly = field(default_factory=Assembly)

    # --- TLS ---------------------------------------------------------------------------------------------------------

    def _carry(self, octets: bytes) -> None:
        """Sends a flight, and takes what the gateway says to it."""
        for piece in cut(octets):
            if self.over:
                return
            self._eap(self.method.number, piece.encode())
        while (piece := self._piece()) is not None and piece.more and not self.over:
            self.assembly.add(piece)
            self._eap(self.method.number, Piece().encode())
        if piece is None or self.connection is None:
            return
        came = self.connection.step(self.assembly.add(piece) or b"", Secret(b""))
        self.out, self.heard, self.stands = came.out, came.inside.reveal(), came.stands
        if came.stands:
            self.msk = came.msk

    def _piece(self) -> Piece | None:
        if self.asked is None or self.asked.type != self.method.number or self.over:
            return None
        return Piece.decode(self.asked.data)

    def handshake(self) -> None:
        """Up to the keys; the last flight of this end waits for what is said within."""
        self.connection = Connection(TlsEnd.client(GATEWAY, self._own()), self.method)
        self.stands, begun = False, self.connection.step(b"", Secret(b""))
        self._carry(begun.out)
        for _ in range(4):
            if self.stands or self.over or not self.out:
                return
            self._carry(self.out)

    def _own(self) -> TlsIdentity | None:
        if not self.shows:
            return None
        name = self.shows

        def signed(number: int, octets: bytes) -> bytes:
            return sign(key(name), SCHEMES[number], octets)

        return TlsIdentity((certificate(name),), KEYS[SCHEME], signed)

    def within(self, octets: bytes) -> None:
        """Says it within; without a tunnel to anybody who reads it."""
        if self.connection is None or not self.stands:
            return self._eap(self.method.number, Piece(octets).encode())
        said = self.connection.step(b"", Secret(octets)).out if octets else b""
        out, self.out = self.out + said, b""
        return self._carry(out)

    # --- letters -----------------------------------------------------------------------------------------------------

    def nothing(self) -> None:
        """What is left of the handshake, or a packet without anything in it."""
        self.within(b"")

    def garbage(self) -> None:
        self.within(b"\0\0\0\1\x40\xff\xff\xff")

    def early_success(self) -> None:
        self.send(Eap(packet.success(1).encode()))

    def pap(self) -> None:
        self.within(encode_avps(login_avps(PapLogin("alice", Secret("wonderland")))))

    def wrong_pap(self) -> None:
        self.within(encode_avps(login_avps(PapLogin("alice", Secret("wrong")))))

    def bound(self) -> None:
        self._mschap(self.connection.end.export(b"ttls challenge", 17) if self.stands else bytes(17))

    def unbound(self) -> None:
        """To a challenge of the client's own choice, that it heard elsewhere."""
        self._mschap(bytes(17))

    def _mschap(self, both: bytes) -> None:
        hashed = mschap.challenge_hash(both[:16], bytes(16), "alice")
        response = mschap.nt_response(mschap.nt_hash("wonderland"), hashed)
        self.within(encode_avps(login_avps(MschapLogin("alice", both[16], both[:16], bytes(16), response))))

    # --- methods of EAP inside ---------------------------------------------------------------------------------------

    def inner_name(self) -> None:
        self._inner(Type.IDENTITY, b"alice")

    def inner_token(self) -> None:
        self._inner(Type.GTC, b"wonderland")

    def inner_wrong(self) -> None:
        self._inner(Type.GTC, b"wrong")

    def inner_right(self) -> None:
        asked = self._asked_within()
        number, challenge = 1, bytes(16)
        if asked is not None and asked.type == Type.MSCHAPV2:
            request = mschapv2.decode_request(asked.data)
            number, challenge = request.identifier, getattr(request, "challenge", challenge)
        hashed = mschap.challenge_hash(challenge, bytes(16), "alice")
        response = mschap.nt_response(mschap.nt_hash("wonderland"), hashed)
        self._inner(Type.MSCHAPV2, mschapv2.encode(mschapv2.Response(number, bytes(16), response, b"alice")))

    def inner_acknowledge(self) -> None:
        self._inner(Type.MSCHAPV2, b"\3")

    def result(self) -> None:
        self._inner(peap.EXTENSIONS, peap.encode_result(success=True))

    def _asked_within(self) -> Packet | None:
        try:
            if self.method is TlsMethod.PEAP:
                return peap.asked(self.heard, 1)
            return Packet.decode(asked_within(self.heard))
        except Malformed:
            return None

    def _inner(self, type_: int, data: bytes) -> None:
        asked = self._asked_within()
        said = Packet(Code.RESPONSE, asked.identifier if asked is not None else 1, type_, data).encode()
        self.within(
            peap.bare(said) if self.method is TlsMethod.PEAP else encode_avps((Avp(AvpCode.EAP_MESSAGE, said),))
        )


BEFORE = ("identity", "handshake", "nothing", "garbage", "early_success", "prove", "prove_wrongly")
LETTERS = {
    TlsMethod.TTLS: (*BEFORE, "pap", "wrong_pap", "bound", "unbound", "inner_name", "inner_token", "inner_wrong"),
    TlsMethod.PEAP: (*BEFORE, "inner_name", "inner_right", "inner_acknowledge", "result"),
    TlsMethod.TLS: (*BEFORE, "token"),
}
NEEDS = {TlsMethod.TTLS: (), TlsMethod.PEAP: (CheckMschap,), TlsMethod.TLS: (JudgePeer,)}
"""The judges without whom nobody gets in; of TTLS one of two."""


def case_on_tls(method: TlsMethod, shows: str = "", name: str = "alice") -> OnTls:
    """`name`: what the client calls itself."""
    policy = replace(gateway_policy(eap=(EapMethod(method.name.lower()),)), own=(shown_by(GATEWAY),))
    gateway = end(policy, initiator=False)
    gateway.session.abilities.schemes = frozenset({SCHEME})
    gateway.answers = {StepTls: Steps(GATEWAY), JudgePeer: judged}
    noting(gateway)
    case = OnTls(gateway, end(client_policy(), initiator=True), OPENING, method=method, shows=shows, name=name)
    case.needs = NEEDS[method]
    return case
