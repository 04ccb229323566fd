"""A network device that does the cryptography of ESP: what it takes, what it refuses, and what is told of it."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import struct
from dataclasses import replace

import pytest

from kernel_tables import Engine, KernelTables, at, pair, played
from lotor.hosts.xfrm import netlink, offload
from lotor.hosts.xfrm import pair as pairs
from lotor.hosts.xfrm.entries import OWN_REQIDS, Sa
from lotor.model.algorithms import Cipher, EspSuite
from lotor.model.child import Encapsulation
from lotor.model.network import Path

NATIVE = Path(at("192.0.2.1", 500), at("198.51.100.7", 500))
GCM = EspSuite(Cipher.AES_GCM_16, 256, None)


def native(number, remote="198.51.100.7", **more):
    path = Path(at("192.0.2.1", 500), at(remote, 500))
    return pair(number, path=path, encapsulation=Encapsulation.NONE, **more)


def device(refuses=lambda _: 0):
    """A kernel with a device: `refuses` tells with which number it refuses an SA, 0 for none."""
    tables = KernelTables()

    def before(what, *about):
        if what == "add" and isinstance(about[0], Sa) and about[0].by_device and (number := refuses(about[0])):
            raise OSError(number, "the device says no")

    tables.before = before
    return Engine(tables, offload="eth1")


def sealed(esp):
    return sorted(each.sa.by_device for each in esp.kernel.sas.values())


def added(esp):
    return [each[0] for each in esp.kernel.calls].count("add")


def test_native_esp_is_handed_to_the_device_in_both_directions():
    async def story(esp):
        await esp.install(native(1))
        return sealed(esp), {each.sa.device for each in esp.kernel.sas.values()}

    assert played(story, device()) == ([True, True], {"eth1"})


def test_esp_in_udp_is_never_handed_to_it():
    """The kernel refuses it: each client behind a NAT would cost a refusal and a second try."""

    async def story(esp):
        await esp.install(pair(1))
        return sealed(esp), added(esp)

    assert played(story, device(lambda _: errno.EINVAL)) == ([False, False], 2)


def test_a_peer_that_leaves_its_nat_comes_to_the_device():
    async def story(esp):
        await esp.install(pair(1))
        await esp.move(1, NATIVE)
        there = sealed(esp)
        await esp.move(1, Path(at("192.0.2.1"), at("198.51.100.7"), floated=True))
        return there, sealed(esp)

    assert played(story, device()) == ([True, True], [False, False])


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSPC, errno.ENODEV, errno.EBUSY])
def test_what_the_device_refuses_the_kernel_seals_and_that_is_told_once(number, caplog):
    async def story(esp):
        for each in range(1, 4):
            await esp.install(native(each, f"198.51.100.{each}"))
        await esp.install(native(9, suite=GCM))
        carried = esp.kernel.leave("10.0.12.5", "10.99.99.1")
        return sealed(esp), carried is not None

    with caplog.at_level(logging.WARNING):
        assert played(story, device(lambda _: number)) == ([False] * 8, True)
    told = [each.getMessage() for each in caplog.records]
    assert len(told) == 2, "once for each suite"
    assert told[1] == f"esp_offload eth1: the kernel seals {GCM} itself: the device says no"


def test_one_direction_that_is_refused_leaves_the_other_with_the_device():
    async def story(esp):
        await esp.install(native(1))
        return {each.sa.outbound: each.sa.by_device for each in esp.kernel.sas.values()}

    assert played(story, device(lambda sa: errno.EINVAL * sa.outbound)) == {True: False, False: True}


def test_an_spi_that_another_one_has_is_not_tried_without_the_device():
    """It belongs to somebody: a second try would find the same."""

    async def story(esp):
        foreign = _sa(native(1))
        await esp.kernel.add(replace(foreign, reqid=1))
        with pytest.raises(FileExistsError):
            await esp.install(native(1))
        tried = added(esp)
        await esp.kernel.remove(foreign.id)
        return tried

    assert played(story, device()) == 3, "that of somebody else, and both of the pair once"


def test_what_neither_the_device_nor_the_kernel_takes_is_refused_without_a_trace(caplog):
    def no(what, *_):
        if what == "add":
            raise OSError(errno.EINVAL, "no")

    async def story(esp):
        esp.kernel.before = no
        with pytest.raises(OSError, match="no"):
            await esp.install(native(1))
        return esp.kernel.sas

    with caplog.at_level(logging.WARNING):
        assert played(story, device()) == {}
    assert "esp_offload" not in caplog.text


def test_a_device_that_goes_down_takes_its_sas_along_and_the_pair_ends():
    """The kernel says nothing of it: it is seen when counters are asked for."""

    async def story(esp):
        await esp.install(native(1))
        esp.kernel.sas.clear()
        await esp.counters([1])
        esp.now += 2
        await esp.counters([1])
        return await esp.notices()

    (told,) = played(story, device())
    assert (told.child, told.hard) == (1, True)


def test_why_a_device_does_nothing_is_known_from_the_start_on():
    async def ask(esp):
        told = await esp.open()
        await esp.close()
        return told.hindrance

    assert asyncio.run(ask(Engine(offload="eth1", hindered="eth1 does none"))) == "eth1 does none"
    assert asyncio.run(ask(Engine(hindered="eth1 does none"))) == "", "nobody named one"


def test_only_native_esp_needs_the_device_to_be_there():
    sa = _sa(native(1))
    assert netlink._device(replace(sa, device="lo")) == 1
    assert netlink._device(replace(sa, device="nothing", encapsulation=Encapsulation.UDP)) == 0
    with pytest.raises(OSError, match="nothing"):
        netlink._device(replace(sa, device="nothing"))


def _sa(child):
    """The inbound one that the engine would make."""
    return pairs.make(child, OWN_REQIDS[1], pairs.Common(0, 0), 0.0).inbound.sa


# --- what ethtool tells ----------------------------------------------------------------------------------------------


def features(names, *, may=(), on=(), never=()):
    """A kernel that answers the three questions."""
    count = len(names)
    octets = b"".join(each.encode().ljust(32, b"\0") for each in names)

    def answer(_, __, request):
        name, place = struct.unpack("16sP16x", request)
        assert name.rstrip(b"\0") == b"eth1"
        (command,) = struct.unpack("=I", ctypes.string_at(place, 4))
        told = {
            offload.COUNT: struct.pack("=IIQI", command, 0, 16, count),
            offload.NAMES: struct.pack("=III", command, 4, count) + octets,
            offload.STATES: struct.pack("=II", command, -(-count // 32)) + _blocks(names, may, on, never),
        }[command]
        ctypes.memmove(place, told, len(told))

    return answer


def _blocks(names, *sets):
    may, on, never = (sum(1 << names.index(each) for each in some) for some in sets)
    cut = [[(bits >> first) & 0xFFFFFFFF for bits in (may, 0, on, never)] for first in range(0, len(names), 32)]
    return b"".join(struct.pack("=IIII", *each) for each in cut)


MANY = [f"feature-{number}" for number in range(40)]
OURS = offload.FEATURE


@pytest.mark.parametrize(
    ("kernel", "told"),
    [
        (features([*MANY, OURS], on=[OURS]), ""),
        (features([OURS, *MANY], on=[OURS], may=[OURS]), ""),
        (features([*MANY, OURS], may=[OURS]), "but that is off: `ethtool -K eth1 esp-hw-offload on`"),
        (features([*MANY, OURS], may=[OURS], never=[OURS]), "eth1 does no cryptography of ESP"),
        (features([*MANY, OURS], on=MANY), "eth1 does no cryptography of ESP"),
        (features(MANY), "this kernel hands no ESP to network devices"),
        (features([]), "this kernel hands no ESP to network devices"),
    ],
)
def test_what_ethtool_says_of_a_device(monkeypatch, kernel, told):
    monkeypatch.setattr(offload.fcntl, "ioctl", kernel)
    found = offload.hindrance("eth1")
    assert told in found
    assert bool(told) == bool(found)


@pytest.mark.parametrize(("number", "told"), [(errno.ENODEV, "there is no network device eth1"), (errno.EPERM, "")])
def test_a_device_that_is_not_there_and_a_kernel_that_does_not_tell(monkeypatch, number, told):
    def refuses(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(offload.fcntl, "ioctl", refuses)
    assert offload.hindrance("eth1") == told


def test_the_devices_of_this_host():
    assert "lo does no cryptography of ESP" in offload.hindrance("lo")
    assert offload.hindrance("lotor-none") == "there is no network device lotor-none"
