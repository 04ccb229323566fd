"""One end of a lotor tunnel with static keys: the data plane as the daemons use it, without a handshake."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from dataclasses import fields, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from lotor.dataplane.userspace.engine import Userspace
from lotor.hosts.sockets import HostSockets
from lotor.hosts.tun import Tun
from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.child import Child, DirectionKeys, Encapsulation
from lotor.model.network import Path, Peer
from lotor.model.offloads import ALL_OFFLOADS, Offloads
from lotor.model.secret import Secret

SUITES = {
    "aes128gcm16": EspSuite(Cipher.AES_GCM_16, 128, None),
    "aes256gcm16": EspSuite(Cipher.AES_GCM_16, 256, None),
    "aes128-sha1": EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1),
    "aes256-sha256": EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256),
}
PORT = 4500
FIRST_SPI = 0x1000


def keys(suite: EspSuite, spi: int) -> DirectionKeys:
    integrity = {Integrity.HMAC_SHA1: 20, Integrity.HMAC_SHA256: 32}
    salt = 4 if suite.integrity is None else 0
    encryption = bytes((spi + number) % 256 for number in range(suite.key_bits // 8 + salt))
    signature = bytes(
        (spi * 3 + number) % 256 for number in range(integrity[suite.integrity] if suite.integrity else 0)
    )
    return DirectionKeys(spi, Secret(encryption), Secret(signature))


def child(number: int, options: argparse.Namespace) -> Child:
    """The first tunnel carries the traffic; the others are there."""
    suite = SUITES[options.suite]
    up, down = (keys(suite, FIRST_SPI + 2 * number + way) for way in (0, 1))
    mine = IPv4Network(options.mine if number == 0 else IPv4Address("10.99.0.0") + number)
    other = IPv4Network(options.other if number == 0 else IPv4Address("10.99.64.0") + number)
    path = Path(Peer(IPv4Address(options.local), PORT), Peer(IPv4Address(options.remote), PORT), floated=True)
    inbound, outbound = (up, down) if options.gateway else (down, up)
    return Child(number + 1, 1, path, Encapsulation.UDP, suite, inbound, outbound, (mine,), (other,))


async def main(options: argparse.Namespace) -> None:
    tun = Tun()
    nat_t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    nat_t.bind(("0.0.0.0", PORT))
    engine = Userspace(
        tun, nat_t, raw_esp=HostSockets().raw_esp, wanted=replace(ALL_OFFLOADS, **dict.fromkeys(options.without, False))
    )
    tun.configure(IPv4Interface(options.mine), options.mtu)
    engine.start(lambda notice: print(notice, flush=True))
    for number in range(options.tunnels):
        await engine.install(child(number, options))
    print(f"ready: {tun.name}", flush=True)
    await asyncio.Event().wait()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gateway", action="store_true")
    parser.add_argument("--suite", choices=SUITES, required=True)
    parser.add_argument("--tunnels", type=int, default=1)
    parser.add_argument("--mtu", type=int, default=1400)
    parser.add_argument("--without", action="append", default=[], choices=[field.name for field in fields(Offloads)])
    for address in ("local", "remote", "mine", "other"):
        parser.add_argument(f"--{address}", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    try:
        asyncio.run(main(arguments()))
    except KeyboardInterrupt:
        sys.exit(0)
