"""A daemon's end and a warden's end of a real line, in one program."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from lotor import config
from lotor.config.settings import AuthSource, Radius, RadiusServer
from lotor.model.secret import Secret
from lotor.privsep.asking import Asker
from lotor.privsep.frames import pair
from lotor.privsep.serving import Server
from lotor.warden.pool_routes import PoolRoutes
from scripted import RecordingRoutes


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


def asking(secret):
    """Settings of a gateway whose logins go to a RADIUS server with this secret."""
    plain = settings(gateway() + "mode_cfg { network4 10.99.99.1; pool_size 4; auth_source system; }")
    servers = (RadiusServer("127.0.0.1", 1812, Secret(secret)),)
    mode_cfg = replace(plain.mode_cfg, auth_source=AuthSource.RADIUS)
    return replace(plain, mode_cfg=mode_cfg, radius=Radius(servers, (), 3, 3))


def pool(size):
    """The engine of leases with the pool of a gateway's configuration, from 10.99.99.1 on, and no device behind it."""
    leases = PoolRoutes(RecordingRoutes())
    given = f"mode_cfg {{ network4 10.99.99.1; pool_size {size}; auth_source system; }}"
    asyncio.run(leases.adapt(settings(gateway() + given)))
    return leases
