"""Private keys, saved passwords and trust anchors: they sign and judge, and a private key never leaves this room."""

from lotor.keys.keyring import Keyring
from lotor.trust.specification import Credential, Problem, RemoteKeys, Severity

__all__ = ["Credential", "Keyring", "Problem", "RemoteKeys", "Severity"]
