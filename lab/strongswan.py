"""strongSwan (charon with ESP in user space) as gateway and as client, each on a node of the lab."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from lab.internet import GATEWAY
from lab.node import Finished, LabError, Node, Running, wait_until
from lab.strongswan_v2 import Client, Gateway

HOWTO_SUITE = "aes128-sha1-modp1024"
_PLUGINS = (
    "random nonce aes des sha1 sha2 md5 hmac kdf gmp x509 pem pkcs1 pkcs8 pubkey revocation constraints openssl "
    "kernel-libipsec kernel-netlink socket-default vici xauth-generic eap-identity eap-mschapv2 eap-gtc eap-md5 "
    "eap-tls eap-ttls gcm mgf1"
)
_STRONGSWAN = """charon {{
    load = {plugins}
    cisco_unity = {unity}
    i_dont_care_about_security_and_use_aggressive_mode_psk = yes
    install_virtual_ip = yes
    fragment_size = {fragment_size}
    retransmit_timeout = 2.0
    retransmit_tries = {tries}
    make_before_break = yes
    plugins {{
        vici {{ socket = unix://{vici} }}
        kernel-libipsec {{ allow_peer_ts = yes }}
        kernel-netlink {{ fwmark = !0x42 }}
        socket-default {{ fwmark = 0x42 }}
        resolve {{ file = /etc/resolv.conf }}
        eap-gtc {{ backend = generic }}
        eap-ttls {{ phase2_method = mschapv2 }}
    }}
    filelog {{ stderr {{ default = 1
        ike = 2
        time_format = %H:%M:%S }} }}
}}
"""
_GATEWAY = """connections {{ ra {{
    version = 1
    aggressive = {aggressive}
    local_addrs = {address}
    proposals = {proposals}
    pools = inner{and6}
    unique = no
    fragmentation = {fragmentation}
    encap = yes
    dpd_delay = 20s
    pull = {pull}
    send_cert = always
{rounds}
    children {{ net {{
        local_ts = {networks}
        esp_proposals = {esp}
        {lives}
        mode = tunnel }} {child6} }} }} }}
pools {{ inner {{ addrs = 10.99.99.10-10.99.99.100
    dns = 10.99.99.1
    28672 = Welcome to the interop lab
    28674 = lab.example.org }} {pool6} }}
secrets {{
    ike-group {{ secret = "{group_key}" }}
    xauth-alice {{ id = alice
        secret = "{password}" }} }}
"""
_CLIENT = """connections {{ ra {{
    version = 1
    aggressive = {aggressive}
    remote_addrs = {gateway}
    proposals = {proposals}
    vips = 0.0.0.0{and6}
    fragmentation = {fragmentation}
    encap = yes
    dpd_delay = 20s
    pull = {pull}
    send_cert = always
{rounds}
    children {{ net {{
        remote_ts = {networks}
        {lives}
        esp_proposals = {esp} }} {child6} }} }} }}
secrets {{
    ike-group {{ secret = "{group_key}" }}
    xauth-user {{ id = {user}
        secret = "{password}" }} }}
"""
_WITHOUT_IPV6 = {"and6": "", "child6": "", "pool6": ""}
_GATEWAY_IPV6 = {
    "and6": ", inner6",
    "child6": "net6 {{ local_ts = ::/0\nesp_proposals = {esp}\nmode = tunnel }}",
    "pool6": "inner6 {{ addrs = fd00:99::10-fd00:99::100\ndns = fd00:113::53\nsubnet = fd00:113::/64 }}",
}
_CLIENT_IPV6 = {
    "and6": ", ::",
    "child6": "net6 {{ local_ts = fd00:99::1/128\nremote_ts = ::/0\nesp_proposals = {esp} }}",
}
"""A client of IKEv1 offers one pair of networks; for IPv6 it must know its address, the first of the gateway's pool."""
_SERVED = {
    "proposals": "aes256-sha256-modp2048,aes256-sha1-modp2048,aes128-sha1-modp2048,aes128-sha1-modp1024",
    "esp": "aes256-sha256,aes256-sha1,aes128-sha1,aes128-sha1-modp1024",
}
GROUP_KEY = "groupsecret-of-the-lab"
_PROOFS = {
    # method: how the gateway proves itself, how the client does
    "hybrid": ("pubkey", ("xauth",)),
    "xauth_psk": ("psk", ("psk", "xauth")),
    "xauth_rsa": ("pubkey", ("pubkey", "xauth")),
    "psk": ("psk", ("psk",)),
    "rsa": ("pubkey", ("pubkey",)),
}


def _gateway_rounds(method: str, identity: str) -> str:
    """The sections by which a gateway proves itself and its clients do."""
    own, clients = _PROOFS[method]
    certificate = "certs = vpngw.crt" if own == "pubkey" else ""
    trust = {"pubkey": "cacerts = ca.crt"}
    remote = [f"remote-{kind} {{ auth = {kind}\n{trust.get(kind, '')} }}" for kind in clients]
    return "\n".join((f"local {{ auth = {own}\nid = {identity}\n{certificate} }}", *remote))


def _client_rounds(method: str, identity: str, user: str) -> str:
    """The same on the client; `identity` is the gateway's."""
    gateway, own = _PROOFS[method]
    details = {"pubkey": "certs = user.crt", "xauth": f"xauth_id = {user}"}
    local = [f"local-{kind} {{ auth = {kind}\n{details.get(kind, '')} }}" for kind in own]
    trust = "cacerts = ca.crt" if gateway == "pubkey" else ""
    return "\n".join((*local, f'remote {{ auth = {gateway}\nid = "{identity}"\n{trust} }}'))


_USUAL = {
    "fragmentation": "yes",
    "aggressive": "yes",
    "method": "hybrid",
    "group_key": GROUP_KEY,
    "pull": "yes",
    "lives": "",
}


def _filled(options: dict[str, str], ipv6: dict[str, str]) -> dict[str, str]:
    """The options, with what belongs to IPv6 where `ipv6` is one of them."""
    parts = {**_WITHOUT_IPV6, **(ipv6 if options.pop("ipv6", "") else {})}
    return {**{name: part.format(**options) for name, part in parts.items()}, **options}


class Charon:
    """One charon on a node, with its own configuration directory and control socket."""

    plugins = _PLUGINS

    def __init__(self, node: Node, *, fragment_size: int = 1280, unity: bool = False, tries: int = 5) -> None:
        self.node = node
        self.directory = node.directory / "strongswan"
        self.directory.mkdir(exist_ok=True)
        for name in ("x509", "x509ca", "private"):
            (self.directory / name).mkdir(exist_ok=True)
        self._uri = f"unix://{self.directory}/vici"
        plugins = self.plugins + (" unity" if unity else "") + " attr resolve"
        (self.directory / "strongswan.conf").write_text(
            _STRONGSWAN.format(
                plugins=plugins,
                unity="yes" if unity else "no",
                fragment_size=fragment_size,
                tries=tries,
                vici=self.directory / "vici",
            )
        )
        self.running: Running | None = None

    def serve(
        self, certificate: Path, key: Path, *, identity: str, password: str = "alicepass", **options: str
    ) -> None:
        """A gateway: user alice, pool from 10.99.99.10. `options`: address, networks, proposals, esp, fragmentation,
        aggressive, method (of lab.matrix.METHODS; those by which clients sign trust the ca.crt beside the
        certificate), group_key, pull (no: the configuration is pushed), lives (lines of the child), ipv6 ("yes": a pool
        of it). A vpngw-issuer.crt beside the certificate is sent along with it."""
        self._prove(certificate, key)
        chosen = {"address": "192.0.2.50", "networks": "0.0.0.0/0", **_SERVED, **_USUAL, **options}
        rounds = _gateway_rounds(chosen.pop("method"), identity)
        self._load(_GATEWAY.format(rounds=rounds, password=password, **_filled(chosen, _GATEWAY_IPV6)))

    def join(self, authority: Path, gateway: str, *, identity: str, user: str, password: str, **options: str) -> None:
        """A client, ready for `initiate`. `options`: networks, proposals, esp, fragmentation, aggressive, method (of
        lab.matrix.METHODS; a client that signs takes user.crt and user.key beside `authority`), group_key, pull (no: it
        waits for a push), lives (lines of the child), ipv6 ("yes": it asks for an address, and has a second child,
        net6). The issuer of its certificate may be user-issuer.crt."""
        self._believe(authority)
        chosen = {
            "networks": "0.0.0.0/0",
            "proposals": "aes256-sha256-modp2048",
            "esp": "aes256-sha256",
            **_USUAL,
            **options,
        }
        rounds = _client_rounds(chosen.pop("method"), identity, user)
        chosen = _filled(chosen, _CLIENT_IPV6)
        self._load(_CLIENT.format(gateway=gateway, rounds=rounds, user=user, password=password, **chosen))

    def serve_v2(self, certificate: Path, key: Path, gateway: Gateway) -> None:
        """A gateway of IKEv2; what it needs stands where `serve` looks for it."""
        self._prove(certificate, key)
        self._load(gateway.text())

    def join_v2(self, authority: Path, client: Client) -> None:
        """A client of IKEv2, ready for `initiate`; its certificate stands where `join` looks for it."""
        self._believe(authority)
        self._load(client.text())

    def join_as_alice(self, authority: Path, suite: str = HOWTO_SUITE, esp: str = HOWTO_SUITE) -> None:
        """A client of the HOW-TO's gateway, with its algorithms."""
        alice = {"user": "alice", "password": "alicepass"}
        self.join(authority, GATEWAY, identity="CN=gateway", **alice, proposals=suite, esp=esp)

    def _prove(self, certificate: Path, key: Path) -> None:
        """A gateway's files."""
        shutil.copy(certificate, self.directory / "x509" / "vpngw.crt")
        shutil.copy(key, self.directory / "private" / "vpngw.key")
        self._trust(certificate, "ca.crt", "vpngw-issuer.crt")

    def _believe(self, authority: Path) -> None:
        """A client's files: whom it trusts, and its own certificate where there is one."""
        self._trust(authority, "ca.crt", "user-issuer.crt")
        for kind, file in (("x509", "user.crt"), ("private", "user.key")):
            if authority.with_name(file).exists():
                shutil.copy(authority.with_name(file), self.directory / kind / file)

    def _trust(self, beside: Path, *names: str) -> None:
        for name in names:
            if beside.with_name(name).exists():
                shutil.copy(beside.with_name(name), self.directory / "x509ca" / name)

    def initiate(self, patience: float = 40.0, *, child: str = "net") -> str:
        """What swanctl tells of the connection; `LabError` when it fails."""
        return self.control("--initiate", "--child", child, "--timeout", str(int(patience)))

    def terminate(self) -> str:
        return self.control("--terminate", "--ike", "ra", "--timeout", "40")

    def sessions(self) -> str:
        return self.control("--list-sas")

    def control(self, *words: str) -> str:
        done = self._ask("swanctl", *words, "--uri", self._uri)
        if done.code:
            raise LabError(f"swanctl {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _ask(self, *argv: str) -> Finished:
        """From outside: the socket is a file of the lab."""
        environment = {**os.environ, **self._environment}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return Finished(done.returncode, done.stdout, done.stderr)

    def journal(self) -> str:
        return self.running.text() if self.running else ""

    def stop(self) -> int:
        return self.running.stop() if self.running else 0

    @property
    def _environment(self) -> dict[str, str]:
        return {"STRONGSWAN_CONF": str(self.directory / "strongswan.conf"), "SWANCTL_DIR": str(self.directory)}

    def _load(self, configuration: str) -> None:
        (self.directory / "swanctl.conf").write_text(configuration)
        (self.directory / "vici").unlink(missing_ok=True)  # of one that was killed
        self.running = self.node.start("charon", "/usr/lib/ipsec/charon", environment=self._environment)
        if not wait_until((self.directory / "vici").exists):
            raise LabError(f"charon does not start:\n{self.running.text()[-2000:]}")
        self.control("--load-all", "--noprompt")
