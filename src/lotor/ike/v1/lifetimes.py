"""Lifetimes of phase 1 and of SA pairs: what a responder announces (RESPONDER-LIFETIME, RFC 2407 §4.6.3.1), and what
either end makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from lotor.ike.events import Remark
from lotor.ike.v1.choose import ChosenIke
from lotor.ike.v1.session import V1Session
from lotor.model.algorithms import IkeSuite
from lotor.wire.v1.attributes import Attribute, decode_attributes, encode_attributes
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import EspAttribute, IkeAttribute, LifeType, NotifyType, Protocol
from lotor.wire.v1.payloads import Notification
from lotor.wire.v1.readings import LEAST_LIFETIME, LEAST_VOLUME
from lotor.wire.v1.vendors import Vendor

CISCO_LIFETIME_S = 2147483
"""Seconds that Cisco's client and vpnc offer for phase 1."""


def responder_note(session: V1Session, choice: ChosenIke) -> tuple[Notification, ...]:
    """Tells the initiator that phase 1 ends sooner than it offered (RFC 2407 §4.6.3.1), so that it renews in time.
    Cisco's client and vpnc are not told: vpnc renews when told, and deletes the new phase 1 20 s later."""
    if not choice.shortened or choice.offered >= CISCO_LIFETIME_S:
        return ()
    spi = session.spis.initiator + session.spis.responder
    return (note(Protocol.ISAKMP, spi, {LifeType.SECONDS: choice.suite.lifetime}),)


_LIFE_TYPES = {Protocol.ISAKMP: IkeAttribute.LIFE_TYPE, Protocol.ESP: EspAttribute.LIFE_TYPE}
"""In both phases the attribute of the duration has the next number."""


def note(protocol: Protocol, spi: bytes, life: Mapping[LifeType, int]) -> Notification:
    """A RESPONDER-LIFETIME of either phase, in seconds or kilobytes or both."""
    kind = _LIFE_TYPES[protocol]
    pairs = ((Attribute.tv(kind, unit), Attribute.integer(kind + 1, value)) for unit, value in life.items())
    attributes = [attribute for pair in pairs for attribute in pair]
    return Notification(NotifyType.RESPONDER_LIFETIME, encode_attributes(attributes), spi=spi, protocol=protocol)


def kept_suite(session: V1Session, choice: ChosenIke, vendors: frozenset[Vendor]) -> IkeSuite:
    """The suite with the lifetime that this end enforces: the configured one. For vpnc, which cannot renew a phase 1,
    it is the one that vpnc offered."""
    if Vendor.CISCO_VPNC not in vendors or not choice.shortened:
        return choice.suite
    text = f"vpnc cannot renew phase 1: this one lasts as long as the session, not {choice.suite.lifetime} s"
    session.context.tell(Remark(session.id, text))
    return replace(choice.suite, lifetime=choice.offered)


def told_suite(chain: Chain, suite: IkeSuite) -> IkeSuite:
    """The suite with the lifetime that the responder announced, if that is shorter."""
    notes = [each for each in chain.all(Notification) if each.protocol == Protocol.ISAKMP]
    return replace(suite, lifetime=told_seconds(notes, Protocol.ISAKMP, suite.lifetime))


def told_seconds(notes: Iterable[Notification], protocol: Protocol, ours: int) -> int:
    """Seconds of the first RESPONDER-LIFETIME that is shorter than ours, else ours (RFC 2407 §4.6.3.1)."""
    shorter = (told for told in _told(notes, protocol, LifeType.SECONDS) if told < ours)
    return max(next(shorter, ours), min(ours, LEAST_LIFETIME))


def told_volume(notes: Iterable[Notification], ours: int | None) -> int | None:
    """Kilobytes of the first RESPONDER-LIFETIME that is smaller than ours, else ours."""
    less = (told for told in _told(notes, Protocol.ESP, LifeType.KILOBYTES) if ours is None or told < ours)
    told = next(less, None)
    return ours if told is None else max(told, LEAST_VOLUME)


def _told(notes: Iterable[Notification], protocol: Protocol, unit: LifeType) -> Iterator[int]:
    """The durations in one unit that a responder announced."""
    life_type = _LIFE_TYPES[protocol]
    for each in notes:
        if each.type == NotifyType.RESPONDER_LIFETIME:
            for kind, duration in pairwise(decode_attributes(each.data)):
                if kind.type == life_type and kind.number == unit and duration.type == life_type + 1:
                    yield duration.number
