"""What judgements go by: the files and rules of each `remote` block by which the other end is judged."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from lotor.model.frozen import frozen
from lotor.model.identity import IdentityPattern
from lotor.model.policy import CrlPolicy, Side


@frozen
class RemoteTrust:
    """Files (absolute paths) and rules of one `remote` block.

    `ca`: the only authorities to trust, where given; else every CA certificate of `certificate_directory`.
    `peers_certfile`: the one certificate that the peer may have; then no authority is needed.
    `address`: the peer as the block has it, None for `anonymous`.
    `judges`: this end checks certificates of the other (a hybrid client, a gateway of `rsasig`); anchors are needed
    then. `side`: who this end is. `ecdsa`: the peer's certificate has a key for ECDSA, else for RSA; None: any. `crl`:
    files of revocation lists, beside those of `certificate_directory`. `server`: the name that a server inside of EAP
    has to have, empty where that is the gateway.
    """

    name: str
    judges: bool = False
    side: Side = Side.CLIENT
    ecdsa: bool | None = False
    ca: tuple[Path, ...] = ()
    certificate_directory: Path | None = None
    peers_certfile: Path | None = None
    peers_identifiers: tuple[IdentityPattern, ...] = ()
    verify_identifier: bool | None = None
    verify_cert: bool = True
    address: IPv4Address | IPv6Address | None = None
    crl: tuple[Path, ...] = ()
    crl_policy: CrlPolicy = CrlPolicy.CHECK
    server: str = ""
