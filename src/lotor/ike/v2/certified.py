"""What this end's certificate says: by which schemes its key signs, and which names it is for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lotor.crypto.certificates import CertificateError, read_certificates
from lotor.crypto.signatures import schemes_of
from lotor.model.algorithms import SignatureScheme
from lotor.model.identity import Identity, IdKind, folded
from lotor.model.network import Address


@dataclass(frozen=True, slots=True)
class Certified:
    """Empty for a certificate that cannot be read, which no configuration lets through."""

    schemes: tuple[SignatureScheme, ...] = ()
    names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()

    def identity(self, wished: Identity | None) -> Identity | None:
        """One that is in the certificate: the one that the peer wishes for, else the first; None where it has none."""
        if wished is not None and self._has(wished):
            return wished
        if self.names:
            return Identity(IdKind.FQDN, self.names[0].encode())
        if self.emails:
            return Identity(IdKind.USER_FQDN, self.emails[0].encode())
        address = next(iter(self.addresses), None)
        kind = IdKind.IPV4_ADDR if address is not None and address.version == 4 else IdKind.IPV6_ADDR
        return Identity(kind, address.packed) if address is not None else None

    def _has(self, wished: Identity) -> bool:
        if wished.address is not None:
            return wished.address in self.addresses
        texts = {IdKind.FQDN: self.names, IdKind.USER_FQDN: self.emails}.get(IdKind(wished.kind), ())
        return folded(wished.data.decode("latin-1")) in map(folded, texts)


@lru_cache(maxsize=64)
def certified(der: bytes) -> Certified:
    try:
        leaf = read_certificates(der)[0]
    except CertificateError:
        return Certified()
    schemes = schemes_of(leaf.public_key) if leaf.public_key is not None else ()
    return Certified(schemes, leaf.dns_names, leaf.emails, leaf.addresses)
