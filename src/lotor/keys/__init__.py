"""The signer: private keys and psk.txt. It reads no octet of a peer, and a private key never leaves this room."""

from lotor.keys.keyring import Keyring
from lotor.keys.local import LocalSigner
from lotor.keys.specification import RemoteKeys

__all__ = ["Keyring", "LocalSigner", "RemoteKeys"]
