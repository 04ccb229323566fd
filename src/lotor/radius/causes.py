"""Why a session ended, in the numbers of Acct-Terminate-Cause (RFC 2866 §5.10)."""

from __future__ import annotations

from enum import IntEnum

from lotor.model.kinds import Kind
from lotor.model.reason import Cause
from lotor.model.reasons.catalogue import CLASSES


class Terminate(IntEnum):
    """Those that lotor tells."""

    USER_REQUEST = 1
    LOST_CARRIER = 2
    LOST_SERVICE = 3
    IDLE_TIMEOUT = 4
    SESSION_TIMEOUT = 5
    ADMIN_RESET = 6
    ADMIN_REBOOT = 7
    NAS_ERROR = 9
    NAS_REQUEST = 10
    NAS_REBOOT = 11
    PORT_PREEMPTED = 13
    SERVICE_UNAVAILABLE = 15


FAMILIES = {
    Cause.ADMINISTRATOR: Terminate.ADMIN_RESET,
    Cause.PEER_CLOSED: Terminate.USER_REQUEST,
    Cause.NO_ANSWER: Terminate.LOST_CARRIER,
    Cause.DEAD_PEER: Terminate.LOST_CARRIER,
    Cause.NO_PROPOSAL: Terminate.NAS_ERROR,
    Cause.PROTOCOL: Terminate.NAS_ERROR,
    Cause.LOCAL_FAULT: Terminate.NAS_ERROR,
    Cause.NOT_JUDGED: Terminate.NAS_ERROR,
    Cause.CERTIFICATE: Terminate.NAS_REQUEST,
    Cause.LOGIN_REFUSED: Terminate.NAS_REQUEST,
    Cause.LOGIN_DECLINED: Terminate.NAS_REQUEST,
    Cause.ALREADY_CONNECTED: Terminate.NAS_REQUEST,
    Cause.POOL_EXHAUSTED: Terminate.SERVICE_UNAVAILABLE,
    Cause.EXPIRED: Terminate.SESSION_TIMEOUT,
    Cause.REPLACED: Terminate.PORT_PREEMPTED,
}
KINDS = {
    Kind.SHUT_DOWN: Terminate.ADMIN_REBOOT,
    Kind.DAEMON_DIED: Terminate.LOST_SERVICE,
    Kind.GATEWAY_DIED: Terminate.NAS_REBOOT,
    Kind.SESSION_IDLE: Terminate.IDLE_TIMEOUT,
    Kind.GIVEN_UP: Terminate.USER_REQUEST,
}
"""Those that are told more exactly than by their family."""


def terminate_cause(kind: Kind) -> Terminate:
    return KINDS.get(kind) or FAMILIES[CLASSES[kind].cause]
