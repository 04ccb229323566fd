//! seccomp: which system calls all threads of this process may still make.
//!
//! A profile lists what a program of its kind needs. What is on no list fails with EPERM, so that a library that only tries
//! something goes on without it. What no such program does by mistake ends the process: whoever tries it came from outside.

use std::collections::BTreeMap;
use std::io;

use libc::c_long;
use seccompiler::{
    apply_filter_all_threads, BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule,
};

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Reads every peer's bytes, keeps sessions, carries packets over descriptors that it was given.
    Daemon,
}

/// By number; no rule: whatever the arguments are. Of several rules one has to fit.
type Calls = BTreeMap<c_long, Vec<SeccompRule>>;

/// For good, for every thread. `Unsupported` on a processor that seccompiler does not know, and the kernel's own refusal.
pub fn restrict_calls(profile: Profile) -> io::Result<()> {
    let Profile::Daemon = profile;
    let allowed = filter(daemon()?, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)?;
    let hostile = filter(plain(HOSTILE), SeccompAction::Allow, SeccompAction::KillProcess)?;
    // The C library takes ENOSYS for "an older kernel" and makes its threads by clone, whose flags a filter can see.
    let opaque = filter(plain(&[libc::SYS_clone3]), SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?;
    // Of several verdicts the hardest counts. The list of what is allowed comes last: it allows no further filter.
    for program in [&hostile, &opaque, &allowed] {
        apply_filter_all_threads(program).map_err(io::Error::other)?;
    }
    Ok(())
}

fn filter(calls: Calls, otherwise: SeccompAction, listed: SeccompAction) -> io::Result<BpfProgram> {
    let processor = std::env::consts::ARCH.try_into().map_err(unsupported)?;
    let filter = SeccompFilter::new(calls, otherwise, listed, processor).map_err(io::Error::other)?;
    filter.try_into().map_err(|error: BackendError| io::Error::other(error))
}

fn unsupported(error: BackendError) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, error)
}

fn plain(numbers: &[c_long]) -> Calls {
    numbers.iter().map(|number| (*number, Vec::new())).collect()
}

/// Memory, threads, signals and time of a program that has loaded what it needs.
const RUNNING: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mlock,
    libc::SYS_munlock,
    libc::SYS_futex,
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getgroups,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_capget,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrusage,
    libc::SYS_times,
];

/// Files: Landlock says which. What was opened to be written at its end, as the log, is written nowhere else and never
/// shortened: there is no call for that.
const FILES: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_openat,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_fstatfs,
    libc::SYS_statfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_lseek,
    libc::SYS_flock,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fchmod,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_umask,
];

/// Waiting, and sockets that are there.
const WAITING: &[c_long] = &[
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_pipe2,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvmmsg,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_shutdown,
];

/// Older forms of calls above, which younger processors never had.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_epoll_create,
    libc::SYS_pipe,
    libc::SYS_dup2,
    libc::SYS_accept,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_mkdir,
    libc::SYS_time,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[libc::SYS_accept];

/// What a daemon that reads peers' bytes never does: another program, another process's memory, mounts, namespaces, the
/// kernel's own code, other users, tracing; io_uring does calls that no filter sees.
const HOSTILE: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    libc::SYS_personality,
];

/// How a terminal, a descriptor and a queue are asked, and a descriptor made not to wait or to close; how the form of the
/// packets of a TUN device that is there is asked and chosen. No device is made or taken by these.
#[allow(clippy::unnecessary_cast, reason = "their type is another one with musl")]
const IOCTLS: &[u64] = &[
    libc::TCGETS as u64,
    libc::FIONREAD as u64,
    libc::FIONBIO as u64,
    libc::FIOCLEX as u64,
    libc::FIONCLEX as u64,
    libc::TUNGETIFF as u64,
    libc::TUNSETVNETHDRSZ as u64,
    libc::TUNSETOFFLOAD as u64,
];

/// A descriptor is copied, closed by a new program, and asked what it is. Its flags stay: without O_APPEND a process would
/// write over the lines of a log that it may only add to.
const FCNTLS: &[u64] = &[
    libc::F_DUPFD as u64,
    libc::F_DUPFD_CLOEXEC as u64,
    libc::F_GETFD as u64,
    libc::F_SETFD as u64,
    libc::F_GETFL as u64,
    libc::F_GET_SEALS as u64,
];

/// The C library gives names to threads and to memory; a program may ask what it gave up.
const PRCTLS: &[u64] = &[
    libc::PR_SET_NAME as u64,
    libc::PR_GET_NAME as u64,
    libc::PR_SET_VMA as u64,
    libc::PR_GET_DUMPABLE as u64,
    libc::PR_GET_NO_NEW_PRIVS as u64,
    libc::PR_GET_SECCOMP as u64,
    libc::PR_CAPBSET_READ as u64,
    libc::PR_SET_PDEATHSIG as u64,
];

/// The socket of native ESP is a raw one: with these options the daemon would write whole IP headers itself, and send
/// packets of any protocol from any address. The kernel takes the one of IPv6 at the level of raw sockets, too.
const HEADERS: &[u64] = &[libc::IP_HDRINCL as u64, libc::IPV6_HDRINCL as u64];
const HEADER_LEVELS: &[u64] = &[libc::IPPROTO_IP as u64, libc::IPPROTO_IPV6 as u64, SOL_RAW];
/// Linux, include/linux/socket.h.
const SOL_RAW: u64 = 255;

/// With this option whoever closes a connection last stands still in close(), for as long as its maker said. A process
/// that was sent the descriptor may be the last one: the warden. At other levels the number means something else.
const WAITS: &[u64] = &[libc::SO_LINGER as u64];
const WAIT_LEVELS: &[u64] = &[libc::SOL_SOCKET as u64];

fn daemon() -> io::Result<Calls> {
    let rules: Result<Calls, BackendError> = conditional();
    let mut calls = rules.map_err(io::Error::other)?;
    for part in [RUNNING, FILES, WAITING, OLDER] {
        calls.extend(plain(part));
    }
    Ok(calls)
}

/// Calls that count by what they are asked to do.
fn conditional() -> Result<Calls, BackendError> {
    let threads_only = u64::from(libc::CLONE_THREAD as u32);
    let (writable, executable) = (libc::PROT_WRITE as u64, libc::PROT_EXEC as u64);
    Ok(Calls::from([
        (libc::SYS_clone, vec![rule(vec![bits(0, threads_only, threads_only)?])?]),
        (libc::SYS_tgkill, vec![rule(vec![is(0, u64::from(std::process::id()))?])?]),
        // Libraries may be loaded; memory that was written never becomes code, unless by way of a file.
        (libc::SYS_mmap, vec![rule(vec![bits(2, executable, 0)?])?, rule(vec![bits(2, writable, 0)?])?]),
        (libc::SYS_mprotect, vec![rule(vec![bits(2, executable, 0)?])?]),
        (libc::SYS_socket, sockets()?),
        (libc::SYS_socketpair, vec![rule(vec![is(0, libc::AF_UNIX as u64)?])?]),
        (libc::SYS_setsockopt, options()?),
        (libc::SYS_ioctl, any_of(1, IOCTLS)?),
        (libc::SYS_fcntl, any_of(1, FCNTLS)?),
        (libc::SYS_prctl, any_of(0, PRCTLS)?),
        // To read a limit, not to set one.
        (libc::SYS_prlimit64, vec![rule(vec![is(2, 0)?])?]),
    ]))
}

/// UDP and TCP for names and for the source of a path, and the sockets of this host: nothing raw, no packets, no netlink.
fn sockets() -> Result<Vec<SeccompRule>, BackendError> {
    const KIND: u64 = 0xf;
    let kinds = [libc::SOCK_STREAM as u64, libc::SOCK_DGRAM as u64];
    let mut rules = vec![rule(vec![is(0, libc::AF_UNIX as u64)?])?];
    for family in [libc::AF_INET as u64, libc::AF_INET6 as u64] {
        for kind in kinds {
            rules.push(rule(vec![is(0, family)?, bits(1, KIND, kind)?])?);
        }
    }
    Ok(rules)
}

/// None of `HEADERS` at one of `HEADER_LEVELS`, none of `WAITS` at one of `WAIT_LEVELS`. No level is in both: what one of
/// these rules lets pass breaks neither.
fn options() -> Result<Vec<SeccompRule>, BackendError> {
    let (not_headers, not_waits) = (none_of(1, HEADER_LEVELS)?, none_of(1, WAIT_LEVELS)?);
    Ok(vec![
        rule([not_headers.clone(), not_waits.clone()].concat())?,
        rule([not_headers, none_of(2, WAITS)?].concat())?,
        rule([not_waits, none_of(2, HEADERS)?].concat())?,
    ])
}

fn any_of(argument: u8, values: &[u64]) -> Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| rule(vec![is(argument, *value)?])).collect()
}

/// Of 32 bits also where the value is 0: the kernel ignores the upper half of a number that is not to be.
fn none_of(argument: u8, values: &[u64]) -> Result<Vec<SeccompCondition>, BackendError> {
    let differs = |value| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value);
    values.iter().map(|value| differs(*value)).collect()
}

fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions)
}

/// The kernel reads these arguments as 32 bits, but for a pointer that is null.
fn is(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    let length = if value == 0 { SeccompCmpArgLen::Qword } else { SeccompCmpArgLen::Dword };
    SeccompCondition::new(argument, length, SeccompCmpOp::Eq, value)
}

fn bits(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
}
