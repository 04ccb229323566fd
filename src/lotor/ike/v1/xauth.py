"""XAUTH (draft-beaulieu-ike-xauth-02): the gateway asks for a login, in as many rounds as its back end wants, and
accepts or refuses it. Only a back end's `Accepted` accepts a login."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NoReturn

from lotor.ike import insides
from lotor.ike.errors import PeerFault, PolicyRefusal
from lotor.ike.events import GrantUnkept, LoggedIn, LoginRefused, LoginRound, LoginSent, Names
from lotor.ike.questions import AcquireConfiguration, AskPerson, CheckLogin
from lotor.ike.v1 import stale_session
from lotor.ike.v1.session import V1Session
from lotor.ike.v1.story import Story, ask, expect, send
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.login import REPEATABLE, Accepted, Challenge, Declined, LoginAttempt, Refused
from lotor.model.prompt import Field
from lotor.model.reason import Cause, Reason
from lotor.model.reasons.catalogue import called
from lotor.model.reasons.ends import ConnectedAgain
from lotor.model.reasons.logins import (
    AnswerTooLong,
    ConnectedElsewhere,
    LoginReason,
    NoAddressThere,
    NoName,
    NoVerdict,
    RefusedThere,
    RefusedWithWords,
    UnjudgedThere,
)
from lotor.model.reasons.protocol import AskedTooOften, LoginUnsupported
from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import ConfigType, XauthAttribute, XauthType
from lotor.wire.v1.payloads import Attributes
from lotor.wire.v1.vendors import Vendor

MOST_ROUNDS = 3
"""Prompts of one login, at either end: a rogue gateway would go on asking."""

LONGEST_USER = 256
LONGEST_ANSWER = 1024
LONGEST_CODE = 64

_ATTRIBUTE = {
    Field.USER_NAME: XauthAttribute.USER_NAME,
    Field.PASSWORD: XauthAttribute.USER_PASSWORD,
    Field.PASSCODE: XauthAttribute.PASSCODE,
    Field.NEXT_PIN: XauthAttribute.NEXT_PIN,
    Field.ANSWER: XauthAttribute.ANSWER,
    Field.DOMAIN: XauthAttribute.DOMAIN,
}
_FIELD: dict[int, Field] = {number: field for field, number in _ATTRIBUTE.items()}

_KINDS: dict[int, str] = {XauthType.RADIUS_CHAP: "CHAP", XauthType.OTP: "OTP", XauthType.S_KEY: "S/KEY"}
"""Kinds of logins that only a program could answer."""

OK, FAIL = 1, 0

# --- the gateway -----------------------------------------------------------------------------------------------------


def gateway(session: V1Session, admit: Callable[[V1Session], None]) -> Story[None]:
    """Asks for a login, checks it and tells the client. `admit` is called before the client is told. Ends with a
    configuration for the client, or with a refusal."""
    accepted = yield from _login(session)
    if session.proved is not None:
        session.proved = replace(session.proved, grants=accepted.grants)
    gone = yield from stale_session.dead_among(session.registry.maybe_stale(session, accepted.user))
    session.registry.replace(gone, ConnectedAgain(accepted.user, str(session.path.remote)))
    barred = session.registry.barred(session, accepted.user)
    if barred is not None:
        _tell_refusal(session, accepted.user, barred)
        yield from _deny(session, barred)
    session.user = accepted.user
    session.registry.accepted(session, accepted.user)
    if session.inner.configuration is None:
        yield from _acquire(session, accepted.grants)
    admit(session)
    if accepted.grants.session_time is not None:
        session.registry.allot(session, accepted.grants.session_time)
    session.context.tell(LoggedIn(session.id, accepted.user, accepted.grants))
    yield from send(_set(OK), fresh=True)
    yield from expect()


def _acquire(session: V1Session, grants: Grants) -> Story[None]:
    """Acquires the address before the login is confirmed, so that a client that gets none is told why."""
    configuration = yield from ask(AcquireConfiguration(session.id, session.user, grants))
    if isinstance(configuration, Failure):
        _tell_refusal(session, session.user, configuration.reason)
        yield from _deny(session, configuration.reason)
    else:
        insides.give(session, configuration)
        for reason in configuration.unkept:
            session.context.tell(GrantUnkept(session.id, session.user, reason))


def _login(session: V1Session) -> Story[Accepted]:
    wants: tuple[Field, ...] = (Field.USER_NAME, Field.PASSWORD)
    message, conversation, user = "", b"", ""
    refused: LoginReason = NoVerdict(user, MOST_ROUNDS)
    for turn in range(MOST_ROUNDS):
        _tell_round(session, turn + 1, wants)
        yield from send(_request(wants, message), fresh=turn > 0)
        reply = yield from expect()
        answers = _answers(reply.only(Attributes))
        user = _user(answers) or user
        asked = LoginAttempt(user, answers, session.path.remote, conversation, gateway=session.path.local.address)
        verdict = yield from _check(session, user, asked)
        if isinstance(verdict, Accepted):
            session.one_time = turn > 0
            return verdict
        if isinstance(verdict, Refused):
            refused = verdict.reason
            break
        wants, message, conversation = verdict.wants, verdict.message, verdict.conversation
    reason = refused.but(user=clean(refused.user or user, longest=LONGEST_USER))
    _tell_refusal(session, reason.user, reason)
    return (yield from _deny(session, reason))


def _tell_refusal(session: V1Session, user: str, reason: Reason) -> None:
    session.context.tell(LoginRefused(session.id, user, reason, session.path.remote))


def _tell_round(session: V1Session, turn: int, wants: tuple[Field, ...]) -> None:
    session.context.tell(LoginRound(session.id, turn, Names(field.value for field in wants)))


def _check(session: V1Session, user: str, attempt: LoginAttempt) -> Story[Accepted | Refused | Challenge]:
    """Asks the back end. A reply without a name, or with absurd lengths, is refused without asking."""
    if not user:
        return Refused(NoName(""))
    if any(len(answer) > LONGEST_ANSWER for _, answer in attempt.answers):
        return Refused(AnswerTooLong(user, LONGEST_ANSWER))
    goes_on = session.registry.continues(session, user)
    return (yield from ask(CheckLogin(session.id, attempt, goes_on.id)))


def _deny(session: V1Session, reason: Reason) -> Story[NoReturn]:
    """Refuses the login, with a message for the person where the peer can take one: vpnc calls a verdict with a message
    malformed. The refusal stands even if it is not acknowledged."""
    session.refused = reason
    silent = Vendor.CISCO_VPNC in session.isakmp_sa.vendors or not reason.message
    yield from send(_set(FAIL) if silent else _told(reason), fresh=True)
    yield from expect()
    raise PolicyRefusal(reason)


def _request(wants: Iterable[Field], message: str) -> Attributes:
    asked = [Attribute.tv(XauthAttribute.TYPE, XauthType.GENERIC)]
    if message:
        asked.append(Attribute.tlv(XauthAttribute.MESSAGE, message.encode()))
    asked += [Attribute.tlv(_ATTRIBUTE[field], b"") for field in wants]
    return Attributes(ConfigType.REQUEST, 0, tuple(asked))


def _set(status: int, *more: Attribute) -> Attributes:
    return Attributes(ConfigType.SET, 0, (Attribute.tv(XauthAttribute.STATUS, status), *more))


def _told(reason: Reason) -> Attributes:
    """The refusal with its message for the person, and with its kind for clients that know our kinds."""
    words = Attribute.tlv(XauthAttribute.MESSAGE, reason.message.encode())
    return _set(FAIL, words, Attribute.tlv(XauthAttribute.LOTOR_REASON, reason.kind.value.encode()))


def _answers(payload: Attributes) -> tuple[tuple[Field, Secret], ...]:
    """The client's answers. One NUL at the end is removed, which Android and racoon send."""
    if payload.type != ConfigType.REPLY:
        return ()
    known = [attribute for attribute in payload.attributes if attribute.type in _FIELD]
    return tuple((_FIELD[attribute.type], Secret(attribute.data.removesuffix(b"\0"))) for attribute in known)


def _user(answers: tuple[tuple[Field, Secret], ...]) -> str:
    """The login name; empty when it is not printable text of a sensible length."""
    octets = dict(answers).get(Field.USER_NAME, Secret(b"")).reveal()
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text == clean(text) and len(text) <= LONGEST_USER else ""


# --- the client ------------------------------------------------------------------------------------------------------


def reply(session: V1Session, request: Attributes) -> Story[None]:
    """Answers one REQUEST of the gateway with what the person enters."""
    session.rounds += 1
    if session.rounds > MOST_ROUNDS:
        raise PeerFault(AskedTooOften(MOST_ROUNDS), None)
    kind = request.first(XauthAttribute.TYPE)
    if kind is not None and kind.number != XauthType.GENERIC:
        how = _KINDS.get(kind.number, f"XAUTH type {kind.number}")
        raise PeerFault(LoginUnsupported(how), None)
    wants = tuple(_FIELD[attribute.type] for attribute in request.attributes if attribute.type in _FIELD)
    session.one_time |= session.rounds > 1 or not REPEATABLE.issuperset(wants)
    said = request.first(XauthAttribute.MESSAGE)
    message = clean(said.data, lines=True) if said is not None else ""
    _tell_round(session, session.rounds, wants)
    given = yield from ask(AskPerson(session.id, session.remote.name, wants, message, session.rounds))
    if isinstance(given, Declined):
        raise PolicyRefusal(given.reason)
    name = dict(given.answers).get(Field.USER_NAME)
    if name is not None:
        session.user = clean(name.reveal(), longest=LONGEST_USER)
        session.context.tell(LoginSent(session.id, session.user))
    attributes = [Attribute.tv(XauthAttribute.TYPE, XauthType.GENERIC)] if kind is not None else []
    attributes += [Attribute.tlv(_ATTRIBUTE[field], answer.reveal()) for field, answer in given.answers]
    yield from send(Attributes(ConfigType.REPLY, request.identifier, tuple(attributes)))


def acknowledge(session: V1Session, verdict: Attributes) -> Story[bool]:
    """Acknowledges the gateway's STATUS. True when it accepts the login."""
    status = verdict.first(XauthAttribute.STATUS)
    accepted = status is not None and status.number == OK
    if not accepted:
        session.refused = _refusal(session, verdict)
    echo = (Attribute.tv(XauthAttribute.STATUS, OK if accepted else FAIL),)
    yield from send(Attributes(ConfigType.ACK, verdict.identifier, echo))
    return accepted


def _refusal(session: V1Session, verdict: Attributes) -> Reason:
    """Why the gateway refused: its message is for the person. If the gateway is one of ours, the kind tells what became
    of the login."""
    said, code = verdict.first(XauthAttribute.MESSAGE), verdict.first(XauthAttribute.LOTOR_REASON)
    gateway_ = session.path.remote.address
    if said is None or not said.data:
        return RefusedThere(gateway_, session.user)
    told = called(clean(code.data, longest=LONGEST_CODE)) if code is not None else None
    refused = _HEARD.get(told.cause, RefusedWithWords) if told is not None else RefusedWithWords
    return refused(gateway_, clean(said.data))


_HEARD: dict[Cause, type[RefusedWithWords]] = {
    Cause.ALREADY_CONNECTED: ConnectedElsewhere,
    Cause.NOT_JUDGED: UnjudgedThere,
    Cause.POOL_EXHAUSTED: NoAddressThere,
}
