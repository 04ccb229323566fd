"""Two hosts on one cable: the client and the gateway, each in its namespaces."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Self

from lab.node import Node

CLIENT, GATEWAY = "192.0.2.1", "192.0.2.50"
CLIENT_INSIDE, GATEWAY_INSIDE = "10.99.99.1", "10.99.99.2"
MTU = 1400
"""Octets of the largest packet inside, for every tunnel."""


class Link:
    """Use as a context manager."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lotor-bench-"))
        self.client = Node("client", self.directory)
        self.gateway = Node("gateway", self.directory)
        self.client.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(self.gateway.pid))
        for node, address in ((self.client, CLIENT), (self.gateway, GATEWAY)):
            node.ip("address", "add", f"{address}/24", "dev", "eth0")
            node.ip("link", "set", "eth0", "up")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for node in (self.client, self.gateway):
            node.close()
        shutil.rmtree(self.directory, ignore_errors=True)
