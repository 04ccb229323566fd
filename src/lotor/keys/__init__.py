"""The signer: private keys and psk.txt. It parses no message and no certificate of a peer, and no private key leaves
this room."""

from lotor.keys.keyring import Keyring
from lotor.keys.local import LocalSigner
from lotor.keys.specification import OwnFiles, RemoteKeys

__all__ = ["Keyring", "LocalSigner", "OwnFiles", "RemoteKeys"]
