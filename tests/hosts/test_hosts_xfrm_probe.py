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
from lotor.hosts.xfrm.entries import OWN_REQIDS, Protocol
from lotor.hosts.xfrm.host import lacking, named
from lotor.hosts.xfrm.netlink import Xfrm
from lotor.hosts.xfrm.probe import Named
from lotor.hosts.xfrm.shapes import Message, Mode, Of
from lotor.model.algorithms import KEY_LENGTHS, Cipher, Compression, EspSuite, Integrity
from lotor.ports.esp import Capabilities
from lotor.ports.host_esp import KernelDevice, Leading
from lotor.privsep.carrying import OPEN_CARRIER
from lotor.privsep.codec import decode, encode
from paired import gateway, settings

CAMELLIA = EspSuite(Cipher.CAMELLIA_CBC, 256, Integrity.HMAC_SHA512)


class Judging:
    """A kernel that refuses what `judge` gives an error number for, and otherwise has no SA to update."""

    def __init__(self, judge=lambda _head, _attributes: 0) -> None:
        self._judge = judge
        self.asked, self.there = [], []

    async def change(self, kind, body):
        if kind == Message.DELETE_SA:
            self.there.remove(shapes.SA_ID.read(body)["spi"])
            return
        raise OSError(self._judged(kind, body) or errno.ESRCH, "said the kernel")

    async def add(self, kind, body):
        if number := self._judged(kind, body):
            raise OSError(number, "said the kernel")
        self.there.append(self.asked[-1][1]["spi"])

    def _judged(self, kind, body):
        head, attributes = shapes.SA.read(body), attributes_in(body[shapes.SA.size :])
        self.asked.append((kind, shapes.ID.read(head["id"]), head))
        return self._judge(head, attributes)

    def probed(self, monkeypatch, *suites):
        return self.run(monkeypatch, probe.probe(suites) if suites else probe.probe())

    def run(self, monkeypatch, asking):
        @contextmanager
        def opened():
            yield self

        monkeypatch.setattr(probe, "kernel", opened)
        return asyncio.run(asking)


def names(attributes) -> set[str]:
    heads = [attributes[each][:64] for each in (Of.CRYPT, Of.AEAD, Of.AUTHENTICATION, Of.COMP) if each in attributes]
    return {each.rstrip(b"\0").decode() for each in heads}


def test_a_kernel_that_has_everything(monkeypatch):
    found = Judging().probed(monkeypatch, *probe.USUAL, CAMELLIA)
    assert found.suites == {*probe.USUAL, CAMELLIA}
    assert found.versions == found.in_udp == {4, 6}
    assert found.compressions == {Compression.DEFLATE}


def test_nothing_stays_and_nobodys_sa_is_touched(monkeypatch):
    """At addresses that no host has, with numbers that no SA has: only updates, and of IPComp, which brings another SA
    that must be whole as well, tunnels that are gone afterwards; a killed lotor's have its reqid."""
    kernel = Judging()
    kernel.probed(monkeypatch)
    for kind, name, head in kernel.asked:
        assert name["spi"] == 1
        assert name["destination"][:4] in {bytes([192, 0, 0, 8]), bytes([1, 0, 0, 0])}
        assert head["reqid"] in OWN_REQIDS
        comp = name["protocol"] == Protocol.IPCOMP
        assert (kind, comp) in {(Message.UPDATE_SA, False), (Message.NEW_SA, True)}
        assert head["mode"] == Mode.TUNNEL
    assert {name["protocol"] for _, name, _ in kernel.asked} == set(Protocol)
    assert kernel.there == []


NAMED = Named(((*probe.USUAL, CAMELLIA), probe.USUAL), frozenset({4, 6}), (Compression.DEFLATE,))


def test_what_a_configuration_names_and_the_kernel_lacks_is_told_in_one_line(monkeypatch, caplog):
    def judge(head, attributes):
        lacks = names(attributes) & {"cbc(camellia)", "deflate"} or head["family"] == socket.AF_INET6
        return errno.ENOSYS if lacks else 0

    kernel = Judging(judge)
    found = kernel.run(monkeypatch, probe.capabilities(NAMED))
    assert (found.lacking, found.compressions, found.rates) == ({CAMELLIA}, frozenset(), False)
    (line,) = (each.getMessage() for each in caplog.records)
    assert line.startswith("the kernel carries no camellia-256/hmac_sha512, IPComp (deflate), ESP over IPv6, which the")
    assert "load the modules and reload lotor" in line
    assert len(kernel.asked) <= 8, "one question for each suite and version"


def failing(number, *, times):
    """A judge that has so many faults of this number about Camellia, each time that it is asked."""
    left = [times]

    def judge(_head, attributes):
        if "cbc(camellia)" in names(attributes) and left[0]:
            left[0] -= 1
            return number
        return 0

    return judge


PASSING = (errno.ENOMEM, errno.ENOBUFS, errno.EINTR, errno.EAGAIN, errno.ETIMEDOUT)


@pytest.mark.parametrize("number", PASSING)
def test_a_fault_that_passes_is_asked_about_once_more(monkeypatch, caplog, number):
    kernel = Judging(failing(number, times=1))
    assert kernel.run(monkeypatch, probe.capabilities(NAMED)).lacking == frozenset()
    assert caplog.text == ""


@pytest.mark.parametrize("number", PASSING)
def test_a_fault_that_stays_is_told_as_what_it_is_and_the_suite_counts_as_there(monkeypatch, caplog, number):
    kernel = Judging(failing(number, times=2))
    assert kernel.run(monkeypatch, probe.capabilities(NAMED)).lacking == frozenset()
    (line,) = (each.getMessage() for each in caplog.records)
    assert line.startswith(
        "the kernel did not say whether it carries camellia-256/hmac_sha512 (said the kernel), asked"
    )


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ELIBBAD])
def test_what_the_kernel_lacks_is_asked_for_once(monkeypatch, number):
    """The latter: an algorithm that fails its own test."""
    kernel = Judging(failing(number, times=1))
    assert kernel.run(monkeypatch, probe.capabilities(NAMED)).lacking == {CAMELLIA}


def test_of_ipcomp_no_memory_means_no_deflate(monkeypatch, caplog):
    """As Linux 6.1 has it."""
    judging = Judging(lambda _head, attributes: errno.ENOMEM if Of.COMP in attributes else 0)
    assert judging.run(monkeypatch, probe.capabilities(NAMED)).compressions == frozenset()
    assert "carries no IPComp (deflate), which" in caplog.text
    judging = Judging(lambda _head, attributes: errno.ENOBUFS if Of.COMP in attributes else 0)
    assert judging.run(monkeypatch, probe.capabilities(NAMED)).compressions == {Compression.DEFLATE}
    assert "whether it carries IPComp (deflate) over IPv4 (said the kernel), IPComp (deflate) over IPv6" in caplog.text
    assert judging.there == []


def test_a_kernel_that_answers_nothing_for_sure_is_not_taken(monkeypatch):
    kernel = Judging(lambda _head, _attributes: errno.ENOMEM)
    with pytest.raises(OSError, match="the kernel has no memory left for it"):
        kernel.probed(monkeypatch)
    assert len(kernel.asked) == 2 * len(probe.USUAL)


def test_what_is_not_known_of_a_suite_is_not_asked_by_it(monkeypatch, caplog):
    """Without ESP over IPv6: the first suite would not say so."""

    def judge(head, attributes):
        if "cbc(camellia)" in names(attributes):
            return errno.ENOMEM
        return errno.EPROTONOSUPPORT if head["family"] == socket.AF_INET6 else 0

    found = Judging(judge).probed(monkeypatch, CAMELLIA, *probe.USUAL)
    assert (CAMELLIA in found.suites, found.versions) == (True, {4})
    assert "IPv6" not in caplog.text


def test_a_version_of_which_the_kernel_does_not_say_anything_counts_as_there(monkeypatch, caplog):
    judging = Judging(lambda head, _: errno.EINTR if head["family"] == socket.AF_INET6 else 0)
    found = judging.probed(monkeypatch)
    assert found.versions == found.in_udp == {4, 6}
    assert "carries ESP over IPv6 (said the kernel), ESP in UDP over IPv6 (said the" in caplog.text


def test_what_nobody_names_is_not_missed(monkeypatch, caplog):
    judging = Judging(lambda head, _: errno.ENOSYS if head["family"] == socket.AF_INET6 else 0)
    assert judging.run(monkeypatch, probe.capabilities(Named((probe.USUAL,)))).lacking == frozenset()
    assert caplog.text == ""


def test_a_sainfo_of_which_nothing_is_left_is_a_refusal_with_its_algorithms(monkeypatch):
    kernel = Judging(lambda _head, attributes: errno.ENOSYS if "cbc(camellia)" in names(attributes) else 0)
    with pytest.raises(OSError, match=r"none of the algorithms of a sainfo \(camellia-256/hmac_sha512\): load their"):
        kernel.run(monkeypatch, probe.capabilities(Named((probe.USUAL, (CAMELLIA,)))))


def test_suites_are_asked_for_in_a_bounded_number(monkeypatch):
    many = [
        EspSuite(Cipher.BLOWFISH_CBC, bits, each)
        for bits in KEY_LENGTHS[Cipher.BLOWFISH_CBC]
        for each in tuple(Integrity)
    ]
    assert len(many) > probe.MOST_SUITES
    kernel = Judging()
    with pytest.raises(OSError, match="asked for 256 suites of ESP at most: name fewer"):
        kernel.run(monkeypatch, probe.capabilities(Named((tuple(many),))))
    assert kernel.asked == []
    lacking = frozenset(many[: probe.MOST_SUITES])
    device = KernelDevice("lotor0", 1400, Leading.ROUTES, Capabilities(lacking=lacking))
    octets = encode(OPEN_CARRIER.answer, device)
    assert len(octets) <= OPEN_CARRIER.most_answer
    assert decode(OPEN_CARRIER.answer, octets) == device


def test_what_the_blocks_of_a_configuration_name():
    sainfo = "encryption_algorithm aes 128; authentication_algorithm hmac_sha256; compression_algorithm deflate;"
    listens = "listen { isakmp_natt ::1[4500]; }"
    found = named(settings(gateway() + f"sainfo anonymous {{ {sainfo} ipcomp on; }} {listens}"))
    assert found == Named(((probe.USUAL[1],),), frozenset({6}), (Compression.DEFLATE,))
    assert not named(settings(gateway() + f"sainfo anonymous {{ {sainfo} }}")).compressions


def test_what_a_reload_names_and_the_kernel_lacks(monkeypatch, caplog):
    """In the same line as at the start; nothing stays."""
    sainfo = "encryption_algorithm aes_gcm_16, camellia 256; authentication_algorithm hmac_sha512;"
    kernel = Judging(lambda _head, attributes: errno.ENOENT if "cbc(camellia)" in names(attributes) else 0)
    written = settings(gateway() + f"sainfo anonymous {{ {sainfo} compression_algorithm deflate; }}")
    assert kernel.run(monkeypatch, lacking(written)) == {CAMELLIA}
    assert "the kernel carries no camellia-256/hmac_sha512, which the configuration names" in caplog.text
    assert kernel.there == []


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
