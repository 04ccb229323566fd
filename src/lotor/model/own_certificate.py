"""A certificate of this end as the core knows it: the private key stays with the signer."""

from __future__ import annotations

from lotor.model.algorithms import SignatureScheme
from lotor.model.frozen import frozen
from lotor.model.identity import Identity


@frozen
class OwnCertificate:
    """`chain` in DER, leaf first. `schemes`: what its key signs by in IKEv2, the usual one first. `identities`: those
    that the leaf vouches for, its subject last. `authorities`: of those above it that are known here, SHA-1 of the
    public key, as peers name them (RFC 7296 §3.7). `complete`: the one that everything hangs on is among them.
    `person`: the name by which its holder logs in inside of EAP, empty where it has none."""

    chain: tuple[bytes, ...] = ()
    schemes: tuple[SignatureScheme, ...] = ()
    identities: tuple[Identity, ...] = ()
    authorities: tuple[bytes, ...] = ()
    complete: bool = False
    person: str = ""

    @property
    def rsa(self) -> bool:
        """Whether it is one that peers read who know nothing newer."""
        return SignatureScheme.RSA_SHA1 in self.schemes
