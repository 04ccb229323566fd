"""Two endpoints of IKEv2 with true keys: what the core asks of the signer and of trust is what they take."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keys import certificate_lab as lab
from lotor.ike.events import Ended
from lotor.ike.questions import JudgePeer, KeyedAuth, SignAuth
from lotor.keys import Keyring, OwnFiles, RemoteKeys
from lotor.model.algorithms import Proving
from lotor.model.policy import RemotePolicy
from lotor.trust import RemoteTrust, TrustStore
from lotor.warden.identification import OwnIdentities
from peers.auth import client_policy, gateway_policy
from peers.world import Host, connect, is_up, pair

NAME = "gw.example.org"
SIGNED = {"local": Proving.CERTIFICATE, "peer": (Proving.CERTIFICATE,)}
KEYED = {"local": Proving.SHARED_KEY, "peer": (Proving.SHARED_KEY,)}
MAKERS = {
    "rsa": lambda: lab.key("v2"),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
PSK = f"{NAME} one key of both, long enough\n192.0.2.50 one key of both, long enough\n* one key of both, long enough\n"


class Armed:
    """A host's policy with a certificate of its own, and the answers of its keys."""

    def __init__(self, directory, remote: RemotePolicy, kind: str, psk: str = PSK, **wish) -> None:
        directory.mkdir()
        holder = lab.issue(lab.authority(), private=MAKERS[kind](), **wish)
        files = {"own.crt": holder.pem, "own.key": lab.key_pem(holder.private), "ca.crt": lab.authority().pem}
        for name, octets in (*files.items(), ("psk.txt", psk.encode())):
            (directory / name).write_bytes(octets)
            (directory / name).chmod(0o600)
        own = OwnFiles(directory / "own.crt", directory / "own.key")
        keys = RemoteKeys(remote.name, (own,), signs=True, ecdsa=None, side=remote.side, shared_key=True)
        self.ring = Keyring([keys], directory / "psk.txt", clock=lambda: lab.NOW)
        rules = RemoteTrust(remote.name, judges=True, side=remote.side, ecdsa=None, ca=(directory / "ca.crt",))
        self.store = TrustStore([rules], clock=lambda: lab.NOW)
        found = self.ring.credential(remote.name)
        self.remote = replace(remote, certificates=found.chain, own=found.own)
        self.is_own = OwnIdentities(lambda _: self.remote.v2.identity, certified=lambda _: self.remote.certified)
        self.answers = {
            SignAuth: self.sign,
            KeyedAuth: lambda asked: self.ring.keyed_auth(asked.request),
            JudgePeer: lambda asked: self.store.judge(asked.proof),
        }

    def sign(self, asked: SignAuth):
        assert self.is_own.in_auth(asked.remote, asked.made_of.id_b), "the warden would refuse"
        return self.ring.sign_auth(asked.remote, asked.made_of, asked.scheme)


def armed(tmp_path, kind: str, gateway: dict, client: dict, **rest):
    wish = {"dns": (NAME, "*.example.org"), "subject": "gateway"}
    psk = rest.pop("gateway_psk", PSK)
    server = Armed(tmp_path / "gateway", replace(gateway_policy(**gateway), mode_cfg=True), kind, psk, **wish)
    person = Armed(tmp_path / "client", client_policy(**client), kind, dns=("alice.example.org",), subject="alice")
    world, host, peer = pair(gateway=server.remote, client=person.remote)
    host.answers.update(server.answers)
    peer.answers.update(person.answers)
    return world, host, peer


def comes_up(world, gateway: Host, client: Host, host: str = NAME) -> bool:
    connect(world, client, gateway, host)
    return world.run(20, lambda: is_up(client) and is_up(gateway))


def ends(host: Host) -> list:
    return [event.reason.text for event in host.of(Ended)]


@pytest.mark.parametrize("kind", MAKERS)
def test_a_login_at_a_gateway_of_every_key(tmp_path, kind):
    world, gateway, client = armed(tmp_path, kind, {}, {})
    assert comes_up(world, gateway, client), ends(client) + ends(gateway)


@pytest.mark.parametrize("kind", MAKERS)
def test_certificates_of_both_ends(tmp_path, kind):
    world, gateway, client = armed(tmp_path, kind, SIGNED, SIGNED)
    assert comes_up(world, gateway, client), ends(client) + ends(gateway)


def test_a_shared_key_of_both_ends(tmp_path):
    world, gateway, client = armed(tmp_path, "rsa", KEYED, KEYED)
    assert comes_up(world, gateway, client), ends(client) + ends(gateway)


def test_another_shared_key_is_refused(tmp_path):
    world, gateway, client = armed(tmp_path, "rsa", KEYED, KEYED, gateway_psk="* another key of nobody here\n")
    assert not comes_up(world, gateway, client)
    assert ends(gateway)


def test_a_gateway_of_another_name_gets_no_login(tmp_path):
    world, gateway, client = armed(tmp_path, "p256", {}, {})
    assert not comes_up(world, gateway, client, "vpn.other.example")
    assert "vpn.other.example" in ends(client)[0]
