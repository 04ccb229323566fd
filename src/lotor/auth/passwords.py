"""What every back end with passwords holds of one: its bounds, and how a refused one costs as much as a wrong one."""

from __future__ import annotations

from lotor.model.login import LoginAttempt
from lotor.model.prompt import Field
from lotor.model.secret import Secret

LONGEST_PASSWORD = 1024
LONGEST_USER = 64
NEVER_RIGHT = Secret(b"-")
"""Hashed in the place of a password that no account can have."""


def given_password(attempt: LoginAttempt) -> tuple[Secret, bool]:
    """The password to hash, and whether it may count: empty, longer than 1024 octets and with NUL it never does."""
    password = attempt.answer(Field.PASSWORD)
    usable = 0 < len(password) <= LONGEST_PASSWORD and b"\0" not in password.reveal()
    return (password, True) if usable else (NEVER_RIGHT, False)
