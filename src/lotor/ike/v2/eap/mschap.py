"""EAP-MSCHAPv2 (RFC 2759 in EAP): both ends show that they know the password, and have keys from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from lotor.ike.questions import CheckMschap
from lotor.ike.v2.eap.talk import Proved, Talk, broken
from lotor.ike.v2.story import Story, ask
from lotor.model.eap import MschapAccepted, MschapAttempt, without_domain
from lotor.model.kinds import Kind
from lotor.model.login import Refused
from lotor.model.prompt import Field
from lotor.wire.eap.mschapv2 import (
    Acknowledged,
    Challenge,
    Error,
    Failure,
    Response,
    Success,
    decode_answer,
    encode,
)
from lotor.wire.eap.packet import Packet, Type

NAME = b"lotor"
"""Of the server, in its challenge; nobody checks it."""

_ERRORS: Mapping[Kind, Error] = {
    Kind.LOGIN_PASSWORD_EXPIRED: Error.PASSWORD_EXPIRED,
    Kind.LOGIN_PASSWORD_DUE: Error.PASSWORD_EXPIRED,
    Kind.LOGIN_ACCOUNT_EXPIRED: Error.ACCOUNT_DISABLED,
    Kind.LOGIN_USER_EXPIRED: Error.ACCOUNT_DISABLED,
}
"""What clients show in words of their own; all others read as a wrong password."""


def gateway(talk: Talk, _: str) -> Story[Proved | Packet]:
    """Who logs in is said by the response, not by the identity before it. The client may not try another password in
    the same login: it asks its person, and connects again."""
    number, challenge = talk.following(), talk.session.context.randomness.nonce(16)
    talk.tell_round(1, Field.USER_NAME, Field.PASSWORD)
    answer = yield from talk.ask(Type.MSCHAPV2, encode(Challenge(number, challenge, NAME)))
    if answer.type == Type.NAK:
        return answer
    response = decode_answer(answer.data)
    if not isinstance(response, Response):
        raise broken("no response to a challenge of MSCHAPv2")
    verdict = yield from _check(talk, challenge, response)
    if isinstance(verdict, Refused):
        failure = Failure(number, _error(verdict), retry=False, challenge=challenge, message=verdict.reason.message)
        return (yield from _fail(talk, failure, verdict))
    shown = yield from talk.ask(Type.MSCHAPV2, encode(Success(number, verdict.authenticator, "welcome")))
    if shown.type == Type.NAK or decode_answer(shown.data) != Acknowledged(success=True):
        raise broken("the proof of MSCHAPv2 was not accepted")
    return Proved(verdict.user, verdict.msk, talk.success(), verdict.grants)


def _check(talk: Talk, challenge: bytes, response: Response) -> Story[MschapAccepted | Refused]:
    session, user = talk.session, response.user
    attempt = MschapAttempt(
        user,
        challenge,
        response.peer_challenge,
        response.response,
        session.path.remote,
        gateway=session.path.local.address,
    )
    goes_on = session.registry.continues(session, without_domain(user))
    return (yield from ask(CheckMschap(session.id, attempt, goes_on.id)))


def _fail(talk: Talk, failure: Failure, verdict: Refused) -> Story[NoReturn]:
    """The client acknowledges the failure, or goes without a word."""
    talk.tell_refusal(verdict.reason.user, verdict.reason)
    yield from talk.ask(Type.MSCHAPV2, encode(failure))
    talk.deny(verdict.reason)


def _error(verdict: Refused) -> Error:
    return _ERRORS.get(verdict.reason.kind, Error.AUTHENTICATION_FAILURE)
