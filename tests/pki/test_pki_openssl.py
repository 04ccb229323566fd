"""The HOW-TO's own recipe, typed as it stands there, gives certificates that work."""

from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from lotor.keys import Keyring, OwnFiles, RemoteKeys
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import PeerProof, Trusted, Untrusted
from lotor.trust import RemoteTrust, TrustStore
from trust.conftest import HASH_R, MADE_OF

SUBJECT = "/C=AU/ST=Some-State/O=Flying pigs LTD/CN="

RECIPE = """
umask 077
openssl genrsa > certs/vpngw.key
umask 022
openssl req -new -key certs/vpngw.key -out certs/vpngw.csr -subj "$SUBJECT$GATEWAY"
mkdir -p demoCA/newcerts
touch demoCA/index.txt
echo "00" > demoCA/serial
umask 077
openssl genrsa > certs/ca.key
umask 022
openssl req -days 3650 -x509 -key certs/ca.key -new -subj "${SUBJECT}Flying CA" > certs/ca.crt
openssl ca -batch -in certs/vpngw.csr -keyfile certs/ca.key -cert certs/ca.crt -out certs/vpngw.crt
"""


def follow(place: Path, gateway: str) -> Path:
    (place / "certs").mkdir()
    environment = {"PATH": "/usr/bin:/bin", "SUBJECT": SUBJECT, "GATEWAY": gateway}
    subprocess.run(["sh", "-ec", RECIPE], cwd=place, env=environment, check=True, capture_output=True)
    return place / "certs"


def meet(certs: Path, host: str | None):
    gateway = RemoteKeys("gateway", (OwnFiles(certs / "vpngw.crt", certs / "vpngw.key"),), signs=True)
    client = RemoteTrust("client", ca=(certs / "ca.crt",), certificate_directory=certs, judges=True)
    keyring = Keyring([gateway])
    store = TrustStore([client])
    assert keyring.problems + store.problems == ()
    own = keyring.credential("gateway")
    return store.judge(
        PeerProof(
            remote="client",
            chain=own.chain,
            identity=Identity(IdKind.DER_ASN1_DN, own.subject),
            signed=HASH_R,
            signature=keyring.sign("gateway", MADE_OF).octets,
            address=ip_address("192.0.2.50"),
            host=host,
        )
    )


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize(("name", "host"), [("192.0.2.50", None), ("vpn.example.net", "vpn.example.net")])
def test_the_recipe_of_the_howto(tmp_path, name, host):
    certs = follow(tmp_path, name)
    assert isinstance(meet(certs, host), Trusted)
    assert isinstance(meet(certs, "other.example.net"), Untrusted)


def test_the_serial_number_0_of_the_recipe_does_not_litter_the_terminal(tmp_path):
    certs = follow(tmp_path, "vpngw")
    program = "import sys; from lotor.pki import show; from pathlib import Path; print(show(Path(sys.argv[1])))"
    command = [sys.executable, "-W", "default", "-c", program, str(certs / "vpngw.crt")]
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert "CN=vpngw" in run.stdout


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_the_advice_for_a_certificate_of_the_recipe_with_another_name(tmp_path):
    verdict = meet(follow(tmp_path, "vpngw"), None)
    subject = "C=AU, ST=Some-State, O=Flying pigs LTD, CN=vpngw"
    assert f'peers_identifier asn1dn "{subject}"; verify_identifier on;' in verdict.reason.text
