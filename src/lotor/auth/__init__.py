"""Engines that judge a login, and what stands around them: back-off against guessing, groups."""

from lotor.auth.accounts import SystemFiles
from lotor.auth.beat import Beat, NoBeat, OnBeat, SteadyBeat
from lotor.auth.checks import Checks
from lotor.auth.clock import Clock
from lotor.auth.groups import Membership, everybody
from lotor.auth.local import LocalLogins
from lotor.auth.proofs import Proofs
from lotor.auth.system import SystemLogins
from lotor.auth.throttle import Throttle
from lotor.auth.userlines import LocalUser
from lotor.auth.users import UserError, UserFile

__all__ = [
    "Beat",
    "Checks",
    "Clock",
    "LocalLogins",
    "LocalUser",
    "Membership",
    "NoBeat",
    "OnBeat",
    "Proofs",
    "SteadyBeat",
    "SystemFiles",
    "SystemLogins",
    "Throttle",
    "UserError",
    "UserFile",
    "everybody",
]
