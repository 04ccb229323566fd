"""What lotor asks of the kernel's tables of SAs and policies, as a protocol: the netlink socket, or a test's memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from lotor.hosts.xfrm.entries import CompSa, Policy, Sa, SaId, State, Told


class XfrmTable(Protocol):
    """Raises `OSError` with a clear text where the kernel refuses. Where several are asked for, each is tried, and what
    would have been raised is told of each, in their order: with an error of any kind but `FileExistsError` its answer
    may be lost, and the thing done."""

    async def add(self, sa: Sa | CompSa) -> None:
        """One that is not there yet: `FileExistsError` where it is."""
        ...

    async def add_all(self, sas: Sequence[Sa | CompSa]) -> list[OSError | None]: ...

    async def update(self, sa: Sa) -> None:
        """Ports of ESP in UDP and lifetimes of one that is there; nothing else can change."""
        ...

    async def state(self, sa: SaId) -> State | None:
        """None: it is not there."""
        ...

    async def remove(self, sa: SaId) -> State | None:
        """With its last figures; None where it is not there (any more)."""
        ...

    async def unwait(self, sa: SaId) -> None:
        """The kernel waits no more for this SA, which is not there, since a packet needed it."""
        ...

    async def remove_all(self, sas: Sequence[SaId]) -> list[State | OSError | None]: ...

    async def set_policy(self, policy: Policy) -> None:
        """In the place of one with the same selector, or new."""
        ...

    async def remove_policy(self, policy: Policy) -> None:
        """Nothing where it is not there."""
        ...

    async def set_policies(self, policies: Sequence[Policy]) -> list[OSError | None]: ...

    async def remove_policies(self, policies: Sequence[Policy]) -> list[OSError | None]: ...

    async def states(self) -> list[State]:
        """All SAs with reqids of lotor's."""
        ...

    async def list_policies(self) -> list[Policy]:
        """All of lotor's; of other programs those that lead packets out through one SA of ESP, a tunnel."""
        ...

    async def flush(self) -> int:
        """SAs and policies with reqids of lotor's are taken away, and no others. How many there were."""
        ...

    def told(self) -> AsyncIterator[Told]:
        """What the kernel tells of lotor's SAs and of policies, from the first call on."""
        ...

    def close(self) -> None: ...
