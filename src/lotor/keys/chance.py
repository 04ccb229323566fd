"""Keys of chance: what a gateway goes on with in aggressive mode for a client whose key it does not have.

Its answer to everybody is a hash under some key, of the same size and made by the same work, so that nobody learns
which names it knows; and nobody can go on under a key that nobody has.
"""

from __future__ import annotations

import secrets

from lotor.crypto import hashes
from lotor.model.algorithms import Hash
from lotor.model.identity import Identity
from lotor.model.secret import Secret

_MADE_AT_START = secrets.token_bytes(32)


def key_of_chance(identity: Identity) -> Secret:
    """The same for an identity as long as the program runs, as a true key would be."""
    name = identity.kind.to_bytes(2, "big") + identity.data
    return Secret(hashes.hmac(Hash.SHA256, _MADE_AT_START, name))
