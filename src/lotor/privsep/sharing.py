"""The verbs by which a warden asks the process of back ends for what several gateways know together: one for each
method of `ports.fleet.Fleet`.

What is a list there comes in portions, each as many items as there is room for in a message.
"""

from __future__ import annotations

import errno
from types import NoneType
from typing import Any, Generic, TypeVar

from lotor.model.ban import Ban
from lotor.model.frozen import frozen
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.ports.fleet import Claim, FleetPool, GatewayState, News, Past, Present, UserLine, Wanted
from lotor.privsep.codec import MOST_ITEMS, encode
from lotor.privsep.faults import MOST_FAULT, Fault
from lotor.privsep.frames import MOST_OCTETS
from lotor.privsep.verb import Verb

Asked = TypeVar("Asked")
Item = TypeVar("Item")

REFUSED = errno.EACCES
"""The number of a fault: the database is there, and this gateway may not work with it until somebody changes
something."""
MOST_CLAIMS = 512
"""Logins that wait for an address at a time."""
MOST_CHECKS = 512
"""Codes and vouchers that are asked for at a time."""
_FEW = 8
_SMALL = 4_096
"""Octets of a question with a name, or two."""


@frozen
class Part(Generic[Asked]):
    """A question for a list. `listing` 0: a new one; else that one, from the item number `first` on."""

    asked: Asked
    listing: int = 0
    first: int = 0


@frozen
class Portion(Generic[Item]):
    """Items of a list; `left`: how many come behind these."""

    items: tuple[Item, ...]
    listing: int = 0
    left: int = 0


@frozen
class PastItem:
    """A session of a page; `before` is that of the page."""

    past: Past
    before: int | None


@frozen
class PoolPart:
    """A pool, or more reserved addresses of the one before, which has the same name; None: there is none. `begins`: the
    first of all, `ends`: the last."""

    pool: FleetPool | None
    begins: bool
    ends: bool


@frozen
class BanFor:
    """`seconds` from now on; of a list: that it still lasts."""

    ban: Ban
    seconds: float


@frozen
class UserWrite:
    """`sealed` in place of what has this version."""

    name: str
    sealed: bytes
    version: int


@frozen
class Spending:
    """A code that is used; `step` None: one that has none."""

    key: str
    step: int | None


@frozen
class Voucher:
    """A user who was proved from a network."""

    user: str
    network: str


def first_of(items: tuple[Any, ...], kind: object, octets: int) -> int:
    """How many items of one `kind`, from the first on, there is room for; one that has no room alone is a mistake of
    whoever bounds items: `ValueError`."""
    room = octets
    for count, each in enumerate(items):
        room -= len(encode(kind, each))
        if room < 0 or count >= MOST_ITEMS:
            if count == 0:
                raise ValueError("an item is longer than a message")
            return count
    return len(items)


ROOM = MOST_OCTETS - 1_024
"""Octets for the items of a message, beside what says how many they are."""


def _does(number: int, name: str, request: Any, most_request: int, most_asked: int = _FEW) -> Verb[Any, Fault | None]:
    """A verb that is answered by nothing, or by what was in the way."""
    return Verb(number, name, request, Fault | None, most_request, MOST_FAULT, most_asked=most_asked)


def _lists(number: int, name: str, asked: Any, item: Any) -> Verb[Any, Any]:
    """A verb whose answer is a portion of a list."""
    return Verb(number, name, Part[asked], Portion[item] | Fault, _SMALL, MOST_OCTETS, most_asked=_FEW)


BEAT: Verb[None, Fault | None] = _does(90, "show the fleet that this gateway lives", NoneType, 0)
LEAVE: Verb[None, Fault | None] = _does(91, "leave the fleet", NoneType, 0)
POOLS: Verb[PoolPart, Fault | None] = _does(92, "name the pools of the fleet", PoolPart, 8_192, most_asked=1)
CLAIM: Verb[Claim, tuple[Address, ...] | Failure | Fault] = Verb(
    number=93,
    name="claim an address of the fleet",
    request=Claim,
    answer=tuple[Address, ...] | Failure | Fault,
    most_request=_SMALL,
    most_answer=2 * MOST_FAULT,
    most_asked=MOST_CLAIMS,
)
GIVE_BACK: Verb[tuple[int, ...], Fault | None] = _does(
    94, "give addresses back to the fleet", tuple[int, ...], 8 + 8 * MOST_ITEMS
)
KEEP: Verb[tuple[Past, ...], Fault | None] = _does(95, "keep sessions for the fleet", tuple[Past, ...], MOST_OCTETS)
PRESENT: Verb[Part[str], Portion[Present] | Fault] = _lists(96, "list who is connected to the fleet", str, Present)
PAST: Verb[Part[Wanted], Portion[PastItem] | Fault] = _lists(97, "list sessions of the fleet", Wanted, PastItem)
FORGET: Verb[int, Fault | None] = _does(98, "forget old sessions of the fleet", int, 8)
GATEWAYS: Verb[Part[None], Portion[GatewayState] | Fault] = _lists(
    99, "list the gateways of the fleet", NoneType, GatewayState
)
BAN_ALL: Verb[BanFor, Fault | None] = _does(100, "ban somebody from the fleet", BanFor, _SMALL)
ALL_BANS: Verb[Part[None], Portion[BanFor] | Fault] = _lists(101, "list the bans of the fleet", NoneType, BanFor)
TELL: Verb[News, Fault | None] = _does(102, "tell the fleet", News, _SMALL, most_asked=64)
NEWS: Verb[Part[None], Portion[News] | Fault] = _lists(103, "wait for news of the fleet", NoneType, News)
USERS: Verb[Part[int], Portion[UserLine] | Fault] = _lists(104, "list the users of the fleet", int, UserLine)
WRITE_USER: Verb[UserWrite, int | Fault | None] = Verb(
    number=105,
    name="write a user of the fleet",
    request=UserWrite,
    answer=int | Fault | None,
    most_request=MOST_OCTETS,
    most_answer=MOST_FAULT,
    most_asked=_FEW,
)
SPEND: Verb[Spending, bool | Fault] = Verb(
    number=106,
    name="spend a code at the fleet",
    request=Spending,
    answer=bool | Fault,
    most_request=_SMALL,
    most_answer=MOST_FAULT,
    most_asked=MOST_CHECKS,
)
VOUCH: Verb[Voucher, Fault | None] = _does(
    107, "vouch for a user at the fleet", Voucher, _SMALL, most_asked=MOST_CHECKS
)
VOUCHED: Verb[Voucher, bool | Fault] = Verb(
    number=108,
    name="ask whether the fleet proved a user",
    request=Voucher,
    answer=bool | Fault,
    most_request=_SMALL,
    most_answer=MOST_FAULT,
    most_asked=MOST_CHECKS,
)
SHARED = (
    *(BEAT, LEAVE, POOLS, CLAIM, GIVE_BACK, KEEP, PRESENT, PAST, FORGET, GATEWAYS),
    *(BAN_ALL, ALL_BANS, TELL, NEWS, USERS, WRITE_USER, SPEND, VOUCH, VOUCHED),
)
