"""A daemon's end and a warden's end of a real line, in one program."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from lotor import config
from lotor.privsep.asking import Asker
from lotor.privsep.frames import pair
from lotor.privsep.serving import Server


@asynccontextmanager
async def line(handlers):
    """Whoever asks, and why the warden gave the daemon up, once it has."""
    daemon, warden = pair()
    lost = asyncio.get_running_loop().create_future()
    server = Server(warden, handlers, lambda why: lost.done() or lost.set_result(why))
    asker = Asker(daemon, lambda _: None)
    try:
        yield asker, lost
    finally:
        asker.close()
        server.close()
        daemon.close()
        warden.close()


def settings(text):
    """What a configuration file of this text says."""
    return config.loads(text).settings


BLOCK = """
remote {peer} {{
    exchange_mode main; {files}
    proposal {{ encryption_algorithm aes; hash_algorithm sha256; authentication_method {method}; dh_group 14; }}
}}
"""


def client(peer="anonymous"):
    """A block of a client, as text."""
    return BLOCK.format(peer=peer, files='ca_type x509 "ca.crt";', method="hybrid_rsa_client")


def gateway(peer="anonymous"):
    """A block of a gateway, as text."""
    return BLOCK.format(peer=peer, files='certificate_type x509 "gw.crt" "gw.key";', method="hybrid_rsa_server")


class Distant:
    """The port that `far(asker)` makes, at the other end of a line to `rows`; both ends stand in whatever loop asks."""

    def __init__(self, far, rows):
        self._far, self._rows = far, rows
        self._loop = None
        self._ends = ()

    def __getattr__(self, name):
        async def call(*arguments):
            return await getattr(self._here(), name)(*arguments)

        return call

    def close(self):
        for end in self._ends:
            end.close()

    def _here(self):
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self.close()
            self._loop, self._ends = loop, pair()
            self._server = Server(self._ends[1], self._rows, lambda _: None)
            self._engine = self._far(Asker(self._ends[0], lambda _: None))
        return self._engine
