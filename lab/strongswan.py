"""strongSwan (charon with ESP in user space) as gateway and as client, each on a node of the lab."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from lab.node import LabError, Node, Running, wait_until

_PLUGINS = (
    "random nonce aes des sha1 sha2 md5 hmac kdf gmp x509 pem pkcs1 pkcs8 pubkey revocation constraints openssl "
    "kernel-libipsec kernel-netlink socket-default vici xauth-generic eap-identity"
)
_STRONGSWAN = """charon {{
    load = {plugins}
    cisco_unity = {unity}
    i_dont_care_about_security_and_use_aggressive_mode_psk = yes
    install_virtual_ip = yes
    fragment_size = {fragment_size}
    retransmit_timeout = 2.0
    plugins {{
        vici {{ socket = unix://{vici} }}
        kernel-libipsec {{ allow_peer_ts = yes }}
        kernel-netlink {{ fwmark = !0x42 }}
        socket-default {{ fwmark = 0x42 }}
        resolve {{ file = /etc/resolv.conf }}
    }}
    filelog {{ stderr {{ default = 1
        ike = 2
        time_format = %H:%M:%S }} }}
}}
"""
_GATEWAY = """connections {{ ra {{
    version = 1
    aggressive = yes
    local_addrs = {address}
    proposals = aes256-sha256-modp2048,aes256-sha1-modp2048,aes128-sha1-modp2048,aes128-sha1-modp1024
    pools = inner
    unique = no
    fragmentation = {fragmentation}
    encap = yes
    dpd_delay = 20s
    send_cert = always
    local {{ auth = pubkey
        certs = vpngw.crt
        id = {identity} }}
    remote {{ auth = xauth }}
    children {{ net {{
        local_ts = {networks}
        esp_proposals = aes256-sha256,aes256-sha1,aes128-sha1,aes128-sha1-modp1024
        mode = tunnel }} }} }} }}
pools {{ inner {{ addrs = 10.99.99.10-10.99.99.100
    dns = 10.99.99.1
    28672 = Welcome to the interop lab
    28674 = lab.example.org }} }}
secrets {{ xauth-alice {{ id = alice
    secret = "{password}" }} }}
"""
_CLIENT = """connections {{ ra {{
    version = 1
    aggressive = yes
    remote_addrs = {gateway}
    proposals = {proposals}
    vips = 0.0.0.0
    fragmentation = {fragmentation}
    encap = yes
    dpd_delay = 20s
    local {{ auth = xauth
        xauth_id = {user} }}
    remote {{ auth = pubkey
        id = "{identity}"
        cacerts = ca.crt }}
    children {{ net {{
        remote_ts = {networks}
        esp_proposals = {esp} }} }} }} }}
secrets {{ xauth-user {{ id = {user}
    secret = "{password}" }} }}
"""


class Charon:
    """One charon on a node, with its own configuration directory and control socket."""

    def __init__(self, node: Node, *, fragment_size: int = 1280, unity: bool = False) -> None:
        self.node = node
        self.directory = node.directory / "strongswan"
        self.directory.mkdir(exist_ok=True)
        for name in ("x509", "x509ca", "private", "rsa"):
            (self.directory / name).mkdir(exist_ok=True)
        self._uri = f"unix://{self.directory}/vici"
        plugins = _PLUGINS + (" unity" if unity else "") + " attr resolve"
        (self.directory / "strongswan.conf").write_text(
            _STRONGSWAN.format(
                plugins=plugins,
                unity="yes" if unity else "no",
                fragment_size=fragment_size,
                vici=self.directory / "vici",
            )
        )
        self.running: Running | None = None

    def serve(
        self, certificate: Path, key: Path, *, identity: str, password: str = "alicepass", **options: str
    ) -> None:
        """A gateway: user alice, pool from 10.99.99.10. `options`: address, networks, fragmentation."""
        shutil.copy(certificate, self.directory / "x509" / "vpngw.crt")
        shutil.copy(key, self.directory / "rsa" / "vpngw.key")
        chosen = {"address": "192.0.2.50", "networks": "0.0.0.0/0", "fragmentation": "yes", **options}
        self._load(_GATEWAY.format(identity=identity, password=password, **chosen))

    def join(self, authority: Path, gateway: str, *, identity: str, user: str, password: str, **options: str) -> None:
        """A client, ready for `initiate`. `options`: networks, proposals, esp, fragmentation."""
        shutil.copy(authority, self.directory / "x509ca" / "ca.crt")
        chosen = {
            "networks": "0.0.0.0/0",
            "proposals": "aes256-sha256-modp2048",
            "esp": "aes256-sha256",
            "fragmentation": "yes",
            **options,
        }
        self._load(_CLIENT.format(gateway=gateway, identity=identity, user=user, password=password, **chosen))

    def initiate(self, patience: float = 40.0) -> str:
        """What swanctl tells of the connection; `LabError` when it fails."""
        return self.control("--initiate", "--child", "net", "--timeout", str(int(patience)))

    def terminate(self) -> str:
        return self.control("--terminate", "--ike", "ra", "--timeout", "10")

    def sessions(self) -> str:
        return self.control("--list-sas")

    def control(self, *words: str) -> str:
        done = subprocess.run(
            ["swanctl", *words, "--uri", self._uri],
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise LabError(f"swanctl {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self) -> int:
        return self.running.stop() if self.running else 0

    @property
    def _environment(self) -> dict[str, str]:
        return {"STRONGSWAN_CONF": str(self.directory / "strongswan.conf"), "SWANCTL_DIR": str(self.directory)}

    def _load(self, configuration: str) -> None:
        (self.directory / "swanctl.conf").write_text(configuration)
        self.running = self.node.start("charon", "/usr/lib/ipsec/charon", environment=self._environment)
        if not wait_until((self.directory / "vici").exists, 10):
            raise LabError(f"charon does not start:\n{self.running.text()[-2000:]}")
        self.control("--load-all", "--noprompt")
