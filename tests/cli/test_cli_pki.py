"""`lotor pki`: RSA keys where nothing is said, ECDSA keys where they are asked for."""

import pytest
from click.testing import CliRunner

from lotor.cli.main import lotor


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


def test_other_keys_are_refused(tmp_path):
    done = CliRunner().invoke(lotor, ["pki", "ca", "--key", "ed25519", "-d", str(tmp_path)])
    assert done.exit_code != 0
    assert "ec256" in done.output
    assert not list(tmp_path.iterdir())
