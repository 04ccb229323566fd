"""What scripts/peers.sh fetches for a machine that has none of it, by what the package manager says of each package."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "peers.sh"
NEEDS = {
    "user-mode-linux": ("libc6",),
    "libreswan": ("libc6", "libnss3-tools", "libnss3", "libcurl4t64", "libunbound8"),
    "libnss3-tools": ("libc6", "libnss3"),
    "openiked": ("libc6", "libevent-2.1-7t64"),
    "kmod": ("libc6", "libkmod2"),
    "libunbound8": ("libc6", "libevent-2.1-7t64"),
    "libevent-2.1-7t64": ("libunbound8",),
}
"""The last one in a circle."""


class Machine:
    """Commands that note how they were called; `installed`: packages that are there."""

    def __init__(self, root: Path, *installed: str) -> None:
        self.root, self.bin, self.notes = root, root / "bin", root / "notes"
        self.bin.mkdir(parents=True)
        self.notes.touch()
        cases = "".join(
            f"{name}) printf '{name}\\n |Depends: libelse1\\n  Depends: <lib-any>\\n    libother1\\n'"
            f"; printf '  Depends: %s\\n' {' '.join(needs)} ;;\n"
            for name, needs in NEEDS.items()
        )
        known = f'[ -e "{root}/lists" ] || exit 100'
        self.fake("apt-cache", f'{known}\nfor each in "$@"; do case "$each" in\n{cases}esac; done')
        self.fake("dpkg", "echo amd64")
        self.fake("dpkg-query", f'case " {" ".join(installed)} " in *" $3 "*) echo "install ok installed" ;; esac')
        noted = f'echo "$*" >>"{self.notes}"'
        download = f'{known}\nshift 2; for each in "$@"; do touch "$each.deb"; done'
        self.fake("apt-get", f'{noted}\nif [ "$1" = update ]; then touch "{root}/lists"; exit 0; fi\n{download}')
        self.fake("dpkg-deb", 'mkdir -p "$3/usr/lib/modules/1/kernel" "$3/lib"; touch "$3/lib/${2%.deb}"')

    def fake(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def run(self) -> set[str]:
        """The packages and libraries that lie there afterwards."""
        self.say()
        return {each.name for each in (self.root / "peers/usr/lib").iterdir() if each.is_file()}

    def say(self) -> str:
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"}
        words = ["sh", SCRIPT, self.root / "peers"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=environment)
        assert done.returncode == 0, done
        return done.stdout


PROGRAMS = {"user-mode-linux", "libreswan", "libnss3-tools", "openiked", "kmod"}
LIBRARIES = {"libnss3", "libcurl4t64", "libunbound8", "libkmod2", "libevent-2.1-7t64"}
BUILT = {"lotor-registers.so"}


@pytest.mark.parametrize("there", [(), ("libnss3", "libkmod2"), tuple(LIBRARIES)])
def test_libraries_that_are_not_there_come_along(tmp_path, there):
    """By the names that they have in this Debian, and where nobody fetched its lists yet."""
    machine = Machine(tmp_path / "root", "libc6", *there)
    assert machine.run() == PROGRAMS | BUILT | (LIBRARIES - set(there))
    assert "update -q" in machine.notes.read_text().splitlines()


def test_a_machine_for_which_there_is_no_such_kernel(tmp_path):
    machine = Machine(tmp_path / "root", "libc6")
    machine.fake("dpkg", "echo arm64")
    assert "no User Mode Linux" in machine.say()
    assert machine.notes.read_text() == ""
