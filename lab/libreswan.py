"""libreswan as a client of IKEv2, on a node with a kernel of its own."""

from __future__ import annotations

import re
from pathlib import Path

from lab.internet import GATEWAY
from lab.node import Finished, Node, wait_until
from lab.uml import Uml

ADDRESS, ROUTER = "198.51.100.10", "198.51.100.1"
_CONFIGURATION = """config setup
    logfile=/tmp/pluto.log
    nssdir=/tmp/nss
conn ra
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
    right={gateway}
    rightid=@gw.example.org
    rightsubnet=0.0.0.0/0
    rightmodecfgserver=yes
    narrowing=yes
{proof}
"""
_PROOFS = {
    "psk": "    authby=secret\n    leftid=@alice",
    "pubkey": "    authby=rsasig\n    leftcert=alice\n    leftid=%fromcert\n    leftsendcert=always\n"
    "    rightca=%same\n    rightrsasigkey=%cert",
}
_START = """set -e
mkdir -p /tmp/nss /run/pluto /var/lib/ipsec
certutil -N -d sql:/tmp/nss --empty-password
if [ -e /etc/alice.p12 ]; then
    pk12util -i /etc/alice.p12 -d sql:/tmp/nss -W secret -K ''
    certutil -M -d sql:/tmp/nss -n 'Lab CA' -t CT,, || certutil -M -d sql:/tmp/nss -n 'Lab CA - lab' -t CT,,
fi
/usr/libexec/ipsec/pluto --config /etc/ipsec.conf --nssdir /tmp/nss
"""


class Libreswan:
    """`proof`: psk (`key`) or pubkey (ca.crt, user.crt and user.key of `certificates`)."""

    def __init__(self, node: Node, proof: str, certificates: Path, key: str = "") -> None:
        self.kernel = Uml(node, [f"{ADDRESS}/24"], ROUTER)
        chosen = {"ike": "aes_gcm256-sha2_256;dh19", "esp": "aes_gcm256", "proof": _PROOFS[proof]}
        places = {"address": ADDRESS, "router": ROUTER, "gateway": GATEWAY}
        node.write("/etc/ipsec.conf", _CONFIGURATION.format(**chosen, **places))
        node.write("/etc/ipsec.secrets", f': PSK "{key}"\n' if proof == "psk" else "", 0o600)
        if proof == "pubkey":
            self._bring(node, certificates)
        self.started = self.kernel.run(_START)

    def _bring(self, node: Node, certificates: Path) -> None:
        """Certificates as libreswan's data base takes them."""
        for name in ("ca.crt", "user.crt", "user.key"):
            node.write(f"/etc/{name}", (certificates / name).read_bytes(), 0o600)
        words = "-passout pass:secret -in user.crt -inkey user.key -certfile ca.crt -name alice -caname 'Lab CA'"
        node.run("sh", "-ec", f"cd /etc; openssl pkcs12 -export -out alice.p12 {words}")

    def connect(self) -> bool:
        self.ready()
        return "established Child SA" in self.control("--name", "ra", "--initiate").stdout

    def ready(self) -> bool:
        """Whether it comes to have read its connections, listen and know its secrets, in this order."""
        return wait_until(lambda: "loading secrets from" in self.log(), 60)

    def control(self, *words: str) -> Finished:
        """One order to pluto, and what it tells of it."""
        return self.kernel.run(" ".join(("ipsec whack", *words)))

    @property
    def address(self) -> str:
        found = re.search(r"10\.99\.99\.\d+(?=/32)", self.kernel.run("ip -br address").stdout)
        return found[0] if found else ""

    def extended(self) -> list[bool]:
        """Of each SA in its kernel, whether it has extended sequence numbers."""
        said = self.kernel.run("ip xfrm state").stdout
        return [" esn" in flags for flags in re.findall(r"replay-window \d+(.*)", said)]

    def pings(self, address: str) -> bool:
        return self.kernel.run(f"ping -c3 -W5 {address}").code == 0

    def log(self) -> str:
        return self.kernel.run("cat /tmp/pluto.log").stdout
