"""What `lotor check --explain` says of the clients of IKEv2 that came with a device."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotor.config import check, loads, second_version
from lotor.config.devices import Routes, found

OWN = 'certificate_type x509 "gw.crt" "gw.key";'
USUAL = "encryption_algorithm aes_gcm_16 256, aes 256; authentication_algorithm hmac_sha256, hmac_sha1"
INSIDE = (
    "mode_cfg { network4 10.99.99.1; pool_size 5; auth_source local; } "
    f"sainfo anonymous {{ {USUAL}; compression_algorithm deflate; }}"
)
WINDOWS_1024 = "ike2_proposal default; ike2_proposal aes 256 sha1 modp1024;"


def told(home: Path, lines: str, sainfo: str = USUAL, source: str = "local") -> dict[str, list[tuple[bool, str]]]:
    for name in ("gw.crt", "gw.key", "ca.crt", "psk.txt"):
        (home / name).write_bytes(b"")
    text = (
        f'path pre_shared_key "psk.txt"; path ppk "psk.txt"; '
        f'remote anonymous {{ {lines} {OWN} ca_type x509 "ca.crt"; }} '
        f"mode_cfg {{ network4 10.99.99.1; pool_size 5; auth_source {source}; }} "
        f"sainfo anonymous {{ {sainfo}; compression_algorithm deflate; }}"
    )
    checked = check(loads(text, directory=home).settings)
    assert checked.problems == ()
    policy = second_version(checked.settings.remotes[0], checked)
    assert policy is not None
    kinds: dict[str, list[tuple[bool, str]]] = {"Windows": [], "Apple": [], "Android": []}
    for each in found(policy):
        kinds[each.client].append((each.refuses, each.text))
    return kinds


def test_the_usual_gateway_lets_all_of_them_in(tmp_path: Path) -> None:
    kinds = told(tmp_path, "ike_version 2;")
    assert not any(refuses for each in kinds.values() for refuses, _ in each)
    assert all("NT hash" in each[0][1] for each in kinds.values())
    ((_, text),) = kinds["Windows"][1:]
    assert "modp1024" in text
    assert "docs/ikev2.md" in text


def test_a_gateway_that_takes_what_windows_offers_unasked(tmp_path: Path) -> None:
    (only,) = told(tmp_path, f"ike_version 2; {WINDOWS_1024}")["Windows"]
    assert "NT hash" in only[1]


@pytest.mark.parametrize("lines", ["ike_version 2; eap gtc;", "ike_version 2; eap gtc; eap_identity off;"])
def test_no_device_has_gtc(tmp_path: Path, lines: str) -> None:
    kinds = told(tmp_path, lines)
    assert [each[0][0] for each in kinds.values()] == [True] * 3
    assert all("eap is gtc" in each[0][1] for each in kinds.values())


def test_the_password_of_the_system_is_no_use(tmp_path: Path) -> None:
    assert all(each[0][0] for each in told(tmp_path, "ike_version 2;", source="system").values())


def test_certificates_need_no_login(tmp_path: Path) -> None:
    kinds = told(tmp_path, "ike_version 2; peers_auth pubkey;")
    assert (kinds["Apple"], kinds["Android"]) == ([], [])


def test_windows_has_no_shared_key(tmp_path: Path) -> None:
    kinds = told(tmp_path, "ike_version 2; my_auth psk; peers_auth psk;")
    assert any(refuses and "shared keys" in text for refuses, text in kinds["Windows"])
    assert kinds["Apple"] == []


ESP = {
    "aes and SHA-256": ("encryption_algorithm aes 256; authentication_algorithm hmac_sha256", {"Windows"}),
    "aes and SHA-1": ("encryption_algorithm aes 256; authentication_algorithm hmac_sha1", {"Apple", "Android"}),
    "aes 128 and SHA-256": ("encryption_algorithm aes; authentication_algorithm hmac_sha256", {"Windows", "Apple"}),
    "GCM": ("encryption_algorithm aes_gcm_16 256", set[str]()),
    "camellia": (
        "encryption_algorithm camellia 256; authentication_algorithm hmac_sha256",
        {"Windows", "Apple", "Android"},
    ),
}


@pytest.mark.parametrize(("sainfo", "lost"), ESP.values(), ids=ESP)
def test_traffic(tmp_path: Path, sainfo: str, lost: set[str]) -> None:
    kinds = told(tmp_path, "ike_version 2;", sainfo)
    assert {kind for kind, each in kinds.items() if any(refuses for refuses, _ in each)} == lost


IKE = {
    "X25519": ("aes_gcm_16 256 sha256 curve25519", {"Windows"}),
    "P-384": ("aes_gcm_16 256 sha384 ecp384", {"Android"}),
    "modp2048": ("aes 256 sha256 modp2048", set[str]()),
    "SHA-1": ("aes 256 sha1 modp2048", {"Apple", "Android"}),
    "ML-KEM": ("aes_gcm_16 256 sha256 curve25519 mlkem768", {"Windows", "Apple", "Android"}),
}


@pytest.mark.parametrize(("proposal", "lost"), IKE.values(), ids=IKE)
def test_proposals(tmp_path: Path, proposal: str, lost: set[str]) -> None:
    kinds = told(tmp_path, f"ike_version 2; ike2_proposal {proposal};")
    assert {kind for kind, each in kinds.items() if any(refuses for refuses, _ in each)} == lost


def test_nothing_is_said_of_ikev1(tmp_path: Path) -> None:
    proposal = "encryption_algorithm aes; hash_algorithm sha256; authentication_method rsasig; dh_group 14;"
    text = f"remote anonymous {{ exchange_mode main; {OWN} proposal {{ {proposal} }} }}"
    checked = check(loads(text, directory=tmp_path).settings)
    assert second_version(checked.settings.remotes[0], checked) is None


def test_two_proofs_and_ppks_are_not_for_them(tmp_path: Path) -> None:
    kinds = told(tmp_path, "ike_version 2; peers_auth pubkey then eap;")
    assert all(any(refuses and "proves itself once" in text for refuses, text in each) for each in kinds.values())
    kinds = told(tmp_path, "ike_version 2; ppk required;")
    refused = {kind for kind, each in kinds.items() for refuses, text in each if refuses and "no PPK" in text}
    assert refused == {"Windows", "Android"}
    assert (
        False,
        "it has a PPK since iOS 18 and macOS 15, by the keys PPK and PPKIdentifier of a profile only",
    ) in kinds["Apple"]


@pytest.mark.parametrize(
    ("routes", "told"),
    [
        (None, []),
        (Routes(3, 0, informs=True), ["it asks for its routes by DHCP"]),
        (Routes(40, 12, informs=True), ["of 40 networks 28 fit"]),
        (Routes(3, 0, informs=False), ["write dhcp_inform on;"]),
        (Routes(3, 0, informs=True, kernel=True), ["the kernel answers no DHCPINFORM"]),
    ],
)
def test_windows_learns_routes_by_dhcp_alone(tmp_path: Path, routes: Routes | None, told: list[str]) -> None:
    for name in ("gw.crt", "gw.key"):
        (tmp_path / name).touch()
    checked = check(loads(f"remote anonymous {{ ike_version 2; {OWN} }} {INSIDE}", directory=tmp_path).settings)
    policy = second_version(checked.settings.remotes[0], checked)
    assert policy is not None
    usual, routed = found(policy), found(policy, routes)
    assert [each.client for each in routed[len(usual) :]] == ["Windows"] * len(told)
    assert all(text in each.text and not each.refuses for text, each in zip(told, routed[len(usual) :], strict=True))
