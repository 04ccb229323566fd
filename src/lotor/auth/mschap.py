"""MSCHAPv2 (RFC 2759) for lotor's own users: what a response is worth, and what shows the client that this end knows
the password, too."""

from __future__ import annotations

import os

from lotor.auth.nt_keys import NT_HASH, NtKeys
from lotor.auth.userlines import LocalUser
from lotor.crypto import mschap
from lotor.model.login import MschapResponse, Proved
from lotor.model.reasons.logins import LoginReason, NoNtHash, NtHashClosed, UnknownUser, WrongPassword
from lotor.model.secret import Secret

UNFIT = bytes(8)
NOBODYS = Secret(os.urandom(NT_HASH))
"""In the place of the NT hash of who has none: a response costs the same whoever is said to have made it."""


def proved(user: LocalUser | None, name: str, shown: MschapResponse, keys: NtKeys) -> Proved | LoginReason:
    """Of who is called `name`. Blocks. Raises `files.private.FileError` where a key cannot be read."""
    nt_hash = _nt_hash(user, keys)
    challenge = _challenge(name, shown)
    right = mschap.is_response(nt_hash or NOBODYS, challenge or UNFIT, shown.response)
    if user is None:
        return UnknownUser(name)
    if nt_hash is None:
        return NtHashClosed(name) if user.facts.mschap else NoNtHash(name)
    if not right or challenge is None:
        return WrongPassword(name)
    return Proved(mschap.msk(nt_hash, shown.response), mschap.authenticator(nt_hash, challenge, shown.response))


def _nt_hash(user: LocalUser | None, keys: NtKeys) -> Secret | None:
    if user is None or not user.facts.mschap:
        keys.opened("", "", "")  # a key that cannot be read is the same for all
        return None
    return keys.opened(user.name, user.hash, user.facts.mschap)


def _challenge(name: str, shown: MschapResponse) -> bytes | None:
    """None for challenges, or a name, of which none can be made."""
    try:
        return mschap.challenge_hash(shown.challenge, shown.peer_challenge, name)
    except ValueError:
        return None
