"""One host of the lab: network, mount and process namespaces that vanish with the program that made them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

_SETUP = """
set -e
trap '' CHLD
ip link set lo up
sysctl -qw net.ipv6.conf.default.accept_dad=0 2>/dev/null || true
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/.etc /run/.work /run/.var /run/.old
mount -t overlay -o lowerdir=/etc,upperdir=/run/.etc,workdir=/run/.work overlay /etc
rm -f /etc/shadow /etc/shadow- /etc/gshadow /etc/gshadow- /etc/resolv.conf
printf 'root:*:19000:0:99999:7:::\\n' > /etc/shadow
chmod 600 /etc/shadow
printf 'nameserver 198.51.100.1\\n' > /etc/resolv.conf
mount --rbind /var /run/.old
for entry in /run/.old/*; do
    name=${entry##*/}
    if [ -L "$entry" ]; then cp -a "$entry" /run/.var/
    elif [ -d "$entry" ] && [ "$name" != lib ]; then set -- "$@" "$name"
    fi
done
cd /run/.var
mkdir lib "$@"
for name; do mount --rbind "/run/.old/$name" "$name"; done
set --
for each in /run/.old/lib/*; do
    name=${each##*/}
    [ "$name" = lotor ] || set -- "$@" "../../run/.old/lib/$name"
done
ln -s "$@" lib
mkdir -m 700 lib/lotor
cd /
mount --rbind /run/.var /var
echo ready
exec cat
"""
PATIENCE = 120.0
"""Seconds until it counts as wrong that something does not happen: much more than a busy machine needs."""
LONG_REST = 0.3

_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


class LabError(Exception):
    """The lab itself cannot do what was asked: a whole sentence."""


class CommandError(LabError):
    """A command of the lab ended badly; `output` is what it printed."""

    def __init__(self, argv: tuple[str, ...], code: int, output: str) -> None:
        super().__init__(f"{' '.join(argv)}: exit {code}: {output.strip() or 'no output'}")
        self.code = code
        self.output = output


def only_child(pid: int) -> int:
    """The process that a forking wrapper (unshare, nsenter) started, as this host numbers it; 0 while there is none."""
    return next(iter(children(pid)), 0)


def children(pid: int) -> list[int]:
    """The processes that one started, whichever of its threads did, as this host numbers them."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            found += map(int, file.read_text().split())
    return found


def descendants(pid: int) -> list[int]:
    """Its children and theirs, each before its own."""
    return [each for child in children(pid) for each in (child, *descendants(child))]


class Running:
    """A program inside a node. Its output is in the file `log`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """To the program itself, not to the wrapper that put it into the namespaces."""
        pid = only_child(self.process.pid)
        if pid and self.alive:
            os.kill(pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM, patience: float = 30.0) -> int:
        """The exit code; a program that ignores the signal for `patience` seconds is killed."""
        self.send(number)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            return self.process.wait(patience)

    def expect(self, needle: str, patience: float = PATIENCE) -> str:
        """The whole log once `needle` stands in it; `LabError` with the end of the log when it never does."""
        if wait_until(lambda: needle in self.text() or not self.alive, patience) and needle in self.text():
            return self.text()
        state = "is still running" if self.alive else f"ended with {self.process.returncode}"
        raise LabError(f"{self.name} never said {needle!r} and {state}; the end of its log:\n{self.text()[-3000:]}")


def wait_until(condition: object, patience: float = PATIENCE, pause: float = 0.05) -> bool:
    """Whether the callable became true within `patience` seconds. Between two calls it rests for `pause` seconds, and
    as long as the last one took up to `LONG_REST`: one that starts programs leaves the processor to what it is for."""
    if not callable(condition):
        raise TypeError("wait_until wants a callable")
    end = time.monotonic() + patience
    began = time.monotonic()
    while not condition():
        asked = time.monotonic()
        if asked > end:
            return False
        time.sleep(max(pause, min(asked - began, LONG_REST)))
        began = time.monotonic()
    return True


class Node:
    """A host with its own network, processes, /run, /etc and /var. Everything in it dies with this program: the first
    process inside reads a pipe whose other end only we hold."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory / name
        self.directory.mkdir()
        self._programs: list[Running] = []
        self._holder = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", _SETUP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self.directory / "holder.log").open("wb"),
        )
        if self._holder.stdout is None or self._holder.stdout.readline() != b"ready\n":
            raise LabError(f"cannot make a network namespace: {(self.directory / 'holder.log').read_text().strip()}")
        self.pid = only_child(self._holder.pid)

    def inside(self, argv: tuple[str, ...], *, network_only: bool = False) -> list[str]:
        """The command line that runs `argv` in this node's namespaces."""
        rooms = ("--net",) if network_only else ("--net", "--mount", "--pid", "--root")
        return ["nsenter", f"--target={self.pid}", *rooms, "--", *argv]

    def path(self, absolute: str) -> Path:
        """A file of this node as the outside reaches it (not through symbolic links with absolute targets)."""
        return Path(f"/proc/{self.pid}/root{absolute}")

    def write(self, absolute: str, content: str | bytes, mode: int = 0o644) -> str:
        """Writes a file and its missing directories into the node; returns `absolute`."""
        target = self.path(absolute)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content.encode() if isinstance(content, str) else content)
        return absolute

    def run(self, *argv: str, stdin: str = "", patience: float = 60.0, check: bool = True) -> Finished:
        """Runs a command to its end. `CommandError` when `check` and the exit code is not 0."""
        done = subprocess.run(
            self.inside(argv), input=stdin, capture_output=True, text=True, timeout=patience, check=False
        )
        if check and done.returncode:
            raise CommandError(argv, done.returncode, done.stdout + done.stderr)
        return Finished(done.returncode, done.stdout, done.stderr)

    def ip(self, *words: str) -> str:
        """`ip` with the host's own view of processes, so that `netns PID` means what it says."""
        return self._network(("ip", *words))

    def ips(self, *lines: str) -> None:
        """Several of them by one program; the first that fails is the last."""
        self._network(("ip", "-batch", "-"), "\n".join(lines))

    def _network(self, argv: tuple[str, ...], stdin: str = "") -> str:
        words = self.inside(argv, network_only=True)
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandError(argv, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def start(self, name: str, *argv: str, environment: Mapping[str, str] | None = None) -> Running:
        """Starts a program that stays; standard input is empty, output goes to a file of the lab."""
        log = self.directory / f"{name}-{len(self._programs)}.log"
        process = subprocess.Popen(
            self.inside(argv),
            stdin=subprocess.DEVNULL,
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        running = Running(f"{name} on {self.name}", process, log)
        self._programs.append(running)
        return running

    @property
    def programs(self) -> tuple[Running, ...]:
        return tuple(self._programs)

    def processes(self) -> list[str]:
        """Command lines of all that runs in the node, but for its first process and this very question."""
        lines = self.run("ps", "-e", "-o", "pid=,args=").stdout.splitlines()
        words = [line.strip().split(maxsplit=1) for line in lines]
        return [rest for pid, rest in (entry for entry in words if len(entry) == 2) if pid != "1" and rest[:3] != "ps "]

    def close(self) -> None:
        """Ends every process of the node; the kernel then takes its network away. A wrapper (nsenter) that stood still
        with its program goes on, and hears that this one is gone."""
        with contextlib.suppress(OSError):
            if self._holder.stdin is not None:
                self._holder.stdin.close()
        try:
            self._holder.wait(10)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait(PATIENCE)
        for program in self._programs:
            program.process.send_signal(signal.SIGCONT)
            program.process.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Finished:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    def __repr__(self) -> str:
        return f"exit {self.code}\nstdout: {self.stdout}\nstderr: {self.stderr}"
