"""Ends of sessions and SA pairs, and peers that do not answer any more."""

from __future__ import annotations

from typing import Literal

from lotor.model.kinds import Kind
from lotor.model.network import Address, Network
from lotor.model.reason import Cause, Reason, Told

# --- closed here -----------------------------------------------------------------------------------------------------


class ClosedHere(Reason):
    """The administrator ended the session (`vd`, `lotor logout` with a number)."""

    kind = Kind.ADMINISTRATOR
    cause = Cause.ADMINISTRATOR
    line = "closed by the administrator"
    told = Told.PEER


class LoggedOut(Reason):
    """The administrator ended all sessions of a login (`lotor logout`)."""

    kind = Kind.LOGGED_OUT
    cause = Cause.ADMINISTRATOR
    line = "{user} was logged out by the administrator"
    told = Told.PEER
    user: str


class DisconnectedByServer(Reason):
    """The RADIUS server ended the session (Disconnect-Request, RFC 5176)."""

    kind = Kind.SERVER_DISCONNECT
    cause = Cause.ADMINISTRATOR
    line = "{user} was disconnected by the RADIUS server"
    told = Told.PEER
    user: str


class LeaseLost(Reason):
    """Gateway: another gateway of the fleet has given the session's inside address to somebody, since this one was cut
    off from the database for longer than the lease time."""

    kind = Kind.LEASE_LOST
    cause = Cause.LOCAL_FAULT
    line = "another gateway has given the inside address away: the database was out of reach for too long"
    told = Told.PEER


class ShutDown(Reason):
    """The daemon ended."""

    kind = Kind.SHUT_DOWN
    cause = Cause.ADMINISTRATOR
    line = "the daemon was shut down"
    told = Told.PEER


class DaemonDied(Reason):
    """Accounting: the daemon died with the session; its warden lives, and another daemon serves."""

    kind = Kind.DAEMON_DIED
    cause = Cause.LOCAL_FAULT
    line = "the daemon died"


class GatewayDied(Reason):
    """Accounting: lotor was killed on the gateway, or the host went down, while the session was up."""

    kind = Kind.GATEWAY_DIED
    cause = Cause.LOCAL_FAULT
    line = "the gateway died"


class GivenUp(Reason):
    """The person who asked for the connection does not wait any longer."""

    kind = Kind.GIVEN_UP
    cause = Cause.ADMINISTRATOR
    line = "given up by the person who asked for it"


class Relocated(Reason):
    """Client: this host is in another network, where the session cannot go on; another one follows it."""

    kind = Kind.RELOCATED
    cause = Cause.ADMINISTRATOR
    heals = True
    line = "this host has another address: connecting again"
    told = Told.PEER


# --- closed by the peer ----------------------------------------------------------------------------------------------


class PeerDeleted(Reason):
    """The peer deleted the ISAKMP SA."""

    kind = Kind.PEER_DELETED
    cause = Cause.PEER_CLOSED
    line = "the {peer} ended the session"
    told = Told.PERSON
    peer: Literal["gateway", "client"]


class ChildDeleted(Reason):
    """The peer deleted an SA pair; the session lives."""

    kind = Kind.CHILD_DELETED
    cause = Cause.PEER_CLOSED
    line = "the peer deleted the SA pair"


class EndedAtOnce(Reason):
    """The session came up and ended before anybody could look at it."""

    kind = Kind.ENDED_AT_ONCE
    cause = Cause.PEER_CLOSED
    line = "the connection ended at once"
    told = Told.PERSON


# --- no answer -------------------------------------------------------------------------------------------------------


class NoAnswer(Reason):
    """The peer gave no answer: it was asked `times` times in `seconds`, at UDP port `port`; 0 times: it was not asked
    again. `instead`: another address that answered in its place and was ignored; empty where none did."""

    kind = Kind.NO_ANSWER
    cause = Cause.NO_ANSWER
    line = "no answer from {address}{waited}{stranger}"
    headed = True
    told = Told.PERSON
    address: Address
    seconds: int = 0
    times: int = 0
    port: int = 0
    instead: str = ""

    @property
    def waited(self) -> str:
        if self.times == 0:
            return f" after {self.seconds} s" if self.seconds else ""
        often = f"{self.times} times" if self.times > 1 else "once"
        return f" after {self.seconds} s (asked {often} at UDP port {self.port})"

    @property
    def stranger(self) -> str:
        if not self.instead:
            return ""
        return (
            f"; {self.instead} answered in its place and was not heard: connect to that address if it is the gateway's"
        )


class TooSlow(Reason):
    """The peer began and did not finish `step` in time."""

    kind = Kind.TOO_SLOW
    cause = Cause.NO_ANSWER
    line = "{address} did not finish the {step} in time{stranger}"
    told = Told.PERSON
    address: Address
    step: str
    instead: str = ""
    stranger = NoAnswer.stranger


class Stalled(Reason):
    """The gateway answers probes, but did not finish `step` in time."""

    kind = Kind.STALLED
    line = "{address} answers, but did not finish the {step} in time"
    told = Told.PERSON
    address: Address
    step: str


class NoAnswerAnywhere(Reason):
    """None of the addresses of a gateway answered; `details` says of each what came of it."""

    kind = Kind.NO_ANSWER_ANYWHERE
    cause = Cause.NO_ANSWER
    line = "{details}"
    headed = True
    told = Told.PERSON
    details: str


class NoRoute(Reason):
    """The host has no route to the gateway; `detail` says it in the system's words."""

    kind = Kind.NO_ROUTE
    cause = Cause.NO_ANSWER
    line = "{detail}"
    told = Told.PERSON
    detail: str


class PushedOut(Reason):
    """There are more half-open sessions of strangers than places, and this one had to give up its place."""

    kind = Kind.PUSHED_OUT
    cause = Cause.NO_ANSWER
    line = "its place was needed: more strangers are at the door than there is room for"


class TakenOver(Reason):
    """The same first message came from two addresses; the other one is served."""

    kind = Kind.TAKEN_OVER
    cause = Cause.NO_ANSWER
    line = "its first message came from elsewhere as well"


class DeadPeer(Reason):
    """Dead peer detection probed the peer and got no answer for `seconds`."""

    kind = Kind.DEAD_PEER
    cause = Cause.DEAD_PEER
    line = "{address} did not answer for {seconds} s: dead peer detected"
    told = Told.PERSON
    address: Address
    seconds: int


# --- lifetimes and replacements --------------------------------------------------------------------------------------


class PhaseOneExpired(Reason):
    """The lifetime of phase 1 is over and no new one was agreed."""

    kind = Kind.PHASE1_EXPIRED
    cause = Cause.EXPIRED
    line = "the lifetime of phase 1 is over"
    told = Told.PEER


class SessionTimeOver(Reason):
    """The login granted the session `seconds`, renewals of phase 1 within them."""

    kind = Kind.SESSION_TIME_OVER
    cause = Cause.EXPIRED
    line = "the {seconds} s that the login granted are over"
    told = Told.PEER
    seconds: int


class SessionIdle(Reason):
    """No packet went through the tunnel, in either direction, for the `seconds` that the login granted."""

    kind = Kind.SESSION_IDLE
    cause = Cause.EXPIRED
    line = "nothing went through the tunnel for the {seconds} s that the login granted"
    told = Told.PEER
    seconds: int


class ChildExpired(Reason):
    """The lifetime of an SA pair is over and no new one was agreed."""

    kind = Kind.CHILD_EXPIRED
    cause = Cause.EXPIRED
    line = "the lifetime of the SA pair is over"
    told = Told.PEER


class ChildTakenAway(Reason):
    """With `engine kernel`: an SA of an SA pair was taken out of the kernel, by another program (`ip xfrm state`,
    `setkey`), or since the network device that does its cryptography was set down. A client asks for another pair."""

    kind = Kind.CHILD_TAKEN_AWAY
    cause = Cause.LOCAL_FAULT
    line = "an SA of the pair was taken out of the kernel, by another program or with its network device"
    told = Told.PEER
    heals = True


class ChildLeftBehind(Reason):
    """The ESP of an SA pair could not follow its peer to where it is now, or with `engine kernel` a policy of another
    program: a line of the log says why. A client asks for another pair."""

    kind = Kind.CHILD_LEFT_BEHIND
    cause = Cause.LOCAL_FAULT
    line = "the SA pair could not follow its peer or a policy of another program"
    told = Told.PEER
    heals = True


class ChildReplaced(Reason):
    """A newer SA pair carries the traffic of this one."""

    kind = Kind.CHILD_REPLACED
    cause = Cause.REPLACED
    line = "replaced by a newer SA pair"
    told = Told.PEER


class ConnectedAgain(Reason):
    """The same person, or the same device, connected again."""

    kind = Kind.CONNECTED_AGAIN
    cause = Cause.REPLACED
    line = "{user} connected again from {place}"
    told = Told.PEER
    user: str
    place: str


class InsideTaken(Reason):
    """Another peer proved that it has the inside address now, and this session's peer did not answer."""

    kind = Kind.INSIDE_TAKEN
    cause = Cause.REPLACED
    line = "{user} connected from {place}"
    user: str
    place: str


class InsideGiven(Reason):
    """The inside address that the peer brought belongs to the gateway's pool now."""

    kind = Kind.INSIDE_GIVEN
    cause = Cause.REPLACED
    line = "its inside {address} is given to clients now"
    told = Told.PEER
    address: Address | Network


# --- sent elsewhere --------------------------------------------------------------------------------------------------


class SentElsewhere(Reason):
    """Gateway: the client was sent to another gateway (REDIRECT, RFC 5685)."""

    kind = Kind.SENT_ELSEWHERE
    cause = Cause.REPLACED
    line = "the client was sent to {gateway}"
    told = Told.PEER
    gateway: str


class Redirected(Reason):
    """Client: a gateway sent it to another one (REDIRECT, RFC 5685). `proved`: it had proved itself."""

    kind = Kind.REDIRECTED
    cause = Cause.PEER_CLOSED
    line = "{by} sends this client to {gateway}"
    told = Told.PERSON
    by: Address
    gateway: str
    proved: bool


class RedirectedTooOften(Reason):
    """Client: gateways send it around (RFC 5685 §7): the last one wanted it at `gateway`."""

    kind = Kind.REDIRECTED_TOO_OFTEN
    cause = Cause.PEER_CLOSED
    line = "{by} sends this client to {gateway}, after {times} other gateways did the like: it does not go there"
    told = Told.PERSON
    by: Address
    gateway: str
    times: int
