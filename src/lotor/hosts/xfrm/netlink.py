"""The kernel's tables of SAs and policies over netlink.

Of what others put there nothing is changed or taken away: what is lotor's is known by its reqid. The kernel tells the
keys of an SA with it; they are never kept.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

from lotor.hosts.rtnetlink import Kernel
from lotor.hosts.xfrm import messages, words
from lotor.hosts.xfrm.entries import CompSa, Policy, Sa, SaId, State, Told
from lotor.hosts.xfrm.listening import Listening
from lotor.hosts.xfrm.policy_messages import read_policy
from lotor.hosts.xfrm.shapes import NETLINK_XFRM, Message

GONE = frozenset({errno.ESRCH, errno.ENOENT})
"""Of an SA, and of a policy."""


def kernel() -> Kernel:
    """A socket to the kernel's tables, for one question after another; a context."""
    try:
        return Kernel(NETLINK_XFRM)
    except OSError as error:
        if error.errno != errno.EPROTONOSUPPORT:
            raise
        raise OSError(error.errno, words.NO_XFRM) from None


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
                if not await _is_awaited(asked, sa.id):
                    raise
                await asked.change(Message.UPDATE_SA, body)

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
            state = await _state(asked, sa)
            return state if state is not None and await _gone(asked, Message.DELETE_SA, messages.sa_id(sa)) else None

    async def unwait(self, sa: SaId) -> None:
        with words.refusing(sa), self._socket() as asked:
            body = await _found(asked, Message.GET_SA, messages.sa_id(sa))
            if body is not None and messages.waits_for(body) is not None:
                await _gone(asked, Message.DELETE_SA, messages.sa_id(sa))

    async def set_policy(self, policy: Policy) -> None:
        with words.refusing_policy(policy), self._socket() as asked:
            try:
                await asked.add(Message.NEW_POLICY, messages.policy(policy))
            except FileExistsError:
                if await _removal(asked, policy) is None:
                    raise
                await asked.change(Message.UPDATE_POLICY, messages.policy(policy))

    async def remove_policy(self, policy: Policy) -> None:
        with words.refusing_policy(policy), self._socket() as asked:
            removal = await _removal(asked, policy)
            if removal is not None:
                await _gone(asked, Message.DELETE_POLICY, removal)

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
            gone = [await _gone(asked, Message.DELETE_SA, each) for each in sas]
            gone += [await _gone(asked, Message.DELETE_POLICY, each) for each in policies if each is not None]
            return sum(gone)

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
    if isinstance(sa, CompSa) or not sa.device:
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


async def _is_awaited(asked: Kernel, sa: SaId) -> bool:
    """Whether the kernel only holds the place of this SA. An update makes it the SA."""
    body = await _found(asked, Message.GET_SA, messages.sa_id(sa))
    return body is not None and messages.awaited(body)


async def _removal(asked: Kernel, policy: Policy) -> bytes | None:
    """The body that takes away the policy of lotor's with this selector."""
    body = await _found(asked, Message.GET_POLICY, messages.policy_id(policy))
    return messages.removal(body) if body is not None else None


async def _found(asked: Kernel, kind: Message, body: bytes) -> bytes | None:
    try:
        return await asked.get(kind, body)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return None


async def _gone(asked: Kernel, kind: Message, body: bytes) -> bool:
    """Whether it was there."""
    try:
        await asked.change(kind, body)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return False
    return True
