"""Settings to the policy of the core, which names no file and no place in a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

from lotor.config import ikev2, sainfos
from lotor.config.check import Checked
from lotor.config.giving import GroupSettings
from lotor.config.giving_check import gives_addresses
from lotor.config.ikev2_policy import v2_policy
from lotor.config.methods import side_of, uses_ecdsa
from lotor.config.names import to_der
from lotor.config.problem import ConfigError, Problem
from lotor.config.settings import (
    IdentifierSetting,
    Ipcomp,
    ModeCfg,
    Proposal,
    RemoteSettings,
    SainfoSettings,
    Selector,
    Settings,
    Timer,
)
from lotor.model.algorithms import IkeSuite, KeyKind
from lotor.model.configuration import ModeConfiguration
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import Credential
from lotor.model.network import Network
from lotor.model.policy import (
    MOST_SESSIONS,
    ChildPolicy,
    ChildRule,
    Dpd,
    Policy,
    RemotePolicy,
    Retransmission,
    Side,
)

UDP, ISAKMP_PORT = 17, 500
EVERYTHING = 65535
OF_GROUPS = ("dns4", "wins4", "dns6", "split_networks", "split_dns", "default_domain", "banner")
"""What a client is told that groups may have otherwise."""


def resolve(checked: Checked, credentials: Mapping[str, Credential]) -> Policy:
    """The policy. `credentials` by the name of the remote block. Raises `ConfigError` with what was found wrong, or
    does not go with the credentials."""
    settings = checked.settings
    problems = checked.problems or (*_nameless(settings, credentials), *_curveless(settings, credentials))
    if problems:
        raise ConfigError(problems)
    remotes = [_remote(remote, credentials.get(remote.name, Credential()), checked) for remote in settings.remotes]
    gives = settings.mode_cfg is not None and gives_addresses(settings.mode_cfg)
    most = _sessions(settings.mode_cfg)
    remotes = [
        replace(each, mode_cfg=gives, max_sessions=each.max_sessions or most) if each.side is Side.GATEWAY else each
        for each in remotes
    ]
    remotes.sort(key=lambda remote: remote.address is None)
    last = remotes[0].children[-1].child if remotes else _child(sainfos.usual())
    return Policy(tuple(remotes), last, _retransmission(settings.timer))


def second_version(remote: RemoteSettings, checked: Checked) -> RemotePolicy | None:
    """A sound block that speaks IKEv2, without what certificates say; None for the others."""
    return _remote(remote, Credential(), checked) if ikev2.speaks_2(remote) and side_of(remote) else None


def _sessions(mode_cfg: ModeCfg | None) -> int:
    """The default number of sessions of one person, so that one account never empties the pool."""
    if mode_cfg is None or mode_cfg.network4 is None:
        return MOST_SESSIONS
    return min(MOST_SESSIONS, max(1, mode_cfg.pool_size // 2))


def _nameless(settings: Settings, credentials: Mapping[str, Credential]) -> list[Problem]:
    """Remotes that send their certificate's name as identity, but have no certificate."""
    text = "the subject of the own certificate is not known: my_identifier asn1dn needs it"
    return [
        Problem.at(remote.places.of("my_identifier"), text)
        for remote in settings.remotes
        if _is_own_subject(remote.my_identifier) and not credentials.get(remote.name, Credential()).subject
    ]


def _curveless(settings: Settings, credentials: Mapping[str, Credential]) -> list[Problem]:
    """Remotes that sign with ECDSA, but have no key for it."""
    text = "the own key is none of ECDSA, or not known: authentication_method ecdsasig needs one"
    return [
        Problem.at(remote.places.head, text)
        for remote in settings.remotes
        if uses_ecdsa(remote) and credentials.get(remote.name, Credential()).curve is None
    ]


def _is_own_subject(identifier: IdentifierSetting) -> bool:
    return identifier.kind is IdKind.DER_ASN1_DN and identifier.value is None


def _remote(remote: RemoteSettings, credential: Credential, checked: Checked) -> RemotePolicy:
    side = side_of(remote)
    if side is None:
        raise ConfigError([Problem.at(remote.places.head, "this remote is neither the gateway's nor the client's")])
    first, given = ikev2.speaks_1(remote), checked.settings.mode_cfg
    return RemotePolicy(
        name=remote.name,
        side=side,
        address=remote.address,
        port=remote.port,
        exchange_modes=tuple(dict.fromkeys(mode for mode in remote.exchange_mode if mode)) if first else (),
        proposals=_suites(remote, credential) if first else (),
        proposal_check=remote.proposal_check,
        my_identity=_identity(remote.my_identifier, credential.subject, checked),
        peers_identifiers=identity_patterns(remote, checked),
        verify_identifier=remote.verify_identifier,
        certificates=credential.chain,
        issuers=credential.issuers,
        own=credential.own,
        match_empty_cr=remote.match_empty_cr,
        authority_names=credential.authority_names,
        authority_keys=credential.authority_keys,
        send_cert=remote.send_cert,
        send_cr=remote.send_cr,
        nat_traversal=remote.nat_traversal,
        ike_frag=remote.ike_frag,
        esp_frag=None if remote.esp_frag == EVERYTHING else remote.esp_frag,
        dpd=Dpd(remote.dpd, remote.dpd_delay, remote.dpd_retry, remote.dpd_maxfail),
        initial_contact=remote.initial_contact,
        mode_cfg=remote.mode_cfg,
        mode_cfg6=remote.mode_cfg6,
        mode_config=remote.mode_config,
        nonce_size=remote.nonce_size,
        rekey=remote.rekey != "off",
        uniqueness=remote.uniqueness,
        offer_lifetime=remote.offer_lifetime,
        max_sessions=remote.max_sessions,
        children=_rules(remote, checked.settings.sainfos),
        versions=remote.ike_version,
        v2=v2_policy(remote, side, given.auth_source if given else None, _named(remote, credential, checked)),
    )


def _named(remote: RemoteSettings, credential: Credential, checked: Checked) -> Identity | None:
    """Over IKEv2 the subject of the own certificate stands for its names, which the clients of devices compare."""
    usual = _is_own_subject(remote.my_identifier)
    return None if usual else _identity(remote.my_identifier, credential.subject, checked)


def _rules(remote: RemoteSettings, written: tuple[SainfoSettings, ...]) -> tuple[ChildRule, ...]:
    """A client's block is for everything."""
    found = sainfos.of_remote(remote, written)
    if side_of(remote) is Side.CLIENT:
        return tuple(ChildRule(_child(each)) for each in found)
    return tuple(
        ChildRule(_child(each), _network(each.local), _network(each.remote), each.group or "") for each in found
    )


def _network(end: Selector | None) -> Network | None:
    return end.network if end else None


def _suites(remote: RemoteSettings, credential: Credential) -> tuple[IkeSuite, ...]:
    return tuple(suite for each in remote.proposals for suite in _suite(each, remote.lifetime, credential))


def _suite(proposal: Proposal, lifetime: int, credential: Credential) -> tuple[IkeSuite, ...]:
    """The transform of a proposal; None when a part of it is not available, which `check` has reported."""
    cipher, digest = proposal.encryption_algorithm, proposal.hash_algorithm
    method, group = proposal.authentication_method.value, proposal.dh_group.value
    if cipher.value is None or digest.value is None or method is None or group is None:
        return ()
    seconds = proposal.lifetime or lifetime
    curve = credential.curve if method.method.certificate_key is KeyKind.ECDSA else None
    return (IkeSuite(cipher.value, cipher.key_bits, digest.value, group, method.method, seconds, curve),)


def _identity(identifier: IdentifierSetting, subject: bytes, checked: Checked) -> Identity | None:
    """What the ID payload carries; None for the address that IKE uses."""
    if identifier.kind in {IdKind.IPV4_ADDR, IdKind.IPV6_ADDR}:
        if identifier.value is None:
            return None
        return Identity(identifier.kind, ip_address(identifier.value).packed, UDP, ISAKMP_PORT)
    if identifier.kind is IdKind.DER_ASN1_DN:
        return Identity(identifier.kind, subject if identifier.value is None else to_der(identifier.value))
    if identifier.file is not None:
        return Identity(identifier.kind, checked.keyids[identifier.file.path])
    return Identity(identifier.kind, (identifier.value or "").encode())


def identity_patterns(remote: RemoteSettings, checked: Checked) -> tuple[IdentityPattern, ...]:
    """The `peers_identifier` lines of a sound block, in the form in which they are compared. The octets of a keyid file
    are Latin-1 text."""
    return tuple(IdentityPattern(each.kind, _pattern(each, checked)) for each in remote.peers_identifiers)


def _pattern(identifier: IdentifierSetting, checked: Checked) -> str | None:
    return identifier.value if identifier.file is None else checked.keyids[identifier.file.path].decode("latin-1")


def _child(sainfo: SainfoSettings) -> ChildPolicy:
    suites = sainfos.suites(sainfo)
    compression = tuple(each.value for each in sainfo.compression_algorithm if each.value)
    accepted = () if sainfo.ipcomp is Ipcomp.OFF else compression
    pfs_group = sainfo.pfs_group.value if sainfo.pfs_group else None
    asked = sainfo.ipcomp is Ipcomp.OFFER
    policy = ChildPolicy(suites, pfs_group, sainfo.lifetime, accepted, ipcomp=asked, rate=sainfo.rate_limit)
    return replace(policy, volume=sainfo.volume)


def _retransmission(timer: Timer) -> Retransmission:
    return Retransmission(
        interval=None if timer.interval is None else float(timer.interval),
        counter=timer.counter,
        natt_keepalive=float(timer.natt_keepalive),
    )


def mode_configuration(mode_cfg: ModeCfg) -> ModeConfiguration:
    """What all clients get alike: everything except the address (0.0.0.0 here) and the banner, which is in a file."""
    include = [network for each in mode_cfg.split_networks if not each.local for network in each.networks]
    beside = [network for each in mode_cfg.split_networks if each.local for network in each.networks]
    return ModeConfiguration(
        address=IPv4Address(0),
        netmask=mode_cfg.netmask4,
        dns=mode_cfg.dns4,
        wins=mode_cfg.wins4,
        domain=mode_cfg.default_domain.encode(),
        split_include=tuple(network for network in include if isinstance(network, IPv4Network)),
        split_local=tuple(network for network in beside if isinstance(network, IPv4Network)),
        split_dns=tuple(domain.encode() for domain in mode_cfg.split_dns),
        pfs_group=mode_cfg.pfs_group or None,
        save_password=mode_cfg.save_passwd,
        informs=mode_cfg.dhcp_inform,
        dns6=mode_cfg.dns6,
        split_include6=tuple(network for network in include if isinstance(network, IPv6Network)),
    )


def group_configuration(mode_cfg: ModeCfg, group: GroupSettings) -> ModeConfiguration:
    """The same for members of a group: what its block leaves out is as `mode_cfg` says."""
    own = {name: getattr(group, name) for name in OF_GROUPS if getattr(group, name) is not None}
    return mode_configuration(replace(mode_cfg, **own))
