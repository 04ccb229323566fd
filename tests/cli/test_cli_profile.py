"""`lotor profile`, typed."""

from __future__ import annotations

import plistlib
import subprocess

import pytest
from click.testing import CliRunner

from lotor.cli.main import lotor
from lotor.daemon.exits import Exit, StartError
from lotor.pki.authority import Making, create_ca, issue_gateway

GATEWAY = """
path certificate "{0}";
remote anonymous {{
    exchange_mode aggressive;
    certificate_type x509 "vpngw.crt" "vpngw.key";
    mode_cfg on;
    proposal {{
        encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14;
    }}
}}
mode_cfg {{
    network4 10.99.99.1; pool_size 100; auth_source system; dns4 10.1.0.53; split_network include 10.1.0.0/16;
}}
sainfo anonymous {{ encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }}
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    directory = tmp_path_factory.mktemp("keys")
    create_ca(directory)
    issue_gateway(directory, ["vpn.example.net", "192.0.2.1"], Making(90, 2048))
    (directory / "racoon.conf").write_text(GATEWAY.format(directory))
    return directory


@pytest.fixture
def run(keys, tmp_path):
    def run(*words, file=keys / "racoon.conf"):
        return CliRunner().invoke(lotor, ["profile", "alice", "-f", str(file), "-o", str(tmp_path), *words])

    return run


def test_a_signed_profile_for_a_phone(run, keys, tmp_path):
    done = run("--for", "ios")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == f"written: {tmp_path}/vpn.example.net.mobileconfig"
    assert done.output.splitlines()[1].startswith("1. ")
    words = ["openssl", "cms", "-verify", "-inform", "DER", "-purpose", "any", "-CAfile", keys / "ca.crt"]
    checked = subprocess.run(
        [*words, "-in", tmp_path / "vpn.example.net.mobileconfig"], capture_output=True, check=True
    )
    assert plistlib.loads(checked.stdout)["PayloadType"] == "Configuration"


@pytest.mark.parametrize("device", ["ios", "macos", "windows", "android", "strongswan", "networkmanager", "lotor"])
def test_each_device_gets_its_file(run, tmp_path, device):
    done = run("--for", device, "--gateway", "192.0.2.1", "--unsigned")
    assert done.exit_code == 0, done.output
    written = [line.removeprefix("written: ") for line in done.output.splitlines() if line.startswith("written: ")]
    assert sorted(written) == sorted(map(str, tmp_path.iterdir()))
    assert any(b"192.0.2.1" in path.read_bytes() for path in tmp_path.iterdir())


def test_a_name_that_the_certificate_has_not_is_refused_with_those_it_has(run):
    done = run("--for", "ios", "--gateway", "vpn.example.org")
    assert isinstance(done.exception, StartError)
    assert done.exception.code is Exit.CERTIFICATE
    assert "it has: vpn.example.net, 192.0.2.1" in str(done.exception)


def test_an_authority_that_did_not_issue_it_is_refused(run, keys, tmp_path):
    create_ca(tmp_path, "another one")
    done = run("--for", "windows", "--ca", str(tmp_path / "ca.crt"))
    assert "did not issue the gateway's certificate: name the authority by --ca" in str(done.exception)
    assert run("--for", "windows", "--public").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--for", "windows", "--ikev1"), "windows has no profile of IKEv1"),
        (("--for", "windows", "--on-demand"), "--on-demand is for ios and macos"),
        (("--for", "ios", "--trusted", "Home"), "--trusted goes with --on-demand"),
        (("--for", "ios", "--title", 'a"b'), "has characters that a profile cannot have"),
    ],
)
def test_what_does_not_go_together(run, words, said):
    done = run(*words)
    assert (done.exit_code, said in done.output) == (2, True)


def test_a_directory_that_is_not_there(run):
    done = run("--for", "android", "-o", "/nowhere/at/all")
    assert "cannot write /nowhere/at/all/vpn.example.net.sswan: No such file or directory" in str(done.exception)


def test_a_client_has_no_profiles_to_give(run, tmp_path):
    file = tmp_path / "racoon.conf"
    file.write_text("log info;\n")
    done = run("--for", "ios", file=file)
    assert "has no gateway with a certificate" in str(done.exception)
