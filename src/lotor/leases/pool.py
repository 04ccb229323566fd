"""A pool of inner addresses in memory. A returning user gets the last address again. Others get one that nobody had,
and once there is none, the one that has been free the longest, so that late packets for its last user reach no
stranger. By the administrator's wish everybody gets the lowest free one."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface

from lotor.leases.lowest import Lowest
from lotor.model.frozen import frozen
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.model.reason import Reason
from lotor.model.reasons.local import GrantInUse, GrantOutsidePool, PoolExhausted
from lotor.ports.leases import Lease

MOST_REMEMBERED = 65536
"""Users whose last address is remembered. The user that was away the longest is forgotten first."""


@frozen
class Ipv6Range:
    """`network6` and `prefix6`. Slot N gets the Nth IPv4 and the Nth IPv6 address, so a returning user gets both
    back."""

    first: IPv6Address
    prefix: int

    def __getitem__(self, slot: int) -> IPv6Interface:
        return IPv6Interface((self.first + slot, self.prefix))


class Pool:
    """Leases of `network4` (`first`), `pool_size`, `netmask4`, and IPv6 beside it.

    `netmask` None: the mask of the smallest network that contains the pool, so that clients which configure an
    interface reach each other on the link. `lowest`: everybody gets the lowest free address. Raises `ValueError` for a
    pool that is empty or exceeds IPv4 or IPv6.
    """

    def __init__(
        self,
        first: IPv4Address,
        size: int,
        netmask: IPv4Address | None = None,
        beside: Ipv6Range | None = None,
        *,
        lowest: bool = False,
    ) -> None:
        if size < 1:
            raise ValueError("pool_size must be at least 1")
        if int(first) + size - 1 > int(IPv4Address("255.255.255.255")):
            raise ValueError(f"{size} addresses from {first} on go beyond 255.255.255.255: lower pool_size")
        if beside is not None and int(beside.first) + size > 1 << 128:
            raise ValueError(f"{size} addresses from {beside.first} on go beyond IPv6: lower pool_size")
        self.first = first
        self.last = first + (size - 1)
        self.netmask = netmask if netmask is not None and int(netmask) else smallest_network(first, self.last).netmask
        self._size = size
        self._beside = beside
        self._leased: dict[int, tuple[int, str]] = {}
        self._taken: dict[int, str] = {}
        """Slots that are given, and their users."""
        self._granted6: dict[int, IPv6Interface] = {}
        """By slot: the address of IPv6 that a back end granted, in place of the slot's own."""
        self._barred: Counter[Address] = Counter()
        """Addresses that this pool may not give now, and how many leases from elsewhere are the reason."""
        self._returned: OrderedDict[int, None] = OrderedDict()
        """Slots that somebody had, the longest ago first."""
        self._lowest = Lowest() if lowest else None
        """The same and some that are given again; None where nobody asks for the lowest."""
        self._reserved: frozenset[int] = frozenset()
        """Slots that only a grant gives."""
        self._fresh = 0
        self._last_slot: OrderedDict[str, int] = OrderedDict()

    def acquire(
        self, session: int, user: str, granted: IPv4Address | None = None, granted6: IPv6Interface | None = None
    ) -> Lease | Failure:
        """A lease for a session. Slots count from `first`, which is given out too. `granted`: this address or none;
        `granted6`, which the caller has looked at, in place of the slot's own."""
        held = self._leased.get(session)
        if held is not None:
            return self._lease(held[0])
        if granted is not None and (reason := self._withheld(granted, whole=granted6 is None)):
            return Failure(reason)
        slot = self._slot(user, granted)
        if slot is None:
            return Failure(PoolExhausted(self.first, self.last, self._size))
        self._taken[slot] = user
        self._returned.pop(slot, None)
        self._leased[session] = (slot, user)
        if granted6 is not None:
            self._granted6[slot] = granted6
        return self._lease(slot)

    def release(self, session: int) -> Lease | None:
        """What the session had; None for one that is not known."""
        held = self._leased.get(session)
        if held is None:
            return None
        slot, user = held
        lease = self._lease(slot)
        del self._leased[session], self._taken[slot]
        self._granted6.pop(slot, None)
        self._remember(user, slot)
        if not self._is_barred(slot):
            self._give_back(slot)
        return lease

    def has(self, address: Address) -> bool:
        """Whether it is one of this pool, of either kind."""
        return self._slot_of(address) is not None

    @property
    def size(self) -> int:
        return self._size

    def twin(self, address: Address) -> IPv4Address | None:
        """The address of IPv4 of the slot that this one is of; None for one of another pool."""
        slot = self._slot_of(address)
        return self.first + slot if slot is not None else None

    def uses(self, address: Address) -> bool:
        """Whether somebody has this address of this pool, or it may not be given for now."""
        slot = self._slot_of(address)
        if slot is None:
            return False
        taken = slot in self._taken and (address.version == 4 or slot not in self._granted6)
        return taken or address in self._barred

    @property
    def span(self) -> str:
        """From the first to the last address, for a person."""
        return f"{self.first}-{self.last}"

    def __len__(self) -> int:
        """How many addresses are leased."""
        return len(self._leased)

    def held(self) -> Iterator[tuple[int, str, Lease]]:
        """Sessions with their users and leases."""
        return ((session, user, self._lease(slot)) for session, (slot, user) in self._leased.items())

    def of(self, session: int) -> Iterator[tuple[str, Lease]]:
        """The user and the lease of a session, where it has one."""
        if (held := self._leased.get(session)) is not None:
            yield held[1], self._lease(held[0])

    def bar(self, addresses: Iterable[Address]) -> None:
        """No slot with one of these, which somebody has from elsewhere, is given until they are `free`."""
        for address in addresses:
            if (slot := self._slot_of(address)) is not None:
                self._barred[address] += 1
                self._returned.pop(slot, None)

    def free(self, addresses: Iterable[Address]) -> None:
        """Once for each `bar`."""
        for address in addresses:
            if (slot := self._slot_of(address)) is None:
                continue
            self._barred[address] -= 1
            if not self._barred[address]:
                del self._barred[address]
            if slot < self._fresh and slot not in self._taken and not self._is_barred(slot):
                self._give_back(slot)

    def lent6(self) -> Iterator[tuple[int, Lease]]:
        """Sessions whose address of IPv6 a back end granted."""
        return ((session, self._lease(slot)) for session, (slot, _) in self._leased.items() if slot in self._granted6)

    def reserve(self, addresses: Iterable[Address]) -> None:
        """These, and no others, are given to whom they are granted only. Whoever has one now keeps it. Those of another
        pool are ignored."""
        slots = map(self._slot_of, addresses)
        self._reserved = frozenset(slot for slot in slots if slot is not None)

    def leases(self) -> Iterator[Lease]:
        """Those that are given."""
        return (self._lease(slot) for slot, _ in self._leased.values())

    def holder(self, addresses: frozenset[Address]) -> str | None:
        """The user of the one lease that has them all; None where there is none."""
        for slot in map(self._slot_of, addresses):
            if slot is not None and slot in self._taken and addresses <= self._lease(slot).addresses:
                return self._taken[slot]
        return None

    def memories(self) -> Iterator[tuple[str, IPv4Address]]:
        """Users with the address that each had last, the longest ago first."""
        return ((user, self.first + slot) for user, slot in self._last_slot.items())

    def remember(self, user: str, address: IPv4Address) -> None:
        """The user had this address until now. An address of another pool is ignored."""
        if self.first <= address <= self.last:
            slot = int(address) - int(self.first)
            self._remember(user, slot)
            if slot not in self._taken and not self._is_barred(slot):
                self._give_back(slot)
                self._returned.move_to_end(slot)

    def _slot_of(self, address: Address) -> int | None:
        """None for an address of another pool."""
        first = self.first if address.version == 4 else self._beside.first if self._beside is not None else None
        slot = int(address) - int(first) if first is not None else -1
        return slot if 0 <= slot < self._size and getattr(address, "scope_id", None) is None else None

    def _own6(self, slot: int) -> IPv6Interface | None:
        return self._beside[slot] if self._beside is not None else None

    def _lease(self, slot: int) -> Lease:
        return Lease(self.first + slot, self.netmask, self._granted6.get(slot) or self._own6(slot))

    def _is_barred(self, slot: int) -> bool:
        """Whether a slot may not be given as it is, with both addresses."""
        if not self._barred:
            return False
        beside = self._own6(slot)
        return self.first + slot in self._barred or (beside is not None and beside.ip in self._barred)

    def _withheld(self, granted: IPv4Address, *, whole: bool) -> Reason | None:
        """Why a user does not get an address that the back end granted. `whole`: with that of IPv6 beside it."""
        slot = self._slot_of(granted)
        if slot is None:
            return GrantOutsidePool(granted, self.span)
        beside = self._own6(slot)
        if self.uses(granted):
            return GrantInUse(granted)
        return GrantInUse(beside.ip) if whole and beside is not None and beside.ip in self._barred else None

    def _slot(self, user: str, granted: IPv4Address | None) -> int | None:
        if granted is not None:
            return int(granted) - int(self.first)
        if self._lowest is not None:
            slot = self._lowest.take(self._fresh, lambda each: each in self._returned and self._free(each))
            return slot if slot is not None else self._next_slot()
        remembered = self._last_slot.get(user)
        if remembered is not None and self._free(remembered):
            return remembered
        return self._next_slot()

    def _free(self, slot: int) -> bool:
        return slot not in self._taken and slot not in self._reserved and not self._is_barred(slot)

    def _next_slot(self) -> int | None:
        """The lowest slot that nobody ever had, else the one that was returned first."""
        while self._fresh < self._size:
            self._fresh += 1
            slot = self._fresh - 1
            if slot in self._returned:
                continue
            if self._free(slot):
                return slot
            if slot in self._reserved and slot not in self._taken and not self._is_barred(slot):
                self._give_back(slot)
        return next((slot for slot in self._returned if slot not in self._reserved), None)

    def _give_back(self, slot: int) -> None:
        """Behind those that were given back before."""
        self._returned[slot] = None
        if self._lowest is not None:
            self._lowest.add(slot)

    def _remember(self, user: str, slot: int) -> None:
        self._last_slot[user] = slot
        self._last_slot.move_to_end(user)
        if len(self._last_slot) > MOST_REMEMBERED:
            self._last_slot.popitem(last=False)


def smallest_network(first: IPv4Address, last: IPv4Address) -> IPv4Network:
    differing = int(first) ^ int(last)
    return IPv4Network((int(first), 32 - differing.bit_length()), strict=False)
