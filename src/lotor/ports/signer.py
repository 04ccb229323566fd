"""The port of the signer: it signs and derives for phase 1, and never gives away a private key or a pre-shared one."""

from __future__ import annotations

from typing import Protocol

from lotor.model.judgement import Failure, Feigned, PskRequest, Signature
from lotor.model.secret import Secret


class Signer(Protocol):
    """`remote` is the name of a `RemotePolicy`. Nothing raises, but for cancellation."""

    async def sign(self, remote: str, octets: bytes) -> Signature | Failure:
        """PKCS#1 v1.5 over the bare octets, without DigestInfo (RFC 2409 §5.1)."""
        ...

    async def derive_skeyid(self, request: PskRequest) -> Secret | Feigned | Failure:
        """prf(pre-shared key, Ni_b | Nr_b); `Feigned` where a gateway in aggressive mode has no key for a client."""
        ...

    async def saved_password(self, login: str) -> Secret | None:
        """The password that psk.txt holds for a login; None when there is none or the file may not be trusted."""
        ...
