"""What ESP a kernel carries, by what it says to SAs that nobody has; what it refuses is said in words."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import contextmanager

import pytest

from hosts.test_hosts_xfrm_messages import policy, sa
from lotor.hosts.rtnetlink import attributes_in
from lotor.hosts.xfrm import netlink, probe, shapes
from lotor.hosts.xfrm.entries import Protocol
from lotor.hosts.xfrm.netlink import Xfrm
from lotor.hosts.xfrm.shapes import Message, Mode, Of
from lotor.model.algorithms import Cipher, Compression, EspSuite, Integrity

CAMELLIA = EspSuite(Cipher.CAMELLIA_CBC, 256, Integrity.HMAC_SHA512)


class Judging:
    """A kernel that refuses what `judge` gives an error number for, and otherwise has no SA to update."""

    def __init__(self, judge=lambda _head, _attributes: 0) -> None:
        self._judge = judge
        self.asked = []

    async def change(self, kind, body):
        head, attributes = shapes.SA.read(body), attributes_in(body[shapes.SA.size :])
        self.asked.append((kind, shapes.ID.read(head["id"]), head))
        raise OSError(self._judge(head, attributes) or errno.ESRCH, "said the kernel")

    def probed(self, monkeypatch, *suites):
        @contextmanager
        def opened():
            yield self

        monkeypatch.setattr(probe, "kernel", opened)
        return asyncio.run(probe.probe(suites) if suites else probe.probe())


def names(attributes) -> set[str]:
    heads = [attributes[each][:64] for each in (Of.CRYPT, Of.AEAD, Of.AUTHENTICATION, Of.COMP) if each in attributes]
    return {each.rstrip(b"\0").decode() for each in heads}


def test_a_kernel_that_has_everything(monkeypatch):
    found = Judging().probed(monkeypatch, *probe.USUAL, CAMELLIA)
    assert found.suites == {*probe.USUAL, CAMELLIA}
    assert found.versions == found.in_udp == {4, 6}
    assert found.compressions == {Compression.DEFLATE}


def test_nothing_is_made_and_nobodys_sa_is_touched(monkeypatch):
    """Only updates, at addresses that no host has, with numbers that no SA has; none in a tunnel of IPComp, beside
    which the kernel would make another one."""
    kernel = Judging()
    kernel.probed(monkeypatch)
    for kind, named, head in kernel.asked:
        assert kind == Message.UPDATE_SA
        assert named["spi"] == 1
        assert named["destination"][:4] in {bytes([192, 0, 0, 8]), bytes([1, 0, 0, 0])}
        assert named["protocol"] == Protocol.ESP or head["mode"] == Mode.TRANSPORT
    assert {named["protocol"] for _, named, _ in kernel.asked} == set(Protocol)


def test_what_an_algorithm_lacks_is_not_what_the_others_lack(monkeypatch):
    kernel = Judging(lambda _head, attributes: errno.ENOSYS if "cbc(camellia)" in names(attributes) else 0)
    assert kernel.probed(monkeypatch, *probe.USUAL, CAMELLIA).suites == set(probe.USUAL)


def test_a_kernel_without_esp_over_ipv6_or_without_ipcomp(monkeypatch):
    def judge(head, attributes):
        return errno.EPROTONOSUPPORT if head["family"] == socket.AF_INET6 or Of.COMP in attributes else 0

    found = Judging(judge).probed(monkeypatch)
    assert (found.versions, found.in_udp, found.compressions) == ({4}, {4}, frozenset())


def test_an_old_kernel_without_udp_over_ipv6(monkeypatch):
    def judge(head, attributes):
        return errno.EINVAL if head["family"] == socket.AF_INET6 and Of.ENCAPSULATION in attributes else 0

    found = Judging(judge).probed(monkeypatch)
    assert (found.versions, found.in_udp) == ({4, 6}, {4})


def test_a_kernel_without_esp_says_so_whatever_it_lacks_beside_it(monkeypatch):
    """The kernel looks for the algorithm first."""

    def judge(_head, attributes):
        return errno.ENOSYS if Of.AEAD in attributes else errno.EPROTONOSUPPORT

    with pytest.raises(OSError, match="the kernel carries no ESP: load its module esp4, if there") as caught:
        Judging(judge).probed(monkeypatch)
    assert caught.value.strerror.count("no ESP") == 1


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSYS, "it has no algorithm for it: load the modules"),
        (errno.ENOENT, "seqiv and echainiv"),
        (errno.EPERM, "needs root's rights .CAP_NET_ADMIN"),
    ],
)
def test_why_a_kernel_carries_none(monkeypatch, number, said):
    kernel = Judging(lambda _head, _attributes: number)
    with pytest.raises(OSError, match=f"the kernel carries no ESP: .*{said}") as caught:
        kernel.probed(monkeypatch)
    assert caught.value.errno == number
    assert len(kernel.asked) == (1 if number == errno.EPERM else len(probe.USUAL))


def _refusing(monkeypatch, number: int) -> Xfrm:
    @contextmanager
    def opened():
        yield Refusing()

    class Refusing:
        async def _refuse(self, *_):
            raise OSError(number, "said the kernel")

        add = change = get = dump = several = _refuse

    monkeypatch.setattr(netlink, "kernel", opened)
    return Xfrm()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EPROTONOSUPPORT, "this kernel has no ESP for IPv4: load its module esp4, if there is one"),
        (errno.ENOSYS, "this kernel does not know the algorithm"),
        (errno.ENOENT, "this kernel lacks a module that the algorithm needs"),
        (errno.EEXIST, "there is one already, perhaps of another program: `ip xfrm state` shows it"),
        (errno.EPERM, "this needs root's rights"),
        (errno.ENOBUFS, "the kernel has no memory left for it"),
        (errno.EOPNOTSUPP, "the network device does no cryptography for ESP"),
    ],
)
def test_a_refusal_says_what_and_why(monkeypatch, number, said):
    """And never the keys."""
    entry = sa()
    with pytest.raises(OSError, match=r"0xc0ffee01 to 198.51.100.7 \(aes-128/hmac_sha1\): ") as caught:
        asyncio.run(_refusing(monkeypatch, number).add(entry))
    text = caught.value.strerror
    assert said in text
    assert text.endswith("(said the kernel)")
    assert caught.value.errno == number
    assert entry.keys.encryption.reveal().hex() not in repr(caught.value)


def test_a_refusal_that_nobody_thought_of_is_in_the_kernels_words(monkeypatch):
    with pytest.raises(OSError, match=r"10.99.99.0/24 to 10.0.0.0/8 \(out\): said the kernel$"):
        asyncio.run(_refusing(monkeypatch, errno.EINVAL).set_policy(policy()))


def test_a_device_that_is_not_there(monkeypatch):
    with pytest.raises(OSError, match=r"there is no such network device \(nothing\)") as caught:
        asyncio.run(_refusing(monkeypatch, 0).add(sa(device="nothing")))
    assert caught.value.errno == errno.ENODEV


def test_a_kernel_without_xfrm(monkeypatch):
    def refused(*_):
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    monkeypatch.setattr(netlink, "Kernel", refused)
    with pytest.raises(
        OSError, match=r"carries no ESP: this kernel takes no SAs from programs: load its module xfrm_user$"
    ):
        asyncio.run(probe.probe())
