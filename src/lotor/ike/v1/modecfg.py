"""ISAKMP mode config (draft-dukes-ike-mode-cfg-02): pull and push, both sides. Nothing is given before the login."""

from __future__ import annotations

from dataclasses import replace

from lotor.ike import insides
from lotor.ike.errors import LocalFault, Misplaced, PeerFault, PolicyRefusal
from lotor.ike.gates import Gate
from lotor.ike.questions import AcquireConfiguration
from lotor.ike.v1 import selectors
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
"""Mode config and XAUTH share it (draft-dukes-ike-mode-cfg-02). The end that sends REQUEST or SET is the initiator."""

IDENTIFIER = 1


def _unity(session: V1Session) -> bool:
    return Vendor.UNITY in session.isakmp_sa.vendors


# --- the client ------------------------------------------------------------------------------------------------------


def pull(session: V1Session) -> Story[ModeConfiguration]:
    """Asks the gateway for everything that this end can use."""
    wanted = request_attributes(unity=_unity(session), ipv6=session.remote.mode_cfg6)
    yield from send(Attributes(ConfigType.REQUEST, IDENTIFIER, wanted))
    answer = yield from expect()
    return received(session, answer.only(Attributes))


def received(session: V1Session, payload: Attributes) -> ModeConfiguration:
    """The configuration of a REPLY or a SET. `PeerFault` for a gateway that gives none, or an impossible one."""
    try:
        return decode_configuration(payload.attributes)
    except Malformed as fault:
        address = session.path.remote.address
        raise PeerFault(UnusableConfiguration(address, str(fault)), None) from None


def accept(session: V1Session, payload: Attributes) -> Story[ModeConfiguration]:
    """Takes the SET of a gateway that pushes, and acknowledges its attributes without their values."""
    configuration = received(session, payload)
    named = dict.fromkeys(attribute.type for attribute in payload.attributes)
    taken = tuple(Attribute.tlv(kind, b"") for kind in named)
    yield from send(Attributes(ConfigType.ACK, payload.identifier, taken))
    return configuration


# --- the gateway -----------------------------------------------------------------------------------------------------


def give(session: V1Session, request: Attributes) -> Story[ModeConfiguration]:
    """Answers a client's REQUEST with what it asked for, in its order and under its identifier. Returns what was
    given."""
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
    """The configuration of a client that begins quick mode from the address that its login gave, without asking for it:
    Apple's clients go on with the address from before a break. None for a client that has to ask."""
    given = session.inner.configuration
    if given is None or session.gates.next() is not Gate.ADDRESS or not selectors.names(message1, given.address):
        return None
    return given.without_ipv6()


def demand(session: V1Session) -> None:
    """Where the gateway gives addresses a client must take one: `PolicyRefusal` for a client that does not ask for
    it."""
    session.gates.demand(Gate.LOGIN, "quick mode")
    coming = session.inner.configuration is not None or session.remote.mode_config is Transfer.PUSH
    if not session.gates.passed(Gate.ADDRESS) and not coming:
        raise PolicyRefusal(NoAddressAsked(), NotifyType.INVALID_ID_INFORMATION)
    session.gates.demand(Gate.ADDRESS, "quick mode")


def _as_read_by(session: V1Session, configuration: ModeConfiguration) -> ModeConfiguration:
    """The configuration for vpnc, which reads UNITY_PFS as a switch: 1 stands for group 2, and any other number for no
    PFS."""
    if Vendor.CISCO_VPNC in session.isakmp_sa.vendors and configuration.pfs_group == Group.MODP1024:
        return replace(configuration, pfs_group=1)
    return configuration


def _acquire(session: V1Session) -> Story[ModeConfiguration]:
    """An address for a peer that phase 1 proved by itself. With XAUTH it was acquired before the login was
    confirmed."""
    configuration = yield from ask(AcquireConfiguration(session.id, session.user))
    if isinstance(configuration, Failure):
        raise LocalFault(configuration.reason)
    insides.give(session, configuration)
    return configuration


def push(session: V1Session) -> Story[ModeConfiguration]:
    """Sends a client that does not ask everything for IPv4. IPv6 is left out, which such a client might not
    understand."""
    session.gates.demand(Gate.LOGIN, "a configuration")
    configuration = session.inner.configuration or (yield from _acquire(session))
    attributes = encode_configuration(configuration, None, unity=_unity(session))
    yield from send(Attributes(ConfigType.SET, IDENTIFIER, attributes))
    yield from expect()
    return configuration.without_ipv6()


def gives_address(payload: Attributes) -> bool:
    """Whether a SET is a pushed configuration."""
    return payload.first(ConfigAttribute.INTERNAL_IP4_ADDRESS) is not None
