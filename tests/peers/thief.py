"""A thief who sees what goes to the gateway and answers in its place: from his own address or from the gateway's, with
certificates of the same authority and keys of the same file, and with any name. All three ends have real keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path as File
from tempfile import mkdtemp

from cryptography.hazmat.primitives.asymmetric import ec

from keys import certificate_lab as lab
from lotor.ike.effects import Transmit
from lotor.ike.questions import DeriveSkeyid, JudgePeer, Sign
from lotor.keys import Keyring, OwnFiles, RemoteKeys
from lotor.model.algorithms import AuthMethod
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import Trusted
from lotor.model.network import Path, Peer
from lotor.model.policy import ExchangeMode, Policy, RemotePolicy
from lotor.trust import RemoteTrust, TrustStore
from peers.world import CHILD, CLIENT, GATEWAY, CheapRandomness, Host, Network, World, suite_with

DIALLED = IPv4Address("192.0.2.50")
ELSEWHERE = IPv4Address("203.0.113.66")
NAME, OTHER = "vpn.example.net", "other.example.net"
KEYS = f"""{DIALLED} the key of the gateway that is meant
{NAME} the key of the gateway that is meant
{ELSEWHERE} the key of the other gateway there
{OTHER} the key of the other gateway there
"""
CLAIMS = {
    "his address": Identity(IdKind.IPV4_ADDR, ELSEWHERE.packed),
    "his name": Identity(IdKind.FQDN, OTHER.encode()),
    "the gateway's address": Identity(IdKind.IPV4_ADDR, DIALLED.packed),
    "the gateway's name": Identity(IdKind.FQDN, NAME.encode()),
}
GATES = (IdentityPattern(IdKind.FQDN, NAME),)


@dataclass(frozen=True)
class Terms:
    """How the ends are configured. `verify`: the client has the name of its gateway in `peers_identifier`."""

    method: AuthMethod
    mode: ExchangeMode
    claim: str = "his address"
    verify: bool = False


@cache
def _directory(elliptic: bool) -> File:
    """Certificates of one authority: of the gateway, of the thief's own gateway, and of the client."""
    directory = File(mkdtemp(prefix="lotor-thief-"))
    private = (lambda label: ec.generate_private_key(ec.SECP256R1())) if elliptic else lab.key
    authority = lab.authority()
    (directory / "ca.crt").write_bytes(authority.pem)
    wishes = {
        "gateway": {"subject": NAME, "dns": (NAME,), "addresses": (str(DIALLED),)},
        "thief": {"subject": OTHER, "dns": (OTHER,), "addresses": (str(ELSEWHERE),)},
        "client": {"subject": "alice", "emails": ("alice@example.net",)},
    }
    for who, wish in wishes.items():
        holder = lab.issue(authority, who, private=private(who), **wish)
        (directory / f"{who}.crt").write_bytes(holder.pem)
        (directory / f"{who}.key").write_bytes(lab.key_pem(holder.private))
        (directory / f"{who}.key").chmod(0o600)
    for name, text in (
        ("keys", KEYS),
        ("gateway.keys", f"* {_key(DIALLED)}\n"),
        ("thief.keys", f"* {_key(ELSEWHERE)}\n"),
    ):
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)
    return directory


def _key(who: IPv4Address) -> str:
    return next(line.split(None, 1)[1] for line in KEYS.splitlines() if line.startswith(f"{who} "))


@cache
def _keyring(elliptic: bool, who: str, remote: RemotePolicy) -> Keyring:
    directory = _directory(elliptic)
    client = who == "client"
    keys = RemoteKeys(
        name=remote.name,
        own=(OwnFiles(directory / f"{who}.crt", directory / f"{who}.key"),),
        peers_identifiers=remote.peers_identifiers,
        verify_identifier=remote.verify_identifier,
        side=remote.side,
        shared_key=True,
        signs=True,
        ecdsa=elliptic,
    )
    return Keyring([keys], directory / ("keys" if client else f"{who}.keys"), clock=lambda: lab.NOW)


@cache
def _store(elliptic: bool, remote: RemotePolicy) -> TrustStore:
    rules = RemoteTrust(
        name=remote.name,
        judges=True,
        side=remote.side,
        ecdsa=elliptic,
        ca=(_directory(elliptic) / "ca.crt",),
        peers_identifiers=remote.peers_identifiers,
        verify_identifier=remote.verify_identifier,
        address=remote.address,
    )
    return TrustStore([rules], clock=lambda: lab.NOW)


def _host(terms: Terms, who: str, address: IPv4Address, policy: RemotePolicy, seed: int) -> Host:
    elliptic = terms.method is AuthMethod.ECDSA
    ring, store = _keyring(elliptic, who, policy), _store(elliptic, policy)
    policy = replace(policy, certificates=ring.credential(policy.name).chain)
    answers = {
        Sign: lambda question: ring.sign(question.remote, question.made_of),
        JudgePeer: lambda question: store.judge(question.proof),
        DeriveSkeyid: lambda question: ring.derive_skeyid(question.request),
    }
    if who == "thief":
        answers[JudgePeer] = lambda _: Trusted("whoever")
    return Host(who, address, Policy((policy,), CHILD), CheapRandomness(seed), answers=answers)


@dataclass
class Line(World):
    """`thief` sees everything that goes to the gateway's address. `spoofs`: in how many of ten datagrams he writes that
    address as the sender's; `deaf`: nothing reaches the true gateway."""

    thief: Host | None = None
    spoofs: int = 0
    deaf: bool = False

    def _send(self, host: Host, transmit: Transmit) -> None:
        if host is self.thief and self.random.randrange(10) < self.spoofs:
            local = Peer(DIALLED, transmit.path.local.port)
            transmit = replace(transmit, path=replace(transmit.path, local=local))
        super()._send(host, transmit)

    def _arrive(self, source: Peer, target: Peer, data: bytes, floated: bool) -> None:
        if not (self.deaf and target.address == DIALLED):
            super()._arrive(source, target, data, floated)
        if target.address == DIALLED and source.address != ELSEWHERE:
            path = Path(Peer(ELSEWHERE, target.port), source, floated=floated)
            self.do(self.thief, self.thief.endpoint.receive(data, path, self.now))


def meet(terms: Terms, seed: int = 0, **line) -> tuple[Line, Host, Host, Host]:
    """A client behind a NAT, its gateway, and the thief between them; nothing said yet."""
    common = {"proposals": (suite_with(terms.method),), "exchange_modes": (terms.mode,)}
    alice = Identity(IdKind.USER_FQDN, b"alice@example.net")
    rules = {"peers_identifiers": GATES, "verify_identifier": True} if terms.verify else {}
    client = replace(CLIENT, my_identity=alice, **rules, **common)
    true = replace(
        GATEWAY, my_identity=CLAIMS["the gateway's name" if terms.verify else "the gateway's address"], **common
    )
    false = replace(GATEWAY, my_identity=CLAIMS[terms.claim], **common)
    world = Line(seed, Network(reordering=0.3), **line)
    gateway = world.add(_host(terms, "gateway", DIALLED, true, 3 * seed))
    world.thief = world.add(_host(terms, "thief", ELSEWHERE, false, 3 * seed + 1))
    person = world.add(
        _host(terms, "client", IPv4Address("198.51.100.10"), client, 3 * seed + 2), IPv4Address("203.0.113.1")
    )
    return world, gateway, world.thief, person
