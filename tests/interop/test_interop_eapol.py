"""wpa_supplicant as the peer of lotor's EAP on TLS: every login inside, both versions of TLS, and the same keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from eapol import spoken
from lotor.ike.questions import JudgePeer, StepTls
from lotor.model.algorithms import EapMethod
from peers.auth import end, gateway_policy
from peers.tls import ALICE, GATEWAY, Steps, certificate, judged, key, shown_by

TLS_1_2, TLS_1_3 = "tls_disable_tlsv1_3=1", "tls_disable_tlsv1_3=0"
WAYS = {
    "PAP": (EapMethod.TTLS, 'phase2="auth=PAP"'),
    "MSCHAPv2": (EapMethod.TTLS, 'phase2="auth=MSCHAPV2"'),
    "GTC in TTLS": (EapMethod.TTLS, 'phase2="autheap=GTC"'),
    "EAP-MSCHAPv2 in TTLS": (EapMethod.TTLS, 'phase2="autheap=MSCHAPV2"'),
    "MSCHAPv2 in PEAP": (EapMethod.PEAP, 'phase2="auth=MSCHAPV2"'),
    "GTC in PEAP": (EapMethod.PEAP, 'phase2="auth=GTC"'),
}


def pem(name, private=False):
    if private:
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return key(name).private_bytes(*form)
    return x509.load_der_x509_certificate(certificate(name)).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def tried(tmp_path):
    (tmp_path / "ca.pem").write_bytes(pem(GATEWAY))
    (tmp_path / "user.pem").write_bytes(pem(ALICE))
    (tmp_path / "user.key").write_bytes(pem(ALICE, private=True))

    def play(method, version, *lines):
        gateway = end(replace(gateway_policy(eap=(method,)), own=(shown_by(GATEWAY),)), initiator=False)
        gateway.session.own = gateway.session.remote.own[0]
        gateway.answers |= {StepTls: Steps(GATEWAY), JudgePeer: judged}
        trust = f'ca_cert="{tmp_path}/ca.pem"'
        return spoken(gateway, tmp_path, f"eap={method.name}", trust, f'phase1="{version}"', *lines)

    return play


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("way", WAYS)
def test_a_password_inside(tried, way, version):
    method, phase2 = WAYS[way]
    person = ('identity="alice"', 'anonymous_identity="somebody"', 'password="wonderland"', phase2)
    told, login = tried(method, version, *person)
    assert "MPPE keys OK: 1  mismatch: 0" in told, told[-3000:]
    assert told.rstrip().endswith("SUCCESS")
    assert login.proved.user == "alice"


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_password_inside(tried, way):
    method, phase2 = WAYS[way]
    told, login = tried(method, TLS_1_2, 'identity="alice"', 'password="wrong"', phase2)
    assert told.rstrip().endswith("FAILURE"), told[-3000:]
    assert login.proved is None


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3], ids=["1.2", "1.3"])
def test_a_certificate(tried, tmp_path, version):
    files = (f'client_cert="{tmp_path}/user.pem"', f'private_key="{tmp_path}/user.key"')
    told, login = tried(EapMethod.TLS, version, f'identity="{ALICE}"', *files)
    assert "MPPE keys OK: 1  mismatch: 0" in told, told[-3000:]
    assert login.proved.user == ALICE
    told, login = tried(EapMethod.TLS, version, 'identity="root@example.org"', *files)
    assert told.rstrip().endswith("FAILURE")
    assert login.proved is None


def test_a_gateway_that_the_client_does_not_trust(tried, tmp_path):
    (tmp_path / "ca.pem").write_bytes(pem("another"))
    told, login = tried(EapMethod.TTLS, TLS_1_2, 'identity="alice"', 'password="wonderland"', 'phase2="auth=PAP"')
    assert told.rstrip().endswith("FAILURE"), told[-3000:]
    assert "wonderland" not in repr(login.end.questions)
    assert login.proved is None
