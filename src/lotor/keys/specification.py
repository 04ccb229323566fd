"""What the signer works by: the files and rules of each `remote` block by which this end proves itself."""

from __future__ import annotations

from pathlib import Path

from lotor.model.frozen import frozen
from lotor.model.identity import IdentityPattern
from lotor.model.policy import Side


@frozen
class OwnFiles:
    """Absolute paths. `certificate` may be a PKCS#12 file, which has the private key as well."""

    certificate: Path
    private_key: Path | None = None


@frozen
class RemoteKeys:
    """Files and rules of one `remote` block.

    `own`: our certificates in the order of the file. `passphrase`: a file with the one of their encrypted keys.
    `signs`: this end proves itself by its certificate. `ecdsa`: with a key for ECDSA, else for RSA; None: with any.
    `side`: who this end is. `shared_key`: an end proves itself by a pre-shared key; `peers_identifiers` and
    `verify_identifier` say whose line counts. `login`: its `xauth_login`, whose line in psk.txt holds a password.
    `aggressive`: it may use aggressive mode; `allow_short_key`: with any key. `versions`: the major versions of IKE
    in which it proves itself so. `ppk`: keys of IKEv2 may have a post-quantum pre-shared key in them.
    `tls`: this end proves itself by its certificate inside of EAP as well.
    """

    name: str
    own: tuple[OwnFiles, ...] = ()
    passphrase: Path | None = None
    signs: bool = False
    ecdsa: bool | None = False
    side: Side = Side.CLIENT
    shared_key: bool = False
    peers_identifiers: tuple[IdentityPattern, ...] = ()
    verify_identifier: bool | None = None
    login: str | None = None
    aggressive: bool = False
    allow_short_key: bool = False
    versions: tuple[int, ...] = (1, 2)
    ppk: bool = False
    tls: bool = False
