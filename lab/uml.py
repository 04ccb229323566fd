"""A kernel of its own for a node: User Mode Linux, which carries ESP where this machine's kernel does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import order
from lab.node import Finished, LabError, Node, Running, wait_until

PROJECT = Path(__file__).parents[1]
PROGRAMS = PROJECT / ".venv" / "peers"
"""Where scripts/peers.sh puts them."""
_REGISTERS = "/usr/lib/lotor-registers.so"
"""What is preloaded: lab/registers.c tells why."""
MACHINES = frozenset({"x86_64", "i686"})
"""Those that Debian has it for, as the system calls them."""
MODULES = (
    "ipv6 xfrm_user af_key esp4 authenc authencesn gcm ctr seqiv echainiv cbc hmac drbg sha256_generic sha512_generic "
    "ghash-generic"
)
"""What ESP needs. The kernel may ask for no more: for a program that speaks PF_KEY it asks for every algorithm that
there is, which takes longer than all else."""
_INIT = """#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount --bind "$lab" /mnt
mount -t tmpfs tmpfs /tmp
mkdir -p "$lab"
mount --move /mnt "$lab"
modprobe -a $modules
echo >/proc/sys/kernel/modprobe
ip link set lo up
number=0
for each in ${addresses//,/ }; do
    ip address add "$each" dev vec$number
    ip link set vec$number up
    number=$((number + 1))
done
[ -z "$router" ] || ip route add default via "$router"
echo 1 >/proc/sys/net/ipv4/ip_forward
obey() {
    set -m
    sh "$1.order" <"$1.in" >>"$1.out" 2>>"$1.err" &
    echo $! >"$1.pid"
    wait $!
    echo $? >"$1.end"
}
shopt -s nullglob
declare -A obeyed
mkfifo /tmp/nothing
exec 3<>/tmp/nothing
cd PLACE
touch up
while :; do
    for each in *.order; do
        if [ -z "${obeyed[$each]}" ]; then
            obeyed[$each]=yes
            obey "${each%.order}" &
        fi
    done
    read -r -t 0.04 -u 3
done
""".replace("PLACE", str(order.PLACE))
"""Waits for orders without a process of its own: here, a fork and exec takes 40 ms."""


class Uml(Node):
    """Takes the place of the node's own kernel on its networks: eth0, eth1... are vec0, vec1... with `addresses` there.
    Programs run in it as they do on a node; all files are the node's but for /tmp, of which the lab's directory is
    there, and those of `PROGRAMS` are beside them below /usr. `memory`: MiB."""

    def __init__(
        self, node: Node, addresses: Sequence[str], router: str = "", *, memory: int = 160, modules: str = MODULES
    ) -> None:
        if not (PROGRAMS / "usr/bin/linux.uml").exists():
            raise LabError(f"there is no User Mode Linux in {PROGRAMS}: run scripts/peers.sh {PROGRAMS}")
        self.node = node
        self.name, self.directory, self.pid, self._programs = node.name, node.directory, node.pid, []
        node.run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={PROGRAMS}/usr:/usr", "/usr")
        node.write(f"{order.PLACE}/init", _INIT, 0o755)
        for number in range(len(addresses)):
            node.ip("address", "flush", "dev", f"eth{number}")
        self.running = node.start(
            *("uml", "env", f"LD_PRELOAD={_REGISTERS}", "/usr/bin/linux.uml"),
            *(f"mem={memory}M", "rootfstype=hostfs", "rw", f"init={order.PLACE}/init"),
            *(f"vec{number}:transport=raw,ifname=eth{number}" for number in range(len(addresses))),
            *("con=null", "con0=null,fd:1", f"addresses={','.join(addresses)}", f"router={router}"),
            *(f'modules="{modules}"', f"lab={node.directory.parent}"),
            environment={"HOME": "/run", "TMPDIR": "/run"},
        )
        up = node.path(f"{order.PLACE}/up")
        if not wait_until(lambda: up.exists() or not self.running.alive) or not up.exists():
            raise LabError(f"User Mode Linux does not start: {self.running.text()[-3000:]}")

    def inside(self, argv: tuple[str, ...], *, network_only: bool = False) -> list[str]:
        """Goes by way of the node, where a program stands for the one in the kernel. SIGKILL ends only that."""
        del network_only
        return self.node.inside(_by_order(argv))

    def run(self, *argv: str, stdin: str = "", patience: float = 60.0, check: bool = True) -> Finished:
        try:
            return super().run(*argv, stdin=stdin, patience=patience, check=check)
        except subprocess.TimeoutExpired as error:
            end = self.running.text()[-2000:]
            raise LabError(f"{' '.join(argv)}: no end after {patience:.0f} s\n{end}") from error

    def shell(self, line: str, patience: float = 60.0) -> Finished:
        """A line of the shell, to its end."""
        return self.run("sh", "-c", line, patience=patience, check=False)

    def ip(self, *words: str) -> str:
        return self.run("ip", *words).stdout

    def start(self, name: str, *argv: str, environment: Mapping[str, str] | None = None) -> Running:
        words = (f"{key}={value}" for key, value in (environment or {}).items())
        return self.node.start(name, *_by_order(("env", *words, *argv)))


def _by_order(argv: tuple[str, ...]) -> tuple[str, ...]:
    return (sys.executable, "-IS", order.__file__, *argv)
