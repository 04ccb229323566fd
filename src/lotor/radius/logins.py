"""`auth_source radius`: a login is an Access-Request, each prompt of the server another round, and each packet of EAP,
which the server speaks with the client itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from lotor.config.settings import Radius
from lotor.model.eap import RESPONSE, is_packet
from lotor.model.login import Accepted, Challenge, EapPacket, LoginAttempt, Proved, Refused, Verdict, unable
from lotor.model.prompt import Field
from lotor.model.reasons.logins import (
    AnswerLate,
    AnswerTooLong,
    BackEndFault,
    Busy,
    LoginReason,
    NoName,
    NoVerdict,
    OtherService,
    ServerRefused,
    WrongPassword,
)
from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.radius import eap, mppe, nas, numbers
from lotor.radius.conversations import MOST_EAP_ROUNDS, MOST_ROUNDS, Conversation, Conversations
from lotor.radius.grants import granted, message
from lotor.radius.numbers import Attribute, Code
from lotor.radius.packets import LONGEST_PASSWORD, Reply, Request, number, text
from lotor.radius.servers import Answer, CrowdedError, NoAnswerError, Server, Servers
from lotor.radius.structure import LARGEST, LONGEST_VALUE

log = logging.getLogger(__name__)

SERVICES = frozenset({numbers.SERVICE_FRAMED, numbers.SERVICE_AUTHENTICATE_ONLY})
MOST_NOTES = 5
ASKS = "Answer: "
"""Where a server asks for something and does not say for what."""


class RadiusLogins:
    """Implements `ports.auth.LoginBackend`. Belongs to one event loop. `addresses`: whether the server gives addresses
    (`conf_source radius`). `name` is NAS-Identifier: that of the settings, else of this host."""

    def __init__(
        self,
        settings: Radius,
        *,
        addresses: bool = True,
        name: str = "",
        servers: Callable[[Radius], Servers] = Servers.of_logins,
    ) -> None:
        self._servers = servers(settings)
        self._addresses = addresses
        self._name = nas.nas_name(name or settings.nas_identifier)
        self._conversations = Conversations()

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        if (beyond := unable(attempt, "radius", (EapPacket,))) is not None:
            return beyond
        conversation = self._conversations.take(attempt.conversation) if attempt.conversation else None
        objection = _objection(attempt, conversation)
        answer = objection or await self._asked(attempt, conversation)
        if isinstance(answer, LoginReason):
            return Refused(answer)
        user = _user(attempt, conversation)
        if isinstance(attempt.shown, EapPacket):
            return self._relayed(user, attempt.shown.octets, answer, conversation)
        return self._verdict(user, answer, conversation)

    async def _asked(self, attempt: LoginAttempt, conversation: Conversation | None) -> Answer | LoginReason:
        user = _user(attempt, conversation)
        request = self._request(user, _given(attempt, conversation), attempt, conversation)
        try:
            return await self._servers.ask(request, conversation.server if conversation is not None else None)
        except NoAnswerError as fault:
            return BackEndFault(user, str(fault))
        except CrowdedError as fault:
            return Busy(user, fault.waiting)
        except ValueError:  # it has no room in a packet
            return AnswerTooLong(user, LARGEST)

    async def abandon(self, conversation: bytes) -> None:
        """The server hears nothing of it: it forgets its question by itself."""
        self._conversations.take(conversation)

    async def close(self) -> None:
        """What waits for an answer goes on waiting; no request is begun."""
        self._servers.close()

    def _request(self, user: str, given: Secret, attempt: LoginAttempt, conversation: Conversation | None) -> Request:
        attributes = [
            text(Attribute.USER_NAME, user),
            *nas.service(),
            number(Attribute.NAS_PORT_TYPE, numbers.PORT_VIRTUAL),
            text(Attribute.NAS_IDENTIFIER, self._name),
        ]
        attributes += nas.stations(attempt.source.address, attempt.gateway, attempt.ike)
        if isinstance(attempt.shown, EapPacket):
            attributes += eap.attributes(attempt.shown.octets)
        if attempt.account:
            attributes += [text(Attribute.ACCT_SESSION_ID, attempt.account), nas.port(attempt.account)]
        if conversation is not None and conversation.state is not None:
            attributes.append((Attribute.STATE, conversation.state))
        password = None if isinstance(attempt.shown, EapPacket) else given
        return Request(Code.ACCESS_REQUEST, tuple(attributes), password)

    def _verdict(self, user: str, answer: Answer, conversation: Conversation | None) -> Verdict:
        reply, server = answer.reply, answer.server
        if reply.code is Code.ACCESS_ACCEPT:
            return self._accepted(user, reply, server)
        if reply.code is Code.ACCESS_REJECT:
            return Refused(ServerRefused(user, server.name, message(reply)))
        rounds = conversation.rounds + 1 if conversation is not None else 1
        if rounds > MOST_ROUNDS:
            return Refused(NoVerdict(user, rounds))
        now = asyncio.get_running_loop().time()
        ticket = self._conversations.keep(Conversation(user, server, _state(reply), rounds, now))
        return Challenge(message(reply) or ASKS, (_wanted(reply),), ticket)

    def _relayed(self, user: str, response: bytes, answer: Answer, conversation: Conversation | None) -> Verdict:
        reply, server = answer.reply, answer.server
        if reply.code is Code.ACCESS_REJECT:
            return Refused(ServerRefused(user, server.name, message(reply)), eap.failure(response))
        try:
            if reply.code is Code.ACCESS_ACCEPT:
                return self._accepted_by_eap(user, response, answer)
            packet = eap.request(reply, response)
        except eap.UnfitError as fault:
            return Refused(BackEndFault(user, f"{server.name} sent {fault}"), eap.failure(response))
        rounds = conversation.rounds + 1 if conversation is not None else 1
        if rounds > MOST_EAP_ROUNDS:
            return Refused(NoVerdict(user, rounds), eap.failure(response))
        now = asyncio.get_running_loop().time()
        further = Conversation(user, server, _state(reply), rounds, now, eap=True)
        return Challenge("", (), self._conversations.keep(further), packet)

    def _accepted_by_eap(self, user: str, response: bytes, answer: Answer) -> Verdict:
        """Raises `eap.UnfitError`."""
        proved = Proved(mppe.msk(answer.reply), packet=eap.success(answer.reply, response))
        verdict = self._accepted(user, answer.reply, answer.server)
        if isinstance(verdict, Accepted):
            return replace(verdict, proved=proved)
        return replace(verdict, packet=eap.failure(response))

    def _accepted(self, user: str, reply: Reply, server: Server) -> Accepted | Refused:
        service = reply.first(Attribute.SERVICE_TYPE)
        if service is not None and int.from_bytes(service) not in SERVICES:
            return Refused(OtherService(user, server.name, int.from_bytes(service[:4])))
        found = granted(reply)
        if found.notes:
            log.warning("of what %s grants %s: %s", server.name, user, _shortened(found.notes))
        grants = replace(found.grants, message=message(reply))
        if not self._addresses:
            grants = replace(grants, address=None, netmask=None, address6=None)
        return Accepted(_canonical(reply) or user, grants)


def _given(attempt: LoginAttempt, conversation: Conversation | None) -> Secret:
    """The password; or the answer to a question, in whichever field the client put it."""
    if conversation is None:
        return attempt.answer(Field.PASSWORD)
    fields = (Field.PASSCODE, Field.ANSWER, Field.NEXT_PIN, Field.PASSWORD)
    return next((answer for each in fields if (answer := attempt.answer(each))), Secret(b""))


def _user(attempt: LoginAttempt, conversation: Conversation | None) -> str:
    return conversation.user if conversation is not None else attempt.user


def _objection(attempt: LoginAttempt, conversation: Conversation | None) -> LoginReason | None:
    """What no server is asked about."""
    user, by_eap = _user(attempt, conversation), isinstance(attempt.shown, EapPacket)
    if attempt.conversation and (conversation is None or conversation.eap is not by_eap):
        return AnswerLate(attempt.user)
    if not 0 < len(user.encode()) <= LONGEST_VALUE:
        return NoName(user)
    if isinstance(attempt.shown, EapPacket):
        fit = is_packet(RESPONSE, attempt.shown.octets)
        return None if fit else BackEndFault(user, "the client sent no packet of EAP")
    return _no_password(user, _given(attempt, conversation))


def _no_password(user: str, given: Secret) -> LoginReason | None:
    """A directory behind a server may take an empty password for none at all, and NUL octets at the end are no part of
    a password in RADIUS."""
    if len(given) > LONGEST_PASSWORD:
        return AnswerTooLong(user, LONGEST_PASSWORD)
    if not given or b"\0" in given.reveal():
        return WrongPassword(user)
    return None


def _shortened(notes: tuple[str, ...]) -> str:
    """One line, however much nonsense a server sends."""
    more = f"; and {len(notes) - MOST_NOTES} more" if len(notes) > MOST_NOTES else ""
    return "; ".join(notes[:MOST_NOTES]) + more


def _state(reply: Reply) -> bytes | None:
    """Of several, which there may not be, the first (RFC 2865 §5.44); an empty one is none, and could not go back."""
    return reply.first(Attribute.STATE) or None


def _wanted(reply: Reply) -> Field:
    """What is typed is shown only where the server says so (RFC 2869 §5.10)."""
    shown = reply.first(Attribute.PROMPT) == numbers.PROMPT_ECHO.to_bytes(4)
    return Field.ANSWER if shown else Field.PASSCODE


def _canonical(reply: Reply) -> str:
    """The name that the server has for the user, which accounting uses from now on (RFC 2865 §5.1)."""
    name = reply.first(Attribute.USER_NAME) or b""
    told = clean(name, longest=LONGEST_VALUE)
    return told if told.encode() == name else ""
