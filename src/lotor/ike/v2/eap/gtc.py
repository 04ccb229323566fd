"""EAP-GTC at the gateway (RFC 3748 §5.6): questions in words, in as many rounds as the back end wants."""

from __future__ import annotations

from lotor.ike.questions import CheckLogin
from lotor.ike.v2.eap.talk import MOST_ROUNDS, Proved, Talk, broken
from lotor.ike.v2.story import Story, ask
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.prompt import Field
from lotor.model.reasons.logins import LoginReason, NoVerdict
from lotor.model.secret import Secret
from lotor.wire.eap import gtc
from lotor.wire.eap.packet import Packet, Type

PASSWORD = Challenge("Password: ", (Field.PASSWORD,), b"")
"""What is asked first."""


def gateway(talk: Talk, user: str) -> Story[Proved | Packet]:
    """The identity says who logs in; the back end answers for it. There is no key of the method's own."""
    asked: Challenge = PASSWORD
    for turn in range(1, MOST_ROUNDS + 1):
        talk.tell_round(turn, *asked.wants)
        answer = yield from talk.ask(Type.GTC, gtc.encode_prompt(asked.message))
        if answer.type == Type.NAK and turn == 1:
            return answer
        if answer.type == Type.NAK:
            raise broken("a method was refused that had begun")
        verdict = yield from _check(talk, user, asked, gtc.decode_answer(answer.data))
        if isinstance(verdict, Accepted):
            return Proved(verdict.user, Secret(b""), talk.success(), verdict.grants)
        if isinstance(verdict, Refused):
            return _refuse(talk, user, verdict.reason)
        asked = verdict
    return _refuse(talk, user, NoVerdict(user, MOST_ROUNDS))


def _check(talk: Talk, user: str, asked: Challenge, given: Secret) -> Story[Accepted | Refused | Challenge]:
    """One answer for one field: of several that are wanted the last is the one that the question names."""
    session, wanted = talk.session, [each for each in asked.wants if each is not Field.USER_NAME]
    answers = ((Field.USER_NAME, Secret(user)), (wanted[-1] if wanted else Field.ANSWER, given))
    here = session.path.local.address
    attempt = LoginAttempt(user, answers, session.path.remote, asked.conversation, gateway=here, ike=2)
    return (yield from ask(CheckLogin(session.id, attempt, session.registry.continues(session, user).id)))


def _refuse(talk: Talk, user: str, reason: LoginReason) -> Proved:
    told = reason.but(user=reason.user or user)
    talk.tell_refusal(told.user, told)
    talk.deny(told)
