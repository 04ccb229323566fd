"""UDP sockets at which servers are heard: each datagram with its sender, and an answer from the address that it came
to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address
from typing import Any

from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.ports.sockets import FAMILIES
from lotor.radius.structure import LARGEST

MOST_AT_ONCE = 32
"""Datagrams before other work of the loop gets its turn."""


@frozen
class Call:
    """A datagram from `source`; `reply` sends an answer there, as far as the kernel takes it now: who gets none asks
    again."""

    octets: bytes
    source: Address
    reply: Callable[[bytes], None]


class DynamicSocket:
    """Bound to `address`, which may be every address of its version. Raises `OSError` with a whole sentence."""

    def __init__(self, address: Address, port: int, hear: Callable[[Call], None]) -> None:
        self._family = FAMILIES[address.version]
        self._hear = hear
        self._udp = socket.socket(self._family.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            if address.version == 6:
                self._udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._udp.setsockopt(self._family.level, self._family.wanted, 1)
            self._udp.bind((str(address), port))
        except OSError as error:
            self._udp.close()
            where = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
            raise OSError(error.errno, f"RADIUS servers cannot be heard at {where}: {error.strerror}") from error
        self.port: int = self._udp.getsockname()[1]
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._udp, self._readable)

    def close(self) -> None:
        self._loop.remove_reader(self._udp)
        self._udp.close()

    def _readable(self) -> None:
        space = socket.CMSG_SPACE(self._family.info.size)
        for _ in range(MOST_AT_ONCE):
            try:
                octets, control, _, source = self._udp.recvmsg(LARGEST, space)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error of an earlier answer
            self._hear(self._call(octets, control, source))

    def _call(self, octets: bytes, control: list[tuple[int, int, bytes]], source: tuple[Any, ...]) -> Call:
        own = [
            self._family.source(self._family.local(data))
            for level, kind, data in control
            if (level, kind) == (self._family.level, self._family.kind)
        ]

        def reply(answer: bytes) -> None:
            with contextlib.suppress(OSError, ValueError):  # a socket that is closed by now has no number
                self._udp.sendmsg([answer], own, 0, source)

        return Call(octets, ip_address(str(source[0]).partition("%")[0]), reply)


def is_of_this_host(address: Address) -> bool:
    """Whether a socket can have it."""
    if address.is_unspecified or address.is_multicast or address == IPv4Address("255.255.255.255"):
        return False
    with socket.socket(FAMILIES[address.version].family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as tried:
        try:
            tried.bind((str(address), 0))
        except OSError:
            return False
    return True
