"""What a session asks and tells the collection of all sessions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from lotor.model.network import Instant, Network, Path
from lotor.model.reason import Reason
from lotor.model.redirection import Detour

S = TypeVar("S")
"""The sessions."""


class Registry(Protocol[S]):
    """What a session asks and tells the collection of all sessions."""

    def accepted(self, session: S, user: str) -> None:
        """The peer's login was proved; nothing has been given for it yet."""
        ...

    def maybe_stale(self, session: S, user: str) -> list[S]:
        """Older sessions of the same user, which may end if their peers do not answer any more."""
        ...

    def barred(self, session: S, user: str) -> Reason | None:
        """Why a proved login is refused beside other sessions of the same person; None when it is not."""
        ...

    def continues(self, session: S, user: str) -> S:
        """The session that goes on with a login of this user: an older one that it renews, or itself."""
        ...

    def renew(self, session: S, now: Instant, path: Path | None = None, detour: Detour | None = None) -> None:
        """Begins a new phase 1 for a session whose own ends soon; with another gateway over another path, where the
        present one sends this client there."""
        ...

    def take_over(self, session: S, old: S) -> None:
        """`session` takes over the number and everything else of `old`."""
        ...

    def next_id(self) -> int:
        """A number that no session has had."""
        ...

    def hear(self, session: S) -> None:
        """Messages with the SPIs of this session are for it from now on. Nobody else knows of it yet."""
        ...

    def succeed(self, session: S, old: S) -> None:
        """As `take_over`, where the old keys prove the new ones: nobody proves who it is again, so that `session` also
        takes the place of `old` among those of its user, and among those that this end opened."""
        ...

    def allot(self, session: S, seconds: float) -> None:
        """The login grants so much time from now on, renewals of phase 1 within it."""
        ...

    def allot_anew(self, session: S, seconds: float | None) -> bool:
        """So much time from now on, whatever was left; None: no end. Returns whether the session got its time a moment
        ago."""
        ...

    def predecessor(self, session: S) -> S | None:
        """The session that this one was opened to take over, if it still exists."""
        ...

    def is_renewing(self, session: S) -> bool:
        """Client: whether a session is under way that was opened to take this one over."""
        ...

    def housed(self, session: S) -> None:
        """Gateway: the peer was given an inside, or brought one."""
        ...

    def holder(self, session: S, inside: Network) -> S | None:
        """Another session whose peer has this inner network, or a part of it."""
        ...

    def charge(self, session: S, octets: int, path: Path) -> bool:
        """Charges an answer of phase 1 to the peer's site. False when the answer may not leave by this path."""
        ...

    def affords(self, session: S, octets: int, path: Path, *, unasked: bool) -> bool:
        """Whether so many octets may go to a peer whose address may be forged. `unasked`: they answer no message."""
        ...

    def replace(self, others: Iterable[S], why: Reason, *, send_deletes: bool = False) -> None:
        """Ends other sessions, whose peers are gone or whose place this one takes. `send_deletes`: their peers get
        deletes."""
        ...

    def closed(self, session: S) -> None: ...
