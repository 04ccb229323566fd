"""A login by EAP at the client: which methods it agrees to, and what it believes.

Nothing begins before the gateway has proved itself (`auth` sees to that). Success counts after a method that has
succeeded, and even then only the gateway's AUTH with the same key ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lotor.crypto import mschap
from lotor.ike.errors import LocalFault, PeerFault, PolicyRefusal
from lotor.ike.events import LoginRound, LoginSent, Names
from lotor.ike.questions import AskPerson
from lotor.ike.v2.eap.inside import Inside, certificate_of, silent
from lotor.ike.v2.eap.talk import MOST_PACKETS, MOST_ROUNDS, broken
from lotor.ike.v2.eap.verdicts import refusal_of
from lotor.ike.v2.message import Message
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Story, ask, request
from lotor.model.algorithms import EapMethod, Within
from lotor.model.login import Declined
from lotor.model.prompt import Field
from lotor.model.reason import Reason
from lotor.model.reasons.logins import PersonNotAsked, RefusedThere, RefusedWithWords, SilentAtLogin
from lotor.model.reasons.proofs import MethodNotAgreed, PasswordUnknownThere
from lotor.model.reasons.protocol import AskedTooOften
from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.model.tls import TlsMethod
from lotor.wire.eap import gtc, peap
from lotor.wire.eap.mschapv2 import (
    Acknowledged,
    Challenge,
    Error,
    Failure,
    Response,
    Success,
    decode_request,
    encode,
)
from lotor.wire.eap.packet import Code, Packet, Type, method_name
from lotor.wire.eap.ttls import Avp, AvpCode, PapLogin, asked_within, encode_avps, login_avps
from lotor.wire.v2.numbers import ExchangeType, NotifyType
from lotor.wire.v2.payloads import Eap

LONGEST_USER = 256

_NUMBERS: Mapping[EapMethod, int] = {
    EapMethod.MSCHAPV2: Type.MSCHAPV2,
    EapMethod.GTC: Type.GTC,
    EapMethod.TTLS: Type.TTLS,
    EapMethod.TLS: Type.TLS,
    EapMethod.PEAP: Type.PEAP,
}
"""The methods that a client carries out."""


@dataclass(slots=True)
class Login:
    """`msk`: None until a method has succeeded. `given`: what the person said. `response`: to a challenge of MSCHAPv2,
    with the hash of that and the NT hash. `refused`: why, as the gateway's method says. `weaker`: methods that the
    gateway asked for and this end refused. `begun`: the method under way; success of another one would not be its.
    `agreed`: the methods that this end carries out. `tunnel`: TLS, where the method is on it, and `within` the login
    inside; `place`: where this one is inside, for people. `ended`: whether the gateway has said within that it is
    content, where it has to say so."""

    session: V2Session
    msk: Secret | None = None
    given: dict[Field, Secret] = field(default_factory=dict, repr=False)
    rounds: int = 0
    response: tuple[bytes, bytes, Secret] | None = field(default=None, repr=False)
    refused: Reason | None = None
    weaker: list[int] = field(default_factory=list)
    begun: EapMethod | None = None
    agreed: tuple[EapMethod, ...] = ()
    tunnel: Inside | None = None
    within: Login | None = None
    place: str = ""
    ended: bool = True

    @property
    def answered(self) -> bool:
        """Whether a method has had an answer of the person."""
        return self.response is not None or self.msk is not None or self.tunnel is not None

    @property
    def silence(self) -> Reason | None:
        """Why nothing comes back once the gateway can judge the login."""
        gateway, user = self.session.path.remote.address, self.session.user
        return SilentAtLogin(gateway, user) if self.answered else None

    @property
    def key(self) -> Secret | None:
        """What the method made, once it has succeeded at this end; empty where it makes none."""
        if self.tunnel is None:
            return self.msk
        said = self.within is None or (self.within.msk is not None and self.within.ended)
        return self.tunnel.msk if self.tunnel.done and said else None

    @property
    def why(self) -> Reason | None:
        """Why this end, or the method, refuses."""
        inside = self.within.refused if self.within is not None else None
        return self.refused or inside or (self.tunnel.fault if self.tunnel is not None else None)

    # --- the person --------------------------------------------------------------------------------------------------

    def ask(self, *wants: Field, message: str = "") -> Story[None]:
        """Asks the person, unless everything has been said already. Raises `PolicyRefusal` where nobody answers."""
        if not message and self.given.keys() >= set(wants):
            return
        session, self.rounds = self.session, self.rounds + 1
        if self.rounds > MOST_ROUNDS:
            raise PeerFault(AskedTooOften(MOST_ROUNDS), NotifyType.AUTHENTICATION_FAILED)
        session.context.tell(LoginRound(session.id, self.rounds, Names(each.value for each in wants)))
        said = yield from ask(AskPerson(session.id, session.remote.name, wants, message, self.rounds))
        if isinstance(said, Declined):
            raise PolicyRefusal(said.reason, NotifyType.AUTHENTICATION_FAILED)
        self.given.update(said.answers)
        if Field.USER_NAME in wants:
            session.user = clean(self.of(Field.USER_NAME).reveal(), longest=LONGEST_USER)
            session.context.tell(LoginSent(session.id, session.user))

    def of(self, wanted: Field) -> Secret:
        return self.given.get(wanted, Secret(b""))

    # --- packets -----------------------------------------------------------------------------------------------------

    def answer(self, asked: Packet) -> Story[Packet]:
        """The response to a request of the gateway."""
        match asked.type:
            case Type.IDENTITY:
                return asked.response((yield from self.name()))
            case Type.NOTIFICATION:
                return asked.response(b"")
        method = next((each for each in self.agreed if _NUMBERS[each] == asked.type), None)
        if method is None:
            return self._decline(asked)
        if self.begun not in {None, method}:
            raise broken("another method than the one that has begun")
        self.begun = method
        return (yield from _METHODS[method](self, asked))

    def name(self) -> Story[bytes]:
        """That of the certificate where it is what logs in, else the person's."""
        if self.agreed[:1] == (EapMethod.TLS,) and (shown := self._certified()) is not None:
            self.session.user = clean(shown, longest=LONGEST_USER)
            self.session.context.tell(LoginSent(self.session.id, self.session.user))
            return shown
        yield from self.ask(Field.USER_NAME, Field.PASSWORD)
        return self.of(Field.USER_NAME).reveal()

    def _certified(self) -> bytes | None:
        own = certificate_of(self.session)
        return own.person.encode() if own is not None and own.person else None

    def _decline(self, asked: Packet) -> Packet:
        """Names the methods that this end agrees to, once for each that the gateway asks for."""
        again, self.weaker = asked.type in self.weaker, [*self.weaker, asked.type]
        if again or not self.agreed or self.answered:
            raise PolicyRefusal(self.disagreement(), NotifyType.AUTHENTICATION_FAILED)
        return asked.refusal(_NUMBERS[each] for each in self.agreed)

    def disagreement(self) -> MethodNotAgreed:
        asked = ", ".join(map(method_name, self.weaker)) + self.place
        agreed = ", ".join(each.value for each in self.agreed) or "none"
        return MethodNotAgreed(self.session.path.remote.address, asked, agreed)


def login(session: V2Session, message: Message) -> Story[Secret]:
    """Goes on from the gateway's first packet until its success; returns the key of the method, empty where it makes
    none."""
    conversation = Login(session, agreed=tuple(each for each in session.terms.eap if each in _NUMBERS))
    for _ in range(MOST_PACKETS):
        asked = Packet.decode(message.chain.only(Eap).packet)
        match asked.code:
            case Code.SUCCESS:
                return _succeeded(conversation)
            case Code.FAILURE:
                raise PolicyRefusal(_failed(conversation, message))
            case Code.RESPONSE:
                raise broken("a response from the gateway")
        answer = yield from conversation.answer(asked)
        session.refused = conversation.silence
        message = yield from request(ExchangeType.IKE_AUTH, Eap(_encoded(answer)))
        session.refused = None
        refused = refusal_of(session, message)
        if refused is not None:
            raise PolicyRefusal(conversation.why or refused)
    raise broken(f"more than {MOST_PACKETS} packets")


def _encoded(answer: Packet) -> bytes:
    """`LocalFault` where the person's name or answer is longer than EAP can carry."""
    try:
        return answer.encode()
    except ValueError as fault:
        raise LocalFault(PersonNotAsked(str(fault)), NotifyType.AUTHENTICATION_FAILED) from None


def _succeeded(login_: Login) -> Secret:
    if login_.key is None:
        raise broken("success before any method has succeeded")
    return login_.key


def _failed(login_: Login, message: Message) -> Reason:
    """What the method said, what a gateway of ours says, or that it refuses."""
    if login_.why is not None:
        return refusal_of(login_.session, message) or login_.why
    if login_.weaker and not login_.answered:
        return login_.disagreement()
    told = refusal_of(login_.session, message)
    return told or RefusedThere(login_.session.path.remote.address, login_.session.user)


# --- methods ---------------------------------------------------------------------------------------------------------


def _mschap(login_: Login, asked: Packet) -> Story[Packet]:
    match decode_request(asked.data):
        case Challenge() as challenge if login_.response is None:
            yield from login_.ask(Field.USER_NAME, Field.PASSWORD)
            return asked.response(encode(_respond(login_, challenge)))
        case Success() as success if login_.response is not None:
            return asked.response(encode(_believe(login_, success)))
        case Failure() as failure if login_.response is not None:
            login_.refused = _refusal(login_, failure)
            return asked.response(encode(Acknowledged(success=False)))
    raise broken("an operation of MSCHAPv2 out of turn")


def _respond(login_: Login, asked: Challenge) -> Response:
    """Made from the password, which does not leave this end."""
    user, own = login_.of(Field.USER_NAME).reveal(), login_.session.context.randomness.nonce(16)
    try:
        known = mschap.nt_hash(_text(login_.of(Field.PASSWORD).reveal(), "password"))
        hashed = mschap.challenge_hash(asked.challenge, own, _text(user, "name"))
    except ValueError as fault:
        raise LocalFault(PersonNotAsked(str(fault)), NotifyType.AUTHENTICATION_FAILED) from None
    response = mschap.nt_response(known, hashed)
    login_.response = hashed, response, known
    return Response(asked.identifier, own, response, user)


def _text(octets: bytes, what: str) -> str:
    """`ValueError` without any of the octets."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise ValueError(f"the {what} is no text of Unicode") from None


def _believe(login_: Login, shown: Success) -> Acknowledged:
    """The gateway must know the password, too. Anybody else could let everybody in and listen."""
    if login_.response is None:
        raise broken("success without a response")
    hashed, response, known = login_.response
    if not mschap.is_authenticator(known, hashed, response, shown.authenticator):
        reason = PasswordUnknownThere(login_.session.path.remote.address)
        raise PolicyRefusal(reason, NotifyType.AUTHENTICATION_FAILED)
    login_.msk = mschap.msk(known, response)
    return Acknowledged(success=True)


def _refusal(login_: Login, failure: Failure) -> Reason:
    gateway, user = login_.session.path.remote.address, login_.session.user
    words = failure.message or _WORDS.get(failure.error, "")
    return RefusedWithWords(gateway, words) if words else RefusedThere(gateway, user)


_WORDS: Mapping[int, str] = {
    Error.RESTRICTED_LOGON_HOURS: "no login at this hour",
    Error.ACCOUNT_DISABLED: "the account is disabled",
    Error.PASSWORD_EXPIRED: "the password has expired",
    Error.NO_DIALIN_PERMISSION: "the account has no permission to dial in",
    Error.CHANGING_PASSWORD: "the password could not be changed",
}
"""What errors of MSCHAPv2 mean; of `AUTHENTICATION_FAILURE` a wrong user or password."""


def _gtc(login_: Login, asked: Packet) -> Story[Packet]:
    """The first question is for the password, whatever its words. The next one is for what a token card shows (RFC 3748
    §5.6): its packet names no field, as XAUTH does."""
    prompt = gtc.decode_prompt(asked.data)
    wanted = Field.PASSCODE if login_.answered else Field.PASSWORD
    if login_.answered:
        yield from login_.ask(Field.PASSCODE, message=prompt or "The gateway asks for more")
    else:
        yield from login_.ask(Field.USER_NAME, Field.PASSWORD)
    login_.msk = Secret(b"")
    return asked.response(login_.of(wanted).reveal())


def _tls(login_: Login, asked: Packet) -> Story[Packet]:
    """The certificate of the person says everything."""
    if login_.tunnel is None:
        login_.tunnel = Inside(login_.session, TlsMethod.TLS, silent)
    return asked.response((yield from login_.tunnel.answer(asked)))


def _ttls(login_: Login, asked: Packet) -> Story[Packet]:
    """A password inside, or another login by EAP, which this end begins (RFC 5281 §11.2)."""
    speak = _show if login_.session.terms.within is Within.PAP else _speak
    return (yield from _inside(login_, asked, TlsMethod.TTLS, speak))


def _peap(login_: Login, asked: Packet) -> Story[Packet]:
    """Another login by EAP inside, which the gateway begins, and whose end it tells there."""
    return (yield from _inside(login_, asked, TlsMethod.PEAP, _hear))


def _inside(
    login_: Login, asked: Packet, method: TlsMethod, speak: Callable[[Login, bytes], Story[bytes]]
) -> Story[Packet]:
    if login_.tunnel is None:
        yield from login_.ask(Field.USER_NAME, Field.PASSWORD)
        inner = Login(login_.session, given=login_.given, rounds=login_.rounds, agreed=WITHIN)
        inner.place, inner.ended = f" inside of {method.name}", method is not TlsMethod.PEAP
        login_.within = inner
        login_.tunnel = Inside(login_.session, method, lambda heard: speak(inner, heard))
    return asked.response((yield from login_.tunnel.answer(asked)))


def _show(inner: Login, heard: bytes) -> Story[bytes]:
    """The password as it is: the server says yes or no, and nothing inside (RFC 5281 §11.2.5)."""
    yield from ()
    if heard:
        if asked_within(heard):
            raise broken("the gateway answers a password inside of TTLS by more than yes or no")
        return b""
    try:
        user = _text(inner.of(Field.USER_NAME).reveal(), "name")
        said = encode_avps(login_avps(PapLogin(user, inner.of(Field.PASSWORD))))
    except ValueError as fault:
        raise LocalFault(PersonNotAsked(str(fault)), NotifyType.AUTHENTICATION_FAILED) from None
    inner.msk = Secret(b"")
    return said


def _hear(inner: Login, heard: bytes) -> Story[bytes]:
    """Of PEAP; to nothing this end says nothing, since it does not begin."""
    if not heard:
        return b""
    asked = peap.asked(heard, 0)  # responses inside have no number
    if asked.type != peap.EXTENSIONS:
        return peap.bare(_encoded((yield from inner.answer(asked))))
    success = peap.is_success(asked.data)
    if success and inner.key is None:
        raise broken("success inside of PEAP before any method has succeeded")
    inner.ended = success
    if not success:
        inner.msk, inner.refused = None, inner.refused or _refused_within(inner)
    return _encoded(asked.response(peap.encode_result(success=success)))


def _refused_within(inner: Login) -> Reason:
    """Whoever asked for nothing that this end agrees to has no word about the password."""
    if inner.weaker and not inner.answered:
        return inner.disagreement()
    return RefusedThere(inner.session.path.remote.address, inner.session.user)


def _speak(inner: Login, heard: bytes) -> Story[bytes]:
    """What this end says by EAP inside of TTLS to what it heard."""
    if not heard:
        named = Packet(Code.RESPONSE, 0, Type.IDENTITY, inner.of(Field.USER_NAME).reveal())
        return _wrapped(named)
    packet = asked_within(heard)
    if not packet:
        return b""
    asked = Packet.decode(packet)
    if asked.code == Code.RESPONSE:
        raise broken("a response from the gateway, inside of TTLS")
    return _wrapped((yield from inner.answer(asked))) if asked.code == Code.REQUEST else b""


def _wrapped(answer: Packet) -> bytes:
    return encode_avps((Avp(AvpCode.EAP_MESSAGE, _encoded(answer)),))


WITHIN = (EapMethod.MSCHAPV2, EapMethod.GTC)
"""Methods that this end agrees to inside of TTLS and PEAP, whose server has proved itself."""

_METHODS: Mapping[EapMethod, Callable[[Login, Packet], Story[Packet]]] = {
    EapMethod.MSCHAPV2: _mschap,
    EapMethod.GTC: _gtc,
    EapMethod.TTLS: _ttls,
    EapMethod.TLS: _tls,
    EapMethod.PEAP: _peap,
}
