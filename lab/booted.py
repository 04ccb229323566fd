"""A host of the lab that boots: systemd as its first process, in a copy of this machine's files that vanishes with it.

Nothing that this machine has enabled is enabled there, and its accounts are this machine's. What is written goes to
memory.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab.node import CommandError, Finished, LabError, Node, children, descendants, only_child, wait_until

PROJECT = Path(__file__).parents[1]
PACKAGING = PROJECT / "packaging"

_BOOT = """
set -eu
mount -t tmpfs tmpfs {work}
mkdir {work}/upper {work}/work {work}/files
mount -t overlay overlay -o lowerdir=/,upperdir={work}/upper,workdir={work}/work {work}/files
rm -rf {work}/files/etc/systemd/system/* {work}/files/etc/machine-id {work}/files/etc/lotor {work}/files/var/log/journal
touch {work}/files/etc/machine-id
echo ready
read go
# It ends with the program that made it, however that ends.
exec 3<&0
{{ cat >/dev/null; kill -KILL 0; }} <&3 &
# As on a host of its own, what the network does can be switched.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
# A reboot ends it with 133: there is no service manager here that would start it again.
while :; do
    code=0
    systemd-nspawn --quiet --register=no --keep-unit --directory={work}/files --network-namespace-path={network} \\
        --machine=booted --bind=/dev/net/tun --capability=CAP_NET_ADMIN --console=pipe --kill-signal=SIGRTMIN+3 \\
        --boot systemd.unit=multi-user.target </dev/null || code=$?
    [ $code = 133 ] || exit $code
    echo rebooted
done
"""


class Booted:
    """`node` lends its network. `root` is where its files are for this program; `boot` starts it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._work = node.directory / "booted"
        self._work.mkdir()
        self._log = node.directory / "booted.log"
        words = _BOOT.format(work=self._work, network=f"/proc/{node.pid}/ns/net")
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", words],
            stdin=subprocess.PIPE,
            stdout=self._log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if (
            not wait_until(lambda: "ready" in self.text() or self._process.poll() is not None)
            or "ready" not in self.text()
        ):
            raise LabError(f"no root to boot can be made: {self.text()}")
        self.root = Path(f"/proc/{self._process.pid}/root{self._work}/files")

    def text(self) -> str:
        return self._log.read_text(errors="replace")

    def install(self) -> None:
        """What a package has, of this checkout: the program, units, the account, its directory."""
        program = f'#!/bin/sh\nexec {Path(sys.executable).with_name("python")} -m lotor.cli.main "$@"\n'
        self.write("/usr/bin/lotor", program, 0o755)
        for unit in (PACKAGING / "systemd").iterdir():
            self.write(f"/etc/systemd/system/{unit.name}", unit.read_text())
        self.write("/etc/sysusers.d/lotor.conf", (PACKAGING / "sysusers" / "lotor.conf").read_text())
        self.write("/etc/tmpfiles.d/lotor.conf", (PACKAGING / "tmpfiles" / "lotor.conf").read_text())

    def write(self, absolute: str, content: str | bytes, mode: int = 0o644) -> None:
        target = self.root / absolute.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(mode)

    def enable(self, *units: str) -> None:
        subprocess.run(["systemctl", f"--root={self.root}", "--quiet", "enable", *units], check=True)

    def boot(self) -> None:
        if self._process.stdin is None:
            raise LabError("it has no standard input")
        self._process.stdin.write(b"go\n")
        self._process.stdin.flush()
        self.settled()

    def settled(self) -> None:
        """Waits until the start of the system is over."""

        def over() -> bool:
            said = self.run("systemctl", "is-system-running", check=False).stdout.strip() if self.first else ""
            return said in {"running", "degraded"}

        if not wait_until(over, pause=0.2):
            raise LabError(f"it does not come up:\n{self.text()[-3000:]}")

    @property
    def first(self) -> int:
        """Its systemd, as this host numbers it; 0 while there is none."""
        containers = [pid for pid in children(self._process.pid) if _name(pid) == "systemd-nspawn"]
        return only_child(containers[0]) if containers else 0

    def inside(self, argv: tuple[str, ...]) -> list[str]:
        return ["nsenter", f"--target={self.first}", "--all", "--", *argv]

    def run(self, *argv: str, stdin: str = "", patience: float = 120.0, check: bool = True) -> Finished:
        done = subprocess.run(
            self.inside(argv), input=stdin, capture_output=True, text=True, timeout=patience, check=False
        )
        if check and done.returncode:
            raise CommandError(argv, done.returncode, done.stdout + done.stderr)
        return Finished(done.returncode, done.stdout, done.stderr)

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()

    def journal(self, unit: str) -> list[dict[str, Any]]:
        lines = self.run("journalctl", "--quiet", "--output=json", "--unit", unit).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def processes(self, unit: str) -> list[int]:
        """Of a unit, as this host numbers them, the first one first."""
        main = int(self.show(unit, "MainPID"))
        if not main:
            return []
        whole = next(pid for pid in [self.first, *descendants(self.first)] if _number_inside(pid) == main)
        return [whole, *children(whole)]

    def reboot(self) -> None:
        """Its network namespace stays, as the node's; what a kernel forgets is forgotten here, before the shutdown."""
        former = self.first
        self._node.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        self._node.run("nft", "flush", "ruleset")
        self.run("systemctl", "reboot", check=False)
        if not wait_until(lambda: self.first not in {0, former}, pause=0.2):
            raise LabError(f"it does not come back:\n{self.text()[-3000:]}")
        self.settled()

    def close(self) -> None:
        """Everything in it ends with its first process."""
        if first := self.first:
            os.kill(first, signal.SIGKILL)
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(60)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _number_inside(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[-1]) for line in lines if line.startswith("NSpid:"))
