"""Why a session ended or never came up: data that the log, the client's terminal, exit codes and tests share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Cause(Enum):
    """The kinds of an end; each has one exit code of `lotor connect` (docs/exit-codes)."""

    ADMINISTRATOR = "closed here"
    PEER_CLOSED = "closed by the peer"
    NO_ANSWER = "no answer"
    NO_PROPOSAL = "no proposal chosen"
    CERTIFICATE = "certificate refused"
    LOGIN_REFUSED = "login refused"
    LOGIN_DECLINED = "no login given"
    POOL_EXHAUSTED = "address pool exhausted"
    DEAD_PEER = "peer is dead"
    EXPIRED = "lifetime over"
    PROTOCOL = "protocol error"
    LOCAL_FAULT = "local fault"
    REPLACED = "replaced by a newer session"
    ALREADY_CONNECTED = "logged in already"
    NOT_JUDGED = "login not judged"


@dataclass(frozen=True, slots=True)
class Reason:
    """`text` is a whole sentence for a person, cleaned of a peer's control characters."""

    cause: Cause
    text: str

    def __str__(self) -> str:
        return self.text
