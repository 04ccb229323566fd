"""`lotor check`: every setting with its origin, what clients say to the certificate, networks in each other's way."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest
from click.testing import CliRunner

from lotor.cli.main import lotor
from lotor.hosts import connected

METHOD = "authentication_method hybrid_rsa_server"
PROPOSAL = f"proposal {{ encryption_algorithm aes; hash_algorithm sha256; {METHOD}; dh_group 14; }}"
GATEWAY = f"""\
remote "base" {{
    exchange_mode aggressive;
    certificate_type x509 "vpngw.crt" "vpngw.key";
    my_identifier fqdn "vpn.example.net";
    dpd_delay 20;
    {PROPOSAL}
}}
remote "branch" inherit "base" {{
    remote_address 203.0.113.7; dpd_delay 30; passive on;
}}
mode_cfg {{ network4 10.99.99.1; pool_size 50; auth_source local; split_network include 10.0.0.0/8; }}
radiuscfg {{ auth "radius.example.net" "MyDirtySecret"; }}
sainfo anonymous {{ encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }}
"""
CLIENT = """\
remote "one" { remote_address 203.0.113.9; exchange_mode main; ca_type x509 "ca.crt"; PROPOSAL }
remote "two" inherit "one" { remote_address 203.0.113.9; }
""".replace("PROPOSAL", PROPOSAL.replace("_server", "_client"))


def said(*words):
    return CliRunner().invoke(lotor, [str(word) for word in words])


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    place = tmp_path_factory.mktemp("keys")
    assert said("pki", "ca", "-d", place, "Lab CA").exit_code == 0
    assert said("pki", "gateway", "-d", place, "--days", "20", "vpn.example.net").exit_code == 0
    return place


@pytest.fixture
def file(keys, monkeypatch):
    monkeypatch.setattr("lotor.daemon.inspection.connected", dict)
    path = keys / "racoon.conf"
    path.write_text(f'path certificate "{keys}";\n{GATEWAY}')
    path.chmod(0o600)
    return path


def told(file):
    return json.loads(said("check", "--json", file).stdout)


def test_each_setting_has_an_origin(file):
    found = {(each["block"], each["directive"]): each for each in told(file)["settings"]}
    assert found["remote branch", "dpd_delay"]["origin"] == f"{file}:10"
    assert found["remote base", "dpd_delay"] | {"block": ""} == {
        "block": "",
        "directive": "dpd_delay",
        "value": "20",
        "origin": f"{file}:6",
    }
    assert found["remote branch", "my_identifier"]["origin"] == f"inherited from base, {file}:5"
    assert found["remote branch", "my_identifier"]["value"] == "fqdn vpn.example.net"
    assert found["remote branch", "ike_frag"]["origin"] == "default"
    assert found["mode_cfg", "split_network"]["value"] == "include 10.0.0.0/8"
    assert found["remote base proposal 1", "encryption_algorithm"]["value"] == "aes 128"
    assert found["sainfo anonymous", "lifetime time"]["value"] == "8 hour"


def test_the_table_fits_a_terminal_and_has_no_secrets(file):
    done = said("check", "--explain", file)
    assert done.exit_code == 0
    rows = [line for line in done.stdout.splitlines() if str(file.parent) not in line and "warning: " not in line]
    assert len(rows) > 20
    assert max(map(len, rows)) <= 80
    assert "MyDirtySecret" not in done.output
    assert "  dpd_retry                5" in done.stdout


def test_expiry_is_told_unasked_and_what_clients_say_when_asked(file):
    plain, explained = said("check", file).stdout, said("check", "--explain", file).stdout
    assert "everybody: CN=vpn.example.net expires on" in " ".join(plain.split())
    assert "Apple" not in plain
    file.write_text(file.read_text().replace("vpn.example.net", "other.example.net"))
    explained = " ".join(said("check", "--explain", file).stdout.split())
    assert "strongSwan refuses it: other.example.net is not in it" in explained
    assert {each["client"] for each in told(file)["certificates"]["base"] if each["refuses"]} >= {"Apple", "Windows"}


def test_networks_in_each_others_way(file, monkeypatch):
    monkeypatch.setattr("lotor.daemon.inspection.connected", lambda: {ip_network("10.99.0.0/16"): "eth0"})
    assert "the pool overlaps 10.99.0.0/16 of eth0" in said("check", file).stdout
    assert [each["harms"] for each in told(file)["overlaps"]] == [True, False]
    file.write_text(file.read_text().replace("include 10.0.0.0/8", "local_lan 10.0.0.0/8"))
    assert [each["harms"] for each in told(file)["overlaps"]] == [True, True]
    file.write_text(CLIENT)
    assert ["for the same peer" in each["text"] for each in told(file)["overlaps"]] == [True]


def test_a_pool_that_this_host_answers_for_inside_stays_there(file, monkeypatch):
    monkeypatch.setattr("lotor.daemon.inspection.connected", lambda: {ip_network("10.99.0.0/16"): "eth0"})
    file.write_text(file.read_text() + "network { proxy_arp eth1; }\n")
    assert [each["harms"] for each in told(file)["overlaps"]] == [True, False]
    file.write_text(file.read_text().replace("eth1", "eth1, eth0"))
    first = told(file)["overlaps"][0]
    assert not first["harms"]
    assert first["text"].endswith(
        "of eth0, where this host answers for it: no host there may have one of its addresses"
    )


def test_many_blocks_for_one_peer_are_told_once_each(file):
    more = "".join(f'remote "r{each}" inherit "one" {{ remote_address 203.0.113.9; }}\n' for each in range(20))
    file.write_text(CLIENT + more)
    assert len(told(file)["overlaps"]) == 21


def test_everything_in_one_run_and_the_exit_codes(file):
    assert said("check", file).exit_code == 0
    file.write_text(file.read_text().replace("auth_source local", "auth_source ldap").replace("vpngw.key", "none.key"))
    done = said("check", file)
    assert done.exit_code == 4
    assert "auth_source ldap needs to know the directory" in done.stderr
    assert "none.key is missing" in done.stderr
    assert f"{file}: 2 errors, 0 warnings" in done.stderr
    assert [each["line"] for each in told(file)["errors"]] == [4, 12]
    file.write_text("nonsense;")
    assert (said("check", file).exit_code, told(file)["settings"]) == (4, [])
    assert said("check", "--nonsense").exit_code == 2


def test_the_hosts_networks(tmp_path, monkeypatch):
    (tmp_path / "route").write_text(
        "Iface Destination Gateway Flags RefCnt Use Metric Mask\n"
        "eth0 00000000 0100A8C0 0003 0 0 0 00000000\n"
        "eth0 0000A8C0 00000000 0001 0 0 0 0000FFFF\n"
        "tun0 0063630A 00000000 0001 0 0 0 00FFFFFF\n"
        "eth0 00000B0A 0100A8C0 0003 0 0 0 0000FFFF\n"
    )
    (tmp_path / "ipv6_route").write_text(
        f"20010db8{'0' * 24} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00000001 eth0\n"
        f"fe80{'0' * 28} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00000001 eth0\n"
    )
    (tmp_path / "tun0").mkdir()
    (tmp_path / "tun0" / "tun_flags").write_text("0x1")
    monkeypatch.setattr(connected, "ROUTES4", tmp_path / "route")
    monkeypatch.setattr(connected, "ROUTES6", tmp_path / "ipv6_route")
    monkeypatch.setattr(connected, "DEVICES", tmp_path)
    assert connected.connected() == {ip_network("192.168.0.0/16"): "eth0", ip_network("2001:db8::/64"): "eth0"}


def test_clients_of_ikev2_are_judged(file):
    plain = file.read_text()
    assert told(file)["devices"] == {}
    file.write_text(plain.replace("dpd_delay 20;", "dpd_delay 20; eap gtc;", 1).replace("passive on", "ike_version 1"))
    found = told(file)["devices"]["base"]
    assert {(each["client"], each["refuses"]) for each in found} >= {("Windows", True), ("Apple", True)}
    assert "IKEv2 of remote base: Apple cannot connect: it logs in" in said("check", "--explain", file).stdout
    assert "IKEv2 of" not in said("check", file).stdout


def test_what_a_key_of_ecdsa_would_cost_is_no_matter_beside_one_of_rsa(file, keys, tmp_path):
    assert said("pki", "gateway", "--key", "both", "--force", "-d", keys, "vpn.example.net").exit_code == 0
    both = '"vpngw.crt" "vpngw.key"; certificate_type x509 "vpngw-ecdsa.crt" "vpngw-ecdsa.key";'
    words = file.read_text()
    file.write_text(words.replace('"vpngw.crt" "vpngw.key";', both))
    done = said("check", "--explain", file)
    assert (done.exit_code, "is not RSA" in done.output) == (0, False)
    file.write_text(words.replace('"vpngw.crt" "vpngw.key";', '"vpngw-ecdsa.crt" "vpngw-ecdsa.key";'))
    assert "has no RSA key" in said("check", "--explain", file).output
    missing = 'certificate_type x509 "vpngw.crt" "vpngw.key"; certificate_type x509 "none.crt" "none.key";'
    file.write_text(words.replace('certificate_type x509 "vpngw.crt" "vpngw.key";', missing))
    assert "none.crt is missing" in said("check", file).output
