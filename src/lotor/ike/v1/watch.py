"""How a session watches its peer: dead peer detection, and keepalives for a NAT."""

from __future__ import annotations

from collections.abc import Callable

from lotor.ike import keepalives
from lotor.ike.events import Dead
from lotor.ike.v1 import informational
from lotor.ike.v1.liveness import Watch
from lotor.ike.v1.session import V1Session
from lotor.model.network import Instant
from lotor.model.policy import Dpd
from lotor.model.reason import Reason
from lotor.model.reasons.ends import DeadPeer
from lotor.wire.v1.vendors import Vendor

WAITING_DPD = Dpd(delay=5, retry=5, maxfail=12)
"""Dead peer detection of a client that waits for the gateway's next message. Its probes also show the gateway to where
a NAT moved this client."""


def watch(session: V1Session, dpd: Dpd, dead: Callable[[V1Session, Reason], None], now: Instant) -> None:
    """Starts dead peer detection, if the peer speaks it. `dead` is called when the peer did not answer."""
    if Vendor.DPD not in session.isakmp_sa.vendors or not session.remote.dpd.announce:
        return

    def give_up(_: Instant) -> None:
        waited = dpd.delay + dpd.retry * dpd.maxfail
        reason = DeadPeer(session.path.remote.address, waited)
        session.context.tell(Dead(session.id, session.path, reason))
        dead(session, reason)

    probe = lambda sequence, _: informational.probe(session, sequence)  # noqa: E731 - one line reads better
    session.liveness.start(Watch(session.context, dpd, probe, give_up, session.children.ids), now)


def keep_alive(session: V1Session, now: Instant) -> None:
    """Only the end behind a NAT sends keepalives."""
    if session.isakmp_sa.here and session.path.floated:
        keepalives.begin(session, lambda: True, now)
