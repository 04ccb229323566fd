"""The policy of the core: the configuration as frozen values, which name no file and no place in a text."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from lotor.model.algorithms import (
    Compression,
    EapMethod,
    EspSuite,
    Group,
    Ike2Suite,
    IkeSuite,
    Proving,
    Within,
)
from lotor.model.frozen import frozen
from lotor.model.identity import Identity, IdentityPattern
from lotor.model.network import Network
from lotor.model.own_certificate import OwnCertificate
from lotor.model.redirection import Redirection


class ExchangeMode(Enum):
    AGGRESSIVE = "aggressive"
    MAIN = "main"


class Side(Enum):
    """The role of this end in XAUTH and mode config, whichever end initiates."""

    GATEWAY = "gateway"
    CLIENT = "client"


class ProposalCheck(Enum):
    OBEY = "obey"
    STRICT = "strict"
    CLAIM = "claim"
    EXACT = "exact"


class Switch(Enum):
    """`nat_traversal` and `ike_frag`."""

    OFF = "off"
    ON = "on"
    FORCE = "force"


class Uniqueness(Enum):
    """What happens to a person's session when the same person logs in from elsewhere."""

    KEEP = "keep"
    REPLACE = "replace"
    REFUSE = "refuse"


class Transfer(Enum):
    """Which end begins mode config. `AUTO`: the gateway may, for a moment; then the client does."""

    PUSH = "push"
    PULL = "pull"
    AUTO = "auto"


class Ppk(Enum):
    """Whether keys of IKEv2 have a post-quantum pre-shared key in them (RFC 8784). `ON`: where both ends have one."""

    OFF = "off"
    ON = "on"
    REQUIRED = "required"


class GeneratePolicy(Enum):
    OFF = "off"
    ON = "on"
    REQUIRE = "require"
    UNIQUE = "unique"


class CrlPolicy(Enum):
    """`CHECK`: a revocation list that exists must be usable; a missing one does no harm. `REQUIRE`: there must be
    one."""

    REQUIRE = "require"
    CHECK = "check"
    OFF = "off"


MOST_SESSIONS = 16
"""Sessions of one person at a time, where the configuration does not say."""


@frozen
class Dpd:
    """Dead peer detection (RFC 3706): seconds; `delay` 0 never probes."""

    announce: bool = True
    delay: int = 0
    retry: int = 5
    maxfail: int = 5


@frozen
class Retransmission:
    """racoon's `timer` block: `interval` seconds between resends, None for the core's own schedule."""

    interval: float | None = None
    counter: int | None = None
    natt_keepalive: float = 20.0


@frozen
class ChildPolicy:
    """One `sainfo`: suites in order of preference; `pfs_group` None without PFS; `lifetime` in seconds. `compression`:
    the IPComp algorithms that are accepted; `ipcomp`: they are offered too. `rate`: octets a second for each SA pair,
    each way. `volume`: kilobytes that a pair carries each way, None without a limit."""

    suites: tuple[EspSuite, ...]
    pfs_group: Group | None = None
    lifetime: int = 28800
    compression: tuple[Compression, ...] = ()
    ipcomp: bool = False
    rate: int | None = None
    volume: int | None = None


@frozen
class ChildRule:
    """A `sainfo` and the networks that it is for, at this end and at the peer's; None: any. `group`: whose members it
    is for, empty for everybody."""

    child: ChildPolicy
    local: Network | None = None
    remote: Network | None = None
    group: str = ""

    def fits(self, local: Network, remote: Network, groups: frozenset[str] = frozenset()) -> bool:
        """Whether it is for SA pairs of these networks: of the same, as in racoon, and not of parts of them. `groups`:
        those of the peer's user."""
        for_all = not self.group or self.group in groups
        return for_all and self.local in {None, local} and self.remote in {None, remote}


@frozen
class V2Policy:
    """What a `remote` block says for IKEv2 alone. `proposals` in order of preference. `local`: how this end proves
    itself; `peer`: how the peer may, the ways of a gateway in the order in which it prefers them. `eap`: the methods, a
    gateway's in the order in which it asks for them, a client's those that it agrees to. `lifetime`: seconds after
    which this end renews the keys of the IKE SA; a gateway's is longer than its clients'. `mobike`, `fragments`: RFC
    4555, RFC 7383. `ask_identity`: EAP begins with the question who it is. `esn`: extended sequence numbers are offered
    and accepted. `identity`: what this end calls itself, None: a name of its certificate, the one that a client asks
    for if it has several. `ppk`: RFC 8784. `redirect`: whom a gateway sends elsewhere; `follows`: a client goes where
    it is sent (RFC 5685). `eap_only`: a gateway may prove itself inside of EAP alone (RFC 5998). `within`: how a client
    logs in inside of TTLS. `childless`: a client asks for its first SA pair after IKE_AUTH (RFC 6023). `resumption`:
    for so many seconds behind a login a ticket brings the client back, 0: none is given, or asked for (RFC 5723)."""

    proposals: tuple[Ike2Suite, ...]
    local: Proving = Proving.CERTIFICATE
    peer: tuple[Proving, ...] = (Proving.EAP,)
    eap: tuple[EapMethod, ...] = ()
    lifetime: int = 86400
    mobike: bool = True
    fragments: bool = True
    ask_identity: bool = True
    esn: bool = True
    identity: Identity | None = None
    ppk: Ppk = Ppk.OFF
    eap_only: bool = False
    childless: bool = False
    redirect: Redirection | None = None
    follows: bool = True
    within: Within = Within.EAP
    resumption: int = 0


@frozen
class RemotePolicy:
    """One `remote` block. `address` None is `anonymous`; `my_identity` None is the local address. `certificates` is our
    chain, leaf first, DER, and `issuers` the names of its issuers; of several certificates those are of the one that
    IKEv1 shows, and `own` are all of them, for IKEv2. `match_empty_cr`: the block is chosen for a peer
    that asks for a certificate of any authority. `mode_cfg`: a client asks for a configuration; a gateway has addresses
    to give, and its clients must take one. `mode_cfg6`: a client asks for IPv6 as well. `mode_config`: which end begins
    with the configuration. `offer_lifetime`: a gateway answers with its own lifetime of phase 1 where that is longer.
    `max_sessions` of one person at a time, None without a limit. `versions`: the major versions of IKE that the block
    speaks, a client's first attempt first; `v2`: what it says of IKEv2, None where it does not speak that. `name` is
    unique, and questions about keys carry it. `children`: in the order in which they are looked at; none: the one of
    `Policy` is for everything."""

    name: str
    side: Side
    address: IPv4Address | IPv6Address | None
    port: int
    exchange_modes: tuple[ExchangeMode, ...]
    proposals: tuple[IkeSuite, ...]
    proposal_check: ProposalCheck = ProposalCheck.STRICT
    my_identity: Identity | None = None
    peers_identifiers: tuple[IdentityPattern, ...] = ()
    verify_identifier: bool | None = None
    certificates: tuple[bytes, ...] = ()
    issuers: tuple[bytes, ...] = ()
    match_empty_cr: bool = False
    authority_names: tuple[bytes, ...] = ()
    authority_keys: tuple[bytes, ...] = ()
    send_cert: bool = True
    send_cr: bool = True
    nat_traversal: Switch = Switch.OFF
    ike_frag: Switch = Switch.OFF
    esp_frag: int | None = None
    dpd: Dpd = Dpd()
    initial_contact: bool = True
    mode_cfg: bool = False
    nonce_size: int = 16
    rekey: bool = True
    uniqueness: Uniqueness = Uniqueness.KEEP
    mode_cfg6: bool = True
    mode_config: Transfer = Transfer.AUTO
    offer_lifetime: bool = False
    max_sessions: int | None = None
    versions: tuple[int, ...] = (1,)
    children: tuple[ChildRule, ...] = ()
    v2: V2Policy | None = None
    own: tuple[OwnCertificate, ...] = ()

    @property
    def certified(self) -> tuple[Identity, ...]:
        """What the own certificates vouch for, over IKEv2."""
        return tuple(dict.fromkeys(name for each in self.own for name in each.identities))

    @property
    def version(self) -> int:
        """The major version in which a client begins."""
        return self.versions[0]

    @property
    def logs_in(self) -> bool:
        """Whether a client may be asked for a login: by XAUTH, or by EAP. A certificate inside of EAP needs none."""
        by_eap = self.v2 is not None and self.v2.local.login and self.v2.eap != (EapMethod.TLS,)
        return by_eap or any(each.method.login for each in self.proposals)


@frozen
class Rate:
    """So many a second in the long run, and `burst` at once after a quiet time."""

    second: float
    burst: float


@frozen
class Newcomers:
    """What first messages may cost a gateway, in all and for one site: how many are answered at once, how many when
    they come again, and the octets of answers to addresses that showed no cookie."""

    at_once: Rate
    at_once_site: Rate
    again: Rate
    again_site: Rate
    octets: Rate
    octets_site: Rate


STRANGERS = Newcomers(Rate(20, 60), Rate(4, 32), Rate(60, 120), Rate(16, 64), Rate(96e3, 256e3), Rate(16e3, 64e3))
KNOWN = Newcomers(Rate(40, 400), Rate(16, 200), Rate(40, 200), Rate(16, 200), Rate(32e3, 512e3), Rate(16e3, 256e3))


@frozen
class AdmissionLimits:
    """`known`: rates for sites where somebody is or was logged in lately. A proved login gives back what it cost, so
    that the rates count only newcomers that come to nothing. `calm`: with more unseen half-open sessions than this, a
    stranger's first message is answered only when it comes again. `half_open`: half-open sessions in all;
    `half_open_site`: those of one site; `half_open_known`: those of a known one."""

    strangers: Newcomers = STRANGERS
    known: Newcomers = KNOWN
    calm: int = 200
    half_open: int = 1000
    half_open_site: int = 64
    half_open_known: int = 512


@frozen
class Policy:
    """Everything the core needs to know. `remotes` from the most to the least specific."""

    remotes: tuple[RemotePolicy, ...]
    child: ChildPolicy
    retransmission: Retransmission = field(default_factory=Retransmission)
    admission: AdmissionLimits = AdmissionLimits()
