"""What a gateway tells at the end of IKE_AUTH of the session that it grants, and what its client makes of it."""

from __future__ import annotations

from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Notification


def notes(session: V2Session) -> Payloads:
    """What a login grants in time is told, so that the client logs in again before (RFC 4478). One that does so at once
    is not told again: strongSwan takes less than its `over_time` for no time at all, and would go on for ever."""
    seconds = session.grants.session_time if not session.abilities.hasty else None
    lifetime = min(max(0, int(seconds)), 0xFFFFFFFF).to_bytes(4, "big") if seconds is not None else None
    return (
        *((Notification(NotifyType.MOBIKE_SUPPORTED),) if session.abilities.mobike else ()),
        *((Notification(NotifyType.AUTH_LIFETIME, lifetime),) if lifetime is not None else ()),
    )


def heard(session: V2Session, chain: Chain) -> None:
    """Of the gateway's last answer."""
    said = {each.type: each.data for each in chain.all(Notification)}
    session.abilities.mobike = session.terms.mobike and NotifyType.MOBIKE_SUPPORTED in said
    told = said.get(NotifyType.AUTH_LIFETIME, b"")
    session.abilities.login_lifetime = int.from_bytes(told, "big") if len(told) == 4 else None
