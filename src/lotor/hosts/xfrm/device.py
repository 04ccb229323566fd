"""The device that routes lead to where the kernel carries ESP: an xfrm interface, or a dummy where there is none.

It is known again by its device group and, in its alias, by the process that made it: both are in the kernel, where no
other process without rights can write, and live exactly as long as the device.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from lotor.hosts import rtnetlink
from lotor.hosts.netlink import KINDS
from lotor.hosts.owner import Owner
from lotor.hosts.rtnetlink import LINK, Kernel, attributes_in, number, u32, written
from lotor.hosts.tun import OWN, give_no_address_of_its_own
from lotor.hosts.xfrm.entries import OWN_INTERFACE
from lotor.ports.host_esp import Leading

GROUP = OWN_INTERFACE
"""The device group (`ip link show group`): a device has it from its first moment on."""
MOST_TRIES = 8
"""Names that another program may take in the moment between the question and the device."""


class OfLink:
    """Attributes of a link (IFLA_)."""

    NAME, MTU, INFO, ALIAS, GROUP = 3, 4, 18, 20, 27


class OfInfo:
    """Of INFO (IFLA_INFO_), and of its DATA for an xfrm interface (IFLA_XFRM_)."""

    KIND, DATA = 1, 2
    NUMBER = 2


@dataclass(frozen=True, slots=True)
class Device:
    """Its index is never that of another one, its name may come again."""

    name: str
    index: int
    leading: Leading


@dataclass(frozen=True, slots=True)
class Found:
    """A device of this host. `interface`: the number of an xfrm interface (if_id), 0 for another kind."""

    name: str
    index: int
    group: int
    alias: str
    interface: int


class Devices:
    """Of the network namespace that this process is in. Every method raises `OSError` with a sentence."""

    async def make(self, mtu: int) -> Device:
        """One device for a host: refused where a program that lives has one. It is down, and has no address."""
        await self.clean()
        with _kernel() as kernel:
            device = await _first(kernel, mtu)
            try:
                alias = {OfLink.ALIAS: _signature().encode()}
                await kernel.change(rtnetlink.NEW_LINK, LINK.write(0, 0, device.index, 0, 0, attributes=alias))
            except BaseException:
                await _delete(kernel, device.index)
                raise
        give_no_address_of_its_own(device.name)
        return device

    async def remove(self, device: Device) -> None:
        """Also one that is gone already."""
        with _kernel() as kernel:
            await _delete(kernel, device.index)

    async def clean(self) -> int:
        """How many devices of killed programs were taken away."""
        with _kernel() as kernel:
            ours = [each for each in await _found(kernel) if each.group == GROUP]
            for each in ours:
                if owner := _owner(each.alias):
                    raise OSError(errno.EBUSY, f"{owner} carries ESP in this kernel by {each.name} already: stop it")
            for each in ours:
                await _delete(kernel, each.index)
            return len(ours)


@contextmanager
def _kernel() -> Iterator[Kernel]:
    try:
        with Kernel() as kernel:
            yield kernel
    except PermissionError as error:
        what = "no permission to make a network device: run as root or give CAP_NET_ADMIN (in a container --cap-add)"
        raise OSError(error.errno, what) from error


async def _first(kernel: Kernel, mtu: int) -> Device:
    """Of the best kind that the kernel has."""
    for leading in KINDS:
        try:
            return await _made(kernel, leading, mtu)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.ENODEV}:
                raise
    what = "this kernel has neither xfrm interfaces nor dummy devices: try `modprobe xfrm_interface`"
    raise OSError(errno.EOPNOTSUPP, f"{what}, or write `engine userspace;`")


async def _made(kernel: Kernel, leading: Leading, mtu: int) -> Device:
    for _ in range(MOST_TRIES):
        there = await _found(kernel)
        taken = [each for each in there if leading is Leading.ROUTES and each.interface == OWN_INTERFACE]
        if taken:
            what = f"{taken[0].name} has the number of lotor's xfrm interface (if_id {OWN_INTERFACE:#x})"
            raise OSError(errno.EEXIST, f"{what}: `ip link delete {taken[0].name}`, or write `engine userspace;`")
        name = _free({each.name for each in there})
        try:
            await kernel.add(rtnetlink.NEW_LINK, _new(name, leading, mtu))
        except FileExistsError:
            continue
        except PermissionError:
            raise
        except OSError as error:
            raise OSError(error.errno, f"the {KINDS[leading]} device {name} cannot be made: {error.strerror}") from None
        index = next((each.index for each in await _found(kernel) if each.name == name and each.group == GROUP), 0)
        if index:
            return Device(name, index, leading)
    raise OSError(errno.EEXIST, f"other programs take the names of lotor's devices ({OWN}0 and further) away")


def _new(name: str, leading: Leading, mtu: int) -> bytes:
    interface = written({OfInfo.NUMBER: u32(OWN_INTERFACE)}) if leading is Leading.ROUTES else b""
    attributes = {
        OfLink.NAME: f"{name}\0".encode(),
        OfLink.MTU: u32(mtu),
        OfLink.GROUP: u32(GROUP),
        OfLink.INFO: written({OfInfo.KIND: KINDS[leading].encode(), OfInfo.DATA: interface}),
    }
    return LINK.write(0, 0, 0, 0, 0, attributes=attributes)


async def _delete(kernel: Kernel, index: int) -> None:
    try:
        await kernel.change(rtnetlink.DELETE_LINK, LINK.write(0, 0, index, 0, 0))
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise


async def _found(kernel: Kernel) -> list[Found]:
    return [_read(each) for each in await kernel.dump(rtnetlink.GET_LINK, LINK.write(socket.AF_UNSPEC, 0, 0, 0, 0))]


def _read(body: bytes) -> Found:
    (_, _, index, _, _), attributes = LINK.read(body)
    name, alias = (_text(attributes.get(each, b"")) for each in (OfLink.NAME, OfLink.ALIAS))
    info = attributes_in(attributes.get(OfLink.INFO, b""))
    is_interface = info.get(OfInfo.KIND, b"").rstrip(b"\0") == KINDS[Leading.ROUTES].encode()
    data = attributes_in(info.get(OfInfo.DATA, b"")) if is_interface else {}
    group, interface = number(attributes.get(OfLink.GROUP, b"")), number(data.get(OfInfo.NUMBER, b""))
    return Found(name, index, group, alias, interface)


def _text(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode(errors="backslashreplace")


def _free(taken: set[str]) -> str:
    return next(name for name in (f"{OWN}{each}" for each in count()) if name not in taken)


def _signature() -> str:
    """What the alias says: `lotor`, the process, when it began, and where that number counts."""
    me = Owner.myself()
    return f"{OWN} {me.pid} {me.started} {_processes()}"


def _owner(alias: str) -> str:
    """The program that lives and has the device, for a person; empty for none. One whose processes cannot be seen from
    here may live."""
    match alias.split():
        case [name, *numbers] if name == OWN and len(numbers) == 3 and all(map(str.isdecimal, numbers)):
            pid, started, processes = map(int, numbers)
            if processes != _processes():
                return f"another lotor (process {pid} of another container)"
            return f"another lotor (process {pid})" if Owner(pid, started, 0).lives() else ""
    return ""


def _processes() -> int:
    """The namespace that numbers of processes are of."""
    return Path("/proc/self/ns/pid").stat().st_ino
