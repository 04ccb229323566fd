"""A login by EAP at the gateway: who it is, which method, and a back end's verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lotor.ike import identities
from lotor.ike.v2.eap import gtc, mschap, peap, relay, tls, ttls
from lotor.ike.v2.eap.talk import Proved, Talk
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story
from lotor.model.algorithms import EapMethod
from lotor.model.identity import Identity
from lotor.model.reasons.logins import NoName
from lotor.model.reasons.proofs import NoCommonMethod
from lotor.wire.eap import packet
from lotor.wire.eap.packet import Packet, Type
from lotor.wire.errors import Malformed

Method = Callable[[Talk, str], Story[Proved | Packet]]

_METHODS: Mapping[EapMethod, Method] = {
    EapMethod.MSCHAPV2: mschap.gateway,
    EapMethod.GTC: gtc.gateway,
    EapMethod.TLS: tls.gateway,
    EapMethod.TTLS: ttls.gateway,
    EapMethod.PEAP: peap.gateway,
    EapMethod.RADIUS: relay.gateway,
}
"""The methods that a gateway carries out, or has a server carry out. Each ends with a yes, or with the client's refusal
of the method; a no is a `Denied`."""

_TYPES: Mapping[int, EapMethod] = {
    Type.MSCHAPV2: EapMethod.MSCHAPV2,
    Type.GTC: EapMethod.GTC,
    Type.TLS: EapMethod.TLS,
    Type.TTLS: EapMethod.TTLS,
    Type.PEAP: EapMethod.PEAP,
}


def login(session: V2Session, opening: Payloads, claimed: Identity) -> Story[Proved]:
    """Ends with a yes, for which EAP-Success is still to be sent. `opening` goes with the first request. `claimed` is
    IDi, who counts only where nobody is asked. A server of RADIUS may refuse none of its methods to us."""
    talk, left = Talk(session, opening), _methods(session)
    user = yield from _identity(talk, claimed)
    offered, wanted = ", ".join(each.value for each in left), "nothing"
    while left:
        outcome = yield from _METHODS[left[0]](talk, user)
        if isinstance(outcome, Proved):
            return outcome
        wishes = packet.wishes_of(outcome)
        wanted = ", ".join(packet.method_name(each) for each in wishes) or wanted
        left = _next(left[1:], wishes)
    reason = NoCommonMethod(wanted, offered or "none")
    talk.tell_refusal(user, reason)
    return talk.deny(reason)


def _methods(session: V2Session) -> list[EapMethod]:
    """Those of the configuration, in its order. A client of ours is asked for GTC before MSCHAPv2: that judges any
    hash, and a client that agrees to both would be refused for a user without an NT hash. What stands before them
    stays there, as its certificate."""
    methods = list(session.terms.eap)
    if session.abilities.hands_over and {EapMethod.MSCHAPV2, EapMethod.GTC} <= set(methods):
        place = min(methods.index(EapMethod.MSCHAPV2), methods.index(EapMethod.GTC))
        methods.remove(EapMethod.GTC)
        methods.insert(place, EapMethod.GTC)
    return methods


def _identity(talk: Talk, claimed: Identity) -> Story[str]:
    """The name that the client gives, empty where it is none."""
    if not talk.session.terms.ask_identity:
        return identities.text(claimed)
    answer = yield from talk.ask(Type.IDENTITY)
    try:
        return packet.identity_of(answer)
    except Malformed:
        reason = NoName("")
        talk.tell_refusal("", reason)
        talk.deny(reason)


def _next(left: list[EapMethod], wishes: tuple[int, ...]) -> list[EapMethod]:
    """What is left to try: the first that the client wishes for, then whatever a server may have."""
    wished = {_TYPES[each] for each in wishes if each in _TYPES}
    return [each for each in left if each in wished or each is EapMethod.RADIUS]
