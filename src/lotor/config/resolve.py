"""Settings to the policy that the core obeys."""

from __future__ import annotations

from collections.abc import Mapping

from lotor.config.settings import Credential, ModeCfg, RemoteSettings, Settings
from lotor.model.configuration import ModeConfiguration
from lotor.model.identity import IdentityPattern
from lotor.model.policy import Policy, Side


def resolve(settings: Settings, credentials: Mapping[str, Credential]) -> Policy:
    """`credentials` by the name of the remote block. Raises `ConfigError` with everything that `check` finds too."""
    raise NotImplementedError(settings, credentials)


def side_of(remote: RemoteSettings) -> Side | None:
    """Gateway or client, from the authentication methods; None when they name neither or both."""
    raise NotImplementedError(remote)


def identity_patterns(remote: RemoteSettings) -> tuple[IdentityPattern, ...]:
    """The `peers_identifier` lines as the keys compare them. Raises `ConfigError` for an unreadable keyid file."""
    raise NotImplementedError(remote)


def mode_configuration(mode_cfg: ModeCfg) -> ModeConfiguration:
    """What every client gets: all but the address (0.0.0.0 here) and the banner, which is read at each request."""
    raise NotImplementedError(mode_cfg)
