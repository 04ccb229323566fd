"""What a daemon may have signed and derived: the hash of phase 1 and AUTH of a block that is in the configuration, with
the identity that the configuration or the certificate gives this end, and not more often than handshakes come."""

from __future__ import annotations

from collections.abc import Callable

from lotor.auth.clock import SYSTEM, Clock
from lotor.model.judgement import Failure, Feigned, KeyedRequest, MixedKeys, PpkRequest, PskRequest, Signature
from lotor.model.policy import Side
from lotor.model.secret import Secret
from lotor.ports.signer import Signer, is_initiators, unfit_hash, unfit_octets
from lotor.ports.tls_signatures import unfit_tls
from lotor.privsep.serving import Denied, Handler, answering
from lotor.privsep.signing import (
    DERIVE_SKEYID,
    KEYED_AUTH,
    MIX_PPK,
    SAVED_PASSWORD,
    SIGN,
    SIGN_AUTH,
    SIGN_TLS,
    AuthSigning,
    Signing,
    TlsSigning,
)
from lotor.warden.pace import Pace

RATE, BURST = 1000.0, 2000
"""Signatures, derivations and passwords together, a second and at once. A handshake takes one, and a daemon on one
processor makes some 200 in a second (docs/performance.md): nothing honest waits. Whoever owns a daemon gets no more out
of the keys than this."""


IsOwn = Callable[[str, bytes], bool]
"""Whether an ID payload, behind its header, is what a block calls this end."""


def rows(signer: Signer, is_own: IsOwn, is_own_in_auth: IsOwn, clock: Clock = SYSTEM) -> dict[int, Handler]:
    """For one daemon. `is_own` is for phase 1, `is_own_in_auth` for IKEv2."""
    return _Signing(signer, is_own, is_own_in_auth, Pace(RATE, BURST, clock)).rows()


class _Signing:
    def __init__(self, signer: Signer, is_own: IsOwn, is_own_in_auth: IsOwn, pace: Pace) -> None:
        self._signer = signer
        self._is_own = is_own
        self._is_own_in_auth = is_own_in_auth
        self._pace = pace

    def rows(self) -> dict[int, Handler]:
        return dict(
            (
                answering(self._sign, SIGN),
                answering(self._derive, DERIVE_SKEYID),
                answering(self._saved_password, SAVED_PASSWORD),
                answering(self._sign_auth, SIGN_AUTH),
                answering(self._keyed, KEYED_AUTH),
                answering(self._mix, MIX_PPK),
                answering(self._sign_tls, SIGN_TLS),
            )
        )

    async def _sign(self, asked: Signing) -> Signature | Failure:
        await self._pace.take()
        if fault := unfit_hash(asked.remote, asked.made_of):
            raise Denied(f"remote {asked.remote}: {fault}")
        if not self._is_own(asked.remote, asked.made_of.id_b):
            raise Denied(f"remote {asked.remote}: the identity is not the one that this end has in that block")
        return await self._signer.sign(asked.remote, asked.made_of)

    async def _sign_auth(self, asked: AuthSigning) -> Signature | Failure:
        await self._pace.take()
        if fault := unfit_octets(asked.remote, asked.made_of, initiator=is_initiators(asked.made_of)):
            raise Denied(f"remote {asked.remote}: {fault}")
        if not self._is_own_in_auth(asked.remote, asked.made_of.id_b):
            raise Denied(f"remote {asked.remote}: the identity is not the one that this end has in that block")
        return await self._signer.sign_auth(asked.remote, asked.made_of, asked.scheme)

    async def _sign_tls(self, asked: TlsSigning) -> Signature | Failure:
        """Which side the block is on is known to the keys, and they look again."""
        await self._pace.take()
        unfit = [unfit_tls(asked.remote, asked.message, side) for side in Side]
        if all(unfit):
            raise Denied(str(unfit[0]))
        return await self._signer.sign_tls(asked.remote, asked.message, asked.scheme)

    async def _keyed(self, request: KeyedRequest) -> Secret | Failure:
        await self._pace.take()
        return await self._signer.keyed_auth(request)

    async def _mix(self, request: PpkRequest) -> MixedKeys | Failure:
        await self._pace.take()
        return await self._signer.mix_ppk(request)

    async def _derive(self, request: PskRequest) -> Secret | Feigned | Failure:
        await self._pace.take()
        return await self._signer.derive_skeyid(request)

    async def _saved_password(self, remote: str) -> Secret | None:
        await self._pace.take()
        return await self._signer.saved_password(remote)
