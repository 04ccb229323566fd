"""The keys of every `remote` block: loaded once, replaced whole by a reload."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from lotor.crypto import hashes, prf
from lotor.crypto.persons import persons
from lotor.crypto.private.keypair import KeyPair
from lotor.files.private import FileError
from lotor.files.problems import FileProblem, Severity
from lotor.keys.chance import key_of_chance
from lotor.keys.loader import Loader, Material, Owned
from lotor.keys.named import identities_of
from lotor.keys.ppk import ppk_of, short_ppks
from lotor.keys.saved import Entry, saved_password
from lotor.keys.shared import (
    LEAST_OCTETS,
    Means,
    line_of,
    names_of_client,
    names_of_gateway,
    peer_text,
    short_keys,
    too_short,
)
from lotor.keys.specification import RemoteKeys
from lotor.model.algorithms import Hash, SignatureScheme
from lotor.model.identity import Identity
from lotor.model.judgement import (
    Credential,
    Failure,
    Feigned,
    KeyedRequest,
    MixedKeys,
    PpkRequest,
    PskRequest,
    Signature,
    SignedHash,
    SignedOctets,
)
from lotor.model.own_certificate import OwnCertificate
from lotor.model.policy import Side
from lotor.model.reasons import local
from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.ports.signer import unfit_hash, unfit_keyed, unfit_octets, unfit_ppk, unfit_request
from lotor.ports.tls_signatures import unfit_tls

log = logging.getLogger(__name__)
QUICK_BITS = 256
"""Of keys on P-256 and of Ed25519, which no others have."""


def wall_clock() -> datetime:
    return datetime.now(UTC)


class Keyring:
    """What the signer holds and does, for `LocalSigner`. `clock` gives aware UTC, to judge our own certificates by."""

    def __init__(
        self,
        remotes: Iterable[RemoteKeys],
        psk_file: Path | None = None,
        clock: Callable[[], datetime] = wall_clock,
        ppk_file: Path | None = None,
    ) -> None:
        loaders = [Loader(keys, clock()) for keys in remotes]
        self._materials: dict[str, Material] = {material.keys.name: material for material in map(Loader.load, loaders)}
        self._psk_file, self._ppk_file = psk_file, ppk_file
        found = [problem for loader in loaders for problem in loader.problems]
        self.problems: tuple[FileProblem, ...] = (
            *found,
            *self._problems_of_shared_keys(),
            *self._problems_of_ppks(),
        )

    def credential(self, remote: str) -> Credential:
        """Empty for a block without a certificate, and for one that is not there; trust anchors are not known here."""
        material = self._materials.get(remote)
        if material is None:
            return Credential()
        chain = material.first.chain if material.first else ()
        return Credential(
            chain=tuple(one.der for one in chain),
            subject=chain[0].subject.der if chain else b"",
            curve=chain[0].curve if chain else None,
            issuers=tuple(dict.fromkeys(one.issuer.der for one in chain)),
            own=tuple(_shown(each) for each in material.owned if each.chain),
        )

    def sign(self, remote: str, made_of: SignedHash) -> Signature | Failure:
        if fault := unfit_hash(remote, made_of):
            return Failure(local.HashUnfit(fault))
        material = self._materials.get(remote)
        if material is None or material.key is None:
            return Failure(local.NoPrivateKey(remote))
        if not material.keys.signs:
            return Failure(local.SignsNothing(remote))
        if material.key.curve is None and made_of.hash is not made_of.prf:
            return Failure(local.HashUnfit(f"{made_of.hash.value} is not the hash that both ends agreed on"))
        octets = hashes.signed(made_of)
        try:
            return Signature(material.key.sign(octets))
        except ValueError:
            return Failure(local.KeyTooSmall(remote, material.key.bits, len(octets)))

    def sign_auth(self, remote: str, made_of: SignedOctets, scheme: SignatureScheme) -> Signature | Failure:
        material = self._materials.get(remote)
        key = material.key_for(scheme) if material else None
        if material is None or key is None:
            return Failure(local.NoPrivateKey(remote))
        if not material.keys.signs or 2 not in material.keys.versions:
            return Failure(local.SignsNothing(remote))
        if fault := unfit_octets(remote, made_of, initiator=material.keys.side is Side.CLIENT):
            return Failure(local.HashUnfit(fault))
        return _signed(remote, key, scheme, prf.covered(made_of))

    def is_quick(self, remote: str, scheme: SignatureScheme) -> bool:
        """Whether `sign_auth` takes under 0.1 ms, which is cheaper inline than in a thread. The key decides: those of
        P-384 and P-521 sign with SHA-256, too."""
        material = self._materials.get(remote)
        key = material.key_for(scheme) if material else None
        return key is None or key.bits == QUICK_BITS

    def sign_tls(self, remote: str, message: bytes, scheme: SignatureScheme) -> Signature | Failure:
        material = self._materials.get(remote)
        key = material.key_for(scheme) if material else None
        if material is None or key is None:
            return Failure(local.NoPrivateKey(remote))
        if not material.keys.tls:
            return Failure(local.SignsNothing(remote))
        if fault := unfit_tls(remote, message, material.keys.side):
            return Failure(local.HashUnfit(fault))
        return _signed(remote, key, scheme, message)

    def keyed_auth(self, request: KeyedRequest) -> Secret | Failure:
        """Where there is no key, the same work is done with one of chance."""
        if fault := unfit_keyed(request):
            return Failure(local.RequestUnfit(fault))
        material = self._sharing(request.remote)
        if isinstance(material, Failure):
            return material
        if 2 not in material.keys.versions:
            return Failure(local.SharesNoKey(request.remote))
        line = self._line(material.keys, request)
        key = line if isinstance(line, Failure) else self._key(material.keys, request, line)
        usable = key_of_chance(request.identity or _NOBODY) if isinstance(key, Failure) else key
        made = Secret(prf.keyed(usable.reveal(), request.octets))
        return key if isinstance(key, Failure) else made

    def mix_ppk(self, request: PpkRequest) -> MixedKeys | Failure:
        """Where there is no PPK, the same work is done with one of chance."""
        if fault := unfit_ppk(request):
            return Failure(local.RequestUnfit(fault))
        material = self._materials.get(request.remote)
        if material is None:
            return Failure(local.NoBlock(request.remote))
        if not material.keys.ppk or self._ppk_file is None:
            return Failure(local.MixesNoPpk(request.remote))
        try:
            line = ppk_of(self._ppk_file, _names(material.keys, request), request.ppk_id)
            key = key_of_chance(request.identity or _NOBODY) if line is None else line.entry.secret(self._ppk_file)
        except FileError as fault:
            return Failure(local.PpkUnreadable(_peer_text(request), str(fault)))
        keys = prf.mixed(request.prf, key, request.keys)
        if line is None:
            called = f"a PPK called {clean(request.ppk_id, longest=200)}" if request.ppk_id is not None else "a PPK"
            return Failure(local.NoPpk(str(self._ppk_file), called, _peer_text(request)))
        return MixedKeys(line.ppk_id, keys)

    def derive_skeyid(self, request: PskRequest) -> Secret | Feigned | Failure:
        if fault := unfit_request(request):
            return Failure(local.RequestUnfit(fault))
        material = self._sharing(request.remote)
        if isinstance(material, Failure):
            return material
        line = self._line(material.keys, request)
        if isinstance(line, Failure):
            return line
        key = self._key(material.keys, request, line)
        if request.identity is not None and request.aggressive and (request.nobody or isinstance(key, Failure)):
            skeyid = hashes.hmac(request.hash, key_of_chance(request.identity).reveal(), request.nonces)
            return Feigned(Secret(skeyid), key.reason if isinstance(key, Failure) else None)
        if isinstance(key, Failure):
            return key
        return Secret(hashes.hmac(request.hash, key.reveal(), request.nonces))

    def _sharing(self, remote: str) -> Material | Failure:
        """The block that is asked about, where it has to do with pre-shared keys."""
        material = self._materials.get(remote)
        if material is None:
            return Failure(local.NoBlock(remote))
        if not material.keys.shared_key:
            return Failure(local.SharesNoKey(remote))
        return material

    def _line(self, keys: RemoteKeys, request: PskRequest | KeyedRequest) -> Entry | Failure | None:
        """The line of the peer in psk.txt, if there is one."""
        if self._psk_file is None:
            return Failure(local.NoKeyFile())
        try:
            return line_of(self._psk_file, _names(keys, request))
        except FileError as fault:
            return Failure(local.SharedKeyUnreadable(_peer_text(request), str(fault)))

    def _key(self, keys: RemoteKeys, request: PskRequest | KeyedRequest, line: Entry | None) -> Secret | Failure:
        """The key of the line, if there is one that may be used."""
        file, peer = self._psk_file, _peer_text(request)
        if line is None or file is None:
            return Failure(local.NoSharedKey(str(file), peer))
        try:
            key = line.secret(file)
        except FileError as fault:
            return Failure(local.SharedKeyUnreadable(peer, str(fault)))
        aggressive = isinstance(request, PskRequest) and request.aggressive
        if aggressive and not keys.allow_short_key and len(key) < LEAST_OCTETS:
            return Failure(local.SharedKeyTooShort(str(file), line.line, peer, len(key), keys.name))
        return key

    def saved_password(self, remote: str) -> Secret | None:
        found = self.find_password(remote)
        if isinstance(found, Failure):
            log.warning("%s", found.reason)
            return None
        return found

    def find_password(self, remote: str) -> Secret | Failure | None:
        """As `saved_password`, and `Failure` tells why a file that is there was not used; no file is no password."""
        material = self._materials.get(remote)
        login = material.keys.login if material else None
        if self._psk_file is None or not login or not os.path.lexists(self._psk_file):
            return None
        try:
            return saved_password(self._psk_file, login)
        except FileError as fault:
            return Failure(local.SavedPasswordUnreadable(login, str(fault)))

    def _problems_of_ppks(self) -> Iterator[FileProblem]:
        """Worth a warning only, as with shared keys: the file is read at every use."""
        using = next((name for name, material in self._materials.items() if material.keys.ppk), None)
        if using is None or self._ppk_file is None:
            return
        try:
            yield from (FileProblem(Severity.WARNING, using, text) for text in short_ppks(self._ppk_file))
        except FileError as fault:
            yield FileProblem(Severity.WARNING, using, f"no PPK can be used: {fault}")

    def _problems_of_shared_keys(self) -> Iterator[FileProblem]:
        """What the file holds is worth a warning only: it is read at every use and may be put right at any time. But a
        key that aggressive mode would give away is not used unless the configuration says so."""
        rules = [material.keys for material in self._materials.values()]
        sharing = next((keys.name for keys in rules if keys.shared_key), None)
        if sharing is None:
            return
        if self._psk_file is None:
            yield FileProblem(Severity.ERROR, sharing, local.NoKeyFile().text)
            return
        exposed = next(
            (each.name for each in rules if each.shared_key and each.aggressive and not each.allow_short_key), None
        )
        try:
            for text in short_keys(self._psk_file, {keys.login for keys in rules if keys.login}):
                if exposed is None:
                    yield FileProblem(Severity.WARNING, sharing, text)
                else:
                    yield FileProblem(Severity.ERROR, exposed, f"{text}; {too_short(exposed)}")
        except FileError as fault:
            yield FileProblem(Severity.WARNING, sharing, f"no pre-shared key can be used: {fault}")


def _shown(owned: Owned) -> OwnCertificate:
    above = (*owned.chain[1:], *((owned.authority,) if owned.authority else ()))
    return OwnCertificate(
        chain=tuple(one.der for one in owned.chain),
        schemes=owned.schemes,
        identities=identities_of(owned.chain[0]),
        authorities=tuple(dict.fromkeys(hashes.digest(Hash.SHA1, one.key_octets) for one in above)),
        complete=owned.authority is not None,
        person=next(iter(persons(owned.chain[0])), ""),
    )


def _signed(remote: str, key: KeyPair, scheme: SignatureScheme, octets: bytes) -> Signature | Failure:
    try:
        return Signature(key.sign_by(scheme, octets))
    except ValueError as fault:
        return Failure(local.HashUnfit(f"{scheme.value} of remote {remote}: {fault}"))


_NOBODY = Identity(0, b"")


def _names(keys: RemoteKeys, request: PskRequest | KeyedRequest | PpkRequest) -> tuple[Means, ...]:
    """Whose line counts. Gateway with `verify_identifier on`: the key belongs to the identity, and no line for the
    address stands in for it."""
    if keys.side is Side.CLIENT:
        return names_of_gateway(keys.peers_identifiers, request.host, request.address)
    strict = request.identity is not None and keys.verify_identifier is True
    return names_of_client(request.identity, None if strict else request.address)


def _peer_text(request: PskRequest | KeyedRequest | PpkRequest) -> str:
    """For a person: `vpn.example.net (192.0.2.50)` that was dialled, `bob at 192.0.2.50` that came."""
    if request.host is not None:
        return f"{clean(request.host, longest=200)} ({request.address})"
    return peer_text(request.identity, request.address)
