"""EAP-TLS at the gateway (RFC 5216, RFC 9190): a person's certificate inside of EAP.

TLS proves that the client holds the key of the certificate that it shows. `trust` judges the rest as in IKE_AUTH, and
that the certificate vouches for the name that the client gave. Who gets in is that name as the certificate writes it:
large and small letters make nobody another user.
"""

from __future__ import annotations

from lotor.ike.events import Judged
from lotor.ike.questions import JudgePeer
from lotor.ike.v2.eap.talk import Proved, Talk
from lotor.ike.v2.eap.tunnel import SUCCESS_WITHIN, Tunnel, guarded, refuse
from lotor.ike.v2.story import Story, ask
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import PeerProof, Trusted
from lotor.model.reason import Reason
from lotor.model.tls import NOTHING, TlsMethod
from lotor.wire.eap.packet import Packet


def gateway(talk: Talk, user: str) -> Story[Proved | Packet]:
    return (yield from guarded(talk, user, _gateway(talk, user)))


def _gateway(talk: Talk, user: str) -> Story[Proved | Packet]:
    tunnel = Tunnel(talk, TlsMethod.TLS, user)
    refused = yield from tunnel.stand(asks=True)
    if refused is not None:
        return refused
    tunnel.demand_silence()
    msk = tunnel.progress.msk
    certified = yield from _judge(talk, user, tunnel.progress.chain)
    yield from tunnel.close(SUCCESS_WITHIN if tunnel.progress.newer else NOTHING)
    return Proved(certified, msk, talk.success())


def _judge(talk: Talk, user: str, chain: tuple[bytes, ...]) -> Story[str]:
    session = talk.session
    proof = PeerProof(
        remote=session.remote.name,
        chain=chain,
        identity=claimed(user),
        signed=b"",
        signature=b"",
        address=session.peer_address,
        client=True,
        in_tls=True,
    )
    verdict = yield from ask(JudgePeer(proof))
    if not isinstance(verdict, Trusted):
        _tell(talk, user, verdict.reason)
        refuse(talk, user, verdict.reason)
    _tell(talk, verdict.login, f"the certificate of {verdict.subject} is trusted, and its key was proved in TLS")
    return verdict.login


def claimed(user: str) -> Identity:
    """A name of EAP as certificates have it: an address of mail, or else a name of a host, which stands for any."""
    return Identity(IdKind.USER_FQDN if "@" in user else IdKind.FQDN, user.encode())


def _tell(talk: Talk, user: str, verdict: str | Reason) -> None:
    talk.session.context.tell(Judged(talk.session.id, user, verdict))
