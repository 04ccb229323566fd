"""The back end of logins, made of the settings of a configuration."""

from __future__ import annotations

from pathlib import Path

from lotor.auth import (
    Beat,
    Checks,
    LocalLogins,
    Membership,
    NoBeat,
    OnBeat,
    Proofs,
    SteadyBeat,
    SystemLogins,
    Throttle,
    UserFile,
    everybody,
)
from lotor.auth.current import NoLogins
from lotor.auth.grouped import GroupedLogins, judge_of
from lotor.auth.housed import Housed
from lotor.auth.ikev1 import Ikev1Days, Until
from lotor.auth.nt_keys import NtKeys
from lotor.auth.pam import PamLogins
from lotor.auth.second import SecondFactors
from lotor.config.day import day_of
from lotor.config.settings import AuthSource, GroupSource, ModeCfg
from lotor.model.back_end import BackEnd
from lotor.ports.auth import LoginBackend
from lotor.ports.back_ends import BackEnds
from lotor.warden.admitting import groups_of
from lotor.warden.back_ends import BackEndLogins
from lotor.warden.shared_logins import SharedLogins


def logins_of(
    mode_cfg: ModeCfg | None,
    back_ends: BackEnds,
    housed: Housed,
    shared: SharedLogins | None = None,
    fleet_key: Path | None = None,
) -> LoginBackend:
    """The back end that `auth_source` names, slowed down against guessing. `back_ends`: where RADIUS and LDAP live.
    `housed`: who has a session, which may be renewed. `shared`: with the other gateways of a fleet, whose key is in the
    file `fleet_key`."""
    if mode_cfg is None:
        return NoLogins()
    by_host = mode_cfg.group_source is GroupSource.SYSTEM
    member = Membership(mode_cfg.auth_groups) if mode_cfg.auth_groups and by_host else everybody
    checks = Checks(proofs=Proofs(mode_cfg.auth_remember))
    backend: LoginBackend
    match mode_cfg.auth_source:
        case AuthSource.SYSTEM:
            backend = SystemLogins(checks=checks, member=member)
        case AuthSource.LOCAL:
            elsewhere = shared.codes if shared is not None else None
            second = SecondFactors(remember=mode_cfg.auth_remember, housed=housed, elsewhere=elsewhere)
            path = mode_cfg.users.path
            backend = LocalLogins(UserFile(path, nt_keys=NtKeys.beside(path, fleet_key)), checks, second=second)
        case AuthSource.PAM:
            backend = PamLogins(mode_cfg.pam_service, member)
        case AuthSource.RADIUS | AuthSource.LDAP:
            asking = BackEndLogins(back_ends, BackEnd(mode_cfg.auth_source.value))
            backend = OnBeat(_grouped(asking, mode_cfg, back_ends, NoBeat()), SteadyBeat())
    if not isinstance(backend, OnBeat):
        backend = _grouped(backend, mode_cfg, back_ends, Beat())
    bans = shared.bans(mode_cfg.auth_throttle) if shared is not None else None
    return Throttle(_dated(backend, mode_cfg), mode_cfg.auth_throttle, checks=checks, bans=bans)


def _grouped(backend: LoginBackend, mode_cfg: ModeCfg, back_ends: BackEnds, beat: Beat) -> LoginBackend:
    """With the groups of `group_source`. Accounts of this host, which come with no groups, have been asked for those of
    the host already."""
    allowed, asked = mode_cfg.auth_groups, mode_cfg.auth_source in {AuthSource.SYSTEM, AuthSource.PAM}
    match mode_cfg.group_source:
        case GroupSource.SYSTEM:
            if asked or not allowed:
                return backend
            return GroupedLogins(backend, allowed, member=Membership(allowed), beat=beat)
        case GroupSource.LDAP if mode_cfg.auth_source is not AuthSource.LDAP:
            return GroupedLogins(backend, allowed, back_ends.groups, beat=beat)
    return GroupedLogins(backend, allowed, beat=beat) if allowed else backend


def until_of(mode_cfg: ModeCfg, users: LocalLogins | None = None) -> Until:
    """The last days of IKEv1. `users`: lotor's own, who may have days of their own."""
    groups = tuple((each.name, day_of(each.ikev1_until or "")) for each in mode_cfg.groups)
    named = groups_of() if mode_cfg.group_source is GroupSource.SYSTEM else None
    return Until(day_of(mode_cfg.ikev1_until), groups, named, users.ikev1_until if users is not None else None)


def _dated(backend: LoginBackend, mode_cfg: ModeCfg) -> LoginBackend:
    """With the last days of IKEv1, where there can be any."""
    judge = judge_of(backend)
    until = until_of(mode_cfg, judge if isinstance(judge, LocalLogins) else None)
    return Ikev1Days(backend, until) if until.any else backend
