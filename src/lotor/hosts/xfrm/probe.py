"""What ESP this kernel carries, found out without a trace.

The kernel is asked to update SAs that nobody has. It makes each of them whole first, with all that it needs for it, and
then finds that there is none to update: that answer means yes. As with any SA, it may load modules for it, so that only
what a configuration names is asked for. An SA of IPComp brings another one, in which packets go that stay as they are:
such a one is added and taken away at once. An error that does not say that the kernel lacks something is a fault, which
may have passed when the kernel is asked once more.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from itertools import chain

from lotor.hosts.rtnetlink import Kernel
from lotor.hosts.xfrm import messages, words
from lotor.hosts.xfrm.entries import OWN_REQIDS, CompSa, Sa
from lotor.hosts.xfrm.netlink import kernel
from lotor.hosts.xfrm.shapes import Message
from lotor.hosts.xfrm.suites import AEADS, COMPRESSIONS
from lotor.model.algorithms import Cipher, Compression, EspSuite, Integrity
from lotor.model.child import DirectionKeys, Encapsulation
from lotor.model.network import NAT_T_PORT, Address, Peer
from lotor.model.secret import Secret
from lotor.ports.esp import Capabilities

log = logging.getLogger(__name__)

MOST_SUITES = 256
"""That one configuration names: the daemon hears which of them the kernel lacks."""
NOWHERE: dict[int, Address] = {4: IPv4Address("192.0.0.8"), 6: IPv6Address("100::")}
"""Addresses that no host has (RFC 7600 §3.5, RFC 6666)."""
RESERVED = 1
"""An SPI that no SA has (RFC 4303 §2.1), and a CPI (RFC 3173 §3.3)."""
ROOTS = frozenset({errno.EPERM, errno.EACCES})
LACKING = frozenset(
    {
        errno.ENOENT,
        errno.ENOSYS,
        errno.EINVAL,
        errno.EPROTONOSUPPORT,
        errno.EAFNOSUPPORT,
        errno.EOPNOTSUPP,
        errno.ELIBBAD,
    }
)
"""Errors by which the kernel says that it does not carry something, among them an algorithm without a module (ENOENT),
a key length (EINVAL), and an algorithm that fails the kernel's own test (ELIBBAD)."""
LACKING_COMPRESSION = LACKING | {errno.ENOMEM}
"""Linux 6.1 says ENOMEM where it has no module of the compression."""
USUAL = (
    EspSuite(Cipher.AES_GCM_16, 128, None),
    EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256),
    EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1),
)
"""A kernel with ESP has one of them."""
_OCTETS: dict[Cipher | Integrity | None, int] = {
    Cipher.TRIPLE_DES_CBC: 24,
    Cipher.CHACHA20_POLY1305: 32,
    Integrity.HMAC_SHA1: 20,
    Integrity.HMAC_SHA256: 32,
    Integrity.HMAC_SHA384: 48,
    Integrity.HMAC_SHA512: 64,
}
"""Of keys whose length no suite says; of all others 16."""
_SALT = 4
UNTOLD = frozenset({"misdirected", "limited", "shed", "lost"})
"""Of `Counters`: the kernel counts none of these by SA."""


@dataclass(frozen=True, slots=True)
class KernelEsp:
    """What the kernel carries: `suites`, of those that were asked for, `versions`: outer IP versions, `in_udp`: those
    of ESP in UDP, `compressions`: what IPComp does over all of `versions`."""

    suites: frozenset[EspSuite]
    versions: frozenset[int]
    in_udp: frozenset[int]
    compressions: frozenset[Compression]


@dataclass(frozen=True, slots=True)
class Named:
    """What a configuration names: the suites of each `sainfo`, the outer IP versions at which it listens, and what it
    offers of IPComp."""

    suites: tuple[tuple[EspSuite, ...], ...] = ()
    versions: frozenset[int] = frozenset({4})
    compressions: tuple[Compression, ...] = ()


async def capabilities(named: Named) -> Capabilities:
    """Of SA pairs in this kernel; a line of the log says what it lacks. `OSError` as `probe`, and where a `sainfo` is
    left without any suite."""
    wanted = list(dict.fromkeys(chain.from_iterable(named.suites)))
    if len(wanted) > MOST_SUITES:
        what = f"the kernel is asked for {MOST_SUITES} suites of ESP at most: name fewer algorithms than {len(wanted)}"
        raise OSError(errno.E2BIG, f"{what} in the sainfo blocks")
    found = await probe(list(dict.fromkeys((*USUAL, *wanted))))
    for suites in named.suites:
        if found.suites.isdisjoint(suites):
            raise words.left_with_nothing(suites)
    if lacks := list(_lacks(named, wanted, found)):
        log.warning("%s", words.lacks(lacks))
    lacking = frozenset(wanted) - found.suites
    return Capabilities(found.compressions, rates=False, cuts=False, untold=UNTOLD, lacking=lacking)


def _lacks(named: Named, wanted: Iterable[EspSuite], found: KernelEsp) -> Iterator[str]:
    yield from (str(each) for each in wanted if each not in found.suites)
    yield from (f"IPComp ({each.value})" for each in named.compressions if each not in found.compressions)
    yield from (f"ESP over IPv{each}" for each in sorted(named.versions - found.versions))
    yield from (f"ESP in UDP over IPv{each}" for each in sorted((named.versions & found.versions) - found.in_udp))


async def probe(suites: Sequence[EspSuite] = USUAL) -> KernelEsp:
    """Of the kernel of the network namespace that this process is in; a line of the log says of what it did not answer.
    `OSError` with a clear text where it carries none of `suites` over IPv4, or tells nobody but root."""
    with words.probing(), kernel() as asked:
        trial = _Trial(asked)
        found = await _probed(trial, suites)
    if trial.unanswered:
        log.warning("%s", words.unanswered(trial.unanswered))
    return found


async def _probed(trial: _Trial, suites: Sequence[EspSuite]) -> KernelEsp:
    found = [each for each in suites if await trial.works(each, str(each))]
    sure = next((each for each in found if str(each) not in trial.unanswered), None)
    if sure is None:
        raise trial.refusal
    versions = [each for each in NOWHERE if await trial.works(sure, f"ESP over IPv{each}", each)]
    udp = Encapsulation.UDP
    in_udp = [each for each in versions if await trial.works(sure, f"ESP in UDP over IPv{each}", each, udp)]
    compressions = [each for each in COMPRESSIONS if await trial.compresses(each, versions)]
    return KernelEsp(frozenset(found), frozenset(versions), frozenset(in_udp), frozenset(compressions))


class _Trial:
    """Asks for SAs. `unanswered`: of what the kernel did not answer, and with what it failed instead."""

    def __init__(self, asked: Kernel) -> None:
        self._asked = asked
        self._refusals: list[OSError] = []
        self.unanswered: dict[str, OSError] = {}

    @property
    def refusal(self) -> OSError:
        """That there is no such type of SAs, or else the first one."""
        return min(self._refusals, key=lambda each: each.errno != errno.EPROTONOSUPPORT)

    async def works(
        self, suite: EspSuite, what: str, version: int = 4, encapsulation: Encapsulation = Encapsulation.NONE
    ) -> bool:
        """`what` is asked, in words."""
        end = Peer(NOWHERE[version], NAT_T_PORT)
        body = messages.sa(Sa(end, end, encapsulation, suite, _keys(suite), OWN_REQIDS[0]))
        return await self._has(what, lambda: self._asked.change(Message.UPDATE_SA, body), LACKING)

    async def compresses(self, algorithm: Compression, versions: Iterable[int]) -> bool:
        """In tunnel mode, beside which the kernel makes another SA, for what stays as it is."""
        for each in versions:
            sa = CompSa(NOWHERE[each], NOWHERE[each], RESERVED, algorithm, OWN_REQIDS[0])
            what = f"IPComp ({algorithm.value}) over IPv{each}"
            if not await self._has(what, partial(self._add_and_remove, sa), LACKING_COMPRESSION):
                return False
        return True

    async def _add_and_remove(self, sa: CompSa) -> None:
        await self._asked.add(Message.NEW_SA, messages.sa(sa))
        await self._asked.change(Message.DELETE_SA, messages.sa_id(sa.id))

    async def _has(self, what: str, asking: Callable[[], Awaitable[None]], lacking: frozenset[int]) -> bool:
        """What the kernel does not answer counts as there: where it refuses an SA later, it says why."""
        refusal = await _refused(asking)
        if refusal is not None and refusal.errno not in lacking:
            refusal = await _refused(asking)
        if refusal is None:
            return True
        self._refusals.append(refusal)
        if refusal.errno in lacking:
            return False
        self.unanswered[what] = refusal
        return True


async def _refused(asking: Callable[[], Awaitable[None]]) -> OSError | None:
    try:
        await asking()
    except OSError as error:
        if error.errno in ROOTS:
            raise
        return None if error.errno == errno.ESRCH else error
    return None


def _keys(suite: EspSuite) -> DirectionKeys:
    """Of nothing that is worth keeping secret, but not weak: a kernel may refuse that."""
    octets = suite.key_bits // 8 or _OCTETS.get(suite.cipher, 16)
    encryption = Secret(bytes(range(octets + (_SALT if suite.cipher in AEADS else 0))))
    return DirectionKeys(RESERVED, encryption, Secret(bytes(range(_OCTETS.get(suite.integrity, 16)))))
