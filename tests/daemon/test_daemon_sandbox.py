"""What a confined process cannot do any more, tried in a child; and that what a daemon does goes on."""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PREPARED = """
import asyncio, ctypes, errno, mmap, os, socket, struct, sys, threading
from pathlib import Path
from lotor.confinement import sandbox
libc = ctypes.CDLL(None, use_errno=True)
files = sandbox.Files(sandbox.program_files(), tuple(map(Path, sys.argv[1:])))

def told(action):
    try:
        return action()
    except OSError as error:
        return errno.errorcode[error.errno]

def called(name, *arguments):
    result = getattr(libc, name)(*arguments)
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]
"""
CONFINED = PREPARED + "now = sandbox.confine(files, sandbox.Profile.DAEMON)\n"


def child(program: str, *words: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)


def printed(program: str, *words: object) -> str:
    done = child(program, *words)
    assert done.returncode == 0, done
    return done.stdout.strip()


def test_what_is_in_force_is_told():
    asked = "libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0)"
    landlock, calls, *status = printed(CONFINED + f"print(now.landlock, now.calls.value, {asked})").split()
    assert int(landlock) >= 1
    assert calls == "daemon"
    assert status == ["1", "2"]  # no new privileges; seccomp by a filter


@pytest.mark.parametrize(
    "path",
    ["/etc/fstab", "/etc/shadow", "/proc/self/mem", "/proc/1/status", "/dev/mem", "/dev/net/tun", "/root", "/"],
)
def test_a_file_that_is_not_needed_cannot_be_opened(path):
    assert (
        printed(PREPARED + f"print(told(lambda: os.close(os.open({path!r}, os.O_RDONLY))) in (None, 'ENOENT'))")
        == "True"
    )
    assert printed(CONFINED + f"print(told(lambda: os.open({path!r}, os.O_RDONLY)))") in {"EACCES", "ENOENT"}


def test_a_key_beside_a_directory_that_may_be_written_cannot_be_read(tmp_path):
    state, key = tmp_path / "state", tmp_path / "gateway.key"
    state.mkdir()
    key.write_text("secret")
    program = CONFINED + (
        f"Path({str(state)!r}, 'new').write_text('mine')\n"
        f"print(Path({str(state)!r}, 'new').read_text())\n"
        f"print(told(lambda: Path({str(key)!r}).read_text()))\n"
        f"print(told(lambda: Path({str(tmp_path)!r}, 'other').write_text('no')))\n"
        f"print(told(lambda: os.rename({str(key)!r}, {str(state / 'got')!r})))\n"
        f"print(told(lambda: os.symlink({str(key)!r}, {str(state / 'link')!r})))\n"
        f"Path({str(state)!r}, 'new').unlink()\n"
    )
    assert printed(program, state).split() == ["mine", "EACCES", "EACCES", "EACCES", "EPERM"]
    assert sorted(tmp_path.rglob("*")) == [key, state]


def test_what_was_open_before_stays_open_and_what_is_not_there_allows_nothing(tmp_path):
    key = tmp_path / "open"
    key.write_text("opened before")
    program = PREPARED + (
        f"held = open({str(key)!r})\nsandbox.confine(files, sandbox.Profile.DAEMON)\nprint(held.read())\n"
        f"print(told(lambda: os.mkdir({str(tmp_path / 'nowhere')!r})))"
    )
    assert printed(program, tmp_path / "nowhere").splitlines() == ["opened before", "EACCES"]


REFUSED = {
    "a packet socket": "told(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))",
    "a raw socket": "told(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 50))",
    "a raw socket of IPv6": "told(lambda: socket.socket(socket.AF_INET6, socket.SOCK_RAW, 50))",
    "netlink": "told(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))",
    "a socket to the crypto of the kernel": "told(lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET))",
    "a new process": "told(os.fork)",
    "a signal to another process": "told(lambda: os.kill(os.getppid(), 0))",
    "a signal to another's thread": "called('tgkill', 1, 1, 0)",
    "memory that is written and executed": (
        "told(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC))"
    ),
    "memory that becomes code": "called('mprotect', ctypes.c_void_p(id(libc) & ~4095), 4096, 5)",
    "a file without a name": "told(lambda: os.memfd_create('code'))",
    "a limit": "called('setrlimit', 4, struct.pack('qq', 0, 0))",
    "to be looked into again": "called('prctl', 4, 1, 0, 0, 0)",
    "a descriptor of another process": "told(lambda: os.pidfd_open(1))",
    "another owner": "told(lambda: os.chown(sys.argv[1], 1, 1))",
    "the name of this host": "told(lambda: socket.sethostname('mine'))",
    "a further filter": "called('prctl', 22, 2, None)",
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_a_call_that_is_on_no_list_is_refused_and_the_program_goes_on(what, tmp_path):
    assert printed(CONFINED + f"print({REFUSED[what]})", tmp_path) == "EPERM"


UDP = "socket.socket({family}, socket.SOCK_DGRAM)"
OVERWRITES = {
    "shortened": "told(lambda: os.ftruncate(held, 0))",
    "written at its beginning": "told(lambda: os.pwrite(held, b'x', 0))",
    "written at its beginning by several parts": "told(lambda: os.pwritev(held, [b'x'], 0))",
    "written at its beginning, whatever its flags": "called('pwritev2', held, part, 1, 0, 0, 0x20)",
    "emptied in its middle": "called('fallocate', held, 3, ctypes.c_long(0), ctypes.c_long(4))",
    "opened without its flags": "told(lambda: fcntl.fcntl(held, fcntl.F_SETFL, 0))",
    "written behind everybody's back": "told(lambda: fcntl.fcntl(held, fcntl.F_SETFL, os.O_APPEND | os.O_DIRECT))",
    "opened anew": "told(lambda: os.open(f'/proc/self/fd/{held}', os.O_WRONLY | os.O_TRUNC))",
    "filled from another file": "told(lambda: os.copy_file_range(other, held, 1, 0, 0))",
}
HELD = """
import fcntl
from lotor.daemon import logs
from lotor.files import captures
held = MAKE
other = os.open(sys.argv[1], os.O_RDONLY)
kept = ctypes.create_string_buffer(b"x")
part = struct.pack("PN", ctypes.addressof(kept), 1)
os.write(held, b"what was there")
"""
MAKES = {"the log": "logs.open_log(Path(sys.argv[1]))", "a capture": "captures.make(Path(sys.argv[1]))[0]"}


@pytest.mark.parametrize("how", sorted(OVERWRITES))
@pytest.mark.parametrize("make", sorted(MAKES))
def test_a_daemon_adds_to_the_log_and_the_capture_and_changes_nothing_in_them(make, how, tmp_path):
    file = tmp_path / "held"
    program = PREPARED.replace("sandbox.Files(sandbox.program_files(), tuple(map(Path, sys.argv[1:])))", "None")
    program += HELD.replace("MAKE", MAKES[make])
    program += "sandbox.confine(sandbox.Files(sandbox.program_files()), sandbox.Profile.DAEMON)\n"
    program += f"print({OVERWRITES[how]})\nos.lseek(held, 0, 0)\nos.write(held, b', and more')\n"
    assert printed(program, file) in {"EPERM", "EACCES"}
    assert file.read_bytes() == b"what was there, and more"


HEADERS = {
    "of IPv4": (UDP.format(family="socket.AF_INET"), 0, 3),
    "of IPv6": (UDP.format(family="socket.AF_INET6"), 41, 36),
    "of IPv6 at the level of raw sockets": (UDP.format(family="socket.AF_INET6"), 255, 36),
    "of IPv4 with a level of which the kernel reads half": (UDP.format(family="socket.AF_INET"), 1 << 32, 3),
    "of IPv4 with an option of which the kernel reads half": (UDP.format(family="socket.AF_INET"), 0, 3 + (1 << 32)),
}


def setting(made: str, level: int, option: int, value: str, length: int) -> str:
    """setsockopt with all 64 bits of each word."""
    number = {"x86_64": 54, "aarch64": 208}[platform.machine()]
    return (
        f"held = {made}\n"
        f"words = [held.fileno(), *map(ctypes.c_long, ({level}, {option})), ctypes.byref({value}), {length}]\n"
        f"print(called('syscall', ctypes.c_long({number}), *words))"
    )


@pytest.mark.parametrize("which", sorted(HEADERS))
def test_nobody_writes_headers_of_his_own(which):
    """The kernel's own answer to a UDP socket is another one."""
    made, level, option = HEADERS[which]
    call = setting(made, level, option, "ctypes.c_int(1)", 4)
    assert printed(PREPARED + call) in {"ENOPROTOOPT", "EINVAL"}
    assert printed(CONFINED + call) == "EPERM"


TCP = "socket.socket({family}, socket.SOCK_STREAM)"
WAITS = {
    "of IPv4": (TCP.format(family="socket.AF_INET"), 1, 13),
    "of IPv6": (TCP.format(family="socket.AF_INET6"), 1, 13),
    "with a level of which the kernel reads half": (TCP.format(family="socket.AF_INET"), 1 + (1 << 32), 13),
    "with an option of which the kernel reads half": (TCP.format(family="socket.AF_INET"), 1, 13 + (1 << 32)),
}


@pytest.mark.parametrize("which", sorted(WAITS))
def test_nobody_makes_a_connection_whose_end_is_waited_for(which):
    made, level, option = WAITS[which]
    call = setting(made, level, option, "(ctypes.c_int * 2)(1, 4)", 8)
    assert printed(PREPARED + call) == "0"
    assert printed(CONFINED + call) == "EPERM"


def test_other_options_of_sockets_are_set():
    """Whether datagrams may be cut, their class, the address that they came to, the room for them; what TCP
    sets, also by the number that SO_LINGER has at another level."""
    program = CONFINED + (
        "for family, options in ((socket.AF_INET, ((0, 10), (0, 1), (0, 8), (1, 8), (1, 7))),\n"
        "                        (socket.AF_INET6, ((41, 23), (41, 67), (41, 49), (1, 8), (1, 7)))):\n"
        "    with socket.socket(family, socket.SOCK_DGRAM) as held:\n"
        "        for level, option in options:\n"
        "            held.setsockopt(level, option, 1)\n"
        "with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:\n"
        "    for level, option in ((1, 9), (1, 2), (6, 1), (6, 3)):\n"
        "        held.setsockopt(level, option, 1)\n"
        "    held.setsockopt(6, 13, held.getsockopt(6, 13, 16))\n"
        "print('set')"
    )
    assert printed(program) == "set"


HOSTILE = {
    "another program": "os.execv('/bin/true', ['true'])",
    "another program by descriptor": "os.execve(held, ['true'], {})",
    "to trace": "libc.ptrace(16, 1, None, None)",
    "to be traced": "libc.ptrace(0, 0, None, None)",
    "the memory of another process": "libc.process_vm_readv(1, None, 0, None, 0, 0)",
    "a mount": "libc.mount(b'none', b'/mnt', b'tmpfs', 0, None)",
    "to undo a mount": "libc.umount2(b'/proc', 2)",
    "another root": "os.chroot('/')",
    "a program in the kernel": "libc.syscall(ctypes.c_long(321), 5, None, 0)",
    "another namespace": "libc.setns(held, 0)",
    "a namespace of its own": "libc.unshare(0x10000000)",
    "another user": "os.setuid(0)",
    "other groups": "os.setgroups([0])",
    "capabilities": "libc.capset(None, None)",
    "io_uring": "libc.syscall(ctypes.c_long(425), 1, None)",
    "a module": "libc.syscall(ctypes.c_long(313), held, b'', 0)",
    "another time": "libc.clock_settime(0, struct.pack('qq', 0, 0))",
    "a restart": "libc.reboot(0)",
}


@pytest.mark.parametrize("what", sorted(HOSTILE))
def test_a_call_that_only_an_intruder_makes_ends_the_process(what):
    program = PREPARED + "held = os.open('/bin/true', os.O_RDONLY)\nsandbox.confine(files, sandbox.Profile.DAEMON)\n"
    done = child(program + f"print('before', flush=True)\n{HOSTILE[what]}\nprint('after')")
    assert (done.returncode, done.stdout) == (-signal.SIGSYS, "before\n")


def test_threads_from_before_and_after_are_bound_to_the_same_calls():
    program = PREPARED + (
        "go, found = threading.Event(), []\n"
        "def tries():\n"
        "    go.wait()\n"
        "    found.append(told(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)))\n"
        "early = threading.Thread(target=tries)\nearly.start()\n"
        "sandbox._native.restrict_calls('daemon')\n"
        "late = threading.Thread(target=tries)\nlate.start()\ngo.set()\nearly.join()\nlate.join()\nprint(*found)"
    )
    assert printed(program) == "EPERM EPERM"


def test_a_file_is_refused_to_a_later_thread_too():
    program = CONFINED + (
        "late = threading.Thread(target=lambda: print(told(lambda: os.open('/proc/version', os.O_RDONLY))))\n"
        "late.start()\nlate.join()"
    )
    assert printed(program) == "EACCES"


def test_beside_another_thread_nothing_is_given_up_but_told():
    program = PREPARED + (
        "end = threading.Event()\nbeside = threading.Thread(target=end.wait)\nbeside.start()\n"
        "try:\n    sandbox.confine(files, sandbox.Profile.DAEMON)\n"
        "except sandbox.Unconfined as why:\n    print(why)\n"
        "end.set()\nbeside.join()\nprint(told(lambda: os.close(os.open('/proc/version', os.O_RDONLY))))"
    )
    assert printed(program).splitlines() == [
        "2 threads run already: files have to be given up before the second one begins",
        "None",
    ]


def test_a_profile_that_is_not_there_is_refused():
    assert "there is no profile named other" in child(PREPARED + "sandbox._native.restrict_calls('other')").stderr


def test_modules_loops_threads_and_names_go_on_working():
    program = CONFINED + (
        "import decimal, html.parser, sqlite3, zoneinfo\n"
        "async def main():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    server = await asyncio.start_server(lambda reader, writer: writer.close(), '127.0.0.1', 0)\n"
        "    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())\n"
        "    print(await reader.read(), await asyncio.to_thread(threading.get_ident) != threading.get_ident())\n"
        "    writer.close()\n"
        "    server.close()\n"
        "    print((await loop.getaddrinfo('localhost', 500, family=socket.AF_INET))[0][4])\n"
        "asyncio.run(main())"
    )
    assert printed(program).splitlines() == ["b'' True", "('127.0.0.1', 500)"]


@pytest.mark.parametrize("suite", ["dataplane/test_dataplane_engine.py", "runtime/test_runtime_driver.py"])
def test_what_carries_packets_and_drives_the_core_passes_its_own_tests_confined(suite):
    """With the calls of a daemon alone: the engine's thread, its sockets and notices, the event loop and the timers."""
    program = (
        "import os, sys, pytest\nfrom lotor.confinement import sandbox\n"
        "class Confined:\n"
        "    def pytest_collection_finish(self, session):\n"
        "        sandbox._native.restrict_calls('daemon')\n"
        "os.chdir = lambda place: None\n"  # pytest's own last step
        "words = ['-q', '-o', 'addopts=--import-mode=importlib', '-p', 'no:cacheprovider', '-p', 'no:timeout']\n"
        "words += ['-k', 'not native_esp and not forbids_fragmentation']\n"  # raw sockets: a daemon is given them
        "sys.exit(pytest.main([*words, sys.argv[1]], plugins=[Confined()]))"
    )
    done = child(program, ROOT / "tests" / suite)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout
