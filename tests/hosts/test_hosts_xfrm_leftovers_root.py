"""What a killed lotor left in the kernel's tables goes at the next start of any; what others have there stays."""

from __future__ import annotations

import asyncio
import subprocess
from ipaddress import IPv4Address, IPv4Network

import pytest

from hosts.private_namespace import in_namespace, ip
from lotor.hosts.xfrm.device import GROUP, _processes, _signature
from lotor.hosts.xfrm.entries import OWN_REQIDS, Direction, Policy
from lotor.hosts.xfrm.leftovers import take_away
from lotor.hosts.xfrm.netlink import Xfrm

pytestmark = pytest.mark.root

INSIDE, HERE, PEER = IPv4Network("10.99.99.2"), IPv4Address("192.0.2.1"), IPv4Address("198.51.100.7")
OWN = Policy(Direction.OUT, IPv4Network("0.0.0.0/0"), INSIDE, HERE, PEER, OWN_REQIDS[0])


def left(alias):
    """A device, a policy of lotor's, and one of somebody else."""
    ip("tuntap add lotor0 mode tun")
    ip(f"link set lotor0 group {GROUP}")
    subprocess.run(["ip", "link", "set", "lotor0", "alias", alias], check=True)
    ip("xfrm policy add src 0.0.0.0/0 dst 10.0.0.1/32 dir out action block")
    asyncio.run(Xfrm().set_policy(OWN))


def there():
    return "lotor0" in ip("link"), "10.99.99.2" in ip("xfrm policy"), "10.0.0.1" in ip("xfrm policy")


@in_namespace
def test_policies_of_a_killed_program_go_and_those_of_others_stay():
    left(f"lotor 999999999 1 {_processes()}")
    assert asyncio.run(take_away()) == 2
    assert there() == (False, False, True)
    assert asyncio.run(take_away()) == 0


@in_namespace
def test_a_program_that_lives_keeps_what_it_has():
    left(_signature())
    assert asyncio.run(take_away()) == 0
    assert there() == (True, True, True)


@in_namespace
def test_a_tun_device_of_another_lotor_is_none_of_these():
    ip("tuntap add lotor0 mode tun")
    assert asyncio.run(take_away()) == 0
    assert "lotor0" in ip("link")
