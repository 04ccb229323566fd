"""The service of PAM that a configuration names: where its file lies, and what is told when it cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotor import config
from lotor.config import ConfigError, loads, pam

GATEWAY = """\
remote anonymous {
    exchange_mode aggressive;
    certificate_type x509 "gw.crt" "gw.key";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14; }
}
mode_cfg { network4 10.99.99.1; pool_size 5; auth_source local; }
"""
CLIENT = GATEWAY.replace("_server", "_client").replace("anonymous", "192.0.2.1").replace("local", "pam")
WHOLE = "auth required pam_unix.so\n-account\trequired pam_unix.so\n"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pam, "DIRECTORIES", (tmp_path / "pam.d", tmp_path / "vendor"))
    for each in pam.DIRECTORIES:
        each.mkdir()
    return tmp_path


def warnings(words: str) -> list[str]:
    return [each.text for each in loads(GATEWAY.replace("auth_source local;", words)).warnings]


def test_a_service_is_looked_for_where_libpam_does(places):
    assert pam.service_file("racoon") is None
    (places / "vendor" / "racoon").write_text(WHOLE)
    assert pam.service_file("racoon") == places / "vendor" / "racoon"
    (places / "pam.d" / "racoon").write_text(WHOLE)
    assert pam.service_file("racoon") == places / "pam.d" / "racoon"
    assert pam.missing("racoon") == ""


def test_a_service_that_is_not_there_is_never_the_service_other(places):
    (places / "pam.d" / "other").write_text(WHOLE)
    assert "pam.d/racoon is missing" in pam.missing("racoon")


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("auth required pam_unix.so\n", "account"),
        ("# auth required\n\n", "auth and account"),
        ("authentic required\naccount required pam_unix.so\n", "auth"),
        ("auth required pam_unix.so\n@include common-account\n", ""),
        ("AUTH required pam_unix.so\naccount include system-auth\n", ""),
        (WHOLE, ""),
    ],
)
def test_what_a_service_lacks_would_come_from_other(places, text, lacks):
    (places / "pam.d" / "racoon").write_text(text)
    told = pam.missing("racoon")
    assert (f"has no line for {lacks}," in told) if lacks else told == ""


def test_sessions_want_a_line_as_well(places):
    (places / "pam.d" / "racoon").write_text(WHOLE)
    assert "has no line for session" in pam.missing("racoon", sessions=True)


def test_check_warns_of_a_service_that_is_not_there(places):
    assert any("no login can be judged" in each and "pam.d/racoon" in each for each in warnings("auth_source pam;"))
    assert any("pam.d/vpn" in each for each in warnings('auth_source pam; pam_service "vpn";'))
    (places / "pam.d" / "vpn").write_text(WHOLE)
    assert not any("no login" in each for each in warnings('auth_source pam; pam_service "vpn";'))
    assert not any("no login" in each for each in warnings("auth_source local;"))


def test_check_warns_of_a_service_that_opens_no_session(places):
    (places / "pam.d" / "racoon").write_text(WHOLE)
    told = warnings("auth_source local; accounting pam;")
    assert any("no session of PAM can be opened" in each and "has no line for session" in each for each in told)
    (places / "pam.d" / "racoon").write_text(WHOLE + "session required pam_unix.so\n")
    for text in ("auth_source local; accounting pam;", "auth_source pam; accounting pam;"):
        assert not any("PAM" in each for each in warnings(text))


def test_the_service_is_racoon_unless_the_file_says_otherwise():
    service = [loads(GATEWAY.replace("auth_source local;", each)).settings for each in ("", 'pam_service "vpn-2";')]
    assert [each.mode_cfg.pam_service for each in service] == ["racoon", "vpn-2"]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["../shadow", "a/b", "", ".hidden", "Racoon", "a b", "x" * 65])
def test_a_service_is_a_plain_name(name):
    """libpam makes small letters of it, and would look for another file."""
    with pytest.raises(ConfigError):
        loads(GATEWAY.replace("auth_source local;", f'auth_source pam; pam_service "{name}";'))


def test_who_asks_pam():
    pam_ = GATEWAY.replace("auth_source local", "auth_source pam")
    assert [config.asks_pam(loads(each).settings) for each in (pam_, GATEWAY, CLIENT)] == [True, False, False]
