"""A fresh Debian in a directory: its own files, the network and processes of a node of the lab."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

from lab.node import Finished, LabError, Node, Running
from lab.terminal import Terminal

PROJECT = Path(__file__).parents[1]
ROOTS = Path(os.environ.get("LOTOR_ROOTS", PROJECT / "build" / "roots"))
PATIENCE = 280
APT = ("apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "-o", "APT::Sandbox::User=root")
HOME = "/root"
KEEPING = (*APT, "-o", "APT::Keep-Downloaded-Packages=true")
PASSING = (
    "/proc/",
    "/sys/",
    "/dev/",
    "/run/",
    "/tmp/",
    f"{HOME}/",
    "/var/cache/",
    "/var/log/",
    "/var/lib/apt/",
    "/var/lib/dpkg/",
)
"""What an installation of anything leaves: caches, logs, lists of packages. And what is no file of the root."""


def fresh(suite: str, directory: Path) -> Debian:
    """Made once for this checkout, a copy for each call."""
    script = PROJECT / "packaging" / "root.sh"
    done = subprocess.run([script, suite, directory], capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        raise LabError(done.stdout + done.stderr)
    return Debian(directory, suite)


class Debian:
    """`node`: whose network its programs have; without one that of this machine, which only apt uses."""

    def __init__(self, directory: Path, suite: str, node: Node | None = None) -> None:
        self.directory, self.suite, self.node = directory, suite, node
        if node is not None:
            for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "run")):
                node.run("mount", "-t", kind, kind, f"{directory}/{place}")
            node.run("mount", "--rbind", "/dev", f"{directory}/dev")

    def copy(self, directory: Path, node: Node) -> Debian:
        """The same files once more, at another place of the network."""
        subprocess.run(["cp", "-a", "--reflink=auto", self.directory, directory], check=True, timeout=PATIENCE)
        return Debian(directory, self.suite, node)

    @property
    def place(self) -> Node:
        """Raises `LabError` where it has no node."""
        if self.node is None:
            raise LabError(f"{self.directory} is at no node of the lab: nothing runs there but apt")
        return self.node

    def path(self, absolute: str) -> Path:
        return self.directory / absolute.removeprefix("/")

    def run(self, *words: str, stdin: str = "", check: bool = True) -> Finished:
        """At the node."""
        return self.place.run(*self._inside(words), stdin=stdin, check=check, patience=PATIENCE)

    def shell(self, line: str) -> str:
        done = self.run("sh", "-ec", line)
        return done.stdout

    def start(self, name: str, line: str) -> Running:
        """A line of a shell, at the node, that stays."""
        return self.place.start(name, *self._inside(("sh", "-c", f"cd {HOME}; exec {line}")))

    def type(self, line: str) -> Terminal:
        """In a terminal at the node, by a person who may do everything."""
        return Terminal(self.place, *self._inside(("sh", "-c", f'sudo() {{ "$@"; }}\ncd {HOME}\n{line}')))

    def install(self, package: Path) -> str:
        """What apt says."""
        shutil.copy(package, self.path(HOME))
        return self.apt("install", f"./{package.name}")

    def apt(self, *words: str) -> str:
        """What it says. Packages of Debian that were fetched once are kept beside the roots."""
        shutil.copy("/etc/resolv.conf", self.path("/etc/resolv.conf"))
        for kept in ("archives", "lists"):
            (ROOTS / f"{self.suite}-{kept}" / "partial").mkdir(parents=True, exist_ok=True)
        line = f"{' '.join(KEEPING)} {' '.join(words)}"
        return self._with_apt(f"cd {HOME}; {line} || {{ apt-get -q update; {line}; }}")

    def _with_apt(self, line: str) -> str:
        """In namespaces that end with it, and with the machine's network."""
        archives, lists = (ROOTS / f"{self.suite}-{kept}" for kept in ("archives", "lists"))
        mounts = (
            f"mount -t proc proc {self.directory}/proc; mount --rbind /dev {self.directory}/dev; "
            f"mount --bind {archives} {self.directory}/var/cache/apt/archives; "
            f"mkdir -p {self.directory}/var/lib/apt/lists; mount --bind {lists} {self.directory}/var/lib/apt/lists"
        )
        words = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec")
        inside = " ".join(self._inside(("sh", "-ec", f"'{line}'")))
        done = subprocess.run(
            [*words, f"{mounts}; {inside}"], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if done.returncode:
            raise LabError(done.stdout + done.stderr)
        return done.stdout

    def _inside(self, words: tuple[str, ...]) -> tuple[str, ...]:
        bare = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"HOME={HOME}", "LC_ALL=C.UTF-8", "TERM=dumb")
        return (*("chroot", str(self.directory)), *bare, "DEBIAN_FRONTEND=noninteractive", *words)

    def files(self) -> dict[str, str]:
        """Every file, directory and link that lasts: its kind, mode, owner and content."""
        found = {}
        for place, directories, names in os.walk(self.directory):
            for name in (*directories, *names):
                file = Path(place, name)
                inside = f"/{file.relative_to(self.directory)}"
                if not f"{inside}/".startswith(PASSING):
                    found[inside] = _seen(file)
        return found


def _seen(file: Path) -> str:
    found = file.lstat()
    what = ""
    if stat.S_ISLNK(found.st_mode):
        what = str(file.readlink())
    elif stat.S_ISREG(found.st_mode):
        what = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid} {what}"
