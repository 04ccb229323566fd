"""A configuration is checked once a load, and each file that it names is looked at once."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Self

import pytest

from keys import certificate_lab as lab
from lotor import config
from lotor.config import ConfigError
from lotor.daemon.active_config import equip, load
from lotor.model.identity import IdentityPattern, IdKind
from lotor.warden import loading

FILE = """\
path pre_shared_key "psk.txt";
remote 192.0.2.50 {{
    exchange_mode aggressive; ca_type x509 "ca.crt"; xauth_login "alice"; {lines}
    my_identifier keyid file "group"; peers_identifier keyid file "group"; peers_identifier keyid file "other";
    proposal {{ encryption_algorithm aes; hash_algorithm sha256; dh_group 14;
        authentication_method hybrid_rsa_client; }}
}}
remote 192.0.2.51 inherit 192.0.2.50 {{ }}
remote 192.0.2.52 inherit 192.0.2.50 {{ {second} }}
sainfo anonymous {{ encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }}
"""
LOOKED_AT = ("ca.crt", "psk.txt", "group", "other")


class Counted:
    """How often the configuration was checked, and by names how often it looked at a file (`stat`) and read one. What
    the keys do to open a file is theirs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checks, self.looks, self.reads = 0, Counter[str](), Counter[str]()
        monkeypatch.setattr(Path, "stat", self._counting(self.looks, Path.stat))
        monkeypatch.setattr(Path, "open", self._counting(self.reads, Path.open))

    def _counting(self, counter: Counter[str], honest: Callable[..., Any]) -> Callable[..., Any]:
        def counting(path: Path, *mode: str, **how: Any) -> Any:
            if sys._getframe(1).f_globals["__name__"].startswith("lotor.config"):
                counter[path.name] += 1
            return honest(path, *mode, **how)

        return counting

    def __enter__(self) -> Self:
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _called(self, frame: FrameType, event: str, _: object) -> None:
        self.checks += event == "call" and frame.f_code is config.check.__code__


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_bytes(lab.authority().pem)
    (tmp_path / "psk.txt").write_text("alice alicepass\n")
    (tmp_path / "psk.txt").chmod(0o600)
    (tmp_path / "group").write_bytes(b"\xffgroup")
    (tmp_path / "other").write_bytes(b"other")
    return tmp_path


def write(place: Path, lines: str = "", second: str = "") -> Path:
    file = place / "racoon.conf"
    file.write_text(FILE.format(lines=lines, second=second))
    return file


def test_a_load_looks_once(place, monkeypatch):
    file = write(place)
    with Counted(monkeypatch) as counted:
        active = load(file)
    assert counted.checks == 1
    assert {name: counted.looks[name] for name in LOOKED_AT} == dict.fromkeys(LOOKED_AT, 1)
    assert (counted.reads["group"], counted.reads["other"]) == (1, 1)
    patterns = (IdentityPattern(IdKind.KEY_ID, "ÿgroup"), IdentityPattern(IdKind.KEY_ID, "other"))
    assert [remote.peers_identifiers for remote in active.policy.remotes] == [patterns] * 3
    assert {remote.my_identity.data for remote in active.policy.remotes} == {b"\xffgroup"}


def test_so_does_one_without_a_file(place, monkeypatch):
    settings = config.load(write(place)).settings
    with Counted(monkeypatch) as counted:
        equip(loading.prepare(settings).provision)
    assert (counted.checks, counted.looks["ca.crt"], counted.reads["group"]) == (1, 1, 1)


def test_so_does_one_that_fails(place, monkeypatch):
    file = write(place, second='peers_certfile x509 "missing.crt";')
    with Counted(monkeypatch) as counted, pytest.raises(ConfigError, match=r"missing\.crt is missing"):
        load(file)
    assert counted.checks == 1
    assert {name: counted.looks[name] for name in LOOKED_AT} == dict.fromkeys(LOOKED_AT, 1)
    assert counted.reads["group"] == 1


def test_a_file_that_goes_away_after_the_check_changes_nothing(place):
    settings = config.load(write(place)).settings
    checked = config.check(settings)
    (place / "group").unlink()
    (place / "other").write_bytes(b"changed")
    policy = config.resolve(checked, {})
    assert policy.remotes[0].my_identity.data == b"\xffgroup"
    assert policy.remotes[0].peers_identifiers[1].value == "other"
