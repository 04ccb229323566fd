"""`lotor import`: what comes out passes `lotor check`, secrets go to psk.txt alone, and what is lost is told."""

from __future__ import annotations

import stat

import pytest
from click.testing import CliRunner

from keys import certificate_lab as lab
from lotor.cli.main import lotor
from lotor.config import load
from lotor.config.foreign.cisco import obfuscation_key, read_pcf, read_vpnc, revealed
from lotor.config.foreign.connection import ForeignError, key_line
from lotor.config.foreign.strongswan import read_ipsec, read_swanctl
from lotor.crypto import ciphers, hashes
from lotor.daemon.exits import StartError
from lotor.keys.saved import entries
from lotor.model.algorithms import Cipher, Hash
from lotor.model.secret import Secret

GROUP_KEY, PASSWORD = "a-group-key-of-some-length", "pass word;\"'\\"


def obfuscated(text: str) -> str:
    """The inverse of `revealed`, as Cisco's client writes it."""
    seed, octets = bytes(range(100, 120)), text.encode()
    octets += bytes((8 - len(octets) % 8,)) * (8 - len(octets) % 8)
    sealed = ciphers.cbc(Cipher.TRIPLE_DES_CBC, obfuscation_key(seed)).encrypt(seed[:8], octets)
    return (seed + hashes.digest(Hash.SHA1, sealed) + sealed).hex().upper()


PCF = f"""[main]
Description=Office
Host=192.0.2.60
AuthType=1
!GroupName=staff
enc_GroupPwd={obfuscated(GROUP_KEY)}
Username=alice
UserPassword={PASSWORD}
EnableBackup=1
BackupServer=192.0.2.61
TunnelingMode=1
DHGroup=2
FancyNewThing=1
"""
PCF_HYBRID = "[main]\nHost=vpn.example.net\nAuthType=5\nGroupName=staff\nGroupPwd=x\nUsername=bob\nDHGroup=5\n"
VPNC = f"""# vpnc
IPSec gateway 192.0.2.62
IPSec ID staff
IPSec secret {GROUP_KEY}
Xauth username alice
Xauth password {PASSWORD}
IKE DH Group dh14
Perfect Forward Secrecy dh14
NAT Traversal Mode force-natt
DPD idle timeout (our side) 60
Enable Single DES
Local Port 0
"""
IPSEC = """config setup
  charondebug="ike 2"
conn %default
  keyexchange=ikev1
  ike=aes256-sha256-modp2048,aes128-sha1-modp1024!
  esp=aes256-sha256-modp2048,aes128gcm16!
conn home
  also=base
  leftsourceip=%config
  leftauth=psk
  leftauth2=xauth
  rightauth=psk
  aggressive=yes
  xauth_identity=alice
  leftid=@#73
  rightid=192.0.2.63
  right=192.0.2.63   # the office
  rightsubnet=10.0.0.0/8
  ikelifetime=8h
  lifetime=1h
  dpddelay=30s
conn base
  compress=yes
conn phones
  keyexchange=ikev2
  right=%any
"""
SECRETS = f'192.0.2.63 : PSK "{GROUP_KEY}"\nalice : XAUTH "secret-of-alice"\n: RSA key.pem\n'
IPSEC_GATEWAY = """conn road
  keyexchange=ikev1
  left=%any
  leftcert=gw.pem
  leftauth=pubkey
  leftid=vpn.example.net
  leftsubnet=10.0.0.0/8
  rightauth=xauth
  rightsourceip=10.99.99.0/24
  rightdns=10.0.0.53
  forceencaps=yes
"""
SWANCTL = f"""connections {{
    office {{
        version = 1
        aggressive = yes
        remote_addrs = 192.0.2.64
        vips = 0.0.0.0
        proposals = aes256-sha256-modp2048
        dpd_delay = 20s
        local {{ auth = psk
            id = keyid:staff }}
        local-xauth {{
            auth = xauth
            xauth_id = alice
        }}
        remote {{
            auth = psk
            id = 192.0.2.64
        }}
        children {{
            net {{
                esp_proposals = aes256-sha256
                remote_ts = 0.0.0.0/0
            }}
        }}
    }}
    newer {{ version = 2
    }}
}}
secrets {{
    ike-office {{
        id = 192.0.2.64
        secret = "{GROUP_KEY}"
    }}
    xauth-alice {{
        id = alice
        secret = 0x616c696365
    }}
}}
"""
CASES = {
    "office.pcf": (
        PCF,
        ["xauth_psk_client", 'my_identifier keyid tag "staff";'],
        ["TunnelingMode=1", "BackupServer", "fancynewthing"],
    ),
    "hybrid.pcf": (
        PCF_HYBRID,
        ["hybrid_rsa_client", "ca.crt", "modp1536"],
        ["the authority", "lotor vc vpn.example.net"],
    ),
    "vpnc.conf": (
        VPNC,
        ["dpd_delay 60;", "nat_traversal force;", "pfs_group modp2048;"],
        ["Enable Single DES", "local port"],
    ),
    "ipsec.conf": (
        IPSEC,
        ['keyid tag "s"', "ipcomp on;", "lifetime time 28800 sec;", "aes_gcm_16 128"],
        ["phones: keyexchange=ikev2", "dh_group modp1024: aggressive mode offers one group"],
    ),
    "gateway.conf": (
        IPSEC_GATEWAY,
        ["hybrid_rsa_server", "network4 10.99.99.1;", "pool_size 254;", "dns4 10.0.0.53;"],
        ["the private key", "the logins"],
    ),
    "swanctl.conf": (
        SWANCTL,
        ['keyid tag "staff"', 'xauth_login "alice";', "dpd_delay 20;"],
        ["newer: version 2"],
    ),
}


def imported(tmp_path, name, text, *words):
    (tmp_path / name).write_text(text)
    (tmp_path / "ipsec.secrets").write_text(SECRETS)
    secrets = ("--secrets", str(tmp_path / "ipsec.secrets")) if name == "ipsec.conf" else ()
    return CliRunner().invoke(lotor, ["import", str(tmp_path / name), "-d", str(tmp_path), *secrets, *words])


def code(done):
    """As the program ends, whose outermost function makes exit codes of errors."""
    return getattr(done.exception, "code", done.exit_code)


def equip(place):
    """The files that a person is told to put there."""
    authority = lab.authority(start=lab.NOW.replace(year=2020))
    gateway = lab.issue(authority, start=lab.NOW.replace(year=2020), dns=("vpn.example.net",))
    (place / "ca.crt").write_bytes(authority.pem)
    (place / "gw.pem").write_bytes(gateway.pem)
    (place / "gw.key").write_bytes(lab.key_pem(gateway.private))
    (place / "gw.key").chmod(0o600)


@pytest.mark.parametrize("name", CASES)
def test_what_comes_out_passes_the_check(tmp_path, name):
    text, kept, left = CASES[name]
    done = imported(tmp_path, name, text)
    assert done.exit_code == 0, done.output
    written = (tmp_path / "racoon.conf").read_text()
    assert [each for each in kept if each not in written] == []
    told = " ".join(done.output.split())
    assert [each for each in left if each not in told] == []
    equip(tmp_path)
    said = CliRunner().invoke(lotor, ["check", str(tmp_path / "racoon.conf")])
    assert (said.exit_code, said.stderr) == (0, "")
    for secret in (GROUP_KEY, PASSWORD, "secret-of-alice"):
        assert secret not in written + done.output + said.output


def test_secrets_are_for_root_alone(tmp_path):
    assert imported(tmp_path, "office.pcf", PCF).exit_code == 0
    keys = tmp_path / "psk.txt"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert keys.read_text() == f"192.0.2.60\t{GROUP_KEY}\nalice\t{PASSWORD}\n"
    assert code(imported(tmp_path, "office.pcf", PCF)) == 4
    assert imported(tmp_path, "office.pcf", PCF, "--force").exit_code == 0


def test_names_and_secrets_of_strongswan(tmp_path):
    assert imported(tmp_path, "ipsec.conf", IPSEC).exit_code == 0
    lines = (tmp_path / "psk.txt").read_text().splitlines()
    assert lines == [f"192.0.2.63\t{GROUP_KEY}", "alice\tsecret-of-alice"]
    (remote,) = load(tmp_path / "racoon.conf").settings.remotes
    assert [proposal.dh_group.name for proposal in remote.proposals] == ["modp2048"]
    assert imported(tmp_path, "swanctl.conf", SWANCTL, "--force").exit_code == 0
    assert (tmp_path / "psk.txt").read_text().splitlines()[1] == "alice\talice"


@pytest.mark.parametrize(
    ("name", "text", "ends", "why"),
    [
        ("a.pcf", "[main]\nGroupName=x\n", 4, "it has no line Host="),
        ("a.pcf", f"[main]\nHost=192.0.2.1\nenc_GroupPwd={'00' * 48}\n", 4, "its checksum does not fit"),
        ("a.pcf", "[main]\nHost=192.0.2.1\nenc_GroupPwd=xyz\n", 4, "no hexadecimal text"),
        ("a.pcf", '[main]\nHost=192.0.2.1\nGroupPwd=x\nUsername=a"; script "/bin/sh" phase1_up;\n', 4, "cannot hold"),
        ("a.pcf", '[main]\nHost=x" { } include "/etc/shadow\nGroupPwd=x\n', 4, "cannot hold"),
        (
            "ipsec.conf",
            "conn a\n  keyexchange=ikev2\n  right=192.0.2.1\n",
            4,
            "no connection in it that IKEv1 can carry",
        ),
        ("any.conf", "nonsense\n", 2, "say which by --from"),
    ],
)
def test_files_that_do_not_do(tmp_path, name, text, ends, why):
    done = imported(tmp_path, name, text)
    assert code(done) == ends
    assert why in str(done.exception) + done.output
    assert not (tmp_path / "racoon.conf").exists()


@pytest.mark.parametrize("password", ["x", "12345678", "0x12", " blank", "with\nline", "ü" * 40])
def test_passwords_come_back(password):
    assert revealed(obfuscated(password)).decode() == password
    name, _, value = key_line("name", Secret(password)).partition(b"\t")
    assert name == b"name"
    assert b"\n" not in value[:-1]


def test_a_key_needs_a_name():
    for name in ("", "a b", "#x", "a\nb"):
        with pytest.raises(ForeignError):
            key_line(name, Secret("key"))


SCOPED = "fe80::1%x { }\n privsep { } remote y"
HOSTILE = {
    "a host": f'connections {{ a {{ version = 1\n remote_addrs = "{SCOPED}"\n local {{ auth = psk }} }} }}',
    "an identifier": f'connections {{ a {{ version = 1\n local {{ auth = psk\n id = "{SCOPED}" }} }} }}',
    "a name server": f"connections {{ a {{ version = 1\n pools = p\n local {{ auth = psk }} }} }}\n"
    f'pools {{ p {{ addrs = 10.99.99.0/24\n dns = "{SCOPED}.1" }} }}',
}


@pytest.mark.parametrize("place", HOSTILE)
def test_an_address_with_a_zone_adds_no_statement(place):
    """`ip_address` takes nearly anything behind the % of an IPv6 address."""
    try:
        text = read_swanctl(HOSTILE[place], "swanctl.conf").text
    except ForeignError:
        return
    assert "privsep" not in text


def test_a_zone_goes_into_quotes():
    text = "connections { a { version = 1\n remote_addrs = fe80::1%x;y\n local { auth = psk } } }"
    assert 'remote "fe80::1%x;y" {' in read_swanctl(text, "x").text


def test_a_foreign_file_does_not_write_on_the_terminal(tmp_path):
    done = imported(tmp_path, "office.pcf", PCF + "\x1b]0;title\x07\x1b[2J=1\n")
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    again = imported(tmp_path, "ipsec.conf", "conn a\n keyexchange=ikev1\n leftid=@#\x1b[2J\n", "--force")
    assert "\x1b" not in str(again.exception) + again.output


@pytest.mark.parametrize("idle", ["²", "9" * 5000, "-1", "x"])
def test_a_time_that_is_none_is_left_out(idle):
    text = f"IPSec gateway 192.0.2.1\nIPSec secret {GROUP_KEY}\nDPD idle timeout (our side) {idle}\n"
    assert "dpd_delay" not in read_vpnc(text, "x").text


@pytest.mark.parametrize("pool", ["fd00::/64", "10.0.0.0/31", "10.0.0.0/32", "10.0.0.1-10.0.0.9", "x"])
def test_a_pool_that_cannot_be_carried_over_is_told(pool):
    text = IPSEC_GATEWAY.replace("10.99.99.0/24", pool).replace("10.0.0.53", "::ffff:10.0.0.53,10.0.0.54")
    found = read_ipsec(text.replace("leftsubnet=", "leftsubnet=a.b/99,fd00::/8,"), "x")
    assert [each for each in found.left if each.startswith(f"road: the pool {pool}")]
    assert ("pool_size 253;" in found.text, found.text.count("dns4"), found.text.count("split_network")) == (True, 1, 1)


def test_no_line_costs_more_than_its_length():
    """Each of them takes minutes where the length counts twice or three times."""
    many = 1 << 18
    for secrets in (" " * many + "x", "a : " * (many >> 2)):
        assert read_ipsec("conn a\n keyexchange=ikev1\n", "x", secrets).keys == ()
    with pytest.raises(ForeignError, match="a quote in it is not closed"):
        read_swanctl('"' + '\\"' * (many >> 1), "x")
    with pytest.raises(ForeignError, match="256 at most"):
        read_ipsec("".join(f"conn {number}\n keyexchange=ikev1\n" for number in range(257)), "x")
    with pytest.raises(ForeignError, match="256 at most"):
        read_swanctl("connections {" + "".join(f"a{number} {{\n}}\n" for number in range(257)), "x")


@pytest.mark.parametrize("kind", ["pcf", "vpnc", "ipsec", "swanctl"])
@pytest.mark.parametrize("octets", [b"\0" * 4096, b"\xff\xfe" * 2048, b"a {\n" * 50000, b"x" * ((1 << 20) + 1)])
def test_files_that_are_none_end_with_a_sentence(tmp_path, kind, octets):
    (tmp_path / "file").write_bytes(octets)
    done = CliRunner().invoke(lotor, ["import", str(tmp_path / "file"), "--from", kind, "-d", str(tmp_path)])
    assert isinstance(done.exception, StartError)
    assert code(done) == 4
    assert not (tmp_path / "racoon.conf").exists()


OFFERED = [("16", "modp4096", 0), ("1", "modp1024", 1), ("7", "modp1024", 1)]


@pytest.mark.parametrize(("group", "offered", "told"), OFFERED)
def test_a_group_that_is_not_known_is_told(group, offered, told):
    vpnc = f"IPSec gateway 192.0.2.1\nIPSec secret {GROUP_KEY}\nIKE DH Group dh{group}\n"
    pcf = f"[main]\nHost=192.0.2.1\nGroupPwd={GROUP_KEY}\nDHGroup={group}\n"
    for found in (read_vpnc(vpnc, "x"), read_pcf(pcf, "x")):
        assert f"dh_group {offered};" in found.text
        assert len([each for each in found.left if f"group {group}:" in each]) == told


def test_a_group_of_pfs_is_not_weakened():
    found = read_vpnc(f"IPSec gateway 192.0.2.1\nIPSec secret {GROUP_KEY}\nPerfect Forward Secrecy dh1\n", "x")
    assert "modp768" not in found.text
    assert [each for each in found.left if "group 1:" in each]


@pytest.mark.parametrize("key", [b"\x0bkey", b"\x0ckey", b" key", b"key ", b"0xkey", b"k\x0bey"])
def test_a_key_comes_back_from_its_line(tmp_path, key):
    (tmp_path / "psk.txt").write_bytes(key_line("name", Secret(key)))
    (tmp_path / "psk.txt").chmod(0o600)
    (entry,) = entries(tmp_path / "psk.txt")
    assert entry.secret(tmp_path).reveal() == key
