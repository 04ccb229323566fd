"""Runs a test body in a child process with network and mount namespaces of its own, and TUN devices to look into."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import wraps

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_REC_PRIVATE = 0x4000 | 0x40000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI, IFF_TAP_NO_PI = 0x0001 | 0x1000, 0x0002 | 0x1000
SO_MARK = 36


def in_namespace(body: Callable[..., None]) -> Callable[..., None]:
    """A decorator for tests; the namespaces die with the child."""

    @wraps(body)
    def test(**fixtures) -> None:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            os._exit(_child(lambda: body(**fixtures), writer))
        os.close(writer)
        with os.fdopen(reader) as stream:
            told = stream.read()
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0, told

    return test


def _child(body: Callable[[], None], writer: int) -> int:
    signal.alarm(120)
    try:
        unshare()
        body()
    except BaseException:  # noqa: BLE001 - whatever it is, the parent must hear of it
        os.write(writer, traceback.format_exc().encode()[-60000:])
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def unshare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(CLONE_NEWNET | CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
    assert libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None) == 0, os.strerror(ctypes.get_errno())
    ip("link set lo up")


def ip(words: str) -> str:
    done = subprocess.run(["ip", *words.split()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def picture() -> dict[str, object]:
    """Addresses, routes and rules of the namespace, as `ip` tells them, and the tables of nftables."""
    shown = {words: ip(words) for words in ("rule", "-6 rule", "route show table all", "-6 route show table all")}
    links = json.loads(ip("-j addr"))
    for link in links:
        link.pop("qdisc", None)  # it comes with the first start of a link and stays
    tables = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
    return shown | {"addr": links, "nft": tables}


class Tun:
    """A TUN device that the test holds: what the kernel sends there can be read, and packets put in."""

    KIND = IFF_TUN_NO_PI

    def __init__(self, name: str, address: str | None = None) -> None:
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), self.KIND))
        self.name = name
        ip(f"link set {name} addrgenmode none")
        if address:
            ip(f"addr add {address} dev {name}")
            ip(f"link set {name} up")

    def packets(self) -> list[bytes]:
        """Everything the kernel sent to the device until now."""
        found = []
        while select.select([self.fd], [], [], 0.05)[0]:
            found.append(os.read(self.fd, 65536))
        return found

    def arrive(self, packet: bytes) -> None:
        """The packet comes in by the device."""
        os.write(self.fd, packet)

    def destinations(self) -> list[str]:
        return [
            socket.inet_ntop(socket.AF_INET, packet[16:20])
            if packet[0] >> 4 == 4
            else socket.inet_ntop(socket.AF_INET6, packet[24:40])
            for packet in self.packets()
        ]


def send(address: str, port: int = 9, *, mark: int = 0) -> OSError | None:
    """One datagram; the error when the kernel has no way for it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        if mark:
            sender.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
        try:
            sender.sendto(b"in clear?", (address, port))
        except OSError as error:
            return error
    return None


def datagram(source: tuple[str, int], destination: tuple[str, int], octets: bytes) -> bytes:
    """An IPv4 UDP packet without UDP checksum."""
    udp = struct.pack("!HHHH", source[1], destination[1], 8 + len(octets), 0) + octets
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
    header += socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + header[12:] + udp
