"""Pebble, an authority of ACME for tests, with a name server that leads every name to the gateway; on one node."""

from __future__ import annotations

import json

from lab import pki
from lab.internet import GATEWAY
from lab.node import Node

PLACE = "/etc/pebble"
BLOCKED = "blocked.example"
PORT, MANAGEMENT, NAMES = 14000, 15000, 8053


class Pebble:
    """At `address`. It forgets one nonce of five, and each start has authorities of its own."""

    def __init__(self, node: Node, address: str) -> None:
        self.node, self.address = node, address
        self.server = f"https://{address}:{PORT}/dir"
        vouching = pki.authority("Pebble's own CA")
        self.root = vouching.certificate
        own = pki.gateway(vouching, address, "localhost")
        for name, octets in (("tls.crt", own.certificate), ("tls.key", own.key)):
            node.write(f"{PLACE}/{name}", octets)
        settings = {
            "listenAddress": f"{address}:{PORT}",
            "managementListenAddress": f"{address}:{MANAGEMENT}",
            "certificate": f"{PLACE}/tls.crt",
            "privateKey": f"{PLACE}/tls.key",
            "httpPort": 80,
            "tlsPort": 443,
            "externalAccountBindingRequired": False,
            "domainBlocklist": [BLOCKED],
        }
        node.write(f"{PLACE}/pebble.json", json.dumps({"pebble": settings}))
        off = [word for each in ("http01", "https01", "tlsalpn01") for word in (f"-{each}", "")]
        names = ("-dns01", f"127.0.0.1:{NAMES}", "-management", "127.0.0.1:8055")
        node.start("names", "pebble-challtestsrv", *off, *names, "-defaultIPv4", GATEWAY, "-defaultIPv6", "")
        variables = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_AUTHZREUSE": "0"}
        words = ("-config", f"{PLACE}/pebble.json", "-dnsserver", f"127.0.0.1:{NAMES}")
        node.start("pebble", "pebble", *words, environment=variables).expect("Listening on")

    def root_of_all(self) -> bytes:
        """What devices would trust, PEM."""
        return self.node.run("python3", "-c", _FETCH, f"https://{self.address}:{MANAGEMENT}/roots/0").stdout.encode()


_FETCH = (
    "import ssl, sys, urllib.request as u; "
    "sys.stdout.write(u.urlopen(sys.argv[1], context=ssl._create_unverified_context()).read().decode())"
)
