"""What a configuration wants of back ends on other hosts, with their secrets: what the process gets in which they
live."""

from __future__ import annotations

from dataclasses import dataclass

from lotor.config.methods import is_gateway
from lotor.config.provision import bare_of
from lotor.config.settings import (
    Accounting,
    AuthSource,
    ConfSource,
    GroupSource,
    Ldap,
    LogForm,
    ModeCfg,
    Radius,
    Settings,
)
from lotor.model.back_end import BackEnd


@dataclass(frozen=True, slots=True)
class BackEndSettings:
    """`logins`: who judges them, and `addresses`: who has those of users; None: neither. `groups` and `accounts`:
    whether group_source names LDAP, and accounting RADIUS. `level` of the log, as the `log` directive names it,
    and its `form`."""

    logins: BackEnd | None
    addresses: BackEnd | None
    groups: bool
    accounts: bool
    radius: Radius | None
    ldap: Ldap | None
    level: str
    form: LogForm

    @property
    def serves(self) -> tuple[str, ...]:
        """In words, for a person."""
        told = (f"logins by {_name(self.logins)}",) if self.logins is not None else ()
        heard = self.radius is not None and bool(self.radius.dynamic_clients)
        told = (*told, *(("groups by LDAP",) * self.groups), *(("accounts by RADIUS",) * self.accounts))
        return (*told, *(("orders of RADIUS servers",) * heard))


def back_ends_of(settings: Settings) -> BackEndSettings | None:
    """None where nothing of the configuration is asked of RADIUS or LDAP; a client asks nobody."""
    mode_cfg = settings.mode_cfg
    if mode_cfg is None or not is_gateway(settings) or not (used := _used(mode_cfg, settings.radius)):
        return None
    return BackEndSettings(
        logins=_LOGINS.get(mode_cfg.auth_source),
        addresses=_ADDRESSES.get(mode_cfg.conf_source),
        groups=mode_cfg.group_source is GroupSource.LDAP,
        accounts=mode_cfg.accounting is Accounting.RADIUS,
        radius=bare_of(settings.radius) if BackEnd.RADIUS in used else None,
        ldap=bare_of(settings.ldap) if BackEnd.LDAP in used else None,
        level=settings.log.value,
        form=settings.log_format,
    )


def _used(mode_cfg: ModeCfg, radius: Radius | None) -> frozenset[BackEnd]:
    named = (
        _LOGINS.get(mode_cfg.auth_source),
        _ADDRESSES.get(mode_cfg.conf_source),
        BackEnd.LDAP if mode_cfg.group_source is GroupSource.LDAP else None,
        BackEnd.RADIUS if mode_cfg.accounting is Accounting.RADIUS else None,
        BackEnd.RADIUS if radius is not None and radius.dynamic_clients else None,
    )
    return frozenset(each for each in named if each is not None)


_LOGINS = {AuthSource.RADIUS: BackEnd.RADIUS, AuthSource.LDAP: BackEnd.LDAP}
_ADDRESSES = {ConfSource.RADIUS: BackEnd.RADIUS, ConfSource.LDAP: BackEnd.LDAP}
_NAMES = {BackEnd.RADIUS: "RADIUS", BackEnd.LDAP: "LDAP"}


def _name(back_end: BackEnd) -> str:
    return _NAMES[back_end]
