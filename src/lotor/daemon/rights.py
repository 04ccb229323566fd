"""What a caller of the administrator's socket may see and do.

A user who can reach the socket runs the VPN of this host; on a gateway the sessions of other people are for root alone.
"""

from __future__ import annotations

import grp
import os
import pwd

from lotor.config.settings import AuthSource, Settings
from lotor.control.service import Credential
from lotor.daemon.active_config import ActiveConfig
from lotor.model.frozen import frozen
from lotor.model.policy import Side

OTHERS = "only root and the members of admin_group may do that on a gateway"


@frozen
class Rights:
    """`all`: an administrator, or a host that is no gateway. `login`: under which name the caller logs in at this
    gateway; None where people who log in have no accounts here, or may have none: PAM can ask a directory of others."""

    all: bool
    login: str | None = None

    def concern(self, side: Side, user: str) -> bool:
        """Whether a session is the caller's business: the tunnels of this host are, and the own ones at a gateway."""
        return self.all or side is Side.CLIENT or (self.login is not None and user == self.login)


def rights_of(caller: Credential, active: ActiveConfig, *, serving: bool = False, owner: int | None = None) -> Rights:
    """As the present configuration has it; `serving`: somebody is connected since an earlier one. `owner`: the
    user who runs this program, beside root; None where that is the user of this process."""
    own = os.geteuid() if owner is None else owner
    if not (serving or active.serves_as(Side.GATEWAY)) or _administers(caller, active.settings, own):
        return Rights(all=True)
    mode_cfg = active.settings.mode_cfg
    accounts = mode_cfg is not None and mode_cfg.auth_source is AuthSource.SYSTEM
    return Rights(all=False, login=_name(caller.uid) if accounts else None)


def _administers(caller: Credential, settings: Settings, owner: int) -> bool:
    if caller.uid in (0, owner):
        return True
    group = settings.listen.admin_group
    try:
        return group is not None and grp.getgrnam(group).gr_gid in caller.groups
    except KeyError:  # the group was removed while the daemon ran
        return False


def _name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
