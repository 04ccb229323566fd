"""lotor in kernels of their own (User Mode Linux), and its tests there: python -m lab.kernels pytest FILE."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lab.hosts import Hosts
from lab.internet import GATEWAY, GATEWAY6, GATEWAY_INSIDE, ROUTER, Internet
from lab.lotor import CONFIGURATION, Lotor
from lab.node import Finished, LabError, Node
from lab.strongswan import Charon
from lab.uml import MODULES, PROJECT, Uml

HOME_ROUTER = "198.51.100.1"
_CIPHERS = "chacha20poly1305 poly1305_generic chacha_generic des_generic xcbc cmac ccm deflate"
_MODULES = f"{MODULES} {_CIPHERS} ipcomp xfrm4_tunnel tun dummy veth"
_IPV6 = f"""set -e
modprobe -a esp6 ipcomp6 xfrm6_tunnel
ip address add {GATEWAY6}/64 dev vec0 nodad
ip address add fd00:113::1/64 dev vec1 nodad
ip -6 route add default via 2001:db8::1
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
"""
_MEMORY = 320
"""MiB: two processes of lotor have 56 each, as much as a command while it runs."""
PYTEST = ("env", f"--chdir={PROJECT}", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
"""Files of tests are named as seen from the project; one in /tmp is not there."""


class KernelCharon(Charon):
    """strongSwan whose ESP is the kernel's; its node is a `Uml`."""

    plugins = Charon.plugins.replace("kernel-libipsec ", "")

    def _ask(self, *argv: str) -> Finished:
        words = (f"{key}={value}" for key, value in self._environment.items())
        return self.node.run("env", *words, *argv, check=False)


class _Alone(Hosts):
    """One host without a network."""

    def __init__(self) -> None:
        super().__init__("lotor-kernel-")
        self.host = self._node("host")


def gateway_kernel(net: Internet, *, nat: bool = True) -> Uml:
    """The gateway's. Without NAT it knows the way to the clients."""
    _one_by_one(net.inside, *net.clients)
    addresses = (f"{GATEWAY}/24", f"{GATEWAY_INSIDE}/24")
    return Uml(net.gateway, addresses, "" if nat else ROUTER, memory=_MEMORY, modules=_MODULES)


def gateway_kernel_of_both(net: Internet) -> Uml:
    """The same where the lab has IPv6, too."""
    kernel = gateway_kernel(net)
    done = kernel.shell(_IPV6)
    if done.code:
        raise LabError(f"the gateway's kernel takes no IPv6: {done}")
    return kernel


def client_kernel(net: Internet, number: int = 0) -> Uml:
    """One client's, from 0 on."""
    _one_by_one(net.gateway)
    address = f"198.51.100.{10 + number}/24"
    return Uml(net.clients[number], (address,), HOME_ROUTER, memory=_MEMORY, modules=_MODULES)


def _one_by_one(*senders: Node) -> None:
    """A kernel of 2022 does not take UDP datagrams that a sender hands on in one piece (USO)."""
    for each in senders:
        each.ip("link", "set", "eth0", "gso_max_segs", "1")


def by_kernel(program: Lotor, kernel: Uml, *options: str) -> Lotor:
    """Starts there what was prepared on the node: users and files are made outside, where that is ten times as fast.
    `options`: of the daemon."""
    text = program.node.path(CONFIGURATION).read_text()
    program.node = kernel
    program.configure(f"engine kernel;\n{text}")
    program.start("-d", *options)
    return program


@contextmanager
def kernel_alone() -> Iterator[Uml]:
    """For what needs no other host. `run(*PYTEST, file)` runs tests in it: boot it once for many."""
    with _Alone() as hosts:
        yield Uml(hosts.host, (), memory=_MEMORY, modules=_MODULES)


def main() -> int:
    """Runs the command of the command line in such a kernel, "pytest" standing for that of this checkout."""
    first, *rest = sys.argv[1:]
    with kernel_alone() as kernel:
        done = kernel.run(*(PYTEST if first == "pytest" else (first,)), *rest, patience=1800, check=False)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.code


if __name__ == "__main__":
    sys.exit(main())
