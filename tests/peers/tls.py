"""Talks with TLS in them as it is, without the table of the daemon: certificates of chance, connections, ends."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lotor.crypto.signatures import sign
from lotor.crypto.tls import KEYS, SCHEMES, TlsEnd, TlsIdentity
from lotor.ike.events import LoggedIn, LoginRefused
from lotor.ike.questions import JudgePeer, StepTls
from lotor.model.algorithms import SignatureScheme
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Trusted, Untrusted
from lotor.model.own_certificate import OwnCertificate
from lotor.model.policy import Side
from lotor.model.reasons.certificates import NoCertificate, WrongSignature
from lotor.ports.tls_signatures import unfit_tls
from lotor.runtime.tls import Connection
from lotor.wire.eap.packet import Code, Packet
from lotor.wire.v2.payloads import Eap
from peers.auth import client_policy, gateway_policy, talk

SCHEME = SignatureScheme.ECDSA_SHA256
GATEWAY, ALICE = "gw.example.org", "alice@example.org"
_START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@cache
def key(name: str) -> ec.EllipticCurvePrivateKey:
    del name
    return ec.generate_private_key(ec.SECP256R1())


@cache
def certificate(name: str) -> bytes:
    """Of that name, signed by itself; DER."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key(name).public_key())
    builder = builder.serial_number(7).not_valid_before(_START).not_valid_after(_START + dt.timedelta(days=3650))
    return builder.sign(key(name), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def judged(question):
    """The gateway's certificate of IKE is judged as in other talks, those of TLS by who they are."""
    proof = question.proof
    if not proof.in_tls:
        good = proof.signature == b"signed:" + proof.signed
        return Trusted("CN=gw.example.org") if good else Untrusted(WrongSignature("CN=gw.example.org"))
    expected = ALICE if proof.client else GATEWAY
    if not proof.chain:
        return Untrusted(NoCertificate())
    named = not proof.client or proof.identity.data.decode().lower() == ALICE
    good = proof.chain[0] == certificate(expected) and named
    login = ALICE if proof.client else ""
    return Trusted(f"CN={expected}", login) if good else Untrusted(WrongSignature(f"CN={expected}"))


def shown_by(name, number=1):
    """A certificate, as often in its chain as makes it long."""
    return OwnCertificate(
        (certificate(name),) * number, (SCHEME,), (Identity(IdKind.USER_FQDN, name.encode()),), person=name
    )


class Steps:
    """Answers `StepTls` of one end, whose key is that of `name`; `signed`: the octets that its key was asked for.
    `stolen`: another key than that of its certificate signs."""

    def __init__(self, name: str, stolen: str = "") -> None:
        self.name, self.stolen = name, stolen
        self.signed: list[bytes] = []
        self.connection: Connection | None = None
        self.asked: list[StepTls] = []

    def __call__(self, asked: StepTls):
        self.asked.append(asked)
        if asked.terms is not None:
            self.connection = Connection(self._end(asked.terms), asked.terms.method)
        return self.connection.step(asked.octets, asked.inside)

    def _end(self, terms) -> TlsEnd:
        own = TlsIdentity(terms.chain, KEYS[terms.scheme], self._sign(terms.side)) if terms.chain else None
        return TlsEnd.server(own, asks=terms.asks) if terms.side is Side.GATEWAY else TlsEnd.client(terms.host, own)

    def _sign(self, side: Side):
        def made(number: int, message: bytes) -> bytes:
            self.signed.append(message)
            assert unfit_tls("gw", message, side) is None
            return sign(key(self.stolen or self.name), SCHEMES[number], message)

        return made


# --- talks


def on_tls(*methods, agreed=None, shows="", user="alice", **terms):
    """Both ends. `agreed`: the methods that the client agrees to. `shows`: the name of its certificate. `terms`: more
    of the client's policy."""
    gateway = replace(gateway_policy(eap=methods), own=(shown_by(GATEWAY),))
    person = client_policy(eap=agreed or methods, **terms)
    if shows:
        person = replace(person, own=(shown_by(shows),))
    said = talk(gateway, person)
    said.gateway.session.abilities.schemes = frozenset({SCHEME})
    for end, name in ((said.gateway, GATEWAY), (said.client, shows or "nobody")):
        end.answers |= {StepTls: Steps(name), JudgePeer: judged}
    said.client.login = (user, "wonderland")
    return said


def up(said) -> str:
    """Both ends are up; who got in."""
    assert (said.client.failed, said.gateway.failed) == (None, None)
    assert said.gateway.session.gates.all_open()
    assert said.client.session.gates.all_open()
    (event,) = said.gateway.of(LoggedIn)
    return event.user


def nothing(said):
    """The gateway's reason, which the client heard as EAP-Failure; nobody has anything of it."""
    gateway = said.gateway
    assert not gateway.session.gates.all_open()
    assert not gateway.session.user
    assert not gateway.of(LoggedIn)
    (event,) = gateway.of(LoginRefused)
    last = [each for each in gateway.failed.payloads if isinstance(each, Eap)]
    assert Packet.decode(last[-1].packet).code == Code.FAILURE
    assert said.client.failed is not None
    return event.reason


def packets(said, who):
    return [Packet.decode(each.packet) for name, parts in said.said if name == who for each in parts if is_eap(each)]


def is_eap(payload) -> bool:
    return isinstance(payload, Eap)


def replacing(said, turn, how):
    """The client's packet of that turn (0: its identity) is another one."""

    def change(who, number, payloads):
        if who != "client" or number != turn + 1:
            return payloads
        return tuple(Eap(how(Packet.decode(each.packet))) if is_eap(each) else each for each in payloads)

    said.change = change
    return said
