"""Codes of the hour: TOTP (RFC 6238) as authenticator apps make them, of SHA-1, six digits and 30 seconds."""

from __future__ import annotations

import hmac
import os

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from lotor.model.secret import Secret

DIGITS = 6
STEP = 30
"""Seconds of one code."""
WINDOW = 1
"""Codes before and after that of now which count too: clocks differ, and typing takes a while (RFC 6238 §5.2)."""
KEY_OCTETS = 20
"""As long as the output of HMAC-SHA-1 (RFC 4226 §4, R6)."""


def new_key() -> Secret:
    return Secret(os.urandom(KEY_OCTETS))


def code_of(key: Secret, step: int) -> str:
    """The code of one step since 1970."""
    made = TOTP(key.reveal(), DIGITS, SHA1(), STEP, enforce_key_length=False)  # noqa: S303 - what the apps have
    return made.generate(step * STEP).decode()


def step_of(key: Secret, code: str, now: float) -> int | None:
    """The step whose code it is, of those that count at `now` (seconds since 1970); None if it is of none. All of them
    are compared. Of two steps with the same code, the later one."""
    present, found = int(now // STEP), None
    for step in range(present - WINDOW, present + WINDOW + 1):
        if step >= 0 and hmac.compare_digest(code_of(key, step).encode(), code.encode("utf-8", "replace")):
            found = step
    return found
