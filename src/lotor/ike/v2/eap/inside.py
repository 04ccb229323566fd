"""A client's side of TLS inside of EAP (RFC 5216, RFC 5281, RFC 9190): its certificate, or a login within.

Nothing is said within before the server's certificate was judged as the gateway's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lotor.ike.errors import LocalFault, PolicyRefusal
from lotor.ike.questions import JudgePeer, StepTls
from lotor.ike.v2.eap.talk import broken
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Story, ask
from lotor.model.judgement import Failure, PeerProof, Trusted
from lotor.model.own_certificate import OwnCertificate
from lotor.model.policy import Side
from lotor.model.reason import Reason
from lotor.model.reasons.proofs import ServerNotProved, TlsFailed
from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.model.tls import NOTHING, TlsMethod, TlsProgress, TlsTerms
from lotor.wire.eap.packet import Packet
from lotor.wire.eap.tls import Assembly, Piece, cut
from lotor.wire.v2.numbers import NotifyType

Within = Callable[[bytes], Story[bytes]]
"""What the client says to what it heard within; first to nothing, and nothing to be silent."""
LONGEST_FAULT = 200
"""Characters of what TLS says against the gateway."""
_FAILED = NotifyType.AUTHENTICATION_FAILED


def silent(heard: bytes) -> Story[bytes]:
    """Of EAP-TLS: a server of TLS 1.3 says one octet, and a client nothing."""
    del heard
    yield from ()
    return b""


def certificate_of(session: V2Session) -> OwnCertificate | None:
    """By which a person logs in."""
    return session.own or next(iter(session.remote.own), None)


@dataclass(slots=True)
class Inside:
    """The connection of a login. `pieces`: of a flight that is under way; `msk` None until the handshake is done.
    `heard`: whether a server of TLS 1.3 has said that it is content. `fault`: why TLS came to nothing; the gateway is
    told by an alert, and ends it."""

    session: V2Session
    method: TlsMethod
    within: Within
    msk: Secret | None = None
    heard: bool = False
    newer: bool = False
    begun: bool = False
    fault: Reason | None = None
    pieces: list[Piece] = field(default_factory=list)
    assembly: Assembly = field(default_factory=Assembly)

    @property
    def done(self) -> bool:
        """Whether success may follow. That of EAP-TLS over TLS 1.3 is said within as well (RFC 9190 §2.5)."""
        said = self.heard or not self.newer or self.method is not TlsMethod.TLS
        return self.msk is not None and said and not self.pieces and self.fault is None

    def answer(self, asked: Packet) -> Story[bytes]:
        """The data of the response to a request of the method. `Malformed` for what is none."""
        piece = Piece.decode(asked.data)
        if piece.start:
            return (yield from self._start(piece))
        if not self.begun or piece.version:
            raise broken(f"TLS of version {piece.version} that has not begun")
        if self.pieces:
            if not piece.acknowledges:
                raise broken("a gateway that speaks before it has heard all of it")
            return self.pieces.pop(0).encode()
        whole = self.assembly.add(piece)
        if whole is None:
            return Piece().encode()
        return (yield from self._take(whole))

    def _start(self, piece: Piece) -> Story[bytes]:
        if self.begun:
            raise broken("TLS that begins a second time")
        if piece.data:
            raise broken("a start of TLS with something behind it")
        self.begun = True
        remote, dialled = self.session.remote, self.session.dialled
        host = dialled.host if dialled is not None and dialled.host else str(self.session.peer_address)
        own = certificate_of(self.session) if self.method is TlsMethod.TLS else None
        shown = (own.chain, next(iter(own.schemes), None)) if own is not None else ((), None)
        terms = TlsTerms(self.method, Side.CLIENT, remote.name, *shown, host=host)
        return self._cut((yield from self._step(b"", terms=terms)).out)

    def _take(self, octets: bytes) -> Story[bytes]:
        progress = yield from self._step(octets)
        if progress.fault or not progress.stands:
            return self._cut(progress.out)
        out, first = progress.out, self.msk is None
        if first:
            yield from self._judge(progress.chain)
            self.msk, self.newer = progress.msk, progress.newer
        inside = progress.inside.reveal()
        self.heard = self.heard or bool(inside)
        said = yield from self.within(inside) if (inside or first) else silent(b"")
        if said:
            out += (yield from self._step(b"", inside=Secret(said))).out
        return self._cut(out)

    def _cut(self, out: bytes) -> bytes:
        first, *self.pieces = cut(out)
        return first.encode()

    def _step(self, octets: bytes, *, inside: Secret = NOTHING, terms: TlsTerms | None = None) -> Story[TlsProgress]:
        answer = yield from ask(StepTls(self.session.id, terms, octets, inside))
        if isinstance(answer, Failure):
            raise LocalFault(answer.reason, _FAILED)
        if answer.fault:
            detail = clean(answer.fault, longest=LONGEST_FAULT)
            self.fault = TlsFailed(self.method.name, self.session.path.remote.address, detail)
        return answer

    def _judge(self, chain: tuple[bytes, ...]) -> Story[None]:
        """By the rules for the gateway itself: its name counts, whoever it lets speak, unless the configuration names
        another server."""
        session, dialled = self.session, self.session.dialled
        named = session.proved.identity if session.proved is not None else session.claimed
        if named is None:
            raise broken("TLS before the gateway has proved itself")
        proof = PeerProof(
            remote=session.remote.name,
            chain=chain,
            identity=named,
            signed=b"",
            signature=b"",
            address=session.peer_address,
            host=dialled.host if dialled is not None else None,
            in_tls=True,
            vouched=session.vouched,
        )
        verdict = yield from ask(JudgePeer(proof))
        if not isinstance(verdict, Trusted):
            gateway = session.path.remote.address
            raise PolicyRefusal(ServerNotProved(self.method.name, gateway, verdict.reason.text), _FAILED)
