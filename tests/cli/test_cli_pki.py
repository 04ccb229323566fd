"""`lotor pki`: which keys are made where nothing is said, who takes them, and keys that are asked for."""

import pytest
from click.testing import CliRunner

from lotor.cli.main import lotor
from lotor.crypto.certificates import read_certificates


def pki(*words):
    done = CliRunner().invoke(lotor, ["pki", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ((), "RSA 3072 bits"),
        (("--bits", "2048"), "RSA 2048 bits"),
        (("--key", "rsa", "--bits", "2048"), "RSA 2048 bits"),
        (("--key", "ec256"), "ECDSA P-256"),
        (("--key", "ec384"), "ECDSA P-384"),
        (("--key", "ec521"), "ECDSA P-521"),
    ],
)
def test_the_kind_of_the_key(tmp_path, options, key):
    pki("ca", "--key", "ec256", "-d", tmp_path)
    pki("gateway", *options, "-d", tmp_path, "vpn.example.net")
    assert f"key      {key}" in pki("show", tmp_path / "vpngw.crt")
    assert "vpngw.csr" in pki("request", *options, "--force", "-d", tmp_path, "vpn.example.net")


ROOM = """
path certificate "{directory}";
remote anonymous {{ exchange_mode main; certificate_type x509 "vpngw.crt" "vpngw.key"; ca_type x509 "ca.crt";
    proposal {{ encryption_algorithm aes; hash_algorithm sha256; authentication_method {method}; dh_group 14; }} }}
{more}
"""
CLIENT = """remote 192.0.2.9 { exchange_mode main; ca_type x509 "ca.crt";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_client;
        dh_group 14; } }
"""


@pytest.mark.parametrize(
    ("method", "more", "key", "said"),
    [
        ("ecdsasig", "", "ECDSA P-256", "vpnc and Apple's IKEv1 do not take it"),
        ("ecdsasig", CLIENT, "ECDSA P-256", "the configuration has ecdsasig alone"),
        ("hybrid_rsa_server", "", "RSA 3072 bits", "methods with a login"),
        ("nonsense", "", "RSA 3072 bits", "methods with a login"),
    ],
)
@pytest.mark.parametrize("word", ["gateway", "request"])
def test_f6_a_gateway_has_the_smallest_key_that_its_clients_take(tmp_path, word, method, more, key, said):
    file = tmp_path / "racoon.conf"
    file.write_text(ROOM.format(directory=tmp_path, method=method, more=more))
    assert "Apple's IKEv1 was never tried" in " ".join(pki("ca", "-d", tmp_path).split())
    output = pki(word, "-d", tmp_path, "-f", file, "vpn.example.net")
    assert said in " ".join(output.split())
    assert max(map(len, output.splitlines()[2:])) <= 80
    if word == "gateway":
        assert f"key      {key}" in pki("show", tmp_path / "vpngw.crt")


def test_f6_who_named_a_key_is_told_nothing_of_it(tmp_path):
    assert len(pki("ca", "--key", "rsa", "-d", tmp_path).splitlines()) == 2
    assert "key      RSA 3072 bits" in pki("show", tmp_path / "ca.crt")
    assert len(pki("gateway", "--bits", "2048", "-d", tmp_path, "vpn.example.net").splitlines()) == 2


def test_f6_what_a_gateway_sends_is_smaller_by_default(tmp_path):
    """The same RSA key of a gateway; only the signature of the authority differs."""
    for place, options in (("small", ()), ("large", ("--key", "rsa"))):
        pki("ca", *options, "-d", tmp_path / place)
        pki("gateway", "--bits", "2048", "-d", tmp_path / place, "vpn.example.net")
    small, large = (
        len(read_certificates((tmp_path / place / "vpngw.crt").read_bytes())[0].der) for place in ("small", "large")
    )
    assert large - small > 280


def test_f6_the_size_of_an_ecdsa_key_is_its_curve(tmp_path):
    done = CliRunner().invoke(lotor, ["pki", "ca", "--key", "ec256", "--bits", "2048", "-d", str(tmp_path)])
    assert done.exit_code != 0
    assert "--bits is for RSA keys" in done.output


def test_other_keys_are_refused(tmp_path):
    done = CliRunner().invoke(lotor, ["pki", "ca", "--key", "ed25519", "-d", str(tmp_path)])
    assert done.exit_code != 0
    assert "ec256" in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("word", "suffix"), [("gateway", "crt"), ("request", "csr")])
def test_both_kinds_side_by_side(tmp_path, word, suffix):
    pki("ca", "--key", "ec256", "-d", tmp_path)
    told = pki(word, "--key", "both", "--bits", "2048", "-d", tmp_path, "vpn.example.net")
    for stem in ("vpngw", "vpngw-ecdsa"):
        assert f"{stem}.key: keep it secret" in told
        assert (tmp_path / f"{stem}.{suffix}").exists()
        assert (tmp_path / f"{stem}.key").stat().st_mode & 0o777 == 0o600
    if word == "gateway":
        assert "key      RSA 2048 bits" in pki("show", tmp_path / "vpngw.crt")
        assert "key      ECDSA P-256" in pki("show", tmp_path / "vpngw-ecdsa.crt")
        assert 'certificate_type x509 "vpngw-ecdsa.crt" "vpngw-ecdsa.key";' in told


def test_both_or_none(tmp_path):
    """Where one of the four files is there nothing is made."""
    pki("ca", "--key", "ec256", "-d", tmp_path)
    (tmp_path / "vpngw-ecdsa.crt").write_text("something else")
    done = CliRunner().invoke(lotor, ["pki", "gateway", "--key", "both", "-d", str(tmp_path), "vpn.example.net"])
    assert "exists already" in str(done.exception)
    assert not (tmp_path / "vpngw.key").exists()
    pki("gateway", "--key", "both", "--bits", "2048", "--force", "-d", tmp_path, "vpn.example.net")


def test_an_authority_has_one_key(tmp_path):
    done = CliRunner().invoke(lotor, ["pki", "ca", "--key", "both", "-d", str(tmp_path)])
    assert done.exit_code == 2
    assert "'both' is not one of" in done.output
