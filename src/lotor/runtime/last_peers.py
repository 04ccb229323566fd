"""The peers of a gateway in a file that outlives it: what it takes to tell each that its session is gone, and no more.

A client that sends nothing would notice a gateway that died and was started anew by dead peer detection only. A slot of
the file holds the cookies of a session and its path. Whoever can write the file makes a gateway send hints, which prove
nothing, to at most as many addresses as it has slots.
"""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address

from lotor.ike.events import Ended, Event, PathChanged, Renewed, Up
from lotor.ike.intents import Remind
from lotor.model.network import Address, Path, Peer
from lotor.model.policy import Side
from lotor.runtime.sessions import Session

log = logging.getLogger(__name__)

MOST = 4096
"""Slots. Peers beyond them notice by themselves."""
_SLOT = struct.Struct("!B8s8s?16sH16sH")
"""How long an address is (0: the slot is free), both cookies, whether the path is that of NAT traversal, and its ends,
an address of IPv4 in front of zeros."""
SLOT = _SLOT.size
"""Octets."""


class LastPeers:
    """`descriptor` is that of the file; `find` gives a session by its number. `left` before the first event."""

    def __init__(self, descriptor: int, find: Callable[[int], Session | None]) -> None:
        self._file = descriptor
        self._find = find
        self._slots: dict[int, int] = {}
        self._free = list(range(MOST - 1, -1, -1))

    def left(self) -> list[Remind]:
        """Those that a gateway before this one had when it died. The file is empty afterwards."""
        octets = b""
        try:
            octets = os.pread(self._file, MOST * SLOT, 0)
            self._write(0, bytes(len(octets)))
        except OSError as error:  # no reason not to serve
            log.debug("the last peers are not read and emptied: %s", error.strerror)
        used = len(octets) // SLOT
        found = [_read(octets[at * SLOT : (at + 1) * SLOT]) for at in range(used)]
        return [each for each in found if each is not None]

    def follow(self, event: Event) -> None:
        """Subscribes behind the register of sessions."""
        try:
            match event:
                case Up() | Renewed() | PathChanged():
                    self._remember(self._find(event.session))
                case Ended(session=number) if number in self._slots:
                    slot = self._slots.pop(number)
                    self._free.append(slot)
                    self._write(slot, bytes(SLOT))
        except OSError as error:  # a full disk: that peer notices by itself
            log.debug("the last peers are not written: %s", error.strerror)

    def _remember(self, session: Session | None) -> None:
        if session is None or session.side is not Side.GATEWAY or not session.up:
            return
        if session.id not in self._slots:
            if not self._free:
                return
            self._slots[session.id] = self._free.pop()
        self._write(self._slots[session.id], _written(session.cookies, session.path))

    def _write(self, slot: int, octets: bytes) -> None:
        os.lseek(self._file, slot * SLOT, os.SEEK_SET)
        os.write(self._file, octets)


def _written(cookies: str, path: Path) -> bytes:
    initiator, _, responder = cookies.partition(":")
    local, remote = path.local, path.remote
    size, ends = len(remote.address.packed), (local.address.packed, local.port, remote.address.packed, remote.port)
    return _SLOT.pack(size, bytes.fromhex(initiator), bytes.fromhex(responder), path.floated, *ends)


def _read(octets: bytes) -> Remind | None:
    """None for a slot that is free, or says what nobody wrote."""
    size, initiator, responder, floated, here, here_port, there, there_port = _SLOT.unpack(octets)
    if size not in (4, 16):
        return None
    path = Path(Peer(_address(here[:size]), here_port), Peer(_address(there[:size]), there_port), floated)
    return Remind(initiator, responder, path) if here_port and there_port else None


def _address(packed: bytes) -> Address:
    return IPv4Address(packed) if len(packed) == 4 else ip_address(packed)
