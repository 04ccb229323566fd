"""Gateways by who judges their logins: lotor and strongSwan with the same accounts, the same FreeRADIUS, and what only
one of them has. The servers run beside the gateway, on its own loopback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench import gateways
from bench.gateways import PASSWORD, PEOPLE
from bench.link import Link
from bench.peers import dialled_gateway
from lab import freeradius
from lab.lotor import CONFIGURATION, Lotor
from lab.node import Running

LOOPBACK = "127.0.0.1"
GROUP = 31
"""Curve25519, the group that costs the least: logins are compared, not handshakes."""
TOTP_KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
CROWD = 512
"""People with a second factor: no code counts twice, so that each of them logs in once while a code is good."""
SOCKETS = 8
"""strongSwan asks its server so many questions at a time; by default it is one."""

_PAM = "auth required pam_unix.so\naccount required pam_unix.so\n"
_LDAPCFG = f"""
ldapcfg {{
    uri "ldap://{LOOPBACK}";
    clear_text on;
    base "dc=example,dc=net";
    bind_dn "cn=lotor,dc=example,dc=net";
    bind_pw "MyDirtySecret";
    attr_user "uid";
}}
"""
_SLAPD = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
maxsize 16777216
suffix "dc=example,dc=net"
directory {home}
index uid eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=lotor,dc=example,dc=net" read by anonymous auth by * none
"""
_BASE = """\
dn: dc=example,dc=net
objectClass: domain
dc: example

dn: cn=lotor,dc=example,dc=net
objectClass: device
objectClass: simpleSecurityObject
cn: lotor
userPassword: MyDirtySecret

"""
_PERSON = """\
dn: uid={user},dc=example,dc=net
objectClass: inetOrgPerson
uid: {user}
cn: {user}
sn: {user}
userPassword: {password}

"""
_EAP_RADIUS = f"""\
        eap-radius {{
            accounting = no
            servers {{ one {{ address = {LOOPBACK}
                secret = {freeradius.SECRET}
                sockets = {SOCKETS} }} }}
        }}
"""
_XAUTH_PAM = "        xauth-pam { pam_service = racoon }\n"


@dataclass(frozen=True, slots=True)
class BackEnd:
    """`start` returns the gateway when it serves. `beside`: the name of the one of strongSwan that it is compared with.
    `effort`: so many times fewer logins are measured. `crowd`: so many people with a second factor."""

    name: str
    start: Callable[[Link], Running]
    beside: str = ""
    effort: int = 1
    crowd: int = 0


def names() -> list[str]:
    return [f"user{number}" for number in range(PEOPLE)]


def radius(link: Link) -> Running:
    serve_radius(link)
    link.gateway.write("/etc/radius.conf", f"auth {LOOPBACK} {freeradius.SECRET}\n", 0o600)
    return gateway(link, "radius").start()


def pam(link: Link) -> Running:
    gateways.add_accounts(link)
    link.gateway.write("/etc/pam.d/racoon", _PAM)
    return gateway(link, "pam").start()


def ldap(link: Link) -> Running:
    serve_ldap(link)
    program = gateway(link, "ldap")
    program.configure(link.gateway.path(CONFIGURATION).read_text() + _LDAPCFG)
    link.gateway.path(CONFIGURATION).chmod(0o600)
    return program.start()


def totp(link: Link) -> Running:
    """The password's hash, and then a code behind the password, for each login."""
    return gateways.lotor_local(link, GROUP, CROWD, "0 sec", facts=f"totp={TOTP_KEY}").start()


def gateway(link: Link, source: str) -> Lotor:
    return dialled_gateway(link, **gateways.directives(GROUP), auth_source=source)


def serve_radius(link: Link) -> None:
    people = "".join(f'{name} Cleartext-Password := "{PASSWORD}"\n' for name in names())
    freeradius.Server(link.gateway, LOOPBACK, people)


def serve_ldap(link: Link) -> None:
    node, home = link.gateway, "/run/slapd"
    entries = _BASE + "".join(_PERSON.format(user=name, password=PASSWORD) for name in names())
    node.write(f"{home}/slapd.conf", _SLAPD.format(home=home), 0o600)
    node.write(f"{home}/entries", entries, 0o600)
    node.run("slapadd", "-q", "-f", f"{home}/slapd.conf", "-l", f"{home}/entries")
    node.start("slapd", "slapd", "-d", "256", "-f", f"{home}/slapd.conf", "-h", f"ldap://{LOOPBACK}").expect("starting")


def charon_radius(link: Link) -> Running:
    serve_radius(link)
    return gateways.charon(link, GROUP, login=gateways.Login("radius", "eap-radius", _EAP_RADIUS))


def charon_pam(link: Link) -> Running:
    gateways.add_accounts(link)
    link.gateway.write("/etc/pam.d/racoon", _PAM)
    return gateways.charon(link, GROUP, login=gateways.Login("pam", "xauth-pam", _XAUTH_PAM))


OWN, RADIUS, PAM = "strongSwan, its own secrets", "strongSwan, xauth-radius", "strongSwan, xauth-pam"
BACK_ENDS = (
    BackEnd("lotor, radius", radius, RADIUS),
    BackEnd(RADIUS, charon_radius),
    BackEnd("lotor, pam", pam, PAM, effort=4),
    BackEnd(PAM, charon_pam),
    BackEnd("lotor, ldap", ldap),
    BackEnd("lotor, system", lambda link: gateways.lotor(link, GROUP), OWN),
    BackEnd("lotor, local", lambda link: gateways.lotor_argon(link, GROUP), OWN, effort=8),
    BackEnd("lotor, local with TOTP", totp, OWN, effort=8, crowd=CROWD),
    BackEnd(OWN, lambda link: gateways.charon(link, GROUP)),
)
