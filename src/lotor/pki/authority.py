"""An authority of one's own, the gateway's certificate from it, or a request to somebody else's authority."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lotor.crypto.private.issuing import Issuer, make_authority, make_request
from lotor.crypto.private.issuing import issue_gateway as make_gateway
from lotor.crypto.private.keypair import KeyPair, generate_key
from lotor.model.algorithms import Curve
from lotor.model.frozen import frozen
from lotor.pki.fault import PkiError
from lotor.pki.names import gateway_names
from lotor.pki.store import Store

CA_KEY, CA_CERTIFICATE = "ca.key", "ca.crt"
GATEWAY, ELLIPTIC_GATEWAY = "vpngw", "vpngw-ecdsa"
"""Stems of the files: of the only certificate, whatever its key, and of one of ECDSA beside that of RSA."""
KEY, CERTIFICATE, REQUEST = ".key", ".crt", ".csr"
GATEWAY_KEY, GATEWAY_CERTIFICATE = GATEWAY + KEY, GATEWAY + CERTIFICATE
CA_DAYS = 3650
GATEWAY_DAYS = 825
"""Apple's clients refuse server certificates that are valid longer."""
KEY_BITS = 3072
ALLOWED_BITS = (2048, 3072, 4096)
LONGEST_DAYS = 36500


@frozen
class Making:
    """How to make keys and certificates: validity in days from `now` (UTC, None: the clock's), size in bits of an RSA
    key, or the curve of one for ECDSA in its place. `stem`: of the files of a gateway."""

    days: int
    bits: int = KEY_BITS
    force: bool = False
    now: datetime | None = None
    curve: Curve | None = None
    stem: str = GATEWAY

    def start(self) -> datetime:
        return (self.now or datetime.now(UTC)).replace(microsecond=0)

    def check(self) -> None:
        if not 1 <= self.days <= LONGEST_DAYS:
            raise PkiError(f"{self.days} days are no validity: give 1 to {LONGEST_DAYS}")
        if self.bits not in ALLOWED_BITS:
            raise PkiError(f"keys have 2048, 3072 or 4096 bits, not {self.bits}")


@frozen
class Made:
    """The files that were written, and what deserves a remark."""

    key: Path
    document: Path
    remark: str = ""


def create_ca(directory: Path, name: str = "lotor VPN CA", making: Making = Making(CA_DAYS)) -> Made:
    """`ca.key` and `ca.crt`. Raises `PkiError`."""
    making.check()
    store = Store(directory, making.force)
    store.reserve(CA_KEY, CA_CERTIFICATE)
    key, certificate = new_authority(name, making)
    return Made(store.write_key(CA_KEY, key), store.write_public(CA_CERTIFICATE, certificate))


def new_authority(name: str, making: Making = Making(CA_DAYS)) -> tuple[KeyPair, bytes]:
    """Key and certificate (PEM) of an authority, which nothing is written of. Raises `PkiError`."""
    making.check()
    key = generate_key(making.curve or making.bits)
    try:
        return key, make_authority(key, name, making.start(), timedelta(days=making.days))
    except ValueError:
        raise PkiError(f"'{name}' cannot be the name of an authority: give 1 to 64 characters") from None


def issue_gateway(directory: Path, names: Sequence[str], making: Making = Making(GATEWAY_DAYS)) -> Made:
    """`vpngw.key` and `vpngw.crt`, or as `making.stem` says, for the host names and addresses that clients will
    type, from `ca.key` and `ca.crt` of the same directory. Raises `PkiError`."""
    making.check()
    gateway_names(names)
    store = Store(directory, making.force)
    issuer = authority_in(directory)
    store.reserve(making.stem + KEY, making.stem + CERTIFICATE)
    key, certificate = new_gateway(issuer, names, making)
    end = issuer.certificate.not_after
    late = making.start() + timedelta(days=making.days)
    remark = f"it ends with its authority on {end:%Y-%m-%d}" if end < late else ""
    path = store.write_key(making.stem + KEY, key)
    return Made(path, store.write_public(making.stem + CERTIFICATE, certificate), remark)


def authority_in(directory: Path) -> Issuer:
    """The authority whose files lie in a directory. Raises `PkiError`."""
    return Store(directory).issuer(CA_CERTIFICATE, CA_KEY)


def new_gateway(issuer: Issuer, names: Sequence[str], making: Making = Making(GATEWAY_DAYS)) -> tuple[KeyPair, bytes]:
    """Key and certificate (PEM) of a gateway, which nothing is written of. Raises `PkiError`."""
    making.check()
    start, end = making.start(), issuer.certificate.not_after
    if end <= start:
        raise PkiError(f"the authority '{issuer.certificate.subject}' expired on {end:%Y-%m-%d}: make a new one")
    key = generate_key(making.curve or making.bits)
    return key, make_gateway(issuer, key, gateway_names(names), start, timedelta(days=making.days))


def request(directory: Path, names: Sequence[str], making: Making = Making(GATEWAY_DAYS)) -> Made:
    """`vpngw.key` and the signing request `vpngw.csr`, or as `making.stem` says, to be sent to an authority. Raises
    `PkiError`."""
    making.check()
    wanted = gateway_names(names)
    store = Store(directory, making.force)
    store.reserve(making.stem + KEY, making.stem + REQUEST)
    key = generate_key(making.curve or making.bits)
    path = store.write_key(making.stem + KEY, key)
    return Made(path, store.write_public(making.stem + REQUEST, make_request(key, wanted)))


def side_by_side(directory: Path, makings: Sequence[Making], suffix: str) -> None:
    """Refuses before anything is made when one of the files is there already. Raises `PkiError`."""
    for making in makings:
        Store(directory, making.force).reserve(making.stem + KEY, making.stem + suffix)
