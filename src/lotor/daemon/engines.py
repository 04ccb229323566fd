"""Engines made from settings: who judges logins, which scripts run, and the TUN device."""

from __future__ import annotations

import errno
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from lotor.auth import Checks, LocalLogins, Membership, Proofs, SystemLogins, Throttle, UserFile, everybody
from lotor.config.settings import AuthSource, ModeCfg, RemoteSettings
from lotor.daemon.exits import Exit, StartError
from lotor.hooks.scripts import ScriptHooks
from lotor.model.login import LoginAttempt, Refused, Verdict
from lotor.model.policy import Policy
from lotor.model.reasons.logins import NobodyLogsIn
from lotor.ports.auth import LoginBackend
from lotor.ports.esp import Capabilities
from lotor.ports.hooks import HookEvent
from lotor.ports.interface import TunDevice, Tunnels


class NoLogins:
    """For a pure client: nobody logs in here."""

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        return Refused(NobodyLogsIn(attempt.user))

    async def abandon(self, conversation: bytes) -> None:
        """There is none."""


def logins_of(mode_cfg: ModeCfg | None) -> LoginBackend:
    """The back end that `auth_source` names, slowed down against guessing."""
    if mode_cfg is None:
        return NoLogins()
    member = Membership(mode_cfg.auth_groups) if mode_cfg.auth_groups else everybody
    checks = Checks(proofs=Proofs(mode_cfg.auth_remember))
    backend: LoginBackend
    match mode_cfg.auth_source:
        case AuthSource.SYSTEM:
            backend = SystemLogins(checks=checks, member=member)
        case AuthSource.LOCAL:
            backend = LocalLogins(UserFile(mode_cfg.users.path), checks, member)
        case _:
            return NoLogins()  # `config.check` refuses these; a client's file may still name them
    return Throttle(backend, mode_cfg.auth_throttle, checks=checks)


def succeed(logins: LoginBackend, former: LoginBackend) -> None:
    """Who was slowed down before a reload is so after it, and who was proved need not be hashed again."""
    if isinstance(logins, Throttle):
        logins.succeed(former)


def hooks_of(remotes: tuple[RemoteSettings, ...]) -> ScriptHooks:
    scripts: dict[tuple[str, HookEvent], Path] = {}
    for remote in remotes:
        for script in remote.scripts:
            scripts[(remote.name, HookEvent(script.event))] = script.file.path
    return ScriptHooks(scripts)


async def tun_device(tunnels: Tunnels, held: AsyncExitStack) -> TunDevice:
    """A TUN device that goes when `held` lets go; `StartError` when there can be none."""
    try:
        tun = await tunnels.open()
    except OSError as error:
        code = Exit.NOT_ROOT if error.errno == errno.EPERM else Exit.NO_DEVICE
        raise StartError(error.strerror or str(error), code) from error
    held.callback(tun.close)
    return tun


def carried(policy: Policy, capabilities: Capabilities) -> Policy:
    """The policy without what this engine cannot do."""
    compression = tuple(each for each in policy.child.compression if each in capabilities.compressions)
    return replace(policy, child=replace(policy.child, compression=compression))
