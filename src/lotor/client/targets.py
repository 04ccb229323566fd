"""Which gateway a person means: the `remote` block and the addresses that a typed word leads to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lotor.client.addresses import MOST_TRIED, resolve, typed
from lotor.config import in_main_mode
from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.model.policy import RemotePolicy, Side
from lotor.model.reason import Reason
from lotor.model.reasons.local import NoClientBlock, NotResolved


@frozen
class Target:
    """Where a typed gateway leads. `host` is the name that was typed, None for an address; `others` are more addresses
    of that name; `also` are blocks to try where the gateway takes no offer of `remote`, as for another mode. Each of
    them has one version of IKE, and those below `least` are not tried."""

    remote: RemotePolicy
    address: Address
    host: str | None
    others: tuple[Address, ...] = ()
    also: tuple[RemotePolicy, ...] = ()
    least: int = 1

    @property
    def blocks(self) -> tuple[RemotePolicy, ...]:
        """In the order in which they are tried."""
        return tuple(each for each in (self.remote, *self.also) if each.version >= self.least)

    def reached(self, block: str, version: int, address: Address) -> Target:
        """The same, with the block and the address in front that a session has: they are called first the next time. A
        gateway that proved itself over IKEv2 is not called by an older version again."""
        blocks, addresses = (self.remote, *self.also), (self.address, *self.others)
        first, *also = sorted(blocks, key=lambda each: (each.name, each.version) != (block, version))
        called, *others = sorted(addresses, key=lambda each: each != address)
        return replace(self, remote=first, also=tuple(also), address=called, others=tuple(others), least=version)

    def by(self, remotes: Sequence[RemotePolicy]) -> Target | None:
        """The same by the blocks as they are now, those first that were first; None where its own is gone."""
        before = [(each.name, each.version) for each in (self.remote, *self.also)]
        names = {name for name, _ in before}
        now = [each for each in offers(remotes) if each.name in names]
        if self.remote.name not in {each.name for each in now}:
            return None
        order = {key: at for at, key in enumerate(before)}
        first, *also = sorted(now, key=lambda each: order.get((each.name, each.version), len(order)))
        least = min(self.least, max(each.version for each in now))
        return replace(self, remote=first, also=tuple(also), least=least)

    @property
    def follows_name(self) -> bool:
        """Whether the gateway may be at another address tomorrow: the name was typed, and the block is for any
        address."""
        return self.host is not None and self.remote.address is None

    def now_at(self, found: Sequence[Address]) -> Target:
        """The same, after its name was looked up again. The address that was called last stays: as the first where the
        name still has it, else as the last one."""
        still = self.address in found
        others = [each for each in found if each != self.address][: MOST_TRIED - 1]
        first, *more = (self.address, *others) if still or not others else (*others, self.address)
        return replace(self, address=first, others=tuple(more))


class RefusedRequest(Exception):  # noqa: N818 - an outcome, not an error of the program
    """A request that cannot even begin."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


async def find(gateway: str, remotes: Sequence[RemotePolicy]) -> Target:
    """The client's block of that name (a word without dots is no host name then), else the one with the gateway's
    address, else an anonymous one; `RefusedRequest` when there is none."""
    clients = [each for each in remotes if each.side is Side.CLIENT]
    address = typed(gateway)
    named = next((each for each in clients if each.name == gateway and each.address is not None), None)
    if address is None and "." not in gateway and named is not None and named.address is not None:
        return toward((named,), named.address, None)
    addresses = [address] if address is not None else await _resolve(gateway)
    host = gateway if address is None else None
    for remote in clients:
        if remote.address is not None and remote.address in addresses:
            return toward((remote, *_also(remote, clients)), remote.address, host)
    anonymous = next((each for each in clients if each.address is None), None)
    if anonymous is None:
        shown = gateway if address is not None else f"{gateway} ({', '.join(map(str, addresses))})"
        raise RefusedRequest(NoClientBlock(shown, addresses[0]))
    return toward((anonymous, *_also(anonymous, clients)), addresses[0], host, tuple(addresses[1:]))


def toward(
    blocks: Iterable[RemotePolicy], address: Address, host: str | None, others: tuple[Address, ...] = ()
) -> Target:
    """With each of the blocks, in their order, once for each version of IKE."""
    first, *also = offers(blocks)
    return Target(first, address, host, others, tuple(also))


def offers(remotes: Iterable[RemotePolicy]) -> list[RemotePolicy]:
    """A client's blocks, one for each version of IKE that they speak."""
    clients = (each for each in remotes if each.side is Side.CLIENT)
    return [
        each if each.versions == (version,) else replace(each, versions=(version,))
        for each in clients
        for version in each.versions
    ]


def _also(remote: RemotePolicy, clients: Sequence[RemotePolicy]) -> tuple[RemotePolicy, ...]:
    """Where no file says which mode a gateway speaks, there is a block for each."""
    return tuple(each for each in clients if each.name == in_main_mode(remote.name))


async def meant(gateway: str) -> set[Address]:
    """The addresses that a typed gateway may have; none for a name that cannot be resolved."""
    address = typed(gateway)
    if address is not None:
        return {address}
    try:
        return set(await resolve(gateway))
    except OSError:
        return set()


async def _resolve(host: str) -> list[Address]:
    try:
        return await resolve(host)
    except OSError as error:
        raise RefusedRequest(NotResolved(error.strerror or str(error))) from error
