"""Capabilities of Linux by number and name: those that this process has, and how it gives them up.

They belong to a thread, and later threads have those of the one that started them.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from enum import IntEnum

PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_CAP_AMBIENT = 23, 24, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
LINUX_CAPABILITY_VERSION_3 = 0x20080522


class Capability(IntEnum):
    """Numbers of linux/capability.h."""

    CHOWN = 0
    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    FOWNER = 3
    FSETID = 4
    KILL = 5
    SETGID = 6
    SETUID = 7
    SETPCAP = 8
    LINUX_IMMUTABLE = 9
    NET_BIND_SERVICE = 10
    NET_BROADCAST = 11
    NET_ADMIN = 12
    NET_RAW = 13
    IPC_LOCK = 14
    IPC_OWNER = 15
    SYS_MODULE = 16
    SYS_RAWIO = 17
    SYS_CHROOT = 18
    SYS_PTRACE = 19
    SYS_PACCT = 20
    SYS_ADMIN = 21
    SYS_BOOT = 22
    SYS_NICE = 23
    SYS_RESOURCE = 24
    SYS_TIME = 25
    SYS_TTY_CONFIG = 26
    MKNOD = 27
    LEASE = 28
    AUDIT_WRITE = 29
    AUDIT_CONTROL = 30
    SETFCAP = 31
    MAC_OVERRIDE = 32
    MAC_ADMIN = 33
    SYSLOG = 34
    WAKE_ALARM = 35
    BLOCK_SUSPEND = 36
    AUDIT_READ = 37
    PERFMON = 38
    BPF = 39
    CHECKPOINT_RESTORE = 40


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def held() -> frozenset[int]:
    """Those in the permitted set: what this process may do, or may begin to do again."""
    now = _now()
    return frozenset(number for number in range(64) if now[number // 32].permitted >> number % 32 & 1)


def keep(kept: Iterable[int]) -> None:
    """None of the others is in any set but the bounding one any more. `OSError` when the kernel refuses."""
    kept, now = frozenset(kept), _now()
    for word, data in enumerate(now):
        mask = sum(1 << number - 32 * word for number in kept if number // 32 == word)
        data.permitted &= mask
        data.effective &= mask
        data.inheritable &= mask
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    if libc.capset(ctypes.byref(_Header(LINUX_CAPABILITY_VERSION_3, 0)), now):
        raise fault()


def bounding() -> frozenset[int]:
    """Those that this process or a child may have, of all that this kernel knows."""
    return frozenset(number for number in range(64) if libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1)


def unbound(dropped: Iterable[int]) -> list[int]:
    """Takes them out of the bounding set; returns those that the kernel leaves there, without SETPCAP all of them."""
    refused = []
    for number in sorted(dropped):
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError:
            refused.append(number)
    return refused


def name(number: int) -> str:
    """As capabilities(7) has it, without CAP_ and in small letters; the number of one that is newer than this list."""
    return Capability(number).name.lower() if number in set(Capability) else str(number)


def prctl(option: int, value: int, third: int = 0) -> None:
    """`OSError` when the kernel refuses."""
    if libc.prctl(option, value, third, 0, 0):
        raise fault()


def _now() -> ctypes.Array[_Data]:
    now = (_Data * 2)()
    if libc.capget(ctypes.byref(_Header(LINUX_CAPABILITY_VERSION_3, 0)), now):
        raise fault()
    return now


def fault() -> OSError:
    """Of the last call of `libc`."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


libc = ctypes.CDLL(None, use_errno=True)
