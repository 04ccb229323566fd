"""The port of the keys: they sign, derive and judge, and never give a private key away."""

from __future__ import annotations

from typing import Protocol

from lotor.model.judgement import Failure, Feigned, PeerProof, PskRequest, Signature, Trusted, Untrusted
from lotor.model.secret import Secret


class Keys(Protocol):
    """`remote` is the name of a `RemotePolicy`. Methods may take milliseconds and are called off the event loop."""

    def sign(self, remote: str, octets: bytes) -> Signature | Failure:
        """PKCS#1 v1.5 over the bare octets, without DigestInfo (RFC 2409 §5.1)."""
        ...

    def judge(self, proof: PeerProof) -> Trusted | Untrusted: ...

    def derive_skeyid(self, request: PskRequest) -> Secret | Feigned | Failure:
        """prf(pre-shared key, Ni_b | Nr_b); `Feigned` where a gateway in aggressive mode has no key for a client."""
        ...

    def saved_password(self, login: str) -> Secret | None:
        """The password that psk.txt holds for a login; None when there is none or the file may not be trusted."""
        ...
