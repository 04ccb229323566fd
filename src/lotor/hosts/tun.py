"""The TUN device: opening it needs privilege, so it is made apart from the engine, which only gets the descriptor."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface
from pathlib import Path

NAME_PATTERN = "lotor%d"
"""The kernel puts the first free number in."""
OWN = NAME_PATTERN.partition("%")[0]
"""How the names of lotor's devices begin."""

_DEVICE = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI, _IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCSIFMTU, _SIOCSIFTXQLEN = 0x8916, 0x891C, 0x8922, 0x8943
_IFF_UP = 0x1
_LONGEST_NAME = 15
_QUEUE = 2000
"""Packets that wait for the engine at most; the kernel's own 500 are 4 ms of small packets, as long as another program
may keep a processor."""

_REQUEST = struct.Struct("16s24s")
"""`struct ifreq`: a name, then a union of 24 octets."""
_FLAGS = struct.Struct("=h")
_NUMBER = struct.Struct("=i")
_ADDRESS = struct.Struct("=HH4s")
"""`struct sockaddr_in`: family, port, address."""
_ADDRESS6 = struct.Struct("=16sIi")
"""`struct in6_ifreq`: address, prefix, index of the device."""

_MISSING = (
    f"there is no {_DEVICE}: load the kernel module (modprobe tun); in a container start it with --device {_DEVICE}"
)
_FORBIDDEN = (
    f"no permission to make a TUN device: run as root or give CAP_NET_ADMIN; "
    f"in a container add --cap-add NET_ADMIN --device {_DEVICE}"
)


class Tun:
    """`ports.TunDevice`: one IP packet per read and write of `fd`, behind a virtio-net header (10 octets), so that the
    engine may ask for packets larger than the MTU. The device is gone when it is closed."""

    def __init__(self, pattern: str = NAME_PATTERN) -> None:
        """`OSError` with a sentence for a person when the device is refused."""
        if len(pattern) > _LONGEST_NAME:
            raise OSError(errno.EINVAL, f"{pattern!r} is too long for a device: {_LONGEST_NAME} characters at most")
        self.framed = False
        self.fd = _open()
        try:
            self.name = _attach(self.fd, pattern)
            give_no_address_of_its_own(self.name)
        except OSError:
            self.close()
            raise

    def configure(self, address: IPv4Interface | IPv6Interface | None, mtu: int) -> None:
        """Sets MTU (octets) and, unless None, the one address of IPv4 or a further one of IPv6, and brings the device
        up."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            self._set(control, _SIOCSIFMTU, _NUMBER.pack(mtu))
            self._set(control, _SIOCSIFTXQLEN, _NUMBER.pack(_QUEUE))
            if isinstance(address, IPv4Interface):
                self._set(control, _SIOCSIFADDR, _address(address.ip))
                self._set(control, _SIOCSIFNETMASK, _address(address.netmask))
            flags = _FLAGS.unpack_from(self._set(control, _SIOCGIFFLAGS, b""))[0]
            self._set(control, _SIOCSIFFLAGS, _FLAGS.pack(flags | _IFF_UP))
        if isinstance(address, IPv6Interface):
            self._add(address)

    def close(self) -> None:
        """May be called again."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _add(self, address: IPv6Interface) -> None:
        index = socket.if_nametoindex(self.name)
        request = _ADDRESS6.pack(address.ip.packed, address.network.prefixlen, index)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control, contextlib.suppress(FileExistsError):
            self._ask(control, _SIOCSIFADDR, request)

    def _set(self, control: socket.socket, request: int, value: bytes) -> bytes:
        """The union of the answer."""
        return self._ask(control, request, _REQUEST.pack(self.name.encode(), value))[16:]

    def _ask(self, control: socket.socket, request: int, value: bytes) -> bytes:
        try:
            answer: bytes = fcntl.ioctl(control, request, value)
        except FileExistsError:
            raise
        except PermissionError as error:
            raise OSError(error.errno, f"{self.name}: {_FORBIDDEN}") from error
        except OSError as error:
            raise OSError(error.errno, f"the device {self.name} cannot be set up: {error.strerror}") from error
        return answer


class HostTunnels:
    """Implements `ports.Tunnels` for whoever has the rights."""

    async def open(self) -> Tun:
        return Tun()


def _open() -> int:
    try:
        return os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise OSError(error.errno, _MISSING) from error
    except PermissionError as error:
        raise OSError(error.errno, _FORBIDDEN) from error
    except OSError as error:
        raise OSError(error.errno, f"{_DEVICE} cannot be opened ({error.strerror}): {_MISSING}") from error


def _attach(fd: int, pattern: str) -> str:
    """The name that the kernel gave."""
    wanted = _REQUEST.pack(pattern.encode(), struct.pack("=H", _IFF_TUN | _IFF_NO_PI | _IFF_VNET_HDR))
    try:
        given: bytes = fcntl.ioctl(fd, _TUNSETIFF, wanted)
    except PermissionError as error:
        raise OSError(error.errno, _FORBIDDEN) from error
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise OSError(error.errno, f"the device {pattern} is in use by another program") from error
        raise OSError(error.errno, f"the device {pattern} cannot be made: {error.strerror}") from error
    return given[:16].rstrip(b"\0").decode()


def give_no_address_of_its_own(name: str) -> None:
    """The kernel would give the device a link-local address and send solicitations that no tunnel carries."""
    for setting, value in (("addr_gen_mode", "1"), ("accept_ra", "0"), ("router_solicitations", "0")):
        with contextlib.suppress(OSError):
            Path(f"/proc/sys/net/ipv6/conf/{name}/{setting}").write_text(value)


def _address(address: IPv4Address) -> bytes:
    return _ADDRESS.pack(socket.AF_INET, 0, address.packed)
