"""The port of what several gateways know together, in one database: who has which address, who is connected, who is
banned, the users, and the codes that were used.

One clock counts for all of it, that of the database: no call takes or gives a time of day, but for what people read.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Address
from typing import Protocol

from lotor.model.ban import Ban
from lotor.model.frozen import frozen
from lotor.model.judgement import Failure
from lotor.model.member import Member
from lotor.model.network import Address

__all__ = ["Member"]  # beside what stands here

MOST_AT_ONCE = 128
"""Rows of one call that takes or gives several."""
LONGEST_WAIT = 20.0
"""Seconds after which `news` answers that there is none."""


@frozen
class FleetPool:
    """Addresses from `first` on, so many, which are the same at each gateway that knows a pool of this `name`.
    `reserved` are given to whom they are granted only. `lowest`: everybody gets the lowest free one."""

    name: str
    first: IPv4Address
    size: int
    reserved: tuple[IPv4Address, ...] = ()
    lowest: bool = False


@frozen
class Claim:
    """What a session wants. `session` names it in this run. `granted` empty: one of the `pool`, the user's last one if
    it is free; else exactly these, of whatever pool or none. `held`: it has `granted` already, since before the
    database went away."""

    session: int
    user: str
    pool: str
    granted: tuple[Address, ...] = ()
    held: bool = False


@frozen
class Present:
    """Somebody connected to some gateway. `id` as in accounting; `since` seconds since 1970, for people."""

    gateway: str
    id: str
    user: str
    source: str
    inside: str
    client: str
    since: float
    octets_in: int = 0
    octets_out: int = 0


@frozen
class Past:
    """A session of the past, or one that lasts (`ended` None). As `store.sessions.Session`, with its gateway."""

    present: Present
    ended: float | None
    seconds: int
    packets_in: int
    packets_out: int
    why: str
    ike: int = 0
    suite: str = ""
    resumed: int = 0
    machine: str = ""


@frozen
class Wanted:
    """Of the past: `user` empty: everybody's; those that were up between `since` and `until` (seconds since 1970);
    older ones than `before`, the number that the last page ended with. `ike`: by this version of IKE alone."""

    user: str = ""
    since: float | None = None
    until: float | None = None
    before: int | None = None
    ike: int | None = None


@frozen
class Page:
    """The newest first. `before` None: there are no older ones."""

    sessions: tuple[Past, ...]
    before: int | None


@frozen
class GatewayState:
    """`seen`: seconds since the database heard of it last; `alive`: its addresses are its own still."""

    name: str
    seen: float
    alive: bool
    sessions: int


@frozen
class UserLine:
    """A user as the fleet has it. `sealed`: what only gateways can read; empty: the user is gone. `version` grows with
    each change of any user."""

    name: str
    sealed: bytes
    version: int


class Sign(Enum):
    """What may have happened in the fleet."""

    JOINED = "joined"
    """The database is there, again or for the first time: whoever holds something claims it once more."""
    BANS = "bans"
    USERS = "users"
    LOGOUT = "logout"
    """`subject` is to be logged out: a user, an inner address or the id of a session."""
    RETURNED = "returned"
    """The user `subject` has come to another gateway, and would like the address of the session that is here: is that
    one alive?"""
    LOST = "lost"
    """The address `subject`, which this gateway had, is another's."""
    REPLACED = "replaced"
    """Another lotor has this gateway's place in the fleet: whatever is held here may be another's."""


@frozen
class News:
    sign: Sign
    subject: str = ""


class RefusedError(OSError):
    """The database is there, and this gateway may not work with it until somebody changes something."""


class Fleet(Protocol):
    """Raises `OSError` with a clear text where the database cannot be asked, or does not answer in time; nobody knows
    then whether the call was carried out, and it may be made again."""

    async def beat(self) -> None:
        """Says that this gateway lives. Called three times in each lease, and where another one waits for it
        (`Sign.RETURNED`)."""
        ...

    async def leave(self) -> None:
        """Says that this gateway ends: whatever it holds is free."""
        ...

    async def pools(self, pools: tuple[FleetPool, ...]) -> None:
        """From now on these are meant by their names, at this gateway."""
        ...

    async def claim(self, claim: Claim) -> tuple[Address, ...] | Failure:
        """What the session has now, once more for the same session: the same. Another gateway that has the user's
        address is asked (`Sign.RETURNED`), and waited for a moment. `Failure`: there is none, or it is another's."""
        ...

    async def give_back(self, sessions: tuple[int, ...]) -> None:
        """Of this run. Unknown ones are ignored."""
        ...

    async def keep(self, sessions: tuple[Past, ...]) -> None:
        """What became of these, by their ids; `MOST_AT_ONCE`."""
        ...

    async def present(self, user: str = "") -> tuple[Present, ...]:
        """Who is connected to a gateway that is alive; of `user`, else everybody, the newest 2,000."""
        ...

    async def past(self, wanted: Wanted) -> Page:
        """`MOST_AT_ONCE` of them."""
        ...

    async def forget(self, days: int) -> None:
        """Sessions that ended longer ago, and bans that are over."""
        ...

    async def gateways(self) -> tuple[GatewayState, ...]: ...

    async def ban(self, ban: Ban, seconds: float) -> None:
        """So many seconds from now on; 0: no longer. Every gateway hears of it."""
        ...

    async def bans(self) -> tuple[tuple[Ban, float], ...]:
        """Those in force, with the seconds that they still last."""
        ...

    async def tell(self, news: News) -> None:
        """Every gateway hears it, this one, too."""
        ...

    async def news(self) -> tuple[News, ...]:
        """What happened since the last call, in order; waits for it, at most `LONGEST_WAIT`. Where more happened than
        is kept it begins with `Sign.JOINED`."""
        ...

    async def users(self, after: int) -> tuple[UserLine, ...]:
        """Those that were changed since that version, the oldest change first, `MOST_AT_ONCE`."""
        ...

    async def write_user(self, name: str, sealed: bytes, version: int) -> int | None:
        """In place of what has this version; 0: of nothing. The new version; None: the user has another one."""
        ...

    async def spend(self, key: str, step: int | None) -> bool:
        """As `auth.spent.SpentCodes`: True once for each step of a key and for none before; None: True once for the
        key."""
        ...

    async def vouch(self, user: str, network: str) -> None:
        """The user was proved from there."""
        ...

    async def vouched(self, user: str, network: str) -> bool:
        """At any gateway, within the last 30 days."""
        ...
