"""What this end could not do: keys, addresses, the host, the packet engine."""

from __future__ import annotations

from ipaddress import IPv4Address

from lotor.model.kinds import Kind
from lotor.model.network import Address
from lotor.model.reason import Cause, Reason, Told

# --- keys ------------------------------------------------------------------------------------------------------------


class LocalReason(Reason):
    """Base."""

    cause = Cause.LOCAL_FAULT


class NoPrivateKey(LocalReason):
    """A block has to sign and has no key to sign with."""

    kind = Kind.KEY_MISSING
    line = 'remote {remote} has no private key: add certificate_type x509 "CERTIFICATE" "KEY";'
    remote: str


class KeyTooSmall(LocalReason):
    """The private key is too short for the hash that phase 1 signs."""

    kind = Kind.KEY_TOO_SMALL
    line = "the private key of remote {remote} ({bits} bits) cannot sign {octets} octets"
    remote: str
    bits: int
    octets: int


class SignsNothing(LocalReason):
    """A signature was asked for with the key of a block that proves itself in another way."""

    kind = Kind.KEY_NOT_FOR_SIGNING
    line = "remote {remote} does not prove itself by a signature"
    remote: str


class HashUnfit(LocalReason):
    """A signature was asked for over what no hash of phase 1 is made of."""

    kind = Kind.HASH_UNFIT
    line = "nothing is signed: {detail}"
    detail: str


class RequestUnfit(LocalReason):
    """A pre-shared key was asked for with what no phase 1 has."""

    kind = Kind.PSK_REQUEST_UNFIT
    line = "no pre-shared key is looked up: {detail}"
    detail: str


class SharesNoKey(LocalReason):
    """A pre-shared key was asked for with a block that proves itself in another way."""

    kind = Kind.PSK_NOT_USED
    line = "remote {remote} does not prove itself by a pre-shared key"
    remote: str


class WeakDerivedKey(LocalReason):
    """Both ends derived a key for 3DES that is one of DES (RFC 2451 §2.3)."""

    kind = Kind.KEY_DERIVED_WEAK
    line = "the key that both ends derived for 3DES is no stronger than one of DES: connect again"
    told = Told.PEER


class NoKeyFile(LocalReason):
    """A pre-shared key is needed, and no file of them is configured."""

    kind = Kind.PSK_NO_FILE
    line = 'no file of pre-shared keys is configured: add path pre_shared_key "FILE";'


class NoBlock(LocalReason):
    """The keys know no block of that name: the configuration is being replaced."""

    kind = Kind.REMOTE_UNKNOWN
    line = "there is no remote block named {remote} to look a pre-shared key up for"
    remote: str


class NoSharedKey(LocalReason):
    """The file of pre-shared keys has no line for the peer."""

    kind = Kind.PSK_UNKNOWN_PEER
    line = "{file} has no key for {peer}: add a line with the name, a blank and the key"
    file: str
    peer: str


class SharedKeyUnreadable(LocalReason):
    """The file of pre-shared keys, or the line of the peer, cannot be read."""

    kind = Kind.PSK_UNREADABLE
    line = "no pre-shared key for {peer}: {detail}"
    peer: str
    detail: str


EXPOSED = (
    "remote {remote} uses aggressive mode, which gives everybody a hash under it: make the key longer, use "
    "exchange_mode main, or write allow_short_key on; into remote {remote}"
)
"""What to do about a short key."""


class SharedKeyTooShort(LocalReason):
    """The pre-shared key is too short for aggressive mode, where everybody gets a hash under it."""

    kind = Kind.PSK_TOO_SHORT
    line = "{file} line {row}: the key for {peer} has {octets} octets only; " + EXPOSED
    file: str
    row: int
    peer: str
    octets: int
    remote: str


class MixesNoPpk(LocalReason):
    """A post-quantum pre-shared key was asked for with a block that uses none."""

    kind = Kind.PPK_NOT_MIXED
    line = "remote {remote} uses no PPK: ppk on and path ppk make it"
    remote: str


class NoPpk(LocalReason):
    """The file of post-quantum pre-shared keys has no line for the peer, or none with that name."""

    kind = Kind.PPK_UNKNOWN
    line = "{file} has no line with {called} for {peer}: a line is whose PPK it is, its name, and the key"
    file: str
    called: str
    peer: str


class PpkUnreadable(LocalReason):
    """The file of post-quantum pre-shared keys, or the line of the peer, cannot be read."""

    kind = Kind.PPK_UNREADABLE
    line = "no PPK for {peer}: {detail}"
    peer: str
    detail: str


class SavedPasswordUnreadable(LocalReason):
    """A saved password exists but is not used: its file cannot be read, or others can read it."""

    kind = Kind.SAVED_PASSWORD_UNREADABLE
    line = "no saved password for {user}: {detail}"
    user: str
    detail: str


class TicketRefused(Reason):
    """A ticket that brings a client back without its login is good for nothing, or none is given (RFC 5723): the client
    logs in."""

    kind = Kind.TICKET_REFUSED
    heals = True
    line = "no ticket: {detail}"
    detail: str


# --- addresses -------------------------------------------------------------------------------------------------------


class PoolExhausted(Reason):
    """Every address of the gateway's pool is in use. `size`: how many there are."""

    kind = Kind.POOL_EXHAUSTED
    cause = Cause.POOL_EXHAUSTED
    line = "no free address: {all_of_them} in use"
    told = Told.PERSON
    first: IPv4Address
    last: IPv4Address
    size: int

    @property
    def all_of_them(self) -> str:
        if self.size == 1:
            return f"the only address, {self.first}, is"
        return f"all {self.size} addresses of {self.first}-{self.last} are"


class PoolFault(Reason):
    """The gateway's pool did not answer, or broke; `detail` is for the journal alone."""

    kind = Kind.POOL_FAULT
    cause = Cause.POOL_EXHAUSTED
    line = "no address could be asked for: {detail}"
    told = Told.PERSON
    detail: str

    @property
    def message(self) -> str:
        return "the gateway could not give an address; its journal says why"


class FleetAway(Reason):
    """The gateway is one of a fleet, and the database that says which gateway may give which address cannot be asked;
    `detail` is for the journal alone."""

    kind = Kind.FLEET_AWAY
    cause = Cause.POOL_EXHAUSTED
    line = "no address is given without the database of the fleet: {detail}"
    told = Told.PERSON
    detail: str

    @property
    def message(self) -> str:
        return "the gateway cannot ask its database and gives no address until it can: try again in a few minutes"


class GrantOutsidePool(Reason):
    """The back end of logins granted the user an address that no pool of the gateway has, and that is in no
    `granted_network`. `pools`: from where to where these go, empty where there is none."""

    kind = Kind.GRANT_OUTSIDE_POOL
    cause = Cause.POOL_EXHAUSTED
    line = "the granted address {address} is not {where}"
    told = Told.PERSON
    address: Address
    pools: str

    @property
    def where(self) -> str:
        return f"in the pool {self.pools}" if self.pools else "in a granted_network"


class GrantInUse(Reason):
    """The back end of logins granted the user an address that another session has, or that is the gateway's own, or
    that of one of its networks as a whole."""

    kind = Kind.GRANT_IN_USE
    cause = Cause.POOL_EXHAUSTED
    line = "the granted address {address} is in use"
    told = Told.PERSON
    address: Address


class GrantInside(Reason):
    """The back end of logins granted the user an address of a network that the gateway's host is in, or that clients
    reach by the tunnel: a router or a server there may have it. `granted_network` says that clients may."""

    kind = Kind.GRANT_INSIDE
    cause = Cause.POOL_EXHAUSTED
    line = "the granted address {address} may be another host's: no granted_network says that clients may have it"
    told = Told.PERSON
    address: Address


class GrantPoolUnknown(Reason):
    """The back end of logins granted the user an address of a pool that the gateway's configuration does not have."""

    kind = Kind.GRANT_POOL_UNKNOWN
    cause = Cause.POOL_EXHAUSTED
    line = "the granted pool {pool} is none of this gateway"
    told = Told.PERSON
    pool: str


class GrantFilterUnknown(Reason):
    """The back end of logins granted the user what a filter allows, and no rule of the gateway's `network` block names
    that filter."""

    kind = Kind.GRANT_FILTER_UNKNOWN
    cause = Cause.POOL_EXHAUSTED
    line = "the granted filter {filter} is none of this gateway"
    told = Told.PERSON
    filter: str


class GrantRateUnkept(Reason):
    """The back end of logins granted the user so many octets a second (`rate`), and the kernel carries ESP, which holds
    nobody to a rate."""

    kind = Kind.GRANT_RATE_UNKEPT
    cause = Cause.POOL_EXHAUSTED
    line = "the granted rate of {speed} is not kept: the kernel of this gateway carries ESP"
    told = Told.PERSON
    rate: int

    @property
    def speed(self) -> str:
        return f"{self.rate * 8 / 1e6:g} Mbit/s"


class GrantMissing(Reason):
    """The back end of logins is to grant addresses, granted this user none, and the gateway has no pool."""

    kind = Kind.GRANT_MISSING
    cause = Cause.POOL_EXHAUSTED
    line = "the login granted no address, and this gateway has no pool"
    told = Told.PERSON


class NoPool(Reason):
    """The gateway's configuration has no pool any more, and a login needs an address of it."""

    kind = Kind.POOL_NOT_CONFIGURED
    cause = Cause.POOL_EXHAUSTED
    line = "this configuration gives no addresses: it has no mode_cfg {{ network4 …; pool_size …; }}"
    told = Told.PERSON


class NoModeConfig(Reason):
    """The gateway's configuration has no mode_cfg section any more."""

    kind = Kind.MODE_CFG_NOT_CONFIGURED
    cause = Cause.POOL_EXHAUSTED
    line = "this gateway has no mode_cfg section: it gives no addresses"
    told = Told.PERSON


class SessionOver(LocalReason):
    """An answer came too late: the session has ended meanwhile."""

    kind = Kind.SESSION_OVER
    line = "the session has ended"


class TlsUnavailable(LocalReason):
    """A login with TLS inside of EAP could not begin, or not go on."""

    kind = Kind.TLS_UNAVAILABLE
    line = "no TLS for a login by EAP: {detail}"
    detail: str


# --- the host and the engine -----------------------------------------------------------------------------------------


class HostUnfit(LocalReason):
    """Addresses, routes or DNS of this host could not be changed as the gateway's configuration needs it."""

    kind = Kind.HOST_UNFIT
    heals = True
    line = "this host could not be set up for the tunnel: {detail}"
    told = Told.PERSON
    detail: str


class EngineFault(LocalReason):
    """The packet engine, or another part of this end, broke; `detail` says what it said."""

    kind = Kind.ENGINE_FAULT
    line = "{detail}"
    told = Told.PERSON
    detail: str


class WardenRefused(LocalReason):
    """The process with rights did not do what this one asked for by a verb: it may not be done, or it broke."""

    kind = Kind.WARDEN_REFUSED
    line = "the warden refused to {verb}: its lines of the journal say why"
    verb: str


class WardenGone(LocalReason):
    """The process with rights is not there any more, and this one ends; `detail` says what was seen of it."""

    kind = Kind.WARDEN_GONE
    line = "nothing can be asked of the warden: {detail}"
    detail: str


class DaemonSilent(LocalReason):
    """The daemon lives, but its event loop stands still: the warden ends it and starts another one. The warden's log
    says so; a daemon that is ended tells nobody."""

    kind = Kind.DAEMON_SILENT
    line = "the daemon showed no sign of life for {seconds} s"
    seconds: int


class BackEndsSilent(LocalReason):
    """The process of RADIUS and LDAP lives, but its event loop stands still: the warden ends it and starts another one.
    Logins that it was judging are refused, as not judged. The warden's log says so."""

    kind = Kind.BACK_ENDS_SILENT
    line = "the process of back ends showed no sign of life for {seconds} s"
    seconds: int


class NotWritable(LocalReason):
    """A message of ours is too large for its form."""

    kind = Kind.MESSAGE_TOO_LARGE
    line = "a message of the {exchange} cannot be written: {detail}"
    exchange: str
    detail: str


# --- requests that cannot begin --------------------------------------------------------------------------------------


class BeingSetUp(LocalReason):
    """Somebody else is setting up the same connection."""

    kind = Kind.CONNECTION_BEING_SET_UP
    heals = True
    line = "a connection to {address} is being set up already"
    told = Told.PERSON
    address: Address


class NoClientBlock(LocalReason):
    """The configuration has no remote block of a client that fits the gateway that was typed."""

    kind = Kind.GATEWAY_NOT_CONFIGURED
    line = "the configuration has no remote block of a client for {gateway}: add remote {address} {{ … }}"
    told = Told.PERSON
    gateway: str
    address: Address


class NotResolved(LocalReason):
    """No name server knows the gateway that was typed."""

    kind = Kind.GATEWAY_NOT_RESOLVED
    heals = True
    line = "{detail}"
    told = Told.PERSON
    detail: str


class NotBegun(LocalReason):
    """The connection could not even begin."""

    kind = Kind.CONNECTION_NOT_BEGUN
    line = "the connection could not be begun: the log says more"
    told = Told.PERSON
