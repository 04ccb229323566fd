"""The kernel's tables of SAs and policies over netlink.

Of what others put there nothing is changed or taken away: what is lotor's is known by its reqid. The kernel tells the
keys of an SA with it; they are never kept.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from lotor.hosts.rtnetlink import Kernel, adding, changing, getting
from lotor.hosts.xfrm import messages, words
from lotor.hosts.xfrm.entries import CompSa, Policy, Sa, SaId, State, Told
from lotor.hosts.xfrm.listening import Listening
from lotor.hosts.xfrm.policy_messages import read_policy
from lotor.hosts.xfrm.shapes import NETLINK_XFRM, Message

GONE = frozenset({errno.ESRCH, errno.ENOENT})
"""Of an SA, and of a policy."""
T = TypeVar("T")


def kernel() -> Kernel:
    """A socket to the kernel's tables, for one question after another; a context."""
    try:
        return Kernel(NETLINK_XFRM)
    except OSError as error:
        if error.errno != errno.EPROTONOSUPPORT:
            raise
        raise OSError(error.errno, words.NO_XFRM) from None


_Change = Callable[[Kernel, Sequence[Policy]], Awaitable[list[OSError | None]]]


class Xfrm:
    """`XfrmTable` of the network namespace that this process is in. Calls at one time have a socket each, so that none
    waits for another. While somebody listens, one socket is kept for the next call: opening it costs more than what it
    is asked."""

    def __init__(self) -> None:
        self._listening: set[Listening] = set()
        self._kept: Kernel | None = None

    async def add(self, sa: Sa | CompSa) -> None:
        with words.refusing(sa), self._socket() as asked:
            body = messages.sa(sa, _device(sa))
            try:
                await asked.add(Message.NEW_SA, body)
            except FileExistsError:
                if not await _is_awaited(asked, sa):
                    raise
                await asked.change(Message.UPDATE_SA, body)

    async def add_all(self, sas: Sequence[Sa | CompSa]) -> list[OSError | None]:
        try:
            added = [adding(Message.NEW_SA, messages.sa(each, _device(each))) for each in sas]
            with self._socket() as asked:
                found = await asked.several(added)
        except OSError as error:
            found = [error for _ in sas]
        refusals = zip(sas, _refusals(found), strict=True)
        return [came and await self._refused(each, came) for each, came in refusals]

    async def _refused(self, sa: Sa | CompSa, refusal: OSError) -> OSError | None:
        """The kernel may only wait for one that is there already."""
        if not isinstance(refusal, FileExistsError):
            return words.sa_refused(refusal, sa)
        try:
            await self.add(sa)
        except OSError as error:
            return error
        return None

    async def update(self, sa: Sa) -> None:
        with words.refusing(sa), self._socket() as asked:
            if await _state(asked, sa.id) is None:
                raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))
            await asked.change(Message.UPDATE_SA, messages.sa(sa, _device(sa)))

    async def state(self, sa: SaId) -> State | None:
        with words.refusing(sa), self._socket() as asked:
            return await _state(asked, sa)

    async def remove(self, sa: SaId) -> State | None:
        with words.refusing(sa), self._socket() as asked:
            return _or_raised((await _removed(asked, [sa]))[0])

    async def remove_all(self, sas: Sequence[SaId]) -> list[State | OSError | None]:
        try:
            with self._socket() as asked:
                found = await _removed(asked, sas)
        except OSError as error:
            found = [error] * len(sas)
        told = zip(sas, found, strict=True)
        return [words.sa_refused(came, each) if isinstance(came, OSError) else came for each, came in told]

    async def unwait(self, sa: SaId) -> None:
        with words.refusing(sa), self._socket() as asked:
            body = await _found(asked, Message.GET_SA, messages.sa_id(sa))
            if body is not None and messages.waits_for(body) is not None:
                _or_raised((await _taken(asked, Message.DELETE_SA, [messages.sa_id(sa)], [body]))[0])

    async def set_policy(self, policy: Policy) -> None:
        with words.refusing_policy(policy), self._socket() as asked:
            _or_raised((await _set(asked, [policy]))[0])

    async def set_policies(self, policies: Sequence[Policy]) -> list[OSError | None]:
        return await self._of_policies(_set, policies)

    async def remove_policy(self, policy: Policy) -> None:
        with words.refusing_policy(policy), self._socket() as asked:
            _or_raised((await _unset(asked, [policy]))[0])

    async def remove_policies(self, policies: Sequence[Policy]) -> list[OSError | None]:
        return await self._of_policies(_unset, policies)

    async def _of_policies(self, change: _Change, policies: Sequence[Policy]) -> list[OSError | None]:
        try:
            with self._socket() as asked:
                found = await change(asked, policies)
        except OSError as error:
            found = [error] * len(policies)
        return [came and words.policy_refused(came, each) for each, came in zip(policies, found, strict=True)]

    async def states(self) -> list[State]:
        with words.listing("SAs"), self._socket() as asked:
            return await _states(asked)

    async def list_policies(self) -> list[Policy]:
        with words.listing("policies"), self._socket() as asked:
            found = [read_policy(each) for each in await asked.dump(Message.GET_POLICY, b"")]
            return [each for each in found if each is not None]

    async def flush(self) -> int:
        """SAs go first: without one its policies let nothing through."""
        with words.listing("SAs and policies"), self._socket() as asked:
            sas = [messages.sa_id(each) for each in await _own(asked)]
            policies = [messages.removal(each) for each in await asked.dump(Message.GET_POLICY, b"")]
            removals = [changing(Message.DELETE_SA, each) for each in sas]
            removals += [changing(Message.DELETE_POLICY, each) for each in policies if each is not None]
            refused = [each for each in await asked.several(removals) if each is not None]
            for each in refused:
                _or_raised(_or_none(each))
            return len(removals) - len(refused)

    def told(self) -> AsyncIterator[Told]:
        with words.listing("changes of SAs"):
            listening = Listening(NETLINK_XFRM)
        self._listening.add(listening)
        return listening.told()

    def close(self) -> None:
        """Whoever listens hears no more."""
        while self._listening:
            self._listening.pop().close()
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    @contextmanager
    def _socket(self) -> Iterator[Kernel]:
        """After a fault it is not kept: an answer may be on its way."""
        asked, self._kept = self._kept or kernel(), None
        with ExitStack() as closing:
            yield closing.enter_context(asked)
            if self._listening and self._kept is None:
                closing.pop_all()
                self._kept = asked


def _device(sa: Sa | CompSa) -> int:
    """The index of the device that does the cryptography; 0 for none."""
    if isinstance(sa, CompSa) or not sa.by_device:
        return 0
    try:
        return socket.if_nametoindex(sa.device)
    except OSError:
        raise OSError(errno.ENODEV, sa.device) from None


async def _own(asked: Kernel) -> list[SaId]:
    """Also those that the kernel waits for."""
    told = await asked.dump(Message.GET_SA, b"")
    found = [messages.read_state(each) or messages.waits_for(each) for each in told]
    return [each.id if isinstance(each, State) else each for each in found if each is not None]


async def _states(asked: Kernel) -> list[State]:
    found = [messages.read_state(each) for each in await asked.dump(Message.GET_SA, b"")]
    return [each for each in found if each is not None]


async def _state(asked: Kernel, sa: SaId) -> State | None:
    """None for one of others, too."""
    body = await _found(asked, Message.GET_SA, messages.sa_id(sa))
    return messages.read_state(body) if body is not None else None


async def _is_awaited(asked: Kernel, sa: Sa | CompSa) -> bool:
    """Whether the kernel only holds the place of this SA. An update makes it the SA."""
    body = await _found(asked, Message.GET_SA, messages.sa_id(sa.id))
    return body is not None and messages.holds_place(body, sa.reqid)


async def _found(asked: Kernel, kind: Message, body: bytes) -> bytes | None:
    (came,) = await asked.several([getting(kind, body)])
    return _or_raised(_or_none(came))


async def _removed(asked: Kernel, sas: Sequence[SaId]) -> list[State | OSError | None]:
    """Of each its last figures. Nothing is taken away that was not seen to be lotor's just before: another program may
    have an SA of this number by now."""
    bodies = [messages.sa_id(each) for each in sas]
    told = [_or_none(each) for each in await asked.several([getting(Message.GET_SA, each) for each in bodies])]
    states = [messages.read_state(each) if isinstance(each, bytes) else each for each in told]
    return await _taken(asked, Message.DELETE_SA, bodies, states)


async def _unset(asked: Kernel, policies: Sequence[Policy]) -> list[OSError | None]:
    """By their label no other program's go, even for the same packets."""
    removals = [changing(Message.DELETE_POLICY, messages.policy_id(each)) for each in policies]
    return _refusals(_or_none(each) for each in await asked.several(removals))


async def _taken(
    asked: Kernel, kind: Message, bodies: list[bytes], found: list[T | OSError | None]
) -> list[T | OSError | None]:
    """Those that were found, of which one that is gone meanwhile is None."""
    there = [place for place, each in enumerate(found) if each is not None and not isinstance(each, OSError)]
    gone = await asked.several([changing(kind, bodies[place]) for place in there])
    for place, came in zip(there, gone, strict=True):
        if isinstance(came, OSError):
            found[place] = None if came.errno in GONE else came
    return found


async def _set(asked: Kernel, policies: Sequence[Policy]) -> list[OSError | None]:
    """In the place of lotor's own: those of other programs have not its label."""
    bodies = [messages.policy(each) for each in policies]
    found = _refusals(await asked.several([adding(Message.NEW_POLICY, each) for each in bodies]))
    there = [place for place, each in enumerate(found) if isinstance(each, FileExistsError)]
    replaced = await asked.several([changing(Message.UPDATE_POLICY, bodies[place]) for place in there])
    for place, came in zip(there, _refusals(replaced), strict=True):
        found[place] = came
    return found


def _refusals(found: Iterable[object]) -> list[OSError | None]:
    return [each if isinstance(each, OSError) else None for each in found]


def _or_none(came: bytes | OSError | None) -> bytes | OSError | None:
    """What is not there is None."""
    return None if isinstance(came, OSError) and came.errno in GONE else came


def _or_raised(came: T | OSError) -> T:
    if isinstance(came, OSError):
        raise came
    return came
