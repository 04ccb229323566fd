"""The port of the signer, which stays the same object while a reload replaces the keys behind it."""

from __future__ import annotations

from concurrent.futures import Executor

from lotor.keys import Keyring, LocalSigner
from lotor.model.algorithms import SignatureScheme
from lotor.model.judgement import (
    Failure,
    Feigned,
    KeyedRequest,
    MixedKeys,
    PpkRequest,
    PskRequest,
    Signature,
    SignedHash,
    SignedOctets,
)
from lotor.model.secret import Secret


class CurrentSigner:
    """Implements `ports.signer.Signer`; without keys before the first `use`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._signer = LocalSigner(Keyring(()), executor)

    def use(self, keyring: Keyring) -> None:
        self._signer = LocalSigner(keyring, self._executor)

    async def sign(self, remote: str, made_of: SignedHash) -> Signature | Failure:
        return await self._signer.sign(remote, made_of)

    async def derive_skeyid(self, request: PskRequest) -> Secret | Feigned | Failure:
        return await self._signer.derive_skeyid(request)

    async def sign_auth(self, remote: str, made_of: SignedOctets, scheme: SignatureScheme) -> Signature | Failure:
        return await self._signer.sign_auth(remote, made_of, scheme)

    async def keyed_auth(self, request: KeyedRequest) -> Secret | Failure:
        return await self._signer.keyed_auth(request)

    async def mix_ppk(self, request: PpkRequest) -> MixedKeys | Failure:
        return await self._signer.mix_ppk(request)

    async def sign_tls(self, remote: str, message: bytes, scheme: SignatureScheme) -> Signature | Failure:
        return await self._signer.sign_tls(remote, message, scheme)

    async def saved_password(self, remote: str) -> Secret | None:
        return await self._signer.saved_password(remote)
