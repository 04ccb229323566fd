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
    ike_version both;
    exchange_mode aggressive;
    certificate_type x509 "vpngw.crt" "vpngw.key";
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


def test_a_wildcard_is_no_name_to_dial(run, keys, tmp_path):
    create_ca(tmp_path / "keys")
    issue_gateway(tmp_path / "keys", ["*.example.net", "192.0.2.1"], Making(90, 2048))
    file = tmp_path / "keys" / "racoon.conf"
    file.write_text(GATEWAY.format(tmp_path / "keys"))
    assert f"written: {tmp_path}/192.0.2.1.ps1" in run("--for", "windows", file=file).output
    assert (
        f"{tmp_path}/VPN.example.net.ps1" in run("--for", "windows", "--gateway", "VPN.example.net", file=file).output
    )
    for name in ("*.example.net", "vpn.example.org", "a.b.example.net"):
        done = run("--for", "windows", "--gateway", name, file=file)
        assert f"does not name {name}, so that devices would refuse it; it has: *.example.net" in str(done.exception)


def test_an_authority_that_did_not_issue_it_is_refused(run, tmp_path):
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


def test_a_user_has_a_name(keys, tmp_path):
    done = CliRunner().invoke(
        lotor, ["profile", "", "--for", "ios", "-f", str(keys / "racoon.conf"), "-o", str(tmp_path)]
    )
    assert (done.exit_code, "a user needs a name" in done.output) == (2, True)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_not_there(run):
    done = run("--for", "android", "-o", "/nowhere/at/all")
    assert "/nowhere/at/all/vpn.example.net.sswan cannot be written: No such file or directory" in str(done.exception)
    assert done.exception.code is Exit.LOCAL_FAULT


def test_a_file_is_no_directory(run, keys):
    done = run("--for", "android", "-o", str(keys / "ca.crt"))
    assert "/ca.crt/vpn.example.net.sswan cannot be written: Not a directory" in str(done.exception)


def test_files_that_are_not_there_are_told_and_no_fault_of_the_program(run, keys, tmp_path):
    """An authority of the public leaves no ca.crt."""
    file = tmp_path / "keys" / "racoon.conf"
    file.parent.mkdir()
    for name in ("vpngw.crt", "vpngw.key"):
        (file.parent / name).write_bytes((keys / name).read_bytes())
    (file.parent / "vpngw.key").chmod(0o600)
    file.write_text(GATEWAY.format(file.parent))
    done = run("--for", "ios", file=file)
    assert isinstance(done.exception, StartError), done.exception
    assert done.exception.code is Exit.CERTIFICATE
    assert f"{file.parent}/ca.crt does not exist: name the authority by --ca, or take --public" in str(done.exception)
    assert run("--for", "ios", "--public", file=file).exit_code == 0
    assert "bad.crt does not exist" in str(run("--for", "ios", "--ca", "/nowhere/bad.crt", file=file).exception)


def test_nothing_that_is_there_is_written_over_unasked(run, tmp_path):
    own = tmp_path / "racoon.conf"
    own.write_text("# the gateway's own\n")
    done = run("--for", "lotor")
    assert f"{own} exists already: move it away, or replace it with --force" in str(done.exception)
    assert [each.name for each in tmp_path.iterdir()] == [own.name], "all files, or none"
    assert own.read_text() == "# the gateway's own\n"
    assert run("--for", "lotor", "--force").exit_code == 0
    assert "xauth_login" in own.read_text()


def test_an_authority_that_is_there_already_is_in_nobodys_way(run):
    assert run("--for", "strongswan").exit_code == 0
    assert run("--for", "networkmanager").exit_code == 0


@pytest.mark.parametrize("words", [(), ("--force",)])
def test_no_link_of_somebody_else_leads_it_to_another_file(run, tmp_path, words):
    victim = tmp_path / "victim"
    victim.write_text("kept\n")
    (tmp_path / "vpn.example.net.sswan").symlink_to(victim)
    done = run("--for", "android", *words)
    assert done.exit_code == (0 if words else int(Exit.FAILED)), done.output
    assert victim.read_text() == "kept\n"


def test_a_version_that_the_gateway_does_not_speak_is_refused_with_what_to_do(run, keys, tmp_path):
    file = tmp_path / "racoon.conf"
    file.write_text(GATEWAY.format(keys).replace("ike_version both;", ""))
    assert "write ike_version both; into it" in str(run("--for", "windows", file=file).exception)
    assert run("--for", "ios", "--ikev1", file=file).exit_code == 0
    file.write_text(GATEWAY.format(keys).replace("ike_version both;", "ike_version 2; eap gtc;"))
    assert "does not speak IKEv1 any more" in str(run("--for", "ios", "--ikev1", file=file).exception)


def test_the_block_that_speaks_what_the_device_does_is_taken(run, keys, tmp_path):
    file = tmp_path / "racoon.conf"
    first = GATEWAY.format(keys).replace("ike_version both;", "")
    words = f'ike_version 2; peers_auth eap; certificate_type x509 "{keys}/vpngw.crt" "{keys}/vpngw.key";'
    file.write_text(f"{first}\nremote 198.51.100.7 {{ {words} }}\n")
    assert run("--for", "windows", file=file).exit_code == 0
    assert run("--for", "ios", "--ikev1", file=file).exit_code == 0


def test_a_gateway_where_nobody_logs_in_has_no_profiles(run, keys, tmp_path):
    file = tmp_path / "racoon.conf"
    file.write_text(GATEWAY.format(keys).replace("ike_version both;", "ike_version both; peers_auth pubkey;"))
    assert "lets nobody log in over IKEv2: write peers_auth eap;" in str(run("--for", "windows", file=file).exception)


@pytest.mark.parametrize(
    ("words", "spoken"),
    [
        ("ike_version both;", "ike_version 2; eap gtc;"),
        ("ike_version both; eap mschapv2, gtc;", "ike_version 2; eap gtc;"),
        ("ike_version both; eap mschapv2, ttls;", "ike_version 2; eap ttls;"),
        ("ike_version 2; eap mschapv2;", "ike_version 2; eap mschapv2, gtc;"),
        ("", ""),
    ],
)
def test_lotor_comes_as_the_gateway_lets_everybody_in(run, keys, tmp_path, words, spoken):
    """A gateway asks for MSCHAPv2 first, and a user without an NT hash would be refused by it."""
    file = tmp_path / "keys" / "racoon.conf"
    file.parent.mkdir()
    file.write_text(
        GATEWAY.format(keys).replace("ike_version both;", words).replace("auth_source system", "auth_source local")
    )
    assert run("--for", "lotor", file=file).exit_code == 0
    client = (tmp_path / "racoon.conf").read_text()
    assert " ".join(each.strip() for each in client.splitlines() if "ike_version" in each or "eap " in each) == spoken
    assert ("authentication_method" in client) is (not spoken)
    assert run("--for", "lotor", "--ikev1", "--force", file=file).exit_code == (
        0 if "2;" not in words else int(Exit.FAILED)
    )


@pytest.mark.parametrize(
    ("proposal", "told"),
    [
        ("aes_gcm_16 128 sha256 ecp256", "-EncryptionMethod GCMAES128 -IntegrityCheckMethod SHA256 -DHGroup ECP256"),
        ("default", "-EncryptionMethod GCMAES256 -IntegrityCheckMethod SHA384 -DHGroup ECP384"),
    ],
)
def test_a_device_is_told_what_the_gateway_takes(run, keys, tmp_path, proposal, told):
    file = tmp_path / "racoon.conf"
    file.write_text(GATEWAY.format(keys).replace("ike_version both;", f"ike_version both; ike2_proposal {proposal};"))
    assert run("--for", "windows", file=file).exit_code == 0
    assert told in (tmp_path / "vpn.example.net.ps1").read_text("utf-8-sig")


def test_a_gateway_that_takes_nothing_that_devices_can_is_told_what_to_add(run, keys, tmp_path):
    file = tmp_path / "racoon.conf"
    other = "ike_version both; ike2_proposal aes 256 sha256 curve25519;"
    file.write_text(GATEWAY.format(keys).replace("ike_version both;", other))
    assert "add ike2_proposal aes_gcm_16 256 sha384 ecp384;" in str(run("--for", "windows", file=file).exception)


@pytest.mark.parametrize("device", ["android", "networkmanager", "lotor"])
def test_a_device_that_is_told_none_may_be_let_in_by_any_proposal(run, keys, tmp_path, device):
    file = tmp_path / "keys" / "racoon.conf"
    file.parent.mkdir()
    other = "ike_version both; ike2_proposal aes 256 sha256 curve25519;"
    file.write_text(GATEWAY.format(keys).replace("ike_version both;", other))
    assert run("--for", device, file=file).exit_code == 0


def test_what_the_gateway_will_not_take_of_it_is_told(run, keys, tmp_path):
    """The file is written all the same: the gateway can be changed later."""
    file = tmp_path / "racoon.conf"
    words = GATEWAY.format(keys)
    file.write_text(words)
    said = run("--for", "windows", "--force", file=file).output
    assert "warning: the gateway's sainfo does not take aes_gcm_16 256, which the profile names for traffic" in said
    assert "warning: windows logs in over IKEv2 by mschapv2, or by what a RADIUS server speaks, and not by gtc" in said
    assert "warning" not in run("--for", "android", "--force", file=file).output
    assert "warning" not in run("--for", "ios", "--ikev1", file=file).output
    words = words.replace(
        "encryption_algorithm aes; authentication", "encryption_algorithm aes_gcm_16 256, aes; authentication"
    )
    file.write_text(words.replace("auth_source system", "auth_source local"))
    assert "warning" not in run("--for", "windows", "--force", file=file).output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ('peers_auth pubkey then eap; eap gtc; ca_type x509 "ca.crt";', ["my_auth pubkey then eap;"]),
        ('peers_auth pubkey then eap, eap; eap gtc; ca_type x509 "ca.crt";', []),
        ("ppk required;", ["ppk required;"]),
    ],
)
def test_what_the_gateway_wants_beside_a_login_is_in_the_profile(run, keys, tmp_path, words, told):
    file = tmp_path / "keys" / "racoon.conf"
    file.parent.mkdir()
    (file.parent / "ppk.txt").touch(0o600)
    text = GATEWAY.format(keys).replace("ike_version both;", f"ike_version 2; {words}")
    file.write_text(f'path ppk "{file.parent}/ppk.txt";{text}')
    assert run("--for", "lotor", file=file).exit_code == 0
    lines = [line.strip() for line in (tmp_path / "racoon.conf").read_text().splitlines()]
    assert [line for line in lines if line.startswith(("my_auth", "ppk "))] == told
    assert run("--for", "networkmanager", file=file).exit_code == (Exit.USAGE if told else Exit.OK)


def test_a_gateway_that_wants_a_key_of_each_device_has_no_profiles(run, keys, tmp_path):
    file = tmp_path / "keys" / "racoon.conf"
    file.parent.mkdir()
    (file.parent / "psk.txt").touch(0o600)
    text = GATEWAY.format(keys).replace("ike_version both;", "ike_version 2; peers_auth psk then eap; eap gtc;")
    file.write_text(f'path pre_shared_key "{file.parent}/psk.txt";{text}')
    done = run("--for", "lotor", file=file)
    assert done.exception.code is Exit.CONFIGURATION
    assert "write peers_auth pubkey then eap;" in str(done.exception)


def test_a_configuration_that_is_missing_is_told_with_what_to_do(run, tmp_path):
    done = run("--for", "ios", file=tmp_path / "none.conf")
    assert (done.exception.code, list(tmp_path.iterdir())) == (Exit.CONFIGURATION, [])
    told = str(done.exception)
    assert f"there is no configuration {tmp_path}/none.conf" in told
    assert "lotor init gateway" in told


def test_a_client_has_no_profiles_to_give(run, tmp_path):
    file = tmp_path / "racoon.conf"
    file.write_text("log info;\n")
    done = run("--for", "ios", file=file)
    assert "has no gateway with a certificate" in str(done.exception)


def test_an_authority_of_the_public_does_not_go_along(tmp_path, monkeypatch):
    """One that this host knows; our own does, wherever the host knows it from."""
    keys = tmp_path / "keys"
    create_ca(keys)
    issue_gateway(keys, ["vpn.example.net"], Making(90, 2048))
    (keys / "racoon.conf").write_text(GATEWAY.format(keys))
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes((keys / "ca.crt").read_bytes())
    monkeypatch.setattr("lotor.cli.profiled.BUNDLES", (tmp_path / "none.crt", bundle))
    monkeypatch.chdir(tmp_path)

    def written(*words):
        command = [
            "profile",
            "alice",
            "--for",
            "macos",
            "--unsigned",
            "--force",
            "-f",
            str(keys / "racoon.conf"),
            *words,
        ]
        done = CliRunner().invoke(lotor, command)
        assert done.exit_code == 0, done.exception
        return (tmp_path / "vpn.example.net.mobileconfig").read_text()

    assert "com.apple.security.root" in written()
    (keys / "ca.crt").rename(tmp_path / "mine.crt")
    assert "com.apple.security.root" not in written()
    assert "com.apple.security.root" in written("--ca", str(tmp_path / "mine.crt"))
    bundle.write_bytes(b"nothing")
    done = CliRunner().invoke(lotor, ["profile", "alice", "--for", "macos", "-f", str(keys / "racoon.conf")])
    assert "name the authority by --ca" in str(done.exception)
