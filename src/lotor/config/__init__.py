"""The configuration: racoon.conf from text to frozen settings (`load`), and from settings to the policy of the core
(`check`, `resolve`).

Nothing here opens a key or a socket; of files that the configuration names only their presence and readability is
checked.
"""

from __future__ import annotations

from lotor.config.check import Checked, check
from lotor.config.giving_check import gives_addresses
from lotor.config.load import Examined, examine, load, loads
from lotor.config.methods import (
    asks_pam,
    has_scripts,
    is_gateway,
    judges,
    key_by_ecdsa,
    key_methods,
    shares_key,
    side_of,
    signs,
    signs_in_eap,
    uses_ecdsa,
)
from lotor.config.network import problems as network_problems
from lotor.config.problem import ConfigError, Location, Problem, render
from lotor.config.resolve import group_configuration, identity_patterns, mode_configuration, resolve, second_version
from lotor.config.roadwarrior import Typed, in_main_mode, roadwarrior
from lotor.config.settings import FileName, Loaded, ModeCfg, RemoteSettings, Settings

__all__ = [
    "Checked",
    "ConfigError",
    "Examined",
    "FileName",
    "Loaded",
    "Location",
    "ModeCfg",
    "Problem",
    "RemoteSettings",
    "Settings",
    "Typed",
    "asks_pam",
    "check",
    "examine",
    "gives_addresses",
    "group_configuration",
    "has_scripts",
    "identity_patterns",
    "in_main_mode",
    "is_gateway",
    "judges",
    "key_by_ecdsa",
    "key_methods",
    "load",
    "loads",
    "mode_configuration",
    "network_problems",
    "render",
    "resolve",
    "roadwarrior",
    "second_version",
    "shares_key",
    "side_of",
    "signs",
    "signs_in_eap",
    "uses_ecdsa",
]
