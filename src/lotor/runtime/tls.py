"""The TLS connections inside of EAP: at most one a session, in threads of their own, gone when the login is over."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lotor.crypto.tls import KEYS, SCHEMES, Sign, TlsEnd, TlsIdentity
from lotor.ike.events import Configured, Ended, Event, LoggedIn, Renewed
from lotor.ike.questions import StepTls
from lotor.model.judgement import Failure, Signature
from lotor.model.policy import Side
from lotor.model.reasons.local import SessionOver, TlsUnavailable
from lotor.model.secret import Secret
from lotor.model.tls import TTLS_CHALLENGE, TlsMethod, TlsProgress, TlsTerms
from lotor.ports.signer import Signer

MOST_CONNECTIONS = 1000
"""As many as there may be half-open sessions of strangers. One holds what a peer has half sent, 64 KiB at most."""
THREADS = 4
"""One that waits for the warden's signature holds up no event loop, and three others go on."""
SIGN_SECONDS = 10.0
"""That a signature may take, where the warden is busy."""
TTLS_LABEL = b"ttls challenge"


class Connection:
    """One end, in one thread at a time, and what it is for."""

    def __init__(self, end: TlsEnd, method: TlsMethod) -> None:
        self.end = end
        self._method = method

    def step(self, octets: bytes, inside: Secret) -> TlsProgress:
        """Takes what came, then says `inside`, where that is anything."""
        came = self.end.step(octets)
        said = self.end.send(inside.reveal()) if inside and came.stands else b""
        progress = TlsProgress(came.out + said, Secret(came.inside), came.stands, fault=came.fault)
        return self._standing(progress) if came.stands else progress

    def _standing(self, progress: TlsProgress) -> TlsProgress:
        end, method = self.end, self._method
        challenge = end.export(TTLS_LABEL, TTLS_CHALLENGE) if method is TlsMethod.TTLS else b""
        made = end.msk(method), Secret(challenge), end.peer_chain, end.tells_success
        return TlsProgress(progress.out, progress.inside, True, *made)


class TlsTable:
    """`step` answers the core's question; `follow` hears when a connection is not needed any more. `alive`: whether a
    session still is."""

    def __init__(self, signer: Signer, alive: Callable[[int], bool]) -> None:
        self._signer = signer
        self._alive = alive
        self._connections: dict[int, Connection] = {}
        self._executor = ThreadPoolExecutor(THREADS, "lotor-tls")

    def __len__(self) -> int:
        return len(self._connections)

    async def step(self, asked: StepTls) -> TlsProgress | Failure:
        """`Failure` where there is none to go on with, or none can begin."""
        if not self._alive(asked.session):
            return Failure(SessionOver())
        if asked.terms is not None:
            try:
                self._connections[asked.session] = self._begun(asked.session, asked.terms)
            except ValueError as fault:
                return Failure(TlsUnavailable(str(fault)))
        connection = self._connections.get(asked.session)
        if connection is None:
            return Failure(TlsUnavailable("the connection is gone"))
        loop = asyncio.get_running_loop()
        progress = await loop.run_in_executor(self._executor, connection.step, asked.octets, asked.inside)
        if progress.fault:
            self._connections.pop(asked.session, None)
        return progress

    def follow(self, event: Event) -> None:
        match event:
            case Ended(session=session) | LoggedIn(session=session) | Configured(session=session):
                self._connections.pop(session, None)
            case Renewed(attempt=attempt):
                self._connections.pop(attempt, None)

    def close(self) -> None:
        """No more steps."""
        self._connections.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _begun(self, session: int, terms: TlsTerms) -> Connection:
        """`ValueError` where none can begin."""
        if session not in self._connections and len(self._connections) >= MOST_CONNECTIONS:
            raise ValueError(f"{MOST_CONNECTIONS} logins with TLS are under way already")
        identity = self._identity(terms)
        if terms.side is Side.CLIENT:
            return Connection(TlsEnd.client(terms.host, identity), terms.method)
        if identity is None:
            raise ValueError(f"remote {terms.remote} has no certificate")
        return Connection(TlsEnd.server(identity, asks=terms.asks), terms.method)

    def _identity(self, terms: TlsTerms) -> TlsIdentity | None:
        key = KEYS.get(terms.scheme) if terms.scheme is not None else None
        return TlsIdentity(terms.chain, key, self._sign(terms.remote)) if terms.chain and key is not None else None

    def _sign(self, remote: str) -> Sign:
        """What signs in a thread of a step, by asking in the event loop."""
        loop = asyncio.get_running_loop()

        def sign(number: int, message: bytes) -> bytes | None:
            scheme = SCHEMES.get(number)
            if scheme is None:
                return None
            asked = asyncio.run_coroutine_threadsafe(self._signer.sign_tls(remote, message, scheme), loop)
            try:
                answer = asked.result(SIGN_SECONDS)
            except (TimeoutError, concurrent.futures.CancelledError):
                asked.cancel()
                return None
            return answer.octets if isinstance(answer, Signature) else None

        return sign
