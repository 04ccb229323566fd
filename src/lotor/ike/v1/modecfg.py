"""ISAKMP mode config (draft-dukes-ike-mode-cfg-02): pull and push, both sides; nothing is given before the login."""

from __future__ import annotations

from dataclasses import replace

from lotor.ike.errors import LocalFault, Misplaced, PeerFault, PolicyRefusal
from lotor.ike.events import Configured
from lotor.ike.gates import Gate
from lotor.ike.questions import AcquireConfiguration
from lotor.ike.v1 import insides, selectors
from lotor.ike.v1.ladder import Ladder, Rung
from lotor.ike.v1.session import V1Session
from lotor.ike.v1.story import Story, ask, expect, send
from lotor.model.algorithms import Group
from lotor.model.configuration import ModeConfiguration
from lotor.model.judgement import Failure
from lotor.model.policy import Transfer
from lotor.model.reasons.protocol import NoAddressAsked, UnusableConfiguration
from lotor.wire.errors import Malformed
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.configuration import (
    answer_request,
    asks_for_ipv6,
    decode_configuration,
    encode_configuration,
    request_attributes,
)
from lotor.wire.v1.numbers import ConfigAttribute, ConfigType, NotifyType
from lotor.wire.v1.numbers import PayloadType as P
from lotor.wire.v1.payloads import Attributes
from lotor.wire.v1.vendors import Vendor

TRANSACTION = Ladder(
    "transaction exchange",
    (
        Rung(from_initiator=True, must=(P.HASH, P.ATTRIBUTES)),
        Rung(from_initiator=False, must=(P.HASH, P.ATTRIBUTES)),
    ),
)
"""Of mode config and XAUTH alike (draft-dukes-ike-mode-cfg-02): whoever asks or sets is the initiator."""

IDENTIFIER = 1


def _unity(session: V1Session) -> bool:
    return Vendor.UNITY in session.isakmp_sa.vendors


# --- the client ------------------------------------------------------------------------------------------------------


def pull(session: V1Session) -> Story[ModeConfiguration]:
    """Ask the gateway for everything we can use."""
    wanted = request_attributes(unity=_unity(session), ipv6=session.remote.mode_cfg6)
    yield from send(Attributes(ConfigType.REQUEST, IDENTIFIER, wanted))
    answer = yield from expect()
    return received(session, answer.only(Attributes))


def received(session: V1Session, payload: Attributes) -> ModeConfiguration:
    """The configuration of a REPLY or a SET. A gateway that gives none, or an impossible one, is refused with words."""
    try:
        return decode_configuration(payload.attributes)
    except Malformed as fault:
        address = session.path.remote.address
        raise PeerFault(UnusableConfiguration(address, str(fault)), None) from None


def accept(session: V1Session, payload: Attributes) -> Story[ModeConfiguration]:
    """A gateway that pushes: take the SET and acknowledge what was in it, without the values."""
    configuration = received(session, payload)
    named = dict.fromkeys(attribute.type for attribute in payload.attributes)
    taken = tuple(Attribute.tlv(kind, b"") for kind in named)
    yield from send(Attributes(ConfigType.ACK, payload.identifier, taken))
    return configuration


# --- the gateway -----------------------------------------------------------------------------------------------------


def give(session: V1Session, request: Attributes) -> Story[ModeConfiguration]:
    """Answer a client's REQUEST with what it asked for, in its order, under its identifier; what it was told."""
    if request.type != ConfigType.REQUEST:
        raise Misplaced("a transaction that asks for nothing")
    session.gates.demand(Gate.LOGIN, "a request for a configuration")
    configuration = session.inner.configuration or (yield from _acquire(session))
    asked = [attribute.type for attribute in request.attributes]
    told = _as_read_by(session, configuration)
    attributes = answer_request(told, request.attributes, unity=_unity(session))
    yield from send(Attributes(ConfigType.REPLY, request.identifier, attributes))
    return configuration if asks_for_ipv6(asked) else configuration.without_ipv6()


def resumed(session: V1Session, message1: Chain) -> ModeConfiguration | None:
    """What a client has that begins quick mode from the address that the login gave, without asking for it: Apple's
    clients go on with what they had before a break. None where it has to ask."""
    given = session.inner.configuration
    if given is None or session.gates.next() is not Gate.ADDRESS or not selectors.names(message1, given.address):
        return None
    return given.without_ipv6()


def demand(session: V1Session) -> None:
    """Nobody brings an address where the gateway gives them: a client that cannot or will not ask for one hears it."""
    session.gates.demand(Gate.LOGIN, "quick mode")
    coming = session.inner.configuration is not None or session.remote.mode_config is Transfer.PUSH
    if not session.gates.passed(Gate.ADDRESS) and not coming:
        raise PolicyRefusal(NoAddressAsked(), NotifyType.INVALID_ID_INFORMATION)
    session.gates.demand(Gate.ADDRESS, "quick mode")


def _as_read_by(session: V1Session, configuration: ModeConfiguration) -> ModeConfiguration:
    """Vpnc reads UNITY_PFS as a switch: 1 stands for group 2, and any other number for no PFS."""
    if Vendor.CISCO_VPNC in session.isakmp_sa.vendors and configuration.pfs_group == Group.MODP1024:
        return replace(configuration, pfs_group=1)
    return configuration


def _acquire(session: V1Session) -> Story[ModeConfiguration]:
    """For a peer that phase 1 proved by itself; XAUTH asks before its yes."""
    configuration = yield from ask(AcquireConfiguration(session.id, session.user))
    if isinstance(configuration, Failure):
        raise LocalFault(configuration.reason)
    insides.give(session, configuration)
    return configuration


def push(session: V1Session) -> Story[ModeConfiguration]:
    """For a client that does not ask: all we have for IPv4. One that never asked might choke on IPv6."""
    session.gates.demand(Gate.LOGIN, "a configuration")
    configuration = session.inner.configuration or (yield from _acquire(session))
    attributes = encode_configuration(configuration, None, unity=_unity(session))
    yield from send(Attributes(ConfigType.SET, IDENTIFIER, attributes))
    yield from expect()
    return configuration.without_ipv6()


def gives_address(payload: Attributes) -> bool:
    """Whether a SET is a pushed configuration."""
    return payload.first(ConfigAttribute.INTERNAL_IP4_ADDRESS) is not None


# --- both ------------------------------------------------------------------------------------------------------------


def tell(session: V1Session, configuration: ModeConfiguration) -> None:
    """That the client has an address, once."""
    session.inner.told = True
    session.desk.tell(Configured(session.id, session.user, str(configuration.address), configuration))
