"""A kernel of its own for a node: User Mode Linux, which carries ESP where this machine's kernel does not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from lab.node import Finished, LabError, Node, wait_until

PROJECT = Path(__file__).parents[1]
PROGRAMS = PROJECT / ".venv" / "peers"
"""Where scripts/peers.sh puts them."""
MACHINES = frozenset({"x86_64", "i686"})
"""Those that Debian has it for, as the system calls them."""
_ORDERS = "/etc/uml"
_MODULES = (
    "ipv6 xfrm_user af_key esp4 authenc authencesn gcm ctr seqiv echainiv cbc hmac drbg sha256_generic sha512_generic "
    "ghash-generic"
)
"""What ESP needs. The kernel may ask for no more: for a program that speaks PF_KEY it asks for every algorithm that
there is, which takes longer than all else."""
_INIT = f"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /tmp
modprobe -a {_MODULES}
echo >/proc/sys/kernel/modprobe
ip link set lo up
number=0
for each in $(echo "$addresses" | tr , ' '); do
    ip address add "$each" dev vec$number
    ip link set vec$number up
    number=$((number + 1))
done
[ -z "$router" ] || ip route add default via "$router"
echo 1 >/proc/sys/net/ipv4/ip_forward
touch {_ORDERS}/up
while :; do
    for each in {_ORDERS}/*.order; do
        [ -e "$each" ] || continue
        number=${{each%.order}}
        sh "$each" >"$number.out" 2>"$number.err" </dev/null
        echo $? >"$number.code"
        mv "$number.code" "$number.done"
        rm -f "$each"
    done
    sleep 0.1
done
"""


class Uml:
    """Takes the place of the node's own kernel on its networks: eth0, eth1..., with `addresses` there. Files are the
    node's, and below /usr those of `PROGRAMS` beside them; /run, /tmp and /var/lib are the kernel's own."""

    def __init__(self, node: Node, addresses: Sequence[str], router: str = "") -> None:
        if not (PROGRAMS / "usr/bin/linux.uml").exists():
            raise LabError(f"there is no User Mode Linux in {PROGRAMS}: run scripts/peers.sh {PROGRAMS}")
        self.node = node
        self._numbers = count(1)
        node.run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={PROGRAMS}/usr:/usr", "/usr")
        node.write(f"{_ORDERS}/init", _INIT, 0o755)
        for number in range(len(addresses)):
            node.ip("address", "flush", "dev", f"eth{number}")
        self.running = node.start(
            *("uml", "/usr/bin/linux.uml", "mem=160M", "rootfstype=hostfs", "rw", f"init={_ORDERS}/init"),
            *(f"vec{number}:transport=raw,ifname=eth{number}" for number in range(len(addresses))),
            *("con=null", "con0=null,fd:1", f"addresses={','.join(addresses)}", f"router={router}"),
            environment={"HOME": "/run", "TMPDIR": "/run"},
        )
        up = node.path(f"{_ORDERS}/up")
        if not wait_until(lambda: up.exists() or not self.running.alive) or not up.exists():
            raise LabError(f"User Mode Linux does not start: {self.running.text()[-3000:]}")

    def run(self, command: str, patience: float = 60.0) -> Finished:
        """A line of the shell, to its end."""
        name = f"{_ORDERS}/{next(self._numbers)}"
        self.node.write(f"{name}.new", command + "\n")
        self.node.path(f"{name}.new").rename(self.node.path(f"{name}.order"))
        if not wait_until(self.node.path(f"{name}.done").exists, patience):
            raise LabError(f"{command}: no end after {patience:.0f} s\n{self.running.text()[-2000:]}")
        code, out, err = (self.node.path(f"{name}.{each}").read_text() for each in ("done", "out", "err"))
        return Finished(int(code), out, err)
