"""What is kept of certificates by ACME (RFC 8555): the account, what was ordered, and how the last attempt came out."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lotor.crypto.certificates import Certificate, CertificateError, leaf_first, read_certificates
from lotor.crypto.private.issuing import GatewayNames, make_request
from lotor.crypto.private.keypair import KeyPair, generate_key, load_key
from lotor.files import writing
from lotor.files.private import FileError, read_private, read_public
from lotor.model.algorithms import Curve
from lotor.model.frozen import frozen
from lotor.pki.authority import ALLOWED_BITS, CERTIFICATE, ELLIPTIC_GATEWAY, GATEWAY, KEY
from lotor.pki.fault import PkiError
from lotor.pki.names import gateway_names
from lotor.pki.store import DIRECTORY_MODE

SERVER = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
PLACE, RECORD, ACCOUNT, LOCK = "acme", "record.json", "account.key", "lock"
"""A directory below that of the certificates, and what lies in it."""
MOST_NAMES = 100
DUE = 2 / 3
"""Of a certificate's life, after which it is renewed."""
ROOM = 65_536
"""Octets that must fit on the disk before anything is ordered: authorities count what they issue."""


@frozen
class Record:
    """What was ordered: `server` and `root` as on the command line, `kinds` of keys as `Kind.word` spells them. `tried`
    and `failure`: of the last attempt, empty where it came out well; `after`: no sooner is another one made by itself.
    Times are ISO 8601 in UTC."""

    server: str
    root: str
    contacts: tuple[str, ...]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    challenge: str
    terms: str = ""
    tried: str = ""
    failure: str = ""
    after: str = ""

    def stems(self) -> tuple[str, ...]:
        """Of the files of each kind."""
        if len(self.kinds) == 1:
            return (GATEWAY,)
        return tuple(GATEWAY if each.startswith("rsa") else ELLIPTIC_GATEWAY for each in self.kinds)


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of the certificates."""

    directory: Path
    own: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "own", self.directory / PLACE)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone. Raises `PkiError` where another one is at work, or nothing can be written here."""
        try:
            self.directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            self.own.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
            lock = os.open(self.own / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise PkiError(f"nothing can be written in {self.own}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise PkiError(f"another lotor pki acme is at work in {self.directory}: wait until it is done") from None
        try:
            yield
        finally:
            os.close(lock)

    def record(self) -> Record | None:
        """None where nothing was ordered. Raises `PkiError`."""
        path = self.own / RECORD
        if not path.exists():
            return None
        try:
            told = json.loads(read_public(path))
            fields: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
            }
            return Record(**fields)
        except FileError as fault:
            raise PkiError(str(fault)) from None
        except (ValueError, TypeError, AttributeError):
            raise PkiError(f"{path} cannot be read: move it away, and type lotor pki acme with the names") from None

    def note(self, record: Record) -> None:
        self._write(self.own / RECORD, json.dumps(asdict(record), indent=1).encode() + b"\n", writing.PUBLIC)

    def came_out(self, record: Record, now: datetime, failure: str = "", after: datetime | None = None) -> None:
        """Writes down how an attempt came out."""
        until = after.isoformat(timespec="seconds") if after is not None else ""
        tried = now.isoformat(timespec="seconds")
        self.note(replace(record, tried=tried, failure=failure, after=until))

    def account(self) -> KeyPair:
        """Made at the first use."""
        return self._key(self.own / ACCOUNT, Curve.P256)

    def key(self, stem: str, kind: str) -> KeyPair:
        """That which is there, so that a renewal replaces one file alone; else a new one. Raises `PkiError` for one of
        another kind."""
        wanted = kind_of(kind)
        key = self._key(self.directory / f"{stem}{KEY}", wanted)
        if key.curve is not (wanted if isinstance(wanted, Curve) else None) or not _is_kind(key, wanted):
            path = self.directory / f"{stem}{KEY}"
            raise PkiError(f"{path} is a key of another kind than {kind}: move it away, or give --key as it is")
        return key

    def _key(self, path: Path, kind: int | Curve) -> KeyPair:
        if path.exists():
            try:
                return load_key(read_private(path))
            except FileError as fault:
                raise PkiError(str(fault)) from None
            except ValueError as fault:
                raise PkiError(f"{path} cannot be used: {fault}") from None
        key = generate_key(kind)
        self._write(path, key.pem().reveal(), writing.PRIVATE)
        return key

    def chain(self, stem: str) -> tuple[Certificate, ...]:
        """Leaf first; empty where there is none that can be read."""
        try:
            return leaf_first(read_certificates(read_public(self.directory / f"{stem}{CERTIFICATE}")))
        except (FileError, CertificateError):
            return ()

    def make_room(self) -> None:
        """Raises `PkiError` on a full disk: what was ordered could not be kept."""
        probe = self.directory / f".{PLACE}-room"
        self._write(probe, bytes(ROOM), writing.PRIVATE)
        probe.unlink(missing_ok=True)

    def take(self, stem: str, pem: bytes) -> None:
        """In the place of the old one."""
        self._write(self.directory / f"{stem}{CERTIFICATE}", pem, writing.PUBLIC)

    def _write(self, path: Path, octets: bytes, mode: int) -> None:
        try:
            writing.replace(path, octets, mode)
        except FileError as fault:
            raise PkiError(str(fault)) from None


def kind_word(kind: int | Curve) -> str:
    return f"rsa-{kind}" if isinstance(kind, int) else kind.value


def kind_of(word: str) -> int | Curve:
    """`PkiError` for what `kind_word` does not write."""
    bits = word.removeprefix("rsa-")
    if word.startswith("rsa-") and bits.isdecimal() and int(bits) in ALLOWED_BITS:
        return int(bits)
    try:
        return Curve(word)
    except ValueError:
        raise PkiError(f"'{word}' is no kind of key") from None


def _is_kind(key: KeyPair, wanted: int | Curve) -> bool:
    return key.curve is wanted if isinstance(wanted, Curve) else key.enciphers


def public_names(texts: Sequence[str]) -> GatewayNames:
    """Host names in the order given. Raises `PkiError` for what no challenge of these proves."""
    names = gateway_names(texts)
    if names.addresses:
        raise PkiError(f"{names.addresses[0]} is an address: public authorities prove host names, give one")
    if wild := next((name for name in names.dns if "*" in name), None):
        raise PkiError(f"{wild} stands for many hosts, and no host can prove that: give the names one by one")
    if short := next((name for name in names.dns if "." not in name), None):
        raise PkiError(f"{short} is known inside of one network only: give a name that everybody can look up")
    if len(names.dns) > MOST_NAMES:
        raise PkiError(f"{len(names.dns)} names are too many for one certificate: {MOST_NAMES} at most")
    return names


def request_of(key: KeyPair, names: GatewayNames) -> bytes:
    """In PEM."""
    return make_request(key, names)


def judged(pem: bytes, key: KeyPair, names: Sequence[str], now: datetime) -> tuple[Certificate, ...]:
    """The chain that an authority sent, leaf first. Raises `PkiError` where it is not what was ordered."""
    try:
        chain = leaf_first(read_certificates(pem))
    except CertificateError as fault:
        raise PkiError(f"the authority's certificate cannot be read: {fault}") from None
    leaf = chain[0]
    if not key.fits(leaf):
        raise PkiError("the authority certified another key than ours")
    if missing := {name.lower() for name in names} - {name.lower() for name in leaf.dns_names}:
        raise PkiError(f"the authority's certificate does not name {', '.join(sorted(missing))}")
    if now > leaf.not_after or leaf.authority:
        raise PkiError("the authority's certificate is over, or that of an authority")
    return chain


def due(leaf: Certificate) -> datetime:
    """When it is to be renewed."""
    return leaf.not_before + (leaf.not_after - leaf.not_before) * DUE


def wants_renewal(place: Place, record: Record, stem: str, now: datetime) -> bool:
    """Whether it is missing, old, or has not all names."""
    chain = place.chain(stem)
    if not chain:
        return True
    named = {name.lower() for name in chain[0].dns_names}
    return now >= due(chain[0]) or not {name.lower() for name in record.names} <= named


def renewal_fault(file: Path, now: datetime) -> str:
    """Why a certificate that ACME should have renewed is as it was; empty where nothing is wrong, or nothing of it is
    renewed."""
    place = Place(file.parent)
    try:
        record = place.record()
    except PkiError as fault:
        return str(fault)
    if record is None or file.stem not in record.stems() or not wants_renewal(place, record, file.stem, now):
        return ""
    if record.failure:
        return f"its renewal by ACME failed at {record.tried}: {record.failure}"
    chain = place.chain(file.stem)
    late = chain and now >= due(chain[0]) + (chain[0].not_after - due(chain[0])) / 4
    return "nothing renews it: does lotor-acme.timer run, or a cron job of lotor pki acme --renew?" if late else ""
