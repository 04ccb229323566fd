"""What the codes of PAM (pam(3)) mean for a login, and what the modules have said for its person."""

from __future__ import annotations

from lotor.auth.pam import process as inside
from lotor.auth.pam.modules import Done
from lotor.model.grants import LONGEST_MESSAGE
from lotor.model.reasons.logins import (
    AccountExpired,
    BackEndFault,
    LoginReason,
    PamRefused,
    PasswordDue,
    RootNever,
)
from lotor.model.text import clean

LONGEST_NAME = 256
"""Characters of the user whom the modules name, as of a client's."""

NEW_AUTHTOK_REQD, ACCT_EXPIRED, AUTHTOK_EXPIRED = 12, 13, 27
FAULTS = frozenset({1, 2, 3, 4, 5, 9, 18, 19, 26, 28, 29})
"""Nothing was said of the login: PAM_OPEN_ERR, PAM_SYMBOL_ERR, PAM_SERVICE_ERR, PAM_SYSTEM_ERR, PAM_BUF_ERR,
PAM_AUTHINFO_UNAVAIL, PAM_NO_MODULE_DATA, PAM_CONV_ERR, PAM_ABORT, PAM_MODULE_UNKNOWN, PAM_BAD_ITEM."""

STEPS = {
    inside.AUTHENTICATE: "auth",
    inside.ACCOUNT: "account",
    inside.CREDENTIALS: "credentials",
    inside.SESSION: "session",
}
EXPIRED = "your account has expired: tell the gateway's administrator"
DUE = "your password has expired: set a new one, then connect again"


def refusal(user: str, service: str, done: Done) -> LoginReason:
    """Of a verdict that is no yes. Modules that broke have judged nothing. Dates of an account are told in the account
    step alone, where the password was right."""
    words, told = clean(done.words), said(done.said).replace("\n", " ")
    if done.step == inside.ROOT:
        return RootNever(user)
    if done.step not in STEPS or done.code in FAULTS:
        return BackEndFault(user, f"PAM service {service} cannot be used: {words or f'code {done.code}'}{_step(done)}")
    if done.step == inside.ACCOUNT and done.code == ACCT_EXPIRED:
        return AccountExpired(user, told or EXPIRED)
    if done.step == inside.ACCOUNT and done.code in {NEW_AUTHTOK_REQD, AUTHTOK_EXPIRED}:
        return PasswordDue(user, told or DUE)
    return PamRefused(user, STEPS[done.step], words, told)


def said(*parts: bytes) -> str:
    """Text for the person: what the modules said, and the prompt, each on lines of its own."""
    lines = [clean(part.strip(), lines=True, longest=LONGEST_MESSAGE) for part in parts]
    return "\n".join(filter(None, lines))[:LONGEST_MESSAGE]


def user_of(done: Done) -> str | None:
    """The name for accounting; None where it is no printable text."""
    try:
        name = done.user.decode()
    except UnicodeDecodeError:
        return None
    return name if name and name == clean(name) and len(name) <= LONGEST_NAME else None


def _step(done: Done) -> str:
    return f" (step {STEPS[done.step]})" if done.step in STEPS else ""
