"""The settings of a configuration file, as frozen values: one class per block, one field per directive, no defaults.

The defaults are in the directive tables (`tables/`). `resolve` turns settings into the policy of the core.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Generic, TypeVar

from lotor.config.file_name import FileName
from lotor.config.giving import GroupSettings, PoolSettings, SplitNetwork, Unkept
from lotor.config.ikev2_settings import Ike2Proposal
from lotor.config.problem import NOWHERE, Location, Places, Problem
from lotor.config.servers import DatabaseTls, DynamicClient, DynamicPlace, FleetSettings, Ldap, Radius, RadiusServer
from lotor.model.algorithms import AuthMethod, Cipher, Compression, EapMethod, Group, Hash, Integrity, Proving, Within
from lotor.model.ban import BanRule
from lotor.model.engines import Wanted
from lotor.model.frozen import frozen
from lotor.model.identity import IdKind
from lotor.model.network import Network
from lotor.model.offloads import Offloads
from lotor.model.policy import (
    CrlPolicy,
    ExchangeMode,
    GeneratePolicy,
    Ppk,
    ProposalCheck,
    Side,
    Switch,
    Transfer,
    Uniqueness,
)
from lotor.model.redirection import Occasion

__all__ = [
    "DatabaseTls",
    "DynamicClient",
    "DynamicPlace",
    "FileName",
    "FleetSettings",
    "Ldap",
    "Places",
    "Radius",
    "RadiusServer",
]  # beside what stands here

T_co = TypeVar("T_co", covariant=True)
Address = IPv4Address | IPv6Address


@frozen
class Algorithm(Generic[T_co]):
    """An algorithm as named. `value` is None when lotor has none of that name; `key_bits` 0 for a fixed length."""

    name: str
    value: T_co | None
    key_bits: int = 0
    at: Location = field(default=NOWHERE, compare=False, repr=False)


class LogLevel(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTIFY = "notify"
    INFO = "info"
    DEBUG = "debug"
    DEBUG2 = "debug2"


class LogForm(Enum):
    TEXT = "text"
    JSON = "json"


class AuthSource(Enum):
    SYSTEM = "system"
    LOCAL = "local"
    RADIUS = "radius"
    PAM = "pam"
    LDAP = "ldap"


class GroupSource(Enum):
    SYSTEM = "system"
    LOCAL = "local"
    RADIUS = "radius"
    LDAP = "ldap"


class ConfSource(Enum):
    LOCAL = "local"
    RADIUS = "radius"
    LDAP = "ldap"


class Accounting(Enum):
    NONE = "none"
    SYSTEM = "system"
    RADIUS = "radius"
    PAM = "pam"


@frozen
class Paths:
    """`path` directives; None: not written. Relative names were joined to these already."""

    include: FileName | None
    pre_shared_key: FileName | None
    ppk: FileName | None
    certificate: FileName | None
    script: FileName | None
    backupsa: FileName | None
    pidfile: FileName | None
    places: Places = Places()


@frozen
class ListenAddress:
    address: Address
    port: int
    at: Location = field(default=NOWHERE, compare=False, repr=False)


@frozen
class Adminsock:
    """The administrator's socket; `owner` and `group` are names, `mode` the permission bits."""

    path: Path
    owner: str
    group: str
    mode: int
    at: Location = field(default=NOWHERE, compare=False, repr=False)


@frozen
class Listen:
    """Without `isakmp` and `isakmp_natt` lines the daemon listens on every address; `adminsock` None: disabled;
    `admin_group`: who may do on a gateway what root may."""

    isakmp: tuple[ListenAddress, ...]
    isakmp_natt: tuple[ListenAddress, ...]
    adminsock: Adminsock | None
    strict_address: bool
    admin_group: str | None = None
    places: Places = Places()


@frozen
class Timer:
    """Seconds; `counter` and `interval` None: the core's own schedule."""

    counter: int | None
    interval: int | None
    persend: int
    phase1: int
    phase2: int
    natt_keepalive: int
    auto_exit_delay: int
    places: Places = Places()


@frozen
class Padding:
    randomize: bool
    randomize_length: bool
    maximum_length: int
    exclusive_tail: bool
    strict_check: bool
    places: Places = Places()


@frozen
class Privsep:
    """Names, or numbers as text; None: see `config.privsep`."""

    user: str | None
    group: str | None
    chroot: FileName | None
    places: Places = field(default=Places(), compare=False)


@frozen
class ModeCfg:
    """What the gateway gives its clients. `network4` None: no pool. `network6` None: no IPv6. `accounting_interval`:
    seconds, 0 for none; None: see `config.accounts`. Of `groups` the first that a user is in counts."""

    network4: IPv4Address | None
    netmask4: IPv4Address | None
    network6: IPv6Address | None
    prefix6: int
    pool_size: int
    auth_source: AuthSource
    users: FileName
    pam_service: str
    auth_groups: tuple[str, ...]
    group_source: GroupSource
    conf_source: ConfSource
    accounting: Accounting
    accounting_interval: int | None
    dns4: tuple[IPv4Address, ...]
    wins4: tuple[IPv4Address, ...]
    dns6: tuple[IPv6Address, ...]
    split_networks: tuple[SplitNetwork, ...]
    split_dns: tuple[str, ...]
    default_domain: str
    banner: FileName | None
    auth_throttle: int
    auth_remember: int
    pfs_group: int
    save_passwd: bool
    granted_networks: tuple[Network, ...]
    unkept_grants: Unkept
    pools: tuple[PoolSettings, ...]
    groups: tuple[GroupSettings, ...]
    lowest_address: bool = False
    reserved: tuple[Address, ...] = ()
    auth_ban: BanRule | None = None
    ikev1_until: str = ""
    dhcp_inform: bool = True
    places: Places = Places()


class Who(Enum):
    """Whom a rule of `network` is about."""

    EVERYONE = "everyone"
    GROUP = "group"
    USER = "user"
    FILTER = "filter"


@frozen
class Ports:
    """From `first` to `last`, both included."""

    first: int
    last: int


@frozen
class AccessRule:
    """`name` of the group, user or filter. `networks` empty: every destination; `protocol` empty: every one, else tcp,
    udp or icmp; `ports` empty: all."""

    allow: bool
    who: Who
    name: str
    networks: tuple[Network, ...]
    protocol: str = ""
    ports: tuple[Ports, ...] = ()
    at: Location = field(default=NOWHERE, compare=False, repr=False)


@frozen
class Masquerade:
    """`interfaces` empty: on all."""

    on: bool
    interfaces: tuple[str, ...] = ()


@frozen
class HostNetwork:
    """What lotor sets up of a gateway's host for its clients; `proxy_arp` are names of interfaces."""

    forward: bool
    masquerade: Masquerade
    proxy_arp: tuple[str, ...]
    mss_clamp: bool
    rules: tuple[AccessRule, ...]
    places: Places = Places()


@frozen
class IdentifierSetting:
    """`my_identifier` or one `peers_identifier`. `value` None: asn1dn of our certificate, our address, or any."""

    kind: IdKind
    value: str | None = None
    file: FileName | None = None
    at: Location = field(default=NOWHERE, compare=False, repr=False)


@frozen
class CertificateFiles:
    """`certificate_type`: PEM, the certificate may be followed by its chain; or PKCS#12, one file for both."""

    certificate: FileName
    key: FileName


@frozen
class Script:
    """`event` is phase1_up, phase1_down or phase1_dead, as `ports.hooks.HookEvent` spells them."""

    event: str
    file: FileName


@frozen
class Authentication:
    """An `authentication_method`: what is done, and the side of this end; `side` None: both ends do the same."""

    method: AuthMethod
    side: Side | None


@frozen
class Proposal:
    """One phase-1 transform; `lifetime` in seconds, None: that of the `remote` block."""

    encryption_algorithm: Algorithm[Cipher]
    hash_algorithm: Algorithm[Hash]
    authentication_method: Algorithm[Authentication]
    dh_group: Algorithm[Group]
    lifetime: int | None
    gss_id: str | None
    places: Places = Places()


@frozen
class RemoteSettings:
    """One `remote` block, what it inherits filled in. `address` None: anonymous. `name` is unique in the file.

    An `exchange_mode` of None is one that lotor has no value for. `ike_version`: that of a client's first attempt is
    the first. `config.ikev2` says what a block that leaves `my_auth`, `peers_auth` or `eap` out means.
    """

    name: str
    address: Address | None
    port: int
    exchange_mode: tuple[ExchangeMode | None, ...]
    doi: str
    situation: str
    my_identifier: IdentifierSetting
    peers_identifiers: tuple[IdentifierSetting, ...]
    verify_identifier: bool | None
    certificates: tuple[CertificateFiles, ...]
    ca: FileName | None
    peers_certfile: FileName | None
    passphrase_file: FileName | None
    crl: tuple[FileName, ...]
    crl_policy: CrlPolicy
    verify_cert: bool
    send_cert: bool
    send_cr: bool
    match_empty_cr: bool
    allow_short_key: bool
    nonce_size: int
    passive: bool
    auto_connect: bool
    kill_switch: bool | None
    captive_portal: int
    ike_frag: Switch
    esp_frag: int | None
    scripts: tuple[Script, ...]
    mode_cfg: bool
    mode_cfg6: bool
    mode_config: Transfer
    weak_phase1_check: bool
    xauth_login: str | None
    generate_policy: GeneratePolicy
    uniqueness: Uniqueness
    max_sessions: int | None
    offer_lifetime: bool
    support_proxy: bool
    initial_contact: bool
    nat_traversal: Switch
    dpd: bool
    dpd_delay: int
    dpd_retry: int
    dpd_maxfail: int
    rekey: str
    ph1id: int
    lifetime: int
    proposal_check: ProposalCheck
    proposals: tuple[Proposal, ...]
    ike_version: tuple[int, ...]
    ike2_proposals: tuple[Ike2Proposal, ...]
    my_auth: Proving | None
    peers_auth: tuple[Proving, ...]
    eap: tuple[EapMethod, ...]
    eap_identity: bool
    eap_server: str | None
    ttls_inside: Within
    ike2_lifetime: int | None
    mobike: bool
    esn: bool
    ppk: Ppk
    eap_only: bool
    childless: bool
    redirect_to: tuple[str, ...]
    redirect: tuple[Occasion, ...]
    redirect_proved: bool
    follow_redirects: bool
    resumption: int | None
    places: Places = Places()

    @property
    def certificate(self) -> CertificateFiles | None:
        """The first of the own ones."""
        return next(iter(self.certificates), None)


@frozen
class Selector:
    """One end of a `sainfo`: text as written, for messages. `network`: what it says, None where it is no whole
    network."""

    text: str
    network: Network | None = None
    at: Location = field(default=NOWHERE, compare=False, repr=False)


class Ipcomp(Enum):
    """Whether IPComp is offered and accepted, only accepted, or neither."""

    OFFER = "on"
    ACCEPT = "accept"
    OFF = "off"


@frozen
class SainfoSettings:
    """One `sainfo` block. `local` and `remote` None: anonymous. `lifetime`: seconds, `volume`: kilobytes,
    `rate_limit`: octets a second."""

    local: Selector | None
    remote: Selector | None
    client_address: bool
    only_from: Selector | None
    group: str | None
    encryption_algorithm: tuple[Algorithm[Cipher], ...]
    authentication_algorithm: tuple[Algorithm[Integrity], ...]
    compression_algorithm: tuple[Algorithm[Compression], ...]
    ipcomp: Ipcomp
    rate_limit: int | None
    pfs_group: Algorithm[Group] | None
    lifetime: int
    volume: int | None
    remoteid: int
    places: Places = Places()


class WhileAway(Enum):
    """Whom a gateway lets in while it cannot ask the database of its fleet."""

    REFUSE = "refuse"
    KNOWN = "known"


@frozen
class Settings:
    """A whole configuration. Blocks that were not written have their defaults, except `mode_cfg` and
    `network`, which are None. `store`: the file of this gateway, None: in memory. `fleet`: the database of its fleet,
    None: it stands alone; `fleet_name` empty: as its host is called; `lease_time` in seconds; `fleet_key` None: users
    are not shared. `reservations`: what parses, and is refused all the same."""

    paths: Paths
    log: LogLevel
    log_format: LogForm
    listen: Listen
    timer: Timer
    padding: Padding
    privsep: Privsep | None
    mode_cfg: ModeCfg | None
    network: HostNetwork | None
    radius: Radius | None
    ldap: Ldap | None
    remotes: tuple[RemoteSettings, ...]
    sainfos: tuple[SainfoSettings, ...]
    offloads: Offloads
    pfkey_buffer: int
    gss_id_enc: str
    complex_bundle: bool
    store: FileName | None = None
    history_days: int = 0
    fleet_key: FileName | None = None
    fleet: FleetSettings | None = None
    fleet_name: str = ""
    lease_time: int = 600
    while_store_away: WhileAway = WhileAway.REFUSE
    engine: Wanted = Wanted()
    reservations: tuple[Problem, ...] = ()
    places: Places = Places()


@frozen
class Loaded:
    """A file that parsed, and what deserves a warning in it."""

    settings: Settings
    warnings: tuple[Problem, ...]
