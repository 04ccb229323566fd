"""A directory of a test's own: OpenLDAP's slapd on loopback, with a private configuration, as an unprivileged child."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import vacant
from processes import await_stopped

BASE = "dc=example,dc=net"
SERVICE, SERVICE_PASSWORD = f"cn=lotor,{BASE}", "service password"
NOBODY = 65534
STARTS_WITHIN = 60.0

CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
attributetype ( 1.3.6.1.4.1.99999.1 NAME 'racoon-address' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.99999.2 NAME 'racoon-netmask' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.99999.3 NAME 'racoonUser' AUXILIARY MAY ( racoon-address $ racoon-netmask ) )
pidfile {home}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
moduleload memberof
TLSCACertificateFile {home}/ca.crt
TLSCertificateFile {home}/server.crt
TLSCertificateKeyFile {home}/server.key
database mdb
maxsize 16777216
suffix "dc=example,dc=net"
rootdn "cn=admin,dc=example,dc=net"
rootpw admin
directory {home}/data
index uid eq
overlay ppolicy
ppolicy_default "cn=default,ou=policies,dc=example,dc=net"
ppolicy_use_lockout
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=lotor,dc=example,dc=net" read by anonymous auth by * none
"""

ENTRIES = """\
dn: dc=example,dc=net
objectClass: domain
dc: example

dn: ou=people,dc=example,dc=net
objectClass: organizationalUnit
ou: people

dn: ou=twins,dc=example,dc=net
objectClass: organizationalUnit
ou: twins

dn: ou=groups,dc=example,dc=net
objectClass: organizationalUnit
ou: groups

dn: ou=policies,dc=example,dc=net
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,dc=example,dc=net
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 3
pwdLockoutDuration: 600
pwdMustChange: TRUE

dn: cn=aged,ou=policies,dc=example,dc=net
objectClass: device
objectClass: pwdPolicy
cn: aged
pwdAttribute: userPassword
pwdMaxAge: 100

dn: cn=lotor,dc=example,dc=net
objectClass: device
objectClass: simpleSecurityObject
cn: lotor
userPassword: service password

"""

PERSON = """\
dn: {dn}
objectClass: inetOrgPerson
objectClass: racoonUser
cn: {user}
sn: {user}
uid: {user}
userPassword: {password}
{more}
"""

GROUP = """\
dn: cn={name},ou=groups,dc=example,dc=net
objectClass: groupOfNames
cn: {name}
{members}

"""


def person(user: str, password: str, *more: str, unit: str = "people") -> str:
    lines = "".join(f"{each}\n" for each in more)
    return PERSON.format(dn=f"uid={user},ou={unit},{BASE}", user=user, password=password, more=lines)


def group(name: str, *members: str) -> str:
    return GROUP.format(name=name, members="\n".join(f"member: {each}" for each in members))


class Slapd:
    """`home` belongs to it alone. It runs as nobody, on two ports of its own: with LDAP and with LDAPS."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port, self.secure_port = vacant.ports(2)
        self._process: subprocess.Popen[bytes] | None = None

    def fill(self, *entries: str) -> None:
        (self.home / "data").mkdir()
        (self.home / "slapd.conf").write_text(CONFIGURATION.format(home=self.home))
        certify(self.home)
        (self.home / "entries.ldif").write_text(ENTRIES + "".join(entries))
        self.home.chmod(0o755)
        command = ["slapadd", "-q", "-f", str(self.home / "slapd.conf"), "-l", str(self.home / "entries.ldif")]
        subprocess.run(command, check=True, capture_output=True)
        for each in (self.home, *self.home.rglob("*")):
            os.chown(each, NOBODY, NOBODY)

    def start(self, address: str = "127.0.0.1") -> None:
        command = self.command(address)
        unprivileged = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **unprivileged)
        self._await(address)

    def command(self, address: str = "127.0.0.1") -> list[str]:
        urls = f"ldap://{address}:{self.port} ldaps://{address}:{self.secure_port}"
        return ["slapd", "-d", "0", "-f", str(self.home / "slapd.conf"), "-h", urls]

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It takes connections, and says nothing."""
        self._signal(signal.SIGSTOP)
        assert self._process is not None
        await_stopped(self._process.pid)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _await(self, address: str) -> None:
        end = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                socket.create_connection((address, self.port), 1.0).close()
            except OSError:
                assert self._process is not None
                assert self._process.poll() is None, "slapd ended at once"
                assert time.monotonic() < end, "slapd does not answer"
                time.sleep(0.02)
            else:
                return


def certify(home: Path, name: str = "server") -> None:
    """An authority, and a certificate of it for localhost and 127.0.0.1."""
    _openssl(home, "req", "-x509", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=directory CA", "-days", "2")
    _openssl(home, "req", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=localhost")
    (home / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:192.0.2.1")
    command = ["openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key"]
    subprocess.run(
        [*command, "-extfile", "names", "-days", "2", "-out", f"{name}.crt"], cwd=home, check=True, capture_output=True
    )


def _openssl(home: Path, *words: str) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    subprocess.run(["openssl", *words, *key], cwd=home, check=True, capture_output=True)


@contextmanager
def filled(*entries: str) -> Iterator[Slapd]:
    """Not running. Its files are where a user without rights reaches them, which is not below pytest's directory."""
    with tempfile.TemporaryDirectory(prefix="slapd-") as home:
        slapd = Slapd(Path(home))
        slapd.fill(*entries)
        try:
            yield slapd
        finally:
            slapd.stop()


@contextmanager
def running(*entries: str) -> Iterator[Slapd]:
    with filled(*entries) as slapd:
        slapd.start()
        yield slapd
