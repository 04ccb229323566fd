"""Opens sockets of IKE and of native ESP: on the address that was asked for, and out of the tunnel by their mark.

Sockets of IKE go past the kernel's IPsec policies, too, lotor's and those of other programs (`xfrm/bypass`).
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Sequence
from ipaddress import ip_address

from lotor.hosts.holder import PROGRAM, holder_of
from lotor.hosts.xfrm import bypass
from lotor.model.network import NAT_T_PORT, Address, Peer
from lotor.ports.sockets import FAMILIES, sharing

SO_RCVBUFFORCE = getattr(socket, "SO_RCVBUFFORCE", 33)
RECEIVE_OCTETS = 1 << 20
IPPROTO_ESP = 50


class Unmarked(OSError):  # noqa: N818 - a refusal with its own sentence
    """A socket that could not be kept out of the tunnel, and is not opened."""


class HostSockets:
    """Implements `ports.Sockets` for whoever has the rights. `mark` None: there is no tunnel to stay out of.
    `by_kernel`: its policies are to come, and nobody else may have loaded what they are kept in; a reload may change
    that for the sockets to come."""

    def __init__(self, mark: int | None = None, *, by_kernel: bool = False) -> None:
        self._mark = mark
        self.by_kernel = by_kernel

    async def udp(self, local: Peer, beside: Sequence[socket.socket] = ()) -> socket.socket:
        with sharing(beside):
            return self.open(local, shared=bool(beside))

    def open(self, local: Peer, *, shared: bool) -> socket.socket:
        """As `udp`. `shared`: whoever asks has sockets beside this one, which share the port at this moment."""
        if self.by_kernel:
            bypass.load()
        return open_udp(local, mark=self._mark, shared=shared)

    async def raw_esp(self, version: int) -> socket.socket:
        return open_esp_socket(version, self._mark)

    async def source_towards(self, remote: Peer) -> Address:
        return source_towards(remote, mark=self._mark)


def open_udp(local: Peer, *, mark: int | None = None, shared: bool = False) -> socket.socket:
    """A bound, non-blocking UDP socket that tells and chooses its local address packet by packet.

    `mark` is set as SO_MARK: without the right to, no socket is opened. `shared`: others that share the port may have
    it, for every address where this is for one, or the other way round. `OSError` with a sentence for a person when
    the port is refused.
    """
    family = FAMILIES[local.address.version]
    try:
        udp = socket.socket(family.family, socket.SOCK_DGRAM)
    except OSError as error:
        raise OSError(error.errno, _refusal(local, error)) from error
    try:
        udp.setsockopt(family.level, family.wanted, 1)
        if local.address.version == 6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if mark is not None:
            _mark(udp, mark)
        _make_room(udp)
        bypass.past_policies(udp)
        udp.setblocking(False)
        with sharing([udp] if shared else []):
            udp.bind((str(local.address), local.port))
    except OSError as error:
        udp.close()
        why = str(error.strerror) if isinstance(error, Unmarked) else _refusal(local, error)
        raise OSError(error.errno, why) from error
    return udp


def open_esp_socket(version: int, mark: int | None) -> socket.socket:
    """A raw socket of native ESP, IP protocol 50, as for `open_udp`; `OSError` says what is missing."""
    try:
        raw = socket.socket(FAMILIES[version].family, socket.SOCK_RAW, IPPROTO_ESP)
    except PermissionError as error:
        text = "no permission for native ESP: give CAP_NET_RAW, or set `nat_traversal force` to carry ESP in UDP"
        raise OSError(error.errno, text) from error
    if mark is not None:
        try:
            _mark(raw, mark)
        except OSError:
            raw.close()
            raise
    return raw


def source_towards(remote: Peer, *, mark: int | None = None) -> Address:
    """The local address that the routes choose for datagrams to `remote`; `OSError` when there is no route."""
    try:
        with socket.socket(FAMILIES[remote.address.version].family, socket.SOCK_DGRAM) as probe:
            if mark is not None:
                _mark(probe, mark)
            probe.connect((str(remote.address), remote.port))
            return ip_address(probe.getsockname()[0])
    except Unmarked:
        raise
    except OSError as error:
        raise OSError(error.errno, f"no route to {remote.address}: {error.strerror}") from error


def _make_room(udp: socket.socket) -> None:
    """A flood must not fill the kernel's queue before it is read; without the right the usual size stays."""
    with contextlib.suppress(OSError):
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_OCTETS)


def _mark(udp: socket.socket, mark: int) -> None:
    """An unmarked socket would ask the routes through the tunnel, which may be those of another process."""
    try:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    except PermissionError as error:
        raise Unmarked(error.errno, "no permission to keep sockets out of the tunnel: give CAP_NET_ADMIN") from error


def _taken(local: Peer, holder: str) -> str:
    directive = "isakmp_natt" if local.port == NAT_T_PORT else "isakmp"
    otherwise = f"stop it (lotor doctor says how) or set listen {{ {directive} ADDR[PORT]; }}"
    if holder.startswith(f"{PROGRAM} ("):
        return f"lotor runs already: {holder} has port {local.port} of {local.address}: {otherwise}"
    by = f"by {holder}" if holder else "(by another IKE daemon?)"
    return f"port {local.port} of {local.address} is in use {by}: {otherwise}"


def _refusal(local: Peer, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return _taken(local, holder_of(local.port))
        case errno.EACCES | errno.EPERM:
            return f"no permission to open port {local.port} of {local.address}: run as root"
        case errno.EADDRNOTAVAIL:
            return f"{local.address} is not an address of this host: correct listen {{ isakmp {local.address}; }}"
        case errno.EAFNOSUPPORT:
            return f"this host has no IPv{local.address.version}: take {local.address} out of listen {{ }}"
        case _:
            return f"cannot open port {local.port} of {local.address}: {error.strerror}"
