"""Every configuration of the examples, the pages and the tests crosses to another process, and no secret does."""

from __future__ import annotations

import ast
import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

from lotor.config import Checked, ConfigError, Settings, check, load, loads
from lotor.config.problem import NOWHERE, Location
from lotor.config.provision import Provision, bare, lines_of
from lotor.config.settings import Places
from lotor.model.judgement import Credential
from lotor.model.secret import Secret
from lotor.privsep.codec import Malformed, decode, encode

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
MANY = 1 << 16
CANARY = "CanaryOfTheAviary"


def readable(text: str) -> Settings | None:
    try:
        return loads(text).settings
    except ConfigError:
        return None


def texts():
    """What could be a configuration: files, fenced parts of pages, texts inside of tests."""
    yield from ((str(path.relative_to(ROOT)), path.read_text()) for path in ROOT.glob("examples/**/racoon.conf"))
    for page in (*ROOT.glob("docs/*.md"), ROOT / "README.md"):
        yield from ((f"{page.name} {number}", text) for number, text in enumerate(FENCED.findall(page.read_text())))
    for file in sorted({*ROOT.glob("tests/**/*.py")} - {Path(__file__)}):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "{" in node.value:
                yield f"{file.name}:{node.lineno}:{node.col_offset}", node.value


SAMPLES = {name: settings for name, text in texts() if (settings := readable(text)) is not None}


def crossed(kind, value):
    return decode(kind, encode(kind, value, MANY), MANY)


def provision(settings: Settings, **others) -> Provision:
    return Provision(bare(settings), {}, {}, **others)


def parts(value):
    """A value and all that is in it."""
    yield value
    if is_dataclass(value):
        for each in fields(value):
            yield from parts(getattr(value, each.name))
    elif isinstance(value, tuple | frozenset):
        for each in value:
            yield from parts(each)
    elif isinstance(value, dict):
        for pair in value.items():
            yield from parts(pair)


def test_there_are_samples_of_every_kind():
    assert len([name for name in SAMPLES if name.startswith("examples/")]) >= 10
    assert len([name for name in SAMPLES if ".md " in name]) >= 4
    assert len([name for name in SAMPLES if ".py:" in name]) >= 30
    assert any(settings.ldap for settings in SAMPLES.values())
    assert any(settings.radius for settings in SAMPLES.values())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_configuration_crosses(name):
    settings = SAMPLES[name]
    assert crossed(Settings, settings) == settings
    made = provision(settings, warnings=("one",), banner=b"\xff", takes_ipv6=False)
    found = crossed(Provision, made)
    assert found == made
    assert found.settings == replace(settings, network=None, radius=None, ldap=None, fleet=None, reservations=())
    assert [each.places.head for each in found.settings.remotes] == [each.places.head for each in settings.remotes]
    assert not [each for each in parts(found) if isinstance(each, Secret)]


def test_the_policy_is_made_of_what_crossed(tmp_path):
    for name in ("ca.crt", "psk.txt", "group"):
        (tmp_path / name).write_bytes(b"\xffgroup")
    (tmp_path / "racoon.conf").write_text("""
path pre_shared_key "psk.txt";
remote 192.0.2.50 { exchange_mode aggressive; ca_type x509 "ca.crt"; my_identifier keyid file "group";
    proposal { encryption_algorithm aes; hash_algorithm sha256; dh_group 14;
        authentication_method hybrid_rsa_client; } }
sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }
""")
    checked = check(load(tmp_path / "racoon.conf").settings)
    credentials = {"192.0.2.50": Credential((b"DER",), b"subject", (b"CA",))}
    found = crossed(Provision, Provision(bare(checked.settings), checked.keyids, credentials))
    assert found.checked == Checked(checked.settings, (), checked.settings.remotes, checked.keyids)
    assert found.keyids == {tmp_path / "group": b"\xffgroup"}
    assert found.credentials == credentials


def test_no_secret_crosses_however_the_file_is_written():
    settings = loads(f"""
radiuscfg {{ auth "host{CANARY}" "{CANARY}"; acct "host"
    "{CANARY}"; }} remote anonymous {{ exchange_mode main; proposal {{ encryption_algorithm aes; hash_algorithm sha1;
    dh_group 14; authentication_method hybrid_rsa_server; }} }}
ldapcfg {{ version 2; bind_dn "{CANARY}"; bind_pw
    "{CANARY}"; }} remote 192.0.2.1 {{ # {CANARY}
    exchange_mode main; proposal {{ encryption_algorithm aes; hash_algorithm sha1; dh_group 14;  # {CANARY}
    authentication_method hybrid_rsa_client; }} }}
mode_cfg {{ network4 10.99.99.1; pool_size 9; auth_source ldap; }}  # {CANARY}
""").settings
    assert settings.ldap
    assert settings.ldap.bind_pw == Secret(CANARY)
    assert settings.radius
    assert len(settings.remotes) == 2
    assert settings.reservations
    assert CANARY.encode() in encode(Settings, settings)
    assert CANARY.encode() not in encode(Provision, provision(settings))


def test_the_line_of_a_block_crosses_and_no_other():
    settings = loads("""
remote anonymous {  # caf\udce9
    exchange_mode main; proposal { encryption_algorithm aes; hash_algorithm sha1; dh_group 14;
    authentication_method hybrid_rsa_server; } }
listen { isakmp 192.0.2.1; }
""").settings
    found = crossed(Provision, provision(settings)).settings
    assert found.remotes[0].places == Places(Location("racoon.conf", 2, 1))
    lines = {each.source_line for each in parts(found) if isinstance(each, Location)}
    assert lines == {"", "remote anonymous {  # caf?"}
    assert found.listen.isakmp[0].at == settings.listen.isakmp[0].at
    assert found.timer.places.head == settings.timer.places.head
    long = replace(NOWHERE, source_line="x" * 121)
    (remote,) = settings.remotes
    cut = bare(replace(settings, remotes=(replace(remote, places=Places(long)),)))
    assert cut.remotes[0].places.head.source_line == ""


def test_names_that_are_no_text_cross_too():
    assert lines_of(["caf\udce9.conf:1:1"]) == ("caf?.conf:1:1",)
    settings = loads(
        "remote anonymous { exchange_mode main; proposal { encryption_algorithm aes; hash_algorithm sha1; dh_group 14; "
        "authentication_method hybrid_rsa_server; } }",
        name="caf\udce9.conf",
    ).settings
    assert crossed(Provision, provision(settings)).settings.remotes[0].places.head.path == "caf?.conf"


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("examples/howto")])
def test_no_part_of_it_is_one(name):
    octets = encode(Provision, provision(SAMPLES[name]))
    assert len(octets) > 1000
    for length in range(0, len(octets), 7):
        with pytest.raises(Malformed):
            decode(Provision, octets[:length])
