"""The signer at the other end of the line: keys and psk.txt are the warden's."""

from __future__ import annotations

import logging
from typing import TypeVar

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
from lotor.model.policy import Side
from lotor.model.reasons.local import HashUnfit, RequestUnfit
from lotor.model.secret import Secret
from lotor.ports.signer import (
    LONGEST_NAME,
    is_initiators,
    unfit_hash,
    unfit_keyed,
    unfit_octets,
    unfit_ppk,
    unfit_request,
)
from lotor.ports.tls_signatures import unfit_tls
from lotor.privsep.asking import Asker, Refused, reason_of
from lotor.privsep.frames import Ended
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
from lotor.privsep.verb import Verb

log = logging.getLogger(__name__)

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class FarSigner:
    """Implements `ports.signer.Signer`. A request that the warden would refuse is refused here, and not sent."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def sign(self, remote: str, made_of: SignedHash) -> Signature | Failure:
        if fault := unfit_hash(remote, made_of):
            return Failure(HashUnfit(fault))
        return await self._ask(SIGN, Signing(remote, made_of))

    async def derive_skeyid(self, request: PskRequest) -> Secret | Feigned | Failure:
        if fault := unfit_request(request):
            return Failure(RequestUnfit(fault))
        return await self._ask(DERIVE_SKEYID, request)

    async def sign_auth(self, remote: str, made_of: SignedOctets, scheme: SignatureScheme) -> Signature | Failure:
        if fault := unfit_octets(remote, made_of, initiator=is_initiators(made_of)):
            return Failure(HashUnfit(fault))
        return await self._ask(SIGN_AUTH, AuthSigning(remote, made_of, scheme))

    async def keyed_auth(self, request: KeyedRequest) -> Secret | Failure:
        if fault := unfit_keyed(request):
            return Failure(RequestUnfit(fault))
        return await self._ask(KEYED_AUTH, request)

    async def mix_ppk(self, request: PpkRequest) -> MixedKeys | Failure:
        if fault := unfit_ppk(request):
            return Failure(RequestUnfit(fault))
        return await self._ask(MIX_PPK, request)

    async def sign_tls(self, remote: str, message: bytes, scheme: SignatureScheme) -> Signature | Failure:
        if all(unfit_tls(remote, message, side) for side in Side):
            return Failure(HashUnfit("these octets are not what an end of TLS signs"))
        return await self._ask(SIGN_TLS, TlsSigning(remote, message, scheme))

    async def saved_password(self, remote: str) -> Secret | None:
        if len(remote.encode()) > LONGEST_NAME:
            return None
        found = await self._ask(SAVED_PASSWORD, remote)
        if isinstance(found, Failure):
            log.warning("no saved password: %s", found.reason)
            return None
        return found

    async def _ask(self, verb: Verb[Request, Answer], request: Request) -> Answer | Failure:
        try:
            return (await self._asker.ask(verb, request)).value
        except (Refused, Ended) as fault:
            return Failure(reason_of(fault))
