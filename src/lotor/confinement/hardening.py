"""What a process with keys gives up: memory that others could read, rights that nothing here needs.

Rights belong to a thread, and later threads have those of the one that started them: `bound` comes before any other
thread. What a program may do that lotor starts is bounded in the same way; the administrator's scripts may do more than
lotor itself.
"""

from __future__ import annotations

import logging
import resource
import signal

from lotor.confinement import capabilities
from lotor.confinement.capabilities import Capability, prctl

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38

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

FOR_DAEMON = frozenset(
    {
        Capability.SETUID,  # the new process becomes its own user
        Capability.SETGID,  # and leaves root's groups
        Capability.SETPCAP,  # and empties its bounding set
        Capability.KILL,  # a daemon that breaks a rule is another user's process
    }
)
"""What a warden needs beside, whenever it starts a daemon: the new process has what the warden has until it gives it
up."""

FOR_PAM = frozenset(
    {
        Capability.SETUID,  # modules become the user whose files they read
        Capability.SETGID,
        Capability.KILL,  # and are ended in spite of that
        Capability.AUDIT_WRITE,  # libpam's own record of each login, for who keeps an audit log
    }
)
"""What the processes of PAM need beside: they have what the warden has."""

NEVER = frozenset(
    {
        Capability.LINUX_IMMUTABLE,
        Capability.SYS_MODULE,
        Capability.SYS_RAWIO,
        Capability.SYS_PTRACE,
        Capability.SYS_PACCT,
        Capability.SYS_BOOT,
        Capability.SYS_TIME,
        Capability.SYS_TTY_CONFIG,
        Capability.MKNOD,
        Capability.AUDIT_CONTROL,
        Capability.MAC_OVERRIDE,
        Capability.MAC_ADMIN,
        Capability.SYSLOG,
        Capability.WAKE_ALARM,
        Capability.BLOCK_SUSPEND,
        Capability.AUDIT_READ,
        Capability.PERFMON,
        Capability.BPF,
        Capability.CHECKPOINT_RESTORE,
    }
)
"""What no script of a connection needs; those that are not named here (mounts, other users, files) it may."""


def withhold_memory() -> None:
    """No core file, and nobody but root looks into this process: keys and passwords are in it. To be called before
    any is read, and again when the process has become another user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        prctl(PR_SET_DUMPABLE, 0)
    except OSError as error:
        log.warning("other processes may look into this one's memory: %s", error.strerror)


def bound(*, scripts: bool, daemon: bool = False, pam: bool = False) -> None:
    """Keep only the rights that are needed. `scripts`: the configuration names some, whose helpers may be setuid.
    `daemon`: this process is a warden, which starts another one that becomes another user. `pam`: it asks PAM."""
    kept = needed(scripts=scripts, daemon=daemon, pam=pam)
    dropped = NEVER if scripts else capabilities.bounding() - kept
    if refused := capabilities.unbound(dropped):
        log.debug("%d capabilities stay in the bounding set", len(refused))
    try:
        capabilities.keep(kept)
    except OSError as error:
        log.warning("this process keeps more capabilities than it needs: %s", error.strerror)
    if not scripts:
        try:
            prctl(PR_SET_NO_NEW_PRIVS, 1)
        except OSError as error:
            log.warning("programs that this process starts may gain rights: %s", error.strerror)


def needed(*, scripts: bool, daemon: bool, pam: bool) -> frozenset[Capability]:
    more = ((FOR_SCRIPTS, scripts), (FOR_DAEMON, daemon), (FOR_PAM, pam))
    return OWN.union(*(rights for rights, wanted in more if wanted))


def renounce() -> None:
    """No capability in any set but the bounding one, and no program that is started gains any. `OSError` when the
    kernel refuses."""
    capabilities.keep(())
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def die_with_parent() -> None:
    """The kernel kills this process when the thread that started it ends. A change of user takes that back. `OSError`
    when the kernel refuses."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
