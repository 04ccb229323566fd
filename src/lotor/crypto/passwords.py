"""Hashes of lotor's own passwords: Argon2id (RFC 9106) as PHC text."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from lotor.model.secret import Secret

SALT_OCTETS = 16
TAG_OCTETS = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess costs: memory in KiB, passes over it, lanes. The default is the second choice of RFC 9106 §4."""

    memory: int = 64 * 1024
    passes: int = 3
    lanes: int = 4


DEFAULT_COST = Cost()
_ONE_AT_A_TIME = threading.Lock()
"""The lanes of one hash are threads of OpenSSL's own, and two hashes at once take them from each other: both wait for
ever, or fail. One at a time uses as many processors."""


def hash_password(password: Secret, cost: Cost = DEFAULT_COST) -> str:
    """`$argon2id$v=19$m=…,t=…,p=…$salt$tag` with a new salt."""
    derivation = Argon2id(
        salt=os.urandom(SALT_OCTETS),
        length=TAG_OCTETS,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.memory,
    )
    with _ONE_AT_A_TIME:
        return derivation.derive_phc_encoded(password.reveal())


def check_password(password: Secret, phc: str) -> bool:
    """Whether `phc` is the hash of the password; False for text that is no hash. Slow on purpose: use a thread."""
    try:
        with _ONE_AT_A_TIME:
            Argon2id.verify_phc_encoded(password.reveal(), phc)
    except (InvalidKey, ValueError):
        return False
    return True
