"""The TUN device: what people read when it is refused, and, as root, a real one."""

from __future__ import annotations

import errno
import fcntl
import os
import sys

import pytest

from lab.node import Node
from lotor.hosts.tun import Tun


def refusing(number: int):
    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOENT, "no /dev/net/tun: load the kernel module"),
        (errno.EACCES, "run as root or give CAP_NET_ADMIN; in a container add"),
        (errno.ENODEV, "cannot be opened"),
    ],
)
def test_a_device_file_that_is_refused(monkeypatch, number, text):
    monkeypatch.setattr(os, "open", refusing(number))
    with pytest.raises(OSError, match=text) as refusal:
        Tun()
    assert refusal.value.errno == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EPERM, "run as root or give CAP_NET_ADMIN"),
        (errno.EBUSY, "lotor%d is in use by another program"),
        (errno.EINVAL, "lotor%d cannot be made"),
    ],
)
def test_a_device_that_is_refused_is_not_left_open(monkeypatch, number, text):
    read_end, write_end = os.pipe()
    os.close(write_end)
    monkeypatch.setattr(os, "open", lambda *_: read_end)
    monkeypatch.setattr(fcntl, "ioctl", refusing(number))
    with pytest.raises(OSError, match=text):
        Tun()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(read_end)


def test_a_name_that_is_too_long():
    with pytest.raises(OSError, match="15 characters at most"):
        Tun("a-name-that-is-too-long")


_MAKE_ONE = """
from ipaddress import IPv4Interface, IPv6Interface
from lotor.hosts.tun import Tun
import subprocess
first, second = Tun(), Tun()
first.configure(IPv4Interface("10.99.99.7/24"), 1400)
second.configure(None, 1300)
print(subprocess.run(["ip", "-o", "address"], capture_output=True, text=True).stdout)
print(subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout)
first.configure(IPv4Interface("10.99.99.8/32"), 1280)
print("again", subprocess.run(["ip", "-o", "address", "show", first.name], capture_output=True, text=True).stdout)
for _ in range(2):
    first.configure(IPv6Interface("fd00:99::7/64"), 1400)
print("six", subprocess.run(["ip", "-o", "-6", "address", "show", first.name], capture_output=True, text=True).stdout)
name = first.name
first.close(); first.close(); second.close()
print("left", subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout.count("lotor"))
"""


@pytest.mark.root
def test_a_real_device_is_set_up_and_gone_when_closed(tmp_path):
    with Node("host", tmp_path) as node:
        told = node.run(sys.executable, "-c", _MAKE_ONE).stdout
    assert "lotor0    inet 10.99.99.7/24" in told
    assert "lotor1    inet" not in told
    assert "inet6" not in told.split("lotor0", 1)[1].split("again")[0].replace("::1/128", "")
    assert "mtu 1400" in told
    assert "mtu 1300" in told
    assert told.count("qlen 2000") >= 2
    assert "10.99.99.8/32" in told.split("again")[1]
    assert "10.99.99.7" not in told.split("again")[1]
    assert told.split("six")[1].count("inet6") == told.count("inet6 fd00:99::7/64") == 1
    assert "left 0" in told


@pytest.mark.root
def test_without_privilege_a_real_device_is_refused_with_a_sentence(tmp_path):
    with Node("host", tmp_path) as node:
        program = (
            "import os\nfrom lotor.hosts.tun import Tun\n"
            "os.setgroups([])\nos.setuid(65534)\n"  # who is nobody may not even read the program: it lies in a home
            "try: Tun()\nexcept OSError as error: print(error)"
        )
        told = node.run(sys.executable, "-c", program)
    assert "run as root or give CAP_NET_ADMIN" in told.stdout
