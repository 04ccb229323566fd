"""The signer in the same process as its caller: what takes long runs in a thread of its executor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from lotor.keys.keyring import Keyring
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

T = TypeVar("T")


class LocalSigner:
    """Implements `ports.signer.Signer`. What nobody waits for any more is not begun."""

    def __init__(self, keyring: Keyring, executor: Executor) -> None:
        self._keyring = keyring
        self._executor = executor

    async def sign(self, remote: str, made_of: SignedHash) -> Signature | Failure:
        return await self._beside(lambda: self._keyring.sign(remote, made_of))

    async def derive_skeyid(self, request: PskRequest) -> Secret | Feigned | Failure:
        return await self._beside(lambda: self._keyring.derive_skeyid(request))

    async def sign_auth(self, remote: str, made_of: SignedOctets, scheme: SignatureScheme) -> Signature | Failure:
        if self._keyring.is_quick(remote, scheme):
            return self._keyring.sign_auth(remote, made_of, scheme)
        return await self._beside(lambda: self._keyring.sign_auth(remote, made_of, scheme))

    async def keyed_auth(self, request: KeyedRequest) -> Secret | Failure:
        return await self._beside(lambda: self._keyring.keyed_auth(request))

    async def mix_ppk(self, request: PpkRequest) -> MixedKeys | Failure:
        return await self._beside(lambda: self._keyring.mix_ppk(request))

    async def sign_tls(self, remote: str, message: bytes, scheme: SignatureScheme) -> Signature | Failure:
        return await self._beside(lambda: self._keyring.sign_tls(remote, message, scheme))

    async def saved_password(self, remote: str) -> Secret | None:
        return await self._beside(lambda: self._keyring.saved_password(remote))

    async def _beside(self, action: Callable[[], T]) -> T:
        """A cancelled waiter takes its action out of the executor's queue, where it has not begun."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, action)
