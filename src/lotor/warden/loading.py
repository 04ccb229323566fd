"""A configuration as the warden loads it: its settings, the keys of its blocks, and what a daemon may know of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lotor import config
from lotor.config import Checked, ConfigError, Examined, Problem, RemoteSettings, Settings, engine, render
from lotor.config.placing import cautions, faults
from lotor.config.provision import Provision, bare, lines_of
from lotor.hosts import sysctl
from lotor.keys import OwnFiles, RemoteKeys
from lotor.keys.keyring import Keyring
from lotor.model.algorithms import EspSuite
from lotor.model.policy import ExchangeMode, Ppk, Side
from lotor.warden.banner import read_banner


@dataclass(frozen=True, slots=True)
class Holding:
    """`settings` have what is secret, `provision` has not. Replaced whole by a reload."""

    settings: Settings
    keyring: Keyring
    provision: Provision


Lacking = Callable[[Settings], Awaitable[frozenset[EspSuite]]]
"""The suites of settings that the kernel does not carry; `OSError` where it leaves nothing of a `sainfo`."""


def load(path: Path) -> Holding:
    """Raises `ConfigError` with everything that is wrong with the file, with the files that it names and with keys.
    Authorities and revocation lists are not read here: the daemon, which parses certificates, reads them."""
    found = config.examine(path)
    if found.checked is None:
        raise ConfigError(found.sorted())
    keyring = keyring_of(found.checked)
    wrong = faults(found.checked.settings, keyring.problems)
    if found.problems or wrong:
        raise ConfigError(found.sorted(wrong))
    return holding(found, found.checked, keyring)


def prepare(settings: Settings) -> Holding:
    """The same for settings that come from no file, as those of `lotor connect --ca`."""
    checked = config.check(settings)
    keyring = keyring_of(checked)
    wrong = faults(settings, keyring.problems)
    if checked.problems or wrong:
        raise ConfigError((*checked.problems, *wrong))
    return holding(Examined(checked.problems, {}, checked), checked, keyring)


async def asked_of_kernel(loaded: Holding, lacking: Lacking) -> Holding:
    """The same with what the kernel lacks, for a kernel that carries ESP while a configuration is read: it may name
    suites that nobody asked for before. Raises `ConfigError`."""
    try:
        found = await lacking(loaded.settings)
    except OSError as error:
        raise ConfigError([Problem.at(engine.place(loaded.settings), error.strerror or str(error))]) from error
    return replace(loaded, provision=replace(loaded.provision, lacking=found))


def keyring_of(checked: Checked) -> Keyring:
    """The keys of the blocks without mistakes; of all blocks where the file has none."""
    psk, ppk = checked.settings.paths.pre_shared_key, checked.settings.paths.ppk
    keys = [_keys_of(checked, each) for each in checked.sound]
    return Keyring(keys, psk.path if psk else None, ppk_file=ppk.path if ppk else None)


def holding(found: Examined, checked: Checked, keyring: Keyring) -> Holding:
    """Of a configuration without mistakes. The banner is read now: an edited file counts from the next reload on."""
    settings = checked.settings
    warnings = [*(render(each, "warning") for each in found.warnings), *cautions(keyring.problems)]
    banner = settings.mode_cfg.banner if settings.mode_cfg else None
    groups = settings.mode_cfg.groups if settings.mode_cfg else ()
    provision = Provision(
        settings=bare(settings),
        keyids=checked.keyids,
        credentials={each.name: keyring.credential(each.name) for each in settings.remotes},
        banner=read_banner(banner.path) if banner else b"",
        group_banners={each.name: read_banner(each.banner.path) for each in groups if each.banner is not None},
        takes_ipv6=sysctl.takes_ipv6("default"),
        warnings=lines_of(warnings),
    )
    return Holding(settings, keyring, provision)


def _keys_of(checked: Checked, remote: RemoteSettings) -> RemoteKeys:
    return RemoteKeys(
        name=remote.name,
        own=tuple(OwnFiles(each.certificate.path, each.key.path) for each in remote.certificates),
        passphrase=remote.passphrase_file.path if remote.passphrase_file else None,
        signs=config.signs(remote),
        ecdsa=config.key_by_ecdsa(remote),
        side=config.side_of(remote) or Side.CLIENT,
        shared_key=config.shares_key(remote),
        peers_identifiers=config.identity_patterns(remote, checked),
        verify_identifier=remote.verify_identifier,
        login=remote.xauth_login,
        aggressive=ExchangeMode.AGGRESSIVE in remote.exchange_mode,
        allow_short_key=remote.allow_short_key,
        versions=remote.ike_version,
        ppk=remote.ppk is not Ppk.OFF and 2 in remote.ike_version,
        tls=config.signs_in_eap(remote),
    )
