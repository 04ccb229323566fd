"""Why the kernel refuses an SA or a policy, in words: what, where, and what helps."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from lotor.hosts.xfrm.entries import CompSa, Policy, Protocol, Sa, SaId
from lotor.model.algorithms import EspSuite

_MODULES = {
    (Protocol.ESP, 4): "esp4",
    (Protocol.ESP, 6): "esp6",
    (Protocol.IPCOMP, 4): "ipcomp",
    (Protocol.IPCOMP, 6): "ipcomp6",
}
_CALLED = {Protocol.ESP: "ESP", Protocol.IPCOMP: "IPComp"}
MOST_NAMED = 8
"""Algorithms in one line."""
NO_XFRM = "this kernel takes no SAs from programs: load its module xfrm_user"
_ROOT = "this needs root's rights (CAP_NET_ADMIN, in a container --cap-add NET_ADMIN)"
_CAUSES = {
    errno.ENOSYS: "this kernel does not know the algorithm: load its module, or take it out of the configuration",
    errno.ENOENT: "this kernel lacks a module that the algorithm needs: load it (`dmesg` may name it)",
    errno.EPERM: _ROOT,
    errno.EACCES: _ROOT,
    errno.ENOBUFS: "the kernel has no memory left for it",
    errno.ENOMEM: "the kernel has no memory left for it",
    errno.ENODEV: "there is no such network device",
    errno.EOPNOTSUPP: "the network device does no cryptography for ESP: take its name out of the configuration",
    errno.EAFNOSUPPORT: "this kernel has no IPsec for this IP version",
}


def _no_type(protocol: Protocol, version: int) -> str:
    """Why a kernel without this protocol refuses its SAs."""
    module = _MODULES[protocol, version]
    return f"this kernel has no {_CALLED[protocol]} for IPv{version}: load its module {module}, if there is one"


def _of_sa(named: SaId) -> str:
    """An SA, as messages call it."""
    return f"the {_CALLED[named.protocol]} SA 0x{named.spi:08x} to {named.destination}"


def _of_policy(entry: Policy) -> str:
    return f"the policy for packets {entry.source} to {entry.destination} ({entry.direction.name.lower()})"


@contextmanager
def refusing(entry: Sa | CompSa | SaId) -> Iterator[None]:
    """A refusal of the kernel becomes `OSError` with the SA, the cause, and the kernel's own words, which are put
    together when there is one."""
    try:
        yield
    except OSError as error:
        raise sa_refused(error, entry) from None


def sa_refused(error: OSError, entry: Sa | CompSa | SaId) -> OSError:
    """The same for one of several."""
    named = entry if isinstance(entry, SaId) else entry.id
    what = f"{_of_sa(named)} ({entry.suite})" if isinstance(entry, Sa) else _of_sa(named)
    causes = {
        errno.EPROTONOSUPPORT: _no_type(named.protocol, named.destination.version),
        errno.EEXIST: "there is one already, perhaps of another program: `ip xfrm state` shows it",
        errno.ESRCH: "it is not there",
    }
    return _explained(error, f"the kernel refused {what}", causes)


@contextmanager
def refusing_policy(entry: Policy) -> Iterator[None]:
    """The same of a policy."""
    try:
        yield
    except OSError as error:
        raise policy_refused(error, entry) from None


def policy_refused(error: OSError, entry: Policy) -> OSError:
    causes = {errno.EEXIST: "another program has one for the same packets: `ip xfrm policy` shows it"}
    return _explained(error, f"the kernel refused {_of_policy(entry)}", causes)


@contextmanager
def listing(what: str) -> Iterator[None]:
    with _worded(f"the kernel did not tell its {what}", {}):
        yield


@contextmanager
def probing() -> Iterator[None]:
    causes = {
        errno.EPROTONOSUPPORT: f"load its module {_MODULES[Protocol.ESP, 4]}, if there is one",
        errno.ENOSYS: "it has no algorithm for it: load the modules authenc, cbc, hmac and gcm",
        errno.ENOENT: "it has no algorithm for it: load the modules authenc, cbc, hmac, gcm, seqiv and echainiv",
    }
    with _worded("the kernel carries no ESP", causes):
        yield


def lacks(what: Iterable[str]) -> str:
    """What the configuration names and the kernel does not carry."""
    return (
        f"the kernel carries no {_some(list(what))}, which the configuration names: no SA pair has "
        "it; load the modules and reload lotor, or restart it for IPComp (docs/kernel.md)"
    )


def unanswered(faults: Mapping[str, OSError]) -> str:
    """Of what the kernel did not say whether it carries it, with what it said instead."""
    named = _some([f"{what} ({error.strerror or error})" for what, error in faults.items()])
    return f"the kernel did not say whether it carries {named}, asked twice: it counts as there until it is refused"


def _some(named: Sequence[str]) -> str:
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return ", ".join(named[:MOST_NAMED]) + more


def left_with_nothing(suites: Iterable[EspSuite]) -> OSError:
    """Of one `sainfo`."""
    named = ", ".join(map(str, suites))
    return OSError(
        errno.ENOSYS,
        f"the kernel has none of the algorithms of a sainfo ({named}): load their modules, or name others there",
    )


@contextmanager
def _worded(what: str, causes: dict[int, str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _explained(error, what, causes) from None


def _explained(error: OSError, what: str, causes: dict[int, str]) -> OSError:
    cause = (_CAUSES | causes).get(error.errno or 0)
    said = error.strerror or str(error)
    if said == NO_XFRM:
        cause = None
    return OSError(error.errno, f"{what}: {cause} ({said})" if cause else f"{what}: {said}")
