"""A transaction that the peer begins: XAUTH or mode config, distinguished by its first message."""

from __future__ import annotations

from lotor.ike.errors import Misplaced, Refusal
from lotor.ike.gates import Gate
from lotor.ike.v1 import modecfg, xauth
from lotor.ike.v1.session import V1Session
from lotor.ike.v1.story import Story, expect
from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.reasons.protocol import OddTransaction
from lotor.wire.v1.numbers import ConfigType, XauthAttribute
from lotor.wire.v1.payloads import Attributes


@frozen
class TransactionResult:
    """The result of a transaction that the peer began."""

    verdict: bool | None = None
    configuration: ModeConfiguration | None = None


def answer(session: V1Session) -> Story[TransactionResult]:
    """A transaction that the peer began, on either side."""
    payload = (yield from expect()).only(Attributes)
    if session.gateway:
        return TransactionResult(configuration=(yield from modecfg.give(session, payload)))
    if payload.type == ConfigType.REQUEST:
        if session.gates.next() is not Gate.LOGIN:
            raise Misplaced("the gateway asks for a login out of turn")
        yield from xauth.reply(session, payload)
        return TransactionResult()
    if modecfg.gives_address(payload) and session.gates.passed(Gate.LOGIN):
        return TransactionResult(configuration=(yield from modecfg.accept(session, payload)))
    if payload.first(XauthAttribute.STATUS) is not None:
        return TransactionResult(verdict=(yield from xauth.acknowledge(session, payload)))
    raise Refusal(OddTransaction())
