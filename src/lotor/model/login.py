"""A login as a conversation: what a person (or a file) gives, and what a back end answers."""

from __future__ import annotations

from dataclasses import field

from lotor.model.frozen import frozen
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.network import Address, Peer
from lotor.model.prompt import Field
from lotor.model.reason import Cause, Reason
from lotor.model.reasons.logins import Ikev1Ended, LoginReason, NotShownThere
from lotor.model.secret import Secret

REPEATABLE = frozenset({Field.USER_NAME, Field.PASSWORD, Field.DOMAIN})
"""The answers that may be kept for a later phase 1 of the same connection. All others are one-time codes."""

LOGIN_SECONDS = 60.0
"""That a back end has for one round; one that is silent for longer has refused."""


@frozen
class MschapResponse:
    """A response of MSCHAPv2 (RFC 2759 §8): both challenges, of 16 octets, and the NT-Response, of 24."""

    challenge: bytes
    peer_challenge: bytes
    response: bytes = field(repr=False)


@frozen
class EapPacket:
    """A response of EAP (RFC 3748 §4.1), for a server that speaks with the client itself."""

    octets: bytes = field(repr=False)


@frozen
class TicketShown:
    """A ticket of this gateway (RFC 5723), by a client that has proved that it is its own."""

    octets: bytes = field(repr=False)


Shown = MschapResponse | EapPacket | TicketShown
"""What a client shows in the place of a password."""


@frozen
class LoginAttempt:
    """One round at a back end. `conversation` is what the last `Challenge` carried, empty in the first round.
    `known`: the user was proved from there lately. `gateway`: the gateway's address that the client came to, None where
    nobody knows it. `account`: the id of the account that the session has, or will have; empty where nobody knows.
    `shown`: what there is in the place of `answers`. `ike`: the version of IKE by which the client came."""

    user: str
    answers: tuple[tuple[Field, Secret], ...]
    source: Peer
    conversation: bytes = b""
    known: bool = False
    gateway: Address | None = None
    account: str = ""
    shown: Shown | None = None
    ike: int = 1

    def answer(self, field: Field) -> Secret:
        return dict(self.answers).get(field, Secret(b""))


@frozen
class Proved:
    """What a back end has in return for what was shown: `msk`, a Master Session Key of 64 octets, empty for a method of
    EAP that makes none; `authenticator`, the 20 octets of MSCHAPv2 that prove that this end knows the password, too
    (RFC 2759 §8.7); or `packet`, EAP-Success."""

    msk: Secret
    authenticator: bytes = field(default=b"", repr=False)
    packet: bytes = field(default=b"", repr=False)


@frozen
class Accepted:
    """The only value that opens the login gate. `user` is the name for accounting. `proved`: where something was
    shown."""

    user: str
    grants: Grants = NO_GRANTS
    proved: Proved | None = None


@frozen
class Refused:
    """`reason` is for the gateway's log; the peer only learns that the login was refused, and its person the message of
    the reason, where it has one. `packet`: EAP-Failure of a server that speaks with the client itself."""

    reason: LoginReason
    packet: bytes = b""

    @property
    def guess(self) -> bool:
        """Whether it was one that failed. Whose password is right, and comes by a version of IKE that is over, guesses
        nothing, however often the device tries again."""
        return self.judged and not isinstance(self.reason, Ikev1Ended)

    @property
    def judged(self) -> bool:
        """Whether the password was checked. If not, the attempt was no guess."""
        return self.reason.cause is not Cause.NOT_JUDGED


@frozen
class Challenge:
    """One more prompt: `message` is shown to the person, `wants` is what to ask. `conversation` is the back end's
    ticket for the next round; only the back end reads it. `packet`: the next request of EAP, in the place of a
    prompt."""

    message: str
    wants: tuple[Field, ...]
    conversation: bytes
    packet: bytes = field(default=b"", repr=False)


Verdict = Accepted | Refused | Challenge


@frozen
class Credentials:
    """What the person at the client gave."""

    answers: tuple[tuple[Field, Secret], ...]


@frozen
class Declined:
    """The person at the client gave nothing (no terminal, Ctrl-C, no saved password)."""

    reason: Reason


def unable(attempt: LoginAttempt, source: str, judged: tuple[type[Shown], ...] = ()) -> Refused | None:
    """What a back end of the kind `source` says to what it cannot judge; None where it can. `judged`: what it judges
    beside passwords. The same for every user."""
    if attempt.shown is None or isinstance(attempt.shown, judged):
        return None
    ways = {MschapResponse: "MSCHAPv2", EapPacket: "EAP"}
    what = ways.get(type(attempt.shown), "a ticket")
    return Refused(NotShownThere(attempt.user, source, what))
