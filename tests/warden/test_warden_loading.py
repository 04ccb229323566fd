"""The warden's half of a configuration and the daemon's: together they are what one process makes of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from keys import certificate_lab as lab
from lotor.config import ConfigError
from lotor.config.provision import Provision
from lotor.daemon import active_config
from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.privsep.codec import decode, encode
from lotor.warden import loading

CANARY = "CanaryOfTheAviary"
FILE = """\
path certificate "."; path pre_shared_key "psk.txt";
radiuscfg {{ auth "radius.example.net" "{canary}"; }}
ldapcfg {{ bind_dn "cn=lotor"; bind_pw "{canary}"; }}
remote anonymous {{
    exchange_mode main; certificate_type x509 "own.crt" "own.key"; {lines} passphrase_file "word";
    peers_identifier keyid file "group";
    proposal {{ encryption_algorithm aes; hash_algorithm sha256; dh_group 14; authentication_method rsasig; }}
}}
remote 192.0.2.50 {{
    exchange_mode main; my_identifier keyid file "group"; mode_cfg on; xauth_login "alice";
    proposal {{ encryption_algorithm aes; hash_algorithm sha256; dh_group 14; authentication_method xauth_psk_client; }}
}}
mode_cfg {{ network4 10.99.99.1; pool_size 20; auth_source local; users "users"; banner "motd"; }}
sainfo anonymous {{ encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }}
"""
CA = lab.authority(start=lab.NOW - 30 * 365 * lab.timedelta(days=1))
OWN = lab.issue(CA, dns=("vpn.example.net",), start=lab.NOW - 20 * 365 * lab.timedelta(days=1))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, octets in {
        "ca.crt": CA.pem,
        "own.crt": OWN.pem,
        "own.key": lab.key_pem(OWN.private) + CANARY.encode(),
        "psk.txt": f"alice {CANARY}\n192.0.2.50 {CANARY}\n".encode(),
        "word": CANARY.encode(),
        "users": f"bob:{CANARY}\n".encode(),
        "group": b"\xffgroup",
        "motd": b"Welcome\xff",
    }.items():
        (tmp_path / name).write_bytes(octets)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def write(place: Path, lines: str = 'ca_type x509 "ca.crt";') -> Path:
    (place / "racoon.conf").write_text(FILE.format(canary=CANARY, lines=lines))
    return place / "racoon.conf"


def crossed(provision: Provision) -> Provision:
    return decode(Provision, encode(Provision, provision))


def test_both_halves_make_what_one_process_makes(place):
    file = write(place)
    whole, half = active_config.load(file), active_config.equip(crossed(loading.load(file).provision))
    assert half.policy == whole.policy
    assert half.template == whole.template
    assert half.warnings == whole.warnings
    assert len(half.warnings) > 0
    assert half.template.banner == b"Welcome\xff"
    assert half.policy.remotes[0].certificates or half.policy.remotes[1].certificates


def test_what_the_kernel_lacks_crosses(place):
    """What it has to be asked for is in the settings."""
    suites = frozenset({EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256)})

    async def lacking(settings):
        assert settings.sainfos
        return suites

    loaded = asyncio.run(loading.asked_of_kernel(loading.load(write(place)), lacking))
    assert active_config.equip(crossed(loaded.provision)).lacking == suites


def test_no_secret_is_in_what_crosses(place):
    provision = loading.load(write(place)).provision
    octets = encode(Provision, provision)
    key = OWN.private.private_numbers()
    parts = [number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (key.d, key.p, key.q)]
    for secret in (CANARY.encode(), b"PRIVATE", *parts):
        assert secret not in octets
    assert OWN.der in octets
    assert (provision.settings.radius, provision.settings.ldap) == (None, None)


def test_what_is_wrong_is_told_by_the_half_that_reads_it(place):
    (place / "own.key").write_bytes(lab.key_pem(lab.issue(CA, "other").private))
    (place / "other.crt").write_bytes(b"no certificate")
    file = write(place, 'ca_type x509 "other.crt";')
    with pytest.raises(ConfigError) as keys:
        loading.load(file)
    (key_fault,) = keys.value.problems
    assert "does not belong to certificate" in key_fault.text
    (place / "own.key").write_bytes(lab.key_pem(OWN.private))
    provision = crossed(loading.load(file).provision)
    with pytest.raises(ConfigError) as trust:
        active_config.equip(provision)
    (trust_fault,) = trust.value.problems
    assert "other.crt: this is not a readable certificate" in trust_fault.text
    assert (trust_fault.path, trust_fault.line, trust_fault.source_line) == (str(file), 4, "remote anonymous {")
    (place / "own.key").write_bytes(lab.key_pem(lab.issue(CA, "other").private))
    with pytest.raises(ConfigError) as both:
        active_config.load(file)
    assert both.value.problems == (key_fault, trust_fault)


def test_mistakes_of_the_text_are_told_with_those_of_the_keys(place):
    (place / "own.key").write_bytes(b"no key")
    file = write(place, 'ca_type x509 "missing.crt";')
    with pytest.raises(ConfigError, match=r"missing\.crt is missing"):
        loading.load(file)
    file.write_text(file.read_text().replace('"missing.crt"', '"ca.crt"').replace('banner "motd"', 'banner "none"'))
    with pytest.raises(ConfigError) as caught:
        loading.load(file)
    assert ["own.key" in caught.value.problems[0].text, "none is missing" in caught.value.problems[1].text] == [
        True
    ] * 2
    file.write_text("nonsense;")
    with pytest.raises(ConfigError, match="nonsense"):
        loading.load(file)


def test_the_daemons_half_loads_nothing_that_reads_keys():
    rooms = ("keys", "auth", "hooks", "warden", "crypto.private")
    told = (
        f"import sys, lotor.daemon.active_config; print([each for each in {rooms} if 'lotor.' + each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
