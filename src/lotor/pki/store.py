"""The files of the HOW-TO in one directory: keys that nobody else can read, certificates for everybody."""

from __future__ import annotations

from pathlib import Path

from lotor.crypto.certificates import Certificate, CertificateError, read_certificates
from lotor.crypto.private.issuing import Issuer
from lotor.crypto.private.keypair import KeyPair, load_key
from lotor.files import writing
from lotor.files.private import FileError, read_private, read_public
from lotor.model.frozen import frozen
from lotor.pki.fault import PkiError

DIRECTORY_MODE = 0o755


@frozen
class Store:
    """`force`: what is there may be replaced."""

    directory: Path
    force: bool = False

    def reserve(self, *names: str) -> None:
        """Make the directory, and refuse before anything is written when one of the files is there already."""
        try:
            self.directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise PkiError(f"directory {self.directory} cannot be made: {error.strerror}") from None
        present = [str(self.directory / name) for name in names if (self.directory / name).exists()]
        if present and not self.force:
            exists, it = ("exists", "it") if len(present) == 1 else ("exist", "them")
            raise PkiError(f"{' and '.join(present)} {exists} already: move {it} away, or replace {it} with --force")

    def write(self, name: str, octets: bytes, mode: int) -> Path:
        path = self.directory / name
        try:
            (writing.replace if self.force else writing.create)(path, octets, mode)
        except FileError as fault:
            raise PkiError(str(fault)) from None
        return path

    def write_key(self, name: str, key: KeyPair) -> Path:
        return self.write(name, key.pem().reveal(), writing.PRIVATE)

    def write_public(self, name: str, pem: bytes) -> Path:
        return self.write(name, pem, writing.PUBLIC)

    def issuer(self, certificate: str, key: str) -> Issuer:
        """The authority in this directory."""
        try:
            issuer = Issuer(self.certificate(certificate), load_key(read_private(self.directory / key)))
        except FileError as fault:
            raise PkiError(f"{fault}; 'lotor pki ca' makes an authority") from None
        except ValueError as fault:
            raise PkiError(f"{self.directory / key} cannot be used: {fault}") from None
        if not issuer.certificate.authority:
            raise PkiError(
                f"{self.directory / certificate} is not the certificate of an authority (CA:TRUE is missing)"
            )
        if not issuer.key.fits(issuer.certificate):
            raise PkiError(f"{self.directory / key} is not the key of {self.directory / certificate}")
        return issuer

    def certificate(self, name: str) -> Certificate:
        return read_bundle(self.directory / name)[0]


def read_bundle(path: Path) -> tuple[Certificate, ...]:
    """Raises `FileError` when the file cannot be read, `PkiError` when it holds no certificate."""
    try:
        return read_certificates(read_public(path))
    except CertificateError as fault:
        raise PkiError(f"{path}: {fault}") from None
