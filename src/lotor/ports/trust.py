"""The port of the judge of certificates: it has trust anchors and revocation lists, and no secret."""

from __future__ import annotations

from typing import Protocol

from lotor.model.judgement import PeerProof, Trusted, Untrusted


class Trust(Protocol):
    async def judge(self, proof: PeerProof) -> Trusted | Untrusted:
        """Fails closed: whatever is not proved is `Untrusted`. Nothing raises, but for cancellation."""
        ...
