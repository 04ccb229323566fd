"""EAP-TTLS at the gateway (RFC 5281): a login inside of TLS, where a password may be shown as it is.

The client begins within, by a password (PAP), a response of MSCHAPv2, or another method of EAP. Who logs in is said
inside; the identity before it is a hint.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from lotor.ike.questions import CheckLogin, CheckMschap
from lotor.ike.v2.eap import gtc, mschap
from lotor.ike.v2.eap.talk import Proved, Talk, broken
from lotor.ike.v2.eap.tunnel import Tunnel, guarded, refuse
from lotor.ike.v2.story import Story, ask
from lotor.model.eap import MSCHAP_CHALLENGE, MschapAttempt, without_domain
from lotor.model.login import Accepted, LoginAttempt, Refused
from lotor.model.prompt import Field
from lotor.model.reason import Reason
from lotor.model.reasons.logins import LoginReason, OneRound
from lotor.model.reasons.proofs import NoCommonMethod
from lotor.model.secret import Secret
from lotor.model.tls import NOTHING, TlsMethod
from lotor.wire.eap import mschapv2, packet
from lotor.wire.eap.packet import Packet, Type
from lotor.wire.eap.ttls import (
    MICROSOFT,
    Avp,
    AvpCode,
    InnerEap,
    MicrosoftCode,
    MschapLogin,
    PapLogin,
    decode_avps,
    encode_avps,
    login_of,
)

Method = Callable[[Talk, str], Story[Proved | Packet]]
INNER: Mapping[int, Method] = {Type.GTC: gtc.gateway, Type.MSCHAPV2: mschap.gateway}
"""Methods of EAP inside, in the order in which they are asked for: every back end can judge the first."""


def gateway(talk: Talk, user: str) -> Story[Proved | Packet]:
    return (yield from guarded(talk, user, _gateway(talk, user)))


def _gateway(talk: Talk, user: str) -> Story[Proved | Packet]:
    tunnel = Tunnel(talk, TlsMethod.TTLS, user)
    refused = yield from tunnel.stand(asks=False)
    if refused is not None:
        return refused
    msk, challenge = tunnel.progress.msk, tunnel.progress.challenge.reveal()
    match login_of(decode_avps((yield from tunnel.hear()))):
        case PapLogin() as login:
            proved = yield from _by_password(talk, login)
        case MschapLogin() as login:
            proved = yield from _by_mschap(tunnel, login, challenge)
        case InnerEap(octets):
            proved = yield from by_eap(Inner(talk.session, tunnel=tunnel), octets)
    return replace(proved, msk=msk, packet=talk.success())


# --- PAP, MSCHAPv2 ---------------------------------------------------------------------------------------------------


def _by_password(talk: Talk, login: PapLogin) -> Story[Proved]:
    """In one round: a second factor is typed behind the password, as with clients of XAUTH that ask once."""
    session, user = talk.session, login.user
    talk.tell_round(1, Field.USER_NAME, Field.PASSWORD)
    answers = ((Field.USER_NAME, Secret(user)), (Field.PASSWORD, login.password))
    attempt = LoginAttempt(user, answers, session.path.remote, gateway=session.path.local.address, ike=2)
    verdict = yield from ask(CheckLogin(session.id, attempt, session.registry.continues(session, user).id))
    if isinstance(verdict, Accepted):
        return Proved(verdict.user, NOTHING, b"", verdict.grants)
    reason = verdict.reason if isinstance(verdict, Refused) else OneRound(user, "TTLS with PAP")
    _refuse(talk, user, reason)


def _by_mschap(tunnel: Tunnel, login: MschapLogin, challenge: bytes) -> Story[Proved]:
    """RFC 5281 §11.2.4: TLS says what is responded to. The client sees by the answer that this end knows the
    password."""
    bound, talk = login.challenge + bytes((login.identifier,)), tunnel.talk
    if not hmac.compare_digest(bound, challenge):
        raise broken("a response of MSCHAPv2 to another challenge than that of this TLS")
    talk.tell_round(1, Field.USER_NAME, Field.PASSWORD)
    session, response = talk.session, login.response
    said = (login.challenge[:MSCHAP_CHALLENGE], login.peer_challenge, response, session.path.remote)
    attempt = MschapAttempt(login.user, *said, gateway=session.path.local.address)
    goes_on = session.registry.continues(session, without_domain(login.user))
    verdict = yield from ask(CheckMschap(session.id, attempt, goes_on.id))
    if isinstance(verdict, Refused):
        _refuse(talk, login.user, verdict.reason)
    shown = mschapv2.success_text(verdict.authenticator).partition(b" ")[0]  # 42 octets (RFC 2548 §2.3.3)
    told = Avp(MicrosoftCode.MS_CHAP2_SUCCESS, bytes((login.identifier,)) + shown, MICROSOFT)
    yield from tunnel.close(Secret(encode_avps((told,))))
    return Proved(verdict.user, NOTHING, b"", verdict.grants)


def _refuse(talk: Talk, user: str, reason: LoginReason) -> NoReturn:
    told = reason.but(user=reason.user or user)
    refuse(talk, told.user, told)


# --- EAP inside ------------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Inner(Talk):
    """The conversation inside of the tunnel: packets travel in AVPs, and its end is that of the one outside."""

    tunnel: Tunnel

    def exchange(self, octets: bytes) -> Story[bytes]:
        heard = yield from self.tunnel.say(encode_avps((Avp(AvpCode.EAP_MESSAGE, octets),)))
        found = login_of(decode_avps(heard))
        if not isinstance(found, InnerEap):
            raise broken("another login in the middle of one by EAP")
        return found.packet

    def deny(self, reason: Reason, octets: bytes = b"") -> NoReturn:
        del octets
        self.tunnel.talk.deny(reason)


def by_eap(talk: Talk, first: bytes) -> Story[Proved]:
    """`first`: the client's first packet inside, which says who logs in."""
    said = Packet.decode(first)
    talk.identifier = said.identifier
    return (yield from inside(talk, packet.identity_of(said), INNER))


def inside(talk: Talk, user: str, methods: Mapping[int, Method]) -> Story[Proved]:
    """One of the methods of EAP inside, in their order, as far as the client wants it."""
    left, wanted = list(methods), "nothing"
    while left:
        outcome = yield from methods[left[0]](talk, user)
        if isinstance(outcome, Proved):
            return outcome
        wishes = packet.wishes_of(outcome)
        wanted = ", ".join(map(packet.method_name, wishes)) or wanted
        left = [each for each in left[1:] if each in wishes]
    refuse(talk, user, NoCommonMethod(f"{wanted} inside", ", ".join(map(packet.method_name, methods))))
