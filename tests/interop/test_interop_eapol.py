"""eapol_test, the client of wpa_supplicant, logs in by the EAP of a gateway: no IKE, the real other end of each method.

It compares the keys that come with a yes with its own, and fails where they differ.
"""

from __future__ import annotations

import asyncio
import shutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from eap_shim import Shim
from lotor.auth import Checks, LocalLogins, UserFile
from lotor.crypto.passwords import Cost
from lotor.model.algorithms import EapMethod
from lotor.model.kinds import Kind
from lotor.model.secret import Secret
from lotor.radius import RadiusLogins
from peers.tls import ALICE, GATEWAY, certificate, key

from .test_interop_radius import settings
from .test_interop_radius_eap import Speaking

MSCHAPV2, GTC, RADIUS = EapMethod.MSCHAPV2, EapMethod.GTC, EapMethod.RADIUS
TTLS, PEAP, TLS = EapMethod.TTLS, EapMethod.PEAP, EapMethod.TLS

NETWORK = """network={{
    key_mgmt=IEEE8021X
    eapol_flags=0
    {lines}
}}
"""


def network(eap: str, user: str = "alice", password: str = "alicepass", **more: str) -> str:
    """What eapol_test is told. `more`: further lines."""
    lines = {"eap": eap, "identity": f'"{user}"', "password": f'"{password}"', **more}
    return NETWORK.format(lines="\n    ".join(f"{name}={value}" for name, value in lines.items()))


@pytest.fixture
def users(tmp_path):
    """Of lotor's own: alice with an NT hash, bob without."""
    file = UserFile(tmp_path / "users", Cost(memory=64, passes=1, lanes=1))
    file.add("alice", Secret("alicepass"), mschap=True)
    file.add("bob", Secret("bobpass"))
    return file


def spoken(file, port: int, *options: str):
    return asyncio.create_subprocess_exec(
        *(
            shutil.which("eapol_test"),
            "-c",
            file,
            "-a",
            "127.0.0.1",
            "-p",
            str(port),
            "-s",
            "MyDirtySecret",
            "-t",
            "20",
        ),
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def run(shim: Shim, text: str, tmp_path, *options: str) -> str:
    """What eapol_test says."""
    await shim.start()
    (tmp_path / "network").write_text(text)
    process = await spoken(tmp_path / "network", shim.port, *options)
    said = asyncio.ensure_future(process.communicate())
    await asyncio.wait((said, shim.broken), return_when=asyncio.FIRST_COMPLETED)
    shim.transport.close()
    if shim.broken.done():
        process.kill()
        await said
        await shim.broken
    return said.result()[0].decode(errors="replace")


def logged_in(backend, methods, text, tmp_path, *options):
    """Both what the client says in the end, and what the gateway found."""

    async def both():
        logins = backend()
        shim = Shim(lambda _: [], logins=logins, methods=methods)
        said = await run(shim, text, tmp_path, *options)
        if isinstance(logins, RadiusLogins):
            await logins.close()
        (conversation,) = shim.conversations.values()
        return said, conversation

    said, conversation = asyncio.run(both())
    return said.splitlines()[-1], said, conversation


OWN = {
    "MSCHAPv2": ((MSCHAPV2, GTC), network("MSCHAPV2")),
    "GTC, by a refusal of MSCHAPv2": ((MSCHAPV2, GTC), network("GTC", "bob", "bobpass")),
    "a domain before the name": ((MSCHAPV2,), network("MSCHAPV2", "EXAMPLE\\alice")),
}


@pytest.mark.parametrize("which", OWN)
def test_users_of_lotor_s_own(users, tmp_path, which):
    methods, text = OWN[which]
    keyless = ("-n",) if "GTC" in which else ()
    end, said, found = logged_in(lambda: LocalLogins(users, Checks()), methods, text, tmp_path, *keyless)
    assert end == "SUCCESS", said
    assert "mismatch: 0" in said, "the keys of both ends are the same"
    assert found.outcome.user == ("bob" if "bob" in text else "alice")


REFUSED = {
    "MSCHAPv2": (network("MSCHAPV2", password="wrong"), Kind.LOGIN_WRONG_PASSWORD),
    "GTC": (network("GTC", "bob", "wrong"), Kind.LOGIN_WRONG_PASSWORD),
    "a stranger": (network("MSCHAPV2", "mallory"), Kind.LOGIN_UNKNOWN_USER),
    "nobody's NT hash": (network("MSCHAPV2", "bob", "bobpass"), Kind.LOGIN_NO_NT_HASH),
    "a method that is not asked for": (network("MD5"), Kind.EAP_NO_COMMON_METHOD),
}


@pytest.mark.parametrize("which", REFUSED)
def test_refusals(users, tmp_path, which):
    text, kind = REFUSED[which]
    end, said, found = logged_in(lambda: LocalLogins(users, Checks()), (MSCHAPV2, GTC), text, tmp_path)
    assert end == "FAILURE", said
    assert found.outcome.reason.kind is kind
    assert found.session.refused == found.outcome.reason


@pytest.fixture
def pem(tmp_path):
    """The gateway's certificate, which is its own authority, and that of alice, as the lines that name them."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for file, name in (("ca.pem", GATEWAY), ("user.pem", ALICE), ("other.pem", "other.example.org")):
        shown = x509.load_der_x509_certificate(certificate(name))
        (tmp_path / file).write_bytes(shown.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "user.key").write_bytes(key(ALICE).private_bytes(*form))
    files = {"ca_cert": "ca.pem", "client_cert": "user.pem", "private_key": "user.key", "other": "other.pem"}
    return {name: f'"{tmp_path}/{file}"' for name, file in files.items()}


VERSIONS = {"1.2": '"tls_disable_tlsv1_3=1"', "1.3": '"tls_disable_tlsv1_3=0"'}
INSIDE = {
    "TTLS, PAP": (TTLS, "bob", '"auth=PAP"'),
    "TTLS, GTC": (TTLS, "bob", '"autheap=GTC"'),
    "TTLS, MSCHAPv2": (TTLS, "alice", '"auth=MSCHAPV2"'),
    "TTLS, EAP-MSCHAPv2": (TTLS, "alice", '"autheap=MSCHAPV2"'),
    "PEAP, MSCHAPv2": (PEAP, "alice", '"auth=MSCHAPV2"'),
    "PEAP, GTC": (PEAP, "bob", '"auth=GTC"'),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("which", INSIDE)
def test_a_login_inside_of_tls(users, tmp_path, pem, which, version):
    """Of bob only Argon2id knows the password. The name outside says nothing."""
    method, user, phase2 = INSIDE[which]
    more = {"anonymous_identity": '"somebody"', "ca_cert": pem["ca_cert"], "phase1": VERSIONS[version]}
    text = network(method.name, user, f"{user}pass", phase2=phase2, **more)
    end, said, found = logged_in(lambda: LocalLogins(users, Checks()), (method,), text, tmp_path)
    assert end == "SUCCESS", said
    assert "mismatch: 0" in said
    assert found.outcome.user == user


@pytest.mark.parametrize("which", INSIDE)
def test_a_wrong_password_inside_of_tls(users, tmp_path, pem, which):
    method, user, phase2 = INSIDE[which]
    text = network(method.name, user, "wrong", phase2=phase2, ca_cert=pem["ca_cert"])
    end, said, found = logged_in(lambda: LocalLogins(users, Checks()), (method,), text, tmp_path)
    assert end == "FAILURE", said
    assert found.outcome.reason.kind is Kind.LOGIN_WRONG_PASSWORD


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_of_a_person(users, tmp_path, pem, version):
    own = {each: pem[each] for each in ("ca_cert", "client_cert", "private_key")}
    for name, expected in ((ALICE, "SUCCESS"), ("root@example.org", "FAILURE")):
        text = network("TLS", name, phase1=VERSIONS[version], **own)
        end, said, found = logged_in(lambda: LocalLogins(users, Checks()), (TLS,), text, tmp_path)
        assert end == expected, said
        assert getattr(found.outcome, "user", None) == (ALICE if expected == "SUCCESS" else None)


def test_a_client_that_does_not_trust_the_gateway_shows_no_password(users, tmp_path, pem):
    text = network("TTLS", "bob", "bobpass", phase2='"auth=PAP"', ca_cert=pem["other"])
    end, said, found = logged_in(lambda: LocalLogins(users, Checks()), (TTLS,), text, tmp_path)
    assert end == "FAILURE", said
    assert found.outcome.reason.kind is Kind.EAP_TLS_FAILED


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A FreeRADIUS, with a certificate of alice beside its own."""
    running = Speaking(tmp_path_factory.mktemp("radius") / "eapol", signed=True)
    yield running
    running.stop()


PASSED_ON = {
    "PEAP with MSCHAPv2 inside": {"eap": "PEAP", "phase2": '"auth=MSCHAPV2"'},
    "TTLS with PAP inside": {"eap": "TTLS", "phase2": '"auth=PAP"'},
    "TTLS with EAP-MSCHAPv2 inside": {"eap": "TTLS", "phase2": '"autheap=MSCHAPV2"'},
    "MSCHAPv2": {"eap": "MSCHAPV2"},
    "TLS": {"eap": "TLS"},
}


@pytest.mark.parametrize("which", PASSED_ON)
def test_methods_of_a_radius_server(server, tmp_path, which):
    """Each passes through the gateway as it is; the keys are those that the server told."""
    site = server.directory
    more = {} if which == "MSCHAPv2" else {"ca_cert": f'"{site}/ca.crt"'}
    own = {"client_cert": f'"{site}/alice.crt"', "private_key": f'"{site}/alice.key"'} if which == "TLS" else {}
    text = network(**PASSED_ON[which], **more, **own)
    end, said, found = logged_in(lambda: RadiusLogins(settings(server.port)), (RADIUS,), text, tmp_path)
    assert end == "SUCCESS", said + server.log()
    assert "mismatch: 0" in said
    assert found.outcome.user == "alice"


def test_a_wrong_password_at_a_radius_server(server, tmp_path):
    text = network(**PASSED_ON["TTLS with PAP inside"], password="wrong", ca_cert=f'"{server.directory}/ca.crt"')
    end, said, found = logged_in(lambda: RadiusLogins(settings(server.port)), (RADIUS,), text, tmp_path)
    assert end == "FAILURE", said
    assert found.outcome.reason.kind is Kind.LOGIN_SERVER_REFUSED
