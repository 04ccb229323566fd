"""The files for each device, read by what reads them, or by what is known of it."""

from __future__ import annotations

import base64
import configparser
import json
import plistlib
import re
import shlex
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from lotor.config.load import loads
from lotor.config.methods import side_of
from lotor.init.service import CLIENT
from lotor.model.algorithms import Curve, Proving
from lotor.model.policy import Ppk, Side
from lotor.profiles import apple, networkmanager, strongswan, windows
from lotor.profiles.devices import MAKERS, SPEAK_IKEV1, made
from lotor.profiles.facts import Device, Facts, OnDemand, Protocol

DER = bytes(range(256)) * 3
FULL = Facts("vpn.example.net", "alice", "VPN of Example", (DER,), "Example CA", Curve.P256)
SPLIT = replace(
    FULL,
    networks=(ip_network("10.1.0.0/16"), ip_network("2001:db8:1::/48")),
    dns=(ip_address("10.1.0.53"), ip_address("2001:db8:1::53")),
    domains=("corp.example", "lab.example"),
)


def payloads(facts, device=Device.IOS):
    profile = plistlib.loads(apple.mobileconfig(facts, device).content)
    return profile, {each["PayloadType"]: each for each in profile["PayloadContent"]}


def test_every_device_has_a_maker_and_steps_for_the_person():
    assert set(MAKERS) == set(Device)
    for device in Device:
        file = made(replace(SPLIT, protocol=Protocol.IKEV1) if device is Device.LOTOR else SPLIT, device)
        assert len(file.steps) >= 3
        assert all(step.endswith(".") or step.startswith(("Type", "Save")) for step in file.steps)
        assert not any("{" in step for step in file.steps if "&&" not in step), file.steps


@pytest.mark.parametrize(
    ("gateway", "stem"),
    [("2001:db8::1", "2001-db8--1"), ("../../etc/x", "..-..-etc-x"), ("vpn.example.net", "vpn.example.net")],
)
def test_no_name_leads_a_file_elsewhere(gateway, stem):
    names = [made(replace(FULL, gateway=gateway), device).name for device in set(Device) - {Device.LOTOR}]
    assert {name.rpartition(".")[0] for name in names} == {stem}


# --- Apple -----------------------------------------------------------------------------------------------------------


def test_apple_trusts_the_authority_and_asks_for_the_password():
    profile, inside = payloads(FULL)
    assert inside["com.apple.security.root"]["PayloadContent"] == DER
    vpn = inside["com.apple.vpn.managed"]
    assert vpn["VPNType"] == "IKEv2"
    ikev2 = vpn["IKEv2"]
    assert (ikev2["RemoteAddress"], ikev2["RemoteIdentifier"]) == ("vpn.example.net", "vpn.example.net")
    assert (ikev2["AuthenticationMethod"], ikev2["ExtendedAuthEnabled"], ikev2["AuthName"]) == ("None", 1, "alice")
    assert "AuthPassword" not in ikev2
    assert (ikev2["CertificateType"], ikev2["ServerCertificateIssuerCommonName"]) == ("ECDSA256", "Example CA")
    assert vpn["IPv4"] == {"OverridePrimary": 1}
    assert len({each["PayloadUUID"] for each in [profile, *profile["PayloadContent"]]}) == 3


def test_apple_wants_no_issuer_with_an_rsa_key():
    """With a name it asks by certificate request; without, the gateway sends its certificate anyway."""
    ikev2 = payloads(replace(FULL, curve=None))[1]["com.apple.vpn.managed"]["IKEv2"]
    assert ikev2["CertificateType"] == "RSA"
    assert "ServerCertificateIssuerCommonName" not in ikev2


def test_apple_asks_only_names_of_inside_inside():
    vpn = payloads(SPLIT)[1]["com.apple.vpn.managed"]
    assert vpn["IPv4"] == {"OverridePrimary": 0}
    assert vpn["DNS"]["ServerAddresses"] == ["10.1.0.53", "2001:db8:1::53"]
    assert vpn["DNS"]["SupplementalMatchDomains"] == ["corp.example", "lab.example"]
    assert "DNS" not in payloads(FULL)[1]["com.apple.vpn.managed"]


def test_apple_connects_by_itself_but_at_home():
    facts = replace(FULL, on_demand=OnDemand(("Home",)))
    ikev2 = payloads(facts)[1]["com.apple.vpn.managed"]["IKEv2"]
    assert ikev2["OnDemandEnabled"] == 1
    assert [rule["Action"] for rule in ikev2["OnDemandRules"]] == ["Disconnect", "Connect"]
    assert ikev2["OnDemandRules"][0]["SSIDMatch"] == ["Home"]


def test_a_profile_that_is_made_again_replaces_the_first_one_and_no_other():
    first, again = (payloads(FULL)[0]["PayloadUUID"] for _ in range(2))
    assert first == again
    others = [
        replace(FULL, user="bob"),
        replace(FULL, gateway="vpn2.example.net"),
        replace(FULL, protocol=Protocol.IKEV1),
    ]
    assert first not in {payloads(each)[0]["PayloadUUID"] for each in others}


def test_apples_ikev1_is_hybrid():
    vpn = payloads(replace(FULL, protocol=Protocol.IKEV1))[1]["com.apple.vpn.managed"]
    assert vpn["VPNType"] == "IPSec"
    assert vpn["IPSec"]["LocalIdentifier"].endswith("[hybrid]")
    assert vpn["IPSec"]["XAuthPasswordEncryption"] == "Prompt"
    assert "XAuthPassword" not in vpn["IPSec"]


@pytest.mark.parametrize("device", sorted(set(Device) - SPEAK_IKEV1, key=str))
def test_a_device_without_ikev1_is_refused_with_what_to_do(device):
    with pytest.raises(ValueError, match=f"{device.value} has no profile of IKEv1: leave --ikev1 out"):
        made(replace(FULL, protocol=Protocol.IKEV1), device)


# --- Windows ---------------------------------------------------------------------------------------------------------


def script(facts):
    content = windows.script(facts).content
    assert content.startswith(b"\xef\xbb\xbf"), "without the mark Windows PowerShell reads it as its code page"
    return content.decode("utf-8-sig")


def test_windows_gets_authority_algorithms_routes_and_names():
    text = script(SPLIT)
    encoded = re.search(r"@'\r\n(.*?)\r\n'@", text, re.DOTALL)
    assert base64.b64decode(encoded.group(1)) == DER
    assert "-TunnelType Ikev2 -AuthenticationMethod Eap" in text
    assert "-SplitTunneling" in text
    assert "-EncryptionMethod GCMAES256 -IntegrityCheckMethod SHA384 -DHGroup ECP384" in text
    assert "-PfsGroup ECP384" in text
    for network in SPLIT.networks:
        assert f"-DestinationPrefix '{network}'" in text
    assert "Add-DnsClientNrptRule -Namespace '.corp.example' -NameServers '10.1.0.53', '2001:db8:1::53'" in text
    assert all(line.endswith("\r\n") for line in text.splitlines(keepends=True))


def test_windows_sends_everything_where_no_network_is_named():
    text = script(FULL)
    assert "-SplitTunneling" not in text
    assert "Add-VpnConnectionRoute" not in text
    assert "Nrpt" not in text


@pytest.mark.parametrize(
    ("text", "written"), [("it's", "'it''s'"), ("it\u2019s", "'it\u2019\u2019s'"), ("$x `n", "'$x `n'")]
)
def test_no_text_leaves_its_quotes(text, written):
    assert windows.quoted(text) == written
    assert f"$name = {written}" in script(replace(FULL, title=text))


def test_no_title_begins_a_line_of_its_own():
    text = script(replace(FULL, title="a\r\nRemove-Item C:\\"))
    assert not any(line.startswith("Remove-Item") for line in text.split("\r\n")[:2])


# --- strongSwan ------------------------------------------------------------------------------------------------------


def test_the_app_gets_authority_name_and_networks():
    profile = json.loads(strongswan.sswan(SPLIT).content)
    assert (profile["type"], profile["remote"]["addr"], profile["remote"]["id"]) == (
        "ikev2-eap",
        "vpn.example.net",
        "vpn.example.net",
    )
    assert base64.b64decode(profile["remote"]["cert"]) == DER
    assert profile["local"] == {"eap_id": "alice"}
    assert profile["split-tunneling"] == {"subnets": ["10.1.0.0/16", "2001:db8:1::/48"]}
    assert "split-tunneling" not in json.loads(strongswan.sswan(FULL).content)
    assert "cert" not in json.loads(strongswan.sswan(replace(FULL, authorities=())).content)["remote"]


def test_the_daemon_gets_its_authority_beside_it():
    file = strongswan.swanctl(SPLIT)
    text = file.content.decode()
    assert "proposals = aes256gcm16-prfsha384-ecp384" in text
    assert "remote_ts = 10.1.0.0/16, 2001:db8:1::/48" in text
    assert text.count("{") == text.count("}")
    assert file.beside.name == "vpn.example.net-ca.pem"
    assert file.beside.content.startswith(b"-----BEGIN CERTIFICATE-----\n")
    alone = strongswan.swanctl(replace(FULL, authorities=()))
    assert alone.beside is None
    assert not any("x509ca" in step for step in alone.steps)


def test_a_name_with_a_domain_reaches_the_daemon_as_it_is():
    """In quotes its parser takes a backslash for the beginning of an escape: \\t would be a tab."""
    text = strongswan.swanctl(replace(FULL, user="EXAMPLE\\tom")).content.decode()
    assert text.count(r'id = "EXAMPLE\\tom"') == 2


# --- NetworkManager --------------------------------------------------------------------------------------------------


def keyfile(facts):
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.read_string(networkmanager.keyfile(facts).content.decode())
    return parser


def test_networkmanager_asks_for_the_password_and_proves_the_gateway():
    vpn = dict(keyfile(FULL)["vpn"])
    assert vpn["service-type"] == "org.freedesktop.NetworkManager.strongswan"
    assert (vpn["address"], vpn["remote-identity"], vpn["user"]) == ("vpn.example.net", "vpn.example.net", "alice")
    assert vpn["certificate"] == "/etc/ssl/certs/vpn.example.net-ca.pem"
    assert vpn["password-flags"] == "2"
    assert "never-default" not in keyfile(FULL)["ipv4"]


def test_networkmanager_gets_networks_and_names():
    parser = keyfile(SPLIT)
    assert parser["vpn"]["remote-ts"] == "10.1.0.0/16;2001:db8:1::/48"
    assert (parser["ipv4"]["never-default"], parser["ipv4"]["route1"]) == ("true", "10.1.0.0/16")
    assert parser["ipv6"]["route1"] == "2001:db8:1::/48"
    assert parser["ipv4"]["dns-search"] == "~corp.example;~lab.example;"


@pytest.mark.parametrize(
    ("text", "written"), [("a;b", "a;b"), ("a\\b", "a\\\\b"), (" a b", "\\sa b"), ("a\nb", "a\\nb")]
)
def test_a_text_of_a_keyfile(text, written):
    """As g_key_file_get_string reads it: a semicolon is escaped in lists alone."""
    assert networkmanager.escaped(text) == written


def test_a_title_is_one_word_of_the_shell():
    *_, step = networkmanager.keyfile(replace(FULL, title="it's; $x")).steps
    assert shlex.split(step)[-1] == "it's; $x"


# --- lotor -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "versions"), [(Protocol.IKEV1, (1,)), (Protocol.IKEV2, (2,))])
def test_lotor_reads_its_own_file(protocol, versions):
    file = made(replace(FULL, protocol=protocol), Device.LOTOR)
    remote = loads(file.content.decode()).settings.remotes[0]
    assert (side_of(remote), remote.ike_version) == (Side.CLIENT, versions)
    assert (remote.xauth_login, remote.ca.name) == ("alice", "vpn.example.net-ca.pem")
    assert f"enable --now {CLIENT.removesuffix('.service')} " in file.steps[-1]
    assert file.beside.name == "vpn.example.net-ca.pem"


# --- what a gateway wants beside a login ------------------------------------------------------------------------------

QUANTUM, STRICT = (replace(FULL, ppk=each) for each in (Ppk.ON, Ppk.REQUIRED))
TWICE = replace(FULL, twice=True)


@pytest.mark.parametrize("facts", [QUANTUM, STRICT])
def test_lotor_and_strongswan_are_told_of_the_ppk_and_get_none(facts):
    client = loads(made(facts, Device.LOTOR).content.decode()).settings
    assert (client.remotes[0].ppk, str(client.paths.ppk.path)) == (facts.ppk, "/etc/lotor/ppk.txt")
    assert any("/etc/lotor/ppk.txt" in step for step in made(facts, Device.LOTOR).steps[:-1])
    text = made(facts, Device.STRONGSWAN).content.decode()
    assert f"ppk_required = {'yes' if facts.ppk is Ppk.REQUIRED else 'no'}" in text
    assert "# ppk_id = " in text
    assert "# ppk-lotor {" in text
    assert text.count("{") == text.count("}")
    assert "ppk" not in made(FULL, Device.STRONGSWAN).content.decode() + made(FULL, Device.LOTOR).content.decode()


def test_a_device_proves_itself_before_its_person_logs_in():
    remote = loads(made(TWICE, Device.LOTOR).content.decode()).settings.remotes[0]
    assert remote.my_auth is Proving.CERTIFICATE_THEN_EAP
    assert [files.certificate.name for files in remote.certificates] == ["device.crt"]
    text = made(TWICE, Device.STRONGSWAN).content.decode()
    assert text.index("local-1 {") < text.index("auth = pubkey") < text.index("local-2 {") < text.index("eap_id")
    assert "certs = device.crt" in text
    assert text.count("{") == text.count("}")
    assert json.loads(made(TWICE, Device.ANDROID).content)["type"] == "ikev2-cert-eap"
    for device in (Device.LOTOR, Device.STRONGSWAN, Device.ANDROID):
        assert any("certificate of the device" in step for step in made(TWICE, device).steps)
        assert not any("certificate of the device" in step for step in made(FULL, device).steps)


@pytest.mark.parametrize("device", [Device.IOS, Device.MACOS, Device.WINDOWS, Device.NETWORKMANAGER])
def test_a_device_that_cannot_is_told_so_and_what_would_let_it_in(device):
    with pytest.raises(ValueError, match=f"{device.value} proves itself once.*write peers_auth pubkey then eap, eap;"):
        made(TWICE, device)
    with pytest.raises(ValueError, match=f"{device.value} .*PPK.*write ppk on;"):
        made(STRICT, device)
    assert made(QUANTUM, device).content == made(FULL, device).content, "it is let in without one"


def test_the_app_of_strongswan_has_no_ppk():
    with pytest.raises(ValueError, match="android has no PPK"):
        made(STRICT, Device.ANDROID)
    assert made(QUANTUM, Device.ANDROID).content == made(FULL, Device.ANDROID).content
