# What is in Rust (`rust/python`), in types: the packet engine for `lotor.dataplane.userspace`, and exponentiation for
# `lotor.crypto.groups`. Nothing else uses it.

from typing import final

from lotor.model.child import Child
from lotor.model.network import Path

# One TUN device, a NAT traversal socket of each IP version, many SA pairs, one thread. Every refusal is `OSError`.
@final
class Pump:
    # `descriptors`: the TUN device, the UDP sockets and the records; they are duplicated: the caller closes its own.
    # Records go to one end of a SOCK_SEQPACKET pair; what comes out of the other end is laid out in
    # `rust/pump/src/record.rs`.
    # `framed`: whether a virtio-net header stands before each packet of a `tun` that is no TUN device. `wanted` and
    # `offloads` are the fields of `model.offloads.Offloads` in their order.
    def __new__(
        cls,
        descriptors: tuple[int, list[int], int],
        framed: bool,
        outer_mtu: int,
        wanted: tuple[bool, bool, bool, bool],
    ) -> Pump: ...
    def offloads(self) -> tuple[bool, bool, bool, bool]: ...
    def start(self) -> None: ...
    # Returns when no packet is carried any more.
    def stop(self) -> None: ...
    # A raw socket of protocol 50: native ESP of its IP version travels from now on.
    def attach_raw(self, raw: int) -> None: ...
    def install(self, child: Child) -> None: ...
    def activate(self, child: int) -> None: ...
    def remove(self, child: int) -> None: ...
    def move(self, child: int, path: Path) -> None: ...
    # The fields of `Counters` in their order, but the last is the seconds since the last good packet.
    def counters(self, child: int) -> tuple[int, int, int, int, int, int, int, int, int, float | None] | None: ...
    # Adds the non-ESP marker, but not to a keepalive.
    def transmit(self, message: bytes, path: Path) -> None: ...

# Octets of the largest inner packet that fits, whatever the suite, into outer datagrams of IPv4 of `outer_mtu` octets.
def device_mtu(outer_mtu: int) -> int: ...

# A public odd modulus in network order. Every refusal is `ValueError`.
@final
class Modulus:
    def __new__(cls, modulus: bytes) -> Modulus: ...
    # `base`, as long as the modulus and below it, to the power of `exponent`; as long as the modulus. The time depends
    # on lengths only. Runs without the interpreter's lock.
    def power(self, base: bytes, exponent: bytes) -> bytes: ...
