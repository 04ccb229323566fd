"""`lotor profile --link` as a process, at a port of the loopback."""

from __future__ import annotations

import http.client
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import vacant
from lotor.model.algorithms import Curve
from lotor.pki.authority import Making, create_ca, issue_gateway

GATEWAY = """
path certificate "{0}";
remote anonymous {{
    ike_version both; eap mschapv2, gtc; exchange_mode aggressive; certificate_type x509 "vpngw.crt" "vpngw.key";
    proposal {{
        encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14;
    }}
}}
mode_cfg {{ network4 10.99.99.1; pool_size 100; auth_source local; }}
sainfo anonymous {{
    encryption_algorithm aes_gcm_16 256, aes; authentication_algorithm hmac_sha256; compression_algorithm deflate;
}}
"""


def made_keys(directory):
    """An authority, a gateway's certificate, and a configuration with it."""
    create_ca(directory, making=Making(90, curve=Curve.P256))
    issue_gateway(directory, ["vpn.example.net", "127.0.0.1"], Making(90, curve=Curve.P256))
    (directory / "racoon.conf").write_text(GATEWAY.format(directory))
    return directory


class Running:
    """The command, from when it has told the `link`."""

    def __init__(self, keys, *words):
        self.port = vacant.port()
        words = ("profile", "alice", "--link", "--listen", f"127.0.0.1:{self.port}", "-f", keys / "racoon.conf", *words)
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("lotor"), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self.link = self.process.stdout.readline().decode().strip()  # not buffered: the next lines are for `end`
        self._trust = ssl.create_default_context(cafile=keys / "ca.crt")

    def get(self, path="", agent=""):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self._trust)
        connection.request("GET", urlsplit(self.link).path + path, headers={"User-Agent": agent})
        return connection.getresponse()

    def end(self, number=signal.SIGINT):
        """Its exit code, and what it wrote."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        said, faults = self.process.communicate(timeout=60)
        return self.process.returncode, said.decode(), faults.decode()
