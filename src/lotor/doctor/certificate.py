"""Certificates: a gateway's as its clients judge it, with the names that people type; what a client trusts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from shlex import quote

from lotor.config.settings import RemoteSettings
from lotor.crypto.certificates import Certificate
from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.subject import Subject
from lotor.files.private import FileError
from lotor.model.frozen import frozen
from lotor.model.policy import Side
from lotor.pki.acme import PLACE, RECORD
from lotor.pki.clients import CLIENTS, EITHER, EVERYBODY, Judgement, expiring
from lotor.pki.store import read_bundle

AUTHORITY_KEY = "ca.key"
MOST_CLIENTS = sum(versions == EITHER for versions, _ in CLIENTS.values())
"""Kinds of clients of which so many refuse a certificate that it is wrong. A gateway of one version has no others that
compare names: vpnc does not, and Android comes by IKEv2 alone."""


@frozen
class Proof:
    """A gateway's certificate in a block. `judgements` None: it could not be read. `names`: those that a new one would
    have. `ours`: its authority lies beside it; `acme`: one of the public renews it."""

    block: str
    directory: Path
    judgements: tuple[Judgement, ...] | None
    names: tuple[str, ...] = ()
    ours: bool = False
    acme: bool = False


@frozen
class Anchors:
    """What a client's block trusts. `fault`: why it cannot be read."""

    file: Path
    judgements: tuple[Judgement, ...] = ()
    fault: str = ""


@frozen
class Proofs:
    gateway: tuple[Proof, ...] = ()
    client: tuple[Anchors, ...] = ()
    sides: frozenset[Side] = field(default_factory=frozenset)


def look(subject: Subject) -> Proofs:
    inspection = subject.inspection
    judgements = inspection.certificates if inspection else {}
    chains = inspection.chains if inspection else {}
    blocks = [each for each in subject.of_side(Side.GATEWAY) if each.certificate is not None]
    proofs = (_proof(each, judgements, chains, subject.names) for each in blocks)
    files = dict.fromkeys(each.ca.path for each in subject.of_side(Side.CLIENT) if each.ca is not None)
    return Proofs(tuple(proofs), tuple(_anchors(each, subject.now) for each in files), subject.sides)


def _proof(
    remote: RemoteSettings,
    judgements: Mapping[str, list[Judgement]],
    chains: Mapping[str, tuple[tuple[Certificate, ...], ...]],
    typed: Iterable[str],
) -> Proof:
    directory = remote.certificate.certificate.path.parent if remote.certificate else Path()
    if remote.name not in chains:
        return Proof(remote.name, directory, None)
    said = remote.my_identifier.value
    certified = (name for leaf, *_ in chains[remote.name] for name in (*leaf.dns_names, *map(str, leaf.addresses)))
    names = dict.fromkeys([*certified, *([said] if said else []), *typed])
    ours = (directory / AUTHORITY_KEY).exists()
    acme = (directory / PLACE / RECORD).exists()
    return Proof(remote.name, directory, tuple(judgements[remote.name]), tuple(names), ours, acme)


def _anchors(file: Path, now: datetime) -> Anchors:
    try:
        return Anchors(file, tuple(expiring(read_bundle(file), now)))
    except FileError as error:
        return Anchors(file, fault=str(error))


def judge(proofs: Proofs) -> Iterator[Finding]:
    for proof in proofs.gateway:
        yield from _of_gateway(proof)
    for each in proofs.client:
        yield from _of_client(each)
    if not proofs.gateway and not proofs.client:
        yield ok("no block has a certificate or an authority")


def _of_gateway(proof: Proof) -> Iterator[Finding]:
    if proof.judgements is None:
        yield unknown(f"that of remote {proof.block} cannot be read by this user, or at all", "sudo lotor check")
        return
    told = dict[str, list[Judgement]]()
    for each in proof.judgements:
        told.setdefault(each.text, []).append(each)
    bad = [(text, group) for text, group in told.items() if _counts(group)]
    for number, (text, group) in enumerate(bad):
        mends = _renewal(proof) if number == len(bad) - 1 else ()
        yield _refused(text, group, mends)
    if not bad:
        yield ok(f"that of remote {proof.block} suits every known client")


def _counts(group: list[Judgement]) -> bool:
    """What some client refuses, and what will be over soon."""
    return any(each.refuses or each.client == EVERYBODY for each in group)


def _refused(text: str, group: list[Judgement], mends: tuple[str, ...]) -> Finding:
    clients = [each.client for each in group if each.refuses]
    if EVERYBODY in clients:
        return wrong(text, *mends)
    if not clients:
        return warn(text, *mends)
    told = f"{', '.join(clients)} {'refuse' if len(clients) > 1 else 'refuses'} it: {text}"
    return (wrong if len(clients) >= MOST_CLIENTS else warn)(told, *mends)


def _renewal(proof: Proof) -> tuple[str, ...]:
    names = " ".join(map(quote, proof.names)) or "NAME"
    place = quote(str(proof.directory))
    if proof.acme:
        return (f"lotor pki acme --renew -d {place}",)
    if proof.ours:
        return f"lotor pki gateway -d {place} --force {names}", "lotor reload"
    return (f"lotor pki request -d {place} {names}   # then to its authority",)


def _of_client(anchors: Anchors) -> Iterator[Finding]:
    if anchors.fault:
        yield wrong(f"the authority cannot be read: {anchors.fault}", f"cp ca.crt {quote(str(anchors.file))}")
    for each in anchors.judgements:
        yield (wrong if each.refuses else warn)(f"{anchors.file}: {each.text}")
    if not anchors.fault and not anchors.judgements:
        yield ok(f"the authority in {anchors.file} is valid")
