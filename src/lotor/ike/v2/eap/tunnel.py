"""A gateway's side of TLS inside of EAP (RFC 5216 §2.1, RFC 5281 §7, RFC 9190): the handshake in pieces, and what is
said within.

Whatever a client breaks on the way ends with EAP-Failure and a reason at both ends. The packets of one login are
counted: each piece of a flight is one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeVar

from lotor.ike.errors import PeerFault
from lotor.ike.questions import StepTls
from lotor.ike.v2.eap.talk import MOST_PACKETS, Talk, broken
from lotor.ike.v2.story import Story, ask
from lotor.model.judgement import Failure
from lotor.model.policy import Side
from lotor.model.reason import Reason
from lotor.model.reasons.proofs import EapBroken, TlsFailed
from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.model.tls import NOTHING, TlsMethod, TlsProgress, TlsTerms
from lotor.wire.eap.packet import Packet, Type
from lotor.wire.eap.tls import Assembly, Piece, cut
from lotor.wire.errors import Malformed

T = TypeVar("T")
LONGEST_FAULT = 200
"""Characters of what TLS says against the peer."""
NO_PROGRESS = TlsProgress()
SUCCESS_WITHIN = Secret(b"\0")
"""What a server of TLS 1.3 says last of all, so that nobody can cut a login short (RFC 9190 §2.5)."""


def guarded(talk: Talk, user: str, story: Story[T]) -> Story[T]:
    """A method on TLS: what the client says out of turn, or wrongly, is told to it by EAP-Failure."""
    try:
        return (yield from story)
    except Malformed as fault:
        refuse(talk, user, EapBroken(str(fault)))
    except PeerFault as fault:
        refuse(talk, user, fault.reason)


def refuse(talk: Talk, user: str, reason: Reason) -> NoReturn:
    talk.deny(_refused(talk, user, reason))


def _refused(talk: Talk, user: str, reason: Reason) -> Reason:
    """Why a login is refused, which is told once: what a client says to a refusal does not count."""
    before = talk.session.refused
    if before is None:
        talk.tell_refusal(user, reason)
    return before or reason


@dataclass(slots=True)
class Tunnel:
    """One connection of a login. `progress`: what came of the last step; `out`: what is still to be sent."""

    talk: Talk
    method: TlsMethod
    user: str
    out: bytes = field(default=b"", repr=False)
    packets: int = 0
    assembly: Assembly = field(default_factory=Assembly)
    progress: TlsProgress = NO_PROGRESS

    # --- the handshake -----------------------------------------------------------------------------------------------

    def stand(self, *, asks: bool) -> Story[Packet | None]:
        """The handshake, until the keys are there; the last flight of this end waits in `out`. A packet: the
        client does not want the method. `asks`: the client must show a certificate."""
        answer = yield from self.talk.ask(self.method.number, Piece(start=True).encode())
        if answer.type == Type.NAK:
            return answer
        octets = yield from self._whole(answer)
        session = self.talk.session
        chain, schemes = (session.own.chain, session.own.schemes) if session.own is not None else ((), ())
        scheme = next(iter(schemes), None)
        terms = TlsTerms(self.method, Side.GATEWAY, session.remote.name, chain, scheme, asks=asks)
        yield from self._step(octets, terms=terms)
        while not self.progress.stands:
            yield from self._step((yield from self._carry()))
        return None

    def demand_silence(self) -> None:
        """Of a client that has nothing to say within, or not yet."""
        if self.progress.inside:
            raise broken("the client speaks inside of TLS where it has nothing to say")

    # --- within ------------------------------------------------------------------------------------------------------

    def hear(self) -> Story[bytes]:
        """What the client says within, next; empty packets are those of a client that has nothing to say yet."""
        while not self.progress.inside:
            yield from self._step((yield from self._carry()))
        heard, self.progress = self.progress.inside.reveal(), replace(self.progress, inside=NOTHING)
        return heard

    def say(self, octets: bytes) -> Story[bytes]:
        """Says something within, and hears what the client answers to it."""
        yield from self._step(b"", inside=Secret(octets))
        return (yield from self.hear())

    def close(self, inside: Secret = NOTHING) -> Story[None]:
        """What is left to be sent, which the client acknowledges by a packet without anything in it."""
        if inside:
            yield from self._step(b"", inside=inside)
        octets = (yield from self._carry()) if self.out else b""
        if octets:  # an alert, most likely
            yield from self._step(octets)
            raise broken("the client goes on where it has nothing to say any more")

    # --- pieces ------------------------------------------------------------------------------------------------------

    def _step(self, octets: bytes, *, inside: Secret = NOTHING, terms: TlsTerms | None = None) -> Story[None]:
        answer = yield from ask(StepTls(self.talk.session.id, terms, octets, inside))
        if isinstance(answer, Failure):
            refuse(self.talk, self.user, answer.reason)
        self.progress, self.out = answer, self.out + answer.out
        if answer.fault:
            yield from self._end(answer.fault)

    def _end(self, fault: str) -> Story[None]:
        """The alert goes to the client first, whose answer to it does not count (RFC 5216 §2.1.3)."""
        detail = clean(fault, longest=LONGEST_FAULT)
        failed = TlsFailed(self.method.name, self.talk.session.path.remote.address, detail)
        reason = _refused(self.talk, self.user, failed)
        if self.out:
            with suppress(Malformed, PeerFault):
                yield from self.talk.ask(self.method.number, cut(self.out)[0].encode())
        self.talk.deny(reason)

    def _carry(self) -> Story[bytes]:
        """What is to be sent, in pieces; the client's next flight, which may be empty."""
        pieces, self.out = cut(self.out), b""
        for piece in pieces[:-1]:
            answer = yield from self._ask(piece)
            if not Piece.decode(answer.data).acknowledges:
                raise broken("a client that speaks before it has heard all of it")
        answer = yield from self._ask(pieces[-1])
        return (yield from self._whole(answer))

    def _whole(self, answer: Packet) -> Story[bytes]:
        """The client's flight, of which `answer` has the first piece."""
        while True:
            piece = Piece.decode(answer.data)
            if piece.start or piece.version:
                raise broken(f"a piece of TLS of version {piece.version} that begins anew or is not spoken here")
            whole = self.assembly.add(piece)
            if whole is not None:
                return whole
            answer = yield from self._ask(Piece())

    def _ask(self, piece: Piece) -> Story[Packet]:
        self.packets += 1
        if self.packets > MOST_PACKETS:
            raise broken(f"more than {MOST_PACKETS} packets of TLS")
        answer = yield from self.talk.ask(self.method.number, piece.encode())
        if answer.type != self.method.number:
            raise broken("a method was refused that had begun")
        return answer
