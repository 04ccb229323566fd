"""What a person can be asked for. It stands alone because every command that may ask reads it when it starts."""

from __future__ import annotations

from enum import Enum


class Field(Enum):
    """What XAUTH can ask a person for (draft-beaulieu-ike-xauth-02 §6.2)."""

    USER_NAME = "user name"
    PASSWORD = "password"  # noqa: S105 - the name of the field
    PASSCODE = "passcode"
    NEXT_PIN = "next PIN"
    ANSWER = "answer"
    DOMAIN = "domain"
