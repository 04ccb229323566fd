"""The gateways that are dialled: lotor's daemon and strongSwan's charon, with one suite, people and an address pool.

Neither writes a journal of what goes well. Both listen at the gateway's address of a link.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from bench.link import GATEWAY, Link
from bench.peers import certificate, dialled_gateway, swanctl
from lab import lotor as lab_lotor
from lab import pki
from lab.lotor import PROGRAM, Lotor
from lab.node import LabError, Running, wait_until

GROUPS = {2: "modp1024", 14: "modp2048", 19: "ecp256", 31: "curve25519"}
"""Numbers of IKE, and the names that both configurations take."""
PASSWORD = "of-a-benchmark"
PEOPLE = 64
POOL = 12000
FIRST_INSIDE = "10.99.0.1"
USERS = "/etc/lotor/users"
QUICK = "ab"
"""The traditional DES of libcrypt."""

_SETTINGS = """
charon {{
    load = random nonce openssl kdf pem pkcs1 pkcs8 x509 pubkey kernel-libipsec kernel-netlink socket-default vici \
{plugin} attr
    install_virtual_ip = no
    install_routes = no
    dos_protection = {guarded}
    ikesa_table_size = 4096
    ikesa_table_segments = 16
    filelog {{ stderr {{ default = 0 }} }}
    plugins {{
        vici {{ socket = unix://{vici} }}
        kernel-libipsec {{ allow_peer_ts = yes }}
        kernel-netlink {{ fwmark = !0x42 }}
        socket-default {{ fwmark = 0x42 }}
{settings}
    }}
}}
"""
_CONNECTION = """
connections {{ ra {{
    version = 1
    aggressive = yes
    local_addrs = {address}
    proposals = aes128-sha1-{group}
    pools = inner
    unique = no
    fragmentation = yes
    encap = yes
    send_cert = always
    local {{ auth = pubkey
        id = {address}
        certs = gateway.crt }}
    remote {{ auth = xauth-{login} }}
    children {{ net {{
        local_ts = 0.0.0.0/0
        esp_proposals = aes128-sha1 }} }} }} }}
pools {{ inner {{ addrs = 10.99.0.1-10.99.60.254 }} }}
secrets {{
{people}
}}
"""


@dataclass(frozen=True, slots=True)
class Login:
    """Who judges strongSwan's logins: the name behind `xauth-`, the plugins, and their settings."""

    name: str = "generic"
    plugin: str = "xauth-generic"
    settings: str = ""


OWN_SECRETS = Login()


@dataclass(frozen=True, slots=True)
class Gateway:
    """`start` returns the program when it serves. `effort`: so many times fewer handshakes are measured. `version`: of
    IKE, by which it is dialled; `more`: numbers of the key exchanges that follow the first one."""

    name: str
    start: Callable[[Link, int], Running]
    effort: int = 1
    version: int = 1
    more: tuple[int, ...] = ()


def lotor(link: Link, group: int, *options: str) -> Running:
    """Logins of the host's own accounts, with the quickest hash that there is: as strongSwan, which compares plain
    passwords, it spends next to nothing."""
    add_accounts(link)
    return dialled_gateway(link, **directives(group), auth_source="system").start(*options)


def add_accounts(link: Link) -> None:
    """Everybody has an account of the host."""
    accounts = [f"user{number}" for number in range(PEOPLE)]
    passwd = "".join(f"{name}:x:{2000 + number}:2000::/:/bin/false\n" for number, name in enumerate(accounts))
    shadow = "".join(f"{name}:{crypted(PASSWORD, QUICK)}:19000:0:99999:7:::\n" for name in accounts)
    for file, more, mode in (("/etc/passwd", passwd, 0o644), ("/etc/shadow", shadow, 0o600)):
        link.gateway.write(file, link.gateway.path(file).read_text() + more, mode)


def alone(link: Link, group: int) -> Running:
    return lotor(link, group, "--single-process")


def lotor_argon(link: Link, group: int) -> Running:
    """Logins of lotor's own people: Argon2id at every login."""
    return lotor_local(link, group, PEOPLE, remember="0 sec").start()


def lotor_local(link: Link, group: int, people: int, remember: str = "8 hour", facts: str = "") -> Lotor:
    """lotor's own people, not started yet. One hash for all of them: it is the same password. `facts`: of each."""
    program = dialled_gateway(link, **directives(group), auth_source=f"local; auth_remember {remember}")
    lab_lotor.add_user(program, "user0", PASSWORD)
    if facts:
        name, _, value = facts.partition("=")
        link.gateway.run(*PROGRAM, "user", "import", "--update", "-", stdin=f"name,{name}\nuser0,{value}\n")
    users = link.gateway.path(USERS)
    line = next(each for each in users.read_text().splitlines() if each.startswith("user0:"))
    users.write_text("".join(line.replace("user0:", f"user{number}:", 1) + "\n" for number in range(people)))
    return program


def directives(group: int) -> dict[str, str]:
    """More tunnels than people: one has many."""
    many = {"generate_policy": "on; max_sessions 65535"}
    return {"dh_group": str(group), "network4": FIRST_INSIDE, "pool_size": str(POOL), **many}


@cache
def crypted(password: str, setting: str) -> str:
    """By libcrypt, as shadow has it."""
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    made: bytes = library.crypt(password.encode(), setting.encode())
    return made.decode()


def charon(link: Link, group: int, *, guarded: bool = False, login: Login = OWN_SECRETS) -> Running:
    """`guarded`: with its limits for strangers, as it is installed; benchmarks dial from one address."""
    people = passwords("xauth", PEOPLE)
    connection = _CONNECTION.format(address=GATEWAY, group=GROUPS[group], people=people, login=login.name)
    return serving(link, connection, certificate(), login, "yes" if guarded else "no")


def passwords(kind: str, people: int) -> str:
    """The secrets of so many, as swanctl has them."""
    return "\n".join(f'{kind}-{number} {{ id = user{number}\nsecret = "{PASSWORD}" }}' for number in range(people))


def serving(link: Link, connection: str, own: pki.Issued, login: Login, guarded: str = "no") -> Running:
    """A charon with that connection, which calls its certificate gateway.crt."""
    home = link.directory / "charon"
    for name in ("x509", "private"):
        (home / name).mkdir(parents=True)
    (home / "x509" / "gateway.crt").write_bytes(own.certificate)
    (home / "private" / "gateway.key").write_bytes(own.key)
    settings = _SETTINGS.format(vici=home / "vici", guarded=guarded, plugin=login.plugin, settings=login.settings)
    (home / "strongswan.conf").write_text(settings)
    (home / "swanctl.conf").write_text(connection)
    environment = {"STRONGSWAN_CONF": str(home / "strongswan.conf")}
    running = link.gateway.start("charon", "/usr/lib/ipsec/charon", environment=environment)
    if not wait_until((home / "vici").exists, 10):
        raise LabError(f"charon does not start:\n{running.text()[-2000:]}")
    swanctl(link.gateway, home, "--load-all", "--noprompt")
    return running


LOTOR = Gateway("lotor", lotor)
ALONE = Gateway("lotor --single-process", alone)
LOTOR_ARGON = Gateway("lotor, Argon2id", lotor_argon, effort=10)
CHARON = Gateway("strongSwan", charon)
