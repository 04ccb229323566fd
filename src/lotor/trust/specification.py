"""What the keys are told: the files and the name rules of each `remote` block, and what they tell back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from lotor.model.algorithms import Curve
from lotor.model.identity import IdentityPattern
from lotor.model.policy import CrlPolicy, Side


@dataclass(frozen=True, slots=True)
class RemoteKeys:
    """Files (absolute paths) and rules of one `remote` block.

    `certificate` may be a PKCS#12 file, which has the private key as well. `passphrase`: a file with the one of an
    encrypted key.
    `ca`: the only authorities to trust, where given; else every CA certificate of `certificate_directory`.
    `peers_certfile`: the one certificate that the peer may have; then no authority is needed.
    `address`: the peer as the block has it, None for `anonymous`.
    `judges`: this end checks certificates of the other (a hybrid client, a gateway of `rsasig`); anchors are needed
    then. `side`: who this end is. `shared_key`: it proves itself by a pre-shared key. `login`: its `xauth_login`,
    whose line in psk.txt holds a password. `aggressive`: it may use aggressive mode; `allow_short_key`: with any key.
    `signs`: it proves itself by its certificate. `ecdsa`: the certificates of both ends have keys for ECDSA, else for
    RSA. `crl`: files of revocation lists, beside those of `certificate_directory`.
    """

    name: str
    certificate: Path | None = None
    private_key: Path | None = None
    passphrase: Path | None = None
    ca: tuple[Path, ...] = ()
    certificate_directory: Path | None = None
    peers_certfile: Path | None = None
    peers_identifiers: tuple[IdentityPattern, ...] = ()
    verify_identifier: bool | None = None
    verify_cert: bool = True
    address: IPv4Address | IPv6Address | None = None
    judges: bool = False
    side: Side = Side.CLIENT
    shared_key: bool = False
    signs: bool = False
    ecdsa: bool = False
    login: str | None = None
    aggressive: bool = False
    allow_short_key: bool = False
    crl: tuple[Path, ...] = ()
    crl_policy: CrlPolicy = CrlPolicy.CHECK


@dataclass(frozen=True, slots=True)
class Credential:
    """Our chain (DER, leaf first), the leaf's subject and the subjects of the authorities we trust (DER); `curve` is
    that of our key, None for RSA; `issuers` are the names of who issued the chain (DER)."""

    chain: tuple[bytes, ...] = ()
    subject: bytes = b""
    authority_names: tuple[bytes, ...] = ()
    curve: Curve | None = None
    issuers: tuple[bytes, ...] = ()


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """`text` is a whole sentence that names the file. Nothing should start while there is an `ERROR`."""

    severity: Severity
    remote: str
    text: str

    def __str__(self) -> str:
        return self.text
