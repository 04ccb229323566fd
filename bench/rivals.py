"""VPN programs that are compared where a connection has to last: for each a gateway and a client with a name and a
password, at the same places of the lab, with the defaults that its own documentation recommends to people on the road.

All of them serve 10.99.99.0/24 and lead to the inside network alone.
"""

from __future__ import annotations

import os
import shutil
import signal
from abc import ABC, abstractmethod

from lab import lotor, pki
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.node import LabError, Node, Running, descendants, wait_until

USER, PASSWORD = "alice", "alicepass"
PATIENCE = 30.0


class Rival(ABC):
    """One program in a small internet of its own. `gateway` and `client` are what runs of it, None before."""

    name: str
    settings: str
    """What a reader has to know of the configuration, in a line."""
    program: str
    """That is there where it is installed."""
    told_by: signal.Signals | None = None
    """The signal by which the client's documentation wants it to be told of a change of network."""

    def __init__(self, net: Internet) -> None:
        self.net = net
        self.gateway: Running | None = None
        self.client: Running | None = None
        self.files = net.directory / "certificates"
        authority = pki.authority()
        authority.save(self.files, "ca")
        pki.gateway(authority, GATEWAY).save(self.files, "vpngw")

    @abstractmethod
    def serve(self) -> None:
        """Starts the gateway; returns at the moment when clients may come."""

    @abstractmethod
    def dial(self) -> None:
        """Starts the client and logs in."""

    @property
    def dialled(self) -> Running:
        """The client. Raises `LabError` before `dial`."""
        if self.client is None:
            raise LabError(f"{self.name} has no client yet")
        return self.client

    def connected(self) -> bool:
        return ping(self.net.client, INSIDE_HOST)

    def moved(self) -> None:
        """The client's programs are told of a change of network, where they have to be."""
        if self.told_by:
            for pid in processes(self.client):
                os.kill(pid, self.told_by)

    def kill(self) -> None:
        """The gateway is gone without a word, and all of its processes."""
        for pid in processes(self.gateway):
            os.kill(pid, signal.SIGKILL)
        if self.gateway:
            self.gateway.process.wait(10)

    def leave(self) -> None:
        """The client is gone, whatever it was doing."""
        for pid in processes(self.client):
            os.kill(pid, signal.SIGKILL)
        self.dialled.process.wait(10)

    def place(self, directory: str) -> None:
        """The certificates at both ends."""
        for node in (self.net.gateway, self.net.client):
            for file in self.files.iterdir():
                node.write(f"{directory}/{file.name}", file.read_bytes(), 0o600)


class Lotor(Rival):
    name = "lotor"
    settings = "auto_connect on, kill_switch on, dpd_delay 20"
    program = "python3"

    def __init__(self, net: Internet) -> None:
        super().__init__(net)
        self._gateway = lotor.gateway(net.gateway, self.files)
        lotor.add_user(self._gateway, USER, PASSWORD)
        stays = {"passive": "off; auto_connect on; kill_switch on"}
        self._client = lotor.client(net.client, self.files, **stays)

    def serve(self) -> None:
        self.gateway = self._gateway.launch()
        said(self.gateway, "lotor serves with")

    def dial(self) -> None:
        self.client = self._client.start("-d")
        done = lotor.connect(self._client, USER, PASSWORD)
        if done.code:
            raise LabError(f"lotor does not connect: {done}\n{self._client.journal()[-2000:]}")


_VERIFY = f"""#!/bin/sh
[ "$(head -n 1 "$1")" = {USER} ] && [ "$(tail -n 1 "$1")" = {PASSWORD} ]
"""


class OpenVpn(Rival):
    name = "OpenVPN"
    settings = "its sample files: keepalive 10 60, persist-tun, persist-key, nobind; clients that move are followed"
    program = "openvpn"
    _server = (
        *("--port", "1194", "--proto", "udp", "--dev", "tun", "--dh", "none", "--topology", "subnet"),
        *("--ca", "/etc/vpn/ca.crt", "--cert", "/etc/vpn/vpngw.crt", "--key", "/etc/vpn/vpngw.key"),
        *("--server", "10.99.99.0", "255.255.255.0", "--ifconfig-pool-persist", "/run/ipp.txt", "1"),
        *("--push", "route 203.0.113.0 255.255.255.0", "--keepalive", "10", "60", "--persist-key", "--persist-tun"),
        *("--verify-client-cert", "none", "--username-as-common-name", "--script-security", "2"),
        *("--auth-user-pass-verify", "/etc/vpn/verify", "via-file", "--explicit-exit-notify", "1", "--verb", "3"),
    )
    _client = (
        *("--client", "--dev", "tun", "--proto", "udp", "--remote", GATEWAY, "1194", "--resolv-retry", "infinite"),
        *("--nobind", "--persist-key", "--persist-tun", "--ca", "/etc/vpn/ca.crt", "--verify-x509-name", "gateway"),
        *("name", "--auth-user-pass", "/etc/vpn/login", "--verb", "3"),
    )

    def __init__(self, net: Internet) -> None:
        super().__init__(net)
        self.place("/etc/vpn")
        net.gateway.write("/etc/vpn/verify", _VERIFY, 0o755)
        net.client.write("/etc/vpn/login", f"{USER}\n{PASSWORD}\n", 0o600)

    def serve(self) -> None:
        self.gateway = self.net.gateway.start("openvpn", "openvpn", *self._server)
        said(self.gateway, "Initialization Sequence Completed")

    def dial(self) -> None:
        self.client = self.net.client.start("openvpn", "openvpn", *self._client)
        said(self.client, "Initialization Sequence Completed")


_OCSERV = """auth = "plain[passwd=/etc/vpn/passwd]"
tcp-port = 443
udp-port = 443
run-as-user = ocserv
run-as-group = ocserv
socket-file = /run/ocserv-socket
server-cert = /etc/vpn/vpngw.crt
server-key = /etc/vpn/vpngw.key
isolate-workers = true
keepalive = 32400
dpd = 90
mobile-dpd = 1800
switch-to-tcp-timeout = 25
cookie-timeout = 300
deny-roaming = false
rekey-time = 172800
pid-file = /run/ocserv.pid
device = vpns
predictable-ips = true
ipv4-network = 10.99.99.0
ipv4-netmask = 255.255.255.0
ping-leases = false
route = 203.0.113.0/255.255.255.0
cisco-client-compat = true
log-level = 1
"""


class Openconnect(Rival):
    name = "ocserv, openconnect"
    settings = (
        "Debian's file: dpd 90, cookie-timeout 300, deny-roaming false; a script tells openconnect of a new network by "
        "SIGUSR2, as its manual advises"
    )
    program = "ocserv"
    told_by = signal.SIGUSR2

    def __init__(self, net: Internet) -> None:
        super().__init__(net)
        self.place("/etc/vpn")
        net.gateway.write("/etc/vpn/ocserv.conf", _OCSERV)
        net.gateway.run("ocpasswd", "-c", "/etc/vpn/passwd", USER, stdin=f"{PASSWORD}\n{PASSWORD}\n")
        net.client.write("/etc/vpn/password", f"{PASSWORD}\n", 0o600)

    def serve(self) -> None:
        self.net.gateway.run("rm", "-f", "/run/ocserv.pid")
        self.gateway = self.net.gateway.start("ocserv", "ocserv", "-f", "-c", "/etc/vpn/ocserv.conf")
        said(self.gateway, "listening (UDP)", "initialized")

    def dial(self) -> None:
        words = (
            f"exec openconnect --protocol=anyconnect --cafile /etc/vpn/ca.crt --user {USER} --passwd-on-stdin "
            f"--non-inter --script /usr/share/vpnc-scripts/vpnc-script {GATEWAY} </etc/vpn/password"
        )
        self.client = self.net.client.start("openconnect", "sh", "-c", words)
        if not wait_until(self.connected, PATIENCE):
            raise LabError(f"openconnect does not connect:\n{self.client.text()[-2000:]}")


_PLUGINS = "kernel-libipsec kernel-netlink socket-default vici eap-identity eap-md5"
_CHARON = """charon {{
    load = random nonce aes sha1 sha2 hmac kdf gmp x509 pem pkcs1 pkcs8 pubkey revocation constraints openssl md5 {more}
    install_virtual_ip = yes
    filelog {{ stderr {{ default = 1 }} }}
    plugins {{
        vici {{ socket = unix:///run/charon.vici }}
        kernel-libipsec {{ allow_peer_ts = yes }}
        kernel-netlink {{ fwmark = !0x42 }}
        socket-default {{ fwmark = 0x42 }}
    }}
}}
"""
_CONNECTION = """connections {{ ra {{
    version = 2
    mobike = yes
    encap = yes
    dpd_delay = 20s
    keyingtries = 0
    {ends}
    children {{ net {{
        {child}
        esp_proposals = aes128gcm16
    }} }} }} }}
pools {{ inner {{ addrs = 10.99.99.10-10.99.99.100 }} }}
secrets {{ eap-alice {{
    id = alice
    secret = alicepass }} }}
"""
_SERVES = f"""local_addrs = {GATEWAY}
    pools = inner
    send_cert = always
    local {{ auth = pubkey
        id = {GATEWAY}
        certs = vpngw.crt }}
    remote {{ auth = eap-md5
        eap_id = %any }}"""
_DIALS = f"""remote_addrs = {GATEWAY}
    vips = 0.0.0.0
    local {{ auth = eap
        eap_id = {USER} }}
    remote {{ auth = pubkey
        id = {GATEWAY}
        cacerts = ca.crt }}"""


class StrongSwan(Rival):
    name = "strongSwan"
    settings = "IKEv2 with EAP, MOBIKE, dpd_delay 20s, dpd_action restart, ESP in user space"
    program = "swanctl"

    def __init__(self, net: Internet) -> None:
        super().__init__(net)
        self.place("/etc/vpn")
        for node, ends, child in (
            (net.gateway, _SERVES, "local_ts = 203.0.113.0/24"),
            (net.client, _DIALS, "remote_ts = 203.0.113.0/24\n dpd_action = restart\n close_action = start"),
        ):
            text = _CONNECTION.format(ends=ends, child=child)
            node.write("/run/swanctl/swanctl.conf", text)
            node.write("/run/swanctl/strongswan.conf", _CHARON.format(more=_PLUGINS))
            node.write("/run/swanctl/x509ca/ca.crt", (self.files / "ca.crt").read_bytes())
        net.gateway.write("/run/swanctl/x509/vpngw.crt", (self.files / "vpngw.crt").read_bytes())
        net.gateway.write("/run/swanctl/private/vpngw.key", (self.files / "vpngw.key").read_bytes(), 0o600)

    def serve(self) -> None:
        self.gateway = self._charon(self.net.gateway)

    def dial(self) -> None:
        self.client = self._charon(self.net.client)
        self._control(self.net.client, "--initiate", "--child", "net", "--timeout", "20")

    def _charon(self, node: Node) -> Running:
        node.run("rm", "-f", "/run/charon.vici", "/run/charon.pid")
        environment = {"STRONGSWAN_CONF": "/run/swanctl/strongswan.conf"}
        running = node.start("charon", "/usr/lib/ipsec/charon", environment=environment)
        if not wait_until(node.path("/run/charon.vici").exists, PATIENCE, 0.01):
            raise LabError(f"charon does not start:\n{running.text()[-2000:]}")
        self._control(node, "--load-all", "--noprompt")
        return running

    def _control(self, node: Node, *words: str) -> None:
        settings = ("STRONGSWAN_CONF=/run/swanctl/strongswan.conf", "SWANCTL_DIR=/run/swanctl")
        node.run("env", *settings, "swanctl", *words, "--uri", "unix:///run/charon.vici")


RIVALS: tuple[type[Rival], ...] = (Lotor, OpenVpn, Openconnect, StrongSwan)


def said(running: Running, *needles: str) -> None:
    """Returns within ten milliseconds of the line."""
    text = running.text
    if not wait_until(lambda: any(each in text() for each in needles) or not running.alive, PATIENCE, 0.01) or not any(
        each in text() for each in needles
    ):
        raise LabError(f"{running.name} never said {' or '.join(needles)}:\n{text()[-2000:]}")


def processes(running: Running | None) -> list[int]:
    """Of a program, without the wrapper that put it into its namespaces."""
    return descendants(running.process.pid) if running else []


def here(rival: type[Rival]) -> bool:
    """Whether its programs are installed."""
    return shutil.which(rival.program) is not None
