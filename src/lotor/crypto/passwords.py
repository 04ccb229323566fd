"""Hashes of lotor's own passwords: Argon2id (RFC 9106) as PHC text."""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
import re
import threading

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from lotor.model.frozen import frozen
from lotor.model.secret import Secret

SALT_OCTETS = 16
TAG_OCTETS = 32


@frozen
class Cost:
    """The cost of one guess: memory in KiB, passes over it, lanes. The default is from OWASP's list for Argon2id, about
    30 ms of one processor: a thousand people who come back at once are checked within a minute."""

    memory: int = 19 * 1024
    passes: int = 2
    lanes: int = 1

    def __str__(self) -> str:
        """What every PHC text of this cost begins with."""
        return f"$argon2id$v=19$m={self.memory},t={self.passes},p={self.lanes}"


DEFAULT_COST = Cost()
_ONE_AT_A_TIME = threading.Lock()
"""Several lanes of one hash are threads of OpenSSL's own. Two such hashes at once compete for these threads, and both
wait for ever, or fail. A hash of one lane stays in the calling thread."""
_PHC = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,3})\$([A-Za-z0-9+/]{1,88})\$([A-Za-z0-9+/]{1,88})", re.ASCII
)


class NotPhcError(Exception):
    """The text is no hash of Argon2id that can be computed."""


def hash_password(password: Secret, cost: Cost = DEFAULT_COST) -> str:
    """`$argon2id$v=19$m=…,t=…,p=…$salt$tag` with a new salt."""
    derivation = Argon2id(
        salt=os.urandom(SALT_OCTETS),
        length=TAG_OCTETS,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.memory,
    )
    with _alone(one_lane=cost.lanes == 1):
        return derivation.derive_phc_encoded(password.reveal())


def check_password(password: Secret, phc: str) -> bool:
    """Whether `phc` is the hash of the password. Slow on purpose: use a thread. Raises `NotPhcError`, at once."""
    parts = _PHC.fullmatch(phc)
    if parts is None:
        raise NotPhcError
    memory, passes, lanes = (int(parts[number]) for number in (1, 2, 3))
    try:
        salt, tag = _decoded(parts[4]), _decoded(parts[5])
        derivation = Argon2id(salt=salt, length=len(tag), iterations=passes, lanes=lanes, memory_cost=memory)
    except ValueError:
        raise NotPhcError from None
    with _alone(one_lane=lanes == 1):
        return hmac.compare_digest(derivation.derive(password.reveal()), tag)


def is_phc(text: str) -> bool:
    """Whether a password can be compared with it."""
    parts = _PHC.fullmatch(text)
    try:
        if parts is not None:
            memory, passes, lanes = (int(parts[number]) for number in (1, 2, 3))
            tag = _decoded(parts[5])
            Argon2id(salt=_decoded(parts[4]), length=len(tag), iterations=passes, lanes=lanes, memory_cost=memory)
    except ValueError:
        return False
    return parts is not None


def _decoded(text: str) -> bytes:
    """Base64 without padding."""
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _alone(*, one_lane: bool) -> contextlib.AbstractContextManager[object]:
    return contextlib.nullcontext() if one_lane else _ONE_AT_A_TIME
