"""What a peer sends as X.509, judged by trust anchors and revocation lists: no secret is held here."""

from lotor.trust.specification import RemoteTrust
from lotor.trust.store import LocalTrust, TrustStore

__all__ = ["LocalTrust", "RemoteTrust", "TrustStore"]
