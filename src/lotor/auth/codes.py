"""The text of codes: where a password ends and the code behind it begins, and codes for the day when the phone is
lost."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

from lotor.model.secret import Secret

RECOVERY_CODES = 10
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_OF_THE_HOUR = re.compile(rb"\d{6}")
_RECOVERY = re.compile(rb"[a-z2-7]{12}")
_BEHIND = re.compile(rb"(.+)(\d{6}|[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4})", re.DOTALL)
LONGEST_CODE = 64
"""Octets of what may be a code with blanks in it."""


def parted(given: Secret) -> tuple[tuple[Secret, Secret], ...]:
    """Password and code of `password123456` or `password,123456`, also with a recovery code in the place of the six
    digits. A comma may be the password's own, so that there are two readings then; none where nothing at the end looks
    like a code."""
    parts = _BEHIND.fullmatch(given.reveal())
    if parts is None:
        return ()
    password, code = parts[1], Secret(parts[2])
    bare = password.removesuffix(b",")
    return tuple((Secret(each), code) for each in dict.fromkeys((bare, password)) if each)


def six_digits(code: Secret) -> str | None:
    """As an app shows them, `123 456` or `123456`; None for another text."""
    text = code.reveal().replace(b" ", b"") if len(code) <= LONGEST_CODE else b""
    return text.decode() if _OF_THE_HOUR.fullmatch(text) else None


def new_recovery_codes() -> tuple[str, ...]:
    """Sixty bits each, in groups that can be read to somebody."""
    drawn = ("".join(secrets.choice(_LETTERS) for _ in range(12)) for _ in range(RECOVERY_CODES))
    return tuple("-".join((code[:4], code[4:8], code[8:])) for code in drawn)


def recovery_digest(user: str, code: Secret) -> str | None:
    """What is stored of a recovery code of this user; None for a text that is none."""
    text = re.sub(rb"[ -]", b"", code.reveal()).lower() if len(code) <= LONGEST_CODE else b""
    if not _RECOVERY.fullmatch(text):
        return None
    name = user.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(len(name).to_bytes(8, "big") + name + text, digest_size=12, person=b"lotor-recovery")
    return base64.urlsafe_b64encode(digest.digest()).decode()


def spent_name(user: str, what: bytes) -> str:
    """How a key or a recovery code of this user is called among those that are spent."""
    name = user.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(
        len(name).to_bytes(8, "big") + name + what, digest_size=16, person=b"lotor-spent"
    ).hexdigest()
