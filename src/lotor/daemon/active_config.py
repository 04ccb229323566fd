"""A configuration made ready for the daemon: what the core obeys, whom it trusts, what clients are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from lotor import config
from lotor.config import Checked, ConfigError, Examined, RemoteSettings, Settings
from lotor.config.placing import cautions, faults
from lotor.config.provision import Provision
from lotor.files.public import LOCAL_FILES
from lotor.model.algorithms import EspSuite
from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.judgement import Credential
from lotor.model.policy import Policy, RemotePolicy, Side
from lotor.ports.public_files import PublicFiles
from lotor.trust import RemoteTrust, TrustStore


@frozen
class ActiveConfig:
    """Replaced whole by a reload; nothing in it leads to a private key. `warnings` are ready to be read; `template` is
    what every client is told, but for its address; None without mode_cfg. `groups`: what members of groups are told.
    `lacking`: as of a `Provision`."""

    settings: Settings
    policy: Policy
    trust: TrustStore
    template: ModeConfiguration | None
    warnings: tuple[str, ...] = ()
    groups: Mapping[str, ModeConfiguration] = field(default_factory=dict)
    lacking: frozenset[EspSuite] = frozenset()

    def serves_as(self, side: Side) -> bool:
        return any(remote.side is side for remote in self.policy.remotes)


def load(path: Path) -> ActiveConfig:
    """Both halves in one process. Raises `ConfigError` with everything that is wrong with the file and with the files
    that it names."""
    return whole(config.examine(path))


def whole(found: Examined) -> ActiveConfig:
    """Of what was read. Raises `ConfigError`."""
    from lotor.warden import loading  # what holds keys is never loaded into a daemon without rights

    checked = found.checked
    if checked is None:
        raise ConfigError(found.sorted())
    keyring, store = loading.keyring_of(checked), store_of(checked)
    wrong = faults(checked.settings, [*keyring.problems, *store.problems])
    if found.problems or wrong:
        raise ConfigError(found.sorted(wrong))
    held = loading.holding(found, checked, keyring)
    return replace(_equipped(held.provision, store), settings=checked.settings)


def equip(provision: Provision, files: PublicFiles = LOCAL_FILES) -> ActiveConfig:
    """The daemon's half alone, which reads authorities and revocation lists: in a thread, where `files` are far away.
    Raises `ConfigError`."""
    store = store_of(provision.checked, files)
    if wrong := faults(provision.settings, store.problems):
        raise ConfigError(wrong)
    return _equipped(provision, store)


def _equipped(provision: Provision, store: TrustStore) -> ActiveConfig:
    policy = config.resolve(provision.checked, _credentials(provision, store))
    warnings = [*provision.warnings, *cautions(store.problems)]
    if not provision.takes_ipv6 and any(map(_asks_for_ipv6, policy.remotes)):
        policy = replace(policy, remotes=tuple(replace(each, mode_cfg6=False) for each in policy.remotes))
        warnings.append("this host has IPv6 switched off: its client asks for IPv4 only, as with mode_cfg6 off")
    return ActiveConfig(
        provision.settings,
        policy,
        store,
        _template(provision),
        tuple(warnings),
        _groups(provision),
        provision.lacking,
    )


def _credentials(provision: Provision, store: TrustStore) -> dict[str, Credential]:
    """What the signer tells of its keys, with what is known of the authorities."""
    return {
        name: replace(
            credential, authority_names=store.authority_names(name), authority_keys=store.authority_keys(name)
        )
        for name, credential in provision.credentials.items()
    }


def _asks_for_ipv6(remote: RemotePolicy) -> bool:
    return remote.side is Side.CLIENT and remote.mode_cfg and remote.mode_cfg6


def store_of(checked: Checked, files: PublicFiles = LOCAL_FILES) -> TrustStore:
    """Of the blocks that nothing is wrong with, which are all where nothing was found."""
    return TrustStore((_trust_of(checked, each) for each in checked.sound), files=files)


def _trust_of(checked: Checked, remote: RemoteSettings) -> RemoteTrust:
    directory = checked.settings.paths.certificate
    return RemoteTrust(
        name=remote.name,
        judges=config.judges(remote),
        side=config.side_of(remote) or Side.CLIENT,
        ecdsa=config.key_by_ecdsa(remote),
        ca=(remote.ca.path,) if remote.ca else (),
        certificate_directory=directory.path if directory else None,
        peers_certfile=remote.peers_certfile.path if remote.peers_certfile else None,
        peers_identifiers=config.identity_patterns(remote, checked),
        verify_identifier=remote.verify_identifier,
        verify_cert=remote.verify_cert,
        address=remote.address,
        crl=tuple(file.path for file in remote.crl),
        crl_policy=remote.crl_policy,
        server=remote.eap_server or "",
    )


def _template(provision: Provision) -> ModeConfiguration | None:
    mode_cfg = provision.settings.mode_cfg
    if mode_cfg is None:
        return None
    return replace(config.mode_configuration(mode_cfg), banner=provision.banner)


def _groups(provision: Provision) -> dict[str, ModeConfiguration]:
    """By the name of the group; a group without a banner of its own has that of everybody."""
    mode_cfg = provision.settings.mode_cfg
    banners = provision.group_banners
    return {
        each.name: replace(config.group_configuration(mode_cfg, each), banner=banners.get(each.name, provision.banner))
        for each in (mode_cfg.groups if mode_cfg is not None else ())
        if mode_cfg is not None
    }
