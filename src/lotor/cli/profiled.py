"""What `lotor profile` takes from the gateway's configuration and its certificate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lotor.config import examine, second_version, side_of
from lotor.config.devices import BUILT_IN as METHODS
from lotor.config.ikev2 import speaks_1, speaks_2
from lotor.crypto.certificates import Certificate, issued_by, leaf_first, read_certificates
from lotor.daemon.exits import Exit, StartError
from lotor.files.private import FileError, read_public
from lotor.keys.own import read_certificate_file, read_key_file, read_passphrase
from lotor.model.algorithms import Cipher, EspSuite, Group, Hash, Proving
from lotor.model.frozen import frozen
from lotor.model.policy import Ppk, RemotePolicy, Side, V2Policy
from lotor.pki.authority import CA_CERTIFICATE
from lotor.pki.clients import is_named
from lotor.profiles.devices import BUILT_IN, TOLD_ALGORITHMS
from lotor.profiles.facts import Device, Facts, File, OnDemand, Proposal, Protocol

if TYPE_CHECKING:
    from lotor.config.settings import CertificateFiles, ModeCfg, RemoteSettings, Settings
    from lotor.crypto.private.keypair import KeyPair
    from lotor.model.network import Network
    from lotor.model.secret import Secret

T = TypeVar("T")

BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)
"""The public authorities that this host knows, where systems keep them."""

SPEAKS = {Protocol.IKEV2: speaks_2, Protocol.IKEV1: speaks_1}
UNSPOKEN = {
    Protocol.IKEV2: "the gateway's block {} does not speak IKEv2: write ike_version both; into it, or take --ikev1 "
    "where the device can",
    Protocol.IKEV1: "the gateway's block {} does not speak IKEv1 any more",
}


@frozen
class Wishes:
    """What was typed. `gateway` and `title` empty: what the certificate says. `authority` None: ca.crt of the
    directory of certificates. `public`: devices know the authority."""

    user: str
    device: Device
    gateway: str
    title: str
    authority: Path | None
    public: bool
    on_demand: OnDemand | None


@frozen
class Own:
    """The gateway's configuration, and the block by whose certificate devices know it. `policy`: what it takes over
    IKEv2, None where they speak IKEv1 to it."""

    settings: Settings
    remote: RemoteSettings
    policy: RemotePolicy | None
    files: CertificateFiles
    passphrase: Secret | None
    chain: tuple[Certificate, ...]


def own(path: Path, protocols: Sequence[Protocol]) -> Own:
    """The first block that speaks the first of these. Raises `StartError` where there is no gateway with a certificate
    that can be read."""
    if not os.path.lexists(path):
        hint = "type this on the gateway, name its configuration by -f, or let lotor init gateway make one"
        raise StartError(f"there is no configuration {path}: {hint}", Exit.CONFIGURATION)
    found = examine(path)
    if found.checked is None or found.problems:
        raise StartError(f"{path} has errors: lotor check tells them", Exit.CONFIGURATION)
    settings = found.checked.settings
    gateways = [each for each in settings.remotes if side_of(each) is Side.GATEWAY and each.certificate is not None]
    if not gateways:
        raise StartError(f"{path} has no gateway with a certificate, by which devices know it", Exit.CONFIGURATION)
    for protocol, remote in product(protocols, gateways):
        if SPEAKS[protocol](remote):
            policy = second_version(remote, found.checked) if protocol is Protocol.IKEV2 else None
            return _with_chain(settings, remote, policy)
    raise StartError(UNSPOKEN[protocols[0]].format(gateways[0].name), Exit.CONFIGURATION)


def _with_chain(settings: Settings, remote: RemoteSettings, policy: RemotePolicy | None) -> Own:
    """Of several certificates that of RSA, which a device is shown that asks for none; of several the last."""
    named = remote.passphrase_file
    passphrase = _read(lambda: read_passphrase(named.path)) if named is not None else None
    found = [(files, _chain(files, passphrase)) for files in remote.certificates]
    files, chain = max(reversed(found), key=lambda each: each[1][0].rsa_key is not None)
    return Own(settings, remote, policy, files, passphrase, chain)


def _chain(files: CertificateFiles, passphrase: Secret | None) -> tuple[Certificate, ...]:
    return _read(lambda: leaf_first(read_certificate_file(files.certificate.path, passphrase).certificates))


def _read(reading: Callable[[], T], hint: str = "") -> T:
    try:
        return reading()
    except (FileError, OSError, ValueError) as fault:
        raise StartError(f"{fault}{hint}", Exit.CERTIFICATE) from None


def facts(found: Own, wishes: Wishes) -> Facts:
    """Raises `StartError` where a device would refuse the gateway."""
    given, leaf = found.settings.mode_cfg, found.chain[0]
    v2, gateway = _second(found), _name(leaf, wishes.gateway)
    return Facts(
        gateway=gateway,
        user=wishes.user,
        title=wishes.title or f"VPN {gateway}",
        authorities=() if wishes.public else _authorities(found, wishes.authority),
        issuer=next(iter(leaf.issuer.values("CN")), ""),
        curve=leaf.curve,
        networks=_networks(given),
        dns=(*given.dns4, *given.dns6) if given is not None else (),
        domains=given.split_dns if given is not None else (),
        protocol=Protocol.IKEV2 if v2 is not None else Protocol.IKEV1,
        eap=v2.eap if v2 is not None else (),
        ppk=v2.ppk if v2 is not None else Ppk.OFF,
        twice=v2 is not None and Proving.EAP not in v2.peer,
        on_demand=wishes.on_demand,
        proposal=_proposal(v2) if v2 is not None and wishes.device in TOLD_ALGORITHMS else Proposal(),
    )


def _second(found: Own) -> V2Policy | None:
    v2 = found.policy.v2 if found.policy is not None else None
    if v2 is not None and not v2.eap:
        text = f"the gateway's block {found.remote.name} lets nobody log in over IKEv2: write peers_auth eap; into it"
        raise StartError(text, Exit.CONFIGURATION)
    if v2 is not None and not {Proving.EAP, Proving.CERTIFICATE_THEN_EAP} & set(v2.peer):
        text = f"the gateway's block {found.remote.name} wants a shared key of the device, which no profile has"
        raise StartError(f"{text}: write peers_auth pubkey then eap; into it", Exit.CONFIGURATION)
    return v2


def _proposal(policy: V2Policy) -> Proposal:
    """The strongest that the gateway takes and all devices can be told."""
    taken = {(each.cipher, each.key_bits, each.prf, each.group) for each in policy.proposals}
    for group, bits, digest in product((20, 19, 14), (256, 128), (384, 256)):
        if (Cipher.AES_GCM_16, bits, Hash(f"sha{digest}"), Group(group)) in taken:
            return Proposal(bits, digest, group)
    raise StartError(
        "the gateway takes no proposal that all devices can be told: add ike2_proposal aes_gcm_16 256 sha384 ecp384;",
        Exit.NO_PROPOSAL,
    )


def doubts(found: Own, made: Facts, device: Device) -> Iterator[str]:
    """What of the file the gateway will not take, as it is configured now."""
    if found.policy is None:
        return
    wanted = EspSuite(Cipher.AES_GCM_16, made.proposal.key_bits, None)
    suites = (suite for rule in found.policy.children for suite in rule.child.suites)
    if device in TOLD_ALGORITHMS and wanted not in suites:
        words = f"{wanted.cipher.value} {wanted.key_bits}"
        text = f"the gateway's sainfo does not take {words}, which the profile names for traffic"
        yield f"{text}: add encryption_algorithm {words};"
    if device in BUILT_IN and not METHODS & set(made.eap):
        methods = ", ".join(each.value for each in made.eap)
        text = f"{device.value} logs in over IKEv2 by mschapv2, or by what a RADIUS server speaks, and not by {methods}"
        yield f"{text}: docs/ikev2.md, Who can log in how"


def _networks(given: ModeCfg | None) -> tuple[Network, ...]:
    """What clients reach through the tunnel; empty: everything."""
    splits = given.split_networks if given is not None else ()
    return tuple(network for split in splits if not split.local for network in split.networks)


def _name(leaf: Certificate, typed: str) -> str:
    """A wildcard stands for many hosts, and none can be dialled by it."""
    names = (*leaf.dns_names, *map(str, leaf.addresses))
    gateway = typed or next((each for each in names if "*" not in each), "")
    if gateway and "*" not in gateway and is_named(leaf, gateway):
        return gateway
    raise StartError(
        f"the gateway's certificate does not name {gateway or 'one host'}, so that devices would refuse it; it has: "
        f"{', '.join(names) or 'none'}. Take one of these by --gateway, or make a new one: lotor pki gateway",
        Exit.CERTIFICATE,
    )


def _authorities(found: Own, named: Path | None) -> tuple[bytes, ...]:
    """That which issued the last certificate of the chain; none where it is one that everybody knows, as this host
    does."""
    last = found.chain[-1]
    if last.authority and last.self_signed:
        return (last.der,)
    path = named or found.files.certificate.path.parent / CA_CERTIFICATE
    if named is None and not _issued(last, path) and any(_issued(last, bundle) for bundle in BUNDLES):
        return ()
    hint = ": name the authority by --ca, or take --public where devices know it without a profile"
    for each in _read(lambda: read_certificates(read_public(path)), hint):
        if issued_by(last, each):
            return (each.der,)
    raise StartError(f"{path} did not issue the gateway's certificate{hint}", Exit.CERTIFICATE)


def _issued(last: Certificate, bundle: Path) -> bool:
    """Whether an authority of that file issued it; a file that is not there has none."""
    try:
        return any(issued_by(last, each) for each in read_certificates(read_public(bundle)))
    except (FileError, ValueError):
        return False


def signed(file: File, found: Own) -> File:
    """With the gateway's signature around it: the device shows who made it."""
    from lotor.crypto.private.messages import signed_message

    key = own_key(found)
    return replace(file, content=_read(lambda: signed_message(file.content, found.chain, key)))


def own_key(found: Own) -> KeyPair:
    """Raises `StartError`."""
    key = _read(lambda: read_key_file(found.files.key.path, found.passphrase)).key
    if key is None:
        raise StartError(f"{found.files.key.path} has no private key", Exit.CERTIFICATE)
    return key
