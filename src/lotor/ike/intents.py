"""Intents: what the runtime tells the core. Wishes of an administrator, and reports of an engine."""

from __future__ import annotations

from lotor.ike.children import EXPIRED
from lotor.model.frozen import frozen
from lotor.model.grants import Grants
from lotor.model.network import Network, Path, Peer
from lotor.model.policy import Policy
from lotor.model.reason import Reason
from lotor.model.redirection import Detour
from lotor.model.ticket import Resumption


@frozen
class Connect:
    """Begin a session with the `remote` block of this name. `request` comes back in the session's `Started` event.
    `host` is the name that the person typed, None for an address. `version`: the major version of IKE, None for the
    one in which the block begins. `detour`: another gateway sent this client to the one at the end of the path.
    `resumption`: the ticket of an earlier session with it."""

    remote: str
    path: Path
    request: int
    host: str | None = None
    version: int | None = None
    detour: Detour | None = None
    resumption: Resumption | None = None


@frozen
class Disconnect:
    """End one session, with deletes to the peer."""

    session: int
    reason: Reason


@frozen
class Regrant:
    """A session goes on with other grants than its login brought. `timed`: its time begins anew, and may be longer than
    before; without a time in the grants it has no end."""

    session: int
    grants: Grants
    timed: bool


@frozen
class Check:
    """A session goes on over `path`, and its peer must show life there within moments, else the session ends: for when
    this host's network may be another one."""

    session: int
    path: Path


@frozen
class Shutdown:
    """End every session, with deletes."""

    reason: Reason


@frozen
class Reload:
    """A new policy for sessions to come. Sessions that are up keep theirs."""

    policy: Policy


@frozen
class ChildExpired:
    """An engine's report that a lifetime is over. Soft: the SA pair is rekeyed; hard: it ends, for that reason or for
    another one."""

    child: int
    hard: bool
    reason: Reason = EXPIRED


@frozen
class PeerMoved:
    """An engine's report: authentic ESP came from a new outer address or port."""

    child: int
    remote: Peer


@frozen
class SpiUnknown:
    """An engine's report: ESP with an SPI of no SA pair came over `path`, in so many octets. Anybody may have sent
    it."""

    spi: int
    path: Path
    octets: int


@frozen
class Remind:
    """A gateway before this one had a session with these SPIs over this path, and died: its peer is to hear that it is
    gone. Nothing proves what is remembered, and nothing is proved to the peer."""

    initiator: bytes
    responder: bytes
    path: Path


@frozen
class Shun:
    """First messages from these networks, and no others, get no answer from now on, unless somebody was logged in at
    that site lately. Sessions stay."""

    networks: tuple[Network, ...]


@frozen
class SendElsewhere:
    """Clients are to go to one of these gateways from now on, by names or addresses: those that come, and those that
    are connected, a few each second. None among them: where their blocks say. `over`: no client any more."""

    gateways: tuple[str, ...] = ()
    over: bool = False


Intent = (
    Connect
    | Disconnect
    | Regrant
    | Check
    | Shutdown
    | Reload
    | ChildExpired
    | PeerMoved
    | SpiUnknown
    | Remind
    | Shun
    | SendElsewhere
)
