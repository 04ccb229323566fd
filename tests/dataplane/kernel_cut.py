"""A host whose kernel forwards what is written to one TUN device to another one, which takes no large packets: so it
cuts them. Reads lines of JSON with octets in hexadecimal, prints what came out the same way.

    kernel_cut.py FILE COUNT"""

from __future__ import annotations

import fcntl
import json
import os
import select
import struct
import subprocess
import sys
from pathlib import Path

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
SETTINGS = ("net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv6.conf.all.forwarding=1")
PATIENCE = 60.0
ROUTES = ("10.99.99.200", "fd00:99::c8")


def device(name: str, flags: int) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI | flags))
    Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").write_text("0")
    for command in (("addrgenmode", "none", "mtu", "1400"), ("up",)):
        subprocess.run(["ip", "link", "set", name, *command], check=True)
    return fd


def main(file: str, count: str) -> None:
    for setting in SETTINGS:
        subprocess.run(["sysctl", "-qw", setting], check=True)
    large, small = device("large0", IFF_VNET_HDR), device("small0", 0)
    for route in ROUTES:
        subprocess.run(["ip", "route", "add", route, "dev", "small0"], check=True)
    for line in Path(file).read_text().splitlines():
        os.write(large, bytes.fromhex(json.loads(line)))
    left = int(count)
    while left and select.select([small], [], [], PATIENCE)[0]:
        packet = os.read(small, 65536)
        if not is_the_kernels_own(packet):
            sys.stdout.write(json.dumps(packet.hex()) + "\n")
            left -= 1


def is_the_kernels_own(packet: bytes) -> bool:
    """It tells the groups of IPv6 that it is in, to a group."""
    return packet[0] >> 4 == 6 and packet[24] == 0xFF


if __name__ == "__main__":
    main(*sys.argv[1:])
