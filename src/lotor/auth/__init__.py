"""Engines that judge a login, and what stands around them: back-off against guessing, groups."""

from lotor.auth.accounts import SystemFiles
from lotor.auth.groups import SystemGroups
from lotor.auth.local import LocalLogins
from lotor.auth.system import SystemLogins
from lotor.auth.throttle import Clock, Throttle
from lotor.auth.users import LocalUser, UserError, UserFile

__all__ = [
    "Clock",
    "LocalLogins",
    "LocalUser",
    "SystemFiles",
    "SystemGroups",
    "SystemLogins",
    "Throttle",
    "UserError",
    "UserFile",
]
