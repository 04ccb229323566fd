"""A configuration made ready for use: settings, the core's policy, and the engines that hold no part of the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lotor import config
from lotor.config import Checked, ConfigError, Problem, RemoteSettings, Settings, render
from lotor.daemon.engines import hooks_of, logins_of
from lotor.files.problems import Problem as KeyProblem
from lotor.files.problems import Severity
from lotor.hosts import sysctl
from lotor.keys import LocalSigner, RemoteKeys
from lotor.keys.keyring import Keyring
from lotor.model.configuration import ModeConfiguration
from lotor.model.judgement import Credential
from lotor.model.policy import ExchangeMode, Policy, RemotePolicy, Side
from lotor.ports.auth import LoginBackend
from lotor.ports.hooks import Hooks
from lotor.ports.signer import Signer
from lotor.ports.trust import Trust
from lotor.trust import LocalTrust, RemoteTrust, TrustStore
from lotor.warden.banner import read_banner


@dataclass(frozen=True, slots=True)
class Loadout:
    """Replaced whole by a reload. `signer` and `trust` give the ports, which work in the threads of an executor:
    nothing else here leads to a private key. `warnings` are ready to be read; `template` is what every client is told,
    but for its address; None without mode_cfg."""

    settings: Settings
    policy: Policy
    signer: Callable[[Executor], Signer]
    trust: Callable[[Executor], Trust]
    logins: LoginBackend
    hooks: Hooks
    template: ModeConfiguration | None
    warnings: tuple[str, ...] = ()

    def serves_as(self, side: Side) -> bool:
        return any(remote.side is side for remote in self.policy.remotes)


def load(path: Path) -> Loadout:
    """Raises `ConfigError` with everything that is wrong with the file and with the files that it names."""
    found = config.examine(path)
    checked = found.checked
    if checked is None:
        raise ConfigError(found.sorted())
    if checked.problems:
        raise ConfigError(found.sorted(_faults(checked.settings, _hold(checked))))
    return _ready(checked, (render(warning, "warning") for warning in found.warnings))


def prepare(settings: Settings) -> Loadout:
    """The same for settings that no file says."""
    checked = config.check(settings)
    if checked.problems:
        raise ConfigError(checked.problems)
    return _ready(checked, ())


def _ready(checked: Checked, warnings: Iterable[str]) -> Loadout:
    settings, held = checked.settings, _hold(checked)
    if errors := _faults(settings, held):
        raise ConfigError(errors)
    policy = config.resolve(checked, held.credentials)
    own = [f"remote {each.remote}: {each.text}" for each in held.problems if each.severity is Severity.WARNING]
    if not sysctl.takes_ipv6("default") and any(map(_asks_for_ipv6, policy.remotes)):
        policy = replace(policy, remotes=tuple(replace(each, mode_cfg6=False) for each in policy.remotes))
        own.append("this host has IPv6 switched off: its client asks for IPv4 only, as with mode_cfg6 off")
    return Loadout(
        settings,
        policy,
        held.signer,
        held.trust,
        logins_of(settings.mode_cfg),
        hooks_of(settings.remotes),
        _template(settings),
        (*warnings, *own),
    )


def _asks_for_ipv6(remote: RemotePolicy) -> bool:
    return remote.side is Side.CLIENT and remote.mode_cfg and remote.mode_cfg6


@dataclass(frozen=True, slots=True)
class Held:
    """What the signer and the judge loaded for the blocks of a configuration, by the name of the block. The policy is
    made with `credentials` alone."""

    credentials: Mapping[str, Credential]
    problems: tuple[KeyProblem, ...]
    signer: Callable[[Executor], Signer]
    trust: Callable[[Executor], Trust]


def _hold(checked: Checked) -> Held:
    """Of the blocks that nothing is wrong with, which are all where nothing was found."""
    psk, blocks = checked.settings.paths.pre_shared_key, checked.sound
    keyring = Keyring([_keys_of(checked, each) for each in blocks], psk.path if psk else None)
    store = TrustStore(_trust_of(checked, each) for each in blocks)
    credentials = {
        each.name: replace(keyring.credential(each.name), authority_names=store.authority_names(each.name))
        for each in blocks
    }
    problems = (*keyring.problems, *store.problems)
    return Held(credentials, problems, partial(LocalSigner, keyring), partial(LocalTrust, store))


def _faults(settings: Settings, held: Held) -> list[Problem]:
    """Nothing should start while there are any."""
    errors = [each for each in held.problems if each.severity is Severity.ERROR]
    return [_problem(settings, each.remote, each.text) for each in errors]


def _keys_of(checked: Checked, remote: RemoteSettings) -> RemoteKeys:
    files = remote.certificate
    return RemoteKeys(
        name=remote.name,
        certificate=files.certificate.path if files else None,
        private_key=files.key.path if files else None,
        passphrase=remote.passphrase_file.path if remote.passphrase_file else None,
        signs=config.signs(remote),
        ecdsa=config.uses_ecdsa(remote),
        side=config.side_of(remote) or Side.CLIENT,
        shared_key=any(config.key_methods(remote)),
        peers_identifiers=config.identity_patterns(remote, checked),
        verify_identifier=remote.verify_identifier,
        login=remote.xauth_login,
        aggressive=ExchangeMode.AGGRESSIVE in remote.exchange_mode,
        allow_short_key=remote.allow_short_key,
    )


def _trust_of(checked: Checked, remote: RemoteSettings) -> RemoteTrust:
    directory = checked.settings.paths.certificate
    return RemoteTrust(
        name=remote.name,
        judges=config.judges(remote),
        side=config.side_of(remote) or Side.CLIENT,
        ecdsa=config.uses_ecdsa(remote),
        ca=(remote.ca.path,) if remote.ca else (),
        certificate_directory=directory.path if directory else None,
        peers_certfile=remote.peers_certfile.path if remote.peers_certfile else None,
        peers_identifiers=config.identity_patterns(remote, checked),
        verify_identifier=remote.verify_identifier,
        verify_cert=remote.verify_cert,
        address=remote.address,
        crl=tuple(file.path for file in remote.crl),
        crl_policy=remote.crl_policy,
    )


def _problem(settings: Settings, remote: str, text: str) -> Problem:
    """A fault of the keys at the head of its remote block."""
    place = next(each.places.head for each in settings.remotes if each.name == remote)
    return Problem.at(place, text)


def _template(settings: Settings) -> ModeConfiguration | None:
    """The banner file is read here, once: what clients are told changes by a reload."""
    mode_cfg = settings.mode_cfg
    if mode_cfg is None:
        return None
    told = config.mode_configuration(mode_cfg)
    return replace(told, banner=read_banner(mode_cfg.banner.path)) if mode_cfg.banner else told
