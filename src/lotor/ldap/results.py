"""What a directory's answer to a bind means: result codes, the words of a password policy, Active Directory's."""

from __future__ import annotations

import re
from enum import IntEnum

from lotor.ldap.connection import DirectoryError
from lotor.ldap.messages import Policy, Result
from lotor.model.reasons.logins import (
    AccountExpired,
    BackEndFault,
    DirectoryRefused,
    Locked,
    LoginReason,
    PasswordDue,
    PasswordExpired,
    WrongPassword,
)
from lotor.model.text import clean

LONGEST_SAID = 200
DAY = 86400


class Code(IntEnum):
    """RFC 4511 §4.1.9; those that a login meets."""

    SUCCESS = 0
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    TIME_LIMIT_EXCEEDED = 3
    SIZE_LIMIT_EXCEEDED = 4
    STRONGER_AUTH_REQUIRED = 8
    REFERRAL = 10
    ADMIN_LIMIT_EXCEEDED = 11
    CONFIDENTIALITY_REQUIRED = 13
    CONSTRAINT_VIOLATION = 19
    NO_SUCH_OBJECT = 32
    INVALID_DN_SYNTAX = 34
    INAPPROPRIATE_AUTHENTICATION = 48
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING = 53


class PolicyError(IntEnum):
    """draft-behera-ldap-password-policy §6.2; those that come with a bind."""

    PASSWORD_EXPIRED = 0
    ACCOUNT_LOCKED = 1
    CHANGE_AFTER_RESET = 2


WORDS = {
    Code.OPERATIONS_ERROR: "it has a fault of its own (operations error)",
    Code.PROTOCOL_ERROR: "it does not take LDAP version 3, or not this request (protocol error)",
    Code.TIME_LIMIT_EXCEEDED: "it needs longer than it was given",
    Code.SIZE_LIMIT_EXCEEDED: "it found more than it tells",
    Code.STRONGER_AUTH_REQUIRED: "it takes no password without TLS: add tls on; to ldapcfg",
    Code.REFERRAL: "it refers to another server, and referrals are not followed: name that server in ldapcfg",
    Code.ADMIN_LIMIT_EXCEEDED: "a limit of its administrator is exceeded",
    Code.CONFIDENTIALITY_REQUIRED: "it takes no password without TLS: add tls on; to ldapcfg",
    Code.CONSTRAINT_VIOLATION: "too many wrong passwords, or another limit of the directory",
    Code.NO_SUCH_OBJECT: "there is no such entry",
    Code.INVALID_DN_SYNTAX: "it does not take the name as a DN",
    Code.INAPPROPRIATE_AUTHENTICATION: "the entry has no password",
    Code.INVALID_CREDENTIALS: "invalid credentials",
    Code.INSUFFICIENT_ACCESS: "not allowed",
    Code.BUSY: "it is busy",
    Code.UNAVAILABLE: "it is closing, or offline",
    Code.UNWILLING: "it is unwilling to do that",
}
_ELSEWHERE = {Code.BUSY, Code.UNAVAILABLE}
"""What another server of the same directory may do better."""
_ABOUT_USER = {Code.CONSTRAINT_VIOLATION, Code.INAPPROPRIATE_AUTHENTICATION, Code.INSUFFICIENT_ACCESS, Code.UNWILLING}
_WRONG = {Code.INVALID_CREDENTIALS, Code.NO_SUCH_OBJECT, Code.INVALID_DN_SYNTAX}

_ACTIVE_DIRECTORY = re.compile(rb"AcceptSecurityContext error, data ([0-9a-f]{1,8}),")
"""Where Active Directory says why, in hexadecimal."""


def told(result: Result) -> str:
    """A result in words, with what the server says itself."""
    words = WORDS.get(Code(result.code)) if result.code in set(Code) else None
    said = clean(result.message, longest=LONGEST_SAID)
    return f"{words or 'an error that is none of a login'} (result {result.code}{', ' * bool(said)}{said})"


def able(result: Result) -> Result:
    """The same result. Raises `DirectoryError` where another server may do better."""
    if result.code in _ELSEWHERE:
        raise DirectoryError(told(result))
    return result


def objection(user: str, result: Result) -> LoginReason | None:
    """What a bind as the user says against the login; None: the password is right, and may be used."""
    if result.code == Code.SUCCESS:
        return _due(user, result.policy)
    if result.code in _WRONG:
        return _by_policy(user, result.policy) or _by_active_directory(user, result) or WrongPassword(user)
    if result.code in _ABOUT_USER:
        return DirectoryRefused(user, told(result))
    return BackEndFault(user, f"the directory does not judge the password: {told(result)}")


def notice(policy: Policy | None) -> str:
    """What the person should know of a password that is still good."""
    if policy is None:
        return ""
    if policy.grace is not None:
        return f"Your password expired: {policy.grace} more logins until you must have changed it."
    if policy.expires is not None and policy.expires >= 0:
        days = policy.expires // DAY
        return f"Your password expires in {days} days." if days > 1 else "Your password expires within two days."
    return ""


def _due(user: str, policy: Policy | None) -> LoginReason | None:
    return PasswordDue(user) if policy is not None and policy.error == PolicyError.CHANGE_AFTER_RESET else None


def _by_policy(user: str, policy: Policy | None) -> LoginReason | None:
    if policy is None:
        return None
    if policy.error == PolicyError.ACCOUNT_LOCKED:
        return Locked(user, "account")
    return PasswordExpired(user) if policy.error == PolicyError.PASSWORD_EXPIRED else None


def _by_active_directory(user: str, result: Result) -> LoginReason | None:
    """By the numbers of Windows: ERROR_PASSWORD_EXPIRED, ERROR_ACCOUNT_DISABLED, ERROR_ACCOUNT_EXPIRED,
    ERROR_PASSWORD_MUST_CHANGE, ERROR_ACCOUNT_LOCKED_OUT."""
    found = _ACTIVE_DIRECTORY.search(result.message)
    match int(found[1], 16) if found else 0:
        case 1330:
            return PasswordExpired(user)
        case 1331 | 1909:
            return Locked(user, "account")
        case 1793:
            return AccountExpired(user)
        case 1907:
            return PasswordDue(user)
        case _:
            return None
