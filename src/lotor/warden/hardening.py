"""What a process with keys gives up: memory that others could read, rights that nothing here needs.

Rights belong to a thread, and later threads have those of the one that started them: `bound` comes before any other
thread. What a program may do that lotor starts is bounded in the same way; the administrator's scripts may do more than
lotor itself.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
from collections.abc import Iterable
from enum import IntEnum

from lotor.config.settings import Settings

log = logging.getLogger(__name__)

PR_SET_DUMPABLE, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 23, 24, 38
LINUX_CAPABILITY_VERSION_3 = 0x20080522


class Capability(IntEnum):
    """Numbers of linux/capability.h."""

    CHOWN = 0
    DAC_READ_SEARCH = 2
    KILL = 5
    LINUX_IMMUTABLE = 9
    NET_BIND_SERVICE = 10
    NET_ADMIN = 12
    NET_RAW = 13
    SYS_MODULE = 16
    SYS_RAWIO = 17
    SYS_PTRACE = 19
    SYS_PACCT = 20
    SYS_BOOT = 22
    SYS_TIME = 25
    SYS_TTY_CONFIG = 26
    MKNOD = 27
    AUDIT_CONTROL = 30
    MAC_OVERRIDE = 32
    MAC_ADMIN = 33
    SYSLOG = 34
    WAKE_ALARM = 35
    BLOCK_SUSPEND = 36
    AUDIT_READ = 37
    PERFMON = 38
    BPF = 39
    CHECKPOINT_RESTORE = 40


OWN = frozenset(
    {
        Capability.CHOWN,  # the control socket is for a group
        Capability.DAC_READ_SEARCH,  # shadow without any permission, a CA file in somebody's home
        Capability.NET_BIND_SERVICE,
        Capability.NET_ADMIN,
        Capability.NET_RAW,
    }
)
"""What lotor needs, and the programs that it starts for DNS and nftables."""

FOR_SCRIPTS = OWN | {Capability.KILL}
"""A script that takes too long may have become another user."""

NEVER = frozenset(Capability) - FOR_SCRIPTS
"""What no script of a connection needs; those that are not named here (mounts, other users, files) it may."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def withhold_memory() -> None:
    """No core file, and nobody but root looks into this process: keys and passwords are in it. To be called before
    any is read."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if _prctl(PR_SET_DUMPABLE, 0):
        log.warning("other processes may look into this one's memory: %s", _why())


def bound(*, scripts: bool) -> None:
    """Keep only the rights that are needed. `scripts`: the configuration names some, whose helpers may be setuid."""
    kept = FOR_SCRIPTS if scripts else OWN
    dropped = NEVER if scripts else _all() - OWN
    if refused := [number for number in sorted(dropped) if _prctl(PR_CAPBSET_DROP, number)]:
        log.debug("%d capabilities stay in the bounding set: %s", len(refused), _why())
    if not _keep(kept):
        log.warning("this process keeps more capabilities than it needs: %s", _why())
    if not scripts and _prctl(PR_SET_NO_NEW_PRIVS, 1):
        log.warning("programs that this process starts may gain rights: %s", _why())


def has_scripts(settings: Settings) -> bool:
    """Whether the administrator wants scripts to be run."""
    return any(remote.scripts for remote in settings.remotes)


def _all() -> frozenset[int]:
    """The capabilities that this kernel knows and this process or a child may have."""
    return frozenset(number for number in range(64) if _libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1)


def _keep(kept: Iterable[int]) -> bool:
    """None of the others is permitted any more."""
    header, now = _Header(LINUX_CAPABILITY_VERSION_3, 0), (_Data * 2)()
    if _libc.capget(ctypes.byref(header), now):
        return False
    for word, data in enumerate(now):
        mask = sum(1 << number - 32 * word for number in kept if number // 32 == word)
        data.permitted &= mask
        data.effective &= mask
        data.inheritable &= mask
    return not _libc.capset(ctypes.byref(header), now)


def _prctl(option: int, value: int) -> bool:
    """Whether the kernel refused."""
    return bool(_libc.prctl(option, value, 0, 0, 0))


def _why() -> str:
    return os.strerror(ctypes.get_errno())


_libc = ctypes.CDLL(None, use_errno=True)
