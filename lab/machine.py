"""Debian's own kernel in a virtual machine, for what User Mode Linux lacks (xfrm interfaces): python -m lab.machine
COMMAND... runs a command there, on the files of this host, and throws away what it writes.

The machine is emulated: a program needs ten to twenty times its time. So its clock goes by instructions, and by real
time while it rests: what waits for five seconds there has as much done in them as elsewhere, however busy this host is.
Its labs are namespaces within it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.node import Finished, LabError, wait_until

PROJECT = Path(__file__).parents[1]
PROGRAMS = PROJECT / ".venv" / "machine"
"""Where scripts/machine.sh puts them."""
LIBRARIES = PROGRAMS / "usr/lib/x86_64-linux-gnu"
FIRST = ("virtio_pci", "fuse", "virtiofs", "overlay")
"""Modules that the files of this host need; all others come from there."""
TOOLS = ("sh", "mount", "mkdir", "switch_root")
MEMORY = 1024
"""MiB."""
PATIENCE = 1800.0
"""Seconds that a command may take."""
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
MODULES = (
    "tun veth bridge nft_ct nft_chain_nat nft_masq nft_reject_inet nft_fib_inet nft_xfrm nft_counter "
    "xfrm_user xfrm_interface esp4 esp6 ipcomp ipcomp6 authenc echainiv seqiv gcm ctr cbc"
)
"""Of lab and lotor. A program that uses one first would wait for it; lotor waits for nft for five seconds."""
COMPILED = ("src", "lab", "tests")
"""Of this checkout: the machine finds them ready, since compiling them there takes minutes for each first program."""
INTERFACES = "modprobe -q esp4; ip link add lotor-try type xfrm if_id 1 && ip xfrm state add src 192.0.2.1 \
dst 192.0.2.2 proto esp spi 1 mode tunnel aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128"
"""What a kernel with ESP and xfrm interfaces does, in the words of a shell."""
_INIT = """#!/bin/sh
mount -t proc proc /proc
PATH=/bin
for each in MODULES; do insmod /modules/$each; done
mount -t tmpfs tmpfs /new
mkdir /new/host /new/own /new/work /new/all
mount -t virtiofs host /new/host
mount -t overlay -o lowerdir=/new/host,upperdir=/new/own,workdir=/new/work overlay /new/all
mount --move /proc /new/all/proc
exec switch_root /new/all /bin/sh $then
"""
_THEN = """export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /usr/lib/modules
mount -t devpts devpts /dev/pts
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
for each in /dev/shm /run /tmp; do mount -t tmpfs tmpfs $each; done
ln -sfn PROGRAMS/usr/lib/modules/$(uname -r) /usr/lib/modules/$(uname -r)
ln -sf PROGRAMS/usr/bin/kmod /usr/sbin/modprobe
modprobe -qa MODULES
nft -j list ruleset >/dev/null
ip link set lo up
cd PROJECT
COMMAND </dev/null >/dev/ttyS1 2>&1
echo "END $?" >/dev/ttyS1
echo o >/proc/sysrq-trigger
read -r forever
"""


def run(*argv: str, patience: float = PATIENCE) -> Finished:
    """What a command says and how it ends there; both of its outputs are one."""
    if not (PROGRAMS / "usr/bin/qemu-system-x86_64").exists():
        raise LabError(f"there is no virtual machine in {PROGRAMS}: run scripts/machine.sh {PROGRAMS}")
    _compile()
    with tempfile.TemporaryDirectory(prefix="lotor-machine-") as place, _files(Path(place)) as files:
        Path(place, "start").write_bytes(archive(_contents()))
        Path(place, "then.sh").write_text(_then(shlex.join(argv)))
        machine = _machine(Path(place), files)
        try:
            subprocess.run(machine, stdin=subprocess.DEVNULL, env=_environment(), timeout=patience, check=True)
        except subprocess.TimeoutExpired:
            what = f"the virtual machine did not come to its end within {patience:.0f} s; it said:\n{_said(place)}"
            raise LabError(what) from None
        before, _, code = _said(place).rpartition("END ")
        if not code.strip().isdecimal():
            raise LabError(f"the virtual machine did not come to its end: {Path(place, 'console').read_text()[-3000:]}")
    return Finished(int(code), before, "")


def led_by_routes() -> bool:
    """Whether this kernel has ESP and xfrm interfaces: tests of them run where it has."""
    words = ("unshare", "--net", "sh", "-c", INTERFACES)
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def _compile() -> None:
    words = (sys.executable, "-m", "compileall", "-q", *(str(PROJECT / each) for each in COMPILED))
    subprocess.run(words, stdout=subprocess.DEVNULL, check=False)


def _said(place: str) -> str:
    return Path(place, "said").read_bytes().replace(b"\r\n", b"\n").decode(errors="replace")


@contextmanager
def _files(place: Path) -> Iterator[Path]:
    """Gives this host's files to the machine, by a socket."""
    at = place / "files"
    words = (f"--socket-path={at}", "-o", "source=/,cache=always,sandbox=chroot,log_level=err")
    with (place / "files.log").open("wb") as log:
        giver = subprocess.Popen((PROGRAMS / "usr/lib/qemu/virtiofsd", *words), env=_environment(), stderr=log)
    try:
        if not wait_until(lambda: at.exists() or giver.poll() is not None) or giver.poll() is not None:
            raise LabError(f"the virtual machine gets no files: {(place / 'files.log').read_text()[-2000:]}")
        yield at
    finally:  # it ends by itself, too, when the machine does
        giver.terminate()
        with suppress(subprocess.TimeoutExpired):
            giver.wait(10)
        giver.kill()


def _machine(place: Path, files: Path) -> tuple[str | Path, ...]:
    """No processor of this host is lent to it (KVM): those of clouds have none to lend. An instruction takes two
    nanoseconds of its time."""
    shared = f"memory-backend-memfd,id=memory,size={MEMORY}M,share=on"
    return (
        PROGRAMS / "usr/bin/qemu-system-x86_64",
        *("-L", PROGRAMS / "usr/share/qemu", "-L", PROGRAMS / "usr/share/seabios"),
        *("-M", "q35", "-accel", "tcg,thread=single", "-icount", "shift=1", "-cpu", "Westmere", "-m", str(MEMORY)),
        *("-object", shared, "-numa", "node,memdev=memory"),
        *("-chardev", f"socket,id=files,path={files}", "-device", "vhost-user-fs-pci,chardev=files,tag=host"),
        *("-kernel", PROGRAMS / "usr/lib/vmlinuz", "-initrd", place / "start"),
        *("-append", f"console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on then={place}/then.sh"),
        *("-display", "none", "-nodefaults", "-no-reboot"),
        *("-serial", f"file:{place}/console", "-serial", f"file:{place}/said"),
    )


def _then(command: str) -> str:
    text = _THEN.replace("PROGRAMS", shlex.quote(str(PROGRAMS))).replace("PROJECT", shlex.quote(str(PROJECT)))
    return text.replace("MODULES", MODULES).replace("COMMAND", command)


def _environment() -> dict[str, str]:
    return {**os.environ, "LD_LIBRARY_PATH": str(LIBRARIES)}


def _contents() -> Iterator[tuple[str, bytes]]:
    """Of the file system that the kernel starts with: names and octets."""
    modules = list(dict.fromkeys(each for name in FIRST for each in _needed(name)))
    tools = {f"bin/{name}": Path(shutil.which(name) or name) for name in TOOLS}
    tools["bin/insmod"] = PROGRAMS / "usr/bin/kmod"
    libraries = {each[1:]: Path(each) for tool in tools.values() for each in _libraries(tool)}
    for name, file in (tools | libraries | {f"modules/{each.name}": each for each in modules}).items():
        yield name, file.read_bytes()
    yield "init", _INIT.replace("MODULES", " ".join(each.name for each in modules)).encode()


def _needed(module: str) -> Iterator[Path]:
    """Files of a module, those first that it needs."""
    directory = next((PROGRAMS / "usr/lib/modules").iterdir())
    for line in (directory / "modules.dep").read_text().splitlines():
        file, _, needs = line.partition(":")
        if Path(file).stem == module:
            yield from (directory / each for each in (*reversed(needs.split()), file))


def _libraries(program: Path) -> Iterator[str]:
    told = subprocess.run(("ldd", program), capture_output=True, text=True, check=True).stdout
    yield from (word for word in told.split() if word.startswith("/"))


def archive(contents: Iterable[tuple[str, bytes]]) -> bytes:
    """A cpio archive (newc) of files that all may run, with their directories and those that `_INIT` mounts upon."""
    files = dict(contents)
    above = {str(each) for name in files for each in Path(name).parents if str(each) != "."}
    entries = [*((name, b"", 0o040755) for name in sorted({*above, "proc", "new", "dev"}))]
    entries += [(name, octets, 0o100755) for name, octets in files.items()]
    return b"".join(_entry(number, *each) for number, each in enumerate([*entries, ("TRAILER!!!", b"", 0)], 1))


def _entry(number: int, name: str, octets: bytes, mode: int) -> bytes:
    fields = (number, mode, 0, 0, 1, 0, len(octets), 0, 0, 0, 0, len(name) + 1, 0)
    head = ("070701" + "".join(f"{each:08x}" for each in fields) + name).encode() + b"\0"
    return head + bytes(-len(head) % 4) + octets + bytes(-len(octets) % 4)


def main() -> int:
    """Runs the command of the command line there, "pytest" standing for that of this checkout."""
    first, *rest = sys.argv[1:]
    done = run(*(PYTEST if first == "pytest" else (first,)), *rest)
    sys.stdout.write(done.stdout)
    return done.code


if __name__ == "__main__":
    sys.exit(main())
