"""The trust anchors of every `remote` block behind one port: loaded once, replaced whole by a reload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime

from lotor.crypto import hashes
from lotor.crypto.certificates import Certificate
from lotor.files.problems import FileProblem
from lotor.files.public import LOCAL_FILES
from lotor.model.algorithms import Hash
from lotor.model.judgement import PeerProof, Trusted, Untrusted
from lotor.model.reasons.certificates import NoGrounds
from lotor.ports.public_files import PublicFiles
from lotor.trust.judging import judge
from lotor.trust.loader import Loader
from lotor.trust.specification import RemoteTrust


def wall_clock() -> datetime:
    return datetime.now(UTC)


class TrustStore:
    """`clock` gives aware UTC; it is read for every judgement, certificates age. `files` are read now and, where they
    are revocation lists, at every judgement."""

    def __init__(
        self,
        remotes: Iterable[RemoteTrust],
        clock: Callable[[], datetime] = wall_clock,
        files: PublicFiles = LOCAL_FILES,
    ) -> None:
        loaders = [Loader(rules, clock(), files) for rules in remotes]
        self._grounds = {grounds.rules.name: grounds for grounds in map(Loader.load, loaders)}
        self._clock = clock
        self.problems: tuple[FileProblem, ...] = tuple(problem for loader in loaders for problem in loader.problems)

    def authority_names(self, remote: str) -> tuple[bytes, ...]:
        """Subjects of the authorities that a block trusts (DER), each once; none for a block that is not there."""
        return tuple(dict.fromkeys(anchor.subject.der for anchor in self._anchors(remote)))

    def authority_keys(self, remote: str) -> tuple[bytes, ...]:
        """SHA-1 of their public keys, as IKEv2 names them (RFC 7296 §3.7)."""
        keys = dict.fromkeys(anchor.key_octets for anchor in self._anchors(remote))
        return tuple(hashes.digest(Hash.SHA1, each) for each in keys if each)

    def _anchors(self, remote: str) -> Sequence[Certificate]:
        grounds = self._grounds.get(remote)
        return grounds.anchors if grounds is not None else ()

    def judge(self, proof: PeerProof) -> Trusted | Untrusted:
        grounds = self._grounds.get(proof.remote)
        if grounds is None:
            return Untrusted(NoGrounds(proof.remote))
        return judge(grounds, proof, self._clock())


class LocalTrust:
    """Implements `ports.trust.Trust` in this process: a judgement takes milliseconds, in a thread of `executor`. `use`
    changes what later ones are made by."""

    def __init__(self, store: TrustStore, executor: Executor) -> None:
        self._store = store
        self._executor = executor

    def use(self, store: TrustStore) -> None:
        self._store = store

    async def judge(self, proof: PeerProof) -> Trusted | Untrusted:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._store.judge, proof)
