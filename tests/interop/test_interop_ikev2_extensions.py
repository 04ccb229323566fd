"""Extensions of IKE_AUTH with strongSwan, in both roles: PPKs, two proofs of a client, and no SA pair at first."""

from __future__ import annotations

import pytest

from lab import lotor
from lab.dialling import carries, ping
from lab.ikev2 import join, person, serve, serve_by_strongswan
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import LabError, wait_until

PPK, OTHER = "ab" * 32, "cd" * 32
TRUST = 'ca_type x509 "ca.crt";'
OWN = 'certificate_type x509 "user.crt" "user.key";'


def keep(node, *lines: str) -> None:
    """Of PPKs."""
    node.write("/etc/racoon/ppk.txt", "".join(f"{line}\n" for line in lines), 0o600)


def test_a_strongswan_client_with_a_ppk(internet, alices):
    keep(internet.gateway, f"alice alice-1 0x{PPK}")
    gateway = serve(internet, alices, f"peers_auth eap, pubkey; ppk required; {TRUST}")
    client = join(internet.client, alices, ppk=PPK)
    assert "completed successfully" in client.initiate()
    assert ping(internet.client, INSIDE_HOST)
    gateway.running.expect("the PPK alice-1 is in the keys")
    client.terminate()
    assert wait_until(lambda: gateway.sessions() == [])
    client.stop()

    keep(internet.gateway, f"alice alice-1 0x{OTHER}")
    other = join(internet.clients[1], alices, ppk=PPK)
    with pytest.raises(LabError, match=r"AUTHENTICATION_FAILED|AUTH_FAILED"):
        other.initiate(20)
    assert wait_until(lambda: "does not fit with the PPK alice-1" in gateway.journal())
    assert wait_until(lambda: gateway.sessions() == [])
    assert PPK not in gateway.journal()
    assert wait_until(lambda: "PPK" in gateway.call("explain", "192.0.2.1").stdout)


def test_a_ppk_at_a_gateway_of_strongswan(internet, alices):
    gateway = serve_by_strongswan(internet, alices, proof="pubkey", ppk=PPK)
    keep(internet.client, f"{GATEWAY} alice-1 0x{PPK}")
    client = person(internet.client, alices, f"my_auth pubkey; {OWN} ppk required;")
    done = client.call("vc", GATEWAY)
    assert done.code == 0, done
    assert carries(internet, internet.client, "10.99.99.10")
    client.running.expect("the PPK alice-1 is in the keys")
    assert client.call("vd", GATEWAY).code == 0
    assert wait_until(lambda: "ESTABLISHED" not in gateway.sessions())
    keep(internet.client, f"{GATEWAY} alice-1 0x{OTHER}")
    done = client.call("vc", GATEWAY)
    assert done.code != 0
    assert "refused the proof with the PPK alice-1" in done.stderr, done


def test_a_device_and_a_person_with_strongswan(internet, alices):
    gateway = serve(internet, alices, f"peers_auth pubkey then eap; eap mschapv2; {TRUST}")
    client = join(internet.client, alices, proof="both")
    assert "completed successfully" in client.initiate()
    assert ping(internet.client, INSIDE_HOST)
    (session,) = gateway.sessions()
    assert (session["user"], session["address"]) == ("alice", "10.99.99.1")
    assert "CN=alice" in session["peer"]
    client.terminate()
    assert wait_until(lambda: gateway.sessions() == [])
    client.stop()
    for proof, password in (("pubkey", "alicepass"), ("both", "wrong")):
        alone = join(internet.clients[1], alices, proof=proof, password=password)
        with pytest.raises(LabError):
            alone.initiate(20)
        alone.stop()
        assert wait_until(lambda: gateway.sessions() == [])
    gateway.running.expect("admits pubkey then eap")


def test_a_device_and_a_person_at_a_gateway_of_strongswan(internet, alices):
    gateway = serve_by_strongswan(internet, alices, proof="both")
    client = person(internet.client, alices, f"my_auth pubkey then eap; eap mschapv2; {OWN}")
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert carries(internet, internet.client, "10.99.99.10")
    assert "ESTABLISHED" in gateway.sessions()
    assert client.call("vd", GATEWAY).code == 0


def test_a_gateway_of_strongswan_that_takes_no_pair_before_the_login(internet, alices):
    """`childless = force` (RFC 6023): the pair comes afterwards, with keys of its own and the networks that the gateway
    says then. A client that is not set up so is refused, and says why."""
    options = {"networks": "203.0.113.0/24", "esp": "aes256gcm16-ecp384", "more": "childless = force"}
    gateway = serve_by_strongswan(internet, alices, **options)
    client = person(internet.client, alices)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code != 0, done
    assert wait_until(lambda: "ESTABLISHED" not in gateway.sessions())
    client.stop()
    client = person(internet.client, alices, "eap mschapv2; childless on;", pair="pfs_group ecp384;")
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, (done, gateway.journal())
    assert carries(internet, internet.client, "10.99.99.10")
    assert "ECP_384" in gateway.sessions().split("net:")[1]
    assert "203.0.113.0/24 dev" in internet.client.run("ip", "route", "show", "table", "all").stdout
    assert client.call("vd", GATEWAY).code == 0
    assert wait_until(lambda: "ESTABLISHED" not in gateway.sessions())
