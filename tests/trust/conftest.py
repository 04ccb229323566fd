"""A client's trust anchors in a directory of its own, and a gateway that proves itself to it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest

from keys import certificate_lab as lab
from lotor.model.algorithms import Hash
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import PeerProof, SignedHash
from lotor.model.policy import Side
from lotor.model.secret import Secret
from lotor.trust import RemoteTrust, TrustStore

NONCES, G_XY = bytes(range(40)), b"s" * 128
MADE_OF = SignedHash(
    Hash.SHA1,
    Hash.SHA1,
    NONCES,
    Secret(G_XY),
    (bytes(128), b"g" * 128),
    (b"cookie A", b"cookie B"),
    b"SA",
    bytes(8),
)
HASH_R = hmac.digest(
    hmac.digest(NONCES, G_XY, "sha1"), bytes(128) + b"g" * 128 + b"cookie Acookie BSA" + bytes(8), "sha1"
)
"""What the gateway signs (RFC 2409 §5), made of MADE_OF."""
ADDRESS = "192.0.2.50"


@dataclass
class Client:
    """Judges gateways. `rules` are fields of `RemoteTrust`."""

    directory: Path

    def store(self, *anchors: lab.Holder, **rules) -> TrustStore:
        if anchors:
            bundle = self.directory / "ca.crt"
            bundle.write_bytes(b"".join(anchor.pem for anchor in anchors))
            rules["ca"] = (bundle,)
        return TrustStore([RemoteTrust("gw", judges=True, **rules)], clock=lambda: lab.NOW)

    def judge(self, gateway: lab.Holder, *anchors: lab.Holder, proof: dict | None = None, **rules):
        return self.store(*anchors, **rules).judge(prove(gateway, **(proof or {})))


def prove(gateway: lab.Holder, **changes) -> PeerProof:
    fields = {
        "remote": "gw",
        "chain": (gateway.der,),
        "identity": Identity(IdKind.DER_ASN1_DN, gateway.subject),
        "signed": HASH_R,
        "signature": gateway.sign(HASH_R),
        "address": ip_address(ADDRESS),
        "host": "vpn.example.net",
    }
    return PeerProof(**{**fields, **changes})


@dataclass
class Gateway(Client):
    """Judges clients, of which it meant none in particular."""

    def judge(self, peer: lab.Holder, *anchors: lab.Holder, proof: dict | None = None, **rules):
        fields = {"client": True, "host": None, "address": ip_address("198.51.100.1"), **(proof or {})}
        return super().judge(peer, *anchors, proof=fields, side=Side.GATEWAY, **rules)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


@pytest.fixture
def judging_gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


@pytest.fixture(scope="session")
def ca() -> lab.Holder:
    return lab.authority()


@pytest.fixture(scope="session")
def gateway(ca: lab.Holder) -> lab.Holder:
    return lab.issue(ca, dns=("vpn.example.net",), addresses=(ADDRESS,))
