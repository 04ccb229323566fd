"""The device of the kernel's engine and its sockets of IKE, on a kernel that has XFRM and dummies."""

from __future__ import annotations

import json
import sys

import pytest

from lab.kernels import kernel_alone

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("uml")]


_IN_A_KERNEL = """
import asyncio, json, os, subprocess, sys
from ipaddress import IPv4Address
from lotor.hosts.sockets import open_udp
from lotor.hosts.xfrm.device import Devices
from lotor.model.network import Peer

def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True).stdout

def make():
    return asyncio.run(Devices().make(1400))

told = {}
if not os.fork():
    make()
    os._exit(0)
os.wait()
told["left"] = ip("-o", "link", "show", "group", str(0x6C6F746F)).count("lotor0")
device = make()
told["leading"] = device.leading.value
told["link"] = ip("-d", "link", "show", device.name)
ip("link", "set", device.name, "up")
told["addresses"] = ip("address", "show", device.name)
try:
    make()
except OSError as error:
    told["second"] = error.strerror
policy = ["dir", "out", "priority", "1", "action", "block"]
ip("address", "add", "198.51.100.7/32", "dev", device.name)
ip("route", "add", "192.0.2.9/32", "dev", device.name)
subprocess.run(["ip", "xfrm", "policy", "add", "src", "0.0.0.0/0", "dst", "192.0.2.9/32", *policy], check=True)
told["sent"] = open_udp(Peer(IPv4Address("198.51.100.7"), 0)).sendto(b"in clear", ("192.0.2.9", 9))
import socket
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"blocked", ("192.0.2.9", 9))
except OSError as error:
    told["blocked"] = error.strerror
asyncio.run(Devices().remove(device))
told["gone"] = "lotor" not in ip("link")
print(json.dumps(told))
"""


def test_a_real_kernel_with_dummies():
    with kernel_alone() as kernel:
        done = kernel.run(sys.executable, kernel.write("/etc/trial.py", _IN_A_KERNEL), check=False)
    assert done.code == 0, done
    told = json.loads(done.stdout)
    assert (told["left"], told["leading"]) == (1, "policies")
    assert "mtu 1400" in told["link"]
    assert "dummy" in told["link"]
    assert "inet" not in told["addresses"]
    assert "another lotor (process" in told["second"]
    assert (told["sent"], told["blocked"]) == (8, "Operation not permitted")
    assert told["gone"]
