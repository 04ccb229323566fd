"""Whether a TUN device can be made here: the device file, the kernel's driver, the right to use it. None is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lotor.confinement.capabilities import Capability
from lotor.daemon.privilege import effective
from lotor.doctor.finding import Finding, ok, unknown, wrong
from lotor.doctor.reading import text_of
from lotor.doctor.subject import Subject
from lotor.model.engines import EngineWish
from lotor.model.frozen import frozen

DEVICE = Path("/dev/net/tun")
DRIVERS = Path("/proc/misc")
STATUS = Path("/proc/self/status")
MODULES = Path("/lib/modules")
CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))


@frozen
class Tun:
    """`driver`: it is in the kernel; `module`: it can be loaded. `entitled` None: this user is not who will make it.
    `wanted`: the configuration does not leave everything to the kernel's engine."""

    there: bool
    driver: bool
    module: bool
    entitled: bool | None
    container: bool
    wanted: bool = True


def look(subject: Subject) -> Tun:
    return Tun(
        DEVICE.exists(),
        driver_in(text_of(DRIVERS)),
        module_in(MODULES / os.uname().release),
        may_administer(text_of(STATUS)) if subject.root else None,
        any(each.exists() for each in CONTAINERS),
        subject.settings is None or subject.settings.engine.wish is not EngineWish.KERNEL,
    )


def driver_in(misc: str) -> bool:
    """Of /proc/misc: a number and a name in each line."""
    return any(line.split()[1:] == ["tun"] for line in misc.splitlines())


def module_in(directory: Path, name: str = "tun") -> bool:
    """Whether the kernel's modules have it, as a file or built in."""
    listed = text_of(directory / "modules.dep") + text_of(directory / "modules.builtin")
    return any(f"/{name}.ko" in line.partition(":")[0] for line in listed.splitlines())


def may_administer(status: str) -> bool:
    """Of /proc/self/status."""
    return bool(effective(status) >> Capability.NET_ADMIN & 1)


def judge(tun: Tun) -> Iterator[Finding]:
    if not tun.wanted:
        return
    if not tun.there and tun.container:
        yield wrong(f"there is no {DEVICE}: start the container with", f"--device {DEVICE} --cap-add NET_ADMIN")
    elif not tun.driver and not tun.module:
        yield wrong(
            "this kernel has no TUN driver, nor a module of it: was the kernel replaced without a new boot?", "reboot"
        )
    elif not tun.there:
        yield wrong(f"there is no {DEVICE}", "modprobe tun")
    elif tun.entitled is False:
        yield wrong("root lacks CAP_NET_ADMIN here: start the container with", f"--device {DEVICE} --cap-add NET_ADMIN")
    elif tun.entitled is None:
        yield unknown(f"{DEVICE} is there; whether it may be used is root's to try", "sudo lotor doctor")
    else:
        yield ok(f"{DEVICE} is there, and may be used")
