"""libreswan on a node with a kernel of its own: as client of IKEv2 and of IKEv1, and as gateway of IKEv2."""

from __future__ import annotations

import re
from pathlib import Path

from lab.internet import GATEWAY, GATEWAY_INSIDE, POOL
from lab.internet import ROUTER as OUTSIDE
from lab.node import Finished, Node, wait_until
from lab.uml import Uml

ADDRESS, ROUTER = "198.51.100.10", "198.51.100.1"
_SETUP = """config setup
    logfile=/tmp/pluto.log
    nssdir=/tmp/nss
    ikev1-policy=accept
"""
_CLIENT = """conn ra
    ikev2=insist
    ike={ike}
    esp={esp}
    pfs=no
    encapsulation=auto
    fragmentation=yes
    mobike=no
    dpddelay=5
    auto=add
    left={address}
    leftnexthop={router}
    leftsubnet=0.0.0.0/0
    leftmodecfgclient=yes
    leftupdown=/etc/updown.sh
    right={gateway}
    rightid=@gw.example.org
    rightsubnet=0.0.0.0/0
    rightmodecfgserver=yes
    narrowing=yes
{proof}
"""
_GATEWAY = """conn {name}
    ikev2=insist
    esp=aes_gcm256
    pfs=no
    encapsulation=auto
    fragmentation=yes
    mobike=no
    narrowing=yes
    auto=add
    left={gateway}
    leftid=@gw.example.org
    leftsubnet=0.0.0.0/0
    leftmodecfgserver=yes
    leftupdown=%disabled
    right=%any
    rightaddresspool=10.99.99.10-10.99.99.100
    rightmodecfgclient=yes
    modecfgdns=10.99.99.1
    {proof}
"""
_OF_CLIENTS = {
    "psk": "authby=secret\n    rightid=@alice",
    "pubkey": "authby=rsasig\n    leftcert=own\n    leftsendcert=always\n    rightid=%fromcert\n    rightca=%same",
}
_OLD = """conn {mode}
    ikev2=no
    aggressive={aggressive}
    ike=aes256-sha2;dh14
    esp=aes256-sha1;dh14
    auto=add
    left={address}
    leftnexthop={router}
    leftxauthclient=yes
    leftusername=alice
    leftmodecfgclient=yes
    leftupdown=/etc/updown.sh
    right={gateway}
    rightsubnet=0.0.0.0/0
    rightxauthserver=yes
    rightmodecfgserver=yes
    modecfgpull=yes
    {proof}
"""
_OLD_PROOFS = {
    "xauth_psk": "authby=secret",
    "xauth_rsa": "authby=rsasig\n    leftcert=own\n    leftid=%fromcert\n    leftsendcert=always\n"
    '    rightid="CN=gateway"\n    rightca=%same',
}
_PROOFS = {
    "psk": "    authby=secret\n    leftid=@alice",
    "pubkey": "    authby=rsasig\n    leftcert=own\n    leftid=%fromcert\n    leftsendcert=always\n"
    "    rightca=%same\n    rightrsasigkey=%cert",
}
_UPDOWN = """#!/bin/sh
case $PLUTO_VERB in
up-client)
    ip address replace "$PLUTO_MY_SOURCEIP/32" dev vec0
    for each in 0.0.0.0/1 128.0.0.0/1; do ip route replace $each via "$PLUTO_NEXT_HOP" src "$PLUTO_MY_SOURCEIP"; done ;;
down-client)
    ip route del 0.0.0.0/1; ip route del 128.0.0.0/1
    ip address del "$PLUTO_MY_SOURCEIP/32" dev vec0 ;;
esac
"""
"""What its own script does for a client, but for the names: in such a kernel that takes six seconds each time."""
_START = """set -e
mkdir -p /tmp/nss /run/pluto /var/lib/ipsec
certutil -N -d sql:/tmp/nss --empty-password
if [ -e /etc/own.p12 ]; then
    pk12util -i /etc/own.p12 -d sql:/tmp/nss -W secret -K ''
    certutil -M -d sql:/tmp/nss -n 'Lab CA' -t CT,, || certutil -M -d sql:/tmp/nss -n 'Lab CA - lab' -t CT,,
fi
/usr/libexec/ipsec/pluto --config /etc/ipsec.conf --nssdir /tmp/nss
"""


class Pluto:
    """One that runs. `own`: whose certificate and key of `certificates` are its own, user or vpngw; "" for none."""

    def __init__(self, kernel: Uml, configuration: str, secrets: str, certificates: Path, own: str = "") -> None:
        self.kernel, node = kernel, kernel.node
        node.write("/etc/ipsec.conf", _SETUP + configuration)
        node.write("/etc/updown.sh", _UPDOWN, 0o755)
        node.write("/etc/ipsec.secrets", secrets, 0o600)
        if own:
            self._bring(node, certificates, own)
        self.started = self.kernel.shell(_START)

    def _bring(self, node: Node, certificates: Path, own: str) -> None:
        """Certificates as libreswan's data base takes them."""
        for name in ("ca.crt", f"{own}.crt", f"{own}.key"):
            node.write(f"/etc/{name}", (certificates / name).read_bytes(), 0o600)
        words = f"-passout pass:secret -in {own}.crt -inkey {own}.key -certfile ca.crt -name own -caname 'Lab CA'"
        node.run("sh", "-ec", f"cd /etc; openssl pkcs12 -export -out own.p12 {words}")

    def ready(self) -> bool:
        """Whether it comes to have read its connections, listen and know its secrets, in this order."""
        return wait_until(lambda: "loading secrets from" in self.log(), 60)

    def control(self, *words: str) -> Finished:
        """One order to pluto, and what it tells of it."""
        return self.kernel.shell(" ".join(("ipsec whack", *words)))

    @property
    def address(self) -> str:
        """As client, inside the tunnel."""
        found = re.search(r"10\.99\.99\.\d+(?=/32)", self.kernel.shell("ip -br address").stdout)
        return found[0] if found else ""

    def extended(self) -> list[bool]:
        """Of each SA in its kernel, whether it has extended sequence numbers."""
        said = self.kernel.shell("ip xfrm state").stdout
        return [" esn" in flags for flags in re.findall(r"replay-window \d+(.*)", said)]

    def pings(self, address: str) -> bool:
        return self.kernel.shell(f"ping -c3 -W30 {address}").code == 0

    def log(self) -> str:
        return self.kernel.shell("cat /tmp/pluto.log").stdout


class Libreswan(Pluto):
    """A client of IKEv2. `proof`: psk (`key`) or pubkey (ca.crt, user.crt and user.key of `certificates`)."""

    def __init__(self, node: Node, proof: str, certificates: Path, key: str = "") -> None:
        chosen = {"ike": "aes_gcm256-sha2_256;dh19", "esp": "aes_gcm256", "proof": _PROOFS[proof]}
        places = {"address": ADDRESS, "router": ROUTER, "gateway": GATEWAY}
        by_key = proof == "psk"
        super().__init__(
            Uml(node, [f"{ADDRESS}/24"], ROUTER),
            _CLIENT.format(**chosen, **places),
            f': PSK "{key}"\n' if by_key else "",
            certificates,
            "" if by_key else "user",
        )

    def connect(self) -> bool:
        self.ready()
        return "established Child SA" in self.control("--name", "ra", "--initiate").stdout


class OldLibreswan(Pluto):
    """A client of IKEv1 that logs in as alice. `method`: xauth_psk (`key`) or xauth_rsa."""

    def __init__(self, node: Node, method: str, certificates: Path, key: str = "") -> None:
        places = {"address": ADDRESS, "router": ROUTER, "gateway": GATEWAY, "proof": _OLD_PROOFS[method]}
        modes = (("main", "no"), ("aggressive", "yes"))
        super().__init__(
            Uml(node, [f"{ADDRESS}/24"], ROUTER),
            "".join(_OLD.format(mode=mode, aggressive=value, **places) for mode, value in modes),
            f': PSK "{key}"\n' if key else "",
            certificates,
            "" if key else "user",
        )

    def connect(self, mode: str, password: str = "alicepass") -> str:
        """By main or aggressive mode; what it tells of it."""
        self.ready()
        return self.control(f"--name {mode} --initiate --xauthname alice --xauthpass {password}").stdout

    def leave(self, mode: str) -> None:
        """It would keep the policies of a connection that it only ends, in the way of the next one."""
        for what in ("--terminate", "--delete"):
            self.control("--name", mode, what)


def serve(node: Node, certificates: Path, key: str) -> Pluto:
    """A gateway for alice's `key`, and for certificates."""
    kernel = Uml(node, [f"{GATEWAY}/24", f"{GATEWAY_INSIDE}/24"])
    kernel.shell(f"ip route add {POOL} via {OUTSIDE}")
    conns = (_GATEWAY.format(name=name, proof=proof, gateway=GATEWAY) for name, proof in _OF_CLIENTS.items())
    found = Pluto(kernel, "".join(conns), f': PSK "{key}"\n', certificates, "vpngw")
    found.ready()
    return found
