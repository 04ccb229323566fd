"""The examples of the pages of back ends, typed as they stand there, against real servers and with a real client."""

from __future__ import annotations

import re
import textwrap
from ipaddress import ip_interface
from pathlib import Path

from lab import lotor, pki
from lab.dialling import dial, dialled, ping
from lab.freeradius import SECRET, Server
from lab.internet import INSIDE_HOST, ROUTER
from lab.lotor import CONFIGURATION, PROGRAM
from lab.node import wait_until

DOCS = Path(__file__).parents[2] / "docs"
RADIUS = "/etc/freeradius/3.0"
ACCOUNTS = "/var/log/freeradius/radacct"


def blocks(page: str) -> list[str]:
    """What a page shows to be typed, fenced or indented, in its order."""
    text = (DOCS / page).read_text()
    found = re.findall(r"^```\w*\n(.*?)^```$|((?:^    [^\n]*\n|^\n(?=    ))+)", text, re.DOTALL | re.MULTILINE)
    return [fenced or textwrap.dedent(indented).strip("\n") + "\n" for fenced, indented in found]


def block(page: str, *words: str) -> str:
    """The only one with all of these words."""
    (found,) = [each for each in blocks(page) if all(word in each for word in words)]
    return found


def gateway(internet, certificates, mode_cfg: str):
    """The HOW-TO's, with another `mode_cfg` and what stands beside it; the mark … is for the lines of the HOW-TO."""
    made = lotor.gateway(internet.gateway, certificates)
    node = made.node
    before, _, rest = node.path(CONFIGURATION).read_text().partition("mode_cfg {")
    made.configure(f"{before}{mode_cfg}{rest.partition(chr(10) + '}' + chr(10))[2]}")
    node.path(CONFIGURATION).chmod(0o600)
    return made


def begin(made):
    checked = made.call("check", CONFIGURATION)
    assert checked.code == 0, checked
    made.start()


def type_(node, text: str) -> str:
    """As root, with the program by its name."""
    return node.run("sh", "-ec", f'lotor() {{ {" ".join(PROGRAM)} "$@"; }}\n{text}').stdout


def refused(internet, certificates, user, password):
    """vpnc comes to an end without a tunnel."""
    vpnc = dial(internet.clients[1], certificates, user, password)
    return wait_until(lambda: not vpnc.running.alive) and not vpnc.connected


def debians_freeradius(node):
    """As Debian installs it, with the page's client, user and signed answers; its log is the node's own."""
    node.run("sh", "-ec", "mount -t tmpfs tmpfs /var/log/freeradius; chown freerad /var/log/freeradius")
    # EAP needs keys that not every host has; nobody asks for it here.
    node.run("sh", "-ec", f"cd {RADIUS}/mods-enabled; rm -f eap; echo 'always eap {{ rcode = noop }}' >eap")
    for file, added in (
        (f"{RADIUS}/clients.conf", block("radius.md", "client vpngw", "MyDirtySecret")),
        (f"{RADIUS}/mods-config/files/authorize", block("radius.md", "Cleartext-Password")),
    ):
        node.path(file).write_text(added + node.path(file).read_text())
    signed = block("radius.md", "&Message-Authenticator := 0x00")
    site = node.path(f"{RADIUS}/sites-available/default")
    heads = r"(?m)^(post-auth \{|\s*Post-Auth-Type (?:REJECT|Challenge) \{)$"
    text, count = re.subn(heads, lambda head: f"{head.group(0)}\n{signed}", site.read_text())
    assert count == 3
    site.write_text(text)
    node.start("radius", "freeradius", "-f", "-l", "stdout").expect("Ready to process")


def test_radius(internet, certificates):
    """Both ends as the page has them: the HOW-TO's section and its file, and a FreeRADIUS of Debian's."""
    debians_freeradius(internet.router)
    made = gateway(internet, certificates, block("radius.md", "pool_size 253;", "auth_source radius;"))
    made.node.write("/etc/radius.conf", block("radius.md", "acct radius.example.net"), 0o600)
    made.node.write("/etc/hosts", f"{ROUTER} radius.example.net\n")
    begin(made)
    alice = dialled(internet.client, certificates)
    assert alice.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.7"
    assert alice.environment()["CISCO_BANNER"] == "Welcome"
    assert ping(internet.client, INSIDE_HOST)
    assert refused(internet, certificates, "alice", "a guess")
    made.running.expect("refused it")
    alice.disconnect()
    told = wait_until(lambda: "Acct-Status-Type = Stop" in type_(internet.router, f"cat {ACCOUNTS}/*/detail-*"))
    assert told, made.journal()


def test_accounting_by_radius(internet, certificates):
    server = Server(internet.inside, INSIDE_HOST, 'DEFAULT Cleartext-Password := "alicepass"\n')
    rest = "network4 10.99.99.1; pool_size 253; auth_source local;\n    pfs_group 2;"
    shown = block("accounting.md", "accounting radius;", "acct").replace("…", rest).replace('"SECRET"', f'"{SECRET}"')
    made = gateway(internet, certificates, shown)
    made.node.write("/etc/hosts", f"{INSIDE_HOST} radius.example.net\n")
    lotor.add_user(made, "alice", "alicepass")
    begin(made)
    alice = dialled(internet.client, certificates)
    assert ping(internet.client, INSIDE_HOST)
    alice.disconnect()
    assert wait_until(lambda: server.of("alice", "Stop")), made.journal()
    assert [each["Acct-Authentic"] for each in server.of("alice", "Start")] == ["Local"]


def test_pam_with_sessions(internet, certificates):
    """The service with sessions is the first one, and two lines more."""
    plain, _, sessions = (each for each in blocks("pam.md") if each.startswith("# /etc/pam.d/racoon"))
    assert sessions.startswith(plain)
    made = gateway(
        internet, certificates, block("pam.md", "auth_source pam;").replace("}", "accounting pam; pfs_group 2; }")
    )
    node = made.node
    node.run("useradd", "--no-create-home", "carol")
    node.run("chpasswd", "-c", "SHA512", stdin="carol:carolpass\n")
    node.write("/etc/pam.d/racoon", sessions)
    node.run("mount", "-t", "tmpfs", "tmpfs", "/usr/local/sbin")
    node.write("/usr/local/sbin/vpn", '#!/bin/sh\necho "$PAM_TYPE $PAM_USER" >>/run/noted\n', 0o755)
    begin(made)
    carol = dialled(internet.client, certificates, "carol", "carolpass")
    assert ping(internet.client, INSIDE_HOST)
    assert refused(internet, certificates, "carol", "a guess")
    carol.disconnect()
    noted = node.path("/run/noted")
    lines = "open_session carol\nclose_session carol\n"
    assert wait_until(lambda: noted.exists() and noted.read_text() == lines), made.journal()


SLAPD = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile /run/slapd/ca.crt
TLSCertificateFile /run/slapd/server.crt
TLSCertificateKeyFile /run/slapd/server.key
database mdb
maxsize 16777216
suffix "dc=example,dc=net"
directory /run/slapd/data
"""
AROUND = """\
dn: dc=example,dc=net
objectClass: domain
dc: example

dn: ou=people,dc=example,dc=net
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=net
objectClass: organizationalUnit
ou: groups

"""


def directory(node, authority):
    """One that has the page's entries and rights, at the name of the page."""
    node.write("/run/slapd/slapd.conf", SLAPD + block("ldap.md", "access to attrs=userPassword"))
    people = block("ldap.md", "dn: uid=alice")
    bob = re.search(r"(?s)dn: uid=alice.*?\n\n", people).group(0).replace("alice", "bob")
    node.write("/run/slapd/entries", f"{AROUND}{people}\n{bob}")
    server = pki.gateway(authority, "ldap.example.net")
    for name, content in (
        ("ca.crt", authority.certificate),
        ("server.crt", server.certificate),
        ("server.key", server.key),
    ):
        node.write(f"/run/slapd/{name}", content)
    node.run("sh", "-ec", "mkdir /run/slapd/data; slapadd -q -f /run/slapd/slapd.conf -l /run/slapd/entries")
    node.start("slapd", "slapd", "-d", "256", "-f", "/run/slapd/slapd.conf", "-h", "ldaps:///").expect("starting")


def test_ldap(internet, certificates, authority):
    """alice of the group gets in; bob, who is not in it, and a wrong password do not."""
    directory(internet.inside, authority)
    shown = block("ldap.md", "auth_source ldap;", "ldapcfg")
    made = gateway(internet, certificates, shown.replace("mode_cfg {", "mode_cfg {\n        pfs_group 2;"))
    made.node.write("/etc/racoon/ldap-ca.crt", authority.certificate)
    made.node.write("/etc/hosts", f"{INSIDE_HOST} ldap.example.net ldap2.example.net\n")
    begin(made)
    dialled(internet.client, certificates)
    assert ping(internet.client, INSIDE_HOST)
    assert [each["grants"]["groups"] for each in made.sessions()] == [["vpn users"]]
    assert refused(internet, certificates, "bob", "alicepass".replace("alice", "bob"))
    made.running.expect("not in a group of auth_groups")
    assert refused(internet, certificates, "alice", "a guess")


def behind(internet, gateways: str, hosts: str):
    """Another network behind the gateway, where a host serves on port 443; both clients lead it into their tunnels."""
    internet.gateway.ip("address", "add", gateways, "dev", "eth1")
    internet.inside.ip("address", "add", hosts, "dev", "eth0")
    internet.inside.start("https", "socat", "-u", "TCP-LISTEN:443,fork", "OPEN:/dev/null")
    assert wait_until(lambda: ":443" in internet.inside.run("ss", "-ltn").stdout)
    for client in internet.clients:
        client.ip("route", "add", str(ip_interface(hosts).network), "dev", "tun0")


def opens(node, address: str) -> bool:
    return node.run("socat", "-u", "OPEN:/dev/null", f"TCP:{address}:443,connect-timeout=30", check=False).code == 0


def test_grants_by_group_the_store_and_bans(internet, certificates):
    """Groups of lotor's own users, what the gateway remembers, a backup of that, and people who are kept out."""
    own = "auth_source local; pfs_group 2;"
    shown = block("grants.md", 'pool "partners"', "network {").replace("mode_cfg {", f"mode_cfg {{ {own}")
    store = block("store.md", "store none;").splitlines()[0]
    made = gateway(internet, certificates, f"{store}\n{shown}")
    node = made.node
    node.write("/etc/lotor/partners.txt", "Welcome, partners.\n")
    for user in ("alice", "pia"):
        lotor.add_user(made, user, f"{user}pass")
    type_(node, "lotor user set alice groups=admins; lotor user set pia groups=partners")
    begin(made)
    alice, pia = dialled(internet.client, certificates), dialled(internet.clients[1], certificates, "pia", "piapass")
    assert pia.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.98.1"
    assert pia.environment()["CISCO_BANNER"] == "Welcome, partners."
    assert alice.environment()["CISCO_SPLIT_INC_0_MASK"] == "255.0.0.0"
    behind(internet, "10.0.7.1/24", "10.0.7.10/24")
    assert ping(internet.client, "10.0.7.10")
    assert opens(internet.clients[1], "10.0.7.10")
    assert not ping(internet.clients[1], "10.0.7.10")
    for each in (alice, pia):
        each.disconnect()
    assert wait_until(lambda: made.sessions() == [])

    typed = [line for line in block("store.md", "lotor history").splitlines() if "--all" not in line]
    node.run("mkdir", "-p", "/run/home")
    for line in typed:
        assert line.startswith("lotor history")
        type_(node, f"cd /run/home\n{line}")
    assert "10.99.98.1" in type_(node, typed[0])
    assert "alice" in type_(node, typed[1])
    node.run("mount", "-t", "tmpfs", "tmpfs", "/mnt")
    type_(node, "mkdir /mnt/backup\n" + block("store.md", "sqlite3"))
    assert node.path("/mnt/backup/lotor.db").read_bytes().startswith(b"SQLite format 3")

    for line in block("bans.md", "lotor ban add").splitlines():
        type_(node, line)
    listed = type_(node, "lotor ban list")
    assert "alice" in listed
    assert "198.51.100.0/24" in listed
    assert "198.51.100.7 " not in listed
    assert refused(internet, certificates, "alice", "alicepass")
    made.running.expect("banned, see lotor ban list")
    type_(node, "lotor ban lift alice")
    assert dialled(internet.clients[1], certificates).connected
